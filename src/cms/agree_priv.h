/* cms/agree -- from an ECDH secret to the wrapped content key, both ways.
 *
 * Standard:  RFC 5753 sections 3.1 and 7.2 (ECC-CMS-SharedInfo, X9.63 KDF),
 *            RFC 3394 (AES key wrap).
 * May use:   base.  Only inside cms.
 * Not here:  the Diffie-Hellman itself (the vault's, or seal's ephemeral).
 */
#ifndef CMS_AGREE_PRIV_H
#define CMS_AGREE_PRIV_H

#include "cms/shape_priv.h"

/* What we send: SHA-256 KDF, AES-256 wrap. */
enum rc agree_set_scheme(struct shape_agree *agree, struct err *err);

/* RC_UNFIT, named: a KDF or key wrap that we do not know. */
enum rc agree_check_scheme(const struct shape_agree *agree, struct err *err);

/* Append the content key, wrapped under `secret`. */
enum rc agree_wrap(const struct shape_agree *agree, struct span secret,
    struct span key, struct buf *out, struct err *err);

/* Append the content key; `out` is secret.  RC_CRYPTO: not made with it. */
enum rc agree_unwrap(const struct shape_agree *agree, struct span secret,
    struct span wrapped, struct buf *out, struct err *err);

#endif
