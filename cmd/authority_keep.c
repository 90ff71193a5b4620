#include "cmd/authority_keep.h"

#include <stdio.h>

#include "authority/ca_revoked.h"
#include "authority/hierarchy.h"
#include "authority/keyfile.h"
#include "authority/lists.h"
#include "authority/schema.h"
#include "cmd/authority_home.h"
#include "cmd/options.h"
#include "codec/hex.h"
#include "os/clock.h"
#include "pki/crypto.h"

#define VERSIONS_SIZE 80

#define OPTIONS_MAX 8
#define OFFLINE_FILES "files"

/* The words of those that need keys from elsewhere; `of`, `place` and `reason`
 * are of one of them each. */
struct words {
	struct strlist words;
	const char *of;
	const char *place;
	const char *reason;
	const char *offline;
	const char *offline_pin;
	struct buf pin; /* what is in it */
	bool help;
};

static void
words_done(struct words *words)
{
	strlist_done(&words->words);
	buf_done(&words->pin);
}

#define WORDS_OWNED __attribute__((cleanup(words_done)))

/* RC_ABSENT: help was asked for and given.  `own`: the command's own options,
 * behind which there is an empty one. */
static enum rc
read_words(int argc, char **argv, const char *usage, const struct option *own,
    struct words *ret, struct err *err)
{
	struct option table[OPTIONS_MAX] = {
	    {.name = "offline",
		.kind = OPTION_TEXT,
		.into = &ret->offline,
		.value = "DIR",
		.help = "folder with root.key and tsa-ca.key, if they are not "
			"in the authority's"},
	    {.name = "offline-pin-file",
		.kind = OPTION_TEXT,
		.into = &ret->offline_pin,
		.value = "FILE",
		.help = "PIN of the token that they are in, if it is another "
			"than that of the other keys"},
	    {.name = "help",
		.kind = OPTION_FLAG,
		.into = &ret->help,
		.help = "this text"},
	};
	size_t len = 3;

	while (own->name != NULL && len + 1 < OPTIONS_MAX)
		table[len++] = *own++;
	TRY(options_parse(argc - 1, argv + 1, table, &ret->words, err));
	if (ret->help) {
		printf("usage: letterlock-authority %s\n\n", usage);
		options_help(table);
		return RC_ABSENT;
	}
	return ret->offline_pin == NULL
		   ? RC_OK
		   : keyfile_pin(ret->offline_pin, &ret->pin, err);
}

static struct keys
offline_keys(const struct authority_home *home, const struct words *words)
{
	struct keys keys = home->keys;

	if (words->offline != NULL)
		keys.folder = words->offline;
	if (words->pin.len > 0)
		keys.pin = buf_span(&words->pin);
	return keys;
}

/* --- rollover */

static enum rc
roll_mail(struct authority_home *home, const struct keys *offline, X509 **ret,
    struct err *err)
{
	return hierarchy_rollover(
	    &home->keys, offline, &home->settings, clock_now(), ret, err);
}

static enum rc
roll_tsa(struct authority_home *home, const struct keys *offline, X509 **ret,
    struct err *err)
{
	return hierarchy_rollover_tsa(&home->keys, offline, &home->settings,
	    false, clock_now(), ret, err);
}

static enum rc
roll_tsa_ca(struct authority_home *home, const struct keys *offline, X509 **ret,
    struct err *err)
{
	return hierarchy_rollover_tsa(
	    &home->keys, offline, &home->settings, true, clock_now(), ret, err);
}

static void
say_mail(const char *id)
{
	printf("The new issuing CA is %s.\n\n"
	       "Next:\n"
	       "1. Take root.key away again.\n"
	       "2. Copy the new issuing-N.pem, issuing-N.key and ocsp-N.key to "
	       "every other\n"
	       "   machine of this authority.\n"
	       "3. Start letterlock-authority run anew: the new CA issues, the "
	       "old one goes on\n"
	       "   telling the status of what it issued.\n",
	    id);
}

static void
say_tsa(const char *serial)
{
	printf(
	    "The new timestamping service has the serial number %s.\n\n"
	    "Next:\n"
	    "1. Take root.key and the tsa-ca keys away again.\n"
	    "2. Copy the new tsa-N.pem and tsa-N.key, and a new tsa-ca-N.pem "
	    "and tsa-ca-N.crl,\n"
	    "   to every other machine of this authority.\n"
	    "3. Start letterlock-authority run anew: the new one stamps.\n",
	    serial);
}

/* What can be made anew. */
static const struct part {
	const char *name;
	enum rc (*roll)(struct authority_home *home, const struct keys *offline,
	    X509 **ret, struct err *err);
	void (*say)(const char *name);
	bool by_serial; /* it is no CA */
} parts[] = {
    {"mail", roll_mail, say_mail, false},
    {"tsa", roll_tsa, say_tsa, true},
    {"tsa-ca", roll_tsa_ca, say_tsa, true},
};

static const struct part *
find_part(const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (name == NULL || strcmp(parts[i].name, name) == 0)
			return &parts[i];
	return NULL;
}

static enum rc
name_made(
    const struct part *part, const X509 *cert, struct buf *out, struct err *err)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	char id[PUBLISHED_ID_LEN + 1];

	if (part->by_serial)
		return hex_encode(span_of(ASN1_STRING_get0_data(serial),
				      (size_t)ASN1_STRING_length(serial)),
		    out, err);
	TRY(published_id(cert, id, err));
	return buf_add_str(out, id, err);
}

static enum rc
roll(struct authority_home *home, const struct words *words,
    const struct part *part, struct err *err)
{
	struct keys offline = offline_keys(home, words);
	struct buf name BUF_OWNED = BUF_SMALL;
	X509 *cert OWNED(X509_free) = NULL;
	const char *text = NULL;

	if (words->place != NULL)
		offline.token = strcmp(words->place, OFFLINE_FILES) == 0
				    ? NULL
				    : words->place;
	TRY(authority_home_connect(home, err));
	TRY(part->roll(home, &offline, &cert, err));
	TRY(name_made(part, cert, &name, err));
	TRY(buf_str(&name, &text, err));
	TRY(authority_home_audit(home, "rollover", text, part->name, err));
	part->say(text);
	return RC_OK;
}

enum rc
rollover_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	struct words words WORDS_OWNED = {
	    .words = STRLIST_NONE, .pin = BUF_SECRET(KEYFILE_PASSPHRASE_MAX)};

	static const char usage[] =
	    "rollover DIR [--of mail|tsa|tsa-ca] [--offline DIR]";
	const struct option own[] = {
	    {.name = "of",
		.kind = OPTION_TEXT,
		.into = &words.of,
		.value = "mail|tsa|tsa-ca",
		.help = "what is made anew: the issuing CA for mail, the "
			"timestamping service, or its CA with it"},
	    {.name = "offline-pkcs11",
		.kind = OPTION_TEXT,
		.into = &words.place,
		.value = "URI",
		.help = "where the key of a new timestamping CA is made, as "
			"init does it; \"files\": in the folder"},
	    {0},
	};

	enum rc rc = read_words(argc, argv, usage, own, &words, err);
	if (rc != RC_OK)
		return words.help ? RC_OK : rc;
	TRY(authority_home_word(&words.words, usage, err));
	const struct part *part = find_part(words.of);
	if (part == NULL)
		return err_set(err, RC_SYNTAX,
		    "--of is mail, tsa or tsa-ca, not %s", words.of);
	TRY(authority_home_open(words.words.item[0], &home, err));
	return roll(&home, &words, part, err);
}

/* --- lists */

enum rc
lists_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	struct words words WORDS_OWNED = {
	    .words = STRLIST_NONE, .pin = BUF_SECRET(KEYFILE_PASSPHRASE_MAX)};

	static const char usage[] = "lists DIR [--offline DIR]";
	const struct option none[] = {{0}};

	enum rc rc = read_words(argc, argv, usage, none, &words, err);
	if (rc != RC_OK)
		return words.help ? RC_OK : rc;
	TRY(authority_home_word(&words.words, usage, err));
	TRY(authority_home_open(words.words.item[0], &home, err));
	struct keys offline = offline_keys(&home, &words);
	TRY(authority_home_connect(&home, err));
	const struct hierarchy_lists wish = {.keys = &home.keys,
	    .offline = &offline,
	    .settings = &home.settings,
	    .sql = home.sql,
	    .now = clock_now()};
	TRY(hierarchy_lists(&wish, err));
	TRY(authority_home_audit(&home, "lists", "root, tsa-ca", NULL, err));
	printf("The revocation lists of the root and of the timestamping CA "
	       "are good for %d days.\n",
	    LISTS_OFFLINE_DAYS);
	return RC_OK;
}

/* --- a certificate of the authority's own */

static enum rc
add_revocation(
    struct sql *sql, const struct ca_revoked_wish *wish, struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do {
		struct sql_act act SQL_ACT_OWNED = SQL_ACT;
		TRY(sql_act_begin(sql, &act, err));
		rc = ca_revoked_add(sql, wish, err);
		if (rc == RC_OK)
			rc = sql_act_commit(&act, err);
	} while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

/* Nothing is written down before it is sure that the list's key is there. */
static enum rc
revoke_own(struct authority_home *home, const struct words *words, int reason,
    struct err *err)
{
	struct keys offline = offline_keys(home, words);
	char actor[AUTHORITY_ACTOR_MAX], above[HIERARCHY_NAME_SIZE];
	X509 *cert OWNED(X509_free) = NULL;

	TRY(authority_home_connect(home, err));
	TRY(hierarchy_find_own(
	    home->folder, words->words.item[1], &cert, above, err));
	struct hierarchy_lists list = {.keys = &home->keys,
	    .offline = &offline,
	    .settings = &home->settings,
	    .sql = home->sql,
	    .only = above,
	    .try_only = true,
	    .now = clock_now()};
	TRY(hierarchy_lists(&list, err));
	authority_home_actor(actor);
	const struct ca_revoked_wish wish = {
	    .cert = cert, .reason = reason, .by = actor, .now = clock_now()};
	TRY(add_revocation(home->sql, &wish, err));
	list.try_only = false;
	TRY(hierarchy_lists(&list, err));
	printf("Revoked; %s.crl tells of it.\n\n"
	       "Next:\n"
	       "1. Take the offline keys away again.\n"
	       "2. Copy %s.crl to every other machine of this authority.\n"
	       "3. If it was the newest of its kind, nothing is issued or "
	       "stamped until\n"
	       "   letterlock-authority rollover has made another.\n",
	    above, above);
	return RC_OK;
}

enum rc
revoke_ca_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	struct words words WORDS_OWNED = {
	    .words = STRLIST_NONE, .pin = BUF_SECRET(KEYFILE_PASSPHRASE_MAX)};
	static const char usage[] =
	    "revoke-ca DIR NAME --reason REASON [--offline DIR]";
	const struct option own[] = {
	    {.name = "reason",
		.kind = OPTION_TEXT,
		.into = &words.reason,
		.value = "REASON",
		.help = "cACompromise, affiliationChanged, superseded, "
			"cessationOfOperation, privilegeWithdrawn"},
	    {0},
	};

	enum rc rc = read_words(argc, argv, usage, own, &words, err);
	if (rc != RC_OK)
		return words.help ? RC_OK : rc;
	if (words.words.len != 2 || words.reason == NULL)
		return err_set(err, RC_SYNTAX, "want %s; see --help", usage);
	int reason = ca_revoked_reason_find(words.reason);
	if (reason < 0)
		return err_set(err, RC_SYNTAX,
		    "--reason is cACompromise, affiliationChanged, superseded, "
		    "cessationOfOperation or privilegeWithdrawn, not %s",
		    words.reason);
	TRY(authority_home_open(words.words.item[0], &home, err));
	return revoke_own(&home, &words, reason, err);
}

/* --- upgrade */

static enum rc
upgrade(struct authority_home *home, struct err *err)
{
	char versions[VERSIONS_SIZE];
	int64_t before = 0;
	size_t made = 0;

	TRY(hierarchy_upgrade(&home->keys, &made, err));
	TRY(schema_upgrade(home->folder, &home->settings, &before, err));
	if (before == schema_newest() && made == 0) {
		printf("Nothing was to be done: the database is of version "
		       "%lld.\n",
		    (long long)before);
		return RC_OK;
	}
	(void)snprintf(versions, sizeof(versions),
	    "database version %lld to %lld, new keys: %zu", (long long)before,
	    (long long)schema_newest(), made);
	TRY(authority_home_audit(home, "upgrade", versions, NULL, err));
	printf("Done: %s.\n", versions);
	return RC_OK;
}

enum rc
upgrade_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};

	if (argc != 2 || argv[1][0] == '-')
		return err_set(err, RC_SYNTAX,
		    "want upgrade DIR; see letterlock-authority --help");
	TRY(authority_home_open(argv[1], &home, err));
	return upgrade(&home, err);
}
