/* cms/compose -- sign and seal one MIME entity, as a stream, into the entity
 * that is sent.
 *
 * Standard:  RFC 8551 sections 3.3 to 3.6; RFC 1847.
 * May use:   base codec mime pki.  No I/O, no clock, no random numbers but for
 *            keys.
 * Not here:  the letter's own header fields (mime/protect), fetching the
 *            timestamp (net), for whom and how (flow).
 * Limits:    cms/sign's and cms/seal's; the entity has none, and memory does
 *            not depend on its length.
 *
 * new -> push* -> close -> [imprint -> add_token]* -> finish.  What comes out
 * begins with the entity's MIME fields (no MIME-Version).  Each piece is
 * hashed, encrypted and printed while it is near.
 */
#ifndef CMS_COMPOSE_H
#define CMS_COMPOSE_H

#include "cms/seal.h"
#include "cms/sign.h"

struct compose;

struct compose_options {
	const struct identity *signer; /* NULL: it is not signed */
	int64_t signing_time;
	const struct sign_options *sign; /* NULL: as sign_new() */
	/* Signed: at least COMPOSE_BOUNDARY_MIN characters, chosen at random
	 * for this letter alone, so that nobody can have put it into the
	 * entity.  Of letters, digits and "-_=.+". */
	const char *boundary;
	bool seal;
	enum seal_cipher cipher;
	const struct certs *to; /* sealed for these */
};

#define COMPOSE_BOUNDARY_MIN 16

/* Borrows what `options` points to until compose_free().  RC_UNFIT: neither
 * signed nor sealed; no usable boundary; or as sign_new_with() and
 * seal_add() say.  RC_ABSENT: sealed for nobody. */
enum rc compose_new(const struct compose_options *options, struct compose **ret,
    struct err *err);
void compose_free(struct compose *compose);

/* The next bytes of the entity: canonical (CRLF, 7-bit), that is the caller's
 * promise.  Each of these appends what is ready to `out`; after a failure what
 * came out must be thrown away. */
enum rc compose_push(struct compose *compose, struct span bytes,
    struct buf *out, struct err *err);
/* The entity is complete: sign it. */
enum rc compose_close(
    struct compose *compose, struct buf *out, struct err *err);
/* Signed only: sign_imprint(), sign_add_token(). */
enum rc compose_imprint(
    const struct compose *compose, uint8_t ret_sha256[32], struct err *err);
enum rc compose_add_token(
    struct compose *compose, struct span token, struct err *err);
enum rc compose_finish(
    struct compose *compose, struct buf *out, struct err *err);

#endif
