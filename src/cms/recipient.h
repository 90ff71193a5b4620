/* cms/recipient -- how a letter is sealed for one recipient.
 *
 * Standard:  RFC 5652 section 6.2, 3560 (OAEP), 5753 and 8418 (KDFs).
 * May use:   base.
 * Not here:  who reads what (flow).
 */
#ifndef CMS_RECIPIENT_H
#define CMS_RECIPIENT_H

#include "base/buf.h"

enum recipient_rsa {
	RECIPIENT_RSA_PKCS1,
	RECIPIENT_RSA_OAEP_SHA1,
	RECIPIENT_RSA_OAEP_SHA256,
	RECIPIENT_RSA_OAEP_SHA384,
	RECIPIENT_RSA_OAEP_SHA512
};

/* {0} is what most readers read. */
struct recipient_way {
	enum recipient_rsa rsa;
	/* NULL: by the key (P-256: SHA256, P-384: SHA384, P-521: SHA512, X25519:
	 * HKDF-SHA256, X448: HKDF-SHA512); else "SHA1", "SHA256", "SHA384" or
	 * "SHA512" for the KDF of X9.63 with it, or "HKDF-SHA256",
	 * "HKDF-SHA384", "HKDF-SHA512".  Static. */
	const char *kdf;
	bool by_key_id; /* subject key identifier, not issuer and serial */
};

#endif
