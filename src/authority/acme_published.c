/* Whether a mailbox stands in the directory is its owner's business:
 *
 *   POST /acme/published   {"address": "...", "published": false}; without
 *                          "published": how it stands
 *
 * The account has to be a device of the mailbox, or, while it has none, to have
 * proved that it controls it: a thief with the mailbox' password alone neither
 * shows nor hides what its devices have. */
#include "authority/acme_priv.h"

#include "authority/directory.h"
#include "authority/guard.h"

struct wish {
	const char *address;     /* lent by the text that acme_address() made */
	const json_t *published; /* NULL: only asks */
};

static enum rc
read_wish(
    struct acme_call *call, struct buf *text, struct wish *ret, struct err *err)
{
	const char *address =
	    json_string_value(json_object_get(call->payload, "address"));
	struct err why = ERR_NONE;

	ret->published = json_object_get(call->payload, "published");
	if (address == NULL ||
	    (ret->published != NULL && !json_is_boolean(ret->published)))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "want an \"address\" and \"published\", true or false");
	enum rc rc =
	    acme_address(call->acme->settings, span_str(address), text, &why);
	if (rc == RC_NOMEM)
		return err_nomem(err, "address");
	if (rc != RC_OK)
		return problem_set(call->answer, PROBLEM_REJECTED_IDENTIFIER,
		    err, "%s", why.text);
	return buf_str(text, &ret->address, err);
}

static enum rc
has_proved(
    struct acme_call *call, const char *address, bool *ret, struct err *err)
{
	struct authorization own AUTHORIZATION_OWNED = {0};
	const struct authorization_wish wish = {.account = call->account.id,
	    .kind = AUTHORIZATION_EMAIL,
	    .address = address,
	    .now = call->now,
	    .pending_since = call->now};

	enum rc rc =
	    authorization_find_usable(call->acme->sql, &wish, &own, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	*ret = rc == RC_OK && own.state == AUTHORIZATION_VALID;
	return RC_OK;
}

static enum rc
check_owner(struct acme_call *call, const char *address, struct err *err)
{
	enum guard_place place = GUARD_STRANGER;
	bool may = false;

	TRY(guard_place(call->acme->sql, address, call->account.id, call->now,
	    &place, err));
	if (place == GUARD_DEVICE)
		return RC_OK;
	if (place == GUARD_NOBODY)
		TRY(has_proved(call, address, &may, err));
	if (may)
		return RC_OK;
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "this account is no device of that mailbox");
}

/* What is as it was wished is no act. */
static enum rc
change(struct acme_call *call, const struct wish *wish, struct err *err)
{
	struct sql *sql = call->acme->sql;
	bool hidden = false, show = json_is_true(wish->published);

	TRY(directory_is_hidden(sql, wish->address, &hidden, err));
	if (wish->published == NULL || hidden != show)
		return RC_OK;
	TRY(show ? directory_show(sql, wish->address, err)
		 : directory_hide(sql, wish->address, call->now, err));
	return acme_audit(
	    call, show ? "show" : "hide", wish->address, NULL, err);
}

enum rc
acme_published(struct acme_call *call, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct buf text BUF_OWNED = BUF_SMALL;
	struct wish wish = {0};
	bool hidden = false;

	TRY(read_wish(call, &text, &wish, err));
	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(check_owner(call, wish.address, err));
	TRY(change(call, &wish, err));
	TRY(directory_is_hidden(call->acme->sql, wish.address, &hidden, err));
	TRY(sql_act_commit(&act, err));
	return acme_json(call, 200,
	    json_pack("{s:s, s:b}", "address", wish.address, "published",
		(int)!hidden),
	    err);
}
