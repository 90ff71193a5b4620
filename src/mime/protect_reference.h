/* mime/protect_reference -- what a letter kept secret in its header, so that
 * an answer to it does not tell.
 *
 * Standard:  RFC 9788 section 6.1 (ReferenceHCP), made for somebody who sees
 *            the answer and not how the mail program made it: what is secret
 *            is looked for in every field of the answer.
 * May use:   base codec.
 * Not here:  which letter is answered (its Message-ID is in In-Reply-To and
 *            References), and whether an answer may go unencrypted.
 * Limits:    REFERENCE_MAX secrets; more is RC_LIMIT.
 *
 * A caller keeps the printed form by the letter's Message-ID, as secret as
 * the letter, and parses it back when an answer goes out.
 */
#ifndef MIME_PROTECT_REFERENCE_H
#define MIME_PROTECT_REFERENCE_H

#include "mime/protect.h"

#define REFERENCE_MAX 10000

enum reference_kind {
	REFERENCE_TEXT,    /* the value of a field */
	REFERENCE_ADDRESS, /* an address, in whatever field */
	REFERENCE_NAME,    /* a display name, in whatever field */
	REFERENCE_LIST,    /* a field of addresses was not as it stood outside;
			    * no text */
	REFERENCE_ID,      /* a message identifier, in whatever field */
};

struct reference_secret {
	enum reference_kind kind;
	char *field;   /* where it was found */
	char *text;    /* UTF-8, decoded; base subject; or "" */
	char *instead; /* what stood outside in its place; NULL: nothing */
};

struct protect_reference {
	struct reference_secret *item; /* owned, wiped */
	size_t len;
	size_t cap;
};

#define REFERENCE_NONE ((struct protect_reference){NULL, 0, 0})
#define REFERENCE_OWNED __attribute__((cleanup(protect_reference_done)))

/* Add what the letter kept secret: the protected fields that did not stand
 * outside so.  Nothing if it was not encrypted, or hid nothing.  On failure
 * *reference is as it was. */
enum rc protect_reference_add(struct protect_reference *reference,
    const struct protect_letter *letter, struct err *err);

/* Append the printed form (text, one line each; empty if nothing is secret),
 * and add what was printed.  RC_SYNTAX: not ours. */
enum rc protect_reference_print(const struct protect_reference *reference,
    struct buf *out, struct err *err);
enum rc protect_reference_parse(
    struct protect_reference *reference, struct span text, struct err *err);

void protect_reference_done(struct protect_reference *reference);

/* The value that `field` (7-bit) may have outside, of which `value` is what
 * the policy left: appends it, or nothing and *ret_gone is true if the field
 * may not stand outside at all. */
enum rc protect_reference_hide(const struct protect_reference *reference,
    const struct field *field, struct span value, struct buf *out,
    bool *ret_gone, struct err *err);

#endif
