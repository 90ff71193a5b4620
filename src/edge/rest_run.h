/* edge/rest_run -- one round over all mailboxes: what their owner wants sealed
 * is sealed, and what not is restored; and how much can still be read.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_REST_RUN_H
#define EDGE_REST_RUN_H

#include "edge/rest_pass.h"
#include "edge/rest_settings.h"

/* Why nothing is done, though it was asked for. */
enum rest_hindrance {
	REST_FREE,
	REST_NO_COPY, /* of the keys, or older than one of them */
	REST_NO_MARK, /* the encrypting key makes none */
	REST_NO_UIDPLUS,
	REST_ARCHIVES, /* the mail server keeps what is removed */
};

struct rest_round {
	struct rest_report report; /* of all mailboxes */
	size_t mailboxes;
	enum rest_hindrance hindrance;
	bool (*go_on)(void *self);
	void *self;
};

/* One round by the settings as they are now. */
enum rc rest_run(
    const struct agent *agent, struct rest_round *round, struct err *err);

/* Are there keys that no copy of the keys has? */
enum rc rest_keys_copied(const struct agent *agent,
    const struct rest_settings *settings, bool *ret, struct err *err);

/* One mailbox of an audit. */
struct rest_count {
	size_t letters, readable;
};
/* Count; nothing is opened and nothing changed. */
enum rc rest_count(const struct agent *agent, struct imap_link *link,
    const char *mailbox, struct rest_count *ret, struct err *err);

/* What the last round of the agent came to: state item "rest-report". */
struct rest_last {
	int64_t at; /* 0: there was none */
	struct rest_report report;
	enum rest_hindrance hindrance;
	bool failed; /* it did not come to its end */
};
enum rc rest_last_save(
    const struct state *state, const struct rest_last *last, struct err *err);
enum rc rest_last_load(
    const struct state *state, struct rest_last *ret, struct err *err);
/* In words, for a person; "" for REST_FREE. */
const char *rest_hindrance_text(enum rest_hindrance hindrance);

#endif
