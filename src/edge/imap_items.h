/* edge/imap_items -- what a FETCH asks for, and what of it a letter answers.
 *
 * Pure: a list of items from a command's bytes, values from a parsed letter.
 *
 * Standard:  RFC 3501 section 6.4.5; RFC 3516 (BINARY), RFC 7162 (MODSEQ,
 *            CHANGEDSINCE), RFC 8474 (EMAILID, THREADID), RFC 8514 (SAVEDATE).
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_ITEMS_MAX items: RC_LIMIT.
 */
#ifndef EDGE_IMAP_ITEMS_H
#define EDGE_IMAP_ITEMS_H

#include "edge/imap_section.h"

#define IMAP_ITEMS_MAX 64

enum imap_item_kind {
	IMAP_ITEM_UID,
	/* what the mail server answers */
	IMAP_ITEM_FLAGS,
	IMAP_ITEM_DATE, /* INTERNALDATE */
	IMAP_ITEM_MODSEQ,
	IMAP_ITEM_EMAILID,
	IMAP_ITEM_THREADID,
	IMAP_ITEM_SAVEDATE,
	/* what the letter answers */
	IMAP_ITEM_SIZE,
	IMAP_ITEM_ENVELOPE,
	IMAP_ITEM_BODY,
	IMAP_ITEM_STRUCTURE,
	IMAP_ITEM_SECTION,
	IMAP_ITEM_BINARY,      /* RFC 3516: without its transfer encoding */
	IMAP_ITEM_BINARY_SIZE, /* how long that is */
};

struct imap_item {
	enum imap_item_kind kind;
	char *name; /* as the answer calls it, "BODY[1]<0>"; owned */
	struct imap_section section;
	bool partial;
	uint32_t from, len;
};

struct imap_items {
	struct imap_item item[IMAP_ITEMS_MAX];
	size_t len;
	bool sees; /* one of them sets \Seen */
	/* RFC 7162 section 3.1.4.1: only of letters changed since; "": all */
	char changed_since[21];
	bool vanished; /* and which are gone */
};

#define IMAP_ITEMS_OWNED __attribute__((cleanup(imap_items_done)))
void imap_items_init(struct imap_items *items);
void imap_items_done(struct imap_items *items);

/* Read the list, or the one item, or the macro, and what stands behind it, up
 * to the end. */
enum rc imap_items_parse(
    struct imap_walk *walk, struct imap_items *ret, struct err *err);
bool imap_items_have(const struct imap_items *items, enum imap_item_kind kind);
/* "FLAGS"; for all kinds but sections. */
const char *imap_item_word(enum imap_item_kind kind);
/* The capability that the mail server must have for it; NULL: none. */
const char *imap_item_needs(enum imap_item_kind kind);
/* Is anything asked that only the letter itself answers? */
bool imap_items_need_letter(const struct imap_items *items);
/* Is all of that in the letter's own header, or its size? */
bool imap_items_need_header_only(const struct imap_items *items);
/* Put FLAGS or UID at the front if it is not there. */
enum rc imap_items_add(
    struct imap_items *items, enum imap_item_kind kind, struct err *err);

/* Append the value of an item that the letter answers.  RC_UNFIT: the transfer
 * encoding of what BINARY names cannot be undone. */
enum rc imap_item_print(const struct imap_item *item,
    const struct entity *letter, struct buf *out, struct err *err);

#endif
