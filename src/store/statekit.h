/* store/statekit -- for tests: an empty state in a folder of its own.
 *
 * Only included by tests.  The folder is below /tmp, and gone with all that is
 * in it when the state is.
 */
#ifndef STORE_STATEKIT_H
#define STORE_STATEKIT_H

#include <stdio.h>

#include "base/expect.h"
#include "store/state.h"

struct statekit {
	char root[64];
	struct state *state;
};

static inline void
statekit_init(struct statekit *kit)
{
	struct err why = ERR_NONE;
	char folder[96], key[96];

	(void)snprintf(kit->root, sizeof(kit->root), "/tmp/state-kit-XXXXXX");
	assert_non_null(mkdtemp(kit->root));
	(void)snprintf(folder, sizeof(folder), "%s/state", kit->root);
	(void)snprintf(key, sizeof(key), "%s/key", kit->root);
	assert_done(state_open(folder, key, true, &kit->state, &why), why);
}

/* What cmocka's tear-down returns. */
static inline int
statekit_done(struct statekit *kit)
{
	char command[96];

	state_free(kit->state);
	kit->state = NULL;
	(void)snprintf(command, sizeof(command), "rm -r '%s'", kit->root);
	return system(command);
}

/* cmocka's set-up and tear-down, for tests whose context is a struct state. */
static struct statekit statekit_one;

static inline int
statekit_set_up(void **context)
{
	statekit_init(&statekit_one);
	*context = statekit_one.state;
	return 0;
}

static inline int
statekit_tear_down(void **context)
{
	(void)context;
	return statekit_done(&statekit_one);
}

#define STATEKIT_TEST(name)              \
	cmocka_unit_test_setup_teardown( \
	    name, statekit_set_up, statekit_tear_down)

#endif
