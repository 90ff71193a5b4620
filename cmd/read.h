/* cmd/read -- the commands `open` and `inspect`: what is in a letter, and may it
 * be trusted?
 *
 * `letterlock` has cmd/open_light.c, `letterlock-full` cmd/inspect.c.
 */
#ifndef CMD_READ_H
#define CMD_READ_H

#include "cmd/letters.h"
#include "cmd/trusting.h"

struct read_options {
	const char *identity, *passphrase, *trust, *tsa_trust, *at, *report;
	const char *settings;
	const char *language; /* NULL: that of the environment */
	struct strlist me, known;
	bool json, unverified, public_roots;
};

/* What reading needs, kept together as long as it is used. */
struct read_setup {
	struct identity_file id;
	struct reader_key *keys;
	struct certs roots, tsa_roots;
	struct certs all_roots; /* `roots` and, if asked for, the system's */
	struct trust trust;
	struct reader reader;
	struct imitations imitations;
	struct scratch *letter;
	struct source source; /* of `letter` */
	struct gathered gathered;
};

#define READ_SETUP_OWNED __attribute__((cleanup(read_setup_done)))
void read_setup_init(struct read_setup *setup);
void read_setup_done(struct read_setup *setup);

/* Read the letter on standard input and gather its facts. */
enum rc read_prepare(const struct read_options *options,
    struct read_setup *setup, struct err *err);

/* Write what is in it to standard output, if it may be: the exit status. */
int read_open(const struct read_options *options, struct read_setup *setup,
    struct err *err);

/* With --report: the exit status.  `argv` is what the options were read from. */
int open_reported(const struct read_options *options, int argc, char **argv);

#endif
