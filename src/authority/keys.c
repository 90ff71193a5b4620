#include "authority/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "authority/keyfile.h"
#include "authority/token.h"
#include "os/file.h"
#include "pki/crypto.h"

#define PEM_MAX ((size_t)64 * 1024)
#define LABEL_MAX 80

OWNER(char, free);

static void
path_of(const struct keys *keys, const char *name, char path[KEYS_PATH_MAX])
{
	(void)snprintf(path, KEYS_PATH_MAX, "%s/%s.key", keys->folder, name);
}

bool
keys_has(const struct keys *keys, const char *name)
{
	char path[KEYS_PATH_MAX];

	path_of(keys, name, path);
	return access(path, F_OK) == 0;
}

/* --- new keys */

static enum rc
make_file(const struct keys *keys, const char *path, const char *curve,
    struct signer **ret, struct err *err)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = NULL;
	struct buf pem BUF_OWNED = BUF(PEM_MAX);

	TRY(keyfile_make(curve, &key, err));
	TRY(keyfile_print(key, keys->passphrase,
	    keys->rounds > 0 ? keys->rounds : KEYFILE_ROUNDS, &pem, err));
	TRY(file_save(path, buf_span(&pem), 0600, err));
	return signer_key(key, ret, err);
}

/* The key is in the token before its name is in the folder: what is named is
 * there, always. */
static enum rc
make_token(const struct keys *keys, const char *path, const char *name,
    const char *curve, struct signer **ret, struct err *err)
{
	struct buf uri BUF_OWNED = BUF(PEM_MAX), line BUF_OWNED = BUF(PEM_MAX);
	char label[LABEL_MAX];
	const char *text = NULL;

	(void)snprintf(label, sizeof(label), "letterlock-%s", name);
	TRY(token_key_make(keys->token, keys->pin, label, curve, &uri, err));
	TRY(buf_str(&uri, &text, err));
	TRY(buf_add_format(&line, err, "%s\n", text));
	TRY(file_save(path, buf_span(&line), 0600, err));
	return signer_token(text, keys->pin, ret, err);
}

enum rc
keys_make(const struct keys *keys, const char *name, const char *curve,
    struct signer **ret, struct err *err)
{
	char path[KEYS_PATH_MAX];

	path_of(keys, name, path);
	if (keys_has(keys, name))
		return err_set(
		    err, RC_REFUSED, "%s exists: no key is overwritten", path);
	if (keys->token != NULL)
		return make_token(keys, path, name, curve, ret, err);
	return make_file(keys, path, curve, ret, err);
}

/* --- keys that are there */

static enum rc
load_token(const struct keys *keys, struct span text, struct signer **ret,
    struct err *err)
{
	ptrdiff_t end = span_find_byte(text, '\n');
	char *uri OWNED(free) = NULL;

	TRY(span_dup(
	    end >= 0 ? span_first(text, (size_t)end) : text, &uri, err));
	return signer_token(uri, keys->pin, ret, err);
}

static enum rc
load_file(const struct keys *keys, struct span text, struct signer **ret,
    struct err *err)
{
	if (keys->passphrase.len == 0)
		return err_set(err, RC_ABSENT,
		    "its passphrase was not given: name a passphrase_file in "
		    "the settings, or give the systemd credential "
		    "authority-passphrase");
	return signer_file(text, keys->passphrase, ret, err);
}

enum rc
keys_load(const struct keys *keys, const char *name, struct signer **ret,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF(PEM_MAX);
	char path[KEYS_PATH_MAX];

	path_of(keys, name, path);
	TRY(file_read(path, &text, err));
	enum rc rc = span_starts(buf_span(&text), TOKEN_SCHEME)
			 ? load_token(keys, buf_span(&text), ret, err)
			 : load_file(keys, buf_span(&text), ret, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", path);
}

/* --- what opens them */

void
keys_secrets_done(struct keys_secrets *secrets)
{
	buf_done(&secrets->passphrase);
	buf_done(&secrets->pin);
}

enum rc
keys_open(const char *folder, const struct settings *settings,
    struct keys_secrets *secrets, struct keys *ret, struct err *err)
{
	secrets->passphrase = BUF_SECRET(KEYFILE_PASSPHRASE_MAX);
	secrets->pin = BUF_SECRET(TOKEN_PIN_MAX);
	enum rc rc = keyfile_passphrase(
	    settings->passphrase_file, &secrets->passphrase, err);
	/* a file that was named must be there */
	bool may_lack =
	    settings->pkcs11 != NULL && settings->passphrase_file == NULL;
	if (rc != RC_OK && (rc != RC_ABSENT || !may_lack))
		return rc;
	if (settings->pkcs11 != NULL)
		TRY(keyfile_pin(settings->pin_file, &secrets->pin, err));
	*ret = (struct keys){.folder = folder,
	    .passphrase = buf_span(&secrets->passphrase),
	    .token = settings->pkcs11,
	    .pin = buf_span(&secrets->pin)};
	return RC_OK;
}
