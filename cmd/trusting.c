#include "cmd/trusting.h"

#include <stdlib.h>

#include "cmd/support.h"
#include "os/file.h"

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

enum rc
trusting_read(const char *path, struct trust *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(trust_default.text);

	TRY(support_check_path(path, err));
	TRY(file_read(path, &text, err));
	enum rc rc = trust_parse(buf_span(&text), ret, err);
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s", path);
}

enum rc
trusting_add_public(int64_t now, struct certs *ret, struct err *err)
{
	struct certs system CERTS_OWNED = CERTS_NONE;
	const char *file = getenv(X509_get_default_cert_file_env());

	TRY(support_read_certs(
	    file != NULL && file[0] != '\0' ? file : SYSTEM_ROOTS, &system,
	    err));
	return trust_add_public(&system, now, ret, err);
}
