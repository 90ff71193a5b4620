/* authority/nonce -- every nonce is good once.
 *
 * Standard:  RFC 8555 section 6.5.
 *
 * A nonce is a number under a MAC, and a bit remembers that it was used: no
 * memory per client, so that asking for nonces costs an attacker more than us.
 * The newest NONCE_WINDOW nonces are good; an older one, one of an earlier run
 * or a made-up one is not, and a client tries again with the one it is given
 * (section 6.5 has it so).
 *
 * May use:   base codec os.
 */
#ifndef AUTHORITY_NONCE_H
#define AUTHORITY_NONCE_H

#include "base/buf.h"
#include "base/own.h"

#define NONCE_WINDOW ((uint64_t)1 << 20)

struct nonces;

enum rc nonces_new(struct nonces **ret, struct err *err);
void nonces_free(struct nonces *nonces);
OWNER(struct nonces, nonces_free);

/* Append a fresh one, as base64url. */
enum rc nonces_make(struct nonces *nonces, struct buf *out, struct err *err);
/* Use it up.  RC_REFUSED: used before, too old, or not ours. */
enum rc nonces_use(struct nonces *nonces, const char *nonce, struct err *err);

#endif
