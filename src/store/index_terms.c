#include "store/index_priv.h"

#include <stdlib.h>

/* Texts are divided into every three characters in a row, at the end of a text
 * two and one: so whatever is in a text begins a term, and three characters or
 * more are terms in a row.  SQLite's own tokenizer of this kind leaves out the
 * ends, and takes some characters for others. */

#define CHARACTERS 3

struct Fts5Tokenizer {
	int unused;
};

static int
create(void *context, const char **arguments, int count, Fts5Tokenizer **ret)
{
	(void)context, (void)arguments, (void)count;
	*ret = calloc(1, sizeof(**ret));
	return *ret == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static void delete (Fts5Tokenizer *tokenizer)
{
	free(tokenizer);
}

/* Where the next character begins, in UTF-8; whatever the bytes, it ends. */
static int
next_character(const char *text, int len, int at)
{
	do
		at++;
	while (at < len && ((uint8_t)text[at] & 0xc0) == 0x80);
	return at < len ? at : len;
}

/* `end`[i]: where i + 1 characters from `at` end.  How many there are. */
static int
measure(const char *text, int len, int at, int end[CHARACTERS])
{
	int count = 0;

	for (; count < CHARACTERS && at < len; count++)
		end[count] = at = next_character(text, len, at);
	return count;
}

/* Of what is asked for only whole terms, but that a short one may be the
 * beginning of one. */
static int
tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text,
    int len, int (*token)(void *, int, const char *, int, int, int))
{
	bool asked = (flags & FTS5_TOKENIZE_QUERY) != 0;
	int end[CHARACTERS];

	(void)tokenizer;
	for (int at = 0; at < len; at = end[0]) {
		int count = measure(text, len, at, end);
		if (asked && count < CHARACTERS && at > 0)
			return SQLITE_OK;
		int last = end[count - 1];
		int code = token(context, 0, text + at, last - at, at, last);
		if (code != SQLITE_OK)
			return code;
	}
	return SQLITE_OK;
}

enum rc
index_terms_register(sqlite3 *db, struct err *err)
{
	static fts5_tokenizer triples = {create, delete, tokenize};
	sqlite3_stmt *statement = NULL;
	fts5_api *api = NULL;

	if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &statement, NULL) ==
	    SQLITE_OK) {
		(void)sqlite3_bind_pointer(
		    statement, 1, (void *)&api, "fts5_api_ptr", NULL);
		(void)sqlite3_step(statement);
	}
	(void)sqlite3_finalize(statement);
	if (api == NULL || api->xCreateTokenizer(api, "triples", NULL, &triples,
			       NULL) != SQLITE_OK)
		return err_set(err, RC_UNFIT, "index: SQLite without FTS5");
	return RC_OK;
}
