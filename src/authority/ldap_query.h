/* authority/ldap_query -- read what an LDAP client asks, and look through the
 * filter of a search.
 *
 * Standard:  RFC 4511; BER with definite lengths, of any form (section 5.1).
 * May use:   base.
 * Not here:  answers (authority/ldap_reply), what they are
 *            (authority/ldap_service).
 * Limits:    LDAP_QUERY_MAX bytes, LDAP_FILTER_DEPTH levels, LDAP_FILTER_PARTS
 *            parts of a filter, LDAP_MAILS_MAX addresses in one.
 */
#ifndef AUTHORITY_LDAP_QUERY_H
#define AUTHORITY_LDAP_QUERY_H

#include "base/err.h"
#include "base/span.h"

#define LDAP_QUERY_MAX ((size_t)64 * 1024)
#define LDAP_FILTER_DEPTH 16
#define LDAP_FILTER_PARTS 256
#define LDAP_MAILS_MAX 20

/* The identifier octets of what can be asked. */
enum ldap_op {
	LDAP_BIND = 0x60,
	LDAP_UNBIND = 0x42,
	LDAP_SEARCH = 0x63,
	LDAP_MODIFY = 0x66,
	LDAP_ADD = 0x68,
	LDAP_DELETE = 0x4a,
	LDAP_RENAME = 0x6c,
	LDAP_COMPARE = 0x6e,
	LDAP_ABANDON = 0x50,
	LDAP_EXTENDED = 0x77,
};

enum ldap_scope { LDAP_BASE, LDAP_ONE, LDAP_SUB };

struct ldap_bind {
	uint32_t version;
	struct span name, password;
	bool simple; /* else SASL, or what nobody knows */
};

struct ldap_search {
	struct span base;
	enum ldap_scope scope;
	uint32_t size_limit; /* 0: none */
	bool types_only;
	struct span filter; /* one whole element, checked */
	struct span
	    attributes; /* OCTET STRINGs one behind the other, checked */
};

/* All spans lie in the message. */
struct ldap_query {
	uint32_t id;
	uint8_t op;
	bool critical; /* it has a critical control that nobody here knows */
	struct ldap_bind bind;
	struct ldap_search search;
	struct span extended; /* OID */
};

/* How long is the message that begins here?  RC_AGAIN: not all of it is there
 * yet.  RC_SYNTAX, RC_LIMIT: it will never be one. */
enum rc ldap_query_size(struct span in, size_t *ret, struct err *err);
/* Exactly one message.  RC_SYNTAX: it is not LDAP; RC_LIMIT: too much of it.
 * `ret->id` and `ret->op` are set as soon as they were read (else 0), so that
 * the answer can name them. */
enum rc ldap_query_parse(
    struct span message, struct ldap_query *ret, struct err *err);

/* The next of the strings; false: there is none. */
bool ldap_query_next(struct span *strings, struct span *ret);

/* The addresses that entries must have one of, from (mail=...) inside of "and"
 * and "or"; each once.  RC_LIMIT: more than LDAP_MAILS_MAX. */
struct ldap_mails {
	struct span item[LDAP_MAILS_MAX];
	size_t len;
};
enum rc ldap_filter_mails(
    struct span filter, struct ldap_mails *ret, struct err *err);

/* An entry, as filters and answers see it. */
struct ldap_attribute {
	const char *name;
	const char *oid;
	bool binary;      /* transferred with ";binary", never compared */
	bool operational; /* given only when it is asked for */
	const struct span *value;
	size_t len;
};
struct ldap_entry {
	struct span dn;
	struct ldap_attribute attribute[8];
	size_t len;
};

/* Does the attribute go by this name, ";binary" or not? */
bool ldap_attribute_is(
    const struct ldap_attribute *attribute, struct span description);

/* Attributes that the entry has not are false, not undefined: clients ask for
 * "not hidden" in attributes of their own servers. */
bool ldap_filter_match(struct span filter, const struct ldap_entry *entry);

#endif
