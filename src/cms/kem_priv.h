/* cms/kem -- KEMRecipientInfo with ML-KEM, both ways.
 *
 * Standard:  RFC 9629 (KEMRecipientInfo), RFC 9936 (ML-KEM-768 and -1024 with
 *            HKDF-SHA-256 and AES-256 key wrap).
 * May use:   base pki.  Only inside cms.
 * Not here:  the decapsulation (the vault's).  Built against OpenSSL before
 *            3.5 it says by name what is missing.
 */
#ifndef CMS_KEM_PRIV_H
#define CMS_KEM_PRIV_H

#include "cms/tlv_priv.h"
#include "pki/key.h"

/* What a KEMRecipientInfo says behind the name of its recipient; lends. */
struct kem {
	struct tlv_algorithm kem, derive, wrap;
	struct span ciphertext;
	uint32_t kek_len;
	struct span ukm; /* SPAN_NONE: none */
	struct span key; /* the wrapped content key */
};

/* RC_UNFIT, named: an algorithm that we do not open; RC_SYNTAX: lengths that
 * contradict each other. */
enum rc kem_check(const struct kem *kem, struct err *err);

/* Append the content key; `out` is secret.  Only after kem_check(). */
enum rc kem_unwrap(const struct kem *kem, const struct key *key,
    struct buf *out, struct err *err);

/* A kind of key that kem_print() can seal for, in this build? */
bool kem_is_key(const EVP_PKEY *key);
/* The name of an ML-KEM key by its OID, which this build may not know; NULL:
 * no such key. */
const char *kem_name(struct span oid);

/* Append all of a KEMRecipientInfo that comes behind the recipient's name:
 * from kem to encryptedKey. */
enum rc kem_print(
    EVP_PKEY *to, struct span cek, struct buf *der, struct err *err);

#endif
