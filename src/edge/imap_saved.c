#include "edge/imap_saved.h"

#include <stdlib.h>

void
imap_saved_done(struct imap_saved *saved)
{
	free(saved->uid);
	*saved = IMAP_SAVED_NONE;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

bool
imap_saved_has(const struct imap_saved *saved, uint32_t uid)
{
	return saved->len > 0 && bsearch(&uid, saved->uid, saved->len,
				     sizeof(uid), compare) != NULL;
}

enum rc
imap_saved_print(
    const uint32_t *number, size_t len, struct buf *out, struct err *err)
{
	for (size_t i = 0, last; i < len; i = last + 1) {
		last = i;
		while (last + 1 < len && number[last + 1] == number[last] + 1)
			last++;
		TRY(buf_add_format(
		    out, err, "%s%u", i == 0 ? "" : ",", number[i]));
		if (last > i)
			TRY(buf_add_format(out, err, ":%u", number[last]));
	}
	return RC_OK;
}

/* Those that are still there. */
static enum rc
print_saved(const struct imap_saved *saved, const struct imap_uids *uids,
    bool by_uid, struct buf *out, struct err *err)
{
	uint32_t *number = calloc(saved->len + 1, sizeof(number[0]));
	size_t len = 0;

	if (number == NULL)
		return err_nomem(err, "saved search");
	for (uint32_t i = 1; i <= uids->len && len < saved->len; i++) {
		uint32_t uid = uids->place[i - 1].uid;
		if (imap_saved_has(saved, uid))
			number[len++] = by_uid ? uid : i;
	}
	enum rc rc = len > 0 ? imap_saved_print(number, len, out, err)
			     : err_set(err, RC_ABSENT, "no letter is saved");
	free(number);
	return rc;
}

enum rc
imap_saved_spell(const struct imap_saved *saved, const struct imap_uids *uids,
    bool by_uid, struct span set, struct buf *out, struct err *err)
{
	if (!span_is(set, span_str("$")))
		return buf_add(out, set, err);
	return print_saved(saved, uids, by_uid, out, err);
}
