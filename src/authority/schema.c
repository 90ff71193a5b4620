#include "authority/schema.h"

#include <stdio.h>

#define PATH_LEN_MAX 4096
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Step i brings a database from version i to i + 1.  A step that was published
 * is never edited: add another one. */
static const char *const steps[] = {
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " thumbprint TEXT NOT NULL UNIQUE,"
    " jwk TEXT NOT NULL,"
    " contact TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"

    "CREATE TABLE authorization ("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " account INTEGER NOT NULL REFERENCES account (id),"
    " address TEXT NOT NULL,"
    " folded TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " recipient TEXT NOT NULL UNIQUE,"
    " token1 TEXT NOT NULL,"
    " token2 TEXT NOT NULL,"
    " posted INTEGER NOT NULL DEFAULT 0,"
    " answered INTEGER NOT NULL DEFAULT 0,"
    " validated INTEGER NOT NULL DEFAULT 0,"
    " error_type TEXT,"
    " error_detail TEXT,"
    " mail_next INTEGER," /* when to send the challenge; null: never */
    " mail_tries INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX authorization_of ON authorization (account, address);"
    "CREATE INDEX authorization_mailbox ON authorization (folded, created);"
    "CREATE INDEX authorization_mail ON authorization (mail_next)"
    " WHERE mail_next IS NOT NULL;"

    "CREATE TABLE certificate ("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " serial BLOB NOT NULL UNIQUE,"
    " account INTEGER NOT NULL REFERENCES account (id),"
    " address TEXT NOT NULL,"
    " folded TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " key_sha256 BLOB NOT NULL,"
    " not_before INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL,"
    " der BLOB NOT NULL) STRICT;"
    "CREATE INDEX certificate_address ON certificate (address);"
    "CREATE INDEX certificate_folded ON certificate (folded);"
    "CREATE INDEX certificate_key ON certificate (key_sha256);"

    "CREATE TABLE acme_order ("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " account INTEGER NOT NULL REFERENCES account (id),"
    " authorization INTEGER NOT NULL REFERENCES authorization (id),"
    " address TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " certificate INTEGER REFERENCES certificate (id)) STRICT;"
    "CREATE INDEX order_of ON acme_order (account, created);",
};

static enum rc
upgrade(struct sql *sql, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	int64_t version = 0;
	char text[60];

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_number(sql, "PRAGMA user_version", SQL_NONE, &version, err));
	if (version > (int64_t)COUNT_OF(steps))
		return err_set(err, RC_UNFIT,
		    "the database was written by a newer letterlock-authority "
		    "(version %lld): use that one",
		    (long long)version);
	for (size_t i = (size_t)version; i < COUNT_OF(steps); i++)
		TRY(sql_run(sql, steps[i], err));
	/* a pragma takes no parameters; this number is ours */
	(void)snprintf(
	    text, sizeof(text), "PRAGMA user_version = %zu", COUNT_OF(steps));
	TRY(sql_run(sql, text, err));
	return sql_act_commit(&act, err);
}

enum rc
schema_open(const char *folder, struct sql **ret, struct err *err)
{
	struct sql *sql OWNED(sql_free) = NULL;
	int64_t version = 0;
	char path[PATH_LEN_MAX];

	(void)snprintf(path, sizeof(path), "%s/" SCHEMA_FILE, folder);
	TRY(sql_open(path, &sql, err));
	TRY(sql_number(sql, "PRAGMA user_version", SQL_NONE, &version, err));
	if (version != (int64_t)COUNT_OF(steps))
		TRY(upgrade(sql, err));
	*ret = take(sql);
	return RC_OK;
}
