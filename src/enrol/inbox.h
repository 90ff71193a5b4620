/* enrol/inbox -- look for challenge mails in the mailbox, and remove one.
 *
 * May use:   base codec os mime pki vault proto dns net store.
 * Limits:    INBOX_LETTER_MAX bytes a letter (larger ones are no challenges),
 *            INBOX_SEEN_MAX letters that look like one.
 */
#ifndef ENROL_INBOX_H
#define ENROL_INBOX_H

#include "enrol/upstream.h"

#define INBOX_LETTER_MAX ((size_t)64 * 1024)
#define INBOX_SEEN_MAX 1000

struct inbox;

/* Log in and select INBOX.  `timeout`: milliseconds for one answer. */
enum rc inbox_new(const struct upstream *upstream, int timeout,
    struct inbox **ret, struct err *err);
void inbox_free(struct inbox *inbox);
OWNER(struct inbox, inbox_free);

/* The newest letter whose subject has "ACME:" and that was not marked seen
 * here: appended to `letter`, *ret_uid names it.  RC_ABSENT: none now. */
enum rc inbox_next(struct inbox *inbox, struct buf *letter, uint32_t *ret_uid,
    struct err *err);
/* Do not give that one again (this says nothing to the server). */
enum rc inbox_mark(struct inbox *inbox, uint32_t uid, struct err *err);
/* Remove that one letter and no other. */
enum rc inbox_remove(struct inbox *inbox, uint32_t uid, struct err *err);

#endif
