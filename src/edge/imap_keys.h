/* edge/imap_keys -- what of a letter SORT and THREAD compare, and when it was
 * sent.
 *
 * Standard:  RFC 5256 sections 2.1 (base subject) and 3 (SORT keys), RFC 5957
 *            (DISPLAY), RFC 5051 (how texts are compared).
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_KEYS_MAX bytes: the references that begin beyond it are left
 *            out, texts are cut at IMAP_KEY_MAX.
 */
#ifndef EDGE_IMAP_KEYS_H
#define EDGE_IMAP_KEYS_H

#include "mime/entity.h"

#define IMAP_KEYS_MAX ((size_t)64 * 1024)
#define IMAP_KEY_MAX ((size_t)2000)

struct imap_keys {
	int64_t date; /* seconds; only if `dated` */
	bool dated;   /* it has a date that can be read */
	bool answer;  /* its subject says that it answers or forwards */
	/* ready to be compared as bytes; borrowed from what was parsed */
	struct span from, to, cc, display_from, display_to;
	struct span subject;    /* the base subject */
	struct span id;         /* of the letter, "" if it has none */
	struct span references; /* ids, each ended by a line end */
};

/* Append them, as imap_keys_parse() takes them. */
enum rc imap_keys_print(
    const struct entity *letter, struct buf *out, struct err *err);
/* RC_SYNTAX: it is none of ours. */
enum rc imap_keys_parse(
    struct span text, struct imap_keys *ret, struct err *err);

/* The day it was sent, in days since 1970, "disregarding time and timezone"
 * (RFC 3501 section 6.4.4): as it was where it was written.  A letter without
 * a date that can be read is as old as can be, as mail servers have it. */
int64_t imap_keys_day(const struct entity *letter);

/* Append the base subject of UTF-8 without encoded words; *ret_answer: what
 * was taken away says that it answers or forwards something. */
enum rc imap_base_subject(
    struct span subject, struct buf *out, bool *ret_answer, struct err *err);

#endif
