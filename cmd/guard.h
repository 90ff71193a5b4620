/* cmd/guard -- what guard, recovery and setup have in common: a person's home,
 * logged in at the authority, and what waits there in words.
 */
#ifndef CMD_GUARD_H
#define CMD_GUARD_H

#include "cmd/home.h"
#include "enrol/session.h"

struct guard_home {
	struct home home;
	struct enrol enrol;
	struct session session;
};
#define GUARD_HOME_OWNED __attribute__((cleanup(guard_home_done)))

void guard_home_init(struct guard_home *own);
void guard_home_done(struct guard_home *own);
/* The home as it is, beside a running agent too.  RC_ABSENT: setup was not run
 * so far. */
enum rc guard_home_open(struct guard_home *own,
    const struct home_options *options, struct err *err);

/* The key that a request is for, short enough to be compared by eye: "3f2a 91bc
 * ...".  80 bits: nobody makes another key with the same. */
#define GUARD_KEY_TEXT 25
void guard_print_key(const struct acme_wish *wish, char text[GUARD_KEY_TEXT]);

/* Make a recovery code, tell the authority its key, and append the code to
 * `text`, which is secret. */
enum rc guard_make_code(const struct enrol *enrol, struct acme *acme,
    bool replaces, struct buf *text, struct err *err);

#endif
