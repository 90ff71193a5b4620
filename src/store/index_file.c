#include "store/index_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/log.h"

/* Of the tables; another number is another format, and the file is thrown
 * away. */
#define FORMAT 1
#define FORMAT_TEXT "1"
#define PAGE 4096
#define BUSY_MS 5000

/* Texts that are not kept, only their terms ("contentless"); the longest is the
 * first, for which no place has to name its column.  An id is the
 * number of a box and of a letter in it, so that the letters of a box are
 * beside each other everywhere. */
static const char schema[] =
    "PRAGMA page_size = 4096;"
    "PRAGMA journal_mode = WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE box(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);"
    "CREATE TABLE letter(id INTEGER PRIMARY KEY, size INTEGER NOT NULL,"
    " day INTEGER NOT NULL, wordless INTEGER NOT NULL);"
    "CREATE TABLE keys(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE header(id INTEGER PRIMARY KEY, text BLOB NOT NULL);"
    "CREATE TABLE tidy(removed INTEGER NOT NULL);"
    "INSERT INTO tidy VALUES (0);"
    "CREATE VIRTUAL TABLE words USING fts5("
    "body, header, subject, sender, recipient, copy, blind,"
    " content='', contentless_delete=1, tokenize='triples');"
    "INSERT INTO words(words, rank) VALUES ('hashsize', 8000000);"
    "PRAGMA user_version = " FORMAT_TEXT ";"
    "COMMIT;";

/* --- asking --- */

static const char *const texts[INDEX_ASKS] = {
    [INDEX_BEGIN] = "BEGIN IMMEDIATE",
    [INDEX_COMMIT] = "COMMIT",
    [INDEX_ROLLBACK] = "ROLLBACK",
    [INDEX_BOX_FIND] = "SELECT id FROM box WHERE name = ?1",
    [INDEX_BOX_ADD] = "INSERT INTO box(name) VALUES (?1)",
    [INDEX_HAS] = "SELECT 1 FROM letter WHERE id = ?1",
    [INDEX_ADD] = "INSERT INTO letter VALUES (?1, ?2, ?3, ?4)",
    [INDEX_ADD_KEYS] = "INSERT INTO keys VALUES (?1, ?2)",
    [INDEX_ADD_HEADER] = "INSERT INTO header VALUES (?1, ?2)",
    [INDEX_ADD_WORDS] =
	"INSERT INTO words(rowid, subject, sender, recipient, copy, blind,"
	" header, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [INDEX_REMOVE] = "DELETE FROM letter WHERE id = ?1",
    [INDEX_REMOVE_KEYS] = "DELETE FROM keys WHERE id = ?1",
    [INDEX_REMOVE_HEADER] = "DELETE FROM header WHERE id = ?1",
    [INDEX_REMOVE_WORDS] = "DELETE FROM words WHERE rowid = ?1",
    [INDEX_LIST] = "SELECT id, size, day, wordless FROM letter"
		   " WHERE id BETWEEN ?1 AND ?2",
    [INDEX_LIST_KEYS] =
	"SELECT id, size, day, wordless, bytes FROM letter JOIN keys USING (id)"
	" WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    [INDEX_FIND] = "SELECT rowid FROM words"
		   " WHERE words MATCH ?3 AND rowid BETWEEN ?1 AND ?2",
    [INDEX_FIND_FIELD] =
	"SELECT words.rowid, text FROM words JOIN header"
	" ON header.id = words.rowid"
	" WHERE words MATCH ?3 AND words.rowid BETWEEN ?1 AND ?2"
	" ORDER BY words.rowid",
    [INDEX_COUNT] = "SELECT count(*) FROM letter",
    [INDEX_NOTE_REMOVED] = "UPDATE tidy SET removed = removed + 1",
    [INDEX_REMOVED] = "SELECT removed FROM tidy",
    [INDEX_MERGE] = "INSERT INTO words(words, rank) VALUES ('merge', -64)",
    [INDEX_TIDIED] = "UPDATE tidy SET removed = 0",
};

enum rc
index_ask(const struct index *index, struct index_side *side,
    enum index_ask what, sqlite3_stmt **ret, struct err *err)
{
	sqlite3_stmt **asked = &side->asked[what];

	if (side->db == NULL)
		return err_set(err, RC_IO, "index: not open");
	if (*asked == NULL) {
		int code = sqlite3_prepare_v3(side->db, texts[what], -1,
		    SQLITE_PREPARE_PERSISTENT, asked, NULL);
		/* its tables are not those that we made */
		if ((code & 0xff) == SQLITE_ERROR)
			code = SQLITE_CORRUPT;
		if (code != SQLITE_OK)
			return index_failed(index, side, code, err);
	}
	*ret = *asked;
	return RC_OK;
}

enum rc
index_failed(const struct index *index, const struct index_side *side, int code,
    struct err *err)
{
	const char *why = sqlite3_errstr(code);

	(void)side;
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return err_nomem(err, "index");
	case SQLITE_FULL:
		return err_set(err, RC_LIMIT, "index: %s", why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_SCHEMA:
		/* none of these is what a sound file answers to us */
		((struct index *)(uintptr_t)index)->broken = true;
		return err_set(err, RC_CRYPTO, "index: %s", why);
	default:
		return err_set(err, RC_IO, "index: %s", why);
	}
}

/* --- opening --- */

static void
close_side(struct index_side *side)
{
	for (size_t i = 0; i < INDEX_ASKS; i++) {
		(void)sqlite3_finalize(side->asked[i]);
		side->asked[i] = NULL;
	}
	(void)sqlite3_close_v2(side->db);
	side->db = NULL;
}

static int
run(sqlite3 *db, const char *text)
{
	return sqlite3_exec(db, text, NULL, NULL, NULL);
}

static int
take_number(void *self, int count, char **value, char **name)
{
	(void)count, (void)name;
	*(long *)self = value[0] == NULL ? -1 : strtol(value[0], NULL, 10);
	return 0;
}

/* SQLITE_NOTADB: it is none of ours. */
static int
check_format(sqlite3 *db)
{
	long format = -1;
	int code =
	    sqlite3_exec(db, "PRAGMA user_version", take_number, &format, NULL);

	return code != SQLITE_OK  ? code
	       : format == FORMAT ? SQLITE_OK
				  : SQLITE_NOTADB;
}

static int
settle(const struct index *index, sqlite3 *db)
{
	char pages[80];
	int code = run(db,
	    "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;"
	    "PRAGMA journal_size_limit = 16000000;"
	    "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");

	(void)snprintf(pages, sizeof(pages), "PRAGMA max_page_count = %lld",
	    (long long)(index->size / PAGE));
	return code == SQLITE_OK ? run(db, pages) : code;
}

/* SQLite would make it for all to read, and what lies beside it likewise. */
static enum rc
make_private(const char *path, struct err *err)
{
	int fd = open(
	    path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd < 0)
		return err_set(err, RC_IO, "%s: cannot be made", path);
	(void)close(fd);
	return RC_OK;
}

static enum rc
open_side(const struct index *index, struct index_side *side, bool create,
    struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_NOFOLLOW | (create ? SQLITE_OPEN_CREATE : 0);

	if (create)
		TRY(make_private(index->path, err));
	int code = sqlite3_open_v2(index->path, &side->db, flags, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_key(side->db, index->key, sizeof(index->key));
	if (code != SQLITE_OK)
		return index_failed(index, side, code, err);
	(void)sqlite3_busy_timeout(side->db, BUSY_MS);
	/* before anything else looks at a file that may be anything */
	if (!create)
		code = check_format(side->db);
	if (code != SQLITE_OK)
		return index_failed(index, side, code, err);
	TRY(index_terms_register(side->db, err));
	if (create)
		code = run(side->db, schema);
	if (code == SQLITE_OK)
		code = settle(index, side->db);
	return code == SQLITE_OK ? RC_OK : index_failed(index, side, code, err);
}

static enum rc
open_both(struct index *index, bool create, struct err *err)
{
	enum rc rc = open_side(index, &index->writer, create, err);

	if (rc == RC_OK)
		rc = open_side(index, &index->reader, false, err);
	if (rc != RC_OK)
		index_file_close(index);
	return rc;
}

static enum rc
throw_away(const struct index *index, struct err *err)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
	char path[INDEX_PATH_MAX + 10];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s%s", index->path, endings[i]);
		TRY(file_remove(path, err));
	}
	return RC_OK;
}

void
index_file_close(struct index *index)
{
	close_side(&index->reader);
	close_side(&index->writer);
}

enum rc
index_file_open(struct index *index, struct err *err)
{
	struct err why = ERR_NONE;
	bool there = access(index->path, F_OK) == 0;

	index->spoilt = false;
	if (there && !index->broken) {
		enum rc rc = open_both(index, false, &why);
		if (rc != RC_CRYPTO)
			return rc == RC_OK ? rc
					   : err_set(err, rc, "%s", why.text);
	}
	if (there)
		log_warning("the search index is made anew: %s",
		    why.text[0] != '\0' ? why.text : "it was damaged");
	index->life++;
	TRY(throw_away(index, err));
	index->broken = false;
	return open_both(index, true, err);
}
