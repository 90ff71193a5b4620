/* enrol/enrol -- get both certificates of a mailbox from its authority.
 *
 * Standard:  RFC 8555, 8823.  Nobody sees or touches anything: order, the
 *            challenge mail, the answer, finalize, certificate; the second
 *            order reuses the authorization.
 * May use:   base codec os mime pki vault proto dns net store.
 *
 *   keys saved -> account -> order -> challenge mail seen (IMAP) -> DKIM and
 *   From checked -> answered (SMTP) -> challenge removed -> valid -> finalize
 *   -> certificate saved        (state item "order" while one is pending, so
 *   that a crash in the middle goes on where it was and the challenge is
 *   recognised as this device's own)
 */
#ifndef ENROL_ENROL_H
#define ENROL_ENROL_H

#include "enrol/account.h"
#include "enrol/acme_guard.h"
#include "net/https.h"
#include "vault/vault.h"

struct enrol {
	const struct account *account;
	struct state *state;
	struct vault *vault;
	const struct resolver *resolver;
	const struct identity *identity; /* to log in with; may be NULL */
	int timeout; /* seconds for all of it; default 120 */
};

/* Certificates we have are kept (one that is still valid for a third of its
 * life is not asked for again).  Appends the chain of what was got to `certs`
 * and saves: "vault", "certs" (PEM: signing, encrypting, chain), "acme".
 * RC_AGAIN: the mailbox has other devices, and one of them has to approve; what
 * was asked for is saved, and the next run goes on with it. */
enum rc enrol_run(
    const struct enrol *enrol, struct certs *certs, struct err *err);

/* What the order that is under way waits for, at the authority where `acme` is
 * logged in.  RC_ABSENT: for nothing.  RC_UNFIT: it is not about our key. */
enum rc enrol_waiting(const struct enrol *enrol, struct acme *acme,
    struct acme_wish *ret, struct err *err);

/* Is this letter a challenge (RFC 8823 section 3.1 by its look), and is it for
 * a pending order of this very device?  RC_ABSENT: no challenge.  RC_OK: ours.
 * RC_REFUSED: a challenge that is not ours, or not signed as it must be: leave
 * it where it is and tell the person that somebody else is trying to get a
 * certificate for this mailbox. */
enum rc enrol_check_challenge(
    const struct enrol *enrol, struct span letter, struct err *err);

#endif
