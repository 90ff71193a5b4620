/* authority/crl_make -- write a certificate revocation list.
 *
 * Standard:  RFC 5280 section 5: version 2, with the issuer's key identifier, a
 *            number, a critical issuing distribution point if it is a part;
 *            expiredCertsOnCRL
 *            (X.509 section 9.5.2.8).
 * May use:   base os pki.  No clock, no database.
 * Not here:  what is on it, and when (authority/lists).
 * Limits:    CRL_MAKE_MAX bytes.
 */
#ifndef AUTHORITY_CRL_MAKE_H
#define AUTHORITY_CRL_MAKE_H

#include <openssl/x509.h>

#include "authority/signer.h"

#define CRL_MAKE_MAX ((size_t)8 << 20) /* what our own readers fetch */

/* Append one entry; `reason` 0 is not said (RFC 5280 section 5.3.1). */
enum rc crl_add_entry(struct buf *entries, struct span serial, int64_t at,
    int reason, struct err *err);

struct crl_wish {
	const X509 *issuer;
	struct signer *signer; /* its key */
	/* Where it is published, if it is one part of several: the same URL as
	 * in the certificates that it is about, so that nobody passes off one
	 * part for another.  NULL: it is about everything of the issuer. */
	const char *url;
	int64_t number; /* higher than the one before */
	int64_t from;   /* thisUpdate */
	int64_t until;  /* nextUpdate */
	/* Certificates that expired since then are still on it. */
	int64_t expired_since;
	struct span entries;
};

/* Append a CertificateList. */
enum rc crl_make(const struct crl_wish *wish, struct buf *der, struct err *err);

#endif
