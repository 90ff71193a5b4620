/* proto/jws -- signed requests of ACME.
 *
 * Standard:  RFC 7515 (flattened JSON), RFC 8555 section 6, RFC 7638
 *            (thumbprint).  By libjose.  ES256 written; ES256, ES384, EdDSA and
 *            RS256 read; HS256 read where an account is bound to another one (RFC
 *            8555 section 7.3.4), and nowhere else.
 * May use:   base codec.
 */
#ifndef PROTO_JWS_H
#define PROTO_JWS_H

#include <jansson.h>
#include <openssl/evp.h>

#include "base/buf.h"

/* A fresh P-256 account key as JWK JSON text (secret). */
enum rc jws_make_key(struct buf *jwk, struct err *err);

/* Append the flattened JWS.  `kid` NULL: the public JWK goes into the header.
 * `nonce` NULL: it is to lie inside of another one.  `payload` "" for
 * POST-as-GET. */
struct jws_request {
	struct span jwk; /* private JWK */
	const char *url;
	const char *nonce;
	const char *kid;
	struct span payload;
};
enum rc jws_sign(
    const struct jws_request *request, struct buf *out, struct err *err);

/* What a server reads.  All owned by the struct. */
struct jws {
	json_t *header; /* protected header */
	json_t *jwk;    /* "jwk" of the header, or NULL */
	char *kid;      /* "kid", or NULL; exactly one of both is there */
	char *url;
	char *nonce; /* NULL in a JWS that lies inside of another one */
	char *algorithm;
	struct buf payload;
	json_t *whole; /* for jws_verify() */
};
#define JWS_OWNED __attribute__((cleanup(jws_done)))

/* Parse without checking the signature (the key is looked up by kid in
 * between).  RC_SYNTAX: not what RFC 8555 section 6.2 allows; RC_UNFIT: an
 * algorithm that is not accepted. */
enum rc jws_parse(struct span text, struct jws *ret, struct err *err);

/* The same for one that lies inside of a request, which must not have a nonce
 * of its own: the new key's of a key change (RFC 8555 section 7.3.5; "jwk"),
 * and the one that binds an account (section 7.3.4; "kid", by a MAC only). */
enum rc jws_parse_inner(struct span text, struct jws *ret, struct err *err);
enum rc jws_parse_binding(struct span text, struct jws *ret, struct err *err);
/* Of a binding.  RC_CRYPTO: the MAC is not by that key. */
enum rc jws_verify_mac(const struct jws *jws, struct span key, struct err *err);

/* RC_CRYPTO: the signature is not by that key.  RC_UNFIT, RC_SYNTAX, RC_LIMIT:
 * the key is not of a kind or size that is accepted, or of another kind than
 * the header's algorithm. */
enum rc jws_verify(const struct jws *jws, json_t *jwk, struct err *err);
void jws_done(struct jws *jws);

/* Append the key as canonical JSON: its public members and nothing else. */
enum rc jws_public(json_t *jwk, struct buf *out, struct err *err);
/* base64url of the SHA-256 of the canonical public JWK (RFC 7638). */
enum rc jws_thumbprint(json_t *jwk, struct buf *out, struct err *err);
/* The same for a key that did not come as a JWK: that of a certificate. */
enum rc jws_key_thumbprint(EVP_PKEY *key, struct buf *out, struct err *err);

#endif
