/* store/sql_copy -- all of a database somewhere else.
 *
 * May use:   base.
 * Not here:  the tables themselves: both sides have them already.
 */
#ifndef STORE_SQL_COPY_H
#define STORE_SQL_COPY_H

#include "store/sql.h"

/* A SQLite database as it is at this moment, into a new file; others go on
 * writing meanwhile.  The file is on the disk afterwards.  RC_UNFIT: the
 * database is a server. */
enum rc sql_copy_file(struct sql *sql, const char *path, struct err *err);

/* Every row of every table, into the same tables of another database, in place
 * of what was in them; one of the two is SQLite.  All that is there at one
 * moment, and all or nothing.  *ret_rows: how many.  RC_AGAIN: once more from
 * the start. */
enum rc sql_copy(
    struct sql *from, struct sql *to, int64_t *ret_rows, struct err *err);

#endif
