/* libFuzzer: whatever a certificate request is, its reader stays in its
 * bounds, and grants one kind of certificate or none.
 *
 * The first byte says whether it is for a mailbox or for a host. */
#include "authority/request.h"

#include <stdlib.h>

#define ADDRESS "alice@alpha.test"
#define HOST "mail.alpha.test"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request REQUEST_OWNED = {0};

	if (size == 0)
		return 0;
	struct span der = span_of(data + 1, size - 1);
	bool host = data[0] % 2 == 1;
	enum rc rc = host ? request_check_host(der, HOST, &request, NULL)
			  : request_check(der, ADDRESS, &request, NULL);
	if (rc != RC_OK) {
		demand(request.public_key == NULL && request.key_info.len == 0);
		return 0;
	}
	demand(request.public_key != NULL || request.key_info.len > 0);
	demand(der.len <= REQUEST_MAX);
	demand(host == (request.kind == PROFILE_HOST));
	demand(host || request.kind == PROFILE_SIGNING ||
	       request.kind == PROFILE_ENCRYPTING ||
	       (request.kind == PROFILE_DUAL && request.public_key != NULL &&
		   EVP_PKEY_is_a(request.public_key, "RSA")));
	return 0;
}
