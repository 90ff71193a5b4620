/* cms/recipient_place -- what is kept of a RecipientInfo that names us.
 *
 * May use:   base pki.  Only inside cms/recipient.
 */
#ifndef CMS_RECIPIENT_PLACE_PRIV_H
#define CMS_RECIPIENT_PLACE_PRIV_H

#include "cms/recipient_priv.h"
#include "cms/tlv_priv.h"

enum place_kind {
	PLACE_TRANSPORT,
	PLACE_AGREE,
	PLACE_KEK,
	PLACE_PASSWORD,
	PLACE_KEM
};

/* All spans point into `kept`, or into the RecipientInfo while it is read.  An
 * algorithm that is not there has an empty OID. */
struct recipient_place {
	enum place_kind kind;
	struct tlv_algorithm scheme; /* keyEncryptionAlgorithm; the KEM */
	struct tlv_algorithm derive; /* of a password, or behind a KEM */
	struct tlv_algorithm wrap;   /* behind a KEM */
	struct tlv_algorithm peer;   /* the sender's key; none: a static one */
	struct span point;           /* the sender's key; a KEM's ciphertext */
	struct span ukm;             /* SPAN_NONE: none */
	uint32_t kek_len;            /* a KEM's */
	struct span key;             /* encryptedKey */
	struct buf kept;
};

#endif
