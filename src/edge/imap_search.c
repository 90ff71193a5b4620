#include <stdlib.h>

#include "edge/imap_index.h"
#include "edge/imap_keys.h"
#include "edge/imap_search_priv.h"
#include "edge/imap_set.h"
#include "flow/search_text.h"
#include "os/log.h"

enum rc
imap_search_init(struct imap_search *search, struct imap_session *s,
    const struct imap_searching *asked, struct err *err)
{
	const struct imap_uids *uids = &s->box.uids;
	size_t len = uids->len + 1;

	*search = (struct imap_search){
	    .s = s, .asked = asked, .modseq = BUF(200), .why = BUF_SMALL};
	search->uid = calloc(len, sizeof(search->uid[0]));
	search->found = calloc(len, sizeof(search->found[0]));
	search->known = calloc(len, sizeof(search->known[0]));
	if (search->uid == NULL || search->found == NULL ||
	    search->known == NULL)
		return err_nomem(err, "search");
	for (size_t i = 0; i < uids->len; i++)
		if (uids->place[i].uid != 0)
			search->uid[search->len++] = uids->place[i].uid;
	return RC_OK;
}

void
imap_search_done(struct imap_search *search)
{
	free(search->uid);
	free(search->found);
	free(search->known);
	buf_done(&search->modseq);
	buf_done(&search->why);
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

size_t
imap_search_position(const struct imap_search *search, uint32_t uid)
{
	const uint32_t *at =
	    search->len == 0
		? NULL
		: bsearch(&uid, search->uid, search->len, sizeof(uid), compare);

	return at == NULL ? SIZE_MAX : (size_t)(at - search->uid);
}

/* --- what the mail server answers --- */

static enum rc
note_hit(
    struct imap_search *search, bool *hits, struct span word, struct err *err)
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
	size_t at = imap_search_position(search, number);
	if (at != SIZE_MAX)
		hits[at] = true;
	return RC_OK;
}

/* "SEARCH 2 84 (MODSEQ 917)" */
static enum rc
note_hits(
    struct imap_search *search, bool *hits, struct span line, struct err *err)
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
ask_server(struct imap_search *search, struct imap_query *node, struct err *err)
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
note_saved(const struct imap_search *search, struct imap_query *node)
{
	const struct imap_saved *saved = &search->s->box.saved;

	for (size_t i = 0; i < search->len; i++)
		node->hits[i] = imap_saved_has(saved, search->uid[i]);
}

static enum rc
answer_known(
    struct imap_search *search, struct imap_query *node, struct err *err)
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

static bool
was_sent(const struct imap_query *node, int64_t day)
{
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
		return was_sent(node, imap_keys_day(looked->view->letter));
	}
}

/* --- what the index answers --- */

enum truth { FALSE, TRUE, UNDECIDED };

static enum truth
truth_if(bool is)
{
	return is ? TRUE : FALSE;
}

static enum truth
known_truth(
    const struct imap_query *node, size_t at, const struct imap_known *known)
{
	switch (node->kind) {
	case IMAP_QUERY_KEYWORD:
		return UNDECIDED;
	case IMAP_QUERY_FIELD:
	case IMAP_QUERY_BODY:
	case IMAP_QUERY_TEXT:
		if (node->hits == NULL || !known->worded)
			return UNDECIDED;
		return node->hits[at] && !node->exact
			   ? UNDECIDED
			   : truth_if(node->hits[at]);
	default:
		break;
	}
	if (!known->there)
		return UNDECIDED;
	if (node->kind == IMAP_QUERY_LARGER)
		return truth_if((int64_t)known->size > node->number);
	if (node->kind == IMAP_QUERY_SMALLER)
		return truth_if((int64_t)known->size < node->number);
	return truth_if(was_sent(node, known->day));
}

/* --- the whole --- */

/* A letter, and what of it is at hand: the letter itself, if it was opened. */
struct asked {
	const struct imap_search *search;
	size_t at;
	struct looked_at *looked;
};

static enum truth truth_of(
    const struct imap_query *node, const struct asked *asked);

/* `wins`: what decides for all: one that is false for AND, true for OR. */
static enum truth
truth_of_all(
    const struct imap_query *node, const struct asked *asked, enum truth wins)
{
	enum truth truth = wins == TRUE ? FALSE : TRUE;

	for (const struct imap_query *c = node->child; c != NULL; c = c->next) {
		enum truth one = truth_of(c, asked);
		if (one == wins)
			return one;
		if (one == UNDECIDED)
			truth = UNDECIDED;
	}
	return truth;
}

static enum truth
truth_of_leaf(const struct imap_query *node, const struct asked *asked)
{
	enum truth known =
	    known_truth(node, asked->at, &asked->search->known[asked->at]);

	if (known != UNDECIDED || asked->looked == NULL)
		return known;
	return truth_if(leaf_holds(asked->looked, node));
}

static enum truth
truth_of(const struct imap_query *node, const struct asked *asked)
{
	enum truth truth;

	switch (node->kind) {
	case IMAP_QUERY_SERVER:
	case IMAP_QUERY_SAVED:
		return truth_if(node->hits[asked->at]);
	case IMAP_QUERY_AND:
		return truth_of_all(node, asked, FALSE);
	case IMAP_QUERY_OR:
		return truth_of_all(node, asked, TRUE);
	case IMAP_QUERY_NOT:
		truth = truth_of(node->child, asked);
		return truth == UNDECIDED ? truth : truth_if(truth == FALSE);
	default:
		return truth_of_leaf(node, asked);
	}
}

static enum rc
look(void *self, uint32_t uid, const struct imap_view *view, struct err *err)
{
	struct imap_search *search = self;
	size_t at = imap_search_position(search, uid);
	struct looked_at looked LOOKED_AT_OWNED = {.view = view,
	    .header = BUF_SECRET(SEARCH_FOLDED_MAX),
	    .body = BUF_SECRET(SEARCH_FOLDED_MAX),
	    .err = err};

	if (at != SIZE_MAX)
		search->found[at] =
		    truth_of(search->asked->query,
			&(struct asked){search, at, &looked}) == TRUE;
	return looked.rc;
}

/* The letters, in a FETCH that the mail program does not see. */
static enum rc
run_batch(struct imap_search *search, const struct imap_chosen *chosen,
    bool letters, struct imap_batch *batch, struct err *err)
{
	struct imap_items items IMAP_ITEMS_OWNED;

	imap_items_init(&items);
	TRY(imap_items_add(&items, IMAP_ITEM_FLAGS, err));
	if (letters)
		TRY(imap_items_add(&items, IMAP_ITEM_SIZE, err));
	struct imap_batch wanted = *batch;
	TRY(imap_batch_init(batch, search->s, &items, err));
	batch->by_uid = search->s->by_uid;
	batch->quiet = true;
	batch->look = wanted.look;
	batch->self = wanted.self;
	TRY(imap_batch_run(batch, chosen, err));
	/* more than can wait may have been opened */
	imap_indexer_visit(search->s->agent->indexer, &search->s->box.views);
	return RC_OK;
}

enum rc
imap_search_look(struct imap_search *search, const bool *which, bool letters,
    enum rc (*see)(void *self, uint32_t uid, const struct imap_view *view,
	struct err *err),
    void *self, struct err *err)
{
	struct imap_chosen chosen IMAP_CHOSEN_OWNED = {NULL, 0};
	struct imap_batch batch IMAP_BATCH_OWNED = {.look = see, .self = self};

	chosen.item = calloc(search->len + 1, sizeof(chosen.item[0]));
	if (chosen.item == NULL)
		return err_nomem(err, "search");
	for (size_t i = 0; i < search->len; i++) {
		uint32_t number = which[i]
				      ? imap_uids_find(&search->s->box.uids,
					    search->uid[i], (uint32_t)i + 1)
				      : 0;
		if (number == 0)
			continue;
		chosen.item[chosen.len].number = number;
		chosen.item[chosen.len++].uid = search->uid[i];
	}
	return chosen.len > 0 ? run_batch(search, &chosen, letters, &batch, err)
			      : RC_OK;
}

static enum rc
decide(struct imap_search *search, struct err *err)
{
	bool *undecided = calloc(search->len + 1, sizeof(undecided[0]));

	if (undecided == NULL)
		return err_nomem(err, "search");
	for (size_t i = 0; i < search->len; i++) {
		enum truth truth = truth_of(
		    search->asked->query, &(struct asked){search, i, NULL});
		search->found[i] = truth == TRUE;
		undecided[i] = truth == UNDECIDED;
	}
	enum rc rc = imap_search_look(
	    search, undecided, search->letters, look, search, err);
	free(undecided);
	return rc;
}

enum rc
imap_search_run(struct imap_search *search, struct err *err)
{
	TRY(answer_known(search, search->asked->query, err));
	if (search->refused)
		return RC_OK;
	if (search->letters)
		TRY(imap_search_ask_index(search, err));
	return decide(search, err);
}
