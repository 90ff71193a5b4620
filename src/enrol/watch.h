/* enrol/watch -- what waits at the authority for this device's word, looked at
 * again and again.
 *
 * State item "guard" (JSON, doc/formats.md): how many requests were open at the
 * last look, for whoever asks without a network.
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_WATCH_H
#define ENROL_WATCH_H

#include "base/strlist.h"
#include "enrol/enrol.h"

struct watch {
	const struct enrol *enrol;
	struct strlist told; /* what the looks before have seen */
};
#define WATCH_OWNED __attribute__((cleanup(watch_done)))
void watch_done(struct watch *watch);

/* Look once: *ret is what no look before has seen in this state (open, or used
 * by the recovery code), and the item is saved.  RC_ABSENT: this authority
 * tells devices nothing, or we have no account there. */
enum rc watch_look(
    struct watch *watch, struct acme_wishes *ret, struct err *err);

/* What the last look saw.  RC_ABSENT: there was none. */
struct watch_seen {
	size_t open;
	int64_t at;
};
enum rc watch_load(
    const struct state *state, struct watch_seen *ret, struct err *err);

#endif
