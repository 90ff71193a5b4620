/* A certificate is not to be relied on any more: RFC 8555 section 7.6. */
#include "authority/acme_priv.h"

#include "authority/issued.h"
#include "authority/revoked.h"
#include "codec/base64.h"
#include "os/log.h"
#include "pki/crypto.h"

#define DER_MAX ((size_t)64 * 1024)
#define BY_KEY "key of the certificate"

/* The certificate that is meant, as we issued it. */
struct subject {
	struct issued issued;
	X509 *cert;
	struct span serial; /* of cert */
};
#define SUBJECT ((struct subject){.issued = {.der = BUF(DER_MAX)}})
#define SUBJECT_OWNED __attribute__((cleanup(subject_done)))

static void
subject_done(struct subject *subject)
{
	issued_done(&subject->issued);
	X509_free(subject->cert);
}

static enum rc
unknown(struct acme_call *call, struct err *err)
{
	return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
	    "this authority has not issued such a certificate");
}

static enum rc
parse(struct acme_call *call, struct span der, X509 **ret, struct err *err)
{
	const uint8_t *at = der.data;

	*ret = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
	if (*ret == NULL || at != der.data + der.len)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"certificate\" is no certificate: base64url of its DER");
	return RC_OK;
}

/* It must be ours to the last bit: who has only a serial number has not seen
 * the certificate. */
static enum rc
find(struct acme_call *call, struct subject *ret, struct err *err)
{
	const char *text =
	    json_string_value(json_object_get(call->payload, "certificate"));
	struct buf der BUF_OWNED = BUF(DER_MAX);
	struct err why = ERR_NONE;

	if (text == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the payload needs \"certificate\"");
	if (base64url_decode(span_str(text), &der, &why) != RC_OK)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"certificate\": %s", why.text);
	TRY(parse(call, buf_span(&der), &ret->cert, err));
	const ASN1_INTEGER *serial = X509_get0_serialNumber(ret->cert);
	ret->serial = span_of(
	    ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	enum rc rc =
	    issued_find_serial(call->acme->sql, ret->serial, &ret->issued, err);
	if (rc == RC_ABSENT)
		return unknown(call, err);
	TRY(rc);
	if (!span_is(buf_span(&ret->issued.der), buf_span(&der)))
		return unknown(call, err);
	return RC_OK;
}

static enum rc
read_reason(struct acme_call *call, int *ret, struct err *err)
{
	const json_t *value = json_object_get(call->payload, "reason");
	json_int_t reason = json_integer_value(value);

	*ret = REVOKED_UNSPECIFIED;
	if (value == NULL)
		return RC_OK;
	if (!json_is_integer(value) || reason < 0 || reason > 10 ||
	    !revoked_can_be((int)reason))
		return problem_set(call->answer, PROBLEM_BAD_REVOCATION_REASON,
		    err,
		    "\"reason\" must be 0, 1 (keyCompromise), 3 "
		    "(affiliationChanged), 4 (superseded), 5 "
		    "(cessationOfOperation) or 9 (privilegeWithdrawn)");
	*ret = (int)reason;
	return RC_OK;
}

static bool
is_signed_by_its_key(const struct acme_call *call, const X509 *cert)
{
	struct buf asks BUF_OWNED = BUF_SMALL;
	struct buf has BUF_OWNED = BUF_SMALL;

	return call->jws.jwk != NULL &&
	       jws_thumbprint(call->jws.jwk, &asks, NULL) == RC_OK &&
	       jws_key_thumbprint(X509_get0_pubkey(cert), &has, NULL) ==
		   RC_OK &&
	       span_is(buf_span(&asks), buf_span(&has));
}

/* "an account that holds authorizations for all of the identifiers in the
 * certificate" */
static enum rc
is_authorized(
    struct acme_call *call, const char *address, bool *ret, struct err *err)
{
	struct authorization found AUTHORIZATION_OWNED = {0};
	struct authorization_wish wish = {.account = call->account.id,
	    .kind = strchr(address, '@') != NULL ? AUTHORIZATION_EMAIL
						 : AUTHORIZATION_HOST,
	    .address = address,
	    .now = call->now,
	    .pending_since = INT64_MAX};
	enum rc rc =
	    authorization_find_usable(call->acme->sql, &wish, &found, err);

	*ret = rc == RC_OK && found.state == AUTHORIZATION_VALID;
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* The three who may: the account it was issued to, an account that controls
 * the mailbox by now, and whoever has the certificate's key.  *ret_guarded: the
 * second one, who has shown no more than a password. */
static enum rc
check_may(struct acme_call *call, const struct subject *subject,
    bool *ret_guarded, struct err *err)
{
	bool may = false;

	*ret_guarded = false;
	if (call->account.id == 0)
		may = is_signed_by_its_key(call, subject->cert);
	else if (call->account.id == subject->issued.account)
		may = true;
	else {
		TRY(is_authorized(call, subject->issued.address, &may, err));
		*ret_guarded = strchr(subject->issued.address, '@') != NULL;
	}
	if (may)
		return RC_OK;
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "sign with the account that the certificate was issued to, with "
	    "one that proved the same mailbox, or with the certificate's key");
}

static enum rc
revoke(struct acme_call *call, const struct revoked_wish *wish, struct err *err)
{
	enum rc rc = revoked_add(call->acme->sql, wish, err);

	if (rc == RC_REFUSED)
		return problem_set(call->answer, PROBLEM_ALREADY_REVOKED, err,
		    "the certificate is revoked already");
	return rc;
}

/* `url`: of what waits for the mailbox's devices, or "". */
static enum rc
guard(struct acme_call *call, const struct subject *subject, int reason,
    char url[ACME_GUARD_URL_MAX], struct err *err)
{
	const struct acme_revocation what = {
	    subject->issued.address, subject->serial, reason};
	bool guarded = false;

	url[0] = '\0';
	TRY(check_may(call, subject, &guarded, err));
	return guarded ? acme_guard_revocation(call, &what, url, err) : RC_OK;
}

static enum rc
refuse_for_now(struct acme_call *call, const char *url, struct err *err)
{
	const struct problem_more more = {.instance = url};

	return problem_set_more(call->answer, PROBLEM_UNAUTHORIZED, &more,
	    "this mailbox has devices: they were told, and one of them, or the "
	    "recovery code, has to approve this",
	    err);
}

static enum rc
find_and_revoke(
    struct acme_call *call, struct subject *subject, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	char by[ACME_ACTOR_MAX] = BY_KEY;
	char waits[ACME_GUARD_URL_MAX];
	int reason = 0;

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(find(call, subject, err));
	TRY(read_reason(call, &reason, err));
	TRY(guard(call, subject, reason, waits, err));
	if (waits[0] != '\0') {
		TRY(sql_act_commit(&act, err));
		return refuse_for_now(call, waits, err);
	}
	if (call->account.id != 0)
		acme_actor(call, by);
	const struct revoked_wish wish = {.serial = subject->serial,
	    .reason = reason,
	    .by = by,
	    .now = call->now};
	TRY(revoke(call, &wish, err));
	return sql_act_commit(&act, err);
}

enum rc
acme_revoke_cert(struct acme_call *call, struct err *err)
{
	struct subject subject SUBJECT_OWNED = SUBJECT;

	TRY(find_and_revoke(call, &subject, err));
	log_info("acme: a certificate of %s was revoked by %s",
	    subject.issued.address,
	    call->account.id != 0 ? call->account.name : "its key");
	return http_answer_set(call->answer, 200, NULL, SPAN_NONE, err);
}
