/* cms/walk -- take a CMS object apart while it comes, by a table.
 *
 * Standard:  RFC 5652; BER or DER in.
 * May use:   base pki.  Only inside cms.
 * Not here:  what any of it means; the tables (of cms/open, cms/verify).
 * Limits:    as cms/ber; each row has its own.
 *
 * A table is the ASN.1 type, one row for each element, children behind their
 * parent and one level deeper:
 *
 *	static const struct walk_row rows[] = {
 *	    {0, DER_SEQUENCE, WALK_ENTER},
 *	    {1, DER_OID, WALK_GATHER, .limit = 32, .id = TYPE},
 *	    {1, 0xa0, WALK_ENTER},
 *	    {2, DER_OCTETS, WALK_STREAM, .id = CONTENT},
 *	};
 *	static const struct walk_table table = {"Data", rows, COUNT(rows)};
 *
 *	walk_init(&walk, &table);
 *	walk_push(&walk, bytes);
 *	while ((rc = walk_next(&walk, &item, err)) == RC_OK)
 *		... item.id, item.event, item.bytes ...
 *	if (rc != RC_AGAIN) return rc;		and so on with more bytes
 *	TRY(walk_finish(&walk, err));		nothing is missing
 *	walk_done(&walk);
 */
#ifndef CMS_WALK_PRIV_H
#define CMS_WALK_PRIV_H

#include "cms/ber_priv.h"

#define WALK_LEVELS_MAX 16
#define WALK_ANY 0 /* as a tag: whatever comes */

enum walk_action {
	WALK_ENTER,  /* go on inside, with the rows one level deeper */
	WALK_GATHER, /* give it out whole: one WALK_WHOLE */
	WALK_STREAM, /* an OCTET STRING, in one piece or many: WALK_BEGIN,
		      * WALK_BYTES as they come, WALK_END */
	WALK_SKIP,   /* nothing */
};

enum {
	WALK_OPTIONAL = 1,
	WALK_REPEATED = 2, /* none, one or many */
	WALK_IF_FITS = 4,  /* gathered: what is beyond the limit is skipped */
};

struct walk_row {
	int level;
	uint8_t tag; /* identifier octet; of a stream: the primitive one */
	enum walk_action action;
	unsigned flags;
	/* Beyond it RC_LIMIT.  Gathered: octets with tag and length.  Stream
	 * and skipped: octets of contents; 0 is none. */
	size_t limit;
	int id; /* the table owner's name for it */
};

struct walk_table {
	const char *what; /* for "no well-formed ..." */
	const struct walk_row *rows;
	size_t len;
};

enum walk_event { WALK_WHOLE, WALK_BEGIN, WALK_BYTES, WALK_END };

struct walk_item {
	enum walk_event event;
	int id;
	uint8_t tag;       /* identifier octet as it came */
	struct span bytes; /* WHOLE: the element as it came, tag and length
			    * included (ber_der() makes DER of it); BYTES:
			    * contents, not empty.  Lent until the next call. */
};

/* Private. */
enum walk_mode { WALK_BY_TABLE, WALK_GATHERING, WALK_STREAMING, WALK_SKIPPING };

struct walk {
	struct ber ber;
	const struct walk_table *table;
	size_t row[WALK_LEVELS_MAX]; /* the first that may match, by level */
	enum walk_mode mode;
	size_t now; /* the row that is gathered, streamed or skipped */
	uint64_t taken;
	struct buf gathered;
	struct span direct; /* what is gathered, while it lies in the input */
	bool finished;
};

void walk_init(struct walk *walk, const struct walk_table *table);
void walk_done(struct walk *walk);

/* Go on by another table, which has the same rows as far as the walk has come:
 * for what follows a content type. */
void walk_use(struct walk *walk, const struct walk_table *table);

/* Lend the next bytes, until walk_next() says RC_AGAIN or fails. */
void walk_push(struct walk *walk, struct span in);

/* RC_AGAIN: all that was pushed is used up.  RC_SYNTAX: not by the table; or
 * something else than white space (which mail adds) behind the end.
 * RC_LIMIT. */
enum rc walk_next(struct walk *walk, struct walk_item *ret, struct err *err);

/* RC_SYNTAX: the end has not come. */
enum rc walk_finish(const struct walk *walk, struct err *err);

#endif
