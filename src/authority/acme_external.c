/* To whom a new account belongs: RFC 8555 section 7.3.4. */
#include "authority/acme_priv.h"

#include "authority/external.h"

void
acme_binding_done(struct acme_binding *binding)
{
	free(binding->text);
	free(binding->label);
	*binding = (struct acme_binding){0};
}

/* Who guesses names of keys learns nothing from the answer. */
static enum rc
refuse(struct acme_call *call, struct err *err)
{
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "the externalAccountBinding is not by a key of this authority, or "
	    "its key is used up");
}

static enum rc
parse(
    struct acme_call *call, const char *text, struct jws *ret, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = jws_parse_binding(span_str(text), ret, &why);

	if (rc == RC_NOMEM)
		return err_nomem(err, "binding");
	if (rc != RC_OK)
		return problem_set(call->answer,
		    rc == RC_UNFIT ? PROBLEM_BAD_SIGNATURE_ALGORITHM
				   : PROBLEM_MALFORMED,
		    err, "externalAccountBinding: %s", why.text);
	if (strcmp(ret->url, call->jws.url) != 0)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "externalAccountBinding: its \"url\" is another one");
	return RC_OK;
}

/* "the payload of the JWS represents the same key as was used to verify the
 * outer JWS": else whoever sees a binding could take it for another account. */
static enum rc
check_payload(struct acme_call *call, const struct jws *jws, const char *key,
    struct err *err)
{
	struct buf thumbprint BUF_OWNED = BUF_SMALL;
	struct err ignored = ERR_NONE;
	json_t *jwk OWNED(json_decref) =
	    json_loadb((const char *)jws->payload.data, jws->payload.len,
		JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(jwk) ||
	    jws_thumbprint(jwk, &thumbprint, &ignored) != RC_OK ||
	    !span_is(buf_span(&thumbprint), span_str(key)))
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "externalAccountBinding: it is about another account key");
	return RC_OK;
}

static enum rc
check_mac(struct acme_call *call, const struct jws *jws,
    struct acme_binding *ret, struct err *err)
{
	struct external external EXTERNAL_OWNED = EXTERNAL;
	struct err why = ERR_NONE;
	enum rc rc = external_find(call->acme->sql, jws->kid, &external, err);

	if (rc == RC_ABSENT)
		return refuse(call, err);
	TRY(rc);
	if (external.left < 1 ||
	    jws_verify_mac(jws, buf_span(&external.key), &why) != RC_OK)
		return refuse(call, err);
	ret->external = external.id;
	ret->label = take(external.label);
	return RC_OK;
}

enum rc
acme_bind(struct acme_call *call, const char *key, struct acme_binding *ret,
    struct err *err)
{
	const json_t *value =
	    json_object_get(call->payload, "externalAccountBinding");
	struct acme_binding binding ACME_BINDING_OWNED = {0};
	struct jws jws JWS_OWNED = {0};

	if (value == NULL && !call->acme->settings->external_account_required)
		return RC_OK;
	if (value == NULL)
		return problem_set(call->answer,
		    PROBLEM_EXTERNAL_ACCOUNT_REQUIRED, err,
		    "an account needs an externalAccountBinding here: ask the "
		    "authority's operator for a key");
	binding.text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (binding.text == NULL)
		return err_nomem(err, "binding");
	TRY(parse(call, binding.text, &jws, err));
	TRY(check_mac(call, &jws, &binding, err));
	TRY(check_payload(call, &jws, key, err));
	*ret = binding;
	binding = (struct acme_binding){0};
	return RC_OK;
}
