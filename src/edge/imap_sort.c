#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>

#include "edge/imap_sort_priv.h"

/* RFC 5256 section 3 (SORT), RFC 5957. */

#define CRITERIA_MAX 20

typedef int comparing(const struct imap_sorted *a, const struct imap_sorted *b);

static int
order_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
by_arrival(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static int
by_date(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return a->date < b->date ? -1 : a->date > b->date;
}

static int
by_size(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return order_numbers(a->size, b->size);
}

static int
by_from(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return span_order(a->keys.from, b->keys.from);
}

static int
by_to(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return span_order(a->keys.to, b->keys.to);
}

static int
by_cc(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return span_order(a->keys.cc, b->keys.cc);
}

static int
by_subject(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return span_order(a->keys.subject, b->keys.subject);
}

static int
by_display_from(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return span_order(a->keys.display_from, b->keys.display_from);
}

static int
by_display_to(const struct imap_sorted *a, const struct imap_sorted *b)
{
	return span_order(a->keys.display_to, b->keys.display_to);
}

static const struct criterion {
	const char *name;
	comparing *order;
	bool letter; /* it is in the letter */
} criteria[] = {
    {"ARRIVAL", by_arrival, false},
    {"CC", by_cc, true},
    {"DATE", by_date, true},
    {"FROM", by_from, true},
    {"SIZE", by_size, true},
    {"SUBJECT", by_subject, true},
    {"TO", by_to, true},
    {"DISPLAYFROM", by_display_from, true},
    {"DISPLAYTO", by_display_to, true},
};

struct program {
	struct {
		comparing *order;
		bool reverse;
	} key[CRITERIA_MAX];
	size_t len;
	bool letters, arrivals;
};

static const struct criterion *
find_criterion(const struct imap_token *token)
{
	for (size_t i = 0; i < sizeof(criteria) / sizeof(criteria[0]); i++)
		if (token->kind == IMAP_ATOM &&
		    span_is_nocase(token->value, criteria[i].name))
			return &criteria[i];
	return NULL;
}

/* "(REVERSE DATE SUBJECT)" */
static enum rc
parse_program(struct imap_walk *args, struct program *ret, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	if (token.kind != IMAP_OPEN)
		return err_set(err, RC_SYNTAX, "want a list of sort keys");
	for (bool reverse = false;; reverse = false) {
		TRY(imap_walk_next(args, &token, err));
		if (token.kind == IMAP_CLOSE && ret->len > 0)
			return RC_OK;
		if (token.kind == IMAP_ATOM &&
		    span_is_nocase(token.value, "REVERSE")) {
			reverse = true;
			TRY(imap_walk_next(args, &token, err));
		}
		const struct criterion *criterion = find_criterion(&token);
		if (criterion == NULL || ret->len == CRITERIA_MAX)
			return err_set(err, RC_SYNTAX, "unknown sort key");
		ret->key[ret->len].order = criterion->order;
		ret->key[ret->len++].reverse = reverse;
		ret->letters = ret->letters || criterion->letter;
		ret->arrivals = ret->arrivals || !criterion->letter;
	}
}

/* "If two or more messages exactly match according to the sorting criteria,
 * these messages are sorted according to the order in which they appear in the
 * mailbox." */
static int
compare(const void *left, const void *right, void *self)
{
	const struct imap_sorted *a = left, *b = right;
	const struct program *program = self;

	for (size_t i = 0; i < program->len; i++) {
		int order = program->key[i].order(a, b);
		if (order != 0)
			return program->key[i].reverse ? -order : order;
	}
	return order_numbers(a->number, b->number);
}

static enum rc
answer(const struct imap_sorting *sorting, struct err *err)
{
	struct imap_session *s = sorting->search.s;

	TRY(buf_add_str(&s->out, "* SORT", err));
	for (size_t i = 0; i < sorting->len; i++)
		TRY(buf_add_format(&s->out, err, " %u",
		    s->by_uid ? sorting->item[i].uid
			      : sorting->item[i].number));
	TRY(buf_add_str(&s->out, "\r\n", err));
	return imap_finish(s, IMAP_OK, SPAN_NONE, err);
}

enum rc
imap_do_sort(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct imap_sorting sorting IMAP_SORTING_OWNED;
	struct program program = {.len = 0};
	struct err why = ERR_NONE;

	imap_sorting_init(&sorting);
	if (parse_program(args, &program, &why) != RC_OK)
		return imap_reply_bad(s, &why, err);
	enum rc rc = imap_sorting_run(
	    &sorting, s, args, program.letters, program.arrivals, err);
	if (rc == RC_REFUSED)
		return RC_OK;
	TRY(rc);
	qsort_r(sorting.item, sorting.len, sizeof(sorting.item[0]), compare,
	    &program);
	return answer(&sorting, err);
}
