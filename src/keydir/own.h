/* keydir/own -- the domains that the reader said are the reader's own.
 *
 * One item of the state, "people/own".  Who changes anything that a running
 * agent has read says so here (own_touch()): the agent looks at this one item.
 *
 * May use:   base codec os mime pki proto dns net store.
 * Format:    doc/formats.md, "people/own".
 * Limits:    OWN_MAX domains: RC_LIMIT.
 */
#ifndef KEYDIR_OWN_H
#define KEYDIR_OWN_H

#include "store/state.h"

#define OWN_MAX 500

/* Append the domains.  None, if nothing was ever said. */
enum rc own_list(
    const struct state *state, struct strlist *ret, struct err *err);
/* RC_SYNTAX: not a domain's characters.  One that is there already stays. */
enum rc own_add(const struct state *state, const char *domain, struct err *err);
/* RC_ABSENT: it is not there. */
enum rc own_remove(
    const struct state *state, const char *domain, struct err *err);

/* Something about people was changed, beside the agent. */
enum rc own_touch(const struct state *state, struct err *err);
/* Another number after each such change. */
uint64_t own_stamp(const struct state *state);

/* --- for its test and fuzz target --- */

enum rc own_parse(struct span text, struct strlist *ret, struct err *err);

#endif
