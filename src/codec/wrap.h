/* codec/wrap -- bytes to keep on an untrusted disk, under one key.
 *
 * AES-256-GCM under a key derived by HKDF-SHA-256 from the wrapping key and
 * the label, with a random nonce.  The label (what this is: "account/password")
 * is bound too, so that one file cannot be put in the place of another.
 *
 * Format:    "LLW1" | salt (16) | nonce (12) | ciphertext | tag (16)
 *            (doc/formats.md).  A fresh salt, so a fresh GCM key, each time.
 * May use:   base.
 */
#ifndef CODEC_WRAP_H
#define CODEC_WRAP_H

#include "base/buf.h"

#define WRAP_KEY_LEN 32
#define WRAP_SALT_AT 4 /* where the salt is in what is wrapped */

struct wrap_key {
	uint8_t bytes[WRAP_KEY_LEN];
};

enum rc wrap_encode(const struct wrap_key *key, const char *label,
    struct span clear, struct buf *out, struct err *err);

/* RC_CRYPTO: another key, another label, or changed bytes; nothing is
 * appended then.  Give a secret buf for secrets. */
enum rc wrap_decode(const struct wrap_key *key, const char *label,
    struct span wrapped, struct buf *out, struct err *err);

/* HMAC-SHA-256 under a key derived for `label`; to name and to compare. */
enum rc wrap_mac(const struct wrap_key *key, const char *label,
    struct span bytes, uint8_t ret[32], struct err *err);

#endif
