#include <stdio.h>
#include <stdlib.h>

#include "edge/imap_batch_priv.h"
#include "edge/imap_fetched.h"
#include "edge/imap_set.h"

/* Letters that are opened before they are asked for, of those that came. */
#define AHEAD_MAX 10

static enum rc
choose(const struct imap_session *s, const struct imap_set *set, bool changed,
    struct imap_chosen *ret, struct err *err)
{
	const struct imap_uids *uids = &s->box.uids;

	ret->item = calloc(uids->len + 1, sizeof(ret->item[0]));
	if (ret->item == NULL)
		return err_nomem(err, "FETCH");
	for (uint32_t i = 1; i <= uids->len; i++) {
		uint32_t uid = uids->place[i - 1].uid;
		bool stale = uids->place[i - 1].stale;
		if (uid == 0 || (changed && !uids->place[i - 1].changed))
			continue;
		if (set == NULL ? !stale
				: !imap_set_has(set, s->by_uid ? uid : i))
			continue;
		ret->item[ret->len].number = i;
		ret->item[ret->len++].uid = uid;
	}
	return RC_OK;
}

/* --- UIDs --- */

static enum rc
ask_uids(struct imap_session *s, uint32_t from, struct err *err)
{
	char command[64];
	struct buf ignored BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;

	/* imap_untagged() puts the UIDs where they belong */
	(void)snprintf(command, sizeof(command), "FETCH %u:* (UID)", from);
	return imap_upstream_run(s, span_str(command), &answer, &ignored, err);
}

enum rc
imap_fetch_uids(struct imap_session *s, struct err *err)
{
	/* letters may come while we ask; whoever goes on for ever is not
	 * waited for */
	for (int tries = 0; tries < 3; tries++) {
		uint32_t from = imap_uids_unknown(&s->box.uids);
		if (from == 0)
			break;
		TRY(ask_uids(s, from, err));
	}
	imap_sweep_box(s);
	return RC_OK;
}

/* --- the commands --- */

enum rc
imap_fetch_stale(struct imap_session *s, struct err *err)
{
	struct imap_items items IMAP_ITEMS_OWNED;
	struct imap_batch f IMAP_BATCH_OWNED = {.s = s};
	struct imap_chosen chosen IMAP_CHOSEN_OWNED = {NULL, 0};

	imap_items_init(&items);
	if (!imap_uids_stale(&s->box.uids) || s->state != IMAP_SELECTED ||
	    s->box.views.name[0] == '\0')
		return RC_OK;
	TRY(imap_fetch_uids(s, err));
	TRY(imap_items_add(&items, IMAP_ITEM_FLAGS, err));
	if (s->modseq)
		TRY(imap_items_add(&items, IMAP_ITEM_MODSEQ, err));
	if (s->by_uid || s->modseq)
		TRY(imap_items_add(&items, IMAP_ITEM_UID, err));
	TRY(imap_batch_init(&f, s, &items, err));
	TRY(choose(s, NULL, false, &chosen, err));
	/* whatever becomes of them, they are asked for once */
	for (size_t i = 0; i < s->box.uids.len; i++)
		s->box.uids.place[i].stale = false;
	return imap_batch_run(&f, &chosen, err);
}

/* The set of the letters from `from` on, or of the newest of them. */
static enum rc
newest(const struct imap_session *s, uint32_t from, struct imap_set *ret,
    struct err *err)
{
	uint32_t last = (uint32_t)s->box.uids.len;
	char set[32];

	if (last - from >= AHEAD_MAX)
		from = last - AHEAD_MAX + 1;
	(void)snprintf(set, sizeof(set), "%u:%u", from, last);
	return imap_set_parse(span_str(set), last, ret, err);
}

enum rc
imap_fetch_ahead(struct imap_session *s, struct err *err)
{
	struct imap_items items IMAP_ITEMS_OWNED;
	struct imap_batch f IMAP_BATCH_OWNED = {.s = s};
	struct imap_chosen chosen IMAP_CHOSEN_OWNED = {NULL, 0};
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	uint32_t from = imap_uids_unknown(&s->box.uids);

	imap_items_init(&items);
	if (from == 0 || s->state != IMAP_SELECTED ||
	    s->box.views.name[0] == '\0')
		return RC_OK;
	TRY(imap_fetch_uids(s, err));
	if (from > s->box.uids.len) /* gone already */
		return RC_OK;
	TRY(imap_items_add(&items, IMAP_ITEM_FLAGS, err));
	if (s->agent->indexer != NULL) /* all of it, to be indexed */
		TRY(imap_items_add(&items, IMAP_ITEM_SIZE, err));
	TRY(imap_batch_init(&f, s, &items, err));
	f.quiet = true;
	TRY(newest(s, from, &set, err));
	TRY(choose(s, &set, false, &chosen, err));
	return imap_batch_run(&f, &chosen, err);
}

/* The set, and how the mail server is asked for it. */
static enum rc
parse_set(struct imap_session *s, struct imap_walk *args, struct imap_set *ret,
    struct buf *ret_spelled, struct err *err)
{
	const struct imap_uids *uids = &s->box.uids;
	uint32_t largest =
	    s->by_uid ? imap_uids_last(uids) : (uint32_t)uids->len;

	TRY(imap_take_set(s, args, ret_spelled, err));
	TRY(imap_set_parse(buf_span(ret_spelled), largest, ret, err));
	if (!s->by_uid && (imap_set_last(ret) > uids->len || largest == 0))
		return err_set(err, RC_SYNTAX, "there is no such letter");
	return RC_OK;
}

/* --- CHANGEDSINCE (RFC 7162 section 3.1.4.1) --- */

static enum rc
note_changed(struct imap_session *s, struct span line, struct err *err)
{
	struct imap_fetched fetched;

	enum rc rc = imap_fetched_parse(line, &fetched, err);
	/* with flags it is no answer: somebody changes them meanwhile */
	if (rc == RC_ABSENT ||
	    (rc == RC_OK &&
		(fetched.uid == 0 || fetched.told[IMAP_ITEM_FLAGS].len > 0)))
		return imap_untagged(s, line, err);
	TRY(rc);
	TRY(imap_uids_set(&s->box.uids, fetched.number, fetched.uid, err));
	s->box.uids.place[fetched.number - 1].changed = true;
	return RC_OK;
}

static enum rc
ask_changed(struct imap_session *s, struct span set,
    const struct imap_items *items, enum imap_answer *ret, struct buf *text,
    struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct span line;

	for (size_t i = 0; i < s->box.uids.len; i++)
		s->box.uids.place[i].changed = false;
	TRY(buf_add_format(&command, err,
	    "%sFETCH %.*s (UID MODSEQ) (CHANGEDSINCE %s%s)",
	    s->by_uid ? "UID " : "", SPAN_ARGS(set), items->changed_since,
	    items->vanished ? " VANISHED" : ""));
	TRY(imap_link_command(s->link, buf_span(&command), err));
	for (;;) {
		TRY(imap_upstream_next(s, ret, &line, err));
		if (*ret != IMAP_UNTAGGED)
			return buf_add(text, span_first(line, 1000), err);
		TRY(note_changed(s, line, err));
	}
}

/* `text`: what the mail server said at the end of CHANGEDSINCE. */
static enum rc
finish_fetch(struct imap_batch *f, struct span text, struct err *err)
{
	struct imap_session *s = f->s;

	if (f->why.text[0] == '\0')
		return imap_finish(s, IMAP_OK, text, err);
	TRY(imap_fetch_stale(s, err));
	return imap_reply(s, err, "NO %s", f->why.text);
}

static enum rc
fetch_set(struct imap_session *s, struct imap_items *items,
    const struct imap_set *set, struct span text, struct err *err)
{
	struct imap_batch f IMAP_BATCH_OWNED = {.s = s};
	struct imap_chosen chosen IMAP_CHOSEN_OWNED = {NULL, 0};

	if (s->by_uid)
		TRY(imap_items_add(items, IMAP_ITEM_UID, err));
	TRY(imap_batch_init(&f, s, items, err));
	f.by_uid = s->by_uid;
	f.sees = items->sees && !s->box.read_only;
	TRY(choose(s, set, items->changed_since[0] != '\0', &chosen, err));
	TRY(imap_batch_run(&f, &chosen, err));
	return finish_fetch(&f, text, err);
}

/* What the mail server must be able to do, and what the program must have
 * enabled. */
static enum rc
check_items(const struct imap_session *s, const struct imap_items *items,
    struct err *err)
{
	for (size_t i = 0; i < items->len; i++) {
		const char *needs = imap_item_needs(items->item[i].kind);
		if (needs != NULL && !imap_upstream_can(s, needs))
			return err_set(err, RC_SYNTAX, "%s is not offered",
			    items->item[i].name);
	}
	if (items->vanished && !(s->qresync && s->by_uid))
		return err_set(err, RC_SYNTAX,
		    "VANISHED is for UID FETCH after ENABLE QRESYNC");
	return RC_OK;
}

enum rc
imap_do_fetch(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct imap_items items IMAP_ITEMS_OWNED;
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	struct buf text BUF_OWNED = BUF_SMALL;
	struct buf spelled BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;
	enum imap_answer answer = IMAP_OK;

	imap_items_init(&items);
	/* before the set is read: "*" is the largest UID */
	TRY(imap_fetch_uids(s, err));
	enum rc rc = parse_set(s, args, &set, &spelled, &why);
	if (rc == RC_OK)
		rc = imap_items_parse(args, &items, &why);
	if (rc == RC_OK)
		rc = check_items(s, &items, &why);
	if (rc != RC_OK)
		return imap_reply_set(s, rc, &why, err);
	if (items.changed_since[0] != '\0')
		TRY(ask_changed(
		    s, buf_span(&spelled), &items, &answer, &text, err));
	if (answer != IMAP_OK)
		return imap_finish(s, answer, buf_span(&text), err);
	return fetch_set(s, &items, &set, buf_span(&text), err);
}
