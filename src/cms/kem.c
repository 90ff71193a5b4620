#define _GNU_SOURCE /* explicit_bzero */
#include "cms/kem_priv.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>

#include "cms/agree_priv.h"
#include "cms/keywrap_priv.h"
#include "cms/print_priv.h"
#include "cms/shape_priv.h"
#include "pki/crypto.h"

#define SECRET_MAX 64
#define INFO_MAX ((size_t)128 * 1024) /* ukm comes from the sender */
#define HAS_ML_KEM (OPENSSL_VERSION_NUMBER >= 0x30500000L)

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define NIST_KEM "\x60\x86\x48\x01\x65\x03\x04\x04"
#define SMIME_ALG "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03"

static const struct {
	struct span oid;
	const char *name; /* as libcrypto calls it */
} kems[] = {
    {OID(NIST_KEM "\x02"), "ML-KEM-768"},
    {OID(NIST_KEM "\x03"), "ML-KEM-1024"},
};
#define KEMS (sizeof(kems) / sizeof(*kems))

static const struct span oid_hkdf_sha256 = OID(SMIME_ALG "\x1c");

/* --- reading */

static enum rc
not_supported(const char *what, struct span oid, struct err *err)
{
	char name[80];

	tlv_oid_name(oid, name);
	return err_set(err, RC_UNFIT, "sealed with a %s not supported here: %s",
	    what, name);
}

const char *
kem_name(struct span oid)
{
	for (size_t i = 0; i < KEMS; i++)
		if (span_is(kems[i].oid, oid))
			return kems[i].name;
	return NULL;
}

enum rc
kem_check(const struct kem *kem, struct err *err)
{
	const char *name = kem_name(kem->kem.oid);
	const struct keywrap *wrap = keywrap_find(&kem->wrap);

	if (name == NULL || kem->kem.parameters.len > 0)
		return not_supported("KEM", kem->kem.oid, err);
	if (!HAS_ML_KEM)
		return err_set(err, RC_UNFIT,
		    "sealed with %s, which this build's OpenSSL cannot do",
		    name);
	if (!span_is(kem->derive.oid, oid_hkdf_sha256) ||
	    !tlv_is_bare(&kem->derive))
		return not_supported("key derivation", kem->derive.oid, err);
	if (wrap == NULL)
		return not_supported("key wrap", kem->wrap.oid, err);
	/* RFC 9629 section 3: it must be what the wrap wants */
	if (kem->kek_len != keywrap_key_len(wrap))
		return err_set(
		    err, RC_SYNTAX, "a key wrap's key of another length");
	return RC_OK;
}

/* CMSORIforKEMOtherInfo: wrap, kekLength, [0] EXPLICIT ukm OPTIONAL */
static enum rc
other_info(struct span wrap, uint32_t kek_len, struct span ukm,
    struct buf *info, struct err *err)
{
	size_t all, at;

	TRY(print_begin(info, PRINT_SEQUENCE, &all, err));
	TRY(buf_add(info, wrap, err));
	TRY(print_number(info, kek_len, err));
	if (ukm.data != NULL) {
		TRY(print_begin(info, PRINT_CONTEXT_OF(0), &at, err));
		TRY(print_bytes(info, PRINT_OCTETS, ukm, err));
		TRY(print_end(info, at, err));
	}
	return print_end(info, all, err);
}

/* `wrap`: the DER of its AlgorithmIdentifier, which is authenticated so. */
static enum rc
make_kek(struct span wrap, size_t kek_len, struct span ukm, struct span secret,
    uint8_t kek[KEYWRAP_KEY_MAX], struct err *err)
{
	struct buf info BUF_OWNED = BUF(INFO_MAX);

	TRY(other_info(wrap, (uint32_t)kek_len, ukm, &info, err));
	return agree_hkdf(
	    "SHA256", secret, SPAN_NONE, buf_span(&info), kek, kek_len, err);
}

enum rc
kem_unwrap(const struct kem *kem, const struct key *key, struct buf *out,
    struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(SECRET_MAX);
	struct buf algorithm BUF_OWNED = BUF_SMALL;
	const struct keywrap *wrap = keywrap_find(&kem->wrap);
	uint8_t kek[KEYWRAP_KEY_MAX];

	if (key->ops->decapsulate == NULL ||
	    !EVP_PKEY_is_a(key->public_key, kem_name(kem->kem.oid)))
		return err_set(err, RC_CRYPTO, "not a key of that kind");
	TRY(key->ops->decapsulate(key, kem->ciphertext, &secret, err));
	TRY(print_algorithm(
	    &algorithm, kem->wrap.oid, kem->wrap.parameters.len > 0, err));
	enum rc rc = make_kek(buf_span(&algorithm), kem->kek_len, kem->ukm,
	    buf_span(&secret), kek, err);
	if (rc == RC_OK)
		rc = keywrap_unwrap(wrap, kek, kem->key, out, err);
	explicit_bzero(kek, sizeof(kek));
	return rc;
}

/* --- writing */

#if HAS_ML_KEM

static size_t
row_of(const EVP_PKEY *key)
{
	size_t row = 0;

	while (row < KEMS && !EVP_PKEY_is_a(key, kems[row].name))
		row++;
	return row;
}

bool
kem_is_key(const EVP_PKEY *key)
{
	return key != NULL && row_of(key) < KEMS;
}

static enum rc
encapsulate(
    EVP_PKEY *to, struct buf *ciphertext, struct buf *secret, struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, to, NULL);
	size_t len = 0, secret_len = 0;
	uint8_t *room, *secret_room;

	if (ctx == NULL || EVP_PKEY_encapsulate_init(ctx, NULL) != 1 ||
	    EVP_PKEY_encapsulate(ctx, NULL, &len, NULL, &secret_len) != 1)
		return shape_fail(err, "ML-KEM");
	TRY(buf_reserve(ciphertext, len, &room, err));
	TRY(buf_reserve(secret, secret_len, &secret_room, err));
	if (EVP_PKEY_encapsulate(ctx, room, &len, secret_room, &secret_len) !=
	    1)
		return shape_fail(err, "ML-KEM");
	buf_grown(ciphertext, len);
	buf_grown(secret, secret_len);
	return RC_OK;
}

static enum rc
print_key(const struct keywrap *wrap, struct span secret, struct span cek,
    struct buf *der, struct err *err)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL;
	struct buf algorithm BUF_OWNED = BUF_SMALL;
	uint8_t kek[KEYWRAP_KEY_MAX];

	TRY(keywrap_print(wrap, &algorithm, err));
	enum rc rc = make_kek(
	    buf_span(&algorithm), KEYWRAP_KEY_MAX, SPAN_NONE, secret, kek, err);
	if (rc == RC_OK)
		rc = keywrap_wrap(wrap, kek, cek, &wrapped, err);
	explicit_bzero(kek, sizeof(kek));
	TRY(rc);
	return print_bytes(der, PRINT_OCTETS, buf_span(&wrapped), err);
}

enum rc
kem_print(EVP_PKEY *to, struct span cek, struct buf *der, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(SECRET_MAX);
	struct buf ciphertext BUF_OWNED = BUF_SMALL;
	/* RFC 9936 section 2.2.1: whatever the content key's size */
	const struct keywrap *wrap = keywrap_of_size(KEYWRAP_KEY_MAX);

	TRY(encapsulate(to, &ciphertext, &secret, err));
	TRY(print_algorithm(der, kems[row_of(to)].oid, false, err));
	TRY(print_bytes(der, PRINT_OCTETS, buf_span(&ciphertext), err));
	TRY(print_algorithm(der, oid_hkdf_sha256, false, err));
	TRY(print_number(der, KEYWRAP_KEY_MAX, err));
	TRY(keywrap_print(wrap, der, err));
	return print_key(wrap, buf_span(&secret), cek, der, err);
}

#else

bool
kem_is_key(const EVP_PKEY *key)
{
	return false;
}

enum rc
kem_print(EVP_PKEY *to, struct span cek, struct buf *der, struct err *err)
{
	bug("no ML-KEM in this build");
}

#endif
