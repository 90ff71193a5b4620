#include "authority/hierarchy.h"

#include <stdio.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "authority/keyfile.h"
#include "authority/profile.h"
#include "os/file.h"
#include "pki/crypto.h"

#define PEM_MAX ((size_t)64 * 1024)
#define PATH_LEN_MAX 4096

enum place { ROOT, ISSUING, TSA_CA, TSA, PLACES };

/* In the order in which they are made: an issuer comes first. */
static const struct {
	const char *file;
	const char *title;
	const char *curve;
	enum profile_kind kind;
	enum place issuer;
} places[PLACES] = {
    [ROOT] = {"root", "Root CA", "P-384", PROFILE_ROOT, ROOT},
    [ISSUING] = {"issuing", "Mail CA 1", "P-256", PROFILE_MAIL_CA, ROOT},
    [TSA_CA] = {"tsa-ca", "Timestamping CA 1", "P-256", PROFILE_TSA_CA, ROOT},
    [TSA] = {"tsa", "Timestamping Service 1", "P-256", PROFILE_TSA, TSA_CA},
};

struct made {
	X509 *cert[PLACES];
	EVP_PKEY *key[PLACES];
};

static void
made_done(struct made *made)
{
	for (size_t i = 0; i < PLACES; i++) {
		X509_free(made->cert[i]);
		EVP_PKEY_free(made->key[i]);
	}
}

#define MADE_OWNED __attribute__((cleanup(made_done)))

enum rc
hierarchy_print(X509 *cert, struct buf *pem, struct err *err)
{
	BIO *out OWNED(BIO_free_all) = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	if (out == NULL || !PEM_write_bio_X509(out, cert))
		return crypto_failed(err, "print a certificate");
	long len = BIO_get_mem_data(out, &bytes);
	return buf_add(pem, span_of(bytes, (size_t)len), err);
}

enum rc
hierarchy_der(const X509 *cert, struct buf *der, struct err *err)
{
	uint8_t *room = NULL;
	int len = i2d_X509(cert, NULL);

	if (len <= 0)
		return crypto_failed(err, "encode a certificate");
	TRY(buf_reserve(der, (size_t)len, &room, err));
	buf_grown(der, (size_t)i2d_X509(cert, &room));
	return RC_OK;
}

static void
path_of(const char *folder, const char *file, const char *end,
    char path[PATH_LEN_MAX])
{
	(void)snprintf(path, PATH_LEN_MAX, "%s/%s%s", folder, file, end);
}

static enum rc
refuse_existing(const char *folder, struct err *err)
{
	static const char *const ends[] = {".pem", ".key"};
	char path[PATH_LEN_MAX];

	path_of(folder, SETTINGS_FILE, "", path);
	bool found = access(path, F_OK) == 0;
	for (size_t i = 0; !found && i < (size_t)PLACES * 2; i++) {
		path_of(folder, places[i / 2].file, ends[i % 2], path);
		found = access(path, F_OK) == 0;
	}
	if (found)
		return err_set(err, RC_REFUSED,
		    "%s exists: an authority is not overwritten; name another "
		    "folder, or move this one away",
		    path);
	return RC_OK;
}

static enum rc
make_all(
    const char *organization, int64_t now, struct made *made, struct err *err)
{
	for (size_t i = 0; i < PLACES; i++) {
		TRY(keyfile_make(places[i].curve, &made->key[i], err));
		struct profile_order order = {.kind = places[i].kind,
		    .public_key = made->key[i],
		    .name = places[i].title,
		    .organization = organization,
		    .now = now};
		struct profile_issuer issuer = {
		    .cert = made->cert[places[i].issuer],
		    .key = made->key[places[i].issuer]};
		TRY(profile_issue(&order, &issuer, &made->cert[i], err));
	}
	return RC_OK;
}

static enum rc
save(const char *folder, size_t i, const struct made *made,
    struct span passphrase, struct err *err)
{
	struct buf cert BUF_OWNED = BUF(PEM_MAX);
	struct buf key BUF_OWNED = BUF(PEM_MAX);
	char path[PATH_LEN_MAX];

	TRY(keyfile_print(made->key[i], passphrase, &key, err));
	path_of(folder, places[i].file, ".key", path);
	TRY(file_save(path, buf_span(&key), 0600, err));
	TRY(hierarchy_print(made->cert[i], &cert, err));
	path_of(folder, places[i].file, ".pem", path);
	return file_save(path, buf_span(&cert), 0644, err);
}

enum rc
hierarchy_found(const char *folder, const struct settings *settings,
    struct span passphrase, int64_t now, struct err *err)
{
	struct made made MADE_OWNED = {0};
	struct buf json BUF_OWNED = BUF_SMALL;
	char path[PATH_LEN_MAX];

	TRY(settings_check(settings, err));
	TRY(refuse_existing(folder, err));
	TRY(make_all(settings->domain, now, &made, err));
	TRY(settings_print(settings, &json, err));
	TRY(file_make_private_dir(folder, err));
	for (size_t i = 0; i < PLACES; i++)
		TRY(save(folder, i, &made, passphrase, err));
	path_of(folder, SETTINGS_FILE, "", path);
	return file_save(path, buf_span(&json), 0600, err);
}

void
hierarchy_done(struct hierarchy *hierarchy)
{
	X509_free(hierarchy->root);
	X509_free(hierarchy->issuing);
	X509_free(hierarchy->tsa_ca);
	X509_free(hierarchy->tsa);
	EVP_PKEY_free(hierarchy->issuing_key);
	EVP_PKEY_free(hierarchy->tsa_key);
	*hierarchy = (struct hierarchy){0};
}

static void
hand_on(struct hierarchy *from, struct hierarchy *to)
{
	*to = *from;
	*from = (struct hierarchy){0};
}

static enum rc
load_cert(const char *folder, enum place place, X509 **ret, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(PEM_MAX);
	char path[PATH_LEN_MAX];

	path_of(folder, places[place].file, ".pem", path);
	TRY(file_read(path, &pem, err));
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *cert =
	    in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	if (cert == NULL) {
		(void)crypto_failed(err, path);
		return err_set(err, RC_SYNTAX, "%s holds no certificate", path);
	}
	*ret = cert;
	return RC_OK;
}

static enum rc
load_key(const char *folder, enum place place, struct span passphrase,
    EVP_PKEY **ret, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(PEM_MAX);
	char path[PATH_LEN_MAX];

	path_of(folder, places[place].file, ".key", path);
	TRY(file_read(path, &pem, err));
	enum rc rc = keyfile_parse(buf_span(&pem), passphrase, ret, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", path);
}

static enum rc
check_pair(X509 *cert, EVP_PKEY *key, enum place place, struct err *err)
{
	if (X509_check_private_key(cert, key) == 1)
		return RC_OK;
	(void)crypto_failed(err, "key");
	return err_set(err, RC_UNFIT, "%s.key is not the key of %s.pem",
	    places[place].file, places[place].file);
}

enum rc
hierarchy_load(const char *folder, struct span passphrase,
    struct hierarchy *ret, struct err *err)
{
	struct hierarchy own HIERARCHY_OWNED = {0};

	TRY(load_cert(folder, ROOT, &own.root, err));
	TRY(load_cert(folder, ISSUING, &own.issuing, err));
	TRY(load_cert(folder, TSA_CA, &own.tsa_ca, err));
	TRY(load_cert(folder, TSA, &own.tsa, err));
	TRY(load_key(folder, ISSUING, passphrase, &own.issuing_key, err));
	TRY(load_key(folder, TSA, passphrase, &own.tsa_key, err));
	TRY(check_pair(own.issuing, own.issuing_key, ISSUING, err));
	TRY(check_pair(own.tsa, own.tsa_key, TSA, err));
	hand_on(&own, ret);
	return RC_OK;
}
