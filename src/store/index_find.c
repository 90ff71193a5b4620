#include "store/index_priv.h"

/* A text is asked for with its quotes doubled, and its columns named. */
#define MATCH_MAX 2000

/* --- the letters of a box --- */

/* The letters of a box; RC_ABSENT: it has none. */
static enum rc
ask_box(struct index *index, enum index_ask what, const char *box,
    sqlite3_stmt **ret, struct err *err)
{
	int64_t id = 0;

	TRY(index_find_box(index, &index->reader, box, &id, err));
	TRY(index_ask(index, &index->reader, what, ret, err));
	(void)sqlite3_bind_int64(*ret, 1, index_id(id, 0));
	(void)sqlite3_bind_int64(*ret, 2, index_id(id, UINT32_MAX));
	return RC_OK;
}

static uint32_t
number_of(sqlite3_stmt *row)
{
	return (uint32_t)sqlite3_column_int64(row, 0);
}

static struct span
bytes_of(sqlite3_stmt *row, int at)
{
	const void *bytes = sqlite3_column_blob(row, at);

	return span_of(bytes, (size_t)sqlite3_column_bytes(row, at));
}

static struct index_letter
letter_of(sqlite3_stmt *row)
{
	return (struct index_letter){
	    .size = (uint64_t)sqlite3_column_int64(row, 1),
	    .day = sqlite3_column_int64(row, 2),
	    .wordless = sqlite3_column_int(row, 3) != 0,
	    .keys =
		sqlite3_column_count(row) > 4 ? bytes_of(row, 4) : SPAN_NONE};
}

static enum rc
tell_all(const struct index *index, sqlite3_stmt *rows, index_each *each,
    void *self, struct err *err)
{
	int code;

	while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
		struct index_letter letter = letter_of(rows);
		TRY(each(self, number_of(rows), &letter, err));
	}
	return code == SQLITE_DONE
		   ? RC_OK
		   : index_failed(index, &index->reader, code, err);
}

enum rc
index_list(struct index *index, const char *box, bool keys, index_each *each,
    void *self, struct err *err)
{
	struct index_side *reader INDEX_LEAVE = &index->reader;
	sqlite3_stmt *rows INDEX_ASKED = NULL;

	TRY(index_enter(index, reader, err));
	enum rc rc = ask_box(
	    index, keys ? INDEX_LIST_KEYS : INDEX_LIST, box, &rows, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	return tell_all(index, rows, each, self, err);
}

/* --- words --- */

/* The first characters of a text, at most so many; *ret_len: how many. */
static struct span
first_characters(struct span text, size_t most, size_t *ret_len)
{
	size_t at = 0, len = 0;

	for (; at < text.len && len < most; len++)
		do
			at++;
		while (at < text.len && (text.data[at] & 0xc0) == 0x80);
	*ret_len = len;
	return span_first(text, at);
}

/* `{subject header} : "..."`; fewer than three characters begin a term. */
static enum rc
print_match(unsigned in, struct span needle, struct buf *out, struct err *err)
{
	static const char *const columns[INDEX_TEXTS] = {"subject", "sender",
	    "recipient", "copy", "blind", "header", "body"};
	size_t len;

	(void)first_characters(needle, 3, &len);
	TRY(buf_add_str(out, "{", err));
	for (size_t i = 0; i < INDEX_TEXTS; i++)
		if ((in & 1U << i) != 0)
			TRY(buf_add_format(out, err, "%s ", columns[i]));
	TRY(buf_add_str(out, "} : \"", err));
	for (size_t i = 0; i < needle.len; i++) {
		if (needle.data[i] == '"')
			TRY(buf_add_byte(out, '"', err));
		TRY(buf_add_byte(out, needle.data[i], err));
	}
	return buf_add_str(out, len < 3 ? "\"*" : "\"", err);
}

static enum rc
tell_numbers(const struct index *index, sqlite3_stmt *rows, index_each *each,
    void *self, struct err *err)
{
	int code;

	while ((code = sqlite3_step(rows)) == SQLITE_ROW)
		TRY(each(self, number_of(rows), NULL, err));
	return code == SQLITE_DONE
		   ? RC_OK
		   : index_failed(index, &index->reader, code, err);
}

enum rc
index_find(struct index *index, const char *box, unsigned in,
    struct span needle, index_each *each, void *self, bool *ret_exact,
    struct err *err)
{
	struct index_side *reader INDEX_LEAVE = &index->reader;
	sqlite3_stmt *rows INDEX_ASKED = NULL;
	struct buf match BUF_OWNED = BUF_SECRET(MATCH_MAX);
	size_t len;
	struct span first = first_characters(needle, INDEX_NEEDLE_MAX, &len);

	TRY(index_enter(index, reader, err));
	if (len == 0 || in == 0 || span_find_byte(needle, 0) >= 0)
		return err_set(err, RC_SYNTAX, "index: nothing is asked");
	*ret_exact = first.len == needle.len;
	TRY(print_match(in, first, &match, err));
	enum rc rc = ask_box(index, INDEX_FIND, box, &rows, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	(void)index_bind_text(rows, 3, buf_span(&match));
	return tell_numbers(index, rows, each, self, err);
}

/* --- fields --- */

/* Has a line of it that name, and that text behind the name? */
static bool
field_has(struct span header, struct span prefix, struct span needle)
{
	while (header.len > 0) {
		ptrdiff_t end = span_find_byte(header, '\n');
		struct span line =
		    end < 0 ? header : span_first(header, (size_t)end);
		header = span_after(header, line.len + 1);
		if (span_is(span_first(line, prefix.len), prefix) &&
		    span_find(span_after(line, prefix.len), needle) >= 0)
			return true;
	}
	return false;
}

/* `{header } : "name: " AND {header } : "needle"` */
static enum rc
print_field_match(
    struct span prefix, struct span needle, struct buf *out, struct err *err)
{
	size_t len;

	TRY(print_match(INDEX_HEADER,
	    first_characters(prefix, INDEX_NEEDLE_MAX, &len), out, err));
	if (needle.len == 0)
		return RC_OK;
	TRY(buf_add_str(out, " AND ", err));
	return print_match(INDEX_HEADER,
	    first_characters(needle, INDEX_NEEDLE_MAX, &len), out, err);
}

static enum rc
tell_fields(const struct index *index, sqlite3_stmt *rows, struct span prefix,
    struct span needle, index_each *each, void *self, struct err *err)
{
	int code;

	while ((code = sqlite3_step(rows)) == SQLITE_ROW)
		if (field_has(bytes_of(rows, 1), prefix, needle))
			TRY(each(self, number_of(rows), NULL, err));
	return code == SQLITE_DONE
		   ? RC_OK
		   : index_failed(index, &index->reader, code, err);
}

enum rc
index_find_field(struct index *index, const char *box, struct span name,
    struct span needle, index_each *each, void *self, struct err *err)
{
	struct index_side *reader INDEX_LEAVE = &index->reader;
	sqlite3_stmt *rows INDEX_ASKED = NULL;
	struct buf prefix BUF_OWNED = BUF_SECRET(2000);
	struct buf match BUF_OWNED = BUF_SECRET(2 * MATCH_MAX);

	TRY(index_enter(index, reader, err));
	TRY(buf_add(&prefix, name, err));
	TRY(buf_add_str(&prefix, ": ", err));
	TRY(print_field_match(buf_span(&prefix), needle, &match, err));
	enum rc rc = ask_box(index, INDEX_FIND_FIELD, box, &rows, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	(void)index_bind_text(rows, 3, buf_span(&match));
	return tell_fields(
	    index, rows, buf_span(&prefix), needle, each, self, err);
}
