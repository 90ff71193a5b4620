/* cms/partial -- which part of a letter is signed, if not all of it is; and
 * whether one is encrypted.
 *
 * The first multipart/signed with a pkcs7 signature among the parts of a
 * multipart, else the first in one of those parts, from the first on.
 * Forwarded messages are somebody else's letters: not looked into.
 *
 * Standard:  RFC 1847, RFC 8551 section 3.5.
 * May use:   base mime.  Only inside cms.
 * Limits:    ENTITY_LIMITS.
 */
#ifndef CMS_PARTIAL_PRIV_H
#define CMS_PARTIAL_PRIV_H

#include "cms/smime_priv.h"
#include "mime/scan.h"

#define PARTIAL_LEVELS 64 /* more than ENTITY_LIMITS allows */

struct partial_find {
	size_t entity;   /* which in the letter, from 1 on; 0: none */
	unsigned number; /* which of its multipart's parts, from 1 on */
	bool sealed;     /* of the letter: one of its parts is encrypted */
};

struct partial_level {
	struct partial_find self;
	unsigned parts;
	bool multipart, may_be_signed, is_signed;
	bool forwarded;             /* in a message that is a part */
	struct partial_find beside; /* the first of its own parts */
	struct partial_find below;  /* the first in one of them */
};

struct partial {
	size_t entities;
	bool sealed;
	struct partial_level level[PARTIAL_LEVELS];
	struct partial_find found; /* at the end of the letter */
};

/* Of one that was all zero: every SCAN_BEGIN and SCAN_END. */
void partial_take(struct partial *partial, const struct scan_event *event);

#endif
