#include "authority/keyfile.h"

#include <stdio.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "os/file.h"
#include "pki/crypto.h"

#define PATH_LEN_MAX 4096

/* What an unattended authority is given. */
struct given {
	const char *what;
	const char *option;
	const char *credential; /* of systemd */
	size_t least;           /* characters */
};

static const struct given passphrase_given = {"passphrase", "--passphrase-file",
    "authority-passphrase", KEYFILE_PASSPHRASE_MIN};
static const struct given pin_given = {
    "PIN", "--pin-file", "authority-pin", KEYFILE_PIN_MIN};

static enum rc
first_line(const struct given *given, struct span text, struct buf *out,
    struct err *err)
{
	ptrdiff_t end = span_find_byte(text, '\n');
	struct span line = end >= 0 ? span_first(text, (size_t)end) : text;

	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (line.len < given->least)
		return err_set(err, RC_UNFIT,
		    "the %s has less than %zu characters: put a longer one in "
		    "the first line of its file",
		    given->what, given->least);
	return buf_add(out, line, err);
}

static enum rc
read_given(const struct given *given, const char *path, struct buf *out,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(KEYFILE_PASSPHRASE_MAX);
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char credential[PATH_LEN_MAX];

	if (path == NULL && folder == NULL)
		return err_set(err, RC_ABSENT,
		    "no %s for the keys: name a %s, or give the systemd "
		    "credential %s",
		    given->what, given->option, given->credential);
	if (path == NULL) {
		(void)snprintf(credential, sizeof(credential), "%s/%s", folder,
		    given->credential);
		path = credential;
	}
	TRY(file_read(path, &text, err));
	return first_line(given, buf_span(&text), out, err);
}

enum rc
keyfile_passphrase(const char *path, struct buf *out, struct err *err)
{
	return read_given(&passphrase_given, path, out, err);
}

enum rc
keyfile_pin(const char *path, struct buf *out, struct err *err)
{
	return read_given(&pin_given, path, out, err);
}

enum rc
keyfile_make(const char *curve, EVP_PKEY **ret, struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	if (key == NULL)
		return crypto_failed(err, "make a key");
	*ret = key;
	return RC_OK;
}

static X509_SIG *
encrypt(const EVP_PKEY *key, struct span passphrase, int rounds)
{
	PKCS8_PRIV_KEY_INFO *clear OWNED(PKCS8_PRIV_KEY_INFO_free) =
	    EVP_PKEY2PKCS8(key);
	X509_ALGOR *how = PKCS5_pbe2_set_iv(
	    EVP_aes_256_cbc(), rounds, NULL, 0, NULL, NID_hmacWithSHA256);

	if (clear == NULL || how == NULL) {
		X509_ALGOR_free(how);
		return NULL;
	}
	X509_SIG *sealed = PKCS8_set0_pbe(
	    (const char *)passphrase.data, (int)passphrase.len, clear, how);
	if (sealed == NULL)
		X509_ALGOR_free(how);
	return sealed;
}

enum rc
keyfile_print(const EVP_PKEY *key, struct span passphrase, int rounds,
    struct buf *pem, struct err *err)
{
	X509_SIG *sealed OWNED(X509_SIG_free) =
	    encrypt(key, passphrase, rounds);
	BIO *out OWNED(BIO_free_all) = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	if (sealed == NULL || out == NULL || !PEM_write_bio_PKCS8(out, sealed))
		return crypto_failed(err, "encrypt a key");
	long len = BIO_get_mem_data(out, &bytes);
	return buf_add(pem, span_of(bytes, (size_t)len), err);
}

static int
give_passphrase(char *room, int size, int rwflag, void *context)
{
	const struct span *passphrase = context;

	if (passphrase->len > (size_t)size)
		return -1;
	memcpy(room, passphrase->data, passphrase->len);
	return (int)passphrase->len;
}

enum rc
keyfile_parse(
    struct span pem, struct span passphrase, EVP_PKEY **ret, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);

	if (in == NULL)
		return err_nomem(err, "key file");
	/* A key that lies open was not written by us: the file was replaced. */
	if (span_find(pem, span_str("-----BEGIN ENCRYPTED PRIVATE KEY-----")) <
	    0)
		return err_set(
		    err, RC_SYNTAX, "the key file holds no encrypted key");
	EVP_PKEY *key =
	    PEM_read_bio_PrivateKey(in, NULL, give_passphrase, &passphrase);
	if (key == NULL) {
		ERR_clear_error();
		return err_set(err, RC_REFUSED,
		    "the key cannot be decrypted: wrong passphrase?");
	}
	*ret = key;
	return RC_OK;
}
