/* The vault as bytes for the disk.
 *
 * Inside the wrapping: a version byte 1, then for each key its purpose ('s',
 * 'd' or 'b'), the length of the PKCS#8 in four bytes, and the PKCS#8. */
#include <openssl/err.h>

#include "pki/crypto.h"
#include "vault/vault_priv.h"

#define LABEL "vault"
#define VERSION 1
#define PLAIN_MAX ((size_t)8 << 20)

static const char purpose_letters[] = {
    [KEY_SIGN] = 's', [KEY_DECRYPT] = 'd', [KEY_BOTH] = 'b'};

static enum rc
add_length(struct buf *out, size_t len, struct err *err)
{
	const uint8_t bytes[] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16),
	    (uint8_t)(len >> 8), (uint8_t)len};

	return buf_add(out, span_of(bytes, sizeof(bytes)), err);
}

static enum rc
add_entry(const struct entry *entry, struct buf *out, struct err *err)
{
	PKCS8_PRIV_KEY_INFO *info OWNED(PKCS8_PRIV_KEY_INFO_free) =
	    EVP_PKEY2PKCS8(entry->private_key);
	unsigned char *der = NULL;
	int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	if (len <= 0)
		return crypto_failed(err, "vault: writing a key");
	enum rc rc = buf_add_byte(
	    out, (uint8_t)purpose_letters[entry->key.purpose], err);
	if (rc == RC_OK)
		rc = add_length(out, (size_t)len, err);
	if (rc == RC_OK)
		rc = buf_add(out, span_of(der, (size_t)len), err);
	OPENSSL_clear_free(der, (size_t)len);
	return rc;
}

enum rc
vault_save(const struct vault *vault, const struct wrap_key *wrap,
    struct buf *out, struct err *err)
{
	struct buf plain BUF_OWNED = BUF_SECRET(PLAIN_MAX);

	TRY(buf_add_byte(&plain, VERSION, err));
	for (size_t i = 0; i < vault->len; i++)
		TRY(add_entry(vault->entry[i], &plain, err));
	return wrap_encode(wrap, LABEL, buf_span(&plain), out, err);
}

static bool
read_purpose(uint8_t letter, enum key_purpose *ret)
{
	for (size_t i = 0; i < sizeof(purpose_letters); i++)
		if (purpose_letters[i] == (char)letter) {
			*ret = (enum key_purpose)i;
			return true;
		}
	return false;
}

/* The next key off `in`. */
static enum rc
load_entry(struct vault *vault, struct span *in, struct err *err)
{
	enum key_purpose purpose;
	const struct key *key;

	if (in->len < 5 || !read_purpose(in->data[0], &purpose))
		return err_set(err, RC_SYNTAX, "vault: damaged");
	size_t len = (size_t)in->data[1] << 24 | (size_t)in->data[2] << 16 |
		     (size_t)in->data[3] << 8 | in->data[4];
	*in = span_after(*in, 5);
	if (len > in->len)
		return err_set(err, RC_SYNTAX, "vault: cut off");
	const uint8_t *at = in->data;
	EVP_PKEY *made OWNED(EVP_PKEY_free) =
	    d2i_AutoPrivateKey(NULL, &at, (long)len);
	if (made == NULL || at != in->data + len)
		return crypto_failed(err, "vault: reading a key");
	*in = span_after(*in, len);
	return vault_add(vault, made, purpose, &key, err);
}

enum rc
vault_load(struct vault *vault, const struct wrap_key *wrap, struct span bytes,
    struct err *err)
{
	struct buf plain BUF_OWNED = BUF_SECRET(PLAIN_MAX);
	size_t before = vault->len;

	enum rc rc = wrap_decode(wrap, LABEL, bytes, &plain, err);
	if (rc != RC_OK)
		return err_prefix(err, rc, "vault");
	if (plain.len == 0 || plain.data[0] != VERSION)
		return err_set(err, RC_SYNTAX,
		    "vault: written by another version of the program");
	struct span in = span_after(buf_span(&plain), 1);
	while (rc == RC_OK && in.len > 0)
		rc = load_entry(vault, &in, err);
	if (rc != RC_OK)
		vault_cut(vault, before);
	return rc;
}
