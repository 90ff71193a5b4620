/* Keys and certificates from files that other programs wrote. */
#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

#include "pki/pem.h"
#include "vault/vault_priv.h"

#define FILE_MAX ((size_t)4 << 20)
#define KEYS_MAX 100
#define BAGS_MAX_DEPTH 4
/* a file that would keep us busy for minutes is no file of a person */
#define MAC_ROUNDS_MAX 5000000
#define PBMAC1 "1.2.840.113549.1.5.14" /* RFC 9579 */

/* What was found so far; given out only when all of the file was read. */
struct found {
	EVP_PKEY *key[KEYS_MAX];
	size_t keys;
	struct certs certs;
	struct buf passphrase; /* a string */
	bool no_passphrase;    /* none at all, which is not an empty one */
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *modern, *legacy; /* legacy: NULL if not installed */
};

static void
found_done(struct found *found)
{
	for (size_t i = 0; i < found->keys; i++)
		EVP_PKEY_free(found->key[i]);
	certs_done(&found->certs);
	buf_done(&found->passphrase);
	if (found->legacy != NULL)
		OSSL_PROVIDER_unload(found->legacy);
	if (found->modern != NULL)
		OSSL_PROVIDER_unload(found->modern);
	OSSL_LIB_CTX_free(found->library);
	ERR_clear_error();
}

/* Old PKCS#12 files are encrypted with RC2.  A library context of its own, so
 * that the rest of the program does not learn that cipher. */
static enum rc
found_init(struct found *found, struct span passphrase, struct err *err)
{
	const char *unused;

	*found = (struct found){.passphrase = BUF_SECRET(4096)};
	enum rc rc = buf_add(&found->passphrase, passphrase, err);
	if (rc == RC_OK)
		rc = buf_str(&found->passphrase, &unused, err);
	if (rc != RC_OK)
		return err_prefix(err, rc, "passphrase");
	found->library = OSSL_LIB_CTX_new();
	if (found->library == NULL)
		return err_nomem(err, "reading keys");
	found->modern = OSSL_PROVIDER_load(found->library, "default");
	if (found->modern == NULL)
		return crypto_failed(err, "reading keys");
	found->legacy = OSSL_PROVIDER_load(found->library, "legacy");
	ERR_clear_error();
	return RC_OK;
}

static const char *
passphrase_of(const struct found *found)
{
	if (found->no_passphrase)
		return NULL;
	return found->passphrase.len > 0 ? (const char *)found->passphrase.data
					 : "";
}

static enum rc
refuse_passphrase(const struct found *found, struct err *err)
{
	ERR_clear_error();
	if (found->passphrase.len == 0)
		return err_set(err, RC_REFUSED,
		    "the file is encrypted: give its passphrase");
	return err_set(err, RC_REFUSED, "wrong passphrase");
}

static enum rc
refuse_cipher(const struct found *found, struct err *err)
{
	if (found->legacy != NULL)
		return crypto_failed(err, "the file cannot be decrypted");
	ERR_clear_error();
	return err_set(err, RC_UNFIT,
	    "the file is encrypted with an old cipher: install OpenSSL's "
	    "legacy provider, or export it again with AES-256");
}

static enum rc
add_key(struct found *found, EVP_PKEY *key, struct err *err)
{
	if (key == NULL)
		return crypto_failed(err, "no private key that we can read");
	if (found->keys >= KEYS_MAX) {
		EVP_PKEY_free(key);
		return err_set(
		    err, RC_LIMIT, "more than %d keys in one file", KEYS_MAX);
	}
	found->key[found->keys++] = key;
	return RC_OK;
}

static enum rc
add_cert(struct found *found, struct span der, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	TRY(cert_parse(der, &cert, err));
	return certs_add(&found->certs, cert, err);
}

/* ---- PKCS#8 ------------------------------------------------------------- */

static enum rc
add_encrypted(struct found *found, const X509_SIG *sig, struct err *err)
{
	PKCS8_PRIV_KEY_INFO *info OWNED(PKCS8_PRIV_KEY_INFO_free) =
	    PKCS8_decrypt_ex(sig, passphrase_of(found),
		(int)found->passphrase.len, found->library, NULL);

	if (info == NULL)
		return refuse_passphrase(found, err);
	return add_key(found, EVP_PKCS82PKEY(info), err);
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
	const uint8_t *at = der.data;

	return add_key(
	    found, d2i_AutoPrivateKey(NULL, &at, (long)der.len), err);
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

static enum rc read_bags(struct found *found,
    const STACK_OF(PKCS12_SAFEBAG) *bags, int depth, struct err *err);

/* By its bytes: the object belongs to the other library context. */
static enum rc
add_cert_of_bag(struct found *found, const PKCS12_SAFEBAG *bag, struct err *err)
{
	X509 *x509 OWNED(X509_free) = PKCS12_SAFEBAG_get1_cert(bag);
	unsigned char *der = NULL;
	int len = x509 != NULL ? i2d_X509(x509, &der) : -1;

	if (len <= 0)
		return crypto_failed(err, "PKCS#12: certificate");
	enum rc rc = add_cert(found, span_of(der, (size_t)len), err);
	OPENSSL_free(der);
	return rc;
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
		return add_cert_of_bag(found, bag, err);
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
	bags = PKCS12_unpack_p7encdata(
	    safe, passphrase_of(found), (int)found->passphrase.len);
	if (bags == NULL)
		return refuse_cipher(found, err);
	return read_bags(found, bags, 0, err);
}

static enum rc
check_rounds(PKCS12 *p12, struct err *err)
{
	const X509_ALGOR *algorithm = NULL;
	const ASN1_INTEGER *rounds = NULL;
	const ASN1_OBJECT *oid = NULL;
	char text[64] = "";

	PKCS12_get0_mac(NULL, &algorithm, NULL, &rounds, p12);
	if (rounds != NULL && (ASN1_INTEGER_get(rounds) < 0 ||
				  ASN1_INTEGER_get(rounds) > MAC_ROUNDS_MAX))
		return err_set(err, RC_LIMIT,
		    "PKCS#12: more than %d rounds for its check",
		    MAC_ROUNDS_MAX);
	if (algorithm != NULL) {
		X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
		(void)OBJ_obj2txt(text, sizeof(text), oid, 1);
	}
	if (!strcmp(text, PBMAC1))
		return err_set(err, RC_UNFIT,
		    "PKCS#12: its check is PBMAC1, which this OpenSSL cannot "
		    "do; export it again without");
	return RC_OK;
}

/* PKCS#12 has two kinds of nothing: no passphrase, and an empty one. */
static enum rc
check_mac(struct found *found, PKCS12 *p12, struct err *err)
{
	if (!PKCS12_mac_present(p12))
		return RC_OK;
	TRY(check_rounds(p12, err));
	if (PKCS12_verify_mac(
		p12, passphrase_of(found), (int)found->passphrase.len))
		return RC_OK;
	if (found->passphrase.len > 0 || !PKCS12_verify_mac(p12, NULL, 0))
		return refuse_passphrase(found, err);
	found->no_passphrase = true;
	return RC_OK;
}

static enum rc
add_pkcs12(struct found *found, PKCS12 *p12, struct err *err)
{
	STACK_OF(PKCS7) *safes OWNED(safes_free) = NULL;

	TRY(check_mac(found, p12, err));
	safes = PKCS12_unpack_authsafes(p12);
	if (safes == NULL)
		return crypto_failed(err, "PKCS#12: damaged");
	for (int i = 0; i < sk_PKCS7_num(safes); i++)
		TRY(read_safe(found, sk_PKCS7_value(safes, i), err));
	return RC_OK;
}

/* ---- PEM ---------------------------------------------------------------- */

static int
give_passphrase(char *room, int size, int writing, void *context)
{
	const struct found *found = context;

	if (found->passphrase.len > (size_t)size)
		return -1;
	if (found->passphrase.len > 0)
		memcpy(room, found->passphrase.data, found->passphrase.len);
	return (int)found->passphrase.len;
}

/* "Proc-Type: 4,ENCRYPTED", as OpenSSL wrote keys until 2010. */
static enum rc
decrypt_block(struct found *found, struct pem_block *block, struct err *err)
{
	EVP_CIPHER_INFO cipher;

	if (!PEM_get_EVP_CIPHER_INFO(block->header, &cipher))
		return crypto_failed(err, "PEM: the key's encryption");
	if (cipher.cipher == NULL)
		return RC_OK;
	if (!PEM_do_header(
		&cipher, block->data, &block->len, give_passphrase, found))
		return refuse_passphrase(found, err);
	return RC_OK;
}

static bool
is_key_name(const char *name)
{
	static const char end[] = "PRIVATE KEY";
	size_t len = strlen(name);

	return len >= strlen(end) && !strcmp(name + len - strlen(end), end);
}

static enum rc
read_block(struct found *found, struct pem_block *block, struct err *err)
{
	struct span der = span_of(block->data, (size_t)block->len);

	if (pem_block_is_cert(block))
		return add_cert(found, der, err);
	if (!strcmp(block->name, PEM_STRING_PKCS8))
		return add_encrypted_der(found, der, err);
	if (!is_key_name(block->name))
		return RC_OK;
	TRY(decrypt_block(found, block, err));
	der.len = (size_t)block->len;
	return add_plain_der(found, der, err);
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

static enum rc
read_der(struct found *found, struct span der, struct err *err)
{
	PKCS12 *p12 OWNED(PKCS12_free) =
	    PKCS12_init_ex(NID_pkcs7_data, found->library, NULL);
	const uint8_t *at = der.data;

	if (p12 == NULL)
		return crypto_failed(err, "reading keys");
	if (d2i_PKCS12(&p12, &at, (long)der.len) != NULL)
		return add_pkcs12(found, p12, err);
	p12 = NULL; /* the reader has freed it */
	ERR_clear_error();
	if (is_certificate(der))
		return certs_parse(&found->certs, der, err);
	return is_encrypted_key(der) ? add_encrypted_der(found, der, err)
				     : add_plain_der(found, der, err);
}

/* Its certificates say what a key is for; without any it may do both. */
static enum key_purpose
purpose_of(const struct found *found, const EVP_PKEY *key)
{
	bool sign = false, receive = false;

	for (size_t i = 0; i < found->certs.len; i++) {
		const struct cert *cert = found->certs.item[i];
		const EVP_PKEY *public_key = X509_get0_pubkey(cert_x509(cert));
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
vault_import(struct vault *vault, struct span file, struct span passphrase,
    struct certs *certs, struct err *err)
{
	struct found found __attribute__((cleanup(found_done))) = {0};
	size_t keys_before = vault->len, certs_before = certs->len;

	if (file.len > FILE_MAX)
		return err_set(err, RC_LIMIT,
		    "more than %zu MiB: no file of keys", FILE_MAX >> 20);
	TRY(found_init(&found, passphrase, err));
	if (file.len > 0 && file.data[0] == 0x30)
		TRY(read_der(&found, file, err));
	else if (file.len > 0)
		TRY(read_pem(&found, file, err));
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
