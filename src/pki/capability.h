/* pki/capability -- which content ciphers a mail program says it reads.
 *
 * Standard:  RFC 8551 section 2.5.2 (smimeCapabilities, in a signature), RFC
 *            4262 (the same list in a certificate).
 * May use:   base.
 * Not here:  where a list came from and how old it is (keydir); which cipher
 *            to take (flow).
 */
#ifndef PKI_CAPABILITY_H
#define PKI_CAPABILITY_H

#include "base/err.h"
#include "base/span.h"

/* A set of these; 0: nothing is known. */
enum capability {
	CAPABILITY_AES256_GCM = 1 << 0,
	CAPABILITY_CHACHA20_POLY1305 = 1 << 1,
	CAPABILITY_AES128_GCM = 1 << 2,
	CAPABILITY_AES256_CBC = 1 << 3,
	CAPABILITY_AES192_CBC = 1 << 4,
	CAPABILITY_AES128_CBC = 1 << 5,
};

#define CAPABILITIES_DER_MAX ((size_t)16 * 1024)

/* The ciphers of a DER SMIMECapabilities that we know; others are passed over.
 * RC_SYNTAX: no such list; RC_LIMIT: beyond CAPABILITIES_DER_MAX.  *ret is
 * only set on RC_OK. */
enum rc capabilities_parse(struct span der, unsigned *ret, struct err *err);

/* What cms/open reads, best first, as DER: for our signatures, and the requests
 * for our certificates. */
struct span capabilities_own(void);

#endif
