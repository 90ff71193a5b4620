#include "authority/ldap_query.h"

#include "authority/ldap_ber_priv.h"

#define ID_MAX 0x7fffffffu
#define OID_MANAGE_DSA_IT "2.16.840.1.113730.3.4.2"

static enum rc
bad(struct err *err, const char *what)
{
	return err_set(err, RC_SYNTAX, "LDAP: %s", what);
}

enum rc
ldap_query_size(struct span in, size_t *ret, struct err *err)
{
	size_t header = 0, len = 0, sum = 0;

	if (in.len > 0 && in.data[0] != BER_SEQUENCE)
		return bad(err, "not the beginning of a message");
	TRY(ldap_ber_size(in, &header, &len, err));
	if (!__builtin_add_overflow(header, len, &sum) && sum <= LDAP_QUERY_MAX)
		*ret = sum;
	else
		return err_set(err, RC_LIMIT, "LDAP: the message is too long");
	return in.len >= sum ? RC_OK
			     : err_set(err, RC_AGAIN, "LDAP: more to come");
}

/* Choose the version and the way; the credentials of SASL are nobody's. */
static enum rc
read_bind(struct span in, struct ldap_bind *ret, struct err *err)
{
	struct ldap_ber way;

	TRY(ldap_ber_number(&in, BER_INTEGER, &ret->version, err));
	TRY(ldap_ber_string(&in, &ret->name, err));
	TRY(ldap_ber_next(&in, &way, err));
	ret->simple = way.tag == 0x80;
	ret->password = way.value;
	return in.len == 0 ? RC_OK : bad(err, "something behind a bind");
}

/* Every part of a filter is looked at here, so that nobody later meets one that
 * is none. */
struct looking {
	size_t parts;
	struct err *err;
};

static enum rc check_filter(
    struct span *in, unsigned depth, struct looking *looking);

static enum rc
check_set(struct span set, unsigned depth, struct looking *looking)
{
	while (set.len > 0)
		TRY(check_filter(&set, depth + 1, looking));
	return RC_OK;
}

static enum rc
check_not(struct span value, unsigned depth, struct looking *looking)
{
	TRY(check_filter(&value, depth + 1, looking));
	return value.len == 0 ? RC_OK : bad(looking->err, "a double \"not\"");
}

static enum rc
check_assertion(struct span value, struct err *err)
{
	struct span name, want;

	TRY(ldap_ber_string(&value, &name, err));
	TRY(ldap_ber_string(&value, &want, err));
	return value.len == 0 ? RC_OK : bad(err, "a filter with three sides");
}

static enum rc
check_substrings(struct span value, struct err *err)
{
	struct span name;
	struct ldap_ber list, piece;

	TRY(ldap_ber_string(&value, &name, err));
	TRY(ldap_ber_expect(&value, BER_SEQUENCE, &list, err));
	if (value.len > 0 || list.value.len == 0)
		return bad(err, "no substrings");
	while (list.value.len > 0) {
		TRY(ldap_ber_next(&list.value, &piece, err));
		if (piece.tag < 0x80 || piece.tag > 0x82)
			return bad(err, "not a substring");
	}
	return RC_OK;
}

static enum rc
check_extensible(struct span value, struct err *err)
{
	struct ldap_ber piece;

	while (value.len > 0)
		TRY(ldap_ber_next(&value, &piece, err));
	return RC_OK;
}

static enum rc
check_part(const struct ldap_ber *part, unsigned depth, struct looking *looking)
{
	switch (part->tag) {
	case FILTER_AND:
	case FILTER_OR:
		return check_set(part->value, depth, looking);
	case FILTER_NOT:
		return check_not(part->value, depth, looking);
	case FILTER_EQUAL:
	case FILTER_GREATER:
	case FILTER_LESS:
	case FILTER_ABOUT:
		return check_assertion(part->value, looking->err);
	case FILTER_SUBSTRINGS:
		return check_substrings(part->value, looking->err);
	case FILTER_EXTENSIBLE:
		return check_extensible(part->value, looking->err);
	case FILTER_PRESENT:
		return RC_OK;
	default:
		return bad(looking->err, "not a filter");
	}
}

static enum rc
check_filter(struct span *in, unsigned depth, struct looking *looking)
{
	struct ldap_ber part;

	if (depth > LDAP_FILTER_DEPTH || looking->parts++ >= LDAP_FILTER_PARTS)
		return err_set(
		    looking->err, RC_LIMIT, "LDAP: the filter is too large");
	TRY(ldap_ber_next(in, &part, looking->err));
	return check_part(&part, depth, looking);
}

static enum rc
read_filter(struct span *in, struct span *ret, struct err *err)
{
	struct looking looking = {.err = err};
	struct span whole = *in;

	TRY(check_filter(in, 1, &looking));
	*ret = span_first(whole, whole.len - in->len);
	return RC_OK;
}

static enum rc
read_attributes(struct span in, struct span *ret, struct err *err)
{
	struct ldap_ber list;
	struct span rest, one;

	TRY(ldap_ber_expect(&in, BER_SEQUENCE, &list, err));
	if (in.len > 0)
		return bad(err, "something behind a search");
	for (rest = list.value; rest.len > 0;)
		TRY(ldap_ber_string(&rest, &one, err));
	*ret = list.value;
	return RC_OK;
}

static enum rc
read_search(struct span in, struct ldap_search *ret, struct err *err)
{
	uint32_t scope = 0, aliases = 0, seconds = 0;
	struct ldap_ber only;

	TRY(ldap_ber_string(&in, &ret->base, err));
	TRY(ldap_ber_number(&in, BER_ENUMERATED, &scope, err));
	TRY(ldap_ber_number(&in, BER_ENUMERATED, &aliases, err));
	TRY(ldap_ber_number(&in, BER_INTEGER, &ret->size_limit, err));
	TRY(ldap_ber_number(&in, BER_INTEGER, &seconds, err));
	TRY(ldap_ber_expect(&in, BER_BOOLEAN, &only, err));
	if (scope > LDAP_SUB || aliases > 3 || only.value.len != 1)
		return bad(err, "not a search");
	ret->scope = (enum ldap_scope)scope;
	ret->types_only = only.value.data[0] != 0;
	TRY(read_filter(&in, &ret->filter, err));
	return read_attributes(in, &ret->attributes, err);
}

/* [0] requestName, and perhaps a value that nobody here reads. */
static enum rc
read_extended(struct span in, struct span *ret, struct err *err)
{
	struct ldap_ber name;

	TRY(ldap_ber_expect(&in, 0x80, &name, err));
	*ret = name.value;
	return RC_OK;
}

/* "If the server does not recognize the control type ... and the criticality
 * is TRUE, the server MUST NOT perform the operation" (section 4.1.11).  No
 * entry of ours is a referral: what that control says is so. */
static enum rc
read_control(struct span in, bool *critical, struct err *err)
{
	struct span oid, rest;
	struct ldap_ber flag;

	TRY(ldap_ber_string(&in, &oid, err));
	rest = in;
	if (rest.len == 0)
		return RC_OK;
	TRY(ldap_ber_next(&rest, &flag, err));
	if (flag.tag == BER_BOOLEAN && flag.value.len == 1 &&
	    flag.value.data[0] != 0 &&
	    !span_is(oid, span_str(OID_MANAGE_DSA_IT)))
		*critical = true;
	return RC_OK;
}

static enum rc
read_controls(struct span in, bool *critical, struct err *err)
{
	struct ldap_ber all, one;

	if (in.len == 0)
		return RC_OK;
	TRY(ldap_ber_expect(&in, 0xa0, &all, err));
	if (in.len > 0)
		return bad(err, "something behind the controls");
	while (all.value.len > 0) {
		TRY(ldap_ber_expect(&all.value, BER_SEQUENCE, &one, err));
		TRY(read_control(one.value, critical, err));
	}
	return RC_OK;
}

static enum rc
read_op(const struct ldap_ber *op, struct ldap_query *ret, struct err *err)
{
	switch (op->tag) {
	case LDAP_BIND:
		return read_bind(op->value, &ret->bind, err);
	case LDAP_SEARCH:
		return read_search(op->value, &ret->search, err);
	case LDAP_EXTENDED:
		return read_extended(op->value, &ret->extended, err);
	case LDAP_UNBIND:
	case LDAP_MODIFY:
	case LDAP_ADD:
	case LDAP_DELETE:
	case LDAP_RENAME:
	case LDAP_COMPARE:
	case LDAP_ABANDON:
		return RC_OK;
	default:
		return bad(err, "nobody knows what this asks for");
	}
}

enum rc
ldap_query_parse(struct span message, struct ldap_query *ret, struct err *err)
{
	struct ldap_ber whole, op;

	*ret = (struct ldap_query){0};
	if (message.len > LDAP_QUERY_MAX)
		return err_set(err, RC_LIMIT, "LDAP: the message is too long");
	TRY(ldap_ber_expect(&message, BER_SEQUENCE, &whole, err));
	if (message.len > 0)
		return bad(err, "something behind the message");
	TRY(ldap_ber_number(&whole.value, BER_INTEGER, &ret->id, err));
	if (ret->id > ID_MAX)
		return bad(err, "the message's number is too large");
	TRY(ldap_ber_next(&whole.value, &op, err));
	ret->op = op.tag;
	TRY(read_op(&op, ret, err));
	return read_controls(whole.value, &ret->critical, err);
}

bool
ldap_query_next(struct span *strings, struct span *ret)
{
	return strings->len > 0 && ldap_ber_string(strings, ret, NULL) == RC_OK;
}
