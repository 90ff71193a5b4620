#include <stdlib.h>

#include "codec/when.h"
#include "edge/imap_batch_priv.h"
#include "edge/imap_query.h"
#include "edge/imap_set.h"
#include "flow/search_text.h"
#include "os/log.h"

/* How a search is worked off: the mail server answers its parts of the query;
 * what is undecided after that is decided by looking at the letters. */

#define DAY ((int64_t)24 * 60 * 60)

struct search {
	struct imap_session *s;
	const struct imap_searching *asked;
	uint32_t *uid; /* of the letters when it began, ascending */
	bool *found;
	size_t len;
	bool letters, keywords; /* what of a letter is needed */
	struct buf modseq;      /* as the mail server said it, or empty */
	bool refused;           /* the mail server did not answer a part */
	struct buf why;
};

#define SEARCH_OWNED __attribute__((cleanup(search_done)))

static void
search_done(struct search *search)
{
	free(search->uid);
	free(search->found);
	buf_done(&search->modseq);
	buf_done(&search->why);
}

static enum rc
search_init(struct search *search, struct imap_session *s,
    const struct imap_searching *asked, struct err *err)
{
	const struct imap_uids *uids = &s->box.uids;

	*search = (struct search){
	    .s = s, .asked = asked, .modseq = BUF(200), .why = BUF_SMALL};
	search->uid = calloc(uids->len + 1, sizeof(search->uid[0]));
	search->found = calloc(uids->len + 1, sizeof(search->found[0]));
	if (search->uid == NULL || search->found == NULL)
		return err_nomem(err, "search");
	for (size_t i = 0; i < uids->len; i++)
		if (uids->place[i].uid != 0)
			search->uid[search->len++] = uids->place[i].uid;
	return RC_OK;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* SIZE_MAX: it came later. */
static size_t
position(const struct search *search, uint32_t uid)
{
	const uint32_t *at =
	    search->len == 0
		? NULL
		: bsearch(&uid, search->uid, search->len, sizeof(uid), compare);

	return at == NULL ? SIZE_MAX : (size_t)(at - search->uid);
}

/* --- what the mail server answers --- */

static enum rc
note_hit(struct search *search, bool *hits, struct span word, struct err *err)
{
	const struct imap_uids *uids = &search->s->box.uids;
	uint32_t number = 0;

	TRY(imap_number_parse(word, &number, err));
	if (!search->s->by_uid) {
		if (number == 0 || number > uids->len)
			return err_set(err, RC_SYNTAX,
			    "the mail server finds a letter that is not "
			    "there");
		number = uids->place[number - 1].uid;
	}
	size_t at = position(search, number);
	if (at != SIZE_MAX)
		hits[at] = true;
	return RC_OK;
}

/* "SEARCH 2 84 (MODSEQ 917)" */
static enum rc
note_hits(struct search *search, bool *hits, struct span line, struct err *err)
{
	struct imap_walk walk = {span_after(line, strlen("SEARCH"))};
	struct imap_token word;

	for (;;) {
		TRY(imap_walk_next(&walk, &word, err));
		if (word.kind == IMAP_END)
			return RC_OK;
		if (word.kind == IMAP_OPEN)
			break;
		if (word.kind != IMAP_ATOM)
			return err_set(err, RC_SYNTAX, "bad SEARCH answer");
		TRY(note_hit(search, hits, word.value, err));
	}
	buf_clear(&search->modseq);
	do {
		TRY(imap_walk_next(&walk, &word, err));
		if (word.kind == IMAP_ATOM &&
		    imap_modseq_check(word.value, err) == RC_OK)
			TRY(buf_add(&search->modseq, word.value, err));
	} while (word.kind != IMAP_END);
	return RC_OK;
}

static bool
is_search(struct span line)
{
	ptrdiff_t space = span_find_byte(line, ' ');

	return span_is_nocase(
	    space < 0 ? line : span_first(line, (size_t)space), "SEARCH");
}

static enum rc
ask_server(struct search *search, struct imap_query *node, struct err *err)
{
	struct imap_session *s = search->s;
	struct buf command BUF_OWNED = BUF_SMALL;
	enum imap_answer answer;
	struct span line;

	TRY(buf_add_format(&command, err, "%sSEARCH %.*s",
	    s->by_uid ? "UID " : "", SPAN_ARGS(buf_span(&node->text))));
	TRY(imap_link_command(s->link, buf_span(&command), err));
	for (;;) {
		TRY(imap_upstream_next(s, &answer, &line, err));
		if (answer != IMAP_UNTAGGED)
			break;
		TRY(is_search(line) ? note_hits(search, node->hits, line, err)
				    : imap_untagged(s, line, err));
	}
	search->refused = answer != IMAP_OK;
	return search->refused
		   ? buf_add(&search->why, span_first(line, 1000), err)
		   : RC_OK;
}

static void
note_saved(const struct search *search, struct imap_query *node)
{
	const struct imap_saved *saved = &search->s->box.saved;

	for (size_t i = 0; i < search->len; i++)
		node->hits[i] = imap_saved_has(saved, search->uid[i]);
}

static enum rc
answer_known(struct search *search, struct imap_query *node, struct err *err)
{
	bool known =
	    node->kind == IMAP_QUERY_SERVER || node->kind == IMAP_QUERY_SAVED;

	if (known) {
		node->hits = calloc(search->len + 1, sizeof(node->hits[0]));
		if (node->hits == NULL)
			return err_nomem(err, "search");
	}
	if (node->kind == IMAP_QUERY_SAVED)
		note_saved(search, node);
	else if (node->kind == IMAP_QUERY_SERVER)
		TRY(ask_server(search, node, err));
	else if (node->kind == IMAP_QUERY_KEYWORD)
		search->keywords = true;
	else if (node->child == NULL)
		search->letters = true;
	for (struct imap_query *c = node->child; c != NULL && !search->refused;
	     c = c->next)
		TRY(answer_known(search, c, err));
	return RC_OK;
}

/* --- what the letter answers --- */

/* One letter, folded as far as a key has needed it. */
struct looked_at {
	const struct imap_view *view;
	struct buf header, body;
	bool has_header, has_body;
	enum rc rc; /* why it could not be looked at */
	struct err *err;
};

#define LOOKED_AT_OWNED __attribute__((cleanup(looked_at_done)))

static void
looked_at_done(struct looked_at *looked)
{
	buf_done(&looked->header);
	buf_done(&looked->body);
}

static bool
holds(const struct buf *text, const struct imap_query *node)
{
	return span_find(buf_span(text), buf_span(&node->text)) >= 0;
}

static bool
header_holds(struct looked_at *looked, const struct imap_query *node)
{
	if (!looked->has_header && looked->rc == RC_OK)
		looked->rc = search_fold_fields(&looked->view->letter->fields,
		    NULL, &looked->header, looked->err);
	looked->has_header = true;
	return holds(&looked->header, node);
}

static bool
body_holds(struct looked_at *looked, const struct imap_query *node)
{
	if (!looked->has_body && looked->rc == RC_OK)
		looked->rc = search_fold_body(
		    looked->view->letter, &looked->body, looked->err);
	looked->has_body = true;
	return holds(&looked->body, node);
}

/* RFC 3501 section 6.4.4: with an empty string, any letter with the field. */
static bool
field_holds(struct looked_at *looked, const struct imap_query *node)
{
	const struct fields *fields = &looked->view->letter->fields;
	struct buf values BUF_OWNED = BUF_SECRET(SEARCH_FOLDED_MAX);

	if (node->text.len == 0)
		return fields_find(fields, node->name) != NULL;
	if (looked->rc == RC_OK)
		looked->rc = search_fold_fields(
		    fields, node->name, &values, looked->err);
	return holds(&values, node);
}

/* "disregarding time and timezone": the day as it was where it was written. A
 * letter without a date that can be read is as old as can be, as mail servers
 * have it. */
static int64_t
sent_day(const struct looked_at *looked)
{
	struct span date = fields_value(&looked->view->letter->fields, "Date");
	struct buf day BUF_OWNED = BUF(200);
	struct err ignored;
	ptrdiff_t colon = span_find_byte(date, ':');
	size_t end = colon < 0 ? 0 : (size_t)colon;
	int64_t when = 0;

	while (end > 0 && date.data[end - 1] != ' ')
		end--; /* the hour */
	if (buf_add(&day, span_first(date, end), &ignored) != RC_OK ||
	    buf_add_str(&day, "00:00:00 +0000", &ignored) != RC_OK ||
	    when_parse_mail(buf_span(&day), &when, &ignored) != RC_OK)
		return 0;
	return when / DAY - (when % DAY < 0);
}

static bool
was_sent(const struct looked_at *looked, const struct imap_query *node)
{
	int64_t day = sent_day(looked);

	switch (node->kind) {
	case IMAP_QUERY_SENT_BEFORE:
		return day < node->number;
	case IMAP_QUERY_SENT_ON:
		return day == node->number;
	default:
		return day >= node->number;
	}
}

static bool
has_keyword(const struct looked_at *looked, const struct imap_query *node)
{
	const struct strlist *keywords = &looked->view->keywords;

	for (size_t i = 0; i < keywords->len; i++)
		if (span_equal_nocase(
			span_str(keywords->item[i]), buf_span(&node->text)))
			return true;
	return false;
}

static bool
leaf_holds(struct looked_at *looked, const struct imap_query *node)
{
	switch (node->kind) {
	case IMAP_QUERY_KEYWORD:
		return has_keyword(looked, node);
	case IMAP_QUERY_FIELD:
		return field_holds(looked, node);
	case IMAP_QUERY_BODY:
		return body_holds(looked, node);
	case IMAP_QUERY_TEXT:
		return header_holds(looked, node) || body_holds(looked, node);
	case IMAP_QUERY_LARGER:
		return (int64_t)looked->view->letter->whole.len > node->number;
	case IMAP_QUERY_SMALLER:
		return (int64_t)looked->view->letter->whole.len < node->number;
	default:
		return was_sent(looked, node);
	}
}

/* --- the whole --- */

enum truth { FALSE, TRUE, UNDECIDED };

static enum truth truth_of(
    const struct imap_query *node, size_t at, struct looked_at *looked);

/* `wins`: what decides for all: one that is false for AND, true for OR. */
static enum truth
truth_of_all(const struct imap_query *node, size_t at, struct looked_at *looked,
    enum truth wins)
{
	enum truth truth = wins == TRUE ? FALSE : TRUE;

	for (const struct imap_query *c = node->child; c != NULL; c = c->next) {
		enum truth one = truth_of(c, at, looked);
		if (one == wins)
			return one;
		if (one == UNDECIDED)
			truth = UNDECIDED;
	}
	return truth;
}

/* `looked` NULL: without looking at the letter. */
static enum truth
truth_of(const struct imap_query *node, size_t at, struct looked_at *looked)
{
	enum truth truth;

	switch (node->kind) {
	case IMAP_QUERY_SERVER:
	case IMAP_QUERY_SAVED:
		return node->hits[at] ? TRUE : FALSE;
	case IMAP_QUERY_AND:
		return truth_of_all(node, at, looked, FALSE);
	case IMAP_QUERY_OR:
		return truth_of_all(node, at, looked, TRUE);
	case IMAP_QUERY_NOT:
		truth = truth_of(node->child, at, looked);
		return truth == UNDECIDED ? truth
		       : truth == TRUE    ? FALSE
					  : TRUE;
	default:
		if (looked == NULL)
			return UNDECIDED;
		return leaf_holds(looked, node) ? TRUE : FALSE;
	}
}

static enum rc
look(void *self, uint32_t uid, const struct imap_view *view, struct err *err)
{
	struct search *search = self;
	size_t at = position(search, uid);
	struct looked_at looked LOOKED_AT_OWNED = {.view = view,
	    .header = BUF_SECRET(SEARCH_FOLDED_MAX),
	    .body = BUF_SECRET(SEARCH_FOLDED_MAX),
	    .err = err};

	if (at != SIZE_MAX)
		search->found[at] =
		    truth_of(search->asked->query, at, &looked) == TRUE;
	return looked.rc;
}

/* The letters that are undecided, in a FETCH that the mail program does not
 * see. */
static enum rc
look_at_letters(
    struct search *search, struct imap_chosen *undecided, struct err *err)
{
	struct imap_items items IMAP_ITEMS_OWNED;
	struct imap_batch batch IMAP_BATCH_OWNED = {0};

	imap_items_init(&items);
	TRY(imap_items_add(&items, IMAP_ITEM_FLAGS, err));
	if (search->letters)
		TRY(imap_items_add(&items, IMAP_ITEM_SIZE, err));
	TRY(imap_batch_init(&batch, search->s, &items, err));
	batch.by_uid = search->s->by_uid;
	batch.quiet = true;
	batch.look = look;
	batch.self = search;
	return imap_batch_run(&batch, undecided, err);
}

static enum rc
decide(struct search *search, struct err *err)
{
	struct imap_chosen undecided IMAP_CHOSEN_OWNED = {NULL, 0};
	const struct imap_uids *uids = &search->s->box.uids;

	undecided.item = calloc(search->len + 1, sizeof(undecided.item[0]));
	if (undecided.item == NULL)
		return err_nomem(err, "search");
	for (size_t i = 0; i < search->len; i++) {
		enum truth truth = truth_of(search->asked->query, i, NULL);
		search->found[i] = truth == TRUE;
		if (truth != UNDECIDED)
			continue;
		uint32_t number =
		    imap_uids_find(uids, search->uid[i], (uint32_t)i + 1);
		if (number == 0)
			continue;
		undecided.item[undecided.len].number = number;
		undecided.item[undecided.len++].uid = search->uid[i];
	}
	return undecided.len > 0 ? look_at_letters(search, &undecided, err)
				 : RC_OK;
}

/* --- the answer --- */

/* What was found, by number or UID, ascending; the caller frees it. */
static enum rc
list_found(const struct search *search, uint32_t **ret, size_t *ret_len,
    struct err *err)
{
	const struct imap_session *s = search->s;
	uint32_t *number = calloc(search->len + 1, sizeof(number[0]));
	size_t len = 0;

	if (number == NULL)
		return err_nomem(err, "search");
	for (size_t i = 0; i < search->len; i++) {
		uint32_t at = imap_uids_find(
		    &s->box.uids, search->uid[i], (uint32_t)i + 1);
		if (search->found[i] && at != 0)
			number[len++] = s->by_uid ? search->uid[i] : at;
	}
	*ret = number;
	*ret_len = len;
	return RC_OK;
}

static enum rc
print_plainly(const struct search *search, const uint32_t *number, size_t len,
    struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "* SEARCH", err));
	for (size_t i = 0; i < len; i++)
		TRY(buf_add_format(out, err, " %u", number[i]));
	if (len > 0 && search->modseq.len > 0)
		TRY(buf_add_format(out, err, " (MODSEQ %.*s)",
		    SPAN_ARGS(buf_span(&search->modseq))));
	return buf_add_str(out, "\r\n", err);
}

/* RFC 4731 section 3.1; MODSEQ: RFC 7162 section 3.1.10. */
static enum rc
print_extended(const struct search *search, const uint32_t *number, size_t len,
    struct buf *out, struct err *err)
{
	const struct imap_session *s = search->s;
	unsigned wanted = search->asked->wanted;

	TRY(buf_add_str(out, "* ESEARCH (TAG ", err));
	TRY(imap_print_string(span_str(s->tag), out, err));
	TRY(buf_add_str(out, s->by_uid ? ") UID" : ")", err));
	if ((wanted & IMAP_RETURN_MIN) != 0 && len > 0)
		TRY(buf_add_format(out, err, " MIN %u", number[0]));
	if ((wanted & IMAP_RETURN_MAX) != 0 && len > 0)
		TRY(buf_add_format(out, err, " MAX %u", number[len - 1]));
	if ((wanted & IMAP_RETURN_ALL) != 0 && len > 0) {
		TRY(buf_add_str(out, " ALL ", err));
		TRY(imap_saved_print(number, len, out, err));
	}
	if ((wanted & IMAP_RETURN_COUNT) != 0)
		TRY(buf_add_format(out, err, " COUNT %zu", len));
	if (len > 0 && search->modseq.len > 0)
		TRY(buf_add_format(out, err, " MODSEQ %.*s",
		    SPAN_ARGS(buf_span(&search->modseq))));
	return buf_add_str(out, "\r\n", err);
}

static enum rc
print_found(const struct search *search, struct err *err)
{
	struct buf *out = &search->s->out;
	uint32_t *number = NULL;
	size_t len = 0;

	/* RFC 5182 section 2.1: with SAVE alone nothing is told */
	if (search->asked->wanted == IMAP_RETURN_SAVE)
		return RC_OK;
	TRY(list_found(search, &number, &len, err));
	enum rc rc = search->asked->extended
			 ? print_extended(search, number, len, out, err)
			 : print_plainly(search, number, len, out, err);
	free(number);
	return rc;
}

/* RFC 5182 section 2.1: MIN and MAX alone save what they name. */
static void
save(struct search *search)
{
	struct imap_saved *saved = &search->s->box.saved;
	unsigned wanted = search->asked->wanted;
	unsigned ends = wanted & (IMAP_RETURN_MIN | IMAP_RETURN_MAX);
	bool all =
	    ends == 0 || (wanted & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) != 0;
	size_t len = 0;

	if ((wanted & IMAP_RETURN_SAVE) == 0)
		return;
	for (size_t i = 0; i < search->len; i++)
		if (search->found[i])
			search->uid[len++] = search->uid[i];
	if (!all && len > 1 && ends == IMAP_RETURN_MAX)
		search->uid[0] = search->uid[len - 1];
	else if (!all && len > 1 && ends != IMAP_RETURN_MIN)
		search->uid[1] = search->uid[len - 1];
	if (!all && len > 1)
		len = ends == (IMAP_RETURN_MIN | IMAP_RETURN_MAX) ? 2 : 1;
	imap_saved_done(saved);
	saved->uid = search->uid;
	saved->len = len;
	search->uid = NULL;
	search->len = 0;
}

static enum rc
run(struct search *search, struct err *err)
{
	struct imap_session *s = search->s;

	TRY(answer_known(search, search->asked->query, err));
	if (search->refused)
		return imap_finish(s, IMAP_NO, buf_span(&search->why), err);
	TRY(decide(search, err));
	TRY(print_found(search, err));
	save(search);
	return imap_finish(s, IMAP_OK, SPAN_NONE, err);
}

/* The highest mod-sequence of what was found is known only if the mail server
 * alone has found it, and all of it is told. */
static bool
is_answerable(const struct imap_searching *asked)
{
	unsigned ends = IMAP_RETURN_MIN | IMAP_RETURN_MAX;

	return !asked->modseq || (asked->query->kind == IMAP_QUERY_SERVER &&
				     (asked->wanted & ends) == 0);
}

enum rc
imap_do_search(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct imap_searching asked IMAP_SEARCHING_OWNED = {0};
	struct search search SEARCH_OWNED = {0};
	struct err why = ERR_NONE;

	enum rc rc = imap_query_parse(args, &asked, &why);
	if (rc == RC_REFUSED)
		return imap_reply(
		    s, err, "NO [BADCHARSET (UTF-8 US-ASCII)] %s", why.text);
	if (rc != RC_OK)
		return imap_reply_bad(s, &why, err);
	if (!is_answerable(&asked))
		return imap_reply(s, err,
		    "NO [CANNOT] MODSEQ does not go with what is inside of "
		    "letters, MIN or MAX");
	TRY(imap_fetch_uids(s, err));
	TRY(search_init(&search, s, &asked, err));
	return run(&search, err);
}
