/* What SORT and THREAD need of letters. */
#include <stdlib.h>

#include "codec/when.h"
#include "edge/imap_fetched.h"
#include "edge/imap_sort_priv.h"
#include "os/log.h"

#define TEXT_MAX ((size_t)1 << 30)

void
imap_sorting_init(struct imap_sorting *sorting)
{
	*sorting = (struct imap_sorting){.text = BUF_SECRET(TEXT_MAX)};
}

void
imap_sorting_done(struct imap_sorting *sorting)
{
	imap_searching_done(&sorting->asked);
	imap_search_done(&sorting->search);
	free(sorting->item);
	buf_done(&sorting->text);
}

int
imap_sorted_by_date(const struct imap_sorted *a, const struct imap_sorted *b)
{
	if (a->date != b->date)
		return a->date < b->date ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* --- what was found --- */

static enum rc
take_found(struct imap_sorting *sorting, struct err *err)
{
	const struct imap_search *search = &sorting->search;

	sorting->item = calloc(search->len + 1, sizeof(sorting->item[0]));
	if (sorting->item == NULL)
		return err_nomem(err, "SORT");
	for (size_t i = 0; i < search->len; i++) {
		uint32_t number = imap_uids_find(
		    &search->s->box.uids, search->uid[i], (uint32_t)i + 1);
		if (!search->found[i] || number == 0)
			continue;
		sorting->item[sorting->len++] = (struct imap_sorted){
		    .number = number, .uid = search->uid[i]};
	}
	return RC_OK;
}

static int
compare_uid(const void *uid, const void *item)
{
	uint32_t a = *(const uint32_t *)uid;
	uint32_t b = ((const struct imap_sorted *)item)->uid;

	return a < b ? -1 : a > b;
}

static struct imap_sorted *
find_item(const struct imap_sorting *sorting, uint32_t uid)
{
	return sorting->len == 0 ? NULL
				 : bsearch(&uid, sorting->item, sorting->len,
				       sizeof(sorting->item[0]), compare_uid);
}

/* --- what is in the letters --- */

static enum rc
note_keys(struct imap_sorting *sorting, struct imap_sorted *item,
    struct span keys, uint64_t size, struct err *err)
{
	item->at = sorting->text.len;
	item->len = keys.len;
	TRY(buf_add(&sorting->text, keys, err));
	item->size = size;
	item->keyed = true;
	return RC_OK;
}

static enum rc
from_index(void *self, uint32_t uid, const struct index_letter *letter,
    struct err *err)
{
	struct imap_sorting *sorting = self;
	struct imap_sorted *item = find_item(sorting, uid);

	return item == NULL
		   ? RC_OK
		   : note_keys(sorting, item, letter->keys, letter->size, err);
}

static enum rc
from_letter(
    void *self, uint32_t uid, const struct imap_view *view, struct err *err)
{
	struct imap_sorting *sorting = self;
	struct imap_sorted *item = find_item(sorting, uid);
	struct buf keys BUF_OWNED = BUF_SECRET(2 * IMAP_KEYS_MAX);

	if (item == NULL)
		return RC_OK;
	TRY(imap_keys_print(view->letter, &keys, err));
	return note_keys(
	    sorting, item, buf_span(&keys), view->letter->whole.len, err);
}

static enum rc
ask_index(struct imap_sorting *sorting, struct err *err)
{
	const struct imap_session *s = sorting->search.s;
	struct err why = ERR_NONE;

	if (s->agent->index == NULL || s->box.views.name[0] == '\0')
		return RC_OK;
	enum rc rc = index_list(s->agent->index, s->box.views.name, true,
	    from_index, sorting, &why);
	if (rc == RC_NOMEM)
		return err_nomem(err, "SORT");
	if (rc != RC_OK)
		log_warning("search index: %s", why.text);
	return RC_OK;
}

static enum rc
ask_letters(struct imap_sorting *sorting, struct err *err)
{
	struct imap_search *search = &sorting->search;
	bool *which = calloc(search->len + 1, sizeof(which[0]));

	if (which == NULL)
		return err_nomem(err, "SORT");
	for (size_t i = 0; i < search->len; i++) {
		const struct imap_sorted *item =
		    find_item(sorting, search->uid[i]);
		which[i] = item != NULL && !item->keyed;
	}
	enum rc rc =
	    imap_search_look(search, which, true, from_letter, sorting, err);
	free(which);
	return rc;
}

/* Once no more text comes, which may move. */
static void
settle_keys(struct imap_sorting *sorting)
{
	struct err ignored;

	for (size_t i = 0; i < sorting->len; i++) {
		struct imap_sorted *item = &sorting->item[i];
		struct span all = buf_span(&sorting->text);
		if (item->keyed &&
		    imap_keys_parse(
			span_first(span_after(all, item->at), item->len),
			&item->keys, &ignored) != RC_OK)
			item->keyed = false;
		item->date = item->keys.date;
	}
}

/* --- when they arrived --- */

static bool
all_dated(const struct imap_sorting *sorting)
{
	for (size_t i = 0; i < sorting->len; i++)
		if (!sorting->item[i].keys.dated)
			return false;
	return true;
}

/* "\"17-Jul-1996 02:44:25 -0700\"" */
static int64_t
parse_arrival(struct span told)
{
	struct buf date BUF_OWNED = BUF(64);
	struct imap_walk walk = {told};
	struct imap_token token;
	struct err ignored;
	int64_t when = 0;

	if (imap_walk_next(&walk, &token, &ignored) != RC_OK ||
	    imap_token_value(&token, &date, &ignored) != RC_OK)
		return 0;
	for (size_t i = 0; i < date.len && i < 8; i++)
		if (date.data[i] == '-')
			date.data[i] = ' ';
	return when_parse_mail(span_trim(buf_span(&date)), &when, &ignored) ==
		       RC_OK
		   ? when
		   : 0;
}

static enum rc
hear_arrival(struct imap_sorting *sorting, struct span line, struct err *err)
{
	struct imap_session *s = sorting->search.s;
	struct imap_fetched fetched;

	enum rc rc = imap_fetched_parse(line, &fetched, err);
	if (rc == RC_ABSENT ||
	    (rc == RC_OK &&
		(fetched.uid == 0 || fetched.told[IMAP_ITEM_DATE].len == 0 ||
		    fetched.told[IMAP_ITEM_FLAGS].len > 0)))
		return imap_untagged(s, line, err);
	TRY(rc);
	TRY(imap_uids_set(&s->box.uids, fetched.number, fetched.uid, err));
	struct imap_sorted *item = find_item(sorting, fetched.uid);
	if (item == NULL)
		return RC_OK;
	item->arrival = parse_arrival(fetched.told[IMAP_ITEM_DATE]);
	if (!item->keys.dated)
		item->date = item->arrival;
	return RC_OK;
}

/* All of them in one command: a set of what was found would be as long. */
static enum rc
ask_arrivals(struct imap_sorting *sorting, struct err *err)
{
	struct imap_session *s = sorting->search.s;
	enum imap_answer answer;
	struct span line;

	TRY(imap_link_command(s->link,
	    span_str(s->by_uid ? "UID FETCH 1:* (UID INTERNALDATE)"
			       : "FETCH 1:* (UID INTERNALDATE)"),
	    err));
	for (;;) {
		TRY(imap_upstream_next(s, &answer, &line, err));
		if (answer != IMAP_UNTAGGED)
			return RC_OK;
		TRY(hear_arrival(sorting, line, err));
	}
}

/* --- the whole --- */

static enum rc
refuse(
    struct imap_session *s, enum rc rc, const struct err *why, struct err *err)
{
	if (rc == RC_REFUSED)
		TRY(imap_reply(
		    s, err, "NO [BADCHARSET (UTF-8 US-ASCII)] %s", why->text));
	else
		TRY(imap_reply_bad(s, why, err));
	return RC_REFUSED;
}

static enum rc
search_first(struct imap_sorting *sorting, struct imap_session *s,
    struct imap_walk *args, struct err *err)
{
	struct imap_search *search = &sorting->search;
	struct err why = ERR_NONE;
	enum rc rc = imap_query_parse_bare(args, &sorting->asked, &why);

	if (rc != RC_OK)
		return refuse(s, rc, &why, err);
	TRY(imap_fetch_uids(s, err));
	TRY(imap_search_init(search, s, &sorting->asked, err));
	TRY(imap_search_run(search, err));
	if (!search->refused)
		return RC_OK;
	TRY(imap_finish(s, IMAP_NO, buf_span(&search->why), err));
	return RC_REFUSED;
}

enum rc
imap_sorting_run(struct imap_sorting *sorting, struct imap_session *s,
    struct imap_walk *args, bool letters, bool arrivals, struct err *err)
{
	TRY(search_first(sorting, s, args, err));
	TRY(take_found(sorting, err));
	if (sorting->len == 0)
		return RC_OK;
	if (letters) {
		TRY(ask_index(sorting, err));
		TRY(ask_letters(sorting, err));
	}
	settle_keys(sorting);
	return arrivals || !all_dated(sorting) ? ask_arrivals(sorting, err)
					       : RC_OK;
}
