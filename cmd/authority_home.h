/* cmd/authority_home -- an authority's folder, opened for a command. */
#ifndef CMD_AUTHORITY_HOME_H
#define CMD_AUTHORITY_HOME_H

#include "authority/keys.h"
#include "store/sql.h"

struct authority_home {
	const char *folder; /* borrowed */
	struct settings settings;
	struct keys_secrets secrets;
	struct keys keys;
	struct sql *sql; /* NULL: not opened yet */
};

#define AUTHORITY_HOME_OWNED __attribute__((cleanup(authority_home_done)))
void authority_home_done(struct authority_home *home);

/* Read the settings.  `home` is to be ended in any case. */
enum rc authority_home_settings(
    const char *folder, struct authority_home *home, struct err *err);
/* And what opens the keys. */
enum rc authority_home_open(
    const char *folder, struct authority_home *home, struct err *err);

/* Open the database: before something is done that is to be in the audit log.
 */
enum rc authority_home_connect(struct authority_home *home, struct err *err);
/* Who sits at this terminal, as the audit log calls them: what this machine
 * says. */
#define AUTHORITY_ACTOR_MAX 300
void authority_home_actor(char actor[AUTHORITY_ACTOR_MAX]);

/* Write into the audit log that the person at this terminal did something;
 * opens the database if it is not open. */
enum rc authority_home_audit(struct authority_home *home, const char *act,
    const char *object, const char *detail, struct err *err);

/* The only word after a command's name, behind which options may stand: a
 * folder.  RC_SYNTAX with `usage`. */
struct strlist;
enum rc authority_home_word(
    const struct strlist *words, const char *usage, struct err *err);

#endif
