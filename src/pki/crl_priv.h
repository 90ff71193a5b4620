/* pki/crl_priv -- the inside of a revocation list. */
#ifndef PKI_CRL_PRIV_H
#define PKI_CRL_PRIV_H

#include <openssl/x509v3.h>

#include "pki/crl.h"

struct cert;

struct crl {
	_Atomic unsigned references;
	uint8_t *der; /* owned; the spans lie in it */
	size_t len;
	uint8_t hash[32]; /* SHA-256 of it */
	struct span tbs;
	struct span entries; /* the values of the SEQUENCE OF */
	struct span key_id;  /* of the key that signed; empty: not said */
	struct span number;  /* of the INTEGER; empty: none */
	struct span base;    /* a delta list: the number of its base */
	struct span scope_der;
	X509_NAME *issuer;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
	ISSUING_DIST_POINT *scope; /* NULL: everything of the issuer */
	int64_t from, until;       /* without nextUpdate: INT64_MIN */
	/* certificates that expired since then are still on it (X.509's
	 * expiredCertsOnCRL); INT64_MAX: none that had expired are */
	int64_t expired_since;
	bool is_delta;
	/* A critical extension that we do not know, of the list or of an
	 * entry: whoever is on it is revoked all the same, but nobody is good
	 * because he is not (RFC 5280 sections 5.2 and 5.3). */
	bool unknown_critical;
};

enum crl_reason {
	CRL_UNSPECIFIED = 0,
	CRL_KEY_COMPROMISE = 1,
	CRL_CA_COMPROMISE = 2,
	CRL_HOLD = 6,
	CRL_REMOVED = 8, /* not revoked any more */
	CRL_AA_COMPROMISE = 10,
};

struct crl_entry {
	int64_t at;
	int reason;
	int64_t invalid_since; /* INT64_MAX: not said */
	bool has_reason;
};

/* The last entry about a certificate: the contents of its serial number and
 * its issuer. */
bool crl_find(const struct crl *crl, struct span serial,
    const X509_NAME *issuer, struct crl_entry *ret);

/* Is it signed by the key, with an algorithm that is strong enough? */
bool crl_is_signed(const struct crl *crl, const struct cert *by);

/* Numbers of up to 20 octets, none of them negative: below, at, above 0. */
int crl_number_order(struct span a, struct span b);

#endif
