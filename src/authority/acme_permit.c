/* The domain's permission (authority/permission.h), on the way of an order. */
#include "authority/acme_priv.h"

#include "authority/permission.h"

/* What is known of it; nothing is known of what was never asked. */
static enum rc
find(struct acme_call *call, const struct authorization *a,
    struct permission *ret, struct err *err)
{
	enum rc rc = permission_find(call->acme->sql, a->id, ret, err);

	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
ask(struct acme_call *call, const struct authorization *a, struct err *err)
{
	call->answer->mail_waits = true;
	return permission_ask(call->acme->sql, a->id, call->now, err);
}

enum rc
acme_ask_permission(
    struct acme_call *call, const struct authorization *a, struct err *err)
{
	struct permission known PERMISSION_OWNED = {0};

	if (a->kind == AUTHORIZATION_HOST)
		return RC_OK;
	TRY(find(call, a, &known, err));
	return permission_is_yes(&known, call->now) ? RC_OK : ask(call, a, err);
}

/* What somebody has approved is not lost to an old no: it waits for a new word.
 */
static bool
can_refuse(const struct order *order)
{
	return order->guard == NULL && !order->waits;
}

enum rc
acme_permit(struct acme_call *call, const struct order *order,
    const struct acme_csr *csr, bool *ret_waits, struct err *err)
{
	const struct authorization *a = &order->authorization;
	struct permission known PERMISSION_OWNED = {0};

	*ret_waits = false;
	if (a->kind == AUTHORIZATION_HOST)
		return RC_OK;
	TRY(find(call, a, &known, err));
	if (permission_is_yes(&known, call->now))
		return RC_OK;
	if (permission_is_no(&known, call->now) && can_refuse(order))
		return problem_set(
		    call->answer, PROBLEM_CAA, err, "%s", known.detail);
	*ret_waits = true;
	if (!order->waits)
		TRY(order_wait(call->acme->sql, order->id, csr->der, err));
	return ask(call, a, err);
}
