#include "cmd/authority_directory.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/audit.h"
#include "authority/directory.h"
#include "authority/smimea.h"
#include "cmd/authority_home.h"
#include "cmd/options.h"
#include "mime/address.h"
#include "os/clock.h"

#define TTL_USUAL "3600"
#define TTL_MAX ((int64_t)7 * 24 * 3600)

static enum rc
open_home(const char *folder, struct authority_home *home, struct err *err)
{
	TRY(authority_home_settings(folder, home, err));
	return authority_home_connect(home, err);
}

static enum rc
print_line(void *context, const char *line, struct err *err)
{
	return puts(line) >= 0 ? RC_OK : err_errno(err, "standard output");
}

/* What goes into a name of DNS as it stands. */
static enum rc
check_domain(const char *domain, struct err *err)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";

	if (domain == NULL)
		return err_set(err, RC_SYNTAX, "--domain DOMAIN is needed");
	if (domain[0] == '\0' || strlen(domain) > 180 ||
	    domain[strspn(domain, fine)] != '\0')
		return err_set(err, RC_SYNTAX,
		    "--domain: no domain name in lower case: %s", domain);
	return RC_OK;
}

static enum rc
read_ttl(const char *text, int64_t *ret, struct err *err)
{
	char *end = NULL;

	*ret = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || *ret < 0 || *ret > TTL_MAX)
		return err_set(err, RC_SYNTAX,
		    "--ttl must be 0 to %lld seconds", (long long)TTL_MAX);
	return RC_OK;
}

static enum rc export(
    const char *folder, const char *domain, const char *ttl, struct err *err) {
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	struct smimea_wish wish = {.domain = domain,
	    .now = clock_now(),
	    .line = print_line};

	TRY(check_domain(domain, err));
	TRY(read_ttl(ttl, &wish.ttl, err));
	TRY(open_home(folder, &home, err));
	TRY(smimea_export(home.sql, &wish, err));
	return fflush(stdout) == 0 ? RC_OK : err_errno(err, "standard output");
}

enum rc
export_smimea_command(int argc, char **argv, struct err *err)
{
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	const char *domain = NULL, *ttl = NULL;
	bool help = false;
	const struct option table[] = {
	    {"domain", OPTION_TEXT, &domain, "DOMAIN",
		"whose mailboxes, in lower case", false},
	    {"ttl", OPTION_TEXT, &ttl, "SECONDS",
		"for how long readers may remember a record (default: 3600)",
		false},
	    {"help", OPTION_FLAG, &help, NULL, "this text", false}, {0}};

	TRY(options_parse(argc - 1, argv + 1, table, &words, err));
	if (help) {
		printf("usage: letterlock-authority export-smimea DIR --domain "
		       "DOMAIN [--ttl SECONDS]\n\n");
		options_help(table);
		return RC_OK;
	}
	if (words.len != 1)
		return err_set(err, RC_SYNTAX,
		    "want export-smimea DIR; see export-smimea --help");
	return export(
	    words.item[0], domain, ttl != NULL ? ttl : TTL_USUAL, err);
}

static enum rc
change(struct sql *sql, const char *what, const char *address, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	char actor[AUTHORITY_ACTOR_MAX];
	const struct audit_act done = {.actor = actor,
	    .act = what,
	    .object = address,
	    .detail = "directory",
	    .now = clock_now()};

	authority_home_actor(actor);
	TRY(sql_act_begin(sql, &act, err));
	TRY(strcmp(what, "hide") == 0
		? directory_hide(sql, address, clock_now(), err)
		: directory_show(sql, address, err));
	TRY(audit_add(sql, &done, err));
	return sql_act_commit(&act, err);
}

enum rc
directory_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	unsigned tries = 0;
	enum rc rc;

	if (argc != 4 ||
	    (strcmp(argv[1], "hide") != 0 && strcmp(argv[1], "show") != 0))
		return err_set(err, RC_SYNTAX,
		    "want directory hide DIR ADDRESS or directory show DIR "
		    "ADDRESS");
	TRY(address_check(span_str(argv[3]), err));
	TRY(open_home(argv[2], &home, err));
	do
		rc = change(home.sql, argv[1], argv[3], err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}
