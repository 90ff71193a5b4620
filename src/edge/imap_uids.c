#include "edge/imap_uids.h"

#include <stdlib.h>

void
imap_uids_done(struct imap_uids *uids)
{
	free(uids->place);
	*uids = IMAP_UIDS_NONE;
}

enum rc
imap_uids_grow(struct imap_uids *uids, uint32_t exists, struct err *err)
{
	if (exists < uids->len)
		return err_set(err, RC_SYNTAX,
		    "the mail server takes letters back: %u of %zu", exists,
		    uids->len);
	if (exists > IMAP_UIDS_MAX)
		return err_set(err, RC_LIMIT, "mailbox with over %d letters",
		    IMAP_UIDS_MAX);
	if (exists > uids->cap) {
		size_t cap = (size_t)exists + exists / 8 + 16;
		struct imap_place *place =
		    reallocarray(uids->place, cap, sizeof(*place));
		if (place == NULL)
			return err_nomem(err, "mailbox");
		uids->place = place;
		uids->cap = cap;
	}
	while (uids->len < exists)
		uids->place[uids->len++] = (struct imap_place){.uid = 0};
	return RC_OK;
}

static enum rc
check_number(const struct imap_uids *uids, uint32_t number, struct err *err)
{
	if (number == 0 || number > uids->len)
		return err_set(err, RC_SYNTAX,
		    "the mail server speaks of letter %u of %zu", number,
		    uids->len);
	return RC_OK;
}

enum rc
imap_uids_remove(struct imap_uids *uids, uint32_t number, struct err *err)
{
	TRY(check_number(uids, number, err));
	memmove(&uids->place[number - 1], &uids->place[number],
	    (uids->len - number) * sizeof(uids->place[0]));
	uids->len--;
	return RC_OK;
}

/* How many of the set are above `uid`. */
static uint64_t
count_above(const struct imap_set *set, uint32_t uid)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->len; i++) {
		const struct imap_range *range = &set->range[i];
		if (range->last <= uid)
			continue;
		uint32_t first = range->first > uid ? range->first : uid + 1;
		count += (uint64_t)range->last - first + 1;
	}
	return count;
}

void
imap_uids_vanish(struct imap_uids *uids, const struct imap_set *set)
{
	uint64_t new = count_above(set, imap_uids_last(uids));
	size_t kept = 0;

	for (size_t i = 0; i < uids->len; i++)
		if (!imap_set_has(set, uids->place[i].uid))
			uids->place[kept++] = uids->place[i];
	uids->len = kept;
	/* those that came just before: one is as unknown as the other */
	for (; new > 0 && uids->len > 0 && uids->place[uids->len - 1].uid == 0;
	     new --)
		uids->len--;
}

/* Only the neighbours: each is checked when it is set itself. */
static bool
ascends(const struct imap_uids *uids, uint32_t number, uint32_t uid)
{
	uint32_t before = number > 1 ? uids->place[number - 2].uid : 0;
	uint32_t after = number < uids->len ? uids->place[number].uid : 0;

	return uid > before && (after == 0 || uid < after);
}

enum rc
imap_uids_set(
    struct imap_uids *uids, uint32_t number, uint32_t uid, struct err *err)
{
	TRY(check_number(uids, number, err));
	uint32_t *at = &uids->place[number - 1].uid;
	if (*at == uid && uid != 0)
		return RC_OK;
	if (*at != 0 || !ascends(uids, number, uid))
		return err_set(err, RC_SYNTAX,
		    "the mail server gives letter %u the UID %u, which "
		    "cannot be",
		    number, uid);
	*at = uid;
	return RC_OK;
}

uint32_t
imap_uids_unknown(const struct imap_uids *uids)
{
	for (size_t i = 0; i < uids->len; i++)
		if (uids->place[i].uid == 0)
			return (uint32_t)i + 1;
	return 0;
}

uint32_t
imap_uids_find(const struct imap_uids *uids, uint32_t uid, uint32_t from)
{
	uint32_t at = from < uids->len ? from : (uint32_t)uids->len;

	while (at > 0 && uids->place[at - 1].uid != uid)
		at--;
	return at;
}

uint32_t
imap_uids_last(const struct imap_uids *uids)
{
	for (size_t i = uids->len; i > 0; i--)
		if (uids->place[i - 1].uid != 0)
			return uids->place[i - 1].uid;
	return 0;
}

bool
imap_uids_stale(const struct imap_uids *uids)
{
	for (size_t i = 0; i < uids->len; i++)
		if (uids->place[i].stale)
			return true;
	return false;
}
