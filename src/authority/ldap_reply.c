#include "authority/ldap_reply.h"

#include "pki/der_write.h"

#define OP_ENTRY 0x64
#define OP_SEARCH_DONE 0x65
#define OP_EXTENDED_DONE 0x78

static const struct {
	uint8_t question, answer;
} answers[] = {
    {LDAP_BIND, 0x61},
    {LDAP_SEARCH, OP_SEARCH_DONE},
    {LDAP_MODIFY, 0x67},
    {LDAP_ADD, 0x69},
    {LDAP_DELETE, 0x6b},
    {LDAP_RENAME, 0x6d},
    {LDAP_COMPARE, 0x6f},
    {LDAP_EXTENDED, OP_EXTENDED_DONE},
};

static uint8_t
answer_to(uint8_t question)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].question == question)
			return answers[i].answer;
	return 0;
}

/* A message and the operation in it have begun. */
struct message {
	size_t whole, op;
};

static enum rc
begin(struct buf *out, uint32_t id, uint8_t op, struct message *ret,
    struct err *err)
{
	TRY(der_write_begin(out, DER_SEQUENCE, &ret->whole, err));
	TRY(der_write_number(out, DER_INTEGER, id, err));
	return der_write_begin(out, op, &ret->op, err);
}

static enum rc
end(struct buf *out, const struct message *message, struct err *err)
{
	TRY(der_write_end(out, message->op, err));
	return der_write_end(out, message->whole, err);
}

static enum rc
write_result(struct buf *out, uint8_t op, const struct ldap_reply *reply,
    struct err *err)
{
	struct message message;

	TRY(begin(out, reply->id, op, &message, err));
	TRY(der_write_number(
	    out, DER_ENUMERATED, (uint32_t)reply->result, err));
	TRY(der_write_bytes(out, DER_OCTETS, SPAN_NONE, err));
	TRY(der_write_bytes(out, DER_OCTETS, span_str(reply->text), err));
	if (reply->oid != NULL)
		TRY(der_write_bytes(
		    out, DER_CONTEXT(10), span_str(reply->oid), err));
	return end(out, &message, err);
}

static enum rc
whole_or_not(struct buf *out, size_t before, enum rc rc)
{
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

enum rc
ldap_reply_end(const struct ldap_reply *reply, struct buf *out, struct err *err)
{
	uint8_t op = answer_to(reply->op);

	if (op == 0)
		return err_set(err, RC_ABSENT, "LDAP: no answer to this");
	return whole_or_not(out, out->len, write_result(out, op, reply, err));
}

enum rc
ldap_reply_goodbye(
    enum ldap_result result, const char *text, struct buf *out, struct err *err)
{
	const struct ldap_reply reply = {
	    .result = result, .text = text, .oid = LDAP_OID_DISCONNECTION};

	return whole_or_not(
	    out, out->len, write_result(out, OP_EXTENDED_DONE, &reply, err));
}

/* "*" and none at all: every attribute that is not operational; "+": those
 * that are; "1.1": none. */
static bool
is_asked(const struct ldap_attribute *attribute, struct span list)
{
	struct span one;

	if (list.len == 0)
		return !attribute->operational;
	while (ldap_query_next(&list, &one))
		if (ldap_attribute_is(attribute, one) ||
		    span_is(one, span_str(attribute->operational ? "+" : "*")))
			return true;
	return false;
}

/* Certificates always ";binary", also for those who left it out (RFC 4523
 * section 2.1). */
static enum rc
write_attribute(struct buf *out, const struct ldap_attribute *attribute,
    bool types_only, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SMALL;
	size_t whole = 0, set = 0;

	TRY(buf_add_format(&name, err, "%s%s", attribute->name,
	    attribute->binary ? ";binary" : ""));
	TRY(der_write_begin(out, DER_SEQUENCE, &whole, err));
	TRY(der_write_bytes(out, DER_OCTETS, buf_span(&name), err));
	TRY(der_write_begin(out, DER_SET, &set, err));
	for (size_t i = 0; !types_only && i < attribute->len; i++)
		TRY(der_write_bytes(out, DER_OCTETS, attribute->value[i], err));
	TRY(der_write_end(out, set, err));
	return der_write_end(out, whole, err);
}

static enum rc
write_entry(struct buf *out, const struct ldap_query *query,
    const struct ldap_entry *entry, struct err *err)
{
	struct message message;
	size_t list = 0;

	TRY(begin(out, query->id, OP_ENTRY, &message, err));
	TRY(der_write_bytes(out, DER_OCTETS, entry->dn, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &list, err));
	for (size_t i = 0; i < entry->len; i++)
		if (is_asked(&entry->attribute[i], query->search.attributes))
			TRY(write_attribute(out, &entry->attribute[i],
			    query->search.types_only, err));
	TRY(der_write_end(out, list, err));
	return end(out, &message, err);
}

enum rc
ldap_reply_entry(const struct ldap_query *query, const struct ldap_entry *entry,
    struct buf *out, struct err *err)
{
	return whole_or_not(out, out->len, write_entry(out, query, entry, err));
}
