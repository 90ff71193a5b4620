/* mime/sevenbit_walk -- an entity as mime/sevenbit sees it: what is dealt with
 * as a whole is a leaf, whatever it holds, and headers come with their part.
 *
 * Standard:  RFC 1847 section 2.1 (what is signed is opaque), RFC 6532 section
 *            3.5 (a message/global may be encoded).
 * May use:   base.
 */
#ifndef MIME_SEVENBIT_WALK_PRIV_H
#define MIME_SEVENBIT_WALK_PRIV_H

#include "mime/scan.h"

/* ENTITY_LIMITS' depth, and a leaf. */
#define WALK_DEPTH_MAX 51

enum sevenbit_walk_what {
	WALK_MORE,  /* the input is used up */
	WALK_BEGIN, /* of a part */
	WALK_BYTES, /* of the innermost part that is open, behind its header */
	WALK_END,   /* of that part */
};

enum sevenbit_walk_place {
	WALK_BODY,
	WALK_PREAMBLE,  /* all lines before the first delimiter */
	WALK_DELIMITER, /* a delimiter and its line end */
	WALK_EPILOGUE,  /* all behind the line of the closing delimiter */
};

struct sevenbit_walk_event {
	enum sevenbit_walk_what what;
	size_t part;  /* its number, in the order of their beginning */
	size_t depth; /* its; 0 for the entity itself */
	const struct entity *entity; /* BEGIN: lent until the next call */
	struct span bytes;           /* BYTES: lent until the next call */
	enum sevenbit_walk_place place;
	bool malformed;    /* END: whatever showed it */
	size_t len;        /* END: header and body */
	size_t header_len; /* END: what of the header belongs to it */
};

/* A part that is open. */
struct sevenbit_walk_level {
	size_t part;
	size_t start;                   /* where in the entity */
	size_t header_len, header_left; /* what is still to come of it */
	bool malformed;                 /* what its header shows */
	enum sevenbit_walk_zone {
		ZONE_BODY,
		ZONE_PREAMBLE,
		ZONE_PARTS,
		ZONE_LINE,
		ZONE_EPILOGUE
	} zone; /* ZONE_LINE: in the closing delimiter's */
};

struct sevenbit_walk {
	struct scan *scan; /* owned */
	struct sevenbit_walk_level level[WALK_DEPTH_MAX];
	size_t depth; /* how many are open */
	bool opaque;  /* the innermost of them is a leaf that may hold parts */
	size_t parts; /* that have begun */
	struct span left; /* of the last event of the scan */
	enum scan_role role;
};

enum rc sevenbit_walk_init(struct sevenbit_walk *walk, struct err *err);
void sevenbit_walk_done(struct sevenbit_walk *walk);

/* As scan_next(). */
enum rc sevenbit_walk_next(struct sevenbit_walk *walk, struct span *in,
    bool last, struct sevenbit_walk_event *ret, struct err *err);

/* multipart/signed, multipart/encrypted. */
bool sevenbit_walk_is_island(const struct entity *entity);
/* message/global, message/global-headers, ...: RFC 6532, 6533. */
bool sevenbit_walk_is_global(const struct entity *entity);

#endif
