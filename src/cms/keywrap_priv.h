/* cms/keywrap -- one key wrapped under another, both ways.
 *
 * Standard:  RFC 3394 and 3565 (AES key wrap), 3370 section 4.3 (3DES wrap,
 *            reading only).
 * May use:   base.  Only inside cms.
 * Limits:    keys of 64 bytes.
 */
#ifndef CMS_KEYWRAP_PRIV_H
#define CMS_KEYWRAP_PRIV_H

#include "cms/tlv_priv.h"

#define KEYWRAP_KEY_MAX 32 /* no wrap has a longer key */

struct keywrap; /* a row of the table */

/* NULL: not known, or with parameters that it cannot have. */
const struct keywrap *keywrap_find(const struct tlv_algorithm *algorithm);
/* The AES wrap with a key of that many bytes, for writing; NULL: none. */
const struct keywrap *keywrap_of_size(size_t key_len);
size_t keywrap_key_len(const struct keywrap *wrap);

/* Append the DER of the AlgorithmIdentifier of one that is written. */
enum rc keywrap_print(
    const struct keywrap *wrap, struct buf *der, struct err *err);

/* Append `key` wrapped under `kek`, which has the wrap's length. */
enum rc keywrap_wrap(const struct keywrap *wrap, const uint8_t *kek,
    struct span key, struct buf *out, struct err *err);
/* Append the key; `out` is secret.  RC_CRYPTO: not wrapped under `kek`. */
enum rc keywrap_unwrap(const struct keywrap *wrap, const uint8_t *kek,
    struct span wrapped, struct buf *out, struct err *err);

#endif
