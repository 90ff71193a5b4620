#include "cmd/authority_revocation.h"

#include <stdio.h>

#include "authority/revoked.h"
#include "cmd/authority_home.h"
#include "cmd/options.h"
#include "codec/hex.h"
#include "os/clock.h"

#define SERIAL_TEXT_MAX 128

struct revoke {
	const char *serial;
	const char *reason;
	bool help;
};

/* As people copy it: "1A:2B", "0x1a2b", "1a2b". */
static enum rc
read_serial(const char *text, struct buf *out, struct err *err)
{
	struct buf digits BUF_OWNED = BUF(SERIAL_TEXT_MAX);

	if (span_starts_nocase(span_str(text), "0x"))
		text += 2;
	for (const char *at = text; *at != '\0'; at++)
		if (*at != ':')
			TRY(buf_add_byte(&digits,
			    (uint8_t)(*at >= 'A' && *at <= 'F' ? *at + 32
							       : *at),
			    err));
	return hex_decode(buf_span(&digits), out, err);
}

static enum rc
add(struct sql *sql, const struct revoked_wish *wish, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(revoked_add(sql, wish, err));
	return sql_act_commit(&act, err);
}

static enum rc
revoke_in(
    const char *folder, const struct revoke *asked, int reason, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	char actor[AUTHORITY_ACTOR_MAX];
	unsigned tries = 0;
	enum rc rc;

	if (read_serial(asked->serial, &serial, err) != RC_OK)
		return err_set(err, RC_SYNTAX,
		    "--serial %s is no number in hexadecimal", asked->serial);
	TRY(authority_home_settings(folder, &home, err));
	TRY(authority_home_connect(&home, err));
	authority_home_actor(actor);
	struct revoked_wish wish = {.serial = buf_span(&serial),
	    .reason = reason,
	    .by = actor,
	    .now = clock_now()};
	do
		rc = add(home.sql, &wish, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

static enum rc
find_reason(const char *name, int *ret, struct err *err)
{
	*ret = name == NULL ? REVOKED_UNSPECIFIED : revoked_reason_find(name);
	if (*ret >= 0)
		return RC_OK;
	return err_set(err, RC_SYNTAX,
	    "--reason is keyCompromise, affiliationChanged, superseded, "
	    "cessationOfOperation, privilegeWithdrawn or unspecified, not %s",
	    name);
}

enum rc
authority_revoke(int argc, char **argv, struct err *err)
{
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	struct revoke asked = {0};
	int reason = 0;
	const struct option options[] = {
	    {"serial", OPTION_TEXT, &asked.serial, "HEX",
		"serial number of the certificate", false},
	    {"reason", OPTION_TEXT, &asked.reason, "REASON",
		"keyCompromise, affiliationChanged, superseded, "
		"cessationOfOperation, privilegeWithdrawn",
		false},
	    {"help", OPTION_FLAG, &asked.help, NULL, "this text", false}, {0}};

	TRY(options_parse(argc - 1, argv + 1, options, &words, err));
	if (asked.help) {
		printf("usage: letterlock-authority revoke DIR --serial HEX "
		       "[--reason REASON]\n\n");
		options_help(options);
		return RC_OK;
	}
	if (words.len != 1 || asked.serial == NULL)
		return err_set(
		    err, RC_SYNTAX, "want revoke DIR --serial HEX; see --help");
	TRY(find_reason(asked.reason, &reason, err));
	TRY(revoke_in(words.item[0], &asked, reason, err));
	printf("Revoked; its list and OCSP tell of it within a minute.\n");
	return RC_OK;
}
