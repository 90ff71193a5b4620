/* store/index -- what its parts share: the database and its connections. */
#ifndef STORE_INDEX_PRIV_H
#define STORE_INDEX_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/index.h"

#include <sealed_sqlite.h>

#define INDEX_PATH_MAX 1000

/* What is asked, each prepared once by a connection. */
enum index_ask {
	INDEX_BEGIN,
	INDEX_COMMIT,
	INDEX_ROLLBACK,
	INDEX_BOX_FIND,
	INDEX_BOX_ADD,
	INDEX_HAS,
	INDEX_ADD,
	INDEX_ADD_KEYS,
	INDEX_ADD_HEADER,
	INDEX_ADD_WORDS,
	INDEX_REMOVE,
	INDEX_REMOVE_KEYS,
	INDEX_REMOVE_HEADER,
	INDEX_REMOVE_WORDS,
	INDEX_LIST,
	INDEX_LIST_KEYS,
	INDEX_FIND,
	INDEX_FIND_FIELD,
	INDEX_COUNT,
	INDEX_NOTE_REMOVED,
	INDEX_REMOVED,
	INDEX_MERGE,
	INDEX_TIDIED,
	INDEX_ASKS,
};

/* One connection, for one thread at a time. */
struct index_side {
	pthread_mutex_t lock;
	sqlite3 *db; /* NULL: it could not be opened */
	sqlite3_stmt *asked[INDEX_ASKS];
};

struct index {
	char path[INDEX_PATH_MAX];
	uint8_t key[36]; /* "raw:" and the key */
	int64_t size;
	/* one writes; the other reads what was committed, and waits for no
	 * writing */
	struct index_side writer, reader;
	atomic_uint life;
	atomic_bool broken; /* to be thrown away */
	bool held;          /* by index_hold(), with the writer's lock */
	bool spoilt;        /* something failed meanwhile */
};

/* index_file.c: both connections, on a file that can be used.  With the locks
 * of both, or before anybody else knows the index. */
enum rc index_file_open(struct index *index, struct err *err);
void index_file_close(struct index *index);

/* Lock a side, on a file that is not broken; locked after it, whatever it
 * says. */
enum rc index_enter(
    struct index *index, struct index_side *side, struct err *err);
void index_leave(struct index_side **side);
#define INDEX_LEAVE __attribute__((cleanup(index_leave)))

/* A statement, ready to be bound; reset by who asked. */
enum rc index_ask(const struct index *index, struct index_side *side,
    enum index_ask what, sqlite3_stmt **ret, struct err *err);
void index_reset(sqlite3_stmt **statement); /* a NULL in it is fine */
#define INDEX_ASKED __attribute__((cleanup(index_reset)))
/* SQLite takes lengths as int; what is given is limited before. */
int index_bind_text(sqlite3_stmt *statement, int at, struct span text);
/* RC_ABSENT: no letter was ever in it. */
enum rc index_find_box(const struct index *index, struct index_side *side,
    const char *box, int64_t *ret, struct err *err);
static inline int64_t
index_id(int64_t box, uint32_t number)
{
	return box << 32 | number;
}
/* What SQLite says, as a result; a file that is damaged is marked. */
enum rc index_failed(const struct index *index, const struct index_side *side,
    int code, struct err *err);

/* index_terms.c: "triples", what the texts of a connection are divided by. */
enum rc index_terms_register(sqlite3 *db, struct err *err);

#endif
