/* Which certificates of a path were revoked, by the lists at hand: RFC 5280
 * section 6.3.3, for a time that may lie back. */
#include <openssl/err.h>

#include "pki/cert_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/revocation_priv.h"

OWNER(CRL_DIST_POINTS, CRL_DIST_POINTS_free);

/* The bits of ReasonFlags but for "unused". */
#define ALL_REASONS 0x1feU

/* ---- is a list about the certificate ------------------------------------ */

static bool
has_directory_name(const GENERAL_NAMES *names, const X509_NAME *name)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);
		if (one->type == GEN_DIRNAME &&
		    X509_NAME_cmp(one->d.directoryName, name) == 0)
			return true;
	}
	return false;
}

static bool
have_common_name(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(a); i++)
		for (int k = 0; k < sk_GENERAL_NAME_num(b); k++)
			if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i),
				sk_GENERAL_NAME_value(b, k)) == 0)
				return true;
	return false;
}

/* A name relative to the issuer has been made whole in dpname. */
static bool
same_point(const DIST_POINT_NAME *a, const DIST_POINT_NAME *b)
{
	bool whole_a = a->type == 0, whole_b = b->type == 0;

	if (whole_a && whole_b)
		return have_common_name(a->name.fullname, b->name.fullname);
	if (whole_a)
		return b->dpname != NULL &&
		       has_directory_name(a->name.fullname, b->dpname);
	if (whole_b)
		return a->dpname != NULL &&
		       has_directory_name(b->name.fullname, a->dpname);
	return a->dpname != NULL && b->dpname != NULL &&
	       X509_NAME_cmp(a->dpname, b->dpname) == 0;
}

static bool
point_names_name(const DIST_POINT_NAME *point, const X509_NAME *name)
{
	if (point->type == 0)
		return has_directory_name(point->name.fullname, name);
	return point->dpname != NULL && X509_NAME_cmp(point->dpname, name) == 0;
}

static bool
point_names_any(const DIST_POINT_NAME *point, const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);
		if (one->type == GEN_DIRNAME &&
		    point_names_name(point, one->d.directoryName))
			return true;
	}
	return false;
}

/* Section 6.3.3 (b)(2)(i); without a point in the certificate its issuer's
 * name is one. */
static bool
point_fits(const struct lookup *lookup, const DIST_POINT *point,
    const DIST_POINT_NAME *of_list)
{
	if (point != NULL && point->distpoint != NULL)
		return same_point(point->distpoint, of_list);
	if (point != NULL && point->CRLissuer != NULL)
		return point_names_any(of_list, point->CRLissuer);
	return point_names_name(
	    of_list, X509_get_issuer_name(lookup->cert->x509));
}

/* (b)(1): another may sign only if the certificate names him and the list says
 * that it is such a list. */
static bool
issuer_fits(
    const struct lookup *lookup, const DIST_POINT *point, const struct crl *crl)
{
	if (point == NULL || point->CRLissuer == NULL)
		return X509_NAME_cmp(crl->issuer,
			   X509_get_issuer_name(lookup->cert->x509)) == 0;
	return crl->scope != NULL && crl->scope->indirectCRL > 0 &&
	       has_directory_name(point->CRLissuer, crl->issuer);
}

static bool
is_about_it(
    const struct lookup *lookup, const DIST_POINT *point, const struct crl *crl)
{
	const ISSUING_DIST_POINT *scope = crl->scope;

	if (!issuer_fits(lookup, point, crl))
		return false;
	if (scope == NULL)
		return true;
	if (scope->onlyattr > 0 ||
	    (scope->onlyuser > 0 && lookup->cert->is_ca) ||
	    (scope->onlyCA > 0 && !lookup->cert->is_ca))
		return false;
	return scope->distpoint == NULL ||
	       point_fits(lookup, point, scope->distpoint);
}

static unsigned
flags_of(const ASN1_BIT_STRING *reasons)
{
	unsigned flags = 0;

	if (reasons == NULL)
		return ALL_REASONS;
	for (int i = 1; i <= 8; i++)
		if (ASN1_BIT_STRING_get_bit(reasons, i))
			flags |= 1U << i;
	return flags;
}

static unsigned
reasons_of(const DIST_POINT *point, const struct crl *crl)
{
	unsigned flags = flags_of(point != NULL ? point->reasons : NULL);

	return crl->scope == NULL
		   ? flags
		   : flags & flags_of(crl->scope->onlysomereasons);
}

/* ---- may a list be believed --------------------------------------------- */

static bool
may_sign_lists(const struct cert *cert, const struct crl *crl)
{
	return X509_NAME_cmp(X509_get_subject_name(cert->x509), crl->issuer) ==
		   0 &&
	       (X509_get_key_usage(cert->x509) & KU_CRL_SIGN);
}

/* Somebody else than those above the certificate: another key of its issuer,
 * or the issuer of an indirect list.  Section 6.3.3 (f): "The trust anchor for
 * the certification path MUST be the same". */
enum rc
revocation_check_signer(const struct lookup *lookup, const struct cert *signer,
    int64_t when, enum signer_status want, bool *ret_good, struct err *err)
{
	struct certs root = {&lookup->path->item[lookup->path->len - 1], 1};
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	const struct chain_request ask = {
	    .roots = &root,
	    .untrusted = lookup->ask->untrusted,
	    .crls = lookup->ask->crls,
	    .at = when,
	    .purpose = CHAIN_ANY,
	    .need_status = want != SIGNER_EXEMPT && lookup->ask->need_status,
	};

	*ret_good = false;
	if (lookup->nesting >= lookup->work->limits->nesting)
		return RC_OK;
	TRY(chain_search(
	    signer, &ask, lookup->work, lookup->nesting + 1, &result, err));
	*ret_good =
	    result.state == CHAIN_VALID &&
	    (want != SIGNER_KNOWN || result.revocation != REVOCATION_UNKNOWN);
	return RC_OK;
}

static enum rc
is_signed_aside(const struct lookup *lookup, const struct crl *crl,
    bool *ret_good, struct err *err)
{
	const struct certs *certs = lookup->ask->untrusted;

	for (size_t i = 0; certs != NULL && i < certs->len && !*ret_good; i++) {
		const struct cert *cert = certs->item[i];
		if (may_sign_lists(cert, crl) && !cert_key_is_huge(cert) &&
		    chain_crl_signed(lookup->work, crl, cert))
			TRY(revocation_check_signer(lookup, cert,
			    lookup->ask->at, SIGNER_USUAL, ret_good, err));
	}
	return RC_OK;
}

/* Who signs lists for others may say in them that he himself is still good
 * (PKITS 4.14.30).  Whoever says that he is not is heard all the same. */
static size_t
first_signer(const struct lookup *lookup)
{
	return lookup->nesting > 0 && lookup->at == 0 ? 0 : lookup->at + 1;
}

static enum rc
is_believed(const struct lookup *lookup, const struct crl *crl, bool *ret_good,
    struct err *err)
{
	*ret_good = false;
	for (size_t i = first_signer(lookup); i < lookup->path->len; i++) {
		const struct cert *cert = lookup->path->item[i];
		*ret_good = may_sign_lists(cert, crl) &&
			    chain_crl_signed(lookup->work, crl, cert);
		if (*ret_good)
			return RC_OK;
	}
	return is_signed_aside(lookup, crl, ret_good, err);
}

/* ---- what a list says --------------------------------------------------- */

/* A list from before `at` must not have ended before it.  One from after `at`
 * knows more, as long as the certificate had not expired then: expired ones
 * are left out of lists, unless those say since when they are not. */
bool
revocation_is_timely(const struct lookup *lookup, const struct period *period)
{
	int64_t end = lookup->cert->not_after;

	if (period->from > lookup->ask->at)
		return period->from <= end || period->expired_since <= end;
	return lookup->ask->at <= period->until;
}

static bool
is_timely(const struct lookup *lookup, const struct crl *crl)
{
	const struct period period = {
	    crl->from, crl->until, crl->expired_since};

	return revocation_is_timely(lookup, &period);
}

static bool
find_entry(struct lookup *lookup, const struct crl *crl, struct crl_entry *ret)
{
	struct chain_work *work = lookup->work;
	size_t most = work->limits->crl_bytes;

	if (work->crl_bytes > most ||
	    crl->entries.len > most - work->crl_bytes) {
		work->spent = true;
		return false;
	}
	work->crl_bytes += crl->entries.len;
	return crl_find(
	    crl, lookup->serial, X509_get_issuer_name(lookup->cert->x509), ret);
}

/* RFC 3161 section 4: what a timestamp authority signed stays good only if its
 * certificate was revoked for a reason that is said and harmless. */
static bool
is_stolen(const struct lookup *lookup, const struct crl_entry *entry)
{
	if (entry->reason == CRL_KEY_COMPROMISE ||
	    entry->reason == CRL_CA_COMPROMISE ||
	    entry->reason == CRL_AA_COMPROMISE)
		return true;
	return lookup->ask->purpose == CHAIN_TIMESTAMP && !entry->has_reason;
}

/* A stolen key is bad from the day it was stolen.  One that makes timestamps
 * is bad from the beginning: with it one writes any date. */
static int64_t
stolen_since(const struct lookup *lookup, const struct crl_entry *entry)
{
	if (lookup->ask->purpose == CHAIN_TIMESTAMP)
		return lookup->cert->not_before;
	return entry->invalid_since < entry->at ? entry->invalid_since
						: entry->at;
}

static bool
is_revoked(enum chain_revocation one)
{
	return one == REVOCATION_REVOKED || one == REVOCATION_COMPROMISED;
}

void
revocation_note(struct lookup *lookup, const struct crl_entry *entry)
{
	struct revocation_answer *answer = &lookup->answer;
	enum chain_revocation status = REVOCATION_REVOKED;
	int64_t since = entry->at;

	if (is_stolen(lookup, entry)) {
		status = REVOCATION_COMPROMISED;
		since = stolen_since(lookup, entry);
	}
	if (!is_revoked(answer->status) || since < answer->revoked_at)
		answer->revoked_at = since;
	if (status < answer->status ||
	    (status == answer->status && since >= answer->worst_at))
		return;
	answer->status = status;
	answer->worst_at = since;
	answer->is_dated = status == REVOCATION_COMPROMISED &&
			   entry->invalid_since != INT64_MAX;
}

/* The same list at another time, or its delta. */
static bool
same_series(const struct crl *a, const struct crl *b)
{
	return X509_NAME_cmp(a->issuer, b->issuer) == 0 &&
	       span_is(a->scope_der, b->scope_der) &&
	       span_is(a->key_id, b->key_id);
}

/* Section 6.3.3 (c), and section 5.2.4 for the numbers. */
static bool
is_delta_for(const struct crl *delta, const struct crl *base)
{
	return delta->is_delta && same_series(delta, base) &&
	       delta->number.len > 0 && base->number.len > 0 &&
	       crl_number_order(delta->base, base->number) <= 0 &&
	       crl_number_order(base->number, delta->number) < 0;
}

/* The newest; NULL: there is none. */
static enum rc
find_delta(const struct lookup *lookup, const struct crl *base,
    struct crl **ret, struct err *err)
{
	const struct crls *crls = lookup->ask->crls;

	*ret = NULL;
	for (size_t i = 0; i < crls->len; i++) {
		struct crl *one = crls->item[i];
		bool good;
		if (!is_delta_for(one, base) ||
		    (*ret != NULL &&
			crl_number_order(one->number, (*ret)->number) <= 0))
			continue;
		TRY(is_believed(lookup, one, &good, err));
		if (good)
			*ret = one;
	}
	return RC_OK;
}

/* Was it on hold, and a newer list of the series knows nothing of it? */
static enum rc
was_released(struct lookup *lookup, const struct crl *list,
    const struct crl_entry *entry, bool *ret, struct err *err)
{
	const struct crls *crls = lookup->ask->crls;
	struct crl_entry other;

	*ret = false;
	if (entry->reason != CRL_HOLD)
		return RC_OK;
	for (size_t i = 0; i < crls->len && !*ret; i++) {
		const struct crl *one = crls->item[i];
		bool good;
		if (one->is_delta || one->from <= list->from ||
		    one->unknown_critical || !same_series(one, list))
			continue;
		TRY(is_believed(lookup, one, &good, err));
		*ret = good && is_timely(lookup, one) &&
		       !find_entry(lookup, one, &other);
	}
	return RC_OK;
}

/* A list that says no more than those before it is not worth keeping. */
static enum rc
keep_lists(const struct lookup *lookup, struct crl *list, struct crl *delta,
    struct err *err)
{
	struct crls *kept = &lookup->result->crls;

	TRY(crls_share(kept, list, err));
	return delta != NULL ? crls_share(kept, delta, err) : RC_OK;
}

/* Not on the list, nor on its delta. */
static enum rc
note_good(struct lookup *lookup, struct crl *list, struct crl *delta,
    unsigned reasons, struct err *err)
{
	bool timely = is_timely(lookup, list) ||
		      (delta != NULL && is_timely(lookup, delta));

	if (!timely || list->unknown_critical ||
	    (delta != NULL && delta->unknown_critical) ||
	    (lookup->good_reasons | reasons) == lookup->good_reasons)
		return RC_OK;
	lookup->good_reasons |= reasons;
	return keep_lists(lookup, list, delta, err);
}

/* What the list and its delta say together. */
static enum rc
read_list(
    struct lookup *lookup, struct crl *list, unsigned reasons, struct err *err)
{
	struct crl *delta;
	struct crl_entry entry, newer;
	bool released;

	TRY(find_delta(lookup, list, &delta, err));
	bool found = find_entry(lookup, list, &entry);
	if (delta != NULL && find_entry(lookup, delta, &newer)) {
		entry = newer;
		found = true;
	}
	if (!found || entry.reason == CRL_REMOVED)
		return note_good(lookup, list, delta, reasons, err);
	TRY(was_released(lookup, list, &entry, &released, err));
	if (released)
		return RC_OK;
	revocation_note(lookup, &entry);
	return keep_lists(lookup, list, delta, err);
}

/* A delta alone says nothing of those it does not name; nor of one on hold, who
 * may have been released before its base was made or after it. */
static enum rc
read_delta(struct lookup *lookup, struct crl *delta, struct err *err)
{
	struct crl_entry entry;

	if (!find_entry(lookup, delta, &entry) || entry.reason == CRL_REMOVED ||
	    entry.reason == CRL_HOLD)
		return RC_OK;
	revocation_note(lookup, &entry);
	return keep_lists(lookup, delta, NULL, err);
}

static enum rc
consider(struct lookup *lookup, const DIST_POINT *point, struct crl *list,
    struct err *err)
{
	bool good;

	if (!is_about_it(lookup, point, list))
		return RC_OK;
	TRY(is_believed(lookup, list, &good, err));
	if (!good)
		return RC_OK;
	lookup->was_listed = true;
	if (lookup->only_hears)
		return RC_OK;
	return list->is_delta
		   ? read_delta(lookup, list, err)
		   : read_list(lookup, list, reasons_of(point, list), err);
}

/* ---- one certificate ---------------------------------------------------- */

static enum rc
consider_point(struct lookup *lookup, const DIST_POINT *point, struct err *err)
{
	const struct crls *crls = lookup->ask->crls;

	for (size_t i = 0; i < crls->len && !lookup->work->spent; i++)
		TRY(consider(lookup, point, crls->item[i], err));
	return RC_OK;
}

/* A name relative to the issuer of the lists. */
static void
complete_point(const DIST_POINT *point, const X509_NAME *issuer)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(point->CRLissuer); i++) {
		const GENERAL_NAME *one =
		    sk_GENERAL_NAME_value(point->CRLissuer, i);
		if (one->type == GEN_DIRNAME) {
			issuer = one->d.directoryName;
			break;
		}
	}
	(void)DIST_POINT_set_dpname(point->distpoint, issuer);
	ERR_clear_error();
}

static enum rc
consider_points(struct lookup *lookup, struct err *err)
{
	const X509 *x509 = lookup->cert->x509;
	CRL_DIST_POINTS *points OWNED(CRL_DIST_POINTS_free) =
	    X509_get_ext_d2i(x509, NID_crl_distribution_points, NULL, NULL);

	ERR_clear_error();
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);
		if (point->CRLissuer == NULL && point->distpoint == NULL)
			continue;
		complete_point(point, X509_get_issuer_name(x509));
		TRY(consider_point(lookup, point, err));
	}
	return consider_point(lookup, NULL, err);
}

static struct span
serial_of(const uint8_t *der, int len)
{
	struct span in = span_of(der, len > 0 ? (size_t)len : 0);
	struct der serial = {0};

	return der_expect(&in, DER_INTEGER, &serial, NULL) == RC_OK
		   ? serial.value
		   : SPAN_NONE;
}

static void
sum_up(struct lookup *lookup)
{
	if (lookup->answer.status > REVOCATION_UNKNOWN)
		return;
	if ((lookup->good_reasons == ALL_REASONS || lookup->answered_good) &&
	    !lookup->work->spent)
		lookup->answer.status = REVOCATION_GOOD;
	else if (lookup->was_listed)
		lookup->answer.status = REVOCATION_UNKNOWN;
}

static enum rc
look_up(struct lookup *lookup, struct err *err)
{
	uint8_t *der = NULL;
	int len =
	    i2d_ASN1_INTEGER(X509_get0_serialNumber(lookup->cert->x509), &der);

	lookup->answer.status = cert_has_revocation_pointer(lookup->cert)
				    ? REVOCATION_UNKNOWN
				    : REVOCATION_NOT_APPLICABLE;
	lookup->serial = serial_of(der, len);
	enum rc rc = lookup->ask->crls != NULL && lookup->serial.len > 0
			 ? consider_points(lookup, err)
			 : RC_OK;
	OPENSSL_free(der);
	if (rc == RC_OK && lookup->ask->ocsps != NULL)
		rc = revocation_ask_ocsp(lookup, err);
	sum_up(lookup);
	return rc;
}

enum rc
chain_hears(const struct certs *path, const struct chain_request *ask,
    bool *ret, struct err *err)
{
	struct chain_work work;
	struct chain_result ignored CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct lookup lookup = {.ask = ask,
	    .work = &work,
	    .path = path,
	    .cert = path->item[0],
	    .result = &ignored,
	    .only_hears = true};

	chain_work_init(&work, ask);
	*ret = false;
	if (path->len < 2)
		return RC_OK;
	TRY(look_up(&lookup, err));
	*ret = lookup.was_listed;
	return RC_OK;
}

/* ---- the sum ------------------------------------------------------------ */

/* The enumeration goes from good to bad; the worst is told, and the earliest
 * time counts, whichever certificate each is of.  A theft is dated if each of
 * them is. */
static void
add_up(const struct revocation_answer *one, struct chain_result *result)
{
	bool worse = one->status > result->revocation;

	if (is_revoked(one->status) &&
	    (!is_revoked(result->revocation) ||
		one->revoked_at < result->revoked_at))
		result->revoked_at = one->revoked_at;
	if (one->status < result->revocation)
		return;
	result->is_dated = one->is_dated && (worse || result->is_dated);
	result->revocation = one->status;
}

/* RFC 9608 section 4: who says that there will never be any needs none; and
 * RFC 6960 section 4.2.2.2.1, as long as it answers for others. */
static bool
lacks_status(const struct lookup *lookup)
{
	const struct cert *cert = lookup->cert;
	bool excused =
	    cert->no_revocation || (cert->ocsp_no_check && lookup->nesting > 0);

	return lookup->ask->need_status && !excused &&
	       lookup->answer.status != REVOCATION_GOOD;
}

enum rc
chain_look_up_revocation(const struct chain_request *ask,
    struct chain_work *work, unsigned nesting, struct chain_result *result,
    struct err *err)
{
	bool lacks = false;

	result->revocation = REVOCATION_NOT_APPLICABLE;
	for (size_t i = 0; i + 1 < result->path.len; i++) {
		struct lookup lookup = {.ask = ask,
		    .work = work,
		    .nesting = nesting,
		    .path = &result->path,
		    .at = i,
		    .cert = result->path.item[i],
		    .result = result};
		TRY(look_up(&lookup, err));
		add_up(&lookup.answer, result);
		lacks = lacks || lacks_status(&lookup);
	}
	if (is_revoked(result->revocation) && result->revoked_at <= ask->at) {
		result->state = CHAIN_INVALID;
		result->reason = CHAIN_REVOKED_REASON;
	} else if (lacks && result->state == CHAIN_VALID) {
		result->state = CHAIN_INVALID;
		result->reason = CHAIN_UNKNOWN_REASON;
	}
	return RC_OK;
}
