/* vault/recovery -- a code that a person keeps on paper, and the keys in it.
 *
 * The code is 16 random bytes, as 28 letters and digits in groups of four:
 *
 *   7KQ2-9XWM-...     Crockford's base32 (no I, L, O, U), most significant
 *                     first: the bytes, then the first 12 bits of SHA-256 over
 *                     "letterlock recovery code" and the bytes
 *
 * so that a slip of the pen is noticed before anything is tried with it.  It is
 * read in any case, with I and L as 1, O as 0, and whatever spaces and hyphens
 * are in it.  No copy of it stays on the device.
 *
 * May use:   base codec os pki.
 * Not here:  what is proved by its key (enrol/acme_guard), and what of it the
 *            authority knows (authority/guard_recovery).
 */
#ifndef VAULT_RECOVERY_H
#define VAULT_RECOVERY_H

#include "base/buf.h"

#define RECOVERY_BYTES 16
#define RECOVERY_TEXT_LEN 34 /* with its hyphens */

/* Append 16 fresh bytes.  Here and below what is a secret wants a secret buf. */
enum rc recovery_make(struct buf *secret, struct err *err);
/* Append the code of the 16 bytes. */
enum rc recovery_print(struct span secret, struct buf *text, struct err *err);
/* Append the 16 bytes of a code.  RC_SYNTAX: it is none, and why. */
enum rc recovery_parse(struct span text, struct buf *secret, struct err *err);

/* Append `len` bytes of a key for one purpose: HKDF-SHA-256 over the 16 bytes,
 * without salt, `info` = "letterlock recovery v1 " and the purpose. */
enum rc recovery_derive(struct span secret, const char *purpose, size_t len,
    struct buf *key, struct err *err);
/* Append the private key that speaks for the mailbox, as a JWK (RFC 7517):
 * P-256, d = 1 + (the 48 bytes for "proof") mod (n - 1) (FIPS 186-5 section
 * A.2.1). */
enum rc recovery_jwk(struct span secret, struct buf *jwk, struct err *err);

#endif
