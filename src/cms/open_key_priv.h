/* cms/open_key -- the content key, from the places that name us.
 *
 * Standard:  RFC 3218 section 2.3.2 (a random key instead of a failure).
 * May use:   base.  Only inside cms.
 * Not here:  the places themselves (cms/recipient).
 */
#ifndef CMS_OPEN_KEY_PRIV_H
#define CMS_OPEN_KEY_PRIV_H

#include "cms/recipient_priv.h"

/* Fill the first `want` bytes of `key` (at least 32 long, the caller wipes
 * it).  *ret_good false: it is random, and the end is known to be that of a
 * changed letter.  RC_UNFIT, RC_SYNTAX: none of the places is of a kind that
 * we open.  RC_NOMEM, RC_IO, RC_AGAIN: nothing about the letter. */
enum rc open_key_find(const struct recipient_matches *matches, size_t want,
    uint8_t *key, bool *ret_good, struct err *err);

#endif
