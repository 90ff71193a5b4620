#include "vault/unlock_priv.h"

#include <limits.h>

#include <openssl/err.h>

#include "base/own.h"
#include "pki/der.h"
#include "vault/unlock_algorithm_priv.h"

/* ---- the passphrase ------------------------------------------------------------- */

void
unlock_done(struct unlock *unlock)
{
	for (size_t i = 0; i < UNLOCK_READINGS; i++)
		buf_done(&unlock->reading[i].bytes);
	if (unlock->legacy != NULL)
		OSSL_PROVIDER_unload(unlock->legacy);
	if (unlock->modern != NULL)
		OSSL_PROVIDER_unload(unlock->modern);
	OSSL_LIB_CTX_free(unlock->library);
	ERR_clear_error();
}

/* The next character of UTF-8 below U+0100; -1: none. */
static int
next_latin1(struct span text, size_t *at)
{
	uint8_t c = text.data[(*at)++];

	if (c < 0x80)
		return c;
	if ((c != 0xc2 && c != 0xc3) || *at == text.len ||
	    (text.data[*at] & 0xc0) != 0x80)
		return -1;
	return (c & 0x03) << 6 | (text.data[(*at)++] & 0x3f);
}

/* Latin-1 programs had one byte for an umlaut.  RC_ABSENT: it has characters
 * that these did not. */
static enum rc
add_latin1(struct span text, struct buf *out, struct err *err)
{
	for (size_t at = 0; at < text.len;) {
		int c = next_latin1(text, &at);
		if (c < 0)
			return RC_ABSENT;
		TRY(buf_add_byte(out, (uint8_t)c, err));
	}
	return RC_OK;
}

/* OpenSSL before 1.1 took each byte of UTF-8 for a character. */
static enum rc
add_twice(struct span text, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c >= 0x80)
			TRY(buf_add_byte(out, (uint8_t)(0xc0 | c >> 6), err));
		TRY(buf_add_byte(
		    out, c < 0x80 ? c : (uint8_t)(0x80 | (c & 0x3f)), err));
	}
	return RC_OK;
}

/* NSS gave PBES2 what only PKCS#12's own way takes: UTF-16 with its end. */
static enum rc
add_utf16(struct span text, struct buf *out, struct err *err)
{
	unsigned char *utf16 = NULL;
	int len = 0;

	if (text.len > INT_MAX || OPENSSL_utf82uni((const char *)text.data,
				      (int)text.len, &utf16, &len) == NULL)
		return RC_ABSENT;
	enum rc rc = buf_add(out, span_of(utf16, (size_t)len), err);
	OPENSSL_clear_free(utf16, (size_t)len);
	return rc;
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

static enum rc
add_reading(struct unlock *unlock, struct span text,
    enum rc (*add)(struct span text, struct buf *out, struct err *err),
    struct reading how, struct err *err)
{
	struct reading *reading = &unlock->reading[unlock->readings];
	enum rc rc = RC_OK;

	how.bytes = BUF_SECRET(16384);
	*reading = how;
	if (add != NULL)
		rc = add(text, &reading->bytes, err);
	if (rc == RC_ABSENT)
		buf_done(&reading->bytes);
	else
		unlock->readings++;
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
add_same(struct span text, struct buf *out, struct err *err)
{
	return buf_add(out, text, err);
}

/* A passphrase for all of a folder's files is given for those too that have
 * none: so nothing is tried at last, in both its kinds. */
static enum rc
add_readings(struct unlock *unlock, struct span text, struct err *err)
{
	const struct reading plain = {0}, pbes2 = {.pbes2 = true};
	const struct reading old = {.not_pbes2 = true};
	const struct reading none = {.none = true, .not_pbes2 = true};

	if (text.len > 0)
		TRY(add_reading(unlock, text, add_same, plain, err));
	if (!is_ascii(text)) {
		TRY(add_reading(unlock, text, add_twice, old, err));
		TRY(add_reading(unlock, text, add_latin1, pbes2, err));
	}
	if (text.len > 0)
		TRY(add_reading(unlock, text, add_utf16, pbes2, err));
	TRY(add_reading(unlock, SPAN_NONE, NULL, plain, err));
	return add_reading(unlock, SPAN_NONE, NULL, none, err);
}

enum rc
unlock_init(struct unlock *unlock, struct span passphrase, int64_t work,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(4096);
	const char *unused;

	*unlock = (struct unlock){.given = passphrase.len > 0, .work = work};
	enum rc rc = buf_add(&text, passphrase, err);
	if (rc == RC_OK)
		rc = buf_str(&text, &unused, err); /* refuses a NUL */
	if (rc == RC_OK)
		rc = add_readings(unlock, buf_span(&text), err);
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "passphrase");
}

enum rc
unlock_library(struct unlock *unlock, OSSL_LIB_CTX **ret, struct err *err)
{
	*ret = unlock->library;
	if (*ret != NULL)
		return RC_OK;
	unlock->library = OSSL_LIB_CTX_new();
	if (unlock->library == NULL)
		return err_nomem(err, "reading keys");
	unlock->modern = OSSL_PROVIDER_load(unlock->library, "default");
	if (unlock->modern == NULL) {
		OSSL_LIB_CTX_free(take(unlock->library));
		return crypto_failed(err, "reading keys");
	}
	unlock->legacy = OSSL_PROVIDER_load(unlock->library, "legacy");
	ERR_clear_error();
	*ret = unlock->library;
	return RC_OK;
}

/* ---- trying ----------------------------------------------------------------------- */

/* As the library wants it: NULL is no passphrase at all. */
static const char *
bytes_of(const struct reading *reading)
{
	if (reading->none)
		return NULL;
	return reading->bytes.len > 0 ? (const char *)reading->bytes.data : "";
}

static enum rc
refuse(const struct unlock *unlock, struct err *err)
{
	ERR_clear_error();
	if (unlock->sure)
		return err_set(err, RC_CRYPTO,
		    "the file is damaged, or a part of it has another "
		    "passphrase");
	if (!unlock->given)
		return err_set(err, RC_REFUSED,
		    "the file is encrypted: give its passphrase");
	return err_set(err, RC_REFUSED, "wrong passphrase");
}

/* Something to open, and how: true if this reading was right. */
struct attempt {
	struct unlock *unlock;
	int64_t rounds;
	bool pbes2;
	bool (*open)(struct attempt *attempt, const struct reading *reading);
	const void *what;
	void *ret;
};

static enum rc
charge(struct unlock *unlock, int64_t rounds, struct err *err)
{
	if (rounds > unlock->work)
		return err_set(err, RC_LIMIT,
		    "the file wants too many rounds of its passphrase in all");
	unlock->work -= rounds;
	return RC_OK;
}

static bool
is_for(const struct attempt *attempt, const struct reading *reading)
{
	return attempt->pbes2 ? !reading->not_pbes2 : !reading->pbes2;
}

/* The reading that was right before is tried first. */
static enum rc
try_all(struct attempt *attempt, struct err *err)
{
	struct unlock *unlock = attempt->unlock;

	for (size_t i = 0; i < unlock->readings; i++) {
		size_t at = i == 0              ? unlock->best
			    : i <= unlock->best ? i - 1
						: i;
		const struct reading *reading = &unlock->reading[at];
		if (!is_for(attempt, reading))
			continue;
		TRY(charge(unlock, attempt->rounds, err));
		if (!attempt->open(attempt, reading))
			continue;
		unlock->best = at;
		return RC_OK;
	}
	return refuse(unlock, err);
}

/* ---- PKCS#12 ----------------------------------------------------------------------- */

static bool
open_check(struct attempt *attempt, const struct reading *reading)
{
	PKCS12 *p12 = attempt->ret;

	return PKCS12_verify_mac(p12, bytes_of(reading),
		   reading->none ? 0 : (int)reading->bytes.len) == 1;
}

static bool
open_pbmac1(struct attempt *attempt, const struct reading *reading)
{
	return pbmac1_verify(attempt->what, buf_span(&reading->bytes));
}

enum rc
unlock_check(struct unlock *unlock, PKCS12 *p12, struct err *err)
{
	struct attempt attempt = {
	    .unlock = unlock, .open = open_check, .ret = p12};
	struct pbmac1 pbmac1 PBMAC1_OWNED = PBMAC1_NONE;
	bool modern = false;
	OSSL_LIB_CTX *library;

	if (!PKCS12_mac_present(p12))
		return RC_OK;
	TRY(unlock_library(unlock, &library, err));
	TRY(algorithm_check_mac(library, p12, &attempt.rounds, &modern, err));
	if (modern) {
		TRY(pbmac1_parse(p12, &pbmac1, err));
		attempt.open = open_pbmac1;
		attempt.what = &pbmac1;
		attempt.pbes2 = true;
	}
	TRY(try_all(&attempt, err));
	unlock->sure = true;
	return RC_OK;
}

static bool
open_bags(struct attempt *attempt, const struct reading *reading)
{
	STACK_OF(PKCS12_SAFEBAG) **ret = attempt->ret;
	PKCS7 *safe = (PKCS7 *)(uintptr_t)attempt->what;

	*ret = PKCS12_unpack_p7encdata(
	    safe, bytes_of(reading), (int)reading->bytes.len);
	return *ret != NULL;
}

enum rc
unlock_bags(struct unlock *unlock, PKCS7 *safe, STACK_OF(PKCS12_SAFEBAG) **ret,
    struct err *err)
{
	struct attempt attempt = {
	    .unlock = unlock, .open = open_bags, .what = safe, .ret = ret};
	const PKCS7_ENCRYPT *encrypted = safe->d.encrypted;
	OSSL_LIB_CTX *library;

	if (encrypted == NULL || encrypted->enc_data == NULL ||
	    encrypted->enc_data->enc_data == NULL)
		return err_set(err, RC_SYNTAX, "PKCS#12: damaged");
	TRY(unlock_library(unlock, &library, err));
	TRY(algorithm_check(library, encrypted->enc_data->algorithm,
	    &attempt.rounds, &attempt.pbes2, err));
	return try_all(&attempt, err);
}

/* ---- PKCS#8 ------------------------------------------------------------------------ */

/* A PKCS#8 of version 2 (RFC 5958) has the public key behind the private one,
 * which OpenSSL reads since 3.2 only.  Append it as version 1, without. */
static enum rc
add_version_1(struct span der, struct buf *out, struct err *err)
{
	struct der at, version, algorithm, key;
	uint8_t *room;

	TRY(der_expect(&der, DER_SEQUENCE, &at, err));
	struct span in = at.value;
	TRY(der_expect(&in, DER_INTEGER, &version, err));
	TRY(der_expect(&in, DER_SEQUENCE, &algorithm, err));
	TRY(der_expect(&in, DER_OCTETS, &key, err));
	if (!span_is(version.value, span_of("\x01", 1)))
		return err_set(err, RC_SYNTAX, "no PKCS#8 of version 2");
	size_t len = 3 + algorithm.whole.len + key.whole.len;
	int size = ASN1_object_size(1, (int)len, V_ASN1_SEQUENCE);
	TRY(buf_reserve(out, (size_t)size, &room, err));
	ASN1_put_object(&room, 1, (int)len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	buf_grown(out, (size_t)size - len);
	TRY(buf_add(out, span_of("\x02\x01\x00", 3), err));
	TRY(buf_add(out, algorithm.whole, err));
	return buf_add(out, key.whole, err);
}

enum rc
unlock_parse_key(struct span der, EVP_PKEY **ret, struct err *err)
{
	struct buf old BUF_OWNED = BUF_SECRET(der.len + 16);
	const uint8_t *at = der.data;

	if (der.len > INT_MAX)
		return err_set(err, RC_LIMIT, "a private key too large");
	*ret = d2i_AutoPrivateKey(NULL, &at, (long)der.len);
	if (*ret == NULL && add_version_1(der, &old, NULL) == RC_OK) {
		ERR_clear_error();
		at = old.data;
		*ret = d2i_AutoPrivateKey(NULL, &at, (long)old.len);
	}
	return *ret != NULL
		   ? RC_OK
		   : crypto_failed(err, "no private key that we can read");
}

static bool
open_key(struct attempt *attempt, const struct reading *reading)
{
	const X509_ALGOR *algorithm = NULL;
	const ASN1_OCTET_STRING *bytes = NULL;
	unsigned char *der = NULL;
	int len = 0;

	X509_SIG_get0(attempt->what, &algorithm, &bytes);
	if (PKCS12_pbe_crypt_ex(algorithm, bytes_of(reading),
		(int)reading->bytes.len, ASN1_STRING_get0_data(bytes),
		ASN1_STRING_length(bytes), &der, &len, 0,
		attempt->unlock->library, NULL) == NULL)
		return false;
	enum rc rc =
	    unlock_parse_key(span_of(der, (size_t)len), attempt->ret, NULL);
	OPENSSL_clear_free(der, (size_t)len);
	return rc == RC_OK;
}

enum rc
unlock_key(
    struct unlock *unlock, const X509_SIG *sig, EVP_PKEY **ret, struct err *err)
{
	struct attempt attempt = {
	    .unlock = unlock, .open = open_key, .what = sig, .ret = ret};
	const X509_ALGOR *algorithm = NULL;
	const ASN1_OCTET_STRING *bytes = NULL;
	OSSL_LIB_CTX *library;

	X509_SIG_get0(sig, &algorithm, &bytes);
	TRY(unlock_library(unlock, &library, err));
	TRY(algorithm_check(
	    library, algorithm, &attempt.rounds, &attempt.pbes2, err));
	return try_all(&attempt, err);
}

/* ---- PEM ---------------------------------------------------------------------------- */

struct block_opening {
	struct old_pem old;
	struct span data;
};

static bool
open_block(struct attempt *attempt, const struct reading *reading)
{
	const struct block_opening *opening = attempt->what;
	struct buf der BUF_OWNED = BUF_SECRET(opening->data.len + 64);

	return old_pem_decrypt(&opening->old, opening->data,
		   buf_span(&reading->bytes), &der) == RC_OK &&
	       unlock_parse_key(buf_span(&der), attempt->ret, NULL) == RC_OK;
}

enum rc
unlock_block(struct unlock *unlock, const struct pem_block *block,
    EVP_PKEY **ret, struct err *err)
{
	struct block_opening opening = {
	    OLD_PEM_NONE, span_of(block->data, (size_t)block->len)};
	struct attempt attempt = {.unlock = unlock,
	    .rounds = 1,
	    .pbes2 = true,
	    .open = open_block,
	    .what = &opening,
	    .ret = ret};
	OSSL_LIB_CTX *library;

	if (block->header[0] == '\0')
		return unlock_parse_key(opening.data, ret, err);
	TRY(unlock_library(unlock, &library, err));
	TRY(old_pem_parse(library, block->header, &opening.old, err));
	enum rc rc = try_all(&attempt, err);
	old_pem_done(&opening.old);
	return rc;
}
