/* authority/claim_shell -- the desk for those who have a shell beside the
 * authority's database.
 *
 * They could write into it what they like; what makes a word one of an operator
 * is the signature, by the key of their certificate, over all that they saw and
 * say (claim_said()).  It is kept with the word.
 *
 * May use:   base codec pki store.
 */
#ifndef AUTHORITY_CLAIM_SHELL_H
#define AUTHORITY_CLAIM_SHELL_H

#include "authority/claim.h"
#include "authority/claim_evidence.h"
#include "authority/claim_fit.h"

/* An operator's certificate and its key, both as PEM. */
struct claim_speaker {
	struct span certificate;
	struct span key;
};
/* Say `word` (whose `who`, `actor` and `signature` are found here) of the claim
 * with that name.  RC_SYNTAX: no certificate, or no key that can be read.
 * RC_REFUSED: no operator's, or as claim_say(); RC_UNFIT: the key is another
 * one's, or as claim_say(). */
enum rc claim_shell_say(struct sql *sql, const struct claim_speaker *speaker,
    const char *name, struct claim_word *word, struct err *err);

/* Ask for a mailbox; the claim is of the account that got its newest
 * certificate.  RC_ABSENT: none of it is in force.  Else as claim_ask() and
 * claim_fit(). */
enum rc claim_shell_ask(struct sql *sql, const struct claim_office *office,
    struct claim_wish *wish, struct claim *ret, struct err *err);

/* Attach a whole file. */
enum rc claim_shell_attach(struct sql *sql, const char *name,
    struct claim_piece *file, struct err *err);

#endif
