/* edge/rest_settings -- which mailboxes lie sealed, as their owner said.
 *
 * State item "rest" (doc/formats.md), read again for every round, so that it
 * can be changed beside a running agent.
 *
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    REST_FOLDERS_MAX mailboxes are named.
 */
#ifndef EDGE_REST_SETTINGS_H
#define EDGE_REST_SETTINGS_H

#include "base/strlist.h"
#include "flow/rest.h"
#include "store/state.h"

#define REST_FOLDERS_MAX 1000

enum rest_mode {
	REST_LEAVE,   /* nothing is done; the beginning */
	REST_SEAL,    /* what came in the clear is stored again, sealed */
	REST_RESTORE, /* what was, is stored again as it came */
};

struct rest_settings {
	enum rest_mode mode;          /* of mailboxes that are not named */
	struct strlist seal, restore; /* mailboxes that are */
	/* When the last copy of the keys was written and read back, 0: never;
	 * and which keys are in it: rest_keys(). */
	int64_t copied_at;
	char copied[REST_KEYS_LEN + 1];
};

#define REST_SETTINGS_NONE \
	((struct rest_settings){REST_LEAVE, STRLIST_NONE, STRLIST_NONE, 0, ""})
#define REST_SETTINGS_OWNED __attribute__((cleanup(rest_settings_done)))
void rest_settings_done(struct rest_settings *settings);

/* Nothing there: as REST_SETTINGS_NONE. */
enum rc rest_settings_load(
    const struct state *state, struct rest_settings *ret, struct err *err);
enum rc rest_settings_save(const struct state *state,
    const struct rest_settings *settings, struct err *err);

enum rest_mode rest_settings_of(
    const struct rest_settings *settings, const char *mailbox);
/* For one mailbox, or (NULL) for all, whatever was said of some. */
enum rc rest_settings_set(struct rest_settings *settings, const char *mailbox,
    enum rest_mode mode, struct err *err);
/* Of the small items here: the next word of a line, and of digits its number
 * (false: it is none). */
struct span rest_word(struct span *line);
bool rest_number(struct span *line, uint64_t *ret);

/* Is anything to be done anywhere? */
bool rest_settings_any(const struct rest_settings *settings);

#endif
