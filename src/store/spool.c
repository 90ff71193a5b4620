#include "store/spool.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "spool"
#define NAME_MAX_LEN 64

/* Where an entry stands; on disk there is no such state: a crash makes every
 * entry waiting again. */
struct entry {
	uint64_t id;
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
	strlist_done(&letter->to);
	buf_done(&letter->bytes);
	*letter = (struct spool_letter){0};
}

static void
entry_name(uint64_t id, char name[NAME_MAX_LEN])
{
	(void)snprintf(name, NAME_MAX_LEN, FOLDER "/%020" PRIu64, id);
}

/* --- the file: lines "name value", an empty line, the letter ------------------- */

static enum rc
print_letter(const struct spool_letter *l, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "from %s\n", l->from));
	for (size_t i = 0; i < l->to.len; i++)
		TRY(buf_add_format(out, err, "to %s\n", l->to.item[i]));
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
	ret->bytes = BUF(STATE_ITEM_MAX);
	return buf_add(&ret->bytes, bytes, err);
}

static enum rc
save(struct spool *spool, uint64_t id, const struct spool_letter *letter,
    struct err *err)
{
	char name[NAME_MAX_LEN];
	struct buf bytes BUF_OWNED = BUF(STATE_ITEM_MAX);

	entry_name(id, name);
	TRY(print_letter(letter, &bytes, err));
	return state_save(spool->state, name, buf_span(&bytes), err);
}

static enum rc
load(
    struct spool *spool, uint64_t id, struct spool_letter *ret, struct err *err)
{
	char name[NAME_MAX_LEN];
	struct buf bytes BUF_OWNED = BUF(STATE_ITEM_MAX);
	struct spool_letter letter SPOOL_LETTER_OWNED = {0};

	entry_name(id, name);
	TRY(state_load(spool->state, name, &bytes, err));
	TRY(parse_letter(buf_span(&bytes), &letter, err));
	*ret = letter;
	letter = (struct spool_letter){0};
	return RC_OK;
}

static enum rc
erase(struct spool *spool, uint64_t id, struct err *err)
{
	char name[NAME_MAX_LEN];

	entry_name(id, name);
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

/* --- begin and end ---------------------------------------------------------------- */

static enum rc
read_back(struct spool *spool, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(state_list(spool->state, FOLDER, &names, err));
	for (size_t i = 0; i < names.len; i++) {
		struct entry entry = {0};
		entry.id = strtoull(strrchr(names.item[i], '/') + 1, NULL, 10);
		TRY(insert(spool, entry, err));
		if (entry.id > spool->last_id)
			spool->last_id = entry.id;
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

static enum rc
add_one(struct spool *spool, const struct spool_letter *letter,
    uint64_t *ret_id, struct err *err)
{
	struct entry entry = {.being_tried = true};

	pthread_mutex_lock(&spool->lock);
	entry.id = ++spool->last_id;
	enum rc rc = insert(spool, entry, err);
	pthread_mutex_unlock(&spool->lock);
	if (rc != RC_OK)
		return rc;
	*ret_id = entry.id;
	rc = save(spool, entry.id, letter, err);
	if (rc == RC_OK)
		return RC_OK;
	pthread_mutex_lock(&spool->lock);
	forget(spool, entry.id);
	pthread_mutex_unlock(&spool->lock);
	return rc;
}

enum rc
spool_add(struct spool *spool, const struct spool_letter *letters, size_t count,
    uint64_t *ids, struct err *err)
{
	struct err ignored = ERR_NONE;

	for (size_t i = 0; i < count; i++) {
		enum rc rc = add_one(spool, &letters[i], &ids[i], err);
		if (rc == RC_OK)
			continue;
		/* Half a submission must not go out: the client is told that
		 * nothing was accepted. */
		while (i-- > 0)
			(void)!spool_done(spool, ids[i], &ignored);
		return rc;
	}
	return RC_OK;
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
	if (entry != NULL) {
		entry->being_tried = true;
		*ret_id = entry->id;
	}
	pthread_mutex_unlock(&spool->lock);
	if (entry == NULL)
		return err_set(err, RC_ABSENT, "nothing is due");
	return load(spool, *ret_id, ret, err);
}

enum rc
spool_done(struct spool *spool, uint64_t id, struct err *err)
{
	enum rc rc = erase(spool, id, err);

	pthread_mutex_lock(&spool->lock);
	forget(spool, id);
	pthread_mutex_unlock(&spool->lock);
	return rc;
}

static enum rc
note_try(struct spool *spool, uint64_t id, int64_t next, const char *why,
    struct err *err)
{
	struct spool_letter letter SPOOL_LETTER_OWNED = {0};

	TRY(load(spool, id, &letter, err));
	letter.tries++;
	letter.next = next;
	(void)snprintf(letter.last_error, sizeof(letter.last_error), "%s", why);
	return save(spool, id, &letter, err);
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
