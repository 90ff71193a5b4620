/* The decrypting keys as a PKCS#12 that every mail program reads. */
#include <openssl/err.h>

#include "pki/crypto.h"
#include "vault/vault_priv.h"

#define ROUNDS 600000
#define PASSPHRASE_MAX 4096

static void
bags_free(STACK_OF(PKCS12_SAFEBAG) *bags)
{
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

static void
safes_free(STACK_OF(PKCS7) *safes)
{
	sk_PKCS7_pop_free(safes, PKCS7_free);
}

OWNER(STACK_OF(PKCS7), safes_free);

struct package {
	STACK_OF(PKCS12_SAFEBAG) *certs, *keys;
	const char *passphrase;
	size_t count;
};

static void
package_done(struct package *package)
{
	bags_free(package->certs);
	bags_free(package->keys);
}

static bool
belongs(const struct cert *cert, const EVP_PKEY *key)
{
	const EVP_PKEY *public_key = cert_key(cert);

	return public_key != NULL && EVP_PKEY_eq(public_key, key) == 1;
}

static enum rc
add_cert(struct package *package, const struct cert *cert, uint8_t id[32],
    struct err *err)
{
	PKCS12_SAFEBAG *bag = PKCS12_add_cert(&package->certs, cert_x509(cert));
	const char *name = cert_name(cert);

	if (bag == NULL || !PKCS12_add_localkeyid(bag, id, 32) ||
	    !PKCS12_add_friendlyname_utf8(bag, name, (int)strlen(name)))
		return crypto_failed(err, "PKCS#12: certificate");
	return RC_OK;
}

/* The public key's hash ties a key to its certificates. */
static enum rc
make_id(const EVP_PKEY *key, uint8_t ret[32], struct err *err)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	bool ok = len > 0 &&
		  EVP_Digest(der, (size_t)len, ret, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return ok ? RC_OK : crypto_failed(err, "PKCS#12: key");
}

static enum rc
add_entry(struct package *package, const struct entry *entry,
    const struct certs *certs, struct err *err)
{
	uint8_t id[32];

	TRY(make_id(entry->key.public_key, id, err));
	PKCS12_SAFEBAG *bag =
	    PKCS12_add_key_ex(&package->keys, entry->private_key, 0, ROUNDS,
		NID_aes_256_cbc, package->passphrase, NULL, NULL);
	if (bag == NULL || !PKCS12_add_localkeyid(bag, id, sizeof(id)))
		return crypto_failed(err, "PKCS#12: key");
	package->count++;
	for (size_t i = 0; i < certs->len; i++)
		if (belongs(certs->item[i], entry->key.public_key))
			TRY(add_cert(package, certs->item[i], id, err));
	ERR_clear_error();
	return RC_OK;
}

static enum rc
print(PKCS12 *p12, struct buf *out, struct err *err)
{
	int len = i2d_PKCS12(p12, NULL);
	uint8_t *room;

	if (len <= 0)
		return crypto_failed(err, "PKCS#12");
	TRY(buf_reserve(out, (size_t)len, &room, err));
	buf_grown(out, (size_t)i2d_PKCS12(p12, &room));
	return RC_OK;
}

/* The keys are encrypted one by one already, the certificates together. */
static enum rc
finish(const struct package *package, struct buf *out, struct err *err)
{
	STACK_OF(PKCS7) *safes OWNED(safes_free) = NULL;

	if (package->certs != NULL &&
	    !PKCS12_add_safe(&safes, package->certs, NID_aes_256_cbc, ROUNDS,
		package->passphrase))
		return crypto_failed(err, "PKCS#12: certificates");
	if (!PKCS12_add_safe(&safes, package->keys, -1, 0, NULL))
		return crypto_failed(err, "PKCS#12: keys");
	PKCS12 *p12 OWNED(PKCS12_free) = PKCS12_add_safes(safes, 0);
	if (p12 == NULL || !PKCS12_set_mac(p12, package->passphrase, -1, NULL,
			       0, ROUNDS, EVP_sha256()))
		return crypto_failed(err, "PKCS#12");
	return print(p12, out, err);
}

enum rc
vault_export(const struct vault *vault, const struct certs *certs,
    struct span passphrase, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(PASSPHRASE_MAX);
	struct package package __attribute__((cleanup(package_done))) = {0};

	TRY(buf_add(&text, passphrase, err));
	TRY(buf_str(&text, &package.passphrase, err));
	if (passphrase.len == 0)
		return err_set(err, RC_UNFIT,
		    "keys are exported under a passphrase only: give one");
	for (size_t i = 0; i < vault->len; i++)
		if (vault->entry[i]->key.purpose != KEY_SIGN)
			TRY(add_entry(&package, vault->entry[i], certs, err));
	if (package.count == 0)
		return err_set(
		    err, RC_ABSENT, "there is no decrypting key to export");
	return finish(&package, out, err);
}
