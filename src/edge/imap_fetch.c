#include <stdio.h>
#include <stdlib.h>

#include "edge/imap_fetched.h"
#include "edge/imap_flags.h"
#include "edge/imap_items.h"
#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"
#include "os/clock.h"
#include "os/log.h"

/* How a FETCH is worked off:
 *
 *     the set -> the letters it names, from the table of UIDs
 *     250 at a time: what of each is known, and what must come from the mail
 *     server -> neighbours that need the same are asked for in one command
 *     -> each is answered as it comes
 *
 * UID FETCH asks the mail server by UID, FETCH by number: then it does not say
 * EXPUNGE in between (RFC 3501 section 7.4.1), and what we pass on stays as
 * regular as what it says. */
#define BATCH 250
/* Letters that one FETCH has judged again: a person looks at one or two at a
 * time, and a program that fetches the whole mailbox shall not wait for it. */
#define AGAIN_MAX 8
/* Letters that are opened before they are asked for, of those that came. */
#define AHEAD_MAX 10
/* What net/imap_link takes: a letter of 50 MiB once it is sealed. */
#define LETTER_MAX (IMAP_CLIENT_LIMITS.literal)

enum need {
	NEED_NOTHING,  /* all is known here */
	NEED_FLAGS,    /* flags or date of the mail server */
	NEED_LETTER,   /* the letter too */
	NEED_TOO_MUCH, /* it is larger than we take */
};

struct pick {
	uint32_t number; /* when it was picked; later at most that */
	uint32_t uid;
	enum need need;
	bool decided; /* `view` has the keywords */
	bool again;   /* they are old: judge it again */
	bool changed; /* then they were other ones */
	bool done;    /* answered */
	bool unseen;
	struct imap_view view;
};

struct fetch {
	struct imap_session *s;
	const struct imap_items *items;
	bool by_uid; /* how the mail server is asked */
	bool sees;   /* \Seen is to be set */
	bool quiet;  /* the mail program did not ask, and is not told */
	bool letter; /* an item needs the letter */
	bool flags, date;
	struct pick *pick; /* BATCH of them */
	size_t len;
	unsigned judged_again;
	struct err why; /* why a letter was left out; "" if none was */
};

static void
batch_clear(struct fetch *f)
{
	for (size_t i = 0; i < f->len; i++)
		imap_view_done(&f->pick[i].view);
	f->len = 0;
}

static void
fetch_done(struct fetch *f)
{
	batch_clear(f);
	free(f->pick);
}

#define FETCH_OWNED __attribute__((cleanup(fetch_done)))

static enum rc
fetch_init(struct fetch *f, struct imap_session *s,
    const struct imap_items *items, struct err *err)
{
	*f = (struct fetch){.s = s,
	    .items = items,
	    .letter = imap_items_need_letter(items),
	    .flags = imap_items_have(items, IMAP_ITEM_FLAGS),
	    .date = imap_items_have(items, IMAP_ITEM_DATE),
	    .why = ERR_NONE};
	f->pick = calloc(BATCH, sizeof(f->pick[0]));
	return f->pick != NULL ? RC_OK : err_nomem(err, "FETCH");
}

static void
leave_out(struct fetch *f, struct pick *pick, const struct err *why)
{
	pick->done = true;
	f->why = *why;
	log_warning("imap: letter %u left out: %s", pick->uid, why->text);
}

/* --- asking the mail server --- */

/* "3:7,9" of the picks from `at` to `end` that `want` wants. */
static enum rc
print_set(const struct fetch *f, size_t at, size_t end,
    bool (*want)(const struct pick *pick), struct buf *out, struct err *err)
{
	const char *comma = "";

	for (; at < end; at++) {
		size_t last = at;
		if (!want(&f->pick[at]))
			continue;
		while (last + 1 < end && want(&f->pick[last + 1]) &&
		       f->pick[last + 1].number == f->pick[last].number + 1)
			last++;
		const struct pick *a = &f->pick[at], *b = &f->pick[last];
		TRY(buf_add_format(
		    out, err, "%s%u", comma, f->by_uid ? a->uid : a->number));
		if (last > at)
			TRY(buf_add_format(
			    out, err, ":%u", f->by_uid ? b->uid : b->number));
		comma = ",";
		at = last;
	}
	return RC_OK;
}

static bool
want_all(const struct pick *pick)
{
	(void)pick;
	return true;
}

static bool
want_letter(const struct pick *pick)
{
	return pick->need == NEED_LETTER;
}

static bool
want_unseen(const struct pick *pick)
{
	return pick->unseen;
}

static int
compare_uid(const void *uid, const void *pick)
{
	uint32_t a = *(const uint32_t *)uid;
	uint32_t b = ((const struct pick *)pick)->uid;

	return a < b ? -1 : a > b;
}

/* The letter an answer is about, NULL if it is none of those asked for.  A
 * number and a UID that do not belong together are no answer at all. */
static enum rc
find_pick(struct fetch *f, const struct imap_fetched *fetched,
    struct pick **ret, struct err *err)
{
	*ret = NULL;
	if (fetched->uid == 0)
		return RC_OK;
	TRY(imap_uids_set(&f->s->box.uids, fetched->number, fetched->uid, err));
	struct pick *pick = f->len == 0
				? NULL
				: bsearch(&fetched->uid, f->pick, f->len,
				      sizeof(f->pick[0]), compare_uid);
	if (pick != NULL && !pick->done)
		*ret = pick;
	return RC_OK;
}

/* --- answering the mail program --- */

static enum rc
print_item(const struct imap_item *item, const struct pick *pick,
    const struct imap_fetched *fetched, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "%s ", item->name));
	if (item->kind == IMAP_ITEM_UID)
		return buf_add_format(out, err, "%u", pick->uid);
	if (item->kind == IMAP_ITEM_DATE)
		return buf_add(out, fetched->date, err);
	if (item->kind == IMAP_ITEM_FLAGS) {
		struct imap_walk flags = {fetched->flags};
		return imap_flags_print(&flags, &pick->view.keywords, out, err);
	}
	return imap_item_print(item, pick->view.letter, out, err);
}

static enum rc
print_answer(const struct fetch *f, const struct pick *pick, uint32_t number,
    const struct imap_fetched *fetched, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "* %u FETCH (", number));
	for (size_t i = 0; i < f->items->len; i++) {
		TRY(buf_add_str(out, i == 0 ? "" : " ", err));
		TRY(print_item(&f->items->item[i], pick, fetched, out, err));
	}
	return buf_add_str(out, ")\r\n", err);
}

/* A letter whose answer cannot be printed leaves nothing of it behind. */
static enum rc
answer(struct fetch *f, struct pick *pick, uint32_t number,
    const struct imap_fetched *fetched, struct err *err)
{
	struct imap_session *s = f->s;
	size_t was = s->out.len;
	struct err why = ERR_NONE;

	enum rc rc =
	    f->quiet ? RC_OK
		     : print_answer(f, pick, number, fetched, &s->out, &why);
	if (rc != RC_OK) {
		buf_cut(&s->out, was);
		leave_out(f, pick, &why);
		return RC_OK;
	}
	pick->done = true;
	pick->unseen = f->sees && !imap_flags_have(fetched->flags, "\\Seen");
	bool *stale = &s->box.uids.place[number - 1].stale;
	*stale = (*stale || pick->changed) && (!f->flags || f->quiet);
	imap_view_done(&pick->view);
	return imap_flush_much(s, err);
}

static bool
same_list(const struct strlist *a, const struct strlist *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->item[i], b->item[i]) != 0)
			return false;
	return true;
}

static void
judge_again(const struct fetch *f, struct pick *pick, struct span letter)
{
	struct imap_session *s = f->s;
	struct imap_view was IMAP_VIEW_OWNED;
	struct err ignored;

	imap_view_init(&was);
	(void)imap_view_find(
	    s->agent, &s->box.views, pick->uid, &was, &ignored);
	imap_view_refresh(
	    s->agent, &s->box.views, pick->uid, letter, &pick->view);
	pick->changed = !same_list(&was.keywords, &pick->view.keywords);
}

static enum rc
show(const struct fetch *f, struct pick *pick,
    const struct imap_fetched *fetched, struct err *err)
{
	struct imap_session *s = f->s;
	struct buf letter BUF_OWNED = BUF(LETTER_MAX + 1);

	if (pick->need == NEED_LETTER)
		TRY(imap_token_value(&fetched->body, &letter, err));
	if (!pick->decided)
		TRY(imap_view_decide(s->agent, &s->box.views, pick->uid,
		    buf_span(&letter), &pick->view, err));
	else if (pick->again)
		judge_again(f, pick, buf_span(&letter));
	pick->decided = true;
	if (!f->letter)
		return RC_OK;
	return imap_view_open(s->agent, &s->box.views, pick->uid,
	    buf_span(&letter), &pick->view, err);
}

/* Has the answer all that was asked for?  If not, it is about something else
 * (another session changed a flag), and the one we wait for comes later. */
static bool
is_whole(const struct fetch *f, const struct pick *pick,
    const struct imap_fetched *fetched)
{
	if ((f->flags || f->sees) && fetched->flags.len == 0)
		return false;
	if (f->date && fetched->date.len == 0)
		return false;
	return pick->need != NEED_LETTER || fetched->body.kind == IMAP_STRING;
}

static enum rc
answer_one(struct fetch *f, struct pick *pick, uint32_t number,
    const struct imap_fetched *fetched, struct err *err)
{
	struct err why = ERR_NONE;
	bool judged = f->flags || f->letter;

	if (judged && pick->need != NEED_TOO_MUCH &&
	    show(f, pick, fetched, &why) != RC_OK) {
		imap_view_done(&pick->view);
		leave_out(f, pick, &why);
		return RC_OK;
	}
	return answer(f, pick, number, fetched, err);
}

static enum rc
hear(struct fetch *f, struct span line, struct err *err)
{
	struct imap_fetched fetched;
	struct pick *pick = NULL;

	enum rc rc = imap_fetched_parse(line, &fetched, err);
	if (rc == RC_OK)
		TRY(find_pick(f, &fetched, &pick, err));
	else if (rc != RC_ABSENT)
		return rc;
	if (pick == NULL || !is_whole(f, pick, &fetched))
		return imap_untagged(f->s, line, err);
	return answer_one(f, pick, fetched.number, &fetched, err);
}

/* --- runs --- */

static enum rc
hear_all(struct fetch *f, struct err *err)
{
	enum imap_answer answer;
	struct span line;

	for (;;) {
		TRY(imap_upstream_next(f->s, &answer, &line, err));
		if (answer != IMAP_UNTAGGED)
			break;
		TRY(hear(f, line, err));
	}
	if (answer != IMAP_OK)
		(void)err_set(&f->why, RC_REFUSED, "%.*s", SPAN_ARGS(line));
	return RC_OK;
}

static enum rc
ask(struct fetch *f, size_t at, size_t end, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;

	TRY(buf_add_str(&command, f->by_uid ? "UID FETCH " : "FETCH ", err));
	TRY(print_set(f, at, end, want_all, &command, err));
	TRY(buf_add_format(&command, err, " (UID%s%s%s)",
	    f->flags || f->sees ? " FLAGS" : "", f->date ? " INTERNALDATE" : "",
	    f->pick[at].need == NEED_LETTER ? " BODY.PEEK[]" : ""));
	TRY(imap_link_command(f->s->link, buf_span(&command), err));
	return hear_all(f, err);
}

static enum rc
answer_known(struct fetch *f, size_t at, size_t end, struct err *err)
{
	static const struct imap_fetched nothing;

	for (; at < end; at++) {
		struct pick *pick = &f->pick[at];
		uint32_t number =
		    imap_uids_find(&f->s->box.uids, pick->uid, pick->number);
		if (number != 0)
			TRY(answer_one(f, pick, number, &nothing, err));
	}
	return RC_OK;
}

/* RFC 3501 section 6.4.5: "The \Seen flag is implicitly set; if this causes
 * the flags to change, they SHOULD be included as part of the FETCH
 * responses": the mail server's answer to this passes on as one. */
static enum rc
set_seen(struct fetch *f, size_t at, size_t end, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct buf ignored BUF_OWNED = BUF_SMALL;
	struct buf set BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;

	TRY(print_set(f, at, end, want_unseen, &set, err));
	if (set.len == 0)
		return RC_OK;
	TRY(buf_add_format(&command, err, "%s %.*s +FLAGS (\\Seen)",
	    f->by_uid ? "UID STORE" : "STORE", SPAN_ARGS(buf_span(&set))));
	return imap_upstream_run(
	    f->s, buf_span(&command), &answer, &ignored, err);
}

static enum rc
run(struct fetch *f, size_t at, size_t end, struct err *err)
{
	struct err why = ERR_NONE;

	if (f->pick[at].need == NEED_NOTHING)
		return answer_known(f, at, end, err);
	if (f->pick[at].need == NEED_TOO_MUCH && f->letter) {
		(void)err_set(&why, RC_LIMIT,
		    "[LIMIT] a letter is larger than %zu MiB",
		    LETTER_MAX >> 20);
		for (; at < end; at++)
			leave_out(f, &f->pick[at], &why);
		return RC_OK;
	}
	TRY(ask(f, at, end, err));
	return f->sees ? set_seen(f, at, end, err) : RC_OK;
}

/* --- batches --- */

/* What is known of it, and so what is needed. */
static void
look_up(struct fetch *f, struct pick *pick)
{
	struct err ignored;
	bool judged = f->flags || f->letter;

	imap_view_init(&pick->view);
	pick->decided =
	    judged && imap_view_find(f->s->agent, &f->s->box.views, pick->uid,
			  &pick->view, &ignored) == RC_OK;
	pick->again = pick->decided && f->letter &&
		      f->judged_again < AGAIN_MAX &&
		      imap_view_is_due(&pick->view, clock_now());
	f->judged_again += pick->again;
	if ((judged && !pick->decided) || (f->letter && !pick->view.rebuilt) ||
	    pick->again)
		pick->need = NEED_LETTER;
	else if (f->flags || f->date || f->sees)
		pick->need = NEED_FLAGS;
	else
		pick->need = NEED_NOTHING;
}

/* What was opened before can be shown all the same. */
static void
too_much(const struct fetch *f, struct pick *pick)
{
	if (pick->again && pick->view.rebuilt)
		pick->need =
		    f->flags || f->date || f->sees ? NEED_FLAGS : NEED_NOTHING;
	else
		pick->need = NEED_TOO_MUCH;
	pick->again = false;
}

static enum rc
hear_size(struct fetch *f, struct span line, struct err *err)
{
	struct imap_fetched fetched;
	struct pick *pick = NULL;

	enum rc rc = imap_fetched_parse(line, &fetched, err);
	if (rc == RC_OK)
		TRY(find_pick(f, &fetched, &pick, err));
	else if (rc != RC_ABSENT)
		return rc;
	if (pick == NULL || fetched.size == 0)
		return imap_untagged(f->s, line, err);
	if (fetched.size > LETTER_MAX && pick->need == NEED_LETTER)
		too_much(f, pick);
	return RC_OK;
}

/* One letter that is too large must not make the mailbox unreadable. */
static enum rc
ask_sizes(struct fetch *f, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct buf set BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;
	struct span line;

	TRY(print_set(f, 0, f->len, want_letter, &set, err));
	if (set.len == 0)
		return RC_OK;
	TRY(buf_add_format(&command, err, "%s %.*s (UID RFC822.SIZE)",
	    f->by_uid ? "UID FETCH" : "FETCH", SPAN_ARGS(buf_span(&set))));
	TRY(imap_link_command(f->s->link, buf_span(&command), err));
	for (;;) {
		TRY(imap_upstream_next(f->s, &answer, &line, err));
		if (answer != IMAP_UNTAGGED)
			return RC_OK;
		TRY(hear_size(f, line, err));
	}
}

static enum rc
run_batch(struct fetch *f, struct err *err)
{
	for (size_t i = 0; i < f->len; i++)
		look_up(f, &f->pick[i]);
	TRY(ask_sizes(f, err));
	for (size_t at = 0, end; at < f->len; at = end) {
		end = at + 1;
		while (end < f->len && f->pick[end].need == f->pick[at].need)
			end++;
		TRY(run(f, at, end, err));
	}
	batch_clear(f);
	return RC_OK;
}

/* The UIDs, with the numbers they had, of all letters asked for. */
struct chosen {
	struct {
		uint32_t number, uid;
	} * item;
	size_t len;
};

#define CHOSEN_OWNED __attribute__((cleanup(chosen_done)))

static void
chosen_done(struct chosen *chosen)
{
	free(chosen->item);
}

static enum rc
fetch_chosen(struct fetch *f, const struct chosen *chosen, struct err *err)
{
	for (size_t i = 0; i < chosen->len; i++) {
		f->pick[f->len++] =
		    (struct pick){.number = chosen->item[i].number,
			.uid = chosen->item[i].uid};
		imap_view_init(&f->pick[f->len - 1].view);
		if (f->len == BATCH || i + 1 == chosen->len)
			TRY(run_batch(f, err));
	}
	return RC_OK;
}

static enum rc
choose(const struct imap_session *s, const struct imap_set *set,
    struct chosen *ret, struct err *err)
{
	const struct imap_uids *uids = &s->box.uids;

	ret->item = calloc(uids->len + 1, sizeof(ret->item[0]));
	if (ret->item == NULL)
		return err_nomem(err, "FETCH");
	for (uint32_t i = 1; i <= uids->len; i++) {
		uint32_t uid = uids->place[i - 1].uid;
		bool stale = uids->place[i - 1].stale;
		if (uid == 0)
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
	struct fetch f FETCH_OWNED = {.s = s};
	struct chosen chosen CHOSEN_OWNED = {NULL, 0};

	imap_items_init(&items);
	if (!imap_uids_stale(&s->box.uids) || s->state != IMAP_SELECTED ||
	    s->box.validity == 0)
		return RC_OK;
	TRY(imap_fetch_uids(s, err));
	TRY(imap_items_add(&items, IMAP_ITEM_FLAGS, err));
	if (s->by_uid)
		TRY(imap_items_add(&items, IMAP_ITEM_UID, err));
	TRY(fetch_init(&f, s, &items, err));
	TRY(choose(s, NULL, &chosen, err));
	/* whatever becomes of them, they are asked for once */
	for (size_t i = 0; i < s->box.uids.len; i++)
		s->box.uids.place[i].stale = false;
	return fetch_chosen(&f, &chosen, err);
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
	struct fetch f FETCH_OWNED = {.s = s};
	struct chosen chosen CHOSEN_OWNED = {NULL, 0};
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	uint32_t from = imap_uids_unknown(&s->box.uids);

	imap_items_init(&items);
	if (from == 0 || s->state != IMAP_SELECTED || s->box.validity == 0)
		return RC_OK;
	TRY(imap_fetch_uids(s, err));
	if (from > s->box.uids.len) /* gone already */
		return RC_OK;
	TRY(imap_items_add(&items, IMAP_ITEM_FLAGS, err));
	TRY(fetch_init(&f, s, &items, err));
	f.quiet = true;
	TRY(newest(s, from, &set, err));
	TRY(choose(s, &set, &chosen, err));
	return fetch_chosen(&f, &chosen, err);
}

static enum rc
parse_set(struct imap_session *s, struct imap_walk *args, struct imap_set *ret,
    struct err *err)
{
	struct imap_token token;
	const struct imap_uids *uids = &s->box.uids;
	uint32_t largest =
	    s->by_uid ? imap_uids_last(uids) : (uint32_t)uids->len;

	TRY(imap_walk_next(args, &token, err));
	if (token.kind != IMAP_ATOM)
		return err_set(err, RC_SYNTAX, "a set of letters is missing");
	TRY(imap_set_parse(token.value, largest, ret, err));
	if (!s->by_uid && (imap_set_last(ret) > uids->len || largest == 0))
		return err_set(err, RC_SYNTAX, "there is no such letter");
	return RC_OK;
}

static enum rc
finish_fetch(struct fetch *f, struct err *err)
{
	struct imap_session *s = f->s;

	TRY(imap_fetch_stale(s, err));
	if (f->why.text[0] != '\0')
		return imap_reply(s, err, "NO %s", f->why.text);
	return imap_reply(s, err, "OK done");
}

static enum rc
fetch_set(struct imap_session *s, struct imap_items *items,
    const struct imap_set *set, struct err *err)
{
	struct fetch f FETCH_OWNED = {.s = s};
	struct chosen chosen CHOSEN_OWNED = {NULL, 0};

	if (s->by_uid)
		TRY(imap_items_add(items, IMAP_ITEM_UID, err));
	TRY(fetch_init(&f, s, items, err));
	f.by_uid = s->by_uid;
	f.sees = items->sees && !s->box.read_only;
	TRY(choose(s, set, &chosen, err));
	TRY(fetch_chosen(&f, &chosen, err));
	return finish_fetch(&f, err);
}

enum rc
imap_do_fetch(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct imap_items items IMAP_ITEMS_OWNED;
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	struct err why = ERR_NONE;

	imap_items_init(&items);
	/* before the set is read: "*" is the largest UID */
	TRY(imap_fetch_uids(s, err));
	enum rc rc = parse_set(s, args, &set, &why);
	if (rc == RC_OK)
		rc = imap_items_parse(args, &items, &why);
	if (rc != RC_OK)
		return imap_reply_bad(s, &why, err);
	return fetch_set(s, &items, &set, err);
}
