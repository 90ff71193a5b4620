#include "store/spool.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "spool"
#define GROUPS "spool-groups"
#define NAME_MAX_LEN 64

/* Where an entry stands; on disk there is no such state: a crash makes every
 * entry waiting again. */
struct entry {
	uint64_t id;
	uint64_t group; /* the last id of its submission; 0: it is alone */
	int64_t next;
	bool being_tried;
};

struct spool {
	struct state *state; /* borrowed */
	pthread_mutex_t lock;
	struct entry *entry; /* owned */
	size_t entries;
	uint64_t last_id;
};

void
spool_letter_done(struct spool_letter *letter)
{
	free(letter->from);
	free(letter->message_id);
	free(letter->envid);
	strlist_done(&letter->to);
	strlist_done(&letter->notify);
	strlist_done(&letter->orcpt);
	buf_done(&letter->bytes);
	*letter = (struct spool_letter){0};
}

static void
entry_name(const struct entry *entry, char name[NAME_MAX_LEN])
{
	if (entry->group == 0)
		(void)snprintf(
		    name, NAME_MAX_LEN, FOLDER "/%020" PRIu64, entry->id);
	else
		(void)snprintf(name, NAME_MAX_LEN,
		    FOLDER "/%020" PRIu64 "-%" PRIu64, entry->id, entry->group);
}

static void
group_name(uint64_t group, char name[NAME_MAX_LEN])
{
	(void)snprintf(name, NAME_MAX_LEN, GROUPS "/%020" PRIu64, group);
}

/* --- the file: lines "name value", an empty line, the letter ------------------- */

static enum rc
print_list(const char *name, const struct strlist *list, struct buf *out,
    struct err *err)
{
	for (size_t i = 0; i < list->len; i++)
		TRY(buf_add_format(out, err, "%s %s\n", name, list->item[i]));
	return RC_OK;
}

static enum rc
print_letter(const struct spool_letter *l, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "from %s\n", l->from));
	TRY(print_list("to", &l->to, out, err));
	TRY(print_list("notify", &l->notify, out, err));
	TRY(print_list("orcpt", &l->orcpt, out, err));
	if (l->envid != NULL)
		TRY(buf_add_format(out, err, "envid %s\n", l->envid));
	TRY(buf_add_format(out, err, "message-id %s\n",
	    l->message_id != NULL ? l->message_id : ""));
	TRY(buf_add_format(out, err, "accepted %" PRId64 "\n", l->accepted));
	TRY(buf_add_format(out, err, "next %" PRId64 "\n", l->next));
	TRY(buf_add_format(out, err, "tries %u\n", l->tries));
	TRY(buf_add_format(out, err, "error %s\n\n", l->last_error));
	return buf_add(out, buf_span(&l->bytes), err);
}

static int64_t
number(struct span value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(value));
	return strtoll(text, NULL, 10);
}

static enum rc
parse_line(struct span name, struct span value, struct spool_letter *ret,
    struct err *err)
{
	if (span_is_nocase(name, "to"))
		return strlist_add(&ret->to, value, err);
	if (span_is_nocase(name, "notify"))
		return strlist_add(&ret->notify, value, err);
	if (span_is_nocase(name, "orcpt"))
		return strlist_add(&ret->orcpt, value, err);
	if (span_is_nocase(name, "envid"))
		return ret->envid != NULL ? RC_SYNTAX
					  : span_dup(value, &ret->envid, err);
	if (span_is_nocase(name, "from"))
		return ret->from != NULL ? RC_SYNTAX
					 : span_dup(value, &ret->from, err);
	if (span_is_nocase(name, "message-id"))
		return ret->message_id != NULL
			   ? RC_SYNTAX
			   : span_dup(value, &ret->message_id, err);
	if (span_is_nocase(name, "accepted"))
		ret->accepted = number(value);
	if (span_is_nocase(name, "next"))
		ret->next = number(value);
	if (span_is_nocase(name, "tries"))
		ret->tries = (unsigned)number(value);
	if (span_is_nocase(name, "error"))
		(void)snprintf(ret->last_error, sizeof(ret->last_error), "%.*s",
		    SPAN_ARGS(value));
	return RC_OK;
}

static enum rc
parse_letter(struct span bytes, struct spool_letter *ret, struct err *err)
{
	for (;;) {
		ptrdiff_t end = span_find_byte(bytes, '\n');
		if (end < 0)
			return err_set(err, RC_SYNTAX, "spool entry cut short");
		struct span line = span_first(bytes, (size_t)end);
		bytes = span_after(bytes, (size_t)end + 1);
		if (line.len == 0)
			break;
		ptrdiff_t blank = span_find_byte(line, ' ');
		if (blank < 0)
			return err_set(err, RC_SYNTAX, "spool entry is odd");
		TRY(parse_line(span_first(line, (size_t)blank),
		    span_after(line, (size_t)blank + 1), ret, err));
	}
	if (ret->from == NULL || ret->to.len == 0)
		return err_set(err, RC_SYNTAX, "spool entry names nobody");
	if ((ret->notify.len != 0 && ret->notify.len != ret->to.len) ||
	    ret->orcpt.len != ret->notify.len)
		return err_set(err, RC_SYNTAX, "spool entry is odd");
	ret->bytes = BUF(STATE_ITEM_MAX);
	return buf_add(&ret->bytes, bytes, err);
}

static enum rc
save(struct spool *spool, const struct entry *entry,
    const struct spool_letter *letter, struct err *err)
{
	char name[NAME_MAX_LEN];
	struct buf bytes BUF_OWNED = BUF(STATE_ITEM_MAX);

	entry_name(entry, name);
	TRY(print_letter(letter, &bytes, err));
	return state_save(spool->state, name, buf_span(&bytes), err);
}

static enum rc
load(struct spool *spool, const struct entry *entry, struct spool_letter *ret,
    struct err *err)
{
	char name[NAME_MAX_LEN];
	struct buf bytes BUF_OWNED = BUF(STATE_ITEM_MAX);
	struct spool_letter letter SPOOL_LETTER_OWNED = {0};

	entry_name(entry, name);
	TRY(state_load(spool->state, name, &bytes, err));
	TRY(parse_letter(buf_span(&bytes), &letter, err));
	*ret = letter;
	letter = (struct spool_letter){0};
	return RC_OK;
}

static enum rc
erase(struct spool *spool, const struct entry *entry, struct err *err)
{
	char name[NAME_MAX_LEN];

	entry_name(entry, name);
	return state_remove(spool->state, name, err);
}

/* --- the list; the lock is held -------------------------------------------------- */

static enum rc
insert(struct spool *spool, struct entry entry, struct err *err)
{
	struct entry *grown =
	    reallocarray(spool->entry, spool->entries + 1, sizeof(*grown));

	if (grown == NULL)
		return err_nomem(err, "spool");
	spool->entry = grown;
	spool->entry[spool->entries++] = entry;
	return RC_OK;
}

static struct entry *
find(struct spool *spool, uint64_t id)
{
	for (size_t i = 0; i < spool->entries; i++)
		if (spool->entry[i].id == id)
			return &spool->entry[i];
	bug("spool: no such entry");
}

static void
forget(struct spool *spool, uint64_t id)
{
	struct entry *entry = find(spool, id);

	*entry = spool->entry[--spool->entries];
}

/* Is one of that group left? */
static bool
has_group(const struct spool *spool, uint64_t group)
{
	for (size_t i = 0; i < spool->entries; i++)
		if (spool->entry[i].group == group)
			return true;
	return false;
}

/* What an entry is now; the one in the list may move. */
static struct entry
look_up(struct spool *spool, uint64_t id)
{
	pthread_mutex_lock(&spool->lock);
	struct entry entry = *find(spool, id);
	pthread_mutex_unlock(&spool->lock);
	return entry;
}

/* --- begin and end ---------------------------------------------------------------- */

/* "spool/00000000000000000008-10" */
static struct entry
read_name(const char *name)
{
	struct entry entry = {0};
	char *end = NULL;

	entry.id = strtoull(strrchr(name, '/') + 1, &end, 10);
	if (*end == '-')
		entry.group = strtoull(end + 1, NULL, 10);
	return entry;
}

static enum rc
forget_group(struct spool *spool, uint64_t group, struct err *err)
{
	char name[NAME_MAX_LEN];

	group_name(group, name);
	return state_remove(spool->state, name, err);
}

/* Without its mark the process ended before the submission was safe: its sender
 * was not told 250 and will send all of it again. */
static bool
is_whole(const struct strlist *groups, const struct entry *entry)
{
	char name[NAME_MAX_LEN];

	group_name(entry->group, name);
	return entry->group == 0 || strlist_has(groups, name);
}

static enum rc
read_entry(struct spool *spool, const struct strlist *groups, const char *name,
    struct err *err)
{
	struct entry entry = read_name(name);
	uint64_t last = entry.group > entry.id ? entry.group : entry.id;

	if (last > spool->last_id)
		spool->last_id = last;
	if (!is_whole(groups, &entry))
		return erase(spool, &entry, err);
	return insert(spool, entry, err);
}

static enum rc
read_back(struct spool *spool, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct strlist groups STRLIST_OWNED = STRLIST_NONE;

	TRY(state_list(spool->state, FOLDER, &names, err));
	TRY(state_list(spool->state, GROUPS, &groups, err));
	for (size_t i = 0; i < names.len; i++)
		TRY(read_entry(spool, &groups, names.item[i], err));
	for (size_t i = 0; i < groups.len; i++) {
		uint64_t group = read_name(groups.item[i]).id;
		if (!has_group(spool, group))
			TRY(forget_group(spool, group, err));
	}
	return RC_OK;
}

enum rc
spool_new(struct state *state, struct spool **ret, struct err *err)
{
	struct spool *spool OWNED(spool_free) = calloc(1, sizeof(*spool));

	if (spool == NULL)
		return err_nomem(err, "spool");
	spool->state = state;
	pthread_mutex_init(&spool->lock, NULL);
	TRY(read_back(spool, err));
	*ret = take(spool);
	return RC_OK;
}

void
spool_free(struct spool *spool)
{
	if (spool == NULL)
		return;
	pthread_mutex_destroy(&spool->lock);
	free(spool->entry);
	free(spool);
}

/* --- use --------------------------------------------------------------------------- */

/* `count` numbers, one behind the other; the last one is returned. */
static enum rc
reserve(struct spool *spool, size_t count, uint64_t *ids, struct err *err)
{
	enum rc rc = RC_OK;
	size_t done = 0;

	pthread_mutex_lock(&spool->lock);
	uint64_t last = spool->last_id + count;
	for (; rc == RC_OK && done < count; done++) {
		ids[done] = ++spool->last_id;
		const struct entry entry = {.id = ids[done],
		    .group = count > 1 ? last : 0,
		    .being_tried = true};
		rc = insert(spool, entry, err);
	}
	for (size_t i = 0; rc != RC_OK && i + 1 < done; i++)
		forget(spool, ids[i]);
	pthread_mutex_unlock(&spool->lock);
	return rc;
}

static enum rc
save_all(struct spool *spool, const struct spool_letter *letters, size_t count,
    const uint64_t *ids, struct err *err)
{
	char name[NAME_MAX_LEN];

	for (size_t i = 0; i < count; i++) {
		const struct entry entry = look_up(spool, ids[i]);
		TRY(save(spool, &entry, &letters[i], err));
	}
	if (count < 2)
		return RC_OK;
	group_name(ids[count - 1], name);
	return state_save(spool->state, name, SPAN_NONE, err);
}

enum rc
spool_add(struct spool *spool, const struct spool_letter *letters, size_t count,
    uint64_t *ids, struct err *err)
{
	struct err ignored = ERR_NONE;

	TRY(reserve(spool, count, ids, err));
	enum rc rc = save_all(spool, letters, count, ids, err);
	if (rc == RC_OK)
		return RC_OK;
	/* Half a submission must not go out: the client is told that nothing
	 * was accepted. */
	for (size_t i = 0; i < count; i++)
		(void)!spool_done(spool, ids[i], &ignored);
	return rc;
}

/* A wait longer than any that is asked for: the clock was wrong then, and is
 * set back now.  The letter must not wait until it has caught up. */
#define WAIT_MAX ((int64_t)24 * 3600)

static bool
must_wait(const struct entry *entry, int64_t now)
{
	return entry->next > now && entry->next - now <= WAIT_MAX;
}

/* The one that is due for the longest time; NULL: none. */
static struct entry *
next_due(struct spool *spool, int64_t now, int64_t *ret_next)
{
	struct entry *due = NULL;

	*ret_next = INT64_MAX;
	for (size_t i = 0; i < spool->entries; i++) {
		struct entry *entry = &spool->entry[i];
		if (entry->being_tried)
			continue;
		if (must_wait(entry, now)) {
			if (entry->next < *ret_next)
				*ret_next = entry->next;
			continue;
		}
		if (due == NULL || entry->next < due->next)
			due = entry;
	}
	return due;
}

enum rc
spool_take(struct spool *spool, int64_t now, uint64_t *ret_id,
    struct spool_letter *ret, int64_t *ret_next, struct err *err)
{
	pthread_mutex_lock(&spool->lock);
	struct entry *entry = next_due(spool, now, ret_next);
	struct entry taken = {0};
	if (entry != NULL) {
		entry->being_tried = true;
		taken = *entry;
	}
	pthread_mutex_unlock(&spool->lock);
	if (entry == NULL)
		return err_set(err, RC_ABSENT, "nothing is due");
	*ret_id = taken.id;
	return load(spool, &taken, ret, err);
}

enum rc
spool_done(struct spool *spool, uint64_t id, struct err *err)
{
	const struct entry entry = look_up(spool, id);
	enum rc rc = erase(spool, &entry, err);

	pthread_mutex_lock(&spool->lock);
	forget(spool, id);
	bool last = entry.group != 0 && !has_group(spool, entry.group);
	pthread_mutex_unlock(&spool->lock);
	/* never before the last of them is gone: a crash between must not make
	 * what is left look like half a submission */
	if (last && rc == RC_OK)
		rc = forget_group(spool, entry.group, err);
	return rc;
}

static enum rc
note_try(struct spool *spool, uint64_t id, int64_t next, const char *why,
    struct err *err)
{
	struct spool_letter letter SPOOL_LETTER_OWNED = {0};

	const struct entry entry = look_up(spool, id);
	TRY(load(spool, &entry, &letter, err));
	letter.tries++;
	letter.next = next;
	(void)snprintf(letter.last_error, sizeof(letter.last_error), "%s", why);
	return save(spool, &entry, &letter, err);
}

enum rc
spool_later(struct spool *spool, uint64_t id, int64_t next, const char *why,
    struct err *err)
{
	enum rc rc = note_try(spool, id, next, why, err);

	pthread_mutex_lock(&spool->lock);
	struct entry *entry = find(spool, id);
	entry->being_tried = false;
	entry->next = next;
	pthread_mutex_unlock(&spool->lock);
	return rc;
}

size_t
spool_count(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	size_t count = spool->entries;
	pthread_mutex_unlock(&spool->lock);
	return count;
}
