/* pki/chain -- does a certificate lead to a root we trust, at a given time?
 *
 * Standard:  RFC 5280 section 6 with RFC 9618 (policies), 9598 section 6
 *            (names), 9608 (no revocation information); RFC 4158 (building);
 *            RFC 8550 section 4 (purpose); RFC 3161 section 2.3 (time
 *            stamping).  Answers NIST's PKITS as NIST says, but for DSA.
 * May use:   base codec.
 * Library:   Signatures, decoding and the comparison of names are OpenSSL's.
 *            Its path validator is not used: it builds one path and never
 *            turns back, takes a self-issued authority without key identifiers
 *            for one that signs itself, gives up on policy trees of more than
 *            1000 nodes, compares the domain of an SmtpUTF8Mailbox as U-labels,
 *            knows no time of revocation, and answers PKITS 4.14.30 wrongly.
 * Limits:    struct chain_limits; 10 certificates deep, CERTS_MAX untrusted
 *            ones, 512 policies at one depth.  Beyond: "chain.limit".
 */
#ifndef PKI_CHAIN_H
#define PKI_CHAIN_H

#include "pki/cert.h"
#include "pki/crl.h"
#include "pki/ocsp.h"
#include "pki/seen.h"

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

/* Whether a root may vouch for what is asked, by somebody else's rules. */
struct chain_grant {
	bool (*has)(const void *self, const struct cert *root);
	const void *self;
};

/* What one chain_check() may cost, the paths of those who sign revocation
 * lists with it. */
struct chain_limits {
	size_t paths;      /* that lead to a root, and are looked at */
	size_t climbs;     /* steps up, wherever they lead */
	size_t signatures; /* CHAIN_SIGNATURES_MAX at most */
	size_t names;      /* comparisons, for constraints */
	size_t crl_bytes;  /* of lists read */
	unsigned nesting;  /* whoever signs a list for him who signs a list
			    * for him ... */
};

#define CHAIN_SIGNATURES_MAX 256

static const struct chain_limits chain_default = {
    .paths = 64,
    .climbs = 2000,
    .signatures = CHAIN_SIGNATURES_MAX,
    .names = (size_t)1 << 18,
    .crl_bytes = (size_t)512 << 20,
    .nesting = 2,
};

/* An expired certificate is told as expired only if nothing else is wrong with
 * the path.  A root must be valid at `at` too, and signs itself.  Whoever has
 * several issuers of one name gets each of them tried; but none of them helps
 * against a list that says the signer's key was stolen. */
struct chain_request {
	const struct certs *roots;     /* trusted for this purpose */
	const struct certs *untrusted; /* may help to build; NULL: none */
	const struct crls *crls;       /* NULL: none known */
	const struct ocsps *ocsps;     /* NULL: none known */
	int64_t at;
	enum chain_purpose purpose;
	const struct strlist *policies; /* acceptable OIDs; NULL: any */
	bool explicit_policy;           /* one of them must hold */
	bool inhibit_mapping, inhibit_any_policy;
	bool need_status;  /* every step must be known not to be revoked */
	struct seen *seen; /* signatures of former searches; NULL: none */
	/* A valid path to a root that has none is the result only if no other
	 * is found.  NULL: each root has it. */
	const struct chain_grant *grant;
	const struct chain_limits *limits; /* NULL: chain_default */
};

struct chain_result {
	enum chain_state state;
	const char *reason; /* stable code, static: "cert.expired-at-time",
			     * "cert.not-yet-valid", "cert.ku", "cert.eku",
			     * "cert.name-constraint", "cert.policy",
			     * "cert.pathlen", "cert.critical-ext", "cert.revoked",
			     * "cert.status-unknown" (if need_status),
			     * "cert.signature", "cert.alg-weak",
			     * "cert.is-a-ca", "cert.not-a-ca",
			     * "cert.no-rev-avail", "cert.invalid",
			     * "chain.no-anchor", "chain.limit"; NULL if valid */
	enum chain_revocation revocation;
	int64_t revoked_at; /* if revoked, else 0: the earliest date of any in
			     * the path, for whatever reason it was revoked
			     * then.  Not after `at`: the state
			     * is CHAIN_INVALID, "cert.revoked"; after it: the
			     * state is what it was at `at` */
	/* REVOCATION_COMPROMISED: whoever revoked said since when the key was
	 * in other hands; else it may have been long before `revoked_at`. */
	bool is_dated;
	struct certs path;  /* leaf first, root last; empty if none was found */
	struct crls crls;   /* the lists that counted */
	struct ocsps ocsps; /* the answers that counted */
};

#define CHAIN_RESULT_OWNED __attribute__((cleanup(chain_result_done)))
#define CHAIN_RESULT                                               \
	((struct chain_result){CHAIN_NO_ANCHOR, "chain.no-anchor", \
	    REVOCATION_UNKNOWN, 0, false, CERTS_NONE, CRLS_NONE, OCSPS_NONE})

/* Fills *ret; RC_OK whatever the state is.  Other results: could not be
 * decided (memory, library; RC_SYNTAX: a policy is no OID). */
enum rc chain_check(const struct cert *cert, const struct chain_request *ask,
    struct chain_result *ret, struct err *err);
void chain_result_done(struct chain_result *result);

/* Is one of the lists and answers of `ask` about the first certificate of this
 * path (root last, found by chain_check()), and signed by whom one would
 * believe about it?  What it says, and of when it is, does not count. */
enum rc chain_hears(const struct certs *path, const struct chain_request *ask,
    bool *ret, struct err *err);

#endif
