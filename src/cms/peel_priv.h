/* cms/peel -- one MIME layer of a letter, as a stream: what it is, and what is
 * in it.
 *
 * Decides as mime/entity with cms/smime do about a whole tree.
 *
 * Standard:  RFC 1847, RFC 8551 section 3.
 * May use:   base codec mime.  Only inside cms.
 * Limits:    PEEL_SIGNATURE_MAX for a detached signature, the lists of revoked
 *            certificates in it too; mime/scan's.
 */
#ifndef CMS_PEEL_PRIV_H
#define CMS_PEEL_PRIV_H

#include "cms/partial_priv.h"

#define PEEL_SIGNATURE_MAX ((size_t)1 << 20) /* as SIGNED_MAX */

struct peel;

enum peel_what {
	PEEL_MORE,   /* the input is used up */
	PEEL_ENTITY, /* SMIME_NONE, SMIME_OTHER: the entity itself, header and
		      * all */
	PEEL_PART,   /* SMIME_SIGNED: of what is signed */
	PEEL_CMS,    /* else: of the CMS object, decoded */
};

struct peel_event {
	enum peel_what what;
	struct span bytes; /* lent until the next call, or as long as the
			    * input */
};

/* How it is read; a set. */
enum peel_way {
	PEEL_PLAIN = 0,
	PEEL_FLAT = 1,    /* all of it is PEEL_ENTITY, whatever it says it is */
	PEEL_OF_PART = 2, /* of a part: scan_part() */
	/* A multipart/signed counts only if its `protocol` says so, which is
	 * known before its end. */
	PEEL_NAMED = 4,
	/* Also what is SMIME_NONE is looked at down to its last part: whether
	 * mime/scan takes it, and for peel_partial(). */
	PEEL_DEEP = 8,
};

enum rc peel_new(unsigned way, struct peel **ret, struct err *err);
void peel_free(struct peel *peel);

/* Before the first peel_next(): of all the letter only the entity with this
 * number is read, the multipart/signed that peel_partial() has found. */
void peel_only(struct peel *peel, size_t entity);

/* As scan_next().  After a failure it is of no more use. */
enum rc peel_next(struct peel *peel, struct span *in, bool last,
    struct peel_event *ret, struct err *err);

/* What it is, as far as that shows before its end: known from the first event
 * that has bytes on, and at the end of the input. */
enum smime_kind peel_kind(const struct peel *peel);

/* At the end of the input, with PEEL_DEEP: the part that is signed. */
struct partial_find peel_partial(const struct peel *peel);

/* Was its header read? */
bool peel_has_header(const struct peel *peel);

/* The micalg of a multipart/signed, "" if it names none; lent. */
const char *peel_micalg(const struct peel *peel);

/* At the end of the input, of SMIME_SIGNED: does smime_kind_of() call it so
 * too?  Without a `protocol` only the second part can tell. */
bool peel_is_signed(const struct peel *peel);
/* Lends the signature.  RC_SYNTAX as smime_check_parts(), RC_LIMIT. */
enum rc peel_signature(
    const struct peel *peel, struct span *ret, struct err *err);

#endif
