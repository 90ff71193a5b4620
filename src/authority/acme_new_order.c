/* Somebody asks for a certificate: RFC 8555 section 7.4. */
#include "authority/acme_priv.h"

#include "mime/address.h"
#include "os/log.h"

#define HOUR ((int64_t)60 * 60)
/* Two orders in a row share one challenge letter; whoever begins again later
 * has perhaps lost the letter, and gets another one. */
#define PENDING_REUSE ((int64_t)15 * 60)
#define IDENTIFIERS_MAX 100
#define HOST_MAX 253
#define LABEL_MAX 63

/* What is to be certified, as we write it, or what is wrong with it. */
struct identifier {
	const char *type;
	const char *value;
	enum authorization_kind kind;
	struct buf name;
	enum problem problem;
	struct err why;
};
#define IDENTIFIER_OWNED __attribute__((cleanup(identifier_done)))

static void
identifier_done(struct identifier *identifier)
{
	buf_done(&identifier->name);
}

/* A name of DNS with two parts or more, in lower case: hosts are for the tests
 * of our ACME by other people's clients, and get no more than these need. */
static enum rc
check_host(const char *value, struct err *err)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t label = 0;

	for (const char *at = value; *at != '\0'; at++) {
		label = *at == '.' ? 0 : label + 1;
		if (strchr(fine, *at) == NULL || label > LABEL_MAX ||
		    (*at == '.' && (at == value || at[1] == '.')))
			return err_set(
			    err, RC_UNFIT, "no host name in lower case");
	}
	if (label == 0 || strlen(value) > HOST_MAX ||
	    strchr(value, '.') == NULL)
		return err_set(err, RC_UNFIT, "no whole host name");
	return RC_OK;
}

/* RC_UNFIT: identifier->problem and ->why say why not. */
static enum rc
read_identifier(const struct acme_call *call, struct identifier *identifier)
{
	const struct settings *settings = call->acme->settings;
	struct err *why = &identifier->why;

	identifier->problem = PROBLEM_REJECTED_IDENTIFIER;
	if (strcmp(identifier->type, "email") == 0)
		return acme_address(settings, span_str(identifier->value),
		    &identifier->name, why);
	if (strcmp(identifier->type, "dns") == 0 && settings->test_profile) {
		identifier->kind = AUTHORIZATION_HOST;
		TRY(check_host(identifier->value, why));
		return buf_add_str(&identifier->name, identifier->value, why);
	}
	identifier->problem = PROBLEM_UNSUPPORTED_IDENTIFIER;
	return err_set(why, RC_UNFIT, "identifiers must be of type \"email\"");
}

static enum rc
malformed(struct acme_call *call, struct err *err)
{
	return problem_set(call->answer, PROBLEM_MALFORMED, err,
	    "an order needs exactly one identifier, with type and value: ask "
	    "for each certificate by an order of its own");
}

/* Of several identifiers each that would not be granted is told, so that who
 * asks need not find out one after the other (RFC 8555 section 6.7.1). */
static enum rc
refuse_several(struct acme_call *call, const json_t *list, struct err *err)
{
	struct problem_part part[IDENTIFIERS_MAX];
	struct err why[IDENTIFIERS_MAX];
	size_t parts = 0, count = json_array_size(list);

	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_array_get(list, i);
		struct identifier identifier IDENTIFIER_OWNED = {
		    .type = json_string_value(json_object_get(one, "type")),
		    .value = json_string_value(json_object_get(one, "value")),
		    .name = BUF_SMALL};
		if (identifier.type == NULL || identifier.value == NULL)
			return malformed(call, err);
		if (read_identifier(call, &identifier) == RC_OK)
			continue;
		why[parts] = identifier.why;
		part[parts] =
		    (struct problem_part){.problem = identifier.problem,
			.detail = why[parts].text,
			.type = identifier.type,
			.value = identifier.value};
		parts++;
	}
	const struct problem_more more = {.part = part, .parts = parts};
	if (parts == 0)
		return malformed(call, err);
	return problem_set_more(call->answer, PROBLEM_COMPOUND, &more,
	    "an order is for exactly one identifier, and not all of these can "
	    "be granted",
	    err);
}

static enum rc
read_identifiers(
    struct acme_call *call, struct identifier *ret, struct err *err)
{
	json_t *list = json_object_get(call->payload, "identifiers");
	const json_t *one = json_array_get(list, 0);

	ret->type = json_string_value(json_object_get(one, "type"));
	ret->value = json_string_value(json_object_get(one, "value"));
	if (json_array_size(list) > 1 &&
	    json_array_size(list) <= IDENTIFIERS_MAX)
		return refuse_several(call, list, err);
	if (json_array_size(list) != 1 || ret->type == NULL ||
	    ret->value == NULL)
		return malformed(call, err);
	if (json_object_get(call->payload, "notBefore") != NULL ||
	    json_object_get(call->payload, "notAfter") != NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "notBefore and notAfter cannot be chosen here");
	enum rc rc = read_identifier(call, ret);
	if (rc == RC_NOMEM)
		return err_nomem(err, "order");
	if (rc != RC_OK)
		return problem_set(
		    call->answer, ret->problem, err, "%s", ret->why.text);
	return RC_OK;
}

static enum rc
too_many(struct acme_call *call, const char *what, struct err *err)
{
	TRY(http_answer_add_header(call->answer, "Retry-After", err, "3600"));
	return problem_set(call->answer, PROBLEM_RATE_LIMITED, err, "%s", what);
}

/* The limits against mail bombs: to one mailbox and to one domain, whoever
 * asks; by one client, whatever accounts it makes. */
static enum rc
check_mails(struct acme_call *call, const struct authorization_wish *wish,
    struct err *err)
{
	const struct settings *settings = call->acme->settings;
	const struct {
		enum authorization_by by;
		const char *of;
		int64_t most;
		const char *says;
	} limits[] = {
	    {AUTHORIZATION_BY_MAILBOX, wish->address,
		settings->challenge_mails_per_hour,
		"too many challenges for this mailbox"},
	    {AUTHORIZATION_BY_DOMAIN, wish->address,
		settings->challenge_mails_per_domain,
		"too many challenges for this domain"},
	    {AUTHORIZATION_BY_CLIENT, wish->client,
		settings->challenge_mails_per_client,
		"too many challenges asked for from your IP address"},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct authorization_sum sum = {.by = limits[i].by,
		    .of = limits[i].of,
		    .since = call->now - HOUR};
		int64_t count = 0;
		TRY(authorization_count(call->acme->sql, &sum, &count, err));
		if (count >= limits[i].most)
			return too_many(call, limits[i].says, err);
	}
	return RC_OK;
}

static enum rc
check_orders(struct acme_call *call, struct err *err)
{
	int64_t count = 0;

	TRY(order_count(
	    call->acme->sql, call->account.id, call->now - HOUR, &count, err));
	if (count < call->acme->settings->orders_per_hour)
		return RC_OK;
	return too_many(call, "too many orders of this account", err);
}

static enum rc
authorize(struct acme_call *call, const struct authorization_wish *wish,
    struct authorization *ret, bool *ret_mail, struct err *err)
{
	TRY(check_orders(call, err));
	enum rc rc = authorization_find_usable(call->acme->sql, wish, ret, err);
	if (rc != RC_ABSENT)
		return rc;
	*ret_mail = wish->kind == AUTHORIZATION_EMAIL;
	if (*ret_mail)
		TRY(check_mails(call, wish, err));
	return authorization_add(call->acme->sql, wish, ret, err);
}

static enum rc
add_order(struct acme_call *call, const struct authorization_wish *wish,
    struct order *ret, struct err *err)
{
	struct authorization a AUTHORIZATION_OWNED = {0};
	struct order order ORDER_OWNED = {0};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct order_wish new_order = {.authorization = &a, .now = call->now};
	bool mail = false;

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(acme_read_replaces(call, wish->address, &new_order.replaces, err));
	TRY(authorize(call, wish, &a, &mail, err));
	TRY(order_add(call->acme->sql, &new_order, &order, err));
	call->answer->mail_waits = mail;
	TRY(acme_ask_permission(call, &a, err));
	TRY(acme_audit(call, "order", wish->address, order.name, err));
	TRY(sql_act_commit(&act, err));
	*ret = order;
	order = (struct order){0};
	return RC_OK;
}

/* Terms that were changed: who has not agreed gets nothing new. */
static enum rc
check_terms(struct acme_call *call, struct err *err)
{
	const char *terms = call->acme->settings->terms;

	if (terms == NULL || (call->account.terms != NULL &&
				 strcmp(call->account.terms, terms) == 0))
		return RC_OK;
	return acme_want_terms(call,
	    "the terms of service have changed: read them, then send "
	    "newAccount with termsOfServiceAgreed again",
	    err);
}

enum rc
acme_new_order(struct acme_call *call, struct err *err)
{
	struct identifier identifier IDENTIFIER_OWNED = {.name = BUF_SMALL};
	struct order order ORDER_OWNED = {0};
	char client[RATE_CLIENT_MAX];
	const char *name = NULL;

	TRY(check_terms(call, err));
	TRY(read_identifiers(call, &identifier, err));
	TRY(buf_str(&identifier.name, &name, err));
	rate_client(call->request->peer, client);
	struct authorization_wish wish = {.account = call->account.id,
	    .kind = identifier.kind,
	    .address = name,
	    .client = client,
	    .thumbprint = call->account.thumbprint,
	    .now = call->now,
	    .pending_since = call->now - PENDING_REUSE};
	TRY(add_order(call, &wish, &order, err));
	log_info("acme: order %s for %s by account %s (%s)", order.name,
	    order.address, call->account.name, order_state_name(order.state));
	return acme_answer_order(call, 201, &order, err);
}
