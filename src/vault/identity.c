#include "vault/identity.h"

#include <stdio.h>
#include <sys/stat.h>

#include "os/file.h"

#define FILE_MAX ((size_t)4 << 20)
#define FILES_MAX 1000

void
identity_file_done(struct identity_file *file)
{
	vault_free(file->vault);
	certs_done(&file->certs);
	certs_done(&file->chain);
	*file = IDENTITY_FILE_NONE;
}

static bool
is_folder(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static enum rc
load_file(const char *path, struct span passphrase, struct identity_file *file,
    struct err *err)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(FILE_MAX);

	TRY(file_read(path, &bytes, err));
	enum rc rc = vault_import(
	    file->vault, buf_span(&bytes), passphrase, &file->certs, err);
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s", path);
}

static enum rc
load_one_of(const char *folder, const char *name, struct span passphrase,
    struct identity_file *file, struct err *err)
{
	struct buf path BUF_OWNED = BUF(8192);
	const char *text;

	TRY(buf_add_format(&path, err, "%s/%s", folder, name));
	TRY(buf_str(&path, &text, err));
	if (is_folder(text))
		return RC_OK;
	enum rc rc = load_file(text, passphrase, file, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
load_folder(const char *path, struct span passphrase,
    struct identity_file *file, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(file_list(path, &names, err));
	if (names.len > FILES_MAX)
		return err_set(
		    err, RC_LIMIT, "%s: more than %d files", path, FILES_MAX);
	for (size_t i = 0; i < names.len; i++)
		TRY(load_one_of(path, names.item[i], passphrase, file, err));
	return RC_OK;
}

static bool
has_key(const struct identity_file *file, const struct cert *cert)
{
	const struct key *key;

	return vault_find(file->vault, cert, &key, NULL) == RC_OK;
}

static enum rc
find_chain(struct identity_file *file, struct err *err)
{
	const struct key *key;

	if (vault_get(file->vault, 0, &key, NULL) != RC_OK)
		return err_set(err, RC_ABSENT, "no private key in it");
	for (size_t i = 0; i < file->certs.len; i++)
		if (!has_key(file, file->certs.item[i]))
			TRY(certs_add(&file->chain, file->certs.item[i], err));
	return RC_OK;
}

enum rc
identity_load(const char *path, struct span passphrase,
    struct identity_file *ret, struct err *err)
{
	struct identity_file file IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;

	TRY(vault_new(&file.vault, err));
	TRY(is_folder(path) ? load_folder(path, passphrase, &file, err)
			    : load_file(path, passphrase, &file, err));
	enum rc rc = find_chain(&file, err);
	if (rc != RC_OK)
		return err_prefix(err, rc, "%s", path);
	*ret = file;
	file = IDENTITY_FILE_NONE;
	return RC_OK;
}

struct choice {
	enum key_purpose purpose;
	enum rc (*may)(const struct cert *cert, struct err *err);
	const char *what;
};

static bool
is_choice(const struct identity_file *file, const struct choice *choice,
    const struct cert *cert, const struct key **ret)
{
	return vault_find(file->vault, cert, ret, NULL) == RC_OK &&
	       ((*ret)->purpose == choice->purpose ||
		   (*ret)->purpose == KEY_BOTH) &&
	       choice->may(cert, NULL) == RC_OK;
}

static enum rc
choose(const struct identity_file *file, const struct choice *choice,
    int64_t now, struct identity *ret, struct err *err)
{
	struct identity best = {NULL, NULL, &file->chain};
	bool any = false;

	for (size_t i = 0; file->vault != NULL && i < file->certs.len; i++) {
		const struct cert *cert = file->certs.item[i];
		const struct key *key;
		if (!is_choice(file, choice, cert, &key))
			continue;
		any = true;
		if (cert_check_time(cert, now, err) != RC_OK ||
		    (best.cert != NULL &&
			cert_not_before(cert) <= cert_not_before(best.cert)))
			continue;
		best.cert = cert;
		best.key = key;
	}
	if (!any)
		return err_set(err, RC_ABSENT,
		    "no certificate to %s with, whose key is here",
		    choice->what);
	if (best.cert == NULL)
		return RC_UNFIT; /* cert_check_time() has said why */
	*ret = best;
	return RC_OK;
}

enum rc
identity_signer(const struct identity_file *file, int64_t now,
    struct identity *ret, struct err *err)
{
	static const struct choice choice = {KEY_SIGN, cert_can_sign, "sign"};

	return choose(file, &choice, now, ret, err);
}

enum rc
identity_receiver(const struct identity_file *file, int64_t now,
    const struct cert **ret, struct err *err)
{
	static const struct choice choice = {
	    KEY_DECRYPT, cert_can_receive, "encrypt"};
	struct identity found = {NULL, NULL, NULL};

	TRY(choose(file, &choice, now, &found, err));
	*ret = found.cert;
	return RC_OK;
}
