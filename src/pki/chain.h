/* pki/chain -- does a certificate lead to a root we trust, at a given time?
 *
 * Standard:  RFC 5280 section 6 (by OpenSSL's validator), RFC 8550 section 4
 *            (purpose), RFC 3161 section 2.3 (time stamping purpose).
 * May use:   base codec.
 * Limits:    10 certificates deep; CERTS_MAX untrusted ones.
 */
#ifndef PKI_CHAIN_H
#define PKI_CHAIN_H

#include <openssl/x509.h>

#include "pki/cert.h"

enum chain_state { CHAIN_VALID, CHAIN_INVALID, CHAIN_NO_ANCHOR };

enum chain_purpose {
	CHAIN_MAIL_SIGN,
	CHAIN_MAIL_ENCRYPT,
	CHAIN_TIMESTAMP,
	CHAIN_ANY
};

enum chain_revocation {
	REVOCATION_NOT_APPLICABLE, /* nobody in the chain says where to ask */
	REVOCATION_GOOD,
	REVOCATION_UNKNOWN, /* could not be checked */
	REVOCATION_REVOKED,
	REVOCATION_COMPROMISED, /* revoked because the key was stolen */
};

/* An expired certificate is told as expired only if nothing else is wrong with
 * the path.  A root must be valid at `at` too.  Whoever has several issuers of
 * one name gets each of them tried, up to eight. */
struct chain_request {
	const struct certs *roots;      /* trusted for this purpose */
	const struct certs *untrusted;  /* may help to build; NULL: none */
	const STACK_OF(X509_CRL) *crls; /* NULL: none known */
	int64_t at;
	enum chain_purpose purpose;
	const struct strlist *policies; /* acceptable OIDs; NULL: any */
	bool explicit_policy;
};

struct chain_result {
	enum chain_state state;
	const char *reason; /* stable code, static: "cert.expired-at-time",
			     * "cert.not-yet-valid", "cert.ku", "cert.eku",
			     * "cert.name-constraint", "cert.policy",
			     * "cert.pathlen", "cert.critical-ext", "cert.revoked",
			     * "cert.signature", "cert.alg-weak",
			     * "cert.is-a-ca", "cert.not-a-ca",
			     * "cert.no-rev-avail", "cert.invalid",
			     * "chain.no-anchor", "chain.limit"; NULL if valid */
	enum chain_revocation revocation;
	int64_t revoked_at; /* if revoked, else 0.  Not after `at`: the state
			     * is CHAIN_INVALID, "cert.revoked"; after it: the
			     * state is what it was at `at` */
	struct certs path;  /* leaf first, root last; empty if none was found */
};

#define CHAIN_RESULT_OWNED __attribute__((cleanup(chain_result_done)))
#define CHAIN_RESULT                                               \
	((struct chain_result){CHAIN_NO_ANCHOR, "chain.no-anchor", \
	    REVOCATION_UNKNOWN, 0, CERTS_NONE})

/* Fills *ret; RC_OK whatever the state is.  Other results: could not be
 * decided (memory, library). */
enum rc chain_check(const struct cert *cert, const struct chain_request *ask,
    struct chain_result *ret, struct err *err);
void chain_result_done(struct chain_result *result);

#endif
