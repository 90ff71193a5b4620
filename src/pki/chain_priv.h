/* pki/chain_priv -- the parts of chain: the search for a path, what is wrong
 * with one, and what was revoked; and what all of it has cost. */
#ifndef PKI_CHAIN_PRIV_H
#define PKI_CHAIN_PRIV_H

#include "pki/chain.h"
#include "pki/crl.h"

#define CHAIN_NO_ANCHOR_REASON "chain.no-anchor"
#define CHAIN_REVOKED_REASON "cert.revoked"
#define CHAIN_UNKNOWN_REASON "cert.status-unknown"
#define CHAIN_LIMIT_REASON "chain.limit"

#define CHAIN_MAX_PATH 10

/* What was spent of struct chain_limits. */
struct chain_work {
	const struct chain_limits *limits;
	struct seen *seen; /* NULL: nothing */
	size_t paths, climbs, crl_bytes, names;
	bool spent; /* something was left undone */
	/* every signature that was looked at, by whom, and whether it holds */
	struct {
		const void *what; /* struct cert, crl or ocsp */
		const struct cert *by;
		bool good;
	} signature[CHAIN_SIGNATURES_MAX];
	size_t signatures;
};

/* Nothing was spent yet. */
void chain_work_init(struct chain_work *work, const struct chain_request *ask);

/* Each certificate and list is tried once with each key. */
bool chain_cert_signed(
    struct chain_work *work, const struct cert *cert, const struct cert *by);
bool chain_crl_signed(
    struct chain_work *work, const struct crl *crl, const struct cert *by);
bool chain_ocsp_signed(
    struct chain_work *work, const struct ocsp *ocsp, const struct cert *by);

/* chain_check() within the limits of another. */
enum rc chain_search(const struct cert *cert, const struct chain_request *ask,
    struct chain_work *work, unsigned nesting, struct chain_result *ret,
    struct err *err);

/* What is wrong with a path but for its signatures, times, names, policies
 * and revocation: a reason, or NULL. */
const char *path_fault(const struct certs *path, enum chain_purpose purpose);
/* The reason of the first certificate that is out of its time, or NULL. */
const char *path_time_fault(const struct certs *path, int64_t at);
/* Is a certificate too weakly signed to be worth a look, or by an unknown
 * algorithm? */
bool path_signature_is_weak(const struct cert *cert);

/* Fill in `revocation` and `revoked_at` of a result with a sound path; one
 * that was valid but for a revocation before `at` becomes "cert.revoked". */
enum rc chain_look_up_revocation(const struct chain_request *ask,
    struct chain_work *work, unsigned nesting, struct chain_result *result,
    struct err *err);

#endif
