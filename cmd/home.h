/* cmd/home -- one person's state, opened: account, keys, certificates.
 *
 * What setup, agent, status and recover have in common.
 */
#ifndef CMD_HOME_H
#define CMD_HOME_H

#include "cmd/options.h"
#include "enrol/enrol.h"
#include "flow/gather.h"

struct home_options {
	const char *home, *key_file;
};

/* The two rows every such command has. */
#define HOME_OPTIONS(o)                                                        \
	{"home", OPTION_TEXT, &(o).home, "DIR",                                \
	    "where the state is; default ~/.local/share/letterlock", false},   \
	{                                                                      \
		"key-file", OPTION_TEXT, &(o).key_file, "FILE",                \
		    "the key that wraps it; default ~/.config/letterlock/key", \
		    false                                                      \
	}

struct home {
	struct state *state;
	struct account account;
	struct vault *vault;
	struct certs certs; /* our own and their chain */
	struct certs roots; /* trusted for mail */
	struct resolver *resolver;

	struct reader_key *keys; /* every certificate whose key we hold */
	size_t keys_len;
	struct identity signer;       /* newest valid; cert NULL if none */
	const struct cert *encrypter; /* newest valid, or NULL */

	char directory[1200]; /* URL, the address is appended */
	char tsa[1200];       /* URL */
};

/* In the state folder, not wrapped: a person writes it (doc/formats.md). */
#define HOME_TRUST "trust-settings"

#define HOME_OWNED __attribute__((cleanup(home_done)))

void home_init(struct home *home);
void home_done(struct home *home);

/* Open the state (made if `create`).  Does not load. */
enum rc home_open(struct home *home, const struct home_options *options,
    bool create, struct err *err);
/* Read what is there of account, keys and certificates; RC_ABSENT: no account
 * yet, run setup. */
enum rc home_load(struct home *home, struct err *err);
/* What is derived: resolver, roots, URLs, identities. */
enum rc home_prepare(struct home *home, struct err *err);
/* Lends the key of one of our certificates; NULL: of none, or no certificate. */
const struct key *home_key_of(const struct home *home, const struct cert *cert);
/* Where it would be. */
enum rc home_trust_path(const struct home *home, struct buf *path,
    const char **ret, struct err *err);
void home_enrol(const struct home *home, int timeout, struct enrol *ret);

#endif
