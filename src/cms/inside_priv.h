/* cms/inside -- take the content out of a SignedData, as it comes.
 *
 * For the second pass over bytes that cms/verify has checked in the first:
 * nothing is hashed again.
 *
 * Standard:  RFC 5652 sections 5.1 and 5.2; BER or DER in.
 * May use:   base pki.  Only inside cms.
 */
#ifndef CMS_INSIDE_PRIV_H
#define CMS_INSIDE_PRIV_H

#include "cms/walk_priv.h"

struct inside {
	struct walk walk;
};

void inside_init(struct inside *inside);
void inside_done(struct inside *inside);
/* Append what `der` has of the content. */
enum rc inside_push(
    struct inside *inside, struct span der, struct buf *out, struct err *err);
/* RC_SYNTAX: the end has not come. */
enum rc inside_finish(const struct inside *inside, struct err *err);

#endif
