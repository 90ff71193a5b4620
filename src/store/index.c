#include "store/index_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#define BOX_MAX INT32_MAX

enum rc
index_open(const struct state *state, int64_t size, struct index **ret,
    struct err *err)
{
	struct index *index OWNED(index_free) = calloc(1, sizeof(*index));
	pthread_mutexattr_t recursive;

	if (index == NULL)
		return err_nomem(err, "index");
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&index->writer.lock, &recursive);
	pthread_mutex_init(&index->reader.lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	index->size = size;
	if (snprintf(index->path, sizeof(index->path), "%s/index",
		state_folder(state)) >= (int)sizeof(index->path))
		return err_set(err, RC_LIMIT, "index: the path is too long");
	memcpy(index->key, "raw:", 4);
	TRY(wrap_mac(
	    state_key(state), "index", span_str("index"), index->key + 4, err));
	TRY(index_file_open(index, err));
	*ret = take(index);
	return RC_OK;
}

void
index_free(struct index *index)
{
	if (index == NULL)
		return;
	index_file_close(index);
	pthread_mutex_destroy(&index->writer.lock);
	pthread_mutex_destroy(&index->reader.lock);
	OPENSSL_cleanse(index->key, sizeof(index->key));
	free(index);
}

unsigned
index_life(const struct index *index)
{
	return index->life;
}

/* --- sides --- */

void
index_leave(struct index_side **side)
{
	pthread_mutex_unlock(&(*side)->lock);
}

/* A broken file is made anew before anything else, but not under a writer that
 * holds it. */
static enum rc
renew(struct index *index, struct err *err)
{
	struct index_side *writer INDEX_LEAVE = &index->writer;
	struct index_side *reader INDEX_LEAVE = &index->reader;

	pthread_mutex_lock(&writer->lock);
	pthread_mutex_lock(&reader->lock);
	if (index->held)
		return err_set(err, RC_CRYPTO, "index: damaged");
	if (!index->broken)
		return RC_OK;
	index_file_close(index);
	return index_file_open(index, err);
}

enum rc
index_enter(struct index *index, struct index_side *side, struct err *err)
{
	enum rc rc = index->broken ? renew(index, err) : RC_OK;

	pthread_mutex_lock(&side->lock);
	return rc;
}

/* --- one statement --- */

void
index_reset(sqlite3_stmt **statement)
{
	if (*statement == NULL)
		return;
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
}

static enum rc
finish(const struct index *index, const struct index_side *side,
    sqlite3_stmt *statement, struct err *err)
{
	int code = sqlite3_step(statement);

	return code == SQLITE_DONE ? RC_OK
				   : index_failed(index, side, code, err);
}

static enum rc
do_bare(struct index *index, enum index_ask what, struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;

	TRY(index_ask(index, &index->writer, what, &statement, err));
	return finish(index, &index->writer, statement, err);
}

static enum rc
do_number(
    struct index *index, enum index_ask what, int64_t number, struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;

	TRY(index_ask(index, &index->writer, what, &statement, err));
	(void)sqlite3_bind_int64(statement, 1, number);
	return finish(index, &index->writer, statement, err);
}

int
index_bind_text(sqlite3_stmt *statement, int at, struct span text)
{
	return sqlite3_bind_text(statement, at,
	    text.len == 0 ? "" : (const char *)text.data, (int)text.len,
	    SQLITE_STATIC);
}

static int
bind_bytes(sqlite3_stmt *statement, int at, struct span bytes)
{
	return sqlite3_bind_blob(statement, at,
	    bytes.len == 0 ? (const void *)"" : bytes.data, (int)bytes.len,
	    SQLITE_STATIC);
}

/* RC_ABSENT: no row. */
static enum rc
read_number(const struct index *index, const struct index_side *side,
    sqlite3_stmt *statement, int64_t *ret, struct err *err)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_DONE)
		return RC_ABSENT;
	if (code != SQLITE_ROW)
		return index_failed(index, side, code, err);
	*ret = sqlite3_column_int64(statement, 0);
	return RC_OK;
}

/* --- ids --- */

enum rc
index_find_box(const struct index *index, struct index_side *side,
    const char *box, int64_t *ret, struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;

	TRY(index_ask(index, side, INDEX_BOX_FIND, &statement, err));
	(void)index_bind_text(statement, 1, span_str(box));
	return read_number(index, side, statement, ret, err);
}

static enum rc
make_box(struct index *index, const char *box, int64_t *ret, struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;
	enum rc rc = index_find_box(index, &index->writer, box, ret, err);

	if (rc != RC_ABSENT)
		return rc;
	TRY(index_ask(index, &index->writer, INDEX_BOX_ADD, &statement, err));
	(void)index_bind_text(statement, 1, span_str(box));
	TRY(finish(index, &index->writer, statement, err));
	*ret = sqlite3_last_insert_rowid(index->writer.db);
	return *ret <= BOX_MAX
		   ? RC_OK
		   : err_set(err, RC_LIMIT, "index: too many boxes");
}

/* RC_ABSENT: not there. */
static enum rc
find_letter(const struct index *index, struct index_side *side, const char *box,
    uint32_t number, int64_t *ret, struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;
	int64_t id = 0, one;

	TRY(index_find_box(index, side, box, &id, err));
	TRY(index_ask(index, side, INDEX_HAS, &statement, err));
	*ret = index_id(id, number);
	(void)sqlite3_bind_int64(statement, 1, *ret);
	return read_number(index, side, statement, &one, err);
}

bool
index_has(struct index *index, const char *box, uint32_t number)
{
	struct index_side *reader INDEX_LEAVE = &index->reader;
	struct err ignored;
	int64_t id;

	return index_enter(index, reader, &ignored) == RC_OK &&
	       find_letter(index, reader, box, number, &id, &ignored) == RC_OK;
}

/* --- all or nothing --- */

static enum rc
begin(struct index *index, struct err *err)
{
	if (index->held)
		return index->spoilt
			   ? err_set(err, RC_IO, "index: an earlier one failed")
			   : RC_OK;
	return do_bare(index, INDEX_BEGIN, err);
}

/* How it went, once it is written or undone. */
static enum rc
end(struct index *index, enum rc rc, struct err *err)
{
	struct err ignored;

	if (index->held) {
		index->spoilt = index->spoilt || rc != RC_OK;
		return rc;
	}
	if (rc == RC_OK)
		rc = do_bare(index, INDEX_COMMIT, err);
	if (rc != RC_OK && index->writer.db != NULL &&
	    sqlite3_get_autocommit(index->writer.db) == 0)
		(void)!do_bare(index, INDEX_ROLLBACK, &ignored);
	return rc;
}

enum rc
index_hold(struct index *index, struct err *err)
{
	enum rc rc = index_enter(index, &index->writer, err);

	if (rc == RC_OK)
		rc = do_bare(index, INDEX_BEGIN, err);
	index->held = rc == RC_OK;
	index->spoilt = false;
	if (rc != RC_OK)
		pthread_mutex_unlock(&index->writer.lock);
	return rc;
}

enum rc
index_release(struct index *index, struct err *err)
{
	enum rc rc =
	    index->spoilt ? err_set(err, RC_IO, "index: not written") : RC_OK;

	index->held = false;
	rc = end(index, rc, err);
	pthread_mutex_unlock(&index->writer.lock);
	return rc;
}

/* --- adding --- */

static bool
is_too_long(const struct index_letter *letter)
{
	size_t sum = 0;

	for (size_t i = 0; i < INDEX_TEXTS; i++)
		if (!add_ok(sum, letter->text[i].len, &sum))
			return true;
	return sum > INDEX_TEXT_MAX;
}

static enum rc
add_letter(struct index *index, int64_t id, const struct index_letter *letter,
    struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;

	TRY(index_ask(index, &index->writer, INDEX_ADD, &statement, err));
	(void)sqlite3_bind_int64(statement, 1, id);
	(void)sqlite3_bind_int64(statement, 2, (int64_t)letter->size);
	(void)sqlite3_bind_int64(statement, 3, letter->day);
	(void)sqlite3_bind_int(statement, 4, is_too_long(letter));
	return finish(index, &index->writer, statement, err);
}

static enum rc
add_bytes(struct index *index, enum index_ask what, int64_t id,
    struct span bytes, struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;

	TRY(index_ask(index, &index->writer, what, &statement, err));
	(void)sqlite3_bind_int64(statement, 1, id);
	(void)bind_bytes(statement, 2, bytes);
	return finish(index, &index->writer, statement, err);
}

static enum rc
add_words(struct index *index, int64_t id, const struct index_letter *letter,
    struct err *err)
{
	sqlite3_stmt *statement INDEX_ASKED = NULL;

	TRY(index_ask(index, &index->writer, INDEX_ADD_WORDS, &statement, err));
	(void)sqlite3_bind_int64(statement, 1, id);
	for (int i = 0; i < INDEX_TEXTS; i++)
		(void)index_bind_text(statement, i + 2, letter->text[i]);
	return finish(index, &index->writer, statement, err);
}

#define HEADER_AT 5 /* in index_letter.text */

static enum rc
add_all(struct index *index, const char *box, uint32_t number,
    const struct index_letter *letter, struct err *err)
{
	int64_t id = 0;

	TRY(make_box(index, box, &id, err));
	id = index_id(id, number);
	TRY(add_letter(index, id, letter, err));
	TRY(add_bytes(index, INDEX_ADD_KEYS, id, letter->keys, err));
	if (is_too_long(letter))
		return RC_OK;
	TRY(add_bytes(
	    index, INDEX_ADD_HEADER, id, letter->text[HEADER_AT], err));
	return add_words(index, id, letter, err);
}

enum rc
index_add(struct index *index, const char *box, uint32_t number,
    const struct index_letter *letter, struct err *err)
{
	struct index_side *writer INDEX_LEAVE = &index->writer;
	int64_t id;

	TRY(index_enter(index, writer, err));
	if (number == 0 || letter->keys.len > INDEX_TEXT_MAX)
		return err_set(err, RC_LIMIT, "index: no such letter");
	enum rc rc = find_letter(index, writer, box, number, &id, err);
	if (rc != RC_ABSENT)
		return rc;
	TRY(begin(index, err));
	return end(index, add_all(index, box, number, letter, err), err);
}

/* --- removing --- */

static enum rc
remove_all(struct index *index, int64_t id, struct err *err)
{
	static const enum index_ask asks[] = {INDEX_REMOVE_WORDS,
	    INDEX_REMOVE_HEADER, INDEX_REMOVE_KEYS, INDEX_REMOVE};

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		TRY(do_number(index, asks[i], id, err));
	return do_bare(index, INDEX_NOTE_REMOVED, err);
}

enum rc
index_remove(
    struct index *index, const char *box, uint32_t number, struct err *err)
{
	struct index_side *writer INDEX_LEAVE = &index->writer;
	int64_t id;

	TRY(index_enter(index, writer, err));
	enum rc rc = find_letter(index, writer, box, number, &id, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	TRY(begin(index, err));
	return end(index, remove_all(index, id, err), err);
}

/* Some letters of a box, to be removed once the list is at its end. */
struct doomed {
	uint32_t last;
	bool (*is_there)(const void *self, uint32_t number);
	const void *self;
	uint32_t *number; /* owned */
	size_t len, cap;
};

static enum rc
doom(void *self, uint32_t number, const struct index_letter *letter,
    struct err *err)
{
	struct doomed *doomed = self;

	(void)letter;
	if (number > doomed->last || doomed->is_there(doomed->self, number))
		return RC_OK;
	if (doomed->len == doomed->cap) {
		size_t cap = doomed->cap == 0 ? 64 : 2 * doomed->cap;
		uint32_t *more = realloc(doomed->number, cap * sizeof(more[0]));
		if (more == NULL)
			return err_nomem(err, "index");
		doomed->number = more;
		doomed->cap = cap;
	}
	doomed->number[doomed->len++] = number;
	return RC_OK;
}

static enum rc
remove_doomed(struct index *index, const char *box, const struct doomed *doomed,
    struct err *err)
{
	int64_t id = 0;

	TRY(index_find_box(index, &index->writer, box, &id, err));
	for (size_t i = 0; i < doomed->len; i++)
		TRY(remove_all(index, index_id(id, doomed->number[i]), err));
	return RC_OK;
}

enum rc
index_sweep(struct index *index, const char *box, uint32_t last,
    bool (*is_there)(const void *self, uint32_t number), const void *self,
    struct err *err)
{
	struct index_side *writer INDEX_LEAVE = &index->writer;
	struct doomed doomed = {last, is_there, self, NULL, 0, 0};

	enum rc rc = index_enter(index, writer, err);
	if (rc == RC_OK)
		rc = index_list(index, box, false, doom, &doomed, err);
	if (rc == RC_OK && doomed.len > 0)
		rc = begin(index, err);
	if (rc == RC_OK && doomed.len > 0)
		rc = end(index, remove_doomed(index, box, &doomed, err), err);
	free(doomed.number);
	return rc;
}

/* --- tidying --- */

/* Whoever deletes one letter in a thousand does not have the whole file
 * written anew for it at once. */
#define TIDY_SHARE 50

static enum rc
is_untidy(struct index *index, bool *ret, struct err *err)
{
	sqlite3_stmt *removed INDEX_ASKED = NULL;
	sqlite3_stmt *count INDEX_ASKED = NULL;
	int64_t gone = 0, there = 0;

	TRY(index_ask(index, &index->writer, INDEX_REMOVED, &removed, err));
	TRY(index_ask(index, &index->writer, INDEX_COUNT, &count, err));
	TRY(read_number(index, &index->writer, removed, &gone, err));
	*ret = false;
	if (gone == 0)
		return RC_OK;
	TRY(read_number(index, &index->writer, count, &there, err));
	*ret = gone > there / TIDY_SHARE;
	return RC_OK;
}

/* FTS5: "If the difference is less than 2, then the 'merge' command was a
 * no-op." */
static enum rc
merge(struct index *index, bool *ret_more, struct err *err)
{
	int64_t before = sqlite3_total_changes64(index->writer.db);

	TRY(do_bare(index, INDEX_MERGE, err));
	*ret_more = sqlite3_total_changes64(index->writer.db) - before >= 2;
	return *ret_more ? RC_OK : do_bare(index, INDEX_TIDIED, err);
}

enum rc
index_tidy(struct index *index, bool *ret_more, struct err *err)
{
	struct index_side *writer INDEX_LEAVE = &index->writer;
	bool untidy = false, more = false;

	TRY(index_enter(index, writer, err));
	TRY(is_untidy(index, &untidy, err));
	*ret_more = false;
	if (!untidy)
		return RC_OK;
	TRY(begin(index, err));
	TRY(end(index, merge(index, &more, err), err));
	*ret_more = more;
	return RC_OK;
}
