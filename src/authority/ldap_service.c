#include "authority/ldap_service.h"

#include <stdlib.h>

#include "authority/directory.h"
#include "authority/ldap_reply.h"
#include "os/clock.h"
#include "os/log.h"
#include "pki/der_write.h"

#define DN_MAX 1024
#define OID(text) span_of((text), sizeof(text) - 1)
#define OID_DATA OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
#define OID_SIGNED_DATA OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")

/* One question on its way. */
struct call {
	const struct ldap_service *service;
	struct ldap_query query;
	struct ldap_guest *guest;
	int64_t now;
	struct buf *out;
	uint32_t entries; /* given so far */
};

static enum rc
end(struct call *call, enum ldap_result result, const char *text,
    struct err *err)
{
	const struct ldap_reply reply = {.id = call->query.id,
	    .op = call->query.op,
	    .result = result,
	    .text = text};

	call->guest->served = result == LDAP_SUCCESS;
	return ldap_reply_end(&reply, call->out, err);
}

/* --- entries */

#define ATTRIBUTE(name_, oid_, values_, count)    \
	((struct ldap_attribute){.name = (name_), \
	    .oid = (oid_),                        \
	    .value = (values_),                   \
	    .len = (count)})
#define WORD(text)                                         \
	{                                                  \
		(const uint8_t *)"" text, sizeof(text) - 1 \
	}

/* As many entries were given as were asked for. */
static bool
is_full(const struct call *call)
{
	uint32_t limit = call->query.search.size_limit;

	return limit > 0 && call->entries == limit;
}

static enum rc
give(struct call *call, const struct ldap_entry *entry, struct err *err)
{
	const struct ldap_search *search = &call->query.search;

	if (!ldap_filter_match(search->filter, entry))
		return RC_OK;
	if (is_full(call))
		return err_set(err, RC_LIMIT, "more than asked for");
	call->entries++;
	return ldap_reply_entry(&call->query, entry, call->out, err);
}

/* What RFC 4512 section 5.1 wants of a server. */
static enum rc
give_root(struct call *call, struct span context, struct err *err)
{
	static const struct span classes[] = {WORD("top")};
	static const struct span version[] = {WORD("3")};
	static const struct span extensions[] = {WORD(LDAP_OID_STARTTLS)};
	const struct span contexts[] = {context};
	struct ldap_entry entry = {
	    .attribute = {ATTRIBUTE("objectClass", "2.5.4.0", classes, 1),
		ATTRIBUTE("namingContexts", "1.3.6.1.4.1.1466.101.120.5",
		    contexts, 1),
		ATTRIBUTE("supportedLDAPVersion", "1.3.6.1.4.1.1466.101.120.15",
		    version, 1),
		ATTRIBUTE("supportedExtension", "1.3.6.1.4.1.1466.101.120.7",
		    extensions, 1)},
	    .len = 4};

	for (size_t i = 1; i < entry.len; i++)
		entry.attribute[i].operational = true;
	return give(call, &entry, err);
}

static enum rc
give_context(struct call *call, struct span context, struct err *err)
{
	static const struct span classes[] = {WORD("top"), WORD("domain")};
	const char *domain = call->service->settings->domain;
	const struct span dc[] = {
	    span_first(span_str(domain), strcspn(domain, "."))};
	const struct ldap_entry entry = {.dn = context,
	    .attribute = {ATTRIBUTE("objectClass", "2.5.4.0", classes, 2),
		ATTRIBUTE("dc", "0.9.2342.19200300.100.1.25", dc, 1)},
	    .len = 2};

	return give(call, &entry, err);
}

static enum rc
write_certs_only(const struct directory_found *found, struct span chain,
    struct buf *out, struct err *err)
{
	size_t whole = 0, inner = 0, data = 0, list = 0;

	TRY(der_write_begin(out, DER_SEQUENCE, &whole, err));
	TRY(der_write_bytes(out, DER_OID, OID_SIGNED_DATA, err));
	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &inner, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &data, err));
	TRY(der_write_number(out, DER_INTEGER, 1, err));
	TRY(der_write_bytes(out, DER_SET, SPAN_NONE, err));
	TRY(der_write_header(out, DER_SEQUENCE, OID_DATA.len + 2, err));
	TRY(der_write_bytes(out, DER_OID, OID_DATA, err));
	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &list, err));
	for (size_t i = 0; i < found->len; i++)
		TRY(buf_add(out, directory_der(found, i), err));
	TRY(buf_add(out, chain, err));
	TRY(der_write_end(out, list, err));
	TRY(der_write_bytes(out, DER_SET, SPAN_NONE, err));
	TRY(der_write_end(out, data, err));
	TRY(der_write_end(out, inner, err));
	return der_write_end(out, whole, err);
}

/* "certs-only": what a person's own program would have signed with its
 * capabilities, only the person can sign (RFC 2798 section 2.8). */
static enum rc
print_smime(const struct call *call, const struct directory_found *found,
    struct buf *out, struct err *err)
{
	const struct hierarchy *hierarchy = call->service->hierarchy;
	struct buf chain BUF_OWNED = BUF_SMALL;

	for (size_t i = 0; i < hierarchy->issuings; i++)
		TRY(hierarchy_der(hierarchy->issuing[i].cert, &chain, err));
	return write_certs_only(found, buf_span(&chain), out, err);
}

/* "mail=alice@alpha.test,dc=authority,dc=test"; of what has a meaning in a DN
 * (RFC 4514 section 2.4) an address of ours can have "#" and "+". */
static enum rc
print_dn(
    const char *address, struct span context, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "mail=", err));
	for (size_t i = 0; address[i] != '\0'; i++) {
		if (address[i] == '+' || address[i] == '#')
			TRY(buf_add_byte(out, '\\', err));
		TRY(buf_add_byte(out, (uint8_t)address[i], err));
	}
	TRY(buf_add_byte(out, ',', err));
	return buf_add(out, context, err);
}

/* Those one can encrypt to come first: some clients take the first. */
static size_t
sort_certificates(
    const struct directory_found *found, struct span ret[DIRECTORY_MOST])
{
	size_t len = 0;

	for (int wanted = 1; wanted >= 0; wanted--)
		for (size_t i = 0; i < found->len; i++)
			if (found->item[i].encrypting == (wanted == 1))
				ret[len++] = directory_der(found, i);
	return len;
}

static enum rc
give_mailbox(struct call *call, const struct directory_found *found,
    struct span context, struct err *err)
{
	static const struct span classes[] = {WORD("top"), WORD("person"),
	    WORD("organizationalPerson"), WORD("inetOrgPerson"),
	    WORD("pkiUser")};
	const struct span address[] = {span_str(found->address)};
	struct span der[DIRECTORY_MOST], smime[1];
	struct buf dn BUF_OWNED = BUF(DN_MAX),
		      pkcs7 BUF_OWNED = BUF(LDAP_ANSWER_MAX);

	TRY(print_dn(found->address, context, &dn, err));
	TRY(print_smime(call, found, &pkcs7, err));
	smime[0] = buf_span(&pkcs7);
	size_t len = sort_certificates(found, der);
	struct ldap_entry entry = {.dn = buf_span(&dn),
	    .attribute = {ATTRIBUTE("objectClass", "2.5.4.0", classes, 5),
		ATTRIBUTE("mail", "0.9.2342.19200300.100.1.3", address, 1),
		ATTRIBUTE("cn", "2.5.4.3", address, 1),
		ATTRIBUTE("sn", "2.5.4.4", address, 1),
		ATTRIBUTE("userCertificate", "2.5.4.36", der, len),
		ATTRIBUTE("userSMIMECertificate", "2.16.840.1.113730.3.1.40",
		    smime, 1)},
	    .len = 6};
	entry.attribute[4].binary = entry.attribute[5].binary = true;
	return give(call, &entry, err);
}

/* --- searches */

/* Where a search begins. */
enum place { PLACE_ROOT, PLACE_CONTEXT, PLACE_MAILBOX, PLACE_NOWHERE };

static enum rc
print_context(const char *domain, struct buf *out, struct err *err)
{
	for (const char *at = domain; *at != '\0';) {
		size_t len = strcspn(at, ".");
		TRY(buf_add_format(out, err, "%sdc=%.*s",
		    at == domain ? "" : ",", (int)len, at));
		at += len + (at[len] == '.');
	}
	return RC_OK;
}

/* Append what stands up to the next "," that is not escaped, and take it off;
 * false: an escape that is none. */
static bool
take_value(struct span *rest, struct buf *out)
{
	size_t i = 0;

	for (; i < rest->len && rest->data[i] != ','; i++) {
		if (rest->data[i] == '\\' && ++i == rest->len)
			return false;
		if (buf_add_byte(out, rest->data[i], NULL) != RC_OK)
			return false;
	}
	*rest = span_after(*rest, i + 1);
	return true;
}

/* Spaces may stand around "," and "="; no name of ours has one. */
static enum rc
drop_spaces(struct span dn, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < dn.len; i++)
		if (dn.data[i] != ' ')
			TRY(buf_add_byte(out, dn.data[i], err));
	return RC_OK;
}

static enum place
find_place(struct span base, const char *context, struct buf *mail)
{
	struct buf tidy BUF_OWNED = BUF(DN_MAX);

	if (drop_spaces(base, &tidy, NULL) != RC_OK)
		return PLACE_NOWHERE;
	struct span rest = buf_span(&tidy);
	if (rest.len == 0)
		return PLACE_ROOT;
	if (span_is_nocase(rest, context))
		return PLACE_CONTEXT;
	if (!span_starts_nocase(rest, "mail="))
		return PLACE_NOWHERE;
	rest = span_after(rest, sizeof("mail=") - 1);
	return take_value(&rest, mail) && span_is_nocase(rest, context)
		   ? PLACE_MAILBOX
		   : PLACE_NOWHERE;
}

static enum rc
count(struct call *call, struct err *err)
{
	char client[RATE_CLIENT_MAX];
	int64_t wait = 0;

	rate_client(call->guest->peer, client);
	if (rate_allow(call->service->rate, client, clock_ticks(), &wait))
		return RC_OK;
	return err_set(err, RC_REFUSED, "too many look-ups");
}

/* RC_ABSENT: nobody is known by this address. */
static enum rc
search_mailbox(
    struct call *call, struct span mail, struct span context, struct err *err)
{
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	const struct ldap_service *service = call->service;

	TRY(count(call, err));
	enum rc rc = directory_find_address(
	    service->sql, service->settings, mail, call->now, &found, err);
	if (rc == RC_SYNTAX)
		return err_set(err, RC_ABSENT, "not an address");
	TRY(rc);
	return give_mailbox(call, &found, context, err);
}

static enum rc
search_below(struct call *call, struct span context, struct err *err)
{
	struct ldap_mails mails = {.len = 0};

	if (call->query.search.scope == LDAP_SUB)
		TRY(give_context(call, context, err));
	TRY(ldap_filter_mails(call->query.search.filter, &mails, err));
	for (size_t i = 0; i < mails.len; i++) {
		enum rc rc = search_mailbox(call, mails.item[i], context, err);
		if (rc != RC_ABSENT)
			TRY(rc);
	}
	return RC_OK;
}

static enum rc
search_place(struct call *call, enum place place, struct span mail,
    struct span context, struct err *err)
{
	bool base = call->query.search.scope == LDAP_BASE;

	switch (place) {
	case PLACE_ROOT:
		return base ? give_root(call, context, err)
			    : search_below(call, context, err);
	case PLACE_CONTEXT:
		return base ? give_context(call, context, err)
			    : search_below(call, context, err);
	case PLACE_MAILBOX:
		if (call->query.search.scope == LDAP_ONE)
			return RC_OK; /* nothing is below anybody */
		return search_mailbox(call, mail, context, err);
	default:
		return err_set(err, RC_ABSENT, "there is no such place");
	}
}

/* Results as LDAP has them. */
static enum rc
end_search(struct call *call, enum rc rc, size_t before, const struct err *why,
    struct err *err)
{
	switch (rc) {
	case RC_OK:
		return end(call, LDAP_SUCCESS, "", err);
	case RC_ABSENT:
		return end(call, LDAP_NO_SUCH_OBJECT, "", err);
	case RC_LIMIT:
		return end(call,
		    is_full(call) ? LDAP_SIZE_LIMIT : LDAP_ADMIN_LIMIT,
		    why->text, err);
	case RC_REFUSED:
		return end(call, LDAP_BUSY,
		    "too many look-ups from your address", err);
	default:
		log_error("LDAP: %s", why->text);
		buf_cut(call->out, before);
		return end(call, LDAP_UNAVAILABLE, "try again later", err);
	}
}

static enum rc
answer_search(struct call *call, struct err *err)
{
	struct buf context BUF_OWNED = BUF(DN_MAX),
			   mail BUF_OWNED = BUF(DN_MAX);
	const char *domain = call->service->settings->domain;
	size_t before = call->out->len;
	struct err why = ERR_NONE;
	const char *text = NULL;

	TRY(print_context(domain, &context, err));
	TRY(buf_str(&context, &text, err));
	enum place place = find_place(call->query.search.base, text, &mail);
	enum rc rc = search_place(
	    call, place, buf_span(&mail), buf_span(&context), &why);
	return end_search(call, rc, before, &why, err);
}

/* --- everything else */

/* RFC 4513 section 5.1: a name without a password is no proof of anything, and
 * who believes that it was one is to hear it. */
static enum rc
answer_bind(struct call *call, struct err *err)
{
	const struct ldap_bind *bind = &call->query.bind;

	if (bind->version != 3)
		return end(
		    call, LDAP_PROTOCOL_ERROR, "this is LDAP version 3", err);
	if (!bind->simple)
		return end(call, LDAP_METHOD_NOT_SUPPORTED,
		    "bind anonymously: nobody has to log in here", err);
	if (bind->password.len > 0)
		return end(call, LDAP_INVALID_CREDENTIALS,
		    "nobody has a password here", err);
	if (bind->name.len > 0)
		return end(call, LDAP_UNWILLING,
		    "a name without a password proves nothing", err);
	return end(call, LDAP_SUCCESS, "", err);
}

static enum rc
answer_extended(struct call *call, struct err *err)
{
	struct ldap_reply reply = {.id = call->query.id,
	    .op = call->query.op,
	    .result = LDAP_SUCCESS,
	    .text = "",
	    .oid = LDAP_OID_STARTTLS};

	if (!span_is(call->query.extended, span_str(LDAP_OID_STARTTLS)))
		return end(call, LDAP_PROTOCOL_ERROR,
		    "nobody knows this operation here", err);
	if (!call->guest->can_tls)
		return end(
		    call, LDAP_OPERATIONS_ERROR, "TLS is there already", err);
	call->guest->start_tls = call->guest->served = true;
	return ldap_reply_end(&reply, call->out, err);
}

static enum rc
answer(struct call *call, struct err *err)
{
	bool silent =
	    call->query.op == LDAP_UNBIND || call->query.op == LDAP_ABANDON;

	call->guest->goodbye = call->query.op == LDAP_UNBIND;
	if (silent) {
		call->guest->served = true;
		return RC_OK;
	}
	if (call->query.critical)
		return end(call, LDAP_UNKNOWN_CRITICAL,
		    "nobody knows this control here", err);
	switch (call->query.op) {
	case LDAP_BIND:
		return answer_bind(call, err);
	case LDAP_SEARCH:
		return answer_search(call, err);
	case LDAP_EXTENDED:
		return answer_extended(call, err);
	default:
		return end(
		    call, LDAP_UNWILLING, "this directory is read-only", err);
	}
}

enum rc
ldap_service_answer(const struct ldap_service *service, struct span message,
    int64_t now, struct ldap_guest *guest, struct buf *out, struct err *err)
{
	struct call call = {
	    .service = service, .guest = guest, .now = now, .out = out};
	struct err why = ERR_NONE;

	guest->served = false;
	enum rc rc = ldap_query_parse(message, &call.query, &why);
	if (rc == RC_OK)
		return answer(&call, err);
	/* "the server SHOULD return ... protocolError" where it knows to what;
	 * whose bytes cannot be told apart any more, has to begin anew */
	if (rc == RC_LIMIT && call.query.op == LDAP_SEARCH)
		return end(&call, LDAP_ADMIN_LIMIT, why.text, err);
	guest->goodbye = true;
	return ldap_reply_goodbye(LDAP_PROTOCOL_ERROR, why.text, out, err);
}
