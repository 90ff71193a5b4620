/* enrol/order -- what is kept of a certificate that is being asked for.
 *
 * State items, both JSON (doc/formats.md): "acme", the account key at the
 * authority; "order", the one order that is under way.  It is saved before the
 * challenge mail can come, so that this device knows its own challenge, and
 * after a crash goes on where it was.
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_ORDER_H
#define ENROL_ORDER_H

#include "enrol/acme.h"
#include "pki/key.h"
#include "store/state.h"

struct order {
	char authority[1024]; /* directory URL */
	enum key_purpose purpose;
	char url[ACME_URL_MAX + 1];
	/* Of the challenge; "" until one is demanded. */
	char challenge[ACME_URL_MAX + 1];
	char from[321];
	char token[ACME_TOKEN_MAX + 1];
	/* The token-part1 that was answered, or "". */
	char answered[2 * ACME_TOKEN_MAX + 1];
};

/* RC_ABSENT: none is under way. */
enum rc order_load(
    const struct state *state, struct order *ret, struct err *err);
enum rc order_save(
    const struct state *state, const struct order *order, struct err *err);
enum rc order_remove(const struct state *state, struct err *err);

/* Append the account key for that authority (JWK), made and saved if there is
 * none.  `jwk` must be secret. */
enum rc order_account_key(const struct state *state, const char *authority,
    struct buf *jwk, struct err *err);
/* The same without making one.  RC_ABSENT: there is none. */
enum rc order_find_account_key(const struct state *state, const char *authority,
    struct buf *jwk, struct err *err);

#endif
