/* keydir/person -- where what is remembered of one address is kept.
 *
 * May use:   base codec os mime pki proto dns net store.
 */
#ifndef KEYDIR_PERSON_H
#define KEYDIR_PERSON_H

#include "store/state.h"

#define PERSON_FOLDER "people"
#define PERSON_NAME_MAX 96

/* The item's name, "people/MAC" and `ending`: the same for an address however
 * it is written (address_canonical()).  It does not tell whose it is to who can list the folder. */
enum rc person_item(const struct state *state, const char *address,
    const char *ending, char ret[PERSON_NAME_MAX], struct err *err);

#endif
