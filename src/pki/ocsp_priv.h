/* pki/ocsp_priv -- the inside of an OCSP answer. */
#ifndef PKI_OCSP_PRIV_H
#define PKI_OCSP_PRIV_H

#include <openssl/ocsp.h>

#include "pki/crl_priv.h"
#include "pki/ocsp.h"

struct cert;

struct ocsp {
	_Atomic unsigned references;
	struct buf der;
	struct span tbs; /* in it: what is signed */
	OCSP_BASICRESP *basic;
	struct certs certs;    /* that came with it and can be read */
	int64_t produced;      /* producedAt */
	int64_t until;         /* see ocsp_until() */
	struct span nonce;     /* in `basic`; empty: none */
	bool unknown_critical; /* an extension of the answer as a whole */
};

enum ocsp_status { OCSP_IS_GOOD, OCSP_IS_REVOKED, OCSP_IS_UNKNOWN };

/* What it says of one certificate. */
struct ocsp_entry {
	enum ocsp_status status;
	struct crl_entry revoked; /* if OCSP_IS_REVOKED */
	int64_t from, until;      /* without nextUpdate: INT64_MIN */
	/* archiveCutoff; INT64_MAX: of those that have expired nothing is
	 * known */
	int64_t expired_since;
	bool unknown_critical;
};

/* The first from *at on that is about the certificate; *at is behind it then.
 * False: there is none. */
bool ocsp_find(const struct ocsp *ocsp, const struct cert *cert,
    const struct cert *issuer, size_t *at, struct ocsp_entry *ret);

/* Does the answer say that this certificate's key signed it? */
bool ocsp_names_signer(const struct ocsp *ocsp, const struct cert *cert);

bool ocsp_is_signed(const struct ocsp *ocsp, const struct cert *by);

#endif
