/* vault/usekit -- keys of every kind that signs, and what they sign.
 *
 * Only included by the tests of vault/use that sign.
 */
#ifndef VAULT_USEKIT_PRIV_H
#define VAULT_USEKIT_PRIV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "pki/der.h"
#include "pki/fixture.h"
#include "vault/vault_priv.h"

#define CONTENT_TYPE                                           \
	"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03" \
	"\x31\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define DIGEST                                                 \
	"\x30\x2f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04" \
	"\x31\x22\x04\x20"                                     \
	"0123456789abcdef0123456789abcdef"
#define OTHER "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f\x31\x00"
#define TLS_SPACES_64                      \
	"                                " \
	"                                "
#define TLS_START TLS_SPACES_64 "TLS 1.3, client CertificateVerify"
#define HASH_32 "0123456789abcdef0123456789abcdef"

#define GOOD CONTENT_TYPE DIGEST

struct bench {
	struct vault *vault;
	const struct key *sign, *decrypt, *p384, *p521, *rsa, *ed, *ed448;
	const struct key *pss, *strict; /* for PSS only */
};

static struct bench bench;

static inline const struct key *
add(EVP_PKEY *made, enum key_purpose purpose)
{
	const struct key *key = NULL;

	assert_non_null(made);
	assert_int_equal(
	    vault_add(bench.vault, made, purpose, &key, NULL), RC_OK);
	EVP_PKEY_free(made);
	return key;
}

/* A key whose own OID is id-RSASSA-PSS. */
static inline EVP_PKEY *
make_pss(const char *digest, int salt)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	if (digest != NULL) {
		EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(ctx, digest, NULL);
		EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(ctx, digest);
		EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, salt);
	}
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	return key;
}

static inline int
begin(void **state)
{
	assert_int_equal(vault_new(&bench.vault, NULL), RC_OK);
	assert_int_equal(
	    vault_make(bench.vault, KEY_SIGN, &bench.sign, NULL), RC_OK);
	assert_int_equal(
	    vault_make(bench.vault, KEY_DECRYPT, &bench.decrypt, NULL), RC_OK);
	bench.p384 = add(EVP_EC_gen("P-384"), KEY_BOTH);
	bench.p521 = add(EVP_EC_gen("P-521"), KEY_BOTH);
	bench.rsa = add(EVP_RSA_gen(2048), KEY_BOTH);
	bench.ed = add(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), KEY_BOTH);
	bench.ed448 = add(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), KEY_BOTH);
	bench.pss = add(make_pss(NULL, 0), KEY_BOTH);
	bench.strict = add(make_pss("SHA384", 70), KEY_BOTH);
	return 0;
}

static inline int
end(void **state)
{
	vault_free(bench.vault);
	return 0;
}

static inline bool
verifies_pss(const struct key *key, const EVP_MD *digest, int salt,
    struct span signature, struct span bytes)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;

	assert_int_equal(
	    EVP_DigestVerifyInit(ctx, &how, digest, NULL, key->public_key), 1);
	if (salt > 0) {
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_mgf1_md(how, digest);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how, salt);
	}
	return EVP_DigestVerify(ctx, signature.data, signature.len, bytes.data,
		   bytes.len) == 1;
}

static inline bool
verifies(const struct key *key, const EVP_MD *digest, bool pss,
    struct span signature, struct span bytes)
{
	return verifies_pss(key, digest, pss ? 32 : 0, signature, bytes);
}

/* SET OF the elements given */
static inline void
make_set(struct buf *out, const char *elements, size_t len)
{
	buf_clear(out);
	assert_int_equal(buf_add_byte(out, DER_SET, NULL), RC_OK);
	if (len >= 0x80)
		assert_int_equal(buf_add_byte(out, 0x81, NULL), RC_OK);
	assert_int_equal(buf_add_byte(out, (uint8_t)len, NULL), RC_OK);
	assert_int_equal(buf_add(out, span_of(elements, len), NULL), RC_OK);
}

#endif
