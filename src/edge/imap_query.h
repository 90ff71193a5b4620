/* edge/imap_query -- what a SEARCH asks, as a tree.
 *
 * Pure.  Each part of it is the mail server's to answer (flags, dates, UIDs),
 * or ours, for only we can read the letters:
 *
 *     UNSEEN OR (FROM alice) (SINCE 1-Jan-2026)
 *
 *     AND -- SERVER "UNSEEN"
 *         `- OR -- FIELD from "alice"
 *               `- SERVER "SINCE 1-Jan-2026"
 *
 * Standard:  RFC 3501 section 6.4.4; RFC 4731 (RETURN), RFC 5182 (SAVE, "$"),
 *            RFC 7162 (MODSEQ), RFC 5032 (OLDER, YOUNGER).
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_QUERY_DEPTH, IMAP_QUERY_NODES: RC_SYNTAX.
 */
#ifndef EDGE_IMAP_QUERY_H
#define EDGE_IMAP_QUERY_H

#include "proto/imap_token.h"

#define IMAP_QUERY_DEPTH 50
#define IMAP_QUERY_NODES 1000

enum imap_query_kind {
	IMAP_QUERY_SERVER,  /* `text`: the keys, as they are asked upstream */
	IMAP_QUERY_SAVED,   /* "$" */
	IMAP_QUERY_AND,     /* all children */
	IMAP_QUERY_OR,      /* two children */
	IMAP_QUERY_NOT,     /* one child */
	IMAP_QUERY_KEYWORD, /* `text` is among our keywords */
	IMAP_QUERY_FIELD,   /* `text`, folded, in a field called `name` */
	IMAP_QUERY_BODY,    /* in the body */
	IMAP_QUERY_TEXT,    /* in header or body */
	IMAP_QUERY_LARGER,  /* than `number` bytes */
	IMAP_QUERY_SMALLER,
	IMAP_QUERY_SENT_BEFORE, /* `number`: the day, days since 1970 */
	IMAP_QUERY_SENT_ON,
	IMAP_QUERY_SENT_SINCE,
};

struct imap_query {
	enum imap_query_kind kind;
	struct buf text;
	char *name;
	int64_t number;
	struct imap_query *child, *next; /* owned */
	/* private to the search: the letters of SERVER and SAVED; of FIELD,
	 * BODY and TEXT those that the index names, which may be more if that
	 * is not `exact` */
	bool *hits;
	bool exact;
};

/* What it is answered with. */
#define IMAP_RETURN_MIN 1U
#define IMAP_RETURN_MAX 2U
#define IMAP_RETURN_ALL 4U
#define IMAP_RETURN_COUNT 8U
#define IMAP_RETURN_SAVE 16U

struct imap_searching {
	bool extended; /* RETURN was said: the answer is ESEARCH */
	unsigned wanted;
	bool modseq; /* a MODSEQ key is in it */
	struct imap_query *query;
};

#define IMAP_SEARCHING_OWNED __attribute__((cleanup(imap_searching_done)))
void imap_searching_done(struct imap_searching *searching);

/* Read all that stands behind SEARCH.  RC_SYNTAX; RC_REFUSED: a charset other
 * than US-ASCII and UTF-8.  The caller owns *ret. */
enum rc imap_query_parse(
    struct imap_walk *args, struct imap_searching *ret, struct err *err);
/* The same for SORT and THREAD: a charset, and the keys. */
enum rc imap_query_parse_bare(
    struct imap_walk *args, struct imap_searching *ret, struct err *err);

#endif
