#include <stdlib.h>

#include "edge/imap_batch_priv.h"
#include "edge/imap_index.h"
#include "os/log.h"

/* While nobody does anything, letters that the index does not have are fetched
 * and opened, the newest first.  Few at a time: an agent that waits shall not
 * be noticed, and the first search that needs the others opens them anyway. */

#define FILL_LETTERS 4

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static enum rc
strike_out(void *self, uint32_t uid, const struct index_letter *letter,
    struct err *err)
{
	const struct imap_saved *missing = self;
	uint32_t *at = missing->len == 0
			   ? NULL
			   : bsearch(&uid, missing->uid, missing->len,
				 sizeof(uid), compare);

	(void)letter, (void)err;
	/* the marks lie behind the UIDs */
	if (at != NULL)
		missing->uid[missing->len + 1 + (size_t)(at - missing->uid)] =
		    1;
	return RC_OK;
}

/* The UIDs, and behind them a mark for each that is indexed. */
static enum rc
list_missing(struct imap_session *s, struct imap_saved *ret, struct err *err)
{
	const struct imap_uids *uids = &s->box.uids;

	ret->uid = calloc(2 * uids->len + 2, sizeof(ret->uid[0]));
	if (ret->uid == NULL)
		return err_nomem(err, "search index");
	for (size_t i = 0; i < uids->len; i++)
		if (uids->place[i].uid != 0)
			ret->uid[ret->len++] = uids->place[i].uid;
	TRY(index_list(
	    s->agent->index, s->box.views.name, false, strike_out, ret, err));
	size_t len = 0;
	for (size_t i = 0; i < ret->len; i++)
		if (ret->uid[ret->len + 1 + i] == 0)
			ret->uid[len++] = ret->uid[i];
	ret->len = len;
	return RC_OK;
}

static enum rc
fetch(struct imap_session *s, const struct imap_chosen *chosen, struct err *err)
{
	struct imap_items items IMAP_ITEMS_OWNED;
	struct imap_batch batch IMAP_BATCH_OWNED = {0};

	imap_items_init(&items);
	TRY(imap_items_add(&items, IMAP_ITEM_SIZE, err));
	TRY(imap_batch_init(&batch, s, &items, err));
	batch.quiet = true;
	return imap_batch_run(&batch, chosen, err);
}

bool
imap_has_to_fill(const struct imap_session *s)
{
	return s->agent->indexer != NULL && s->box.views.name[0] != '\0' &&
	       (!s->box.listed || s->box.missing.len > 0);
}

enum rc
imap_fill(struct imap_session *s, struct err *err)
{
	struct imap_saved *missing = &s->box.missing;
	struct imap_chosen chosen IMAP_CHOSEN_OWNED = {NULL, 0};
	struct err why = ERR_NONE;

	TRY(imap_fetch_uids(s, err));
	if (!s->box.listed && list_missing(s, missing, &why) != RC_OK) {
		log_warning("%s", why.text);
		missing->len = 0;
	}
	s->box.listed = true;
	chosen.item = calloc(FILL_LETTERS, sizeof(chosen.item[0]));
	if (chosen.item == NULL)
		return err_nomem(err, "search index");
	size_t some = missing->len < FILL_LETTERS ? missing->len : FILL_LETTERS;
	missing->len -= some;
	for (size_t i = 0; i < some; i++) {
		uint32_t uid = missing->uid[missing->len + i];
		uint32_t number = imap_uids_find(
		    &s->box.uids, uid, (uint32_t)s->box.uids.len);
		if (number == 0)
			continue;
		chosen.item[chosen.len].number = number;
		chosen.item[chosen.len++].uid = uid;
	}
	return chosen.len > 0 ? fetch(s, &chosen, err) : RC_OK;
}
