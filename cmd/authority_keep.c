#include "cmd/authority_keep.h"

#include <stdio.h>

#include "authority/hierarchy.h"
#include "authority/keyfile.h"
#include "authority/lists.h"
#include "authority/schema.h"
#include "cmd/authority_home.h"
#include "cmd/options.h"
#include "os/clock.h"
#include "pki/crypto.h"

#define VERSIONS_SIZE 80

/* The words of all three. */
struct words {
	struct strlist words;
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

/* RC_ABSENT: help was asked for and given. */
static enum rc
read_words(int argc, char **argv, const char *usage, struct words *ret,
    struct err *err)
{
	const struct option table[] = {
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
	    {0},
	};

	TRY(options_parse(argc - 1, argv + 1, table, &ret->words, err));
	if (ret->help) {
		printf("usage: letterlock-authority %s\n\n", usage);
		options_help(table);
		return RC_ABSENT;
	}
	TRY(authority_home_word(&ret->words, usage, err));
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
roll(struct authority_home *home, const struct words *words, struct err *err)
{
	struct keys offline = offline_keys(home, words);
	X509 *cert OWNED(X509_free) = NULL;
	char id[PUBLISHED_ID_LEN + 1];

	TRY(authority_home_connect(home, err));
	TRY(hierarchy_rollover(
	    &home->keys, &offline, &home->settings, clock_now(), &cert, err));
	TRY(published_id(cert, id, err));
	TRY(authority_home_audit(home, "rollover", id, NULL, err));
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
	return RC_OK;
}

enum rc
rollover_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	struct words words WORDS_OWNED = {
	    .words = STRLIST_NONE, .pin = BUF_SECRET(KEYFILE_PASSPHRASE_MAX)};

	enum rc rc =
	    read_words(argc, argv, "rollover DIR [--offline DIR]", &words, err);
	if (rc != RC_OK)
		return words.help ? RC_OK : rc;
	TRY(authority_home_open(words.words.item[0], &home, err));
	return roll(&home, &words, err);
}

/* --- lists */

enum rc
lists_command(int argc, char **argv, struct err *err)
{
	struct authority_home home AUTHORITY_HOME_OWNED = {0};
	struct words words WORDS_OWNED = {
	    .words = STRLIST_NONE, .pin = BUF_SECRET(KEYFILE_PASSPHRASE_MAX)};

	enum rc rc =
	    read_words(argc, argv, "lists DIR [--offline DIR]", &words, err);
	if (rc != RC_OK)
		return words.help ? RC_OK : rc;
	TRY(authority_home_open(words.words.item[0], &home, err));
	struct keys offline = offline_keys(&home, &words);
	TRY(authority_home_connect(&home, err));
	TRY(hierarchy_lists(
	    &home.keys, &offline, &home.settings, clock_now(), err));
	TRY(authority_home_audit(&home, "lists", "root, tsa-ca", NULL, err));
	printf("The revocation lists of the root and of the timestamping CA "
	       "are good for %d days.\n",
	    LISTS_OFFLINE_DAYS);
	return RC_OK;
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
