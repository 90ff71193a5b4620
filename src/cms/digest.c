#include "cms/digest_priv.h"

#include <pthread.h>

#include "pki/crypto.h"
#include "pki/der.h"

#define SHAKE_LEN 64

/* 2.16.840.1.101.3.4.2.x */
#define ARC 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02
#define BARE(x)                                  \
	{                                        \
		0x30, 0x0b, 0x06, 0x09, ARC, (x) \
	}
#define BARE_LEN 13
#define OID_AT 4
#define OID_LEN 9

struct kind {
	const char *fetch; /* OpenSSL's name */
	const char *name;
	const char *micalg;
	size_t len;
	uint8_t algorithm[17];
	size_t algorithm_len;
};

static const struct kind kinds[DIGEST_KINDS] = {
    [DIGEST_SHA256] = {"SHA256", "SHA-256", "sha-256", 32, BARE(1), BARE_LEN},
    [DIGEST_SHA384] = {"SHA384", "SHA-384", "sha-384", 48, BARE(2), BARE_LEN},
    [DIGEST_SHA512] = {"SHA512", "SHA-512", "sha-512", 64, BARE(3), BARE_LEN},
    /* RFC 8419 section 2.3: "the parameter MUST contain 512" */
    [DIGEST_SHAKE256] = {"SHAKE256", "SHAKE256", "shake256", SHAKE_LEN,
	{0x30, 0x0f, 0x06, 0x09, ARC, 18, 0x02, 0x02, 0x02, 0x00}, 17},
    [DIGEST_SHAKE256_BARE] = {"SHAKE256", "SHAKE256", "shake256", SHAKE_LEN,
	BARE(12), BARE_LEN},
};

/* A fetch searches the library's providers under a lock: once is enough. */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *mds[DIGEST_KINDS];

static void
fetch_all(void)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		mds[i] = EVP_MD_fetch(NULL, kinds[i].fetch, NULL);
}

const EVP_MD *
digest_md(enum digest_kind kind)
{
	(void)pthread_once(&fetched, fetch_all);
	return kind < DIGEST_KINDS ? mds[kind] : NULL;
}

/* --- names */

enum rc
algorithm_read(struct span *in, struct algorithm *ret, struct err *err)
{
	struct der all, oid, parameters = {0};
	struct span rest = *in;

	TRY(der_expect(&rest, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_OID, &oid, err));
	if (all.value.len > 0)
		TRY(der_next(&all.value, &parameters, err));
	if (all.value.len > 0)
		return err_set(
		    err, RC_SYNTAX, "an algorithm with two parameters");
	*ret = (struct algorithm){all.whole, oid.value, parameters.whole};
	*in = rest;
	return RC_OK;
}

bool
algorithm_is_bare(const struct algorithm *algorithm)
{
	return algorithm->parameters.len == 0 ||
	       span_is(algorithm->parameters, span_of("\5\0", 2));
}

enum digest_kind
digest_find(const struct algorithm *algorithm)
{
	for (enum digest_kind i = 0; i < DIGEST_KINDS; i++) {
		if (!span_is(algorithm->oid,
			span_of(kinds[i].algorithm + OID_AT, OID_LEN)))
			continue;
		if (i == DIGEST_SHAKE256
			? span_is(algorithm->whole, digest_algorithm(i))
			: algorithm_is_bare(algorithm))
			return i;
	}
	return DIGEST_NONE;
}

struct micalg {
	const char *name;
	enum digest_kind kind;
};

/* IANA's names first; "sha256" is RFC 3851's and still written. */
static const struct micalg micalgs[] = {
    {"sha-256", DIGEST_SHA256},
    {"sha-384", DIGEST_SHA384},
    {"sha-512", DIGEST_SHA512},
    {"shake256", DIGEST_SHAKE256},
    {"sha256", DIGEST_SHA256},
    {"sha384", DIGEST_SHA384},
    {"sha512", DIGEST_SHA512},
    {"shake-256", DIGEST_SHAKE256},
    {"shake256-len", DIGEST_SHAKE256},
};

enum digest_kind
digest_by_name(struct span name)
{
	for (size_t i = 0; i < sizeof(micalgs) / sizeof(*micalgs); i++)
		if (span_is_nocase(name, micalgs[i].name))
			return micalgs[i].kind;
	return DIGEST_NONE;
}

const char *
digest_name(enum digest_kind kind)
{
	return kind < DIGEST_KINDS ? kinds[kind].name : NULL;
}

const char *
digest_micalg(enum digest_kind kind)
{
	return kind < DIGEST_KINDS ? kinds[kind].micalg : NULL;
}

struct span
digest_algorithm(enum digest_kind kind)
{
	return kind < DIGEST_KINDS
		   ? span_of(kinds[kind].algorithm, kinds[kind].algorithm_len)
		   : SPAN_NONE;
}

/* --- hashing */

/* Both SHAKE256 give the same octets: one is run for both. */
static enum digest_kind
run_as(enum digest_kind kind)
{
	return kind == DIGEST_SHAKE256_BARE ? DIGEST_SHAKE256 : kind;
}

static bool
final(EVP_MD_CTX *ctx, enum digest_kind kind, uint8_t *ret)
{
	if (kind == DIGEST_SHAKE256)
		return EVP_DigestFinalXOF(ctx, ret, SHAKE_LEN) == 1;
	return EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
}

enum rc
digest_want(struct digest *digest, enum digest_kind kind, struct err *err)
{
	EVP_MD_CTX **ctx = &digest->ctx[run_as(kind)];

	if (kind >= DIGEST_KINDS)
		bug("digest_want: no such kind");
	if (*ctx != NULL)
		return RC_OK;
	const EVP_MD *md = digest_md(kind);
	if (md == NULL)
		return err_set(
		    err, RC_CRYPTO, "libcrypto has no %s", kinds[kind].name);
	*ctx = EVP_MD_CTX_new();
	if (*ctx == NULL)
		return err_nomem(err, "digest");
	if (EVP_DigestInit_ex2(*ctx, md, NULL) != 1)
		return crypto_failed(err, "digest");
	return RC_OK;
}

bool
digest_is_wanted(const struct digest *digest, enum digest_kind kind)
{
	return kind < DIGEST_KINDS && digest->ctx[run_as(kind)] != NULL;
}

enum rc
digest_push(struct digest *digest, struct span bytes, struct err *err)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		if (digest->ctx[i] != NULL && EVP_DigestUpdate(digest->ctx[i],
						  bytes.data, bytes.len) != 1)
			return crypto_failed(err, "digest");
	return RC_OK;
}

enum rc
digest_finish(struct digest *digest, struct err *err)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++) {
		if (digest->ctx[i] == NULL || digest->len[i] > 0)
			continue;
		if (!final(
			digest->ctx[i], (enum digest_kind)i, digest->value[i]))
			return crypto_failed(err, "digest");
		digest->len[i] = kinds[i].len;
	}
	return RC_OK;
}

void
digest_done(struct digest *digest)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++) {
		EVP_MD_CTX_free(digest->ctx[i]);
		digest->ctx[i] = NULL;
		digest->len[i] = 0;
	}
}

struct span
digest_value(const struct digest *digest, enum digest_kind kind)
{
	if (kind >= DIGEST_KINDS)
		return SPAN_NONE;
	size_t i = run_as(kind);
	return span_of(digest->value[i], digest->len[i]);
}

size_t
digest_once(
    enum digest_kind kind, struct span bytes, uint8_t ret[DIGEST_LEN_MAX])
{
	struct digest digest DIGEST_OWNED = {0};

	if (digest_want(&digest, kind, NULL) != RC_OK ||
	    digest_push(&digest, bytes, NULL) != RC_OK ||
	    digest_finish(&digest, NULL) != RC_OK)
		return 0;
	struct span value = digest_value(&digest, kind);
	memcpy(ret, value.data, value.len);
	return value.len;
}
