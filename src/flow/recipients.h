/* flow/recipients -- the people one letter goes to, with their certificates.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 */
#ifndef FLOW_RECIPIENTS_H
#define FLOW_RECIPIENTS_H

#include "flow/outgoing.h"
#include "keydir/keydir.h"

struct recipients {
	struct recipient
	    *item; /* owned, with a reference of each certificate */
	size_t len;
};

#define RECIPIENTS_NONE ((struct recipients){NULL, 0})

/* Find the certificate of one more recipient; the same address twice counts
 * once.  Errors as keydir_find(), and RC_SYNTAX for what is no address. */
enum rc recipients_add(struct recipients *recipients,
    const struct keydir *keydir, const char *address, int64_t now,
    struct err *err);
void recipients_done(struct recipients *recipients);

#endif
