/* mime/protect_owner -- whose a header field is, and what hides it.
 *
 * Standard:  RFC 9788 sections 1.1 (structural fields), 3 (policies), 7
 *            (fields of those who carried the letter).
 * May use:   base.
 */
#ifndef MIME_PROTECT_OWNER_PRIV_H
#define MIME_PROTECT_OWNER_PRIV_H

#include "mime/protect.h"

/* What is not named in the table is the author's. */
enum protect_owner {
	OWNER_AUTHOR,
	OWNER_MIME,    /* describes the part it stands in */
	OWNER_TRACE,   /* of who carried the letter */
	OWNER_LIST,    /* of a list, but an author may set it too */
	OWNER_SECRET,  /* goes nowhere */
	OWNER_HP,      /* says what stood outside */
	OWNER_VERDICT, /* only ours counts, and only outside */
};

enum protect_owner protect_owner_of(const struct field *field);

/* Is it a field that hp= protects? */
bool protect_is_protected(const struct field *field);

/* What a policy makes of a field (RFC 9788 section 3.2). */
enum protect_hide {
	HIDE_NOTHING,
	HIDE_VALUE, /* "[...]" */
	HIDE_ALL,   /* does not stand outside */
	HIDE_NAMES, /* addresses only */
	HIDE_ZONE,  /* the same time in UTC */
};

enum protect_hide protect_hide_of(
    enum protect_policy policy, const struct field *field);

/* Append the value that stands outside, unfolded; nothing for HIDE_ALL. */
enum rc protect_hide_value(const struct field *field, enum protect_hide hide,
    struct buf *out, struct err *err);

/* RFC 9787 section 1.1.2: the fields that people read. */
bool protect_is_user_facing(const struct field *field);

#endif
