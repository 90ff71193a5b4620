/* authority/token -- private keys in PKCS#11 tokens.
 *
 * Standard:  PKCS#11 2.40, through p11-kit; RFC 7512 (URIs).  A URI with a
 *            module-path loads that module alone; else all that p11-kit is
 *            configured for are asked.
 * May use:   base os pki; p11-kit.
 * Not here:  digests, what the signatures are called (authority/signer).
 * Limits:    TOKEN_URI_MAX, TOKEN_PIN_MAX.
 * Errors:    RC_IO: the token or its module failed, with PKCS#11's words.
 *            RC_REFUSED: the PIN is wrong or locked.
 * Threads:   one key may be used by several.
 */
#ifndef AUTHORITY_TOKEN_H
#define AUTHORITY_TOKEN_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/own.h"

#define TOKEN_URI_MAX 2000
#define TOKEN_PIN_MAX 256
#define TOKEN_SCHEME "pkcs11:"

struct token_key; /* with a session of its own, logged in */

/* The private key that the URI names, whose public half must be in the token
 * too.  `pin` is copied.  RC_ABSENT: no such token, or no such key in it.
 * RC_UNFIT: several tokens or keys fit. */
enum rc token_key_open(
    const char *uri, struct span pin, struct token_key **ret, struct err *err);
void token_key_free(struct token_key *key); /* NULL is fine */
OWNER(struct token_key, token_key_free);

/* The public half; the caller owns *ret. */
enum rc token_key_public(
    struct token_key *key, EVP_PKEY **ret, struct err *err);

enum token_way {
	TOKEN_ECDSA, /* input: a digest; output: r and s, of equal length */
	TOKEN_RSA,   /* input: a DigestInfo; output: PKCS#1 v1.5 */
};

/* Append the signature.  A session that was lost (the token was pulled out and
 * put back) is opened anew, once. */
enum rc token_key_sign(struct token_key *key, enum token_way way,
    struct span input, struct buf *signature, struct err *err);

/* Make a key on "P-256" or "P-384" in the token that `uri` names, never to
 * leave it, and append the URI that names the key.  RC_UNFIT: several tokens
 * fit. */
enum rc token_key_make(const char *uri, struct span pin, const char *label,
    const char *curve, struct buf *ret_uri, struct err *err);

#endif
