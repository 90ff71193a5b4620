/* authority/operator -- `letterlock-authority operator`: whoever has the folder
 * says who decides on other people's mailboxes (authority/person.h).
 *
 * May use:   base os pki store.
 */
#ifndef AUTHORITY_OPERATOR_H
#define AUTHORITY_OPERATOR_H

#include "base/buf.h"

/* Of the person's certificate, as PEM; the address is appended.  RC_REFUSED: it
 * is none of ours that is in force, or they are an operator already. */
enum rc operator_add(
    const char *folder, struct span pem, struct buf *address, struct err *err);
/* RC_ABSENT: there is no such operator. */
enum rc operator_remove(
    const char *folder, const char *address, struct err *err);

#endif
