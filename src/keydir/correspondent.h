/* keydir/correspondent -- what people's own signed letters said they can read.
 *
 * RFC 8551 section 2.7.1: the capabilities in a signature are remembered with
 * the time they were signed; newer ones replace older ones.  Only what stood in
 * a valid signature bound to the address may be brought here: whoever could
 * write something else could have letters sealed in a weaker form.
 *
 * May use:   base codec os mime pki proto dns net store.
 * Format:    doc/formats.md, "people/".
 */
#ifndef KEYDIR_CORRESPONDENT_H
#define KEYDIR_CORRESPONDENT_H

#include "pki/capability.h"
#include "store/state.h"

/* A signing time so far ahead is a clock that is wrong, or somebody who wants
 * to be believed for ever: not remembered. */
#define CORRESPONDENT_AHEAD_MAX (24 * 60 * 60)

struct correspondent {
	unsigned ciphers;  /* a set of enum capability */
	int64_t signed_at; /* when they said so */
};

/* Remember, unless something newer is known or `signed_at` is not yet.
 * `address` in any case of letters.  Writes only when something changed. */
enum rc correspondent_learn(const struct state *state, const char *address,
    const struct correspondent *said, int64_t now, struct err *err);

/* RC_ABSENT: nothing was ever learnt.  RC_CRYPTO, RC_SYNTAX: what is there
 * cannot be read. */
enum rc correspondent_recall(const struct state *state, const char *address,
    struct correspondent *ret, struct err *err);

#endif
