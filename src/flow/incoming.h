/* flow/incoming -- what a mail program is shown of a letter.
 *
 * A letter that was opened is rebuilt: protected header, payload, the verdict
 * on top.  Every other letter passes byte for byte, but that a forged
 * Letterlock-Verdict is gone.  Of a letter sealed with CBC and without a valid
 * signature inside, whose text may be anybody's (EFAIL), only that text is
 * shown (flow/text_only).
 *
 * What an answer must know of a letter that was opened is remembered
 * (flow/answered) before it is shown.  Where that cannot be done, one that
 * nobody signed stays closed.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 */
#ifndef FLOW_INCOMING_H
#define FLOW_INCOMING_H

#include "flow/gather.h"
#include "flow/verdict.h"
#include "mime/address.h"

struct incoming {
	struct verdict verdict;
	bool rebuilt;    /* it was opened */
	struct buf view; /* what is shown; secret if rebuilt */
	/* Of a verified letter of the reader's own: to whom it went. */
	struct mailboxes wrote_to;
	/* Its revocation could not be checked: later it may be. */
	bool unchecked;
	/* What it tells of its sender is remembered.  True beforehand: it was,
	 * when it was judged before. */
	bool noted;
	/* What proved it (flow/evidence), packed, to be kept with the letter;
	 * empty: nothing, or nothing new.  Beforehand, `kept`: what was kept of
	 * it.  Borrowed. */
	struct buf evidence;
	struct span kept;
	/* What an answer must know of it could not be remembered: why; or "" */
	char forgotten[ERR_TEXT_MAX];
	/* Beforehand, when it was judged before: what the scanner said then, as
	 * in flow/facts.  It is not asked again. */
	const char *scan;
	char unscanned[ERR_TEXT_MAX]; /* why it was not scanned; or "" */
};

#define INCOMING_EVIDENCE_MAX ((size_t)2 << 20)

#define INCOMING_OWNED __attribute__((cleanup(incoming_done)))
void incoming_init(struct incoming *incoming);
void incoming_done(struct incoming *incoming);

/* RC_OK for whatever letter.  RC_NOMEM, RC_LIMIT: it cannot be shown.  What it
 * tells of its sender is remembered (keydir/correspondent, keydir/history) in
 * the reader's state. */
enum rc incoming_read(struct span letter, const struct reader *reader,
    struct incoming *ret, struct err *err);

/* Only judge it, again: the verdict may be another one by now.  No view. */
enum rc incoming_judge(struct span letter, const struct reader *reader,
    struct incoming *ret, struct err *err);

#endif
