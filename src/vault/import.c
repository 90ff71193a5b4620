/* Keys and certificates from files that other programs wrote. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "vault/unlock_priv.h"
#include "vault/vault_priv.h"

#define FILE_MAX ((size_t)4 << 20)
#define KEYS_MAX 100
#define BAGS_MAX_DEPTH 4
#define RSA_MAX_BITS 16384 /* a larger one would keep us busy */

/* What was found so far; given out only when all of the file was read. */
struct found {
	EVP_PKEY *key[KEYS_MAX];
	size_t keys;
	struct certs certs;
	struct unlock unlock;
};

static void
found_done(struct found *found)
{
	for (size_t i = 0; i < found->keys; i++)
		EVP_PKEY_free(found->key[i]);
	certs_done(&found->certs);
	unlock_done(&found->unlock);
}

/* Takes the key. */
static enum rc
add_key(struct found *found, EVP_PKEY *taken, struct err *err)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = taken;

	if (key == NULL)
		return crypto_failed(err, "no private key that we can read");
	if (EVP_PKEY_get_bits(key) > RSA_MAX_BITS)
		return err_set(
		    err, RC_LIMIT, "a key of more than %d bits", RSA_MAX_BITS);
	if (found->keys >= KEYS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d keys in one file", KEYS_MAX);
	found->key[found->keys++] = take(key);
	return RC_OK;
}

static enum rc
add_cert(struct found *found, struct span der, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	TRY(cert_parse(der, &cert, err));
	return certs_add(&found->certs, cert, err);
}

/* By its bytes: the object may belong to the other library context. */
static enum rc
add_x509(struct found *found, const X509 *x509, struct err *err)
{
	unsigned char *der = NULL;
	int len = x509 != NULL ? i2d_X509(x509, &der) : -1;

	if (len <= 0)
		return crypto_failed(err, "certificate");
	enum rc rc = add_cert(found, span_of(der, (size_t)len), err);
	OPENSSL_free(der);
	return rc;
}

/* ---- PKCS#8 ------------------------------------------------------------- */

static enum rc
add_encrypted(struct found *found, const X509_SIG *sig, struct err *err)
{
	EVP_PKEY *key = NULL;

	TRY(unlock_key(&found->unlock, sig, &key, err));
	return add_key(found, key, err);
}

static enum rc
add_encrypted_der(struct found *found, struct span der, struct err *err)
{
	const uint8_t *at = der.data;
	X509_SIG *sig OWNED(X509_SIG_free) =
	    d2i_X509_SIG(NULL, &at, (long)der.len);

	if (sig == NULL)
		return crypto_failed(err, "no encrypted private key");
	return add_encrypted(found, sig, err);
}

static enum rc
add_plain_der(struct found *found, struct span der, struct err *err)
{
	EVP_PKEY *key = NULL;

	TRY(unlock_parse_key(der, &key, err));
	return add_key(found, key, err);
}

/* ---- PKCS#12 ------------------------------------------------------------ */

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

OWNER(STACK_OF(PKCS12_SAFEBAG), bags_free);
OWNER(STACK_OF(PKCS7), safes_free);
OWNER(PKCS7, PKCS7_free);

static enum rc read_bags(struct found *found,
    const STACK_OF(PKCS12_SAFEBAG) *bags, int depth, struct err *err);

static enum rc
add_bag_cert(struct found *found, const PKCS12_SAFEBAG *bag, struct err *err)
{
	X509 *x509 OWNED(X509_free) = PKCS12_SAFEBAG_get1_cert(bag);

	return add_x509(found, x509, err);
}

static enum rc
read_bag(
    struct found *found, const PKCS12_SAFEBAG *bag, int depth, struct err *err)
{
	switch (PKCS12_SAFEBAG_get_nid(bag)) {
	case NID_keyBag:
		return add_key(
		    found, EVP_PKCS82PKEY(PKCS12_SAFEBAG_get0_p8inf(bag)), err);
	case NID_pkcs8ShroudedKeyBag:
		return add_encrypted(
		    found, PKCS12_SAFEBAG_get0_pkcs8(bag), err);
	case NID_certBag:
		if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
			return RC_OK;
		return add_bag_cert(found, bag, err);
	case NID_safeContentsBag:
		return read_bags(
		    found, PKCS12_SAFEBAG_get0_safes(bag), depth + 1, err);
	default:
		return RC_OK; /* lists and secrets are not for us */
	}
}

static enum rc
read_bags(struct found *found, const STACK_OF(PKCS12_SAFEBAG) *bags, int depth,
    struct err *err)
{
	if (depth > BAGS_MAX_DEPTH)
		return err_set(err, RC_LIMIT, "PKCS#12: nested too deep");
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++)
		TRY(read_bag(
		    found, sk_PKCS12_SAFEBAG_value(bags, i), depth, err));
	return RC_OK;
}

static enum rc
read_safe(struct found *found, PKCS7 *safe, struct err *err)
{
	STACK_OF(PKCS12_SAFEBAG) *bags OWNED(bags_free) = NULL;

	if (PKCS7_type_is_data(safe)) {
		bags = PKCS12_unpack_p7data(safe);
		if (bags == NULL)
			return crypto_failed(err, "PKCS#12: damaged");
		return read_bags(found, bags, 0, err);
	}
	if (!PKCS7_type_is_encrypted(safe))
		return err_set(err, RC_UNFIT,
		    "PKCS#12: encrypted for a certificate, not by passphrase");
	TRY(unlock_bags(&found->unlock, safe, &bags, err));
	return read_bags(found, bags, 0, err);
}

static enum rc
add_pkcs12(struct found *found, PKCS12 *p12, struct err *err)
{
	STACK_OF(PKCS7) *safes OWNED(safes_free) = NULL;

	TRY(unlock_check(&found->unlock, p12, err));
	safes = PKCS12_unpack_authsafes(p12);
	if (safes == NULL)
		return crypto_failed(err,
		    "PKCS#12: damaged, or signed instead of checked by "
		    "passphrase");
	for (int i = 0; i < sk_PKCS7_num(safes); i++)
		TRY(read_safe(found, sk_PKCS7_value(safes, i), err));
	return RC_OK;
}

/* ---- PKCS#7: certificates only, as .p7b and .p7c files have them ---------- */

static enum rc
add_pkcs7(struct found *found, struct span der, struct err *err)
{
	const uint8_t *at = der.data;
	PKCS7 *p7 OWNED(PKCS7_free) = d2i_PKCS7(NULL, &at, (long)der.len);

	if (p7 == NULL || !PKCS7_type_is_signed(p7) || p7->d.sign == NULL)
		return crypto_failed(err, "PKCS#7: no list of certificates");
	for (int i = 0; i < sk_X509_num(p7->d.sign->cert); i++)
		TRY(add_x509(found, sk_X509_value(p7->d.sign->cert, i), err));
	return RC_OK;
}

/* ---- PEM ---------------------------------------------------------------- */

static bool
is_key_name(const char *name)
{
	static const char end[] = "PRIVATE KEY";
	size_t len = strlen(name), end_len = sizeof(end) - 1;

	return len >= end_len && !strcmp(name + len - end_len, end);
}

static enum rc read_der(struct found *found, struct span der, struct err *err);

static enum rc
read_block(struct found *found, struct pem_block *block, struct err *err)
{
	struct span der = span_of(block->data, (size_t)block->len);
	EVP_PKEY *key = NULL;

	if (pem_block_is_cert(block))
		return add_cert(found, der, err);
	if (!strcmp(block->name, PEM_STRING_PKCS7) ||
	    !strcmp(block->name, PEM_STRING_CMS))
		return add_pkcs7(found, der, err);
	if (!strcmp(block->name, "PKCS12")) /* GnuPG's */
		return read_der(found, der, err);
	if (!strcmp(block->name, PEM_STRING_PKCS8))
		return add_encrypted_der(found, der, err);
	if (!is_key_name(block->name))
		return RC_OK;
	TRY(unlock_block(&found->unlock, block, &key, err));
	return add_key(found, key, err);
}

static enum rc
read_next_block(struct found *found, BIO *in, struct err *err)
{
	struct pem_block block PEM_BLOCK_OWNED = {0};

	TRY(pem_block_next(in, &block, err));
	return read_block(found, &block, err);
}

static enum rc
read_pem(struct found *found, struct span pem, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);

	if (in == NULL)
		return err_nomem(err, "reading keys");
	for (;;) {
		enum rc rc = read_next_block(found, in, err);
		if (rc == RC_ABSENT)
			return RC_OK;
		TRY(rc);
	}
}

/* ---- any file ----------------------------------------------------------- */

/* Is it this kind of thing at all?  Whatever is read is freed again. */
static bool
is_encrypted_key(struct span der)
{
	const uint8_t *at = der.data;
	X509_SIG *sig OWNED(X509_SIG_free) =
	    d2i_X509_SIG(NULL, &at, (long)der.len);

	ERR_clear_error();
	return sig != NULL;
}

static bool
is_certificate(struct span der)
{
	const uint8_t *at = der.data;
	X509 *x509 OWNED(X509_free) = d2i_X509(NULL, &at, (long)der.len);

	ERR_clear_error();
	return x509 != NULL;
}

static bool
is_pkcs12(struct span der)
{
	const uint8_t *at = der.data;
	PKCS12 *p12 OWNED(PKCS12_free) = d2i_PKCS12(NULL, &at, (long)der.len);

	ERR_clear_error();
	return p12 != NULL;
}

static bool
is_pkcs7(struct span der)
{
	const uint8_t *at = der.data;
	PKCS7 *p7 OWNED(PKCS7_free) = d2i_PKCS7(NULL, &at, (long)der.len);

	ERR_clear_error();
	return p7 != NULL;
}

static enum rc
read_pkcs12(struct found *found, struct span der, struct err *err)
{
	const uint8_t *at = der.data;
	OSSL_LIB_CTX *library;

	TRY(unlock_library(&found->unlock, &library, err));
	PKCS12 *p12 OWNED(PKCS12_free) =
	    PKCS12_init_ex(NID_pkcs7_data, library, NULL);
	if (p12 == NULL)
		return crypto_failed(err, "reading keys");
	if (d2i_PKCS12(&p12, &at, (long)der.len) == NULL) {
		p12 = NULL; /* the reader has freed it */
		return crypto_failed(err, "reading keys");
	}
	return add_pkcs12(found, p12, err);
}

static enum rc
read_der(struct found *found, struct span der, struct err *err)
{
	if (is_certificate(der))
		return certs_parse(&found->certs, der, err);
	if (is_pkcs12(der))
		return read_pkcs12(found, der, err);
	if (is_encrypted_key(der))
		return add_encrypted_der(found, der, err);
	return is_pkcs7(der) ? add_pkcs7(found, der, err)
			     : add_plain_der(found, der, err);
}

/* A keystore of Java's own, or of Java's cryptography extension. */
static bool
is_java(struct span file)
{
	return span_is(span_first(file, 4), span_of("\xfe\xed\xfe\xed", 4)) ||
	       span_is(span_first(file, 4), span_of("\xce\xce\xce\xce", 4));
}

static enum rc
read_file(struct found *found, struct span file, struct err *err)
{
	if (file.len == 0)
		return RC_OK;
	if (is_java(file))
		return err_set(err, RC_UNFIT,
		    "a Java keystore: export it as PKCS#12 (keytool "
		    "-importkeystore -deststoretype pkcs12)");
	return file.data[0] == 0x30 ? read_der(found, file, err)
				    : read_pem(found, file, err);
}

/* Its certificates say what a key is for; without any it may do both. */
static enum key_purpose
purpose_of(const struct found *found, const EVP_PKEY *key)
{
	bool sign = false, receive = false;

	for (size_t i = 0; i < found->certs.len; i++) {
		const struct cert *cert = found->certs.item[i];
		const EVP_PKEY *public_key = cert_key(cert);
		if (public_key == NULL || EVP_PKEY_eq(public_key, key) != 1)
			continue;
		sign |= cert_can_sign(cert, NULL) == RC_OK;
		receive |= cert_can_receive(cert, NULL) == RC_OK;
	}
	ERR_clear_error();
	if (sign == receive) /* X25519 and the like never sign */
		return EVP_PKEY_can_sign(key) ? KEY_BOTH : KEY_DECRYPT;
	return sign ? KEY_SIGN : KEY_DECRYPT;
}

static enum rc
hand_over(const struct found *found, struct vault *vault, struct certs *certs,
    struct err *err)
{
	const struct key *key;

	for (size_t i = 0; i < found->keys; i++)
		TRY(vault_add(vault, found->key[i],
		    purpose_of(found, found->key[i]), &key, err));
	for (size_t i = 0; i < found->certs.len; i++)
		TRY(certs_add(certs, found->certs.item[i], err));
	return RC_OK;
}

enum rc
import_limited(struct vault *vault, struct span file, struct span passphrase,
    struct certs *certs, int64_t work, struct err *err)
{
	struct found found __attribute__((cleanup(found_done))) = {0};
	size_t keys_before = vault->len, certs_before = certs->len;

	if (file.len > FILE_MAX)
		return err_set(err, RC_LIMIT,
		    "more than %zu MiB: no file of keys", FILE_MAX >> 20);
	TRY(unlock_init(&found.unlock, passphrase, work, err));
	TRY(read_file(&found, file, err));
	if (found.keys == 0 && found.certs.len == 0)
		return err_set(
		    err, RC_ABSENT, "neither a key nor a certificate is in it");
	enum rc rc = hand_over(&found, vault, certs, err);
	if (rc == RC_OK)
		return RC_OK;
	vault_cut(vault, keys_before);
	while (certs->len > certs_before)
		cert_free(certs->item[--certs->len]);
	return rc;
}

enum rc
vault_import(struct vault *vault, struct span file, struct span passphrase,
    struct certs *certs, struct err *err)
{
	return import_limited(
	    vault, file, passphrase, certs, UNLOCK_WORK_MAX, err);
}
