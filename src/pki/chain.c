#include "pki/chain.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "pki/cert_priv.h"
#include "pki/chain_priv.h"
#include "pki/crl_priv.h"
#include "pki/crypto.h"
#include "pki/ocsp_priv.h"
#include "pki/policy_graph_priv.h"
#include "pki/subtrees_priv.h"

/* A certificate that a path may go through. */
struct step {
	struct cert *cert; /* borrowed */
	bool is_root;
	/* how many certificates it takes to a root at the least, by names
	 * alone; 0: none leads there */
	size_t distance;
};

/* What is told of several failures: the highest. */
enum rank {
	RANK_NOTHING,
	RANK_TOO_DEEP,
	RANK_FORGED, /* a root was reached, over a signature that is none */
	RANK_FAULT,
	RANK_TIME,        /* nothing else is wrong */
	RANK_NOT_GRANTED, /* valid, but for its root */
	RANK_VALID
};

/* One search for a path. */
struct search {
	const struct chain_request *ask;
	struct chain_work *work;
	unsigned nesting;
	struct step *step;
	size_t steps;
	struct cert *path[CHAIN_MAX_PATH];
	size_t len;
	struct chain_result best;
	enum rank rank;
	bool is_over;
};

/* ---- signatures --------------------------------------------------------- */

static bool
find_signature(const struct chain_work *work, const void *what,
    const struct cert *by, bool *ret_good)
{
	for (size_t i = 0; i < work->signatures; i++) {
		if (work->signature[i].what != what ||
		    work->signature[i].by != by)
			continue;
		*ret_good = work->signature[i].good;
		return true;
	}
	return false;
}

static bool
may_verify(struct chain_work *work)
{
	if (work->signatures >= work->limits->signatures ||
	    work->signatures == CHAIN_SIGNATURES_MAX)
		work->spent = true;
	return !work->spent;
}

static bool
note_signature(
    struct chain_work *work, const void *what, const struct cert *by, bool good)
{
	work->signature[work->signatures].what = what;
	work->signature[work->signatures].by = by;
	work->signature[work->signatures++].good = good;
	ERR_clear_error();
	return good;
}

/* Each is tried once with each key; what held in a former search holds again.
 * `mark` is what it is remembered by. */
static bool
is_signed_by(struct chain_work *work, const void *what, struct span mark,
    const struct cert *by,
    bool (*holds)(const void *what, const struct cert *by))
{
	bool good = false;

	if (find_signature(work, what, by, &good))
		return good;
	if (seen_has_signature(work->seen, mark, by))
		return true;
	if (!may_verify(work))
		return false;
	good = by->key != NULL && holds(what, by);
	if (good)
		seen_add_signature(work->seen, mark, by);
	return note_signature(work, what, by, good);
}

static bool
cert_holds(const void *what, const struct cert *by)
{
	return cert_is_signed(what, by);
}

static bool
crl_holds(const void *what, const struct cert *by)
{
	return crl_is_signed(what, by);
}

static bool
ocsp_holds(const void *what, const struct cert *by)
{
	return ocsp_is_signed(what, by);
}

bool
chain_cert_signed(
    struct chain_work *work, const struct cert *cert, const struct cert *by)
{
	return is_signed_by(
	    work, cert, span_str(cert->fingerprint), by, cert_holds);
}

bool
chain_crl_signed(
    struct chain_work *work, const struct crl *crl, const struct cert *by)
{
	return is_signed_by(
	    work, crl, span_of(crl->hash, sizeof(crl->hash)), by, crl_holds);
}

bool
chain_ocsp_signed(
    struct chain_work *work, const struct ocsp *ocsp, const struct cert *by)
{
	return is_signed_by(work, ocsp, buf_span(&ocsp->der), by, ocsp_holds);
}

/* ---- what there is to go through ---------------------------------------- */

static bool
is_named(const struct cert *issuer, const struct cert *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer->x509),
		   X509_get_issuer_name(cert->x509)) == 0;
}

static bool
is_there(const struct search *search, const struct cert *cert)
{
	for (size_t i = 0; i < search->steps; i++)
		if (!strcmp(
			search->step[i].cert->fingerprint, cert->fingerprint))
			return true;
	return false;
}

static void
add_steps(struct search *search, const struct certs *certs, bool roots)
{
	for (size_t i = 0; certs != NULL && i < certs->len; i++) {
		struct cert *cert = certs->item[i];
		if (cert_key_is_huge(cert) || is_there(search, cert))
			continue;
		/* an intermediate in the list of roots would make it one */
		bool is_root = roots && cert->signs_itself;
		search->step[search->steps++] =
		    (struct step){cert, is_root, is_root ? 1 : 0};
	}
}

static bool
has_issuer_at(
    const struct search *search, const struct cert *cert, size_t distance)
{
	for (size_t i = 0; i < search->steps; i++)
		if (search->step[i].distance == distance &&
		    is_named(search->step[i].cert, cert))
			return true;
	return false;
}

/* From the roots down, so that the way up need not follow names that lead
 * nowhere. */
static void
measure(struct search *search)
{
	bool again = true;

	for (size_t distance = 1; again; distance++) {
		again = false;
		for (size_t i = 0; i < search->steps; i++) {
			struct step *step = &search->step[i];
			if (step->distance != 0 ||
			    !has_issuer_at(search, step->cert, distance))
				continue;
			step->distance = distance + 1;
			again = true;
		}
	}
}

static enum rc
gather_steps(struct search *search, struct err *err)
{
	const struct certs *roots = search->ask->roots;
	const struct certs *untrusted = search->ask->untrusted;
	size_t count = (roots != NULL ? roots->len : 0) +
		       (untrusted != NULL ? untrusted->len : 0);

	search->step = calloc(count + 1, sizeof(*search->step));
	if (search->step == NULL)
		return err_nomem(err, "chain");
	add_steps(search, roots, true);
	add_steps(search, untrusted, false);
	measure(search);
	return RC_OK;
}

/* ---- a path that reached a root ----------------------------------------- */

static void
tell(struct search *search, enum rank rank, const char *reason)
{
	if (rank <= search->rank)
		return;
	search->rank = rank;
	chain_result_done(&search->best);
	search->best.reason = reason;
	search->best.state = rank == RANK_VALID ? CHAIN_VALID : CHAIN_INVALID;
}

static struct certs
path_of(struct search *search)
{
	return (struct certs){search->path, search->len};
}

static enum rc
keep_path(struct search *search, struct chain_result *ret, struct err *err)
{
	for (size_t i = 0; i < search->len; i++)
		TRY(certs_add(&ret->path, search->path[i], err));
	return RC_OK;
}

static bool
is_signed(struct search *search)
{
	for (size_t i = 0; i + 1 < search->len; i++)
		if (!chain_cert_signed(
			search->work, search->path[i], search->path[i + 1]))
			return false;
	return true;
}

static const char *
forged_reason(const struct search *search)
{
	for (size_t i = 0; i + 1 < search->len; i++)
		if (path_signature_is_weak(search->path[i]))
			return "cert.alg-weak";
	return "cert.signature";
}

static const char *
names_reason(struct search *search, const struct certs *path)
{
	enum subtrees_answer answer = subtrees_check(
	    path, search->work->limits->names, &search->work->names);

	return answer == SUBTREES_ALLOW    ? NULL
	       : answer == SUBTREES_FORBID ? "cert.name-constraint"
					   : CHAIN_LIMIT_REASON;
}

static enum rc
policy_reason(struct search *search, const struct certs *path, const char **ret,
    struct err *err)
{
	enum policy_answer answer;

	TRY(policy_graph_check(path, search->ask, &answer, err));
	*ret = answer == POLICY_HOLDS   ? NULL
	       : answer == POLICY_FAILS ? "cert.policy"
					: CHAIN_LIMIT_REASON;
	return RC_OK;
}

static enum rc
find_fault(struct search *search, const char **ret, struct err *err)
{
	const struct certs path = path_of(search);

	*ret = path_fault(&path, search->ask->purpose);
	if (*ret == NULL)
		*ret = names_reason(search, &path);
	if (*ret == NULL)
		TRY(policy_reason(search, &path, ret, err));
	return RC_OK;
}

/* A key that signed the leaf and was stolen is not made good by a second
 * certificate for it: the search ends. */
static bool
is_stolen(const struct chain_result *result)
{
	return result->revocation == REVOCATION_COMPROMISED &&
	       result->state == CHAIN_INVALID;
}

static bool
is_granted(const struct chain_grant *grant, const struct certs *path)
{
	return grant == NULL ||
	       grant->has(grant->self, path->item[path->len - 1]);
}

static enum rank
rank_of(const struct search *search, const struct chain_result *result)
{
	if (result->state == CHAIN_VALID)
		return is_granted(search->ask->grant, &result->path)
			   ? RANK_VALID
			   : RANK_NOT_GRANTED;
	return result->reason == path_time_fault(&result->path, search->ask->at)
		   ? RANK_TIME
		   : RANK_FAULT;
}

/* Nobody's lists are believed on a path that is not sound. */
static enum rc
judge(struct search *search, struct chain_result *ret, struct err *err)
{
	const char *fault = NULL;

	TRY(find_fault(search, &fault, err));
	TRY(keep_path(search, ret, err));
	if (fault == NULL) {
		ret->reason = path_time_fault(&ret->path, search->ask->at);
		ret->state = ret->reason == NULL ? CHAIN_VALID : CHAIN_INVALID;
		return chain_look_up_revocation(
		    search->ask, search->work, search->nesting, ret, err);
	}
	ret->reason = fault;
	ret->state = CHAIN_INVALID;
	return RC_OK;
}

static enum rc
finish_path(struct search *search, struct err *err)
{
	struct chain_result made CHAIN_RESULT_OWNED = CHAIN_RESULT;

	if (!is_signed(search)) {
		if (search->rank >= RANK_FORGED || search->work->spent)
			return RC_OK;
		tell(search, RANK_FORGED, forged_reason(search));
		return keep_path(search, &search->best, err);
	}
	if (search->work->paths >= search->work->limits->paths) {
		search->work->spent = true;
		return RC_OK;
	}
	search->work->paths++;
	TRY(judge(search, &made, err));
	enum rank rank = rank_of(search, &made);
	search->is_over = rank == RANK_VALID || is_stolen(&made);
	if (rank <= search->rank && !search->is_over)
		return RC_OK;
	search->rank = rank;
	chain_result_done(&search->best);
	search->best = made;
	made = CHAIN_RESULT;
	return RC_OK;
}

/* ---- the way up --------------------------------------------------------- */

static bool
same_names(const struct cert *a, const struct cert *b)
{
	int at_a = X509_get_ext_by_NID(a->x509, NID_subject_alt_name, -1);
	int at_b = X509_get_ext_by_NID(b->x509, NID_subject_alt_name, -1);

	if (X509_NAME_cmp(X509_get_subject_name(a->x509),
		X509_get_subject_name(b->x509)) != 0 ||
	    (at_a < 0) != (at_b < 0))
		return false;
	return at_a < 0 ||
	       ASN1_OCTET_STRING_cmp(
		   X509_EXTENSION_get_data(X509_get_ext(a->x509, at_a)),
		   X509_EXTENSION_get_data(X509_get_ext(b->x509, at_b))) == 0;
}

/* RFC 4158 section 5.2: the same names and the same key are the same
 * authority, whoever vouched for it. */
static bool
goes_round(const struct search *search, const struct cert *next)
{
	for (size_t i = 0; i < search->len; i++) {
		const struct cert *cert = search->path[i];
		if (!strcmp(cert->fingerprint, next->fingerprint))
			return true;
		if (same_names(cert, next) &&
		    EVP_PKEY_eq(cert->key, next->key) == 1)
			return true;
	}
	return false;
}

/* RFC 4158 section 5.3: key identifiers sort, they decide nothing. */
static uint8_t
likelihood(const struct step *step, const struct cert *cert, int64_t at)
{
	const ASN1_OCTET_STRING *want = X509_get0_authority_key_id(cert->x509);
	const ASN1_OCTET_STRING *has =
	    X509_get0_subject_key_id(step->cert->x509);
	uint8_t score = 16; /* more than nothing */

	if (want == NULL || has == NULL)
		score |= 4;
	else if (ASN1_OCTET_STRING_cmp(want, has) == 0)
		score |= 8;
	if (step->is_root)
		score |= 2;
	if (at >= step->cert->not_before && at <= step->cert->not_after)
		score |= 1;
	return score;
}

#define LIKELIHOOD_MAX 27

static bool
is_candidate(struct search *search, const struct step *step)
{
	const struct cert *last = search->path[search->len - 1];
	bool good = true;

	if (step->distance == 0 || !is_named(step->cert, last) ||
	    goes_round(search, step->cert))
		return false;
	/* a signature that is known not to hold is not met twice */
	if (find_signature(search->work, last, step->cert, &good) && !good)
		return false;
	if (search->len + step->distance <= CHAIN_MAX_PATH)
		return true;
	tell(search, RANK_TOO_DEEP, CHAIN_LIMIT_REASON);
	return false;
}

static bool
is_forged_below(const struct search *search)
{
	for (size_t i = 0; i + 1 < search->len; i++) {
		bool good = true;
		if (find_signature(search->work, search->path[i],
			search->path[i + 1], &good) &&
		    !good)
			return true;
	}
	return false;
}

/* What each step is worth as the next one; 0: nothing. */
static void
rate(struct search *search, uint8_t *rating)
{
	const struct cert *last = search->path[search->len - 1];

	for (size_t i = 0; i < search->steps; i++) {
		const struct step *step = &search->step[i];
		rating[i] = 0;
		if (is_candidate(search, step))
			rating[i] = likelihood(step, last, search->ask->at);
	}
}

static enum rc climb(struct search *search, struct err *err);

static enum rc
climb_over(struct search *search, const struct step *step, struct err *err)
{
	search->path[search->len++] = step->cert;
	enum rc rc =
	    step->is_root ? finish_path(search, err) : climb(search, err);
	search->len--;
	return rc;
}

static bool
is_finished(struct search *search)
{
	return search->is_over || search->work->spent ||
	       is_forged_below(search);
}

/* Depth first, the likeliest first.  Authorities that vouch for each other
 * make more ways than can be gone, even if none leads to a root. */
static enum rc
climb(struct search *search, struct err *err)
{
	uint8_t rating[2 * CERTS_MAX];

	if (search->work->climbs >= search->work->limits->climbs)
		search->work->spent = true;
	else
		search->work->climbs++;
	rate(search, rating);
	for (uint8_t best = LIKELIHOOD_MAX; best > 0; best--)
		for (size_t i = 0; i < search->steps; i++) {
			if (rating[i] != best)
				continue;
			if (is_finished(search))
				return RC_OK;
			TRY(climb_over(search, &search->step[i], err));
		}
	return RC_OK;
}

static enum rc
search_from(struct search *search, struct cert *leaf, struct err *err)
{
	search->path[search->len++] = leaf;
	for (size_t i = 0; i < search->steps; i++)
		if (search->step[i].is_root &&
		    !strcmp(
			search->step[i].cert->fingerprint, leaf->fingerprint))
			return finish_path(search, err);
	return climb(search, err);
}

/* ---- the whole ---------------------------------------------------------- */

static void
search_done(struct search *search)
{
	free(search->step);
	chain_result_done(&search->best);
}

static enum rc
run(struct search *search, const struct cert *cert, struct chain_result *ret,
    struct err *err)
{
	if (cert_key_is_huge(cert)) {
		tell(search, RANK_TOO_DEEP, CHAIN_LIMIT_REASON);
	} else {
		TRY(gather_steps(search, err));
		TRY(search_from(search, (struct cert *)cert, err));
	}
	if (search->work->spent && !search->is_over &&
	    search->rank != RANK_NOT_GRANTED) {
		search->rank = RANK_NOTHING;
		tell(search, RANK_TOO_DEEP, CHAIN_LIMIT_REASON);
	}
	*ret = search->best;
	search->best = CHAIN_RESULT;
	return RC_OK;
}

void
chain_work_init(struct chain_work *work, const struct chain_request *ask)
{
	*work = (struct chain_work){.seen = ask->seen,
	    .limits = ask->limits != NULL ? ask->limits : &chain_default};
}

enum rc
chain_search(const struct cert *cert, const struct chain_request *ask,
    struct chain_work *work, unsigned nesting, struct chain_result *ret,
    struct err *err)
{
	struct search search = {
	    .ask = ask, .work = work, .nesting = nesting, .best = CHAIN_RESULT};

	enum rc rc = run(&search, cert, ret, err);
	search_done(&search);
	return rc;
}

static enum rc
check_policies(const struct strlist *policies, struct err *err)
{
	for (size_t i = 0; policies != NULL && i < policies->len; i++) {
		ASN1_OBJECT *oid = OBJ_txt2obj(policies->item[i], 1);
		ERR_clear_error();
		if (oid == NULL)
			return err_set(err, RC_SYNTAX,
			    "\"%s\" is no object identifier",
			    policies->item[i]);
		ASN1_OBJECT_free(oid);
	}
	return RC_OK;
}

enum rc
chain_check(const struct cert *cert, const struct chain_request *ask,
    struct chain_result *ret, struct err *err)
{
	struct chain_work work;

	chain_work_init(&work, ask);
	TRY(check_policies(ask->policies, err));
	return chain_search(cert, ask, &work, 0, ret, err);
}

void
chain_result_done(struct chain_result *result)
{
	certs_done(&result->path);
	crls_done(&result->crls);
	ocsps_done(&result->ocsps);
	*result = CHAIN_RESULT;
}
