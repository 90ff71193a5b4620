#include "authority/keys.h"

#include <stdio.h>
#include <unistd.h>

#include "authority/keyfile.h"
#include "os/file.h"
#include "pki/crypto.h"

#define PEM_MAX ((size_t)64 * 1024)

static void
path_of(const struct keys *keys, const char *name, char path[KEYS_PATH_MAX])
{
	(void)snprintf(path, KEYS_PATH_MAX, "%s/%s.key", keys->folder, name);
}

enum rc
keys_make(const struct keys *keys, const char *name, const char *curve,
    struct signer **ret, struct err *err)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = NULL;
	struct buf pem BUF_OWNED = BUF(PEM_MAX);
	char path[KEYS_PATH_MAX];

	path_of(keys, name, path);
	if (access(path, F_OK) == 0)
		return err_set(
		    err, RC_REFUSED, "%s exists: no key is overwritten", path);
	TRY(keyfile_make(curve, &key, err));
	TRY(keyfile_print(key, keys->passphrase, &pem, err));
	TRY(file_save(path, buf_span(&pem), 0600, err));
	return signer_key(key, ret, err);
}

enum rc
keys_load(const struct keys *keys, const char *name, struct signer **ret,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF(PEM_MAX);
	char path[KEYS_PATH_MAX];

	path_of(keys, name, path);
	TRY(file_read(path, &text, err));
	enum rc rc = signer_file(buf_span(&text), keys->passphrase, ret, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", path);
}
