/* edge/rest_box -- one mailbox on the mail server, for who stores letters
 * again.
 *
 * A logged-in connection of its own, which no mail program shares.
 *
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    REST_LETTER_MAX bytes a letter; IMAP_UIDS_MAX letters.
 */
#ifndef EDGE_REST_BOX_H
#define EDGE_REST_BOX_H

#include "edge/imap_view.h"
#include "flow/rest.h"

#define REST_LETTER_MAX ((size_t)50 << 20)
/* On a copy that its maker is not the only one to rely on any more.  It begins
 * as our verdicts do, so mail programs are never shown it. */
#define REST_ADOPTED "$Letterlock-adopted"

struct rest_box {
	const struct agent *agent;
	struct imap_link *link; /* borrowed */
	const char *mailbox;    /* as the mail server calls it; borrowed */
	uint32_t validity, next;
	bool read_only;
	bool keywords; /* keywords of any name are kept */
	struct imap_view_folder views;
};

/* A command, and who hears what comes untagged (NULL: nobody).  RC_REFUSED:
 * NO or BAD, without the server's own words: a log has no mailbox's name in
 * it. */
enum rc rest_box_ask(struct rest_box *box, struct span command,
    enum rc (*hear)(void *self, struct span line, struct err *err), void *self,
    struct err *err);

/* Log in at the account's mail server. */
enum rc rest_connect(
    const struct agent *agent, struct imap_link **ret, struct err *err);
/* The mailboxes that can be selected, without those that only show letters of
 * others (\All, \Flagged: RFC 6154 section 2). */
enum rc rest_list(struct imap_link *link, struct strlist *ret, struct err *err);

enum rc rest_box_select(struct rest_box *box, bool read_only, struct err *err);

/* What is known of a letter without opening it. */
struct rest_item {
	uint32_t uid, size;
	bool claims; /* to be sealed, by its Content-Type */
};
/* A letter that says for which other it was stored. */
struct rest_copy {
	char name[REST_NAME_LEN + 1];
	uint32_t uid;
	bool good; /* it was opened, and is what it says */
};
struct rest_scan {
	struct rest_item *item;
	size_t items, items_cap;
	struct rest_copy *copy;
	size_t copies, copies_cap;
	uint32_t last; /* the largest UID so far */
};
#define REST_SCAN_OWNED __attribute__((cleanup(rest_scan_done)))
void rest_scan_done(struct rest_scan *scan);
/* Add the letters with UIDs above `scan->last`, those that others have stored
 * a moment ago too. */
enum rc rest_box_scan(
    struct rest_box *box, struct rest_scan *scan, struct err *err);

struct rest_fetched {
	struct buf flags; /* "(...)" without \Recent and what is ours */
	bool deleted, adopted;
	struct buf date; /* with its quotes */
	struct buf bytes;
};
#define REST_FETCHED_OWNED __attribute__((cleanup(rest_fetched_done)))
void rest_fetched_init(struct rest_fetched *fetched);
void rest_fetched_done(struct rest_fetched *fetched);
/* RC_ABSENT: it is gone.  RC_LIMIT: too large.  `fetched` is fresh. */
enum rc rest_box_fetch(struct rest_box *box, uint32_t uid,
    struct rest_fetched *ret, struct err *err);
/* The same without date and bytes. */
enum rc rest_box_flags(struct rest_box *box, uint32_t uid,
    struct rest_fetched *ret, struct err *err);

/* *ret: its UID.  RC_REFUSED: the mail server says no, and nothing was
 * stored. */
enum rc rest_box_append(struct rest_box *box, const struct rest_fetched *like,
    struct span bytes, uint32_t *ret, struct err *err);
/* `how`: "+FLAGS", ...  *ret, if not NULL: the flags that it had after that.
 * RC_ABSENT: nothing was said of it. */
enum rc rest_box_store(struct rest_box *box, uint32_t uid, const char *how,
    const char *flags, struct rest_fetched *ret, struct err *err);
/* Remove this one and no other (RFC 4315 section 2.1). */
enum rc rest_box_remove(struct rest_box *box, uint32_t uid, struct err *err);

/* Are the flags the same, in whatever order? */
bool rest_flags_same(
    const struct rest_fetched *a, const struct rest_fetched *b);

#endif
