/* cms/agree -- from a shared secret to the key that wraps the content key.
 *
 * Standard:  RFC 5753 sections 3.1 and 7.2 (X9.63 KDF, ECC-CMS-SharedInfo),
 *            8418 section 2 (HKDF), 9629 (HKDF).
 * May use:   base.  Only inside cms.
 * Not here:  the Diffie-Hellman itself (the vault's, or recipient's ephemeral
 *            key); the wrapping (cms/keywrap).
 */
#ifndef CMS_AGREE_PRIV_H
#define CMS_AGREE_PRIV_H

#include "cms/tlv_priv.h"

struct agree_scheme; /* a row of the table */

/* NULL: not known.  "stdDH" and "cofactorDH" are the same on our curves, whose
 * cofactor is 1. */
const struct agree_scheme *agree_find(struct span oid);
/* By how we call it: "SHA256" for the X9.63 KDF with it, "HKDF-SHA256". */
const struct agree_scheme *agree_named(const char *name);
struct span agree_oid(const struct agree_scheme *scheme);

/* Fill `kek`.  `wrap`: the DER of the key wrap's AlgorithmIdentifier.
 * `ukm`: SPAN_NONE if there is none (which is not an empty one). */
enum rc agree_kek(const struct agree_scheme *scheme, struct span secret,
    struct span wrap, struct span ukm, uint8_t *kek, size_t kek_len,
    struct err *err);

/* HKDF (RFC 5869): fill `key`.  No salt: SPAN_NONE. */
enum rc agree_hkdf(const char *digest, struct span secret, struct span salt,
    struct span info, uint8_t *key, size_t key_len, struct err *err);

#endif
