#include "cms/sigalg_priv.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "cms/certid_priv.h"
#include "cms/print_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/signature.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384 /* above, a letter costs seconds to look at */
#define CURVE_BITS_MIN 224
#define SALT_DEFAULT 20 /* RFC 4055 section 3.1 */
#define SALT_MAX 512
#define TRAILER 1
#define OID_MAX 9

enum how { HOW_RSA, HOW_PSS, HOW_CURVE, HOW_PURE, HOW_NOT };

#define ONE(kind) (1U << (kind))
#define SHA2 (ONE(DIGEST_SHA256) | ONE(DIGEST_SHA384) | ONE(DIGEST_SHA512))
#define SHAKE (ONE(DIGEST_SHAKE256) | ONE(DIGEST_SHAKE256_BARE))

struct sigalg {
	const char *name;
	const char *key; /* OpenSSL's name of the kind of key */
	enum how how;
	unsigned digests; /* those the SignerInfo may have */
	size_t oid_len;
	uint8_t oid[OID_MAX];
};

#define PKCS1(x)                                                    \
	9,                                                          \
	{                                                           \
		0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, (x) \
	}
#define X962(x)                                               \
	8,                                                    \
	{                                                     \
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, (x) \
	}
#define RFC8410(x)              \
	3,                      \
	{                       \
		0x2b, 0x65, (x) \
	}
#define NIST(x)                                                     \
	9,                                                          \
	{                                                           \
		0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, (x) \
	}

#if OPENSSL_VERSION_NUMBER >= 0x30500000L
#define HOW_ML_DSA HOW_PURE
#else
#define HOW_ML_DSA HOW_NOT
#endif

static const struct sigalg sigalgs[] = {
    {"RSA", "RSA", HOW_RSA, SHA2, PKCS1(1)},
    {"RSA", "RSA", HOW_RSA, ONE(DIGEST_SHA256), PKCS1(11)},
    {"RSA", "RSA", HOW_RSA, ONE(DIGEST_SHA384), PKCS1(12)},
    {"RSA", "RSA", HOW_RSA, ONE(DIGEST_SHA512), PKCS1(13)},
    {"RSA-PSS", "RSA", HOW_PSS, SHA2, PKCS1(10)},
    {"ECDSA", "EC", HOW_CURVE, ONE(DIGEST_SHA256), X962(2)},
    {"ECDSA", "EC", HOW_CURVE, ONE(DIGEST_SHA384), X962(3)},
    {"ECDSA", "EC", HOW_CURVE, ONE(DIGEST_SHA512), X962(4)},
    /* RFC 8419 section 3.1: with signed attributes "the digestAlgorithm MUST
     * be id-sha512", and SHAKE256 for Ed448; id-shake256 without a length
     * means the same octets, and is written by some */
    {"Ed25519", "ED25519", HOW_PURE, ONE(DIGEST_SHA512), RFC8410(112)},
    {"Ed448", "ED448", HOW_PURE, SHAKE, RFC8410(113)},
    /* RFC 9882 section 3.3, table 1 */
    {"ML-DSA-44", "ML-DSA-44", HOW_ML_DSA, SHA2 | ONE(DIGEST_SHAKE256_BARE),
	NIST(17)},
    {"ML-DSA-65", "ML-DSA-65", HOW_ML_DSA,
	ONE(DIGEST_SHA384) | ONE(DIGEST_SHA512) | ONE(DIGEST_SHAKE256_BARE),
	NIST(18)},
    {"ML-DSA-87", "ML-DSA-87", HOW_ML_DSA,
	ONE(DIGEST_SHA512) | ONE(DIGEST_SHAKE256_BARE), NIST(19)},
};

/* --- names */

struct weak {
	size_t len;
	uint8_t oid[OID_MAX];
};

#define RSADSI(x)                                             \
	8,                                                    \
	{                                                     \
		0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, (x) \
	}
#define OIW(x)                              \
	5,                                  \
	{                                   \
		0x2b, 0x0e, 0x03, 0x02, (x) \
	}

static const struct weak weak[] = {
    {RSADSI(2)}, {RSADSI(4)}, {RSADSI(5)},           /* MD2, MD4, MD5 */
    {OIW(26)},                                       /* SHA-1 */
    {5, {0x2b, 0x24, 0x03, 0x02, 0x01}},             /* RIPEMD-160 */
    {4, {0x55, 0x08, 0x03, 0x65}},                   /* MDC-2 */
    {PKCS1(2)}, {PKCS1(3)}, {PKCS1(4)}, {PKCS1(5)},  /* RSA with them */
    {OIW(29)}, {OIW(3)},                             /* and once more */
    {4, {0x55, 0x08, 0x03, 0x64}},                   /* RSA with MDC-2 */
    {6, {0x2b, 0x24, 0x03, 0x03, 0x01, 0x02}},       /* and RIPEMD-160 */
    {7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01}}, /* ECDSA, SHA-1 */
    {7, {0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03}}, /* DSA, SHA-1 */
    {OIW(27)},                                       /* and once more */
};

static bool
is_weak(struct span oid)
{
	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++)
		if (span_is(oid, span_of(weak[i].oid, weak[i].len)))
			return true;
	return false;
}

static const struct sigalg *
find(struct span oid)
{
	for (size_t i = 0; i < sizeof(sigalgs) / sizeof(*sigalgs); i++)
		if (span_is(oid, span_of(sigalgs[i].oid, sigalgs[i].oid_len)))
			return &sigalgs[i];
	return NULL;
}

const char *
sigalg_name(const struct sigalg_use *use)
{
	return use->row == NULL ? NULL : use->row->name;
}

/* --- the parameters of PSS */

struct pss {
	struct span digest; /* OID; empty: SHA-1 */
	struct span mask;   /* OID of MGF1's digest; empty: SHA-1 */
	unsigned salt;
};

static const uint8_t mgf1[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08};
static const uint8_t sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};

/* An element of the parameters that is there, or not. */
static bool
take_field(struct span *in, uint8_t tag, struct span *ret)
{
	struct der field;

	*ret = SPAN_NONE;
	if (in->len == 0 || in->data[0] != tag)
		return true;
	if (der_next(in, &field, NULL) != RC_OK)
		return false;
	*ret = field.value;
	return ret->len > 0;
}

static bool
read_digest(struct span field, struct span *ret)
{
	struct algorithm algorithm;

	if (field.len == 0)
		return true;
	if (algorithm_read(&field, &algorithm, NULL) != RC_OK ||
	    field.len > 0 || !algorithm_is_bare(&algorithm))
		return false;
	/* written out or left to the default: the same */
	*ret = span_is(algorithm.oid, span_of(sha1, sizeof(sha1)))
		   ? SPAN_NONE
		   : algorithm.oid;
	return true;
}

static bool
read_mask(struct span field, struct span *ret)
{
	struct algorithm algorithm;

	if (field.len == 0)
		return true;
	return algorithm_read(&field, &algorithm, NULL) == RC_OK &&
	       field.len == 0 &&
	       span_is(algorithm.oid, span_of(mgf1, sizeof(mgf1))) &&
	       algorithm.parameters.len > 0 &&
	       read_digest(algorithm.parameters, ret);
}

static bool
read_number(struct span field, unsigned standard, unsigned *ret)
{
	struct der number;
	unsigned value = 0;

	*ret = standard;
	if (field.len == 0)
		return true;
	if (der_expect(&field, DER_INTEGER, &number, NULL) != RC_OK ||
	    field.len > 0 || number.value.len == 0 || number.value.len > 2 ||
	    (number.value.data[0] & 0x80))
		return false;
	for (size_t i = 0; i < number.value.len; i++)
		value = value << 8 | number.value.data[i];
	*ret = value;
	return true;
}

static bool
read_pss(struct span parameters, struct pss *ret)
{
	struct der all;
	struct span field;
	unsigned trailer;

	*ret = (struct pss){SPAN_NONE, SPAN_NONE, SALT_DEFAULT};
	if (der_expect(&parameters, DER_SEQUENCE, &all, NULL) != RC_OK ||
	    parameters.len > 0)
		return false;
	struct span *in = &all.value;
	return take_field(in, 0xa0, &field) &&
	       read_digest(field, &ret->digest) &&
	       take_field(in, 0xa1, &field) && read_mask(field, &ret->mask) &&
	       take_field(in, 0xa2, &field) &&
	       read_number(field, SALT_DEFAULT, &ret->salt) &&
	       take_field(in, 0xa3, &field) &&
	       read_number(field, TRAILER, &trailer) && trailer == TRAILER &&
	       ret->salt <= SALT_MAX && in->len == 0;
}

/* DIGEST_NONE: SHA-1, or one we do not have. */
static enum digest_kind
kind_of(struct span oid)
{
	const struct algorithm named = {.oid = oid};

	return digest_find(&named);
}

static const char *
refuse_pss(struct span parameters, enum digest_kind digest)
{
	struct pss pss;

	/* "MUST be present" (RFC 4056 section 3), for their absence would be
	 * SHA-1 */
	if (!read_pss(parameters, &pss))
		return "sig.unsupported";
	if (pss.digest.len == 0)
		return "sig.alg-weak";
	if (kind_of(pss.digest) == DIGEST_NONE)
		return "sig.unsupported";
	/* RFC 4056 section 3: it MUST be the digest of the SignerInfo */
	return kind_of(pss.digest) == digest ? NULL : "sig.invalid";
}

/* --- is it any good? */

static bool
parameters_fit(const struct sigalg *row, const struct algorithm *signature)
{
	if (row->how == HOW_PURE)
		return signature->parameters.len == 0;
	return algorithm_is_bare(signature);
}

const char *
sigalg_read(const struct algorithm *digest, const struct algorithm *signature,
    struct sigalg_use *ret)
{
	*ret = (struct sigalg_use){
	    find(signature->oid), digest_find(digest), signature->parameters};
	if (is_weak(digest->oid) || is_weak(signature->oid))
		return "sig.alg-weak";
	if (ret->row == NULL || ret->row->how == HOW_NOT ||
	    ret->digest == DIGEST_NONE)
		return "sig.unsupported";
	if (ret->row->how == HOW_PSS)
		return refuse_pss(signature->parameters, ret->digest);
	/* RFC 8933 section 2: one digest for the content and the attributes */
	if (!(ret->row->digests & ONE(ret->digest)))
		return "sig.invalid";
	return parameters_fit(ret->row, signature) ? NULL : "sig.invalid";
}

/* RFC 4056 section 3, steps 1 to 4; the trailer is always 1 here. */
static const char *
refuse_pss_key(const struct sigalg_use *use, const struct cert *cert)
{
	struct certid look;
	struct algorithm algorithm;
	struct pss mine, keys;

	if (certid_look(cert, &look, NULL) != RC_OK ||
	    algorithm_read(&look.key_algorithm, &algorithm, NULL) != RC_OK)
		return "sig.unsupported";
	if (algorithm.parameters.len == 0)
		return NULL; /* the key says nothing */
	if (!read_pss(algorithm.parameters, &keys) ||
	    !read_pss(use->parameters, &mine))
		return "sig.unsupported";
	return span_is(mine.digest, keys.digest) &&
		       span_is(mine.mask, keys.mask) && mine.salt >= keys.salt
		   ? NULL
		   : "sig.invalid";
}

static const char *
refuse_rsa(int bits)
{
	if (bits > RSA_BITS_MAX)
		return "sig.unsupported";
	return bits < RSA_BITS_MIN ? "sig.alg-weak" : NULL;
}

static const char *
refuse_kind(const struct sigalg *row, const EVP_PKEY *key)
{
	if (!EVP_PKEY_is_a(key, row->key))
		return "sig.invalid";
	if (row->how == HOW_RSA || row->how == HOW_PSS)
		return refuse_rsa(EVP_PKEY_get_bits(key));
	if (row->how == HOW_CURVE && EVP_PKEY_get_bits(key) < CURVE_BITS_MIN)
		return "sig.alg-weak";
	return NULL;
}

const char *
sigalg_refuse_key(const struct sigalg_use *use, const struct cert *cert)
{
	const EVP_PKEY *key = cert_key(cert);

	if (key == NULL) {
		ERR_clear_error();
		return "sig.unsupported";
	}
	/* a key that is for PSS only (its own OID) does nothing else */
	if (!EVP_PKEY_is_a(key, "RSA-PSS"))
		return refuse_kind(use->row, key);
	if (use->row->how != HOW_PSS)
		return "sig.invalid";
	const char *reason = refuse_rsa(EVP_PKEY_get_bits(key));
	return reason != NULL ? reason : refuse_pss_key(use, cert);
}

/* --- verifying */

static const char *
mask_name(const struct pss *pss)
{
	enum digest_kind kind = kind_of(pss->mask);

	if (pss->mask.len == 0)
		return "SHA1";
	return kind == DIGEST_NONE ? NULL : EVP_MD_get0_name(digest_md(kind));
}

static bool
set_pss(EVP_PKEY_CTX *ctx, const struct sigalg_use *use)
{
	struct pss pss;

	if (!read_pss(use->parameters, &pss))
		return false;
	const char *mask = mask_name(&pss);
	return mask != NULL &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mask, NULL) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)pss.salt) == 1;
}

static bool
verify_pss(const struct sigalg_use *use, const struct cert *cert,
    struct span value, struct span hash)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, cert_key(cert), NULL);

	return ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(ctx, digest_md(use->digest)) ==
		   1 &&
	       set_pss(ctx, use) &&
	       EVP_PKEY_verify(
		   ctx, value.data, value.len, hash.data, hash.len) == 1;
}

/* The digest by hand, for EVP_DigestVerifyInit() would fetch it each time. */
static bool
verify_hashed(const struct sigalg_use *use, const struct cert *cert,
    struct span value, struct span bytes)
{
	uint8_t room[DIGEST_LEN_MAX];
	size_t len = digest_once(use->digest, bytes, room);
	const struct span hash = span_of(room, len);

	if (len == 0)
		return false;
	return use->row->how == HOW_PSS
		   ? verify_pss(use, cert, value, hash)
		   : signature_fits(cert, digest_md(use->digest), hash, value);
}

static bool
verify_pure(EVP_PKEY *key, struct span value, struct span bytes)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();

	return ctx != NULL &&
	       EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(
		   ctx, value.data, value.len, bytes.data, bytes.len) == 1;
}

bool
sigalg_verify(const struct sigalg_use *use, const struct cert *cert,
    struct span value, struct span bytes)
{
	EVP_PKEY *key = cert_key(cert);
	bool ok =
	    key != NULL && (use->row->how == HOW_PURE
				   ? verify_pure(key, value, bytes)
				   : verify_hashed(use, cert, value, bytes));

	ERR_clear_error();
	return ok;
}

/* --- how we sign */

/* RFC 8933: the digest of the content is the digest of the signature. */
struct choice {
	const char *key;
	int bits; /* 0: any */
	enum digest_kind digest;
	uint8_t last; /* octet of the algorithm's OID */
	bool null_parameter;
};

static const struct choice choices[] = {
    {"EC", 256, DIGEST_SHA256, 2, false},
    {"EC", 384, DIGEST_SHA384, 3, false},
    {"EC", 521, DIGEST_SHA512, 4, false},
    {"RSA", 0, DIGEST_SHA256, 1, true},
    {"ED25519", 0, DIGEST_SHA512, 112, false},
    {"ED448", 0, DIGEST_SHAKE256, 113, false},
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
    {"ML-DSA-44", 0, DIGEST_SHA512, 17, false},
    {"ML-DSA-65", 0, DIGEST_SHA512, 18, false},
    {"ML-DSA-87", 0, DIGEST_SHA512, 19, false},
#endif
};

static const struct choice *
choose(const EVP_PKEY *key)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++)
		if ((choices[i].bits == 0 ||
			EVP_PKEY_get_bits(key) == choices[i].bits) &&
		    EVP_PKEY_is_a(key, choices[i].key))
			return &choices[i];
	return NULL;
}

static const struct sigalg *
row_of(const struct choice *choice)
{
	for (size_t i = 0;; i++)
		if (strcmp(sigalgs[i].key, choice->key) == 0 &&
		    sigalgs[i].oid[sigalgs[i].oid_len - 1] == choice->last)
			return &sigalgs[i];
}

static enum rc
print_plain(const struct choice *choice, struct buf *der, struct err *err)
{
	const struct sigalg *row = row_of(choice);
	size_t at;

	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(print_bytes(der, PRINT_OID, span_of(row->oid, row->oid_len), err));
	if (choice->null_parameter)
		TRY(print_bytes(der, PRINT_NULL, SPAN_NONE, err));
	return print_end(der, at, err);
}

/* With NULL, as RFC 4055 section 2.1 has it and every reader expects. */
static enum rc
print_digest(enum digest_kind digest, struct buf *der, struct err *err)
{
	struct span bare = digest_algorithm(digest);
	size_t at;

	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(buf_add(der, span_after(bare, 2), err));
	TRY(print_bytes(der, PRINT_NULL, SPAN_NONE, err));
	return print_end(der, at, err);
}

static enum rc
print_mask(enum digest_kind digest, struct buf *der, struct err *err)
{
	size_t at;

	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(print_bytes(der, PRINT_OID, span_of(mgf1, sizeof(mgf1)), err));
	TRY(print_digest(digest, der, err));
	return print_end(der, at, err);
}

static enum rc
print_pss(
    enum digest_kind digest, unsigned salt, struct buf *der, struct err *err)
{
	static const uint8_t oid[] = {
	    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
	size_t all, parameters, field;

	TRY(print_begin(der, PRINT_SEQUENCE, &all, err));
	TRY(print_bytes(der, PRINT_OID, span_of(oid, sizeof(oid)), err));
	TRY(print_begin(der, PRINT_SEQUENCE, &parameters, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(0), &field, err));
	TRY(print_digest(digest, der, err));
	TRY(print_end(der, field, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(1), &field, err));
	TRY(print_mask(digest, der, err));
	TRY(print_end(der, field, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(2), &field, err));
	TRY(print_number(der, salt, err));
	TRY(print_end(der, field, err));
	TRY(print_end(der, parameters, err));
	return print_end(der, all, err);
}

static enum rc
choose_pss(const EVP_PKEY *key, struct sigalg_choice *ret, struct err *err)
{
	struct crypto_pss pss;
	enum digest_kind kind = DIGEST_SHA256;

	TRY(crypto_pss(key, &pss, err));
	while (kind < DIGEST_SHA512 &&
	       EVP_MD_get_type(digest_md(kind)) != EVP_MD_get_type(pss.digest))
		kind++;
	ret->digest = kind;
	ret->pss = true;
	return print_pss(kind, (unsigned)pss.salt, &ret->algorithm, err);
}

enum rc
sigalg_choose(
    const EVP_PKEY *key, bool pss, struct sigalg_choice *ret, struct err *err)
{
	if (EVP_PKEY_is_a(key, "RSA-PSS") || (pss && EVP_PKEY_is_a(key, "RSA")))
		return choose_pss(key, ret, err);
	const struct choice *choice = choose(key);
	if (choice == NULL)
		return err_set(err, RC_UNFIT,
		    "only RSA, P-256, P-384, P-521, Ed25519 and Ed448 keys "
		    "can sign");
	ret->digest = choice->digest;
	return print_plain(choice, &ret->algorithm, err);
}
