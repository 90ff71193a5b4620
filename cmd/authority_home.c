#include "cmd/authority_home.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "authority/audit.h"
#include "authority/schema.h"
#include "base/strlist.h"
#include "os/clock.h"

void
authority_home_done(struct authority_home *home)
{
	sql_free(home->sql);
	keys_secrets_done(&home->secrets);
	settings_done(&home->settings);
}

enum rc
authority_home_settings(
    const char *folder, struct authority_home *home, struct err *err)
{
	*home = (struct authority_home){.folder = folder};
	settings_init(&home->settings);
	return settings_load(folder, &home->settings, err);
}

enum rc
authority_home_open(
    const char *folder, struct authority_home *home, struct err *err)
{
	TRY(authority_home_settings(folder, home, err));
	return keys_open(
	    folder, &home->settings, &home->secrets, &home->keys, err);
}

void
authority_home_actor(char actor[AUTHORITY_ACTOR_MAX])
{
	const struct passwd *who = getpwuid(getuid());

	if (who != NULL)
		(void)snprintf(actor, AUTHORITY_ACTOR_MAX, "operator %.250s",
		    who->pw_name);
	else
		(void)snprintf(
		    actor, AUTHORITY_ACTOR_MAX, "operator %ld", (long)getuid());
}

static enum rc
add(struct sql *sql, const struct audit_act *act, struct err *err)
{
	struct sql_act work SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &work, err));
	TRY(audit_add(sql, act, err));
	return sql_act_commit(&work, err);
}

enum rc
authority_home_connect(struct authority_home *home, struct err *err)
{
	return home->sql != NULL ? RC_OK
				 : schema_open(home->folder, &home->settings,
				       &home->sql, err);
}

enum rc
authority_home_audit(struct authority_home *home, const char *act,
    const char *object, const char *detail, struct err *err)
{
	char actor[AUTHORITY_ACTOR_MAX];
	unsigned tries = 0;
	enum rc rc;

	authority_home_actor(actor);
	struct audit_act what = {actor, act, object, detail, clock_now()};
	TRY(authority_home_connect(home, err));
	do
		rc = add(home->sql, &what, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

enum rc
authority_home_word(
    const struct strlist *words, const char *usage, struct err *err)
{
	if (words->len == 1)
		return RC_OK;
	return err_set(err, RC_SYNTAX, "want %s; see --help", usage);
}
