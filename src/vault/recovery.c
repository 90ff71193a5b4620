#include "vault/recovery.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "base/own.h"
#include "codec/base64.h"
#include "os/random.h"
#include "pki/crypto.h"

#define INFO "letterlock recovery v1 "
#define CHECKED "letterlock recovery code"
#define SYMBOLS 28
#define GROUP 4
#define CHECK_BITS 12
#define COORDINATE 32
#define SCALAR_SEED 48
#define KEY_MAX 64
#define INPUT_MAX 200

_Static_assert(SYMBOLS * 5 == RECOVERY_BYTES * 8 + CHECK_BITS, "bits");

OWNER(EVP_KDF, EVP_KDF_free);
OWNER(EVP_KDF_CTX, EVP_KDF_CTX_free);
OWNER(EC_GROUP, EC_GROUP_free);
OWNER(EC_POINT, EC_POINT_free);
OWNER(BN_CTX, BN_CTX_free);

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum rc
recovery_make(struct buf *secret, struct err *err)
{
	uint8_t *room = NULL;

	TRY(buf_reserve(secret, RECOVERY_BYTES, &room, err));
	random_fill(room, RECOVERY_BYTES);
	buf_grown(secret, RECOVERY_BYTES);
	return RC_OK;
}

/* -- the code -- */

/* The bytes with their 12 bits behind them. */
struct code {
	uint8_t bytes[RECOVERY_BYTES + 2];
};
#define CODE_OWNED __attribute__((cleanup(code_done)))

static void
code_done(struct code *code)
{
	OPENSSL_cleanse(code, sizeof(*code));
}

static enum rc
code_init(struct code *code, struct span secret, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(256);
	uint8_t digest[SHA256_DIGEST_LENGTH];

	if (secret.len != RECOVERY_BYTES)
		return err_set(err, RC_UNFIT, "a recovery code has %d bytes",
		    RECOVERY_BYTES);
	TRY(buf_add_str(&text, CHECKED, err));
	TRY(buf_add(&text, secret, err));
	SHA256(text.data, text.len, digest);
	memcpy(code->bytes, secret.data, RECOVERY_BYTES);
	code->bytes[RECOVERY_BYTES] = digest[0];
	code->bytes[RECOVERY_BYTES + 1] = digest[1] & 0xf0;
	OPENSSL_cleanse(digest, sizeof(digest));
	return RC_OK;
}

static unsigned
get_symbol(const struct code *code, size_t which)
{
	unsigned symbol = 0;

	for (size_t bit = which * 5; bit < which * 5 + 5; bit++)
		symbol = symbol << 1 |
			 ((unsigned)code->bytes[bit / 8] >> (7 - bit % 8) & 1U);
	return symbol;
}

static void
set_symbol(struct code *code, size_t which, unsigned symbol)
{
	for (size_t i = 0; i < 5; i++) {
		size_t bit = which * 5 + i;
		if (symbol >> (4 - i) & 1U)
			code->bytes[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
	}
}

enum rc
recovery_print(struct span secret, struct buf *text, struct err *err)
{
	struct code code CODE_OWNED = {0};
	struct buf own BUF_OWNED = BUF_SECRET(64);

	TRY(code_init(&code, secret, err));
	for (size_t i = 0; i < SYMBOLS; i++) {
		if (i > 0 && i % GROUP == 0)
			TRY(buf_add_byte(&own, '-', err));
		TRY(buf_add_byte(
		    &own, (uint8_t)alphabet[get_symbol(&code, i)], err));
	}
	return buf_add(text, buf_span(&own), err);
}

static bool
is_between(uint8_t c)
{
	return c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What a person who reads it from paper may take one for the other.  -1: in no
 * code. */
static int
find_symbol(uint8_t c)
{
	if (c >= 'a' && c <= 'z')
		c = (uint8_t)(c - 'a' + 'A');
	if (c == 'I' || c == 'L')
		c = '1';
	if (c == 'O')
		c = '0';
	for (int i = 0; alphabet[i] != '\0'; i++)
		if (c == (uint8_t)alphabet[i])
			return i;
	return -1;
}

static enum rc
read_symbols(struct span text, struct code *code, struct err *err)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (is_between(text.data[i]))
			continue;
		int symbol = find_symbol(text.data[i]);
		if (symbol < 0)
			return err_set(err, RC_SYNTAX,
			    "character %zu is in no recovery code", i + 1);
		if (len < SYMBOLS)
			set_symbol(code, len, (unsigned)symbol);
		len++;
	}
	if (len != SYMBOLS)
		return err_set(err, RC_SYNTAX,
		    "a recovery code has %d letters and digits, this has %zu",
		    SYMBOLS, len);
	return RC_OK;
}

enum rc
recovery_parse(struct span text, struct buf *secret, struct err *err)
{
	struct code got CODE_OWNED = {0}, want CODE_OWNED = {0};

	if (text.len > INPUT_MAX)
		return err_set(
		    err, RC_SYNTAX, "this is too long for a recovery code");
	TRY(read_symbols(text, &got, err));
	const struct span bytes = span_of(got.bytes, RECOVERY_BYTES);
	TRY(code_init(&want, bytes, err));
	if (CRYPTO_memcmp(got.bytes, want.bytes, sizeof(got.bytes)) != 0)
		return err_set(err, RC_SYNTAX,
		    "a character of the recovery code is wrong: compare it "
		    "with the paper");
	return buf_add(secret, bytes, err);
}

/* -- the keys -- */

enum rc
recovery_derive(struct span secret, const char *purpose, size_t len,
    struct buf *key, struct err *err)
{
	struct buf info BUF_OWNED = BUF(256);
	char digest[] = "SHA256";
	uint8_t *room = NULL;

	if (secret.len != RECOVERY_BYTES || len == 0 || len > KEY_MAX)
		return err_set(err, RC_UNFIT, "no such key in a recovery code");
	TRY(buf_add_format(&info, err, INFO "%s", purpose));
	EVP_KDF *kdf OWNED(EVP_KDF_free) = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context OWNED(EVP_KDF_CTX_free) = EVP_KDF_CTX_new(kdf);
	/* OSSL_PARAM is not const, but HKDF only reads. */
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, digest, sizeof(digest) - 1),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.data, secret.len),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, info.data, info.len),
	    OSSL_PARAM_construct_end(),
	};
	TRY(buf_reserve(key, len, &room, err));
	if (context == NULL || EVP_KDF_derive(context, room, len, params) != 1)
		return crypto_failed(err, "HKDF");
	buf_grown(key, len);
	return RC_OK;
}

/* The private number and the point that belongs to it. */
struct proof {
	uint8_t d[COORDINATE];
	uint8_t point[1 + 2 * COORDINATE]; /* uncompressed */
};
#define PROOF_OWNED __attribute__((cleanup(proof_done)))

static void
proof_done(struct proof *proof)
{
	OPENSSL_cleanse(proof, sizeof(*proof));
}

/* 1 + seed mod (n - 1), so from 1 to n - 1, by 128 bits more than n has: all
 * but evenly. */
static bool
make_scalar(const EC_GROUP *group, struct span seed, BIGNUM *d, BN_CTX *context)
{
	BIGNUM *wide OWNED(BN_clear_free) =
	    BN_bin2bn(seed.data, (int)seed.len, NULL);
	BIGNUM *most OWNED(BN_clear_free) = BN_dup(EC_GROUP_get0_order(group));

	return wide != NULL && most != NULL && BN_sub_word(most, 1) == 1 &&
	       BN_mod(d, wide, most, context) == 1 && BN_add_word(d, 1) == 1;
}

static enum rc
make_proof(struct span seed, struct proof *ret, struct err *err)
{
	EC_GROUP *group OWNED(EC_GROUP_free) =
	    EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BN_CTX *context OWNED(BN_CTX_free) = BN_CTX_secure_new();
	BIGNUM *d OWNED(BN_clear_free) = BN_secure_new();
	EC_POINT *point OWNED(EC_POINT_free) =
	    group != NULL ? EC_POINT_new(group) : NULL;

	if (context == NULL || d == NULL || point == NULL ||
	    !make_scalar(group, seed, d, context))
		return crypto_failed(err, "recovery key");
	BN_set_flags(d, BN_FLG_CONSTTIME);
	if (EC_POINT_mul(group, point, d, NULL, NULL, context) != 1 ||
	    BN_bn2binpad(d, ret->d, COORDINATE) != COORDINATE ||
	    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED,
		ret->point, sizeof(ret->point), context) != sizeof(ret->point))
		return crypto_failed(err, "recovery key");
	return RC_OK;
}

static enum rc
add_number(
    const char *name, const uint8_t *bytes, struct buf *jwk, struct err *err)
{
	TRY(buf_add_format(jwk, err, ",\"%s\":\"", name));
	TRY(base64url_encode(span_of(bytes, COORDINATE), jwk, err));
	return buf_add_str(jwk, "\"", err);
}

enum rc
recovery_jwk(struct span secret, struct buf *jwk, struct err *err)
{
	struct buf seed BUF_OWNED = BUF_SECRET(SCALAR_SEED);
	struct buf own BUF_OWNED = BUF_SECRET(1024);
	struct proof proof PROOF_OWNED = {{0}, {0}};

	TRY(recovery_derive(secret, "proof", SCALAR_SEED, &seed, err));
	TRY(make_proof(buf_span(&seed), &proof, err));
	TRY(buf_add_str(&own, "{\"kty\":\"EC\",\"crv\":\"P-256\"", err));
	TRY(add_number("x", proof.point + 1, &own, err));
	TRY(add_number("y", proof.point + 1 + COORDINATE, &own, err));
	TRY(add_number("d", proof.d, &own, err));
	TRY(buf_add_str(&own, "}", err));
	return buf_add(jwk, buf_span(&own), err);
}
