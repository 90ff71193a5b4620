/* mime/address -- who a header field names.
 *
 * Standard:  RFC 5322 section 3.4 with the obsolete forms, groups (RFC 6854);
 *            equality of RFC 8550 section 3 (domain and local part ASCII case
 *            folded; no tag, dot or other folding).
 * May use:   base codec.
 * Limits:    ADDRESS_MAX mailboxes: RC_LIMIT.  ADDRESS_LEN_MAX bytes each.
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "base/buf.h"

#define ADDRESS_MAX 2000
#define ADDRESS_LEN_MAX 320

struct mailbox {
	char
	    *address; /* local@domain: unquoted if it needs no quotes, domain in
			* lower case, no comments, no blanks */
	char *name;   /* display name as UTF-8, encoded words decoded, without
			* control characters; "" if none */
};

struct mailboxes {
	struct mailbox *item; /* owned */
	size_t len;
	bool has_group; /* a group was among them */
	bool has_route; /* "<@a.test:x@b.test>", which readers show as all
			 * sorts of things */
	char *comments; /* owned; the text of all comments, as a name; some
			 * programs show it as one; NULL: none */
};

#define MAILBOXES_NONE ((struct mailboxes){NULL, 0, false, false, NULL})
#define MAILBOXES_OWNED __attribute__((cleanup(mailboxes_done)))

/* Append every mailbox of an address list (From, To, Cc, ...).  RC_SYNTAX:
 * something in it is no address; what a security decision rests on must
 * not be guessed. */
enum rc mailboxes_parse(
    struct span value, struct mailboxes *list, struct err *err);
/* Append all that a careless reader takes for addresses where the field is no
 * address list ("alice@alpha.test." with its dot): to warn, never to prove.
 * Beyond the limits, the rest is left out. */
enum rc mailboxes_guess(
    struct span value, struct mailboxes *list, struct err *err);
void mailboxes_done(struct mailboxes *list);
bool mailboxes_have(const struct mailboxes *list, const char *address);

/* Is this exactly one addr-spec local@domain, ASCII, within limits, as SMTP
 * and certificates carry it?  RC_SYNTAX with the reason if not. */
enum rc address_check(struct span address, struct err *err);
bool address_equal(const char *a, const char *b);
/* The same, whether a domain is in UTF-8 or in its ASCII form (xn--...). */
bool address_matches(const char *a, const char *b);
/* Append `address` with its domain in that form, as certificates hold it. */
enum rc address_to_ascii(const char *address, struct buf *out, struct err *err);
/* Append the form in which an address is remembered, the same however a mail
 * program lets it be written: lower case, ASCII, no dot at its end; of what UTS
 * #46 maps, the letters, digits and dots of ASCII in other forms (ideographic
 * full stop, full width, circled, ...) and the capitals of Latin-1, Greek and
 * Cyrillic.  Never to prove who somebody is.  A domain that DNS
 * cannot have stays as it is. */
enum rc address_canonical(
    const char *address, struct buf *out, struct err *err);
/* Lends what is behind the last "@"; "" if there is none. */
const char *address_domain(const char *address);

#endif
