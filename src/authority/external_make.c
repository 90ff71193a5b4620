#include "authority/external_make.h"

#include "authority/audit.h"
#include "authority/external.h"
#include "authority/schema.h"
#include "os/clock.h"

static enum rc
make(struct sql *sql, const struct external_wish *wish, struct buf *kid,
    struct buf *secret, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	const char *name = NULL;

	TRY(sql_act_begin(sql, &act, err));
	TRY(external_add(sql, wish, kid, secret, err));
	TRY(buf_str(kid, &name, err));
	const struct audit_act done = {.actor = "authority",
	    .act = "external-key",
	    .object = name,
	    .detail = wish->label,
	    .now = wish->now};
	TRY(audit_add(sql, &done, err));
	return sql_act_commit(&act, err);
}

enum rc
external_make(const char *folder, const char *label, int64_t accounts,
    struct buf *text, struct err *err)
{
	const struct external_wish wish = {
	    .label = label, .accounts = accounts, .now = clock_now()};
	struct settings settings SETTINGS_OWNED;
	struct sql *sql OWNED(sql_free) = NULL;
	struct buf kid BUF_OWNED = BUF_SMALL;
	struct buf secret BUF_OWNED = BUF_SECRET(1000);
	unsigned tries = 0;
	enum rc rc;

	settings_init(&settings);
	TRY(settings_load(folder, &settings, err));
	TRY(schema_open(folder, &settings, &sql, err));
	do {
		buf_clear(&kid);
		buf_clear(&secret);
		rc = make(sql, &wish, &kid, &secret, err);
	} while (rc == RC_AGAIN && sql_again(&tries));
	TRY(rc);
	return buf_add_format(text, err, "kid: %.*s\nkey: %.*s\n",
	    SPAN_ARGS(buf_span(&kid)), SPAN_ARGS(buf_span(&secret)));
}
