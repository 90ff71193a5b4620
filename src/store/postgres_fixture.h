/* store/postgres_fixture -- a PostgreSQL server of one's own, for tests.
 *
 * In a new folder below /tmp, on a Unix socket there and nowhere else; it runs
 * as nobody if the tests are root's, for PostgreSQL refuses to be root.
 */
#ifndef STORE_POSTGRES_FIXTURE_H
#define STORE_POSTGRES_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/sql.h"

struct postgres_fixture {
	char folder[40];
	char url[100];
};

/* With $B the server's programs, $D the folder, $AS who runs them. */
static inline int
postgres_fixture_run(const struct postgres_fixture *fixture, const char *words)
{
	char command[2000];

	(void)snprintf(command, sizeof(command),
	    "D='%s'; cd \"$D\"; B=$(ls -d /usr/lib/postgresql/*/bin | tail -1);"
	    " AS=; if [ \"$(id -u)\" = 0 ]; then chown nobody \"$D\";"
	    " AS='setpriv --reuid=nobody --regid=nogroup --clear-groups';"
	    " fi; { %s; } >>/dev/null 2>&1",
	    fixture->folder, words);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	return system(command);
}

/* Of what is there already: stopped and started, for a server that goes away
 * and comes back. */
static inline int
postgres_fixture_up(const struct postgres_fixture *fixture)
{
	return postgres_fixture_run(fixture,
	    "$AS $B/pg_ctl -D $D/data -w -l $D/log -o \"-k $D"
	    " -c listen_addresses='' -c fsync=off -c max_connections=20"
	    " -c shared_buffers=16MB\" start");
}

static inline int
postgres_fixture_down(const struct postgres_fixture *fixture)
{
	return postgres_fixture_run(
	    fixture, "$AS $B/pg_ctl -D $D/data -w -m immediate stop");
}

static inline int
postgres_fixture_start(struct postgres_fixture *fixture)
{
	(void)snprintf(fixture->folder, sizeof(fixture->folder),
	    "/tmp/postgres-test-XXXXXX");
	if (mkdtemp(fixture->folder) == NULL)
		return -1;
	(void)snprintf(fixture->url, sizeof(fixture->url),
	    "postgresql://letterlock@/postgres?host=%s", fixture->folder);
	if (postgres_fixture_run(fixture,
		"$AS $B/initdb -N -D $D/data -U letterlock --auth=trust"
		" -E UTF8 --locale=C") != 0)
		return -1;
	return postgres_fixture_up(fixture);
}

static inline void
postgres_fixture_stop(const struct postgres_fixture *fixture)
{
	int ignored = postgres_fixture_down(fixture);

	ignored |= postgres_fixture_run(fixture, "cd /; rm -rf $D");
	(void)ignored;
}

/* Everything in it is gone. */
static inline enum rc
postgres_fixture_empty(const struct postgres_fixture *fixture, struct err *err)
{
	struct sql *sql OWNED(sql_free) = NULL;

	TRY(sql_open(fixture->url, &sql, err));
	return sql_run(
	    sql, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", err);
}

#endif
