/* When the signer's certificate had to be good, and whether it was.
 *
 * A valid timestamp decides; else when this reader's own agent first saw the
 * letter; else now.  What the letter or a server claims never does. */
#include "cms/stamp.h"
#include "flow/gather_priv.h"
#include "keydir/completion.h"

#include <string.h>
#include "os/clock.h"

#define DAY (24 * 60 * 60)

/* ---- what is known --------------------------------------------------- */

static enum rc
add_certs(struct certs *to, const struct certs *from, struct err *err)
{
	for (size_t i = 0; i < from->len && to->len < CERTS_MAX; i++)
		TRY(certs_add(to, from->item[i], err));
	return RC_OK;
}

/* More than there is room for is not there. */
static enum rc
unless_full(enum rc rc)
{
	return rc == RC_LIMIT ? RC_OK : rc;
}

static enum rc
add_statuses(struct evidence *to, const struct crls *crls,
    const struct ocsps *ocsps, struct err *err)
{
	TRY(unless_full(crls_share_all(&to->crls, crls, err)));
	return unless_full(ocsps_share_all(&to->ocsps, ocsps, err));
}

/* What came with the letter. */
static enum rc
add_brought(const struct reader *reader, struct evidence *to,
    const struct crls *crls, const struct ocsps *ocsps, struct err *err)
{
	const size_t most =
	    (reader->limits != NULL ? reader->limits : &gather_default)
		->brought;

	for (size_t i = 0; i < crls->len && to->crls.len < most; i++)
		TRY(unless_full(crls_share(&to->crls, crls->item[i], err)));
	for (size_t i = 0; i < ocsps->len && to->ocsps.len < most; i++)
		TRY(unless_full(ocsps_share(&to->ocsps, ocsps->item[i], err)));
	return RC_OK;
}

/* What was kept comes first: an answer that says no more is not kept again. */
static enum rc
know(struct reading *r, struct err *err)
{
	struct evidence known EVIDENCE_OWNED = EVIDENCE_NONE;
	const struct evidence *kept = r->reader->kept;
	struct evidence *own = &r->own;

	TRY(add_certs(&known.certs, &r->certs, err));
	if (kept != NULL) {
		TRY(add_certs(&known.certs, &kept->certs, err));
		TRY(add_statuses(own, &kept->crls, &kept->ocsps, err));
	}
	TRY(add_statuses(&known, &own->crls, &own->ocsps, err));
	TRY(add_brought(
	    r->reader, &known, &r->known.crls, &r->known.ocsps, err));
	TRY(add_statuses(own, r->reader->crls, r->reader->ocsps, err));
	TRY(add_statuses(&known, &own->crls, &own->ocsps, err));
	evidence_done(&r->known);
	r->known = known;
	known = EVIDENCE_NONE;
	return RC_OK;
}

/* ---- one certificate ------------------------------------------------- */

struct question {
	const struct cert *cert;
	const struct certs *roots;
	enum chain_purpose purpose;
	int64_t at;
	bool may_ask; /* others, by the network */
};

static struct chain_request
request_of(const struct reading *r, const struct question *q,
    const struct evidence *statuses, const struct chain_grant *grant)
{
	return (struct chain_request){
	    .roots = q->roots,
	    .untrusted = &r->known.certs,
	    .crls = &statuses->crls,
	    .ocsps = &statuses->ocsps,
	    .at = q->at,
	    .purpose = q->purpose,
	    .seen = r->reader->seen,
	    .grant = q->purpose == CHAIN_MAIL_SIGN ? grant : NULL,
	};
}

static enum rc
check_by(const struct reading *r, const struct question *q,
    const struct evidence *statuses, struct chain_result *ret, struct err *err)
{
	const struct chain_grant grant = {gather_is_granted, r};
	const struct chain_request ask = request_of(r, q, statuses, &grant);

	chain_result_done(ret);
	return chain_check(q->cert, &ask, ret, err);
}

static enum rc
check(const struct reading *r, const struct question *q,
    struct chain_result *ret, struct err *err)
{
	return check_by(r, q, &r->known, ret, err);
}

/* All that one letter asks comes out of one budget. */
static int64_t
deadline_of(struct reading *r)
{
	const struct reader *reader = r->reader;

	if (r->deadline == 0)
		r->deadline =
		    clock_ticks() + (reader->status != NULL
					    ? reader->status->budget
					    : reader->issuers->budget);
	return r->deadline;
}

/* What the letter left out, if the reader wants it fetched. */
static enum rc
complete(struct reading *r, const struct question *q, struct chain_result *ret,
    struct err *err)
{
	const struct issuer_source *source = r->reader->issuers;
	const struct chain_grant grant = {gather_is_granted, r};
	const struct chain_request ask = request_of(r, q, &r->known, &grant);

	if (source == NULL || !q->may_ask || ret->state == CHAIN_VALID)
		return RC_OK;
	const struct completion completion = {
	    .source = source,
	    .deadline = deadline_of(r),
	    .cert = q->cert,
	    .ask = &ask,
	    .untrusted = &r->known.certs,
	};
	return completion_run(&completion, ret, err);
}

static bool
has_expired(const struct certs *path, int64_t now)
{
	for (size_t i = 0; i < path->len; i++)
		if (cert_not_after(path->item[i]) < now)
			return true;
	return false;
}

/* And so no longer be revoked. */
static bool
may_be_on_hold(const struct chain_result *result)
{
	return result->revocation == REVOCATION_REVOKED &&
	       (result->state == CHAIN_VALID ||
		   !strcmp(result->reason, "cert.revoked"));
}

/* What came with the letter was chosen by its sender: who was revoked would
 * bring last week's list, or, once his certificate has expired, one of the time
 * when it was good.  So the issuer is asked all the same (which takes no time
 * if he was), unless there is proof of our own for a certificate that is so old
 * that he would say nothing of it. */
static enum rc
needs_more(const struct reading *r, const struct question *q,
    const struct chain_result *result, bool *ret, struct err *err)
{
	struct chain_result alone CHAIN_RESULT_OWNED = CHAIN_RESULT;

	if (may_be_on_hold(result)) {
		*ret = !has_expired(&result->path, r->reader->now);
		return RC_OK;
	}
	*ret = result->state == CHAIN_VALID &&
	       (result->revocation == REVOCATION_UNKNOWN ||
		   result->revocation == REVOCATION_GOOD);
	if (!*ret || result->revocation == REVOCATION_UNKNOWN ||
	    !has_expired(&result->path, r->reader->now))
		return RC_OK;
	TRY(check_by(r, q, &r->own, &alone, err));
	*ret =
	    alone.state != CHAIN_VALID || alone.revocation != REVOCATION_GOOD;
	return RC_OK;
}

/* Whom the path names; *ret_new: something came. */
static enum rc
ask_others(
    struct reading *r, const struct certs *path, bool *ret_new, struct err *err)
{
	const struct status_source *source = r->reader->status;
	struct evidence *own = &r->own;
	size_t before = own->crls.len + own->ocsps.len;

	TRY(unless_full(source->ask(
	    source->self, path, deadline_of(r), &own->crls, &own->ocsps, err)));
	*ret_new = own->crls.len + own->ocsps.len > before;
	return add_statuses(&r->known, &own->crls, &own->ocsps, err);
}

/* Nothing but what the sender chose says that it was good, and nobody can be
 * asked any more. */
static void
doubt(const struct reading *r, struct chain_result *result)
{
	if (result->state != CHAIN_VALID ||
	    result->revocation != REVOCATION_GOOD ||
	    !has_expired(&result->path, r->reader->now))
		return;
	result->revocation = REVOCATION_UNKNOWN;
}

static bool
has_crl(const struct crls *crls, const struct crl *crl)
{
	for (size_t i = 0; i < crls->len; i++)
		if (crls->item[i] == crl ||
		    span_is(crl_der(crls->item[i]), crl_der(crl)))
			return true;
	return false;
}

static bool
has_ocsp(const struct ocsps *ocsps, const struct ocsp *ocsp)
{
	for (size_t i = 0; i < ocsps->len; i++)
		if (ocsps->item[i] == ocsp ||
		    span_is(ocsp_der(ocsps->item[i]), ocsp_der(ocsp)))
			return true;
	return false;
}

static bool
is_our_own(const struct reading *r, const struct chain_result *result)
{
	for (size_t i = 0; i < result->crls.len; i++)
		if (!has_crl(&r->own.crls, result->crls.item[i]))
			return false;
	for (size_t i = 0; i < result->ocsps.len; i++)
		if (!has_ocsp(&r->own.ocsps, result->ocsps.item[i]))
			return false;
	return true;
}

/* Of what counted only our own is evidence.  What came with the letter its
 * sender chose: kept, it would be our own when the letter is read again, and
 * whoever was revoked would only have to wait until he has expired.  The letter
 * brings it then as it does now. */
static enum rc
leave_out_brought(const struct reading *r, const struct question *q,
    struct chain_result *result, struct err *err)
{
	struct chain_result alone CHAIN_RESULT_OWNED = CHAIN_RESULT;

	if (is_our_own(r, result))
		return RC_OK;
	TRY(check_by(r, q, &r->own, &alone, err));
	crls_done(&result->crls);
	ocsps_done(&result->ocsps);
	TRY(crls_share_all(&result->crls, &alone.crls, err));
	return ocsps_share_all(&result->ocsps, &alone.ocsps, err);
}

/* Only of a path that leads to a root: its certificates name whom to ask, and
 * a stranger's would name whoever wants to know that the letter is read. */
static enum rc
judge(struct reading *r, const struct question *q, struct chain_result *ret,
    struct err *err)
{
	bool more = false, news = false;

	TRY(check(r, q, ret, err));
	TRY(complete(r, q, ret, err));
	TRY(needs_more(r, q, ret, &more, err));
	if (more && r->reader->status != NULL && q->may_ask) {
		TRY(ask_others(r, &ret->path, &news, err));
		if (news) {
			TRY(check(r, q, ret, err));
			TRY(needs_more(r, q, ret, &more, err));
		}
	}
	if (more)
		doubt(r, ret);
	return leave_out_brought(r, q, ret, err);
}

static enum rc
recall(struct reading *r, const struct certs *certs, struct err *err)
{
	const struct status_source *source = r->reader->status;
	struct evidence *own = &r->own;

	if (source == NULL)
		return RC_OK;
	TRY(unless_full(
	    source->recall(source->self, certs, &own->crls, &own->ocsps, err)));
	return add_statuses(&r->known, &own->crls, &own->ocsps, err);
}

/* ---- the time -------------------------------------------------------- */

/* Who proves time. */
static enum rc
find_stampers(const struct reading *r, struct certs *ret, struct err *err)
{
	const struct reader *reader = r->reader;

	return reader->tsa_roots != NULL
		   ? add_certs(ret, reader->tsa_roots, err)
		   : trust_add_stampers(reader->trust, reader->roots, ret, err);
}

/* Its path at the time it says; a token in which nothing is wrong but that its
 * authority cannot be asked about is good. */
static enum rc
judge_stamp(struct reading *r, struct stamp_result *stamp, struct err *err)
{
	struct certs roots CERTS_OWNED = CERTS_NONE;
	const struct question q = {
	    .cert = stamp->tsa,
	    .roots = &roots,
	    .purpose = CHAIN_TIMESTAMP,
	    .at = stamp->when,
	    .may_ask = true,
	};

	TRY(find_stampers(r, &roots, err));
	TRY(add_certs(&r->known.certs, &stamp->certs, err));
	TRY(add_brought(
	    r->reader, &r->known, &stamp->crls, &stamp->ocsps, err));
	TRY(recall(r, &stamp->certs, err));
	return judge(r, &q, &stamp->chain, err);
}

static enum rc
read_stamp(
    struct reading *r, size_t i, struct stamp_result *ret, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = stamp_read(buf_span(&r->token[i]), buf_span(&r->signature),
	    r->reader->seen, ret, &why);

	if (rc == RC_NOMEM)
		return err_set(err, rc, "%s", why.text);
	if (rc != RC_OK)
		return RC_ABSENT;
	TRY(judge_stamp(r, ret, err));
	return ret->chain.state == CHAIN_VALID ? RC_OK : RC_ABSENT;
}

/* The earliest time that one of the tokens proves; RC_ABSENT: none does. */
static enum rc
find_stamp(struct reading *r, struct stamp_result *ret, struct err *err)
{
	bool found = false;

	for (size_t i = 0; i < r->tokens; i++) {
		struct stamp_result stamp STAMP_RESULT_OWNED = {
		    .chain = CHAIN_RESULT};
		enum rc rc = read_stamp(r, i, &stamp, err);
		if (rc == RC_ABSENT ||
		    (rc == RC_OK && found && stamp.when >= ret->when))
			continue;
		TRY(rc);
		stamp_result_done(ret);
		*ret = stamp;
		stamp = (struct stamp_result){.chain = CHAIN_RESULT};
		found = true;
	}
	return found ? RC_OK : RC_ABSENT;
}

static enum rc
keep_evidence(struct reading *r, const struct chain_result *of, struct err *err)
{
	struct evidence *evidence = &r->out->evidence;

	TRY(add_certs(&evidence->certs, &of->path, err));
	return add_statuses(evidence, &of->crls, &of->ocsps, err);
}

static void
set_time(struct facts *f, enum time_source source, int64_t value)
{
	f->time.source = source;
	f->time.value = value;
}

/* Our own eyes are worth more than a token whose authority may have lost its
 * key, where one of them has to speak for a certificate that has expired. */
static bool
was_seen_in_time(const struct reading *r)
{
	int64_t end = cert_not_after(r->signer);

	return r->out->facts.time.source == TIME_RECEIVED &&
	       r->reader->first_seen <= end && end < r->reader->now;
}

static enum rc
stamp_time(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct stamp_result stamp STAMP_RESULT_OWNED = {.chain = CHAIN_RESULT};

	enum rc rc = find_stamp(r, &stamp, err);
	if (rc == RC_ABSENT) {
		f->time.token_invalid = r->tokens_found > 0;
		return RC_OK;
	}
	TRY(rc);
	bool unchecked = stamp.chain.revocation == REVOCATION_UNKNOWN;
	if (unchecked && was_seen_in_time(r))
		return RC_OK;
	set_time(f, TIME_STAMPED, stamp.when);
	f->time.token_unchecked = unchecked;
	f->time.token_late = r->claimed != 0 && stamp.when - r->claimed > DAY;
	return keep_evidence(r, &stamp.chain, err);
}

static enum rc
find_time(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	int64_t seen = r->reader->first_seen;

	if (r->claimed != 0)
		set_time(f, TIME_CLAIMED, r->claimed);
	if (seen > 0 && seen <= r->reader->now)
		set_time(f, TIME_RECEIVED, seen);
	return stamp_time(r, err);
}

/* ---- the signer's certificate ---------------------------------------- */

static bool
is_revoked(const struct chain_result *result)
{
	return result->revocation == REVOCATION_REVOKED ||
	       result->revocation == REVOCATION_COMPROMISED;
}

/* Is it good now, too?  Another path may have taken the place of one that has
 * expired. */
static enum rc
is_good_now(struct reading *r, const struct question *then,
    const struct chain_result *result, bool *ret, struct err *err)
{
	struct chain_result now CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct question q = *then;

	*ret = !is_revoked(result);
	if (!*ret || !has_expired(&result->path, r->reader->now))
		return RC_OK;
	q.at = r->reader->now;
	q.may_ask = false;
	TRY(judge(r, &q, &now, err));
	*ret = now.state == CHAIN_VALID;
	return RC_OK;
}

/* A key that was stolen nobody knows when made signatures of any date; a
 * timestamp from before it became known proves nothing. */
static bool
is_stolen(const struct chain_result *result)
{
	return result->state == CHAIN_VALID &&
	       result->revocation == REVOCATION_COMPROMISED &&
	       !result->is_dated;
}

static void
tell_chain(struct facts *f, const struct chain_result *result)
{
	bool stolen = is_stolen(result);

	f->sig.chain = stolen ? CHAIN_INVALID : result->state;
	f->sig.chain_reason = stolen ? "cert.revoked" : result->reason;
	f->sig.revocation = result->revocation;
	f->sig.revoked_at = result->revoked_at;
}

static enum rc
gather_chain(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	const bool proven =
	    f->time.source == TIME_STAMPED || f->time.source == TIME_RECEIVED;
	const struct question q = {
	    .cert = r->signer,
	    .roots = r->reader->roots,
	    .purpose = CHAIN_MAIL_SIGN,
	    .at = proven ? f->time.value : r->reader->now,
	    .may_ask = true,
	};
	bool good_now = true;

	f->sig.unasked =
	    r->reader->status == NULL || r->reader->status->offline;
	TRY(judge(r, &q, &result, err));
	TRY(gather_root(r, &result.path, err));
	tell_chain(f, &result);
	TRY(gather_trust(r, &result.path, q.at, err));
	TRY(keep_evidence(r, &result, err));
	if (!proven || f->sig.chain != CHAIN_VALID)
		return RC_OK;
	TRY(is_good_now(r, &q, &result, &good_now, err));
	f->sig.good_before = !good_now;
	return RC_OK;
}

enum rc
gather_time(struct reading *r, struct err *err)
{
	TRY(know(r, err));
	TRY(recall(r, &r->certs, err));
	TRY(find_time(r, err));
	return gather_chain(r, err);
}
