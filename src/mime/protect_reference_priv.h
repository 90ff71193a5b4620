/* mime/protect_reference_priv -- what both sides of a reference go by: the
 * letter it is made of, and the answer it is used for.
 */
#ifndef MIME_PROTECT_REFERENCE_PRIV_H
#define MIME_PROTECT_REFERENCE_PRIV_H

#include "mime/protect_reference.h"

/* How a field can tell a secret. */
enum reference_form {
	FORM_TEXT,        /* as it is */
	FORM_OWN_TEXT,    /* the same, but each letter has one of its own */
	FORM_SUBJECT,     /* behind "Re:" */
	FORM_ADDRESSES,   /* who it was to */
	FORM_OWN_ADDRESS, /* the same, but its address stands outside anyway */
	FORM_IDS,         /* which letters were before it */
};

enum reference_form reference_form_of(struct span name);

/* "Re: AW: x" without all such prefixes; *ret_prefix, if it is not NULL, says
 * what the first of them stands for: "Re: ", "Fwd: " or "". */
struct span reference_base(struct span subject, const char **ret_prefix);

/* The next "<...>" of a field of message identifiers, from `*at` on. */
bool reference_next_id(struct span value, size_t *at, struct span *ret);

#endif
