/* cms/digest -- one content, hashed with every digest a signer may have used;
 * and the names of digests.
 *
 * Standard:  RFC 5754 (SHA-2), RFC 8419 section 2.3 and RFC 8702 (SHAKE256
 *            with 512 bits), RFC 8551 section 3.5.3.2 (micalg).
 * May use:   base pki.  Only inside cms.
 */
#ifndef CMS_DIGEST_PRIV_H
#define CMS_DIGEST_PRIV_H

#include <openssl/evp.h>

#include "base/buf.h"

enum digest_kind {
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
	DIGEST_SHAKE256,     /* id-shake256-len with 512, as Ed448 wants */
	DIGEST_SHAKE256_BARE /* id-shake256: the same 512 bits */
};

#define DIGEST_KINDS 5
#define DIGEST_NONE DIGEST_KINDS /* not one of them */
#define DIGEST_LEN_MAX 64

/* An AlgorithmIdentifier, taken apart; lent. */
struct algorithm {
	struct span whole;
	struct span oid;        /* content octets */
	struct span parameters; /* one element with its tag; empty: absent */
};

/* Take one off `in` (DER). */
enum rc algorithm_read(struct span *in, struct algorithm *ret, struct err *err);
/* Parameters absent or NULL: RFC 5754 section 2 has readers accept both. */
bool algorithm_is_bare(const struct algorithm *algorithm);

/* Which one it is; DIGEST_NONE: none of ours, or with wrong parameters. */
enum digest_kind digest_find(const struct algorithm *algorithm);
/* By the name of a micalg parameter, any case, old spellings too. */
enum digest_kind digest_by_name(struct span name);

/* "SHA-256" */
const char *digest_name(enum digest_kind kind);
/* "sha-256" */
const char *digest_micalg(enum digest_kind kind);
/* The DER of its AlgorithmIdentifier. */
struct span digest_algorithm(enum digest_kind kind);
/* Fetched once and kept; NULL: the library does not have it. */
const EVP_MD *digest_md(enum digest_kind kind);

/* Hash these bytes; returns the length, 0 if the library failed. */
size_t digest_once(
    enum digest_kind kind, struct span bytes, uint8_t ret[DIGEST_LEN_MAX]);

struct digest {
	EVP_MD_CTX *ctx[DIGEST_KINDS]; /* NULL: not wanted */
	uint8_t value[DIGEST_KINDS][DIGEST_LEN_MAX];
	size_t len[DIGEST_KINDS]; /* 0 until digest_finish() */
};

#define DIGEST_OWNED __attribute__((cleanup(digest_done)))

/* Also want that one; before the first byte. */
enum rc digest_want(
    struct digest *digest, enum digest_kind kind, struct err *err);
bool digest_is_wanted(const struct digest *digest, enum digest_kind kind);
enum rc digest_push(struct digest *digest, struct span bytes, struct err *err);
enum rc digest_finish(struct digest *digest, struct err *err);
void digest_done(struct digest *digest);

/* Lends; empty if it was not wanted. */
struct span digest_value(const struct digest *digest, enum digest_kind kind);

#endif
