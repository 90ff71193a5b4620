/* Whatever the bytes: nothing is found, or servers that may be used. */
#include <stdint.h>
#include <stdlib.h>

#include "enrol/clientconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct discovery found = {0};

	if (clientconfig_parse(span_of(data, len), "al@a.test", &found, NULL) !=
	    RC_OK)
		return 0;
	if (found.imap.host[0] == '\0' || found.smtp.host[0] == '\0' ||
	    found.imap.port == 0 || found.smtp.port == 0 ||
	    found.imap.security == SMTP_PLAIN ||
	    found.smtp.security == SMTP_PLAIN || found.logins == 0)
		abort();
	return 0;
}
