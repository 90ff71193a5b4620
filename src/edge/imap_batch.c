#include <stdlib.h>

#include "edge/imap_batch_priv.h"
#include "edge/imap_fetched.h"
#include "edge/imap_flags.h"
#include "edge/imap_header.h"
#include "edge/imap_index.h"
#include "os/clock.h"
#include "os/log.h"

/* Letters that one FETCH has judged again: a person looks at one or two at a
 * time, and a program that fetches the whole mailbox shall not wait for it. */
#define AGAIN_MAX 8
/* The newest letters of a FETCH are judged whatever is asked of them: those are
 * what a person looks at first.  Of all others of a large mailbox the verdict
 * is told when they are read. */
#define AHEAD_MAX 32
/* What net/imap_link takes: a letter of 50 MiB once it is sealed. */
#define LETTER_MAX (IMAP_CLIENT_LIMITS.literal)

static void
batch_clear(struct imap_batch *f)
{
	for (size_t i = 0; i < f->len; i++)
		imap_view_done(&f->pick[i].view);
	f->len = 0;
}

void
imap_batch_done(struct imap_batch *f)
{
	batch_clear(f);
	free(f->pick);
}

enum rc
imap_batch_init(struct imap_batch *f, struct imap_session *s,
    const struct imap_items *items, struct err *err)
{
	*f = (struct imap_batch){.s = s,
	    .items = items,
	    .letter = imap_items_need_letter(items),
	    .header = imap_items_need_header_only(items),
	    .flags = imap_items_have(items, IMAP_ITEM_FLAGS),
	    .why = ERR_NONE};
	f->pick = calloc(IMAP_BATCH_MAX, sizeof(f->pick[0]));
	return f->pick != NULL ? RC_OK : err_nomem(err, "FETCH");
}

static void
leave_out(struct imap_batch *f, struct imap_pick *pick, const struct err *why)
{
	pick->done = true;
	f->why = *why;
	log_warning("imap: letter %u left out: %s", pick->uid, why->text);
}

/* --- asking the mail server --- */

/* "3:7,9" of the picks from `at` to `end` that `want` wants. */
static enum rc
print_set(const struct imap_batch *f, size_t at, size_t end,
    bool (*want)(const struct imap_pick *pick), struct buf *out,
    struct err *err)
{
	const char *comma = "";

	for (; at < end; at++) {
		size_t last = at;
		if (!want(&f->pick[at]))
			continue;
		while (last + 1 < end && want(&f->pick[last + 1]) &&
		       f->pick[last + 1].number == f->pick[last].number + 1)
			last++;
		const struct imap_pick *a = &f->pick[at], *b = &f->pick[last];
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
want_all(const struct imap_pick *pick)
{
	(void)pick;
	return true;
}

static bool
want_letter(const struct imap_pick *pick)
{
	return pick->need == NEED_LETTER;
}

static bool
want_unseen(const struct imap_pick *pick)
{
	return pick->unseen;
}

static int
compare_uid(const void *uid, const void *pick)
{
	uint32_t a = *(const uint32_t *)uid;
	uint32_t b = ((const struct imap_pick *)pick)->uid;

	return a < b ? -1 : a > b;
}

/* The letter an answer is about, NULL if it is none of those asked for.  A
 * number and a UID that do not belong together are no answer at all. */
static enum rc
find_pick(struct imap_batch *f, const struct imap_fetched *fetched,
    struct imap_pick **ret, struct err *err)
{
	*ret = NULL;
	if (fetched->uid == 0)
		return RC_OK;
	TRY(imap_uids_set(&f->s->box.uids, fetched->number, fetched->uid, err));
	struct imap_pick *pick = f->len == 0
				     ? NULL
				     : bsearch(&fetched->uid, f->pick, f->len,
					   sizeof(f->pick[0]), compare_uid);
	if (pick != NULL && !pick->done)
		*ret = pick;
	return RC_OK;
}

/* --- answering the mail program --- */

static enum rc
print_item(const struct imap_item *item, const struct imap_pick *pick,
    const struct imap_fetched *fetched, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "%s ", item->name));
	if (item->kind == IMAP_ITEM_UID)
		return buf_add_format(out, err, "%u", pick->uid);
	if (item->kind == IMAP_ITEM_FLAGS) {
		struct imap_walk flags = {fetched->told[IMAP_ITEM_FLAGS]};
		return imap_flags_print(&flags, &pick->view.keywords, out, err);
	}
	if (item->kind < IMAP_ITEM_SIZE)
		return buf_add(out, fetched->told[item->kind], err);
	if (item->kind == IMAP_ITEM_SIZE && pick->size > 0)
		return buf_add_format(out, err, "%u", pick->size);
	return imap_item_print(item, pick->view.letter, out, err);
}

static enum rc
print_answer(const struct imap_batch *f, const struct imap_pick *pick,
    uint32_t number, const struct imap_fetched *fetched, struct buf *out,
    struct err *err)
{
	TRY(buf_add_format(out, err, "* %u FETCH (", number));
	for (size_t i = 0; i < f->items->len; i++) {
		TRY(buf_add_str(out, i == 0 ? "" : " ", err));
		TRY(print_item(&f->items->item[i], pick, fetched, out, err));
	}
	return buf_add_str(out, ")\r\n", err);
}

static enum rc
look_at(
    const struct imap_batch *f, const struct imap_pick *pick, struct err *err)
{
	return f->look != NULL ? f->look(f->self, pick->uid, &pick->view, err)
			       : RC_OK;
}

/* Are there flags that the mail program has to be told besides: other ones than
 * it knows? */
static void
tell_later(const struct imap_batch *f, const struct imap_pick *pick,
    struct imap_place *place)
{
	bool told = f->flags && !f->quiet;
	bool changed = pick->changed || (place->bare && pick->decided);

	place->stale = (place->stale || changed) && !told;
	if (told || place->stale)
		place->bare = told && !pick->decided;
}

/* A letter whose answer cannot be printed leaves nothing of it behind. */
static enum rc
answer(struct imap_batch *f, struct imap_pick *pick, uint32_t number,
    const struct imap_fetched *fetched, struct err *err)
{
	struct imap_session *s = f->s;
	size_t was = s->out.len;
	struct err why = ERR_NONE;

	enum rc rc =
	    f->quiet ? look_at(f, pick, &why)
		     : print_answer(f, pick, number, fetched, &s->out, &why);
	if (rc != RC_OK) {
		buf_cut(&s->out, was);
		leave_out(f, pick, &why);
		return RC_OK;
	}
	pick->done = true;
	pick->unseen = f->sees && !imap_flags_have(
				      fetched->told[IMAP_ITEM_FLAGS], "\\Seen");
	tell_later(f, pick, &s->box.uids.place[number - 1]);
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
judge_again(
    const struct imap_batch *f, struct imap_pick *pick, struct span letter)
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

/* A literal is lent as it lies in the answer: a letter can be large. */
static enum rc
take_string(const struct imap_token *token, struct buf *made, struct span *ret,
    struct err *err)
{
	*ret = token->value;
	if (token->kind == IMAP_STRING && !token->escaped)
		return RC_OK;
	TRY(imap_token_value(token, made, err));
	*ret = buf_span(made);
	return RC_OK;
}

/* RC_ABSENT: it has to be seen whole. */
static enum rc
show_header(
    struct imap_pick *pick, const struct imap_fetched *fetched, struct err *err)
{
	struct buf made BUF_OWNED = BUF(LETTER_MAX + 1);
	struct span header;

	TRY(take_string(&fetched->header, &made, &header, err));
	return imap_header_open(
	    header, fetched->size, &pick->view, &pick->size, err);
}

/* What passes as it came is at hand only now, if it was looked into. */
static void
index_later(
    const struct imap_batch *f, const struct imap_pick *pick, bool first)
{
	struct imap_session *s = f->s;

	if (pick->view.rebuilt && (first || f->quiet))
		imap_indexer_add(
		    s->agent->indexer, &s->box.views, pick->uid, SPAN_NONE);
	else if (!pick->view.rebuilt && f->letter)
		imap_indexer_add(s->agent->indexer, &s->box.views, pick->uid,
		    buf_span(&pick->view.bytes));
}

static enum rc
show(const struct imap_batch *f, struct imap_pick *pick,
    const struct imap_fetched *fetched, struct err *err)
{
	struct imap_session *s = f->s;
	struct buf made BUF_OWNED = BUF(LETTER_MAX + 1);
	struct span letter = SPAN_NONE;

	if (pick->need == NEED_HEADER)
		return show_header(pick, fetched, err);
	if (pick->need != NEED_LETTER && !pick->decided)
		return RC_OK; /* its flags, without a verdict */
	if (pick->need == NEED_LETTER)
		TRY(take_string(&fetched->body, &made, &letter, err));
	if (!pick->decided)
		TRY(imap_view_decide(s->agent, &s->box.views, pick->uid, letter,
		    &pick->view, err));
	else if (pick->again)
		judge_again(f, pick, letter);
	bool first = !pick->decided;
	pick->decided = true;
	if (f->letter)
		TRY(imap_view_open(s->agent, &s->box.views, pick->uid, letter,
		    &pick->view, err));
	index_later(f, pick, first);
	return RC_OK;
}

/* Is the mail server asked for it? */
static bool
asks_server(const struct imap_batch *f, enum imap_item_kind kind)
{
	return imap_items_have(f->items, kind) ||
	       (kind == IMAP_ITEM_FLAGS && f->sees);
}

/* Has the answer all that was asked for?  If not, it is about something else
 * (another session changed a flag), and the one we wait for comes later. */
static bool
is_whole(const struct imap_batch *f, const struct imap_pick *pick,
    const struct imap_fetched *fetched)
{
	for (enum imap_item_kind kind = IMAP_ITEM_FLAGS; kind < IMAP_ITEM_SIZE;
	     kind++)
		if (asks_server(f, kind) && fetched->told[kind].len == 0)
			return false;
	if (pick->need == NEED_HEADER)
		return fetched->header.kind == IMAP_STRING && fetched->size > 0;
	return pick->need != NEED_LETTER || fetched->body.kind == IMAP_STRING;
}

/* Ask once more, for all of it. */
static void
see_whole(struct imap_pick *pick, uint32_t size)
{
	pick->whole = true;
	pick->need = size > LETTER_MAX ? NEED_TOO_MUCH : NEED_LETTER;
}

static enum rc
answer_one(struct imap_batch *f, struct imap_pick *pick, uint32_t number,
    const struct imap_fetched *fetched, struct err *err)
{
	struct err why = ERR_NONE;
	bool judged = f->flags || f->letter;

	enum rc rc = judged && pick->need != NEED_TOO_MUCH
			 ? show(f, pick, fetched, &why)
			 : RC_OK;
	if (rc == RC_ABSENT && pick->need == NEED_HEADER) {
		see_whole(pick, fetched->size);
		return RC_OK;
	}
	if (rc != RC_OK) {
		imap_view_done(&pick->view);
		leave_out(f, pick, &why);
		return RC_OK;
	}
	return answer(f, pick, number, fetched, err);
}

static enum rc
hear(struct imap_batch *f, struct span line, struct err *err)
{
	struct imap_fetched fetched;
	struct imap_pick *pick = NULL;

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
hear_all(struct imap_batch *f, struct err *err)
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

static const char *
words_of_need(enum imap_need need)
{
	if (need == NEED_HEADER)
		return " RFC822.SIZE BODY.PEEK[HEADER]";
	return need == NEED_LETTER ? " BODY.PEEK[]" : "";
}

static enum rc
ask(struct imap_batch *f, size_t at, size_t end, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;

	TRY(buf_add_str(&command, f->by_uid ? "UID FETCH " : "FETCH ", err));
	TRY(print_set(f, at, end, want_all, &command, err));
	TRY(buf_add_str(&command, " (UID", err));
	for (enum imap_item_kind kind = IMAP_ITEM_FLAGS; kind < IMAP_ITEM_SIZE;
	     kind++)
		if (asks_server(f, kind))
			TRY(buf_add_format(
			    &command, err, " %s", imap_item_word(kind)));
	TRY(buf_add_format(
	    &command, err, "%s)", words_of_need(f->pick[at].need)));
	TRY(imap_link_command(f->s->link, buf_span(&command), err));
	return hear_all(f, err);
}

static enum rc
answer_known(struct imap_batch *f, size_t at, size_t end, struct err *err)
{
	static const struct imap_fetched nothing;

	for (; at < end; at++) {
		struct imap_pick *pick = &f->pick[at];
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
set_seen(struct imap_batch *f, size_t at, size_t end, struct err *err)
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
run(struct imap_batch *f, size_t at, size_t end, struct err *err)
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

static enum imap_need
need_of_server(const struct imap_batch *f)
{
	for (enum imap_item_kind kind = IMAP_ITEM_FLAGS; kind < IMAP_ITEM_SIZE;
	     kind++)
		if (asks_server(f, kind))
			return NEED_FLAGS;
	return NEED_NOTHING;
}

/* A letter that nobody judged, or found to be unsigned, is told of by its
 * header: whoever is shown it is told not to trust it. */
static bool
header_does(const struct imap_batch *f, const struct imap_pick *pick)
{
	return f->header && !f->quiet && !pick->again &&
	       (pick->decided ? imap_view_is_unsigned(&pick->view)
			      : !pick->ahead);
}

static bool
must_judge(const struct imap_batch *f, const struct imap_pick *pick)
{
	return f->flags && !pick->decided && (f->quiet || pick->ahead);
}

/* What is known of it, and so what is needed. */
static void
look_up(struct imap_batch *f, struct imap_pick *pick)
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
	if (f->letter && !pick->view.rebuilt)
		pick->need = header_does(f, pick) ? NEED_HEADER : NEED_LETTER;
	else if (pick->again || must_judge(f, pick))
		pick->need = NEED_LETTER;
	else
		pick->need = need_of_server(f);
}

/* What was opened before can be shown all the same. */
static void
too_much(const struct imap_batch *f, struct imap_pick *pick)
{
	if (pick->again && pick->view.rebuilt)
		pick->need = need_of_server(f);
	else
		pick->need = NEED_TOO_MUCH;
	pick->again = false;
}

static enum rc
hear_size(struct imap_batch *f, struct span line, struct err *err)
{
	struct imap_fetched fetched;
	struct imap_pick *pick = NULL;

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
ask_sizes(struct imap_batch *f, struct err *err)
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

static bool
any(const struct imap_pick *pick)
{
	(void)pick;
	return true;
}

static bool
is_left_to_see_whole(const struct imap_pick *pick)
{
	return pick->whole && !pick->done;
}

/* Neighbours of one need together. */
static enum rc
run_all(struct imap_batch *f, bool (*want)(const struct imap_pick *pick),
    struct err *err)
{
	for (size_t at = 0, end; at < f->len; at = end) {
		end = at + 1;
		if (!want(&f->pick[at]))
			continue;
		enum imap_need need = f->pick[at].need;
		while (end < f->len && f->pick[end].need == need &&
		       want(&f->pick[end]))
			end++;
		TRY(run(f, at, end, err));
	}
	return RC_OK;
}

static enum rc
run_batch(struct imap_batch *f, struct err *err)
{
	for (size_t i = 0; i < f->len; i++)
		look_up(f, &f->pick[i]);
	TRY(ask_sizes(f, err));
	TRY(run_all(f, any, err));
	TRY(run_all(f, is_left_to_see_whole, err));
	batch_clear(f);
	return RC_OK;
}

void
imap_chosen_done(struct imap_chosen *chosen)
{
	free(chosen->item);
}

enum rc
imap_batch_run(
    struct imap_batch *f, const struct imap_chosen *chosen, struct err *err)
{
	for (size_t i = 0; i < chosen->len; i++) {
		f->pick[f->len++] =
		    (struct imap_pick){.number = chosen->item[i].number,
			.uid = chosen->item[i].uid,
			.ahead = chosen->len - i <= AHEAD_MAX};
		imap_view_init(&f->pick[f->len - 1].view);
		if (f->len == IMAP_BATCH_MAX || i + 1 == chosen->len)
			TRY(run_batch(f, err));
	}
	return RC_OK;
}
