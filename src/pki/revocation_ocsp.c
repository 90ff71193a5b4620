/* What OCSP answers say of a certificate of a path: RFC 6960 section 3.2, for
 * a time that may lie back. */
#include "pki/cert_priv.h"
#include "pki/ocsp_priv.h"
#include "pki/revocation_priv.h"

/* An answer without nextUpdate is about the moment it was made; two clocks
 * agree as well as this. */
#define MOMENT 300
#define NOBODY INT64_MIN

/* ---- may an answer be believed ------------------------------------------ */

static const struct cert *
issuer_of(const struct lookup *lookup)
{
	return lookup->path->item[lookup->at + 1];
}

static bool
has_purpose(const struct cert *cert)
{
	return (X509_get_extended_key_usage(cert->x509) & XKU_OCSP_SIGN) != 0 &&
	       cert->has_eku && !cert->is_ca;
}

/* "The CA SHOULD use the same issuing key to issue a delegation certificate as
 * that used to sign the certificate being checked": we insist. */
static bool
is_delegate(const struct lookup *lookup, const struct cert *cert)
{
	const struct cert *issuer = issuer_of(lookup);

	return has_purpose(cert) && !cert_key_is_huge(cert) &&
	       X509_NAME_cmp(X509_get_issuer_name(cert->x509),
		   X509_get_subject_name(issuer->x509)) == 0 &&
	       chain_cert_signed(lookup->work, cert, issuer);
}

/* Whoever was told to answer and has been stolen since is known by lists only:
 * his own word would not do.  Who carries ocsp-nocheck lives too short for it
 * (section 4.2.2.2.1); so does who names no place where one could ask, unless
 * every step must be known. */
static enum rc
check_delegate(const struct lookup *lookup, const struct ocsp *ocsp,
    const struct cert *cert, bool *ret_good, struct err *err)
{
	enum signer_status want = cert->ocsp_no_check ? SIGNER_EXEMPT
				  : cert->has_pointer ? SIGNER_KNOWN
						      : SIGNER_USUAL;

	return revocation_check_signer(
	    lookup, cert, ocsp->produced, want, ret_good, err);
}

/* One key may have had several certificates: the longest lived counts. */
static enum rc
ask_delegates(const struct lookup *lookup, const struct ocsp *ocsp,
    const struct certs *certs, int64_t *last, struct err *err)
{
	for (size_t i = 0; certs != NULL && i < certs->len; i++) {
		const struct cert *cert = certs->item[i];
		bool good = false;
		if (cert->not_after <= *last || !ocsp_names_signer(ocsp, cert))
			continue;
		if (is_delegate(lookup, cert) &&
		    chain_ocsp_signed(lookup->work, ocsp, cert))
			TRY(check_delegate(lookup, ocsp, cert, &good, err));
		if (good)
			*last = cert->not_after;
	}
	return RC_OK;
}

/* The issuer himself, or whom he told to.  *ret_last: of times behind that it
 * says nothing; NOBODY: it says nothing at all.  For when it was made only the
 * answer itself says: a key that has run out would date it back, and speak of
 * today. */
static enum rc
find_last(const struct lookup *lookup, const struct ocsp *ocsp,
    int64_t *ret_last, struct err *err)
{
	const struct cert *issuer = issuer_of(lookup);

	*ret_last = NOBODY;
	if (ocsp_names_signer(ocsp, issuer) &&
	    chain_ocsp_signed(lookup->work, ocsp, issuer)) {
		*ret_last = INT64_MAX;
		return RC_OK;
	}
	TRY(ask_delegates(lookup, ocsp, &ocsp->certs, ret_last, err));
	return ask_delegates(
	    lookup, ocsp, lookup->ask->untrusted, ret_last, err);
}

/* RFC 6960 section 4.2.2.1: thisUpdate is "the most recent time at which the
 * status being indicated is known"; that is not after it is said. */
static bool
is_sayable(
    const struct ocsp *ocsp, const struct ocsp_entry *entry, int64_t last)
{
	return last != NOBODY && entry->from <= last &&
	       entry->from - MOMENT <= ocsp->produced;
}

/* ---- what it says ------------------------------------------------------- */

static bool
is_timely(
    const struct lookup *lookup, const struct ocsp_entry *entry, int64_t last)
{
	int64_t until =
	    entry->until != INT64_MIN ? entry->until : entry->from + MOMENT;

	if (until > last)
		until = last;
	const struct period period = {entry->from, until, entry->expired_since};
	return revocation_is_timely(lookup, &period);
}

static bool
says_good(const struct lookup *lookup, const struct ocsp *ocsp,
    const struct ocsp_entry *entry, int64_t last)
{
	return entry->status == OCSP_IS_GOOD && !ocsp->unknown_critical &&
	       !entry->unknown_critical && is_sayable(ocsp, entry, last) &&
	       is_timely(lookup, entry, last);
}

/* Is there, in one answer, a newer word that it is good? */
static enum rc
says_released(const struct lookup *lookup, const struct ocsp *ocsp,
    const struct ocsp_entry *held, bool *ret, struct err *err)
{
	struct ocsp_entry entry;
	int64_t last;
	size_t at = 0;

	*ret = false;
	if (!ocsp_find(ocsp, lookup->cert, issuer_of(lookup), &at, &entry))
		return RC_OK;
	TRY(find_last(lookup, ocsp, &last, err));
	do
		*ret = *ret || (entry.from > held->from &&
				   says_good(lookup, ocsp, &entry, last));
	while (ocsp_find(ocsp, lookup->cert, issuer_of(lookup), &at, &entry));
	return RC_OK;
}

/* Was it on hold, and does a newer answer know nothing of it? */
static enum rc
was_released(const struct lookup *lookup, const struct ocsp_entry *held,
    bool *ret, struct err *err)
{
	const struct ocsps *ocsps = lookup->ask->ocsps;

	*ret = false;
	if (held->revoked.reason != CRL_HOLD)
		return RC_OK;
	for (size_t i = 0; i < ocsps->len && !*ret; i++)
		TRY(says_released(lookup, ocsps->item[i], held, ret, err));
	return RC_OK;
}

/* An answer that says no more than those before it is not worth keeping. */
static enum rc
take_entry(struct lookup *lookup, struct ocsp *ocsp,
    const struct ocsp_entry *entry, int64_t last, struct err *err)
{
	bool released = false;

	if (!is_sayable(ocsp, entry, last))
		return RC_OK;
	lookup->was_listed = true;
	if (lookup->only_hears)
		return RC_OK;
	if (entry->status == OCSP_IS_REVOKED) {
		TRY(was_released(lookup, entry, &released, err));
		if (released)
			return RC_OK;
		revocation_note(lookup, &entry->revoked);
		return ocsps_share(&lookup->result->ocsps, ocsp, err);
	}
	if (lookup->answered_good || !says_good(lookup, ocsp, entry, last))
		return RC_OK;
	lookup->answered_good = true;
	return ocsps_share(&lookup->result->ocsps, ocsp, err);
}

static enum rc
take_answer(struct lookup *lookup, struct ocsp *ocsp, struct err *err)
{
	struct ocsp_entry entry;
	int64_t last;
	size_t at = 0;

	if (!ocsp_find(ocsp, lookup->cert, issuer_of(lookup), &at, &entry))
		return RC_OK;
	TRY(find_last(lookup, ocsp, &last, err));
	do
		TRY(take_entry(lookup, ocsp, &entry, last, err));
	while (ocsp_find(ocsp, lookup->cert, issuer_of(lookup), &at, &entry));
	return RC_OK;
}

enum rc
revocation_ask_ocsp(struct lookup *lookup, struct err *err)
{
	const struct ocsps *ocsps = lookup->ask->ocsps;

	for (size_t i = 0; i < ocsps->len && !lookup->work->spent; i++)
		TRY(take_answer(lookup, ocsps->item[i], err));
	return RC_OK;
}
