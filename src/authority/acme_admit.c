/* Who sends this request, and is it theirs?  RFC 8555 section 6. */
#include "authority/acme_priv.h"

#include <stdio.h>

#define URL_LEN_MAX 2000

enum rc
acme_add_nonce(struct acme_call *call, struct err *err)
{
	struct buf nonce BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(nonces_make(call->acme->nonces, call->now, &nonce, err));
	TRY(buf_str(&nonce, &text, err));
	TRY(http_answer_add_header(
	    call->answer, "Replay-Nonce", err, "%s", text));
	return http_answer_add_header(
	    call->answer, "Cache-Control", err, "no-store");
}

static enum rc
read_jws(struct acme_call *call, struct err *err)
{
	enum problem problem = PROBLEM_MALFORMED;
	struct err why = ERR_NONE;

	if (!http_has_type(call->request, "application/jose+json"))
		return problem_set(call->answer, PROBLEM_MEDIA_TYPE, err,
		    "send application/jose+json");
	enum rc rc = jws_parse(call->request->body, &call->jws, &why);
	if (rc == RC_OK)
		return RC_OK;
	if (rc == RC_UNFIT)
		problem = PROBLEM_BAD_SIGNATURE_ALGORITHM;
	if (rc == RC_NOMEM)
		return err_nomem(err, "request");
	return problem_set(call->answer, problem, err, "%s", why.text);
}

/* "The server MUST compare the "url" header parameter to the request URL" (RFC
 * 8555 section 6.4): else a request could be replayed at another resource. */
static enum rc
check_url(struct acme_call *call, struct err *err)
{
	char url[URL_LEN_MAX];
	int len = snprintf(url, sizeof(url), "%s%s%s%s",
	    call->acme->settings->url, call->request->path,
	    call->request->query[0] != '\0' ? "?" : "", call->request->query);

	if (len < 0 || (size_t)len >= sizeof(url) || call->jws.url == NULL ||
	    strcmp(url, call->jws.url) != 0)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "the signed \"url\" is not the one that was asked");
	return RC_OK;
}

static enum rc
verify(struct acme_call *call, json_t *jwk, struct err *err)
{
	struct err why = ERR_NONE;

	switch (jws_verify(&call->jws, jwk, &why)) {
	case RC_OK:
		return RC_OK;
	case RC_NOMEM:
		return err_nomem(err, "request");
	case RC_CRYPTO:
		return problem_set(
		    call->answer, PROBLEM_UNAUTHORIZED, err, "%s", why.text);
	default:
		return problem_set(
		    call->answer, PROBLEM_BAD_PUBLIC_KEY, err, "%s", why.text);
	}
}

static enum rc
find_account(struct acme_call *call, struct err *err)
{
	struct span kid = span_str(call->jws.kid);
	char prefix[URL_LEN_MAX];

	(void)snprintf(prefix, sizeof(prefix), "%s" ACME_PATH "account/",
	    call->acme->settings->url);
	enum rc rc = RC_ABSENT;
	if (span_starts(kid, prefix))
		rc = account_find(call->acme->sql,
		    call->jws.kid + strlen(prefix), &call->account, err);
	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_ACCOUNT_DOES_NOT_EXIST,
		    err, "\"kid\" is no account of this authority");
	return rc;
}

static enum rc
check_account(struct acme_call *call, struct err *err)
{
	if (call->jws.kid == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "this must be signed with \"kid\", not with \"jwk\"");
	TRY(find_account(call, err));
	json_t *jwk OWNED(json_decref) = json_loads(call->account.jwk, 0, NULL);
	if (jwk == NULL)
		return err_set(err, RC_CRYPTO, "an account's key is broken");
	TRY(verify(call, jwk, err));
	if (call->account.deactivated)
		return problem_set(call->answer, PROBLEM_DEACTIVATED, err,
		    "the account was deactivated");
	return RC_OK;
}

static enum rc
check_key(struct acme_call *call, struct err *err)
{
	if (call->jws.jwk == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "this must be signed with \"jwk\", not with \"kid\"");
	return verify(call, call->jws.jwk, err);
}

static enum rc
read_payload(struct acme_call *call, struct err *err)
{
	struct span text = buf_span(&call->jws.payload);

	if (text.len == 0)
		return RC_OK;
	call->payload = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(call->payload))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the payload is not a JSON object");
	return RC_OK;
}

/* The nonce is used up before the signature is looked at: whoever has one
 * learns nothing by spending it, and a good request can never be sent twice. */
enum rc
acme_admit(struct acme_call *call, enum acme_who who, struct err *err)
{
	TRY(read_jws(call, err));
	enum rc rc =
	    nonces_use(call->acme->nonces, call->jws.nonce, call->now, err);
	if (rc == RC_REFUSED)
		return problem_set(call->answer, PROBLEM_BAD_NONCE, err,
		    "the nonce was used before, or is too old: use the one "
		    "that comes with this answer");
	TRY(rc);
	TRY(check_url(call, err));
	bool by_key = who == ACME_BY_KEY ||
		      (who == ACME_BY_EITHER && call->jws.jwk != NULL);
	TRY(by_key ? check_key(call, err) : check_account(call, err));
	return read_payload(call, err);
}

enum rc
acme_admit_inner(struct acme_call *call, struct span text, struct jws *inner,
    struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = jws_parse_inner(text, inner, &why);
	enum problem problem = PROBLEM_MALFORMED;

	if (rc == RC_UNFIT)
		problem = PROBLEM_BAD_SIGNATURE_ALGORITHM;
	if (rc == RC_OK) {
		rc = jws_verify(inner, inner->jwk, &why);
		problem = rc == RC_CRYPTO ? PROBLEM_UNAUTHORIZED
					  : PROBLEM_BAD_PUBLIC_KEY;
	}
	if (rc == RC_NOMEM)
		return err_nomem(err, "inner JWS");
	if (rc != RC_OK)
		return problem_set(
		    call->answer, problem, err, "inner JWS: %s", why.text);
	if (strcmp(inner->url, call->jws.url) != 0)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "inner JWS: its \"url\" is not that of the outer one");
	return RC_OK;
}
