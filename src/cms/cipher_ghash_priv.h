/* cms/cipher_ghash -- what authenticated attributes add to a GCM tag.
 *
 * Standard:  NIST SP 800-38D sections 6.3, 6.4 and 7.2.
 * May use:   base.  Only inside cms.
 */
#ifndef CMS_CIPHER_GHASH_PRIV_H
#define CMS_CIPHER_GHASH_PRIV_H

#include "base/span.h"

#define GHASH_BLOCK 16

/* The tag over `aad` and a content of `content_len` bytes is the tag over the
 * content alone XOR this.  `h`: the hash subkey, E(K, 0^128).  The time
 * depends on the two lengths only. */
void ghash_of_aad(const uint8_t h[GHASH_BLOCK], struct span aad,
    uint64_t content_len, uint8_t ret[GHASH_BLOCK]);

#endif
