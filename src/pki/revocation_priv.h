/* pki/revocation_priv -- between lists (revocation.c) and answers
 * (revocation_ocsp.c): one certificate of a path, and what was found about it.
 *
 * Only inside pki.
 */
#ifndef PKI_REVOCATION_PRIV_H
#define PKI_REVOCATION_PRIV_H

#include "pki/chain_priv.h"
#include "pki/crl_priv.h"

/* The worst that was said, and apart from it the first time of all at which
 * something was: a certificate that was superseded and whose key was stolen
 * later is good for neither of the two times. */
struct revocation_answer {
	enum chain_revocation status;
	int64_t worst_at;   /* since when it is as bad as that */
	int64_t revoked_at; /* since when it is bad */
	bool is_dated;      /* a theft: it is said since when */
};

struct lookup {
	const struct chain_request *ask;
	struct chain_work *work;
	unsigned nesting;
	const struct certs *path;
	size_t at;
	const struct cert *cert;
	struct chain_result *result; /* gets what counted */
	struct span serial;          /* contents */
	unsigned good_reasons;       /* for which a list knows nothing of it */
	bool answered_good;          /* by OCSP */
	bool was_listed;             /* a list is about it, of whatever use */
	bool only_hears;             /* nothing but was_listed; deltas too */
	struct revocation_answer answer;
};

/* When something was said, until when it holds, and since when certificates
 * that have expired are still in it (INT64_MAX: none is). */
struct period {
	int64_t from, until, expired_since;
};

/* Is it good for the time asked about? */
bool revocation_is_timely(
    const struct lookup *lookup, const struct period *period);

void revocation_note(struct lookup *lookup, const struct crl_entry *entry);

/* What has to be known of whether whoever signed was revoked himself. */
enum signer_status {
	SIGNER_EXEMPT, /* nothing: his certificate says so */
	SIGNER_USUAL,  /* what the request wants of every step */
	SIGNER_KNOWN,  /* and all that could be asked */
};

/* Does the certificate lead to the root of this path, at that time, and is that
 * known? */
enum rc revocation_check_signer(const struct lookup *lookup,
    const struct cert *signer, int64_t when, enum signer_status want,
    bool *ret_good, struct err *err);

/* What the OCSP answers at hand say. */
enum rc revocation_ask_ocsp(struct lookup *lookup, struct err *err);

#endif
