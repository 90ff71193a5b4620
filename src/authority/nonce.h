/* authority/nonce -- every nonce is good once.
 *
 * Standard:  RFC 8555 section 6.5.
 *
 * A nonce is some bytes under a MAC: no memory per client, so that asking for
 * nonces costs an attacker more than us.  What was used is remembered:
 *
 *   one process (SQLite)      in memory, a bit each; the newest NONCE_WINDOW
 *                             are good
 *   several (PostgreSQL)      in the database, with the key of the MAC, so that
 *                             each takes the nonces of all; they are good for
 *                             NONCE_SECONDS
 *
 * An older one, one of an earlier run or a made-up one is not good, and a
 * client tries again with the one it is given (section 6.5 has it so).
 *
 * May use:   base codec os store.
 */
#ifndef AUTHORITY_NONCE_H
#define AUTHORITY_NONCE_H

#include "base/buf.h"
#include "base/own.h"
#include "store/sql.h"

#define NONCE_WINDOW ((uint64_t)1 << 20)
#define NONCE_SECONDS 3600

struct nonces;

/* Borrows `sql` until nonces_free(). */
enum rc nonces_new(struct sql *sql, struct nonces **ret, struct err *err);
void nonces_free(struct nonces *nonces);
OWNER(struct nonces, nonces_free);

/* Append a fresh one, as base64url. */
enum rc nonces_make(
    struct nonces *nonces, int64_t now, struct buf *out, struct err *err);
/* Use it up; not within a transaction, for it is used whatever comes of the
 * request.  RC_REFUSED: used before, too old, or not ours. */
enum rc nonces_use(
    struct nonces *nonces, const char *nonce, int64_t now, struct err *err);

/* A job: forget what is too old to be used again.  `context` is not used. */
enum rc nonces_forget(
    void *context, struct sql *sql, int64_t now, struct err *err);

#endif
