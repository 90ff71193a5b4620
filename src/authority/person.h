/* authority/person -- who comes with a certificate of ours.
 *
 * TLS has shown that the client has the key; here is found whose it is: byte
 * for byte a signing certificate that we issued, in force and not revoked.  No
 * other authority's word counts, and no password does.
 *
 * May use:   base pki store.
 */
#ifndef AUTHORITY_PERSON_H
#define AUTHORITY_PERSON_H

#include "store/sql.h"

struct person {
	char *address;
	char *serial; /* hex */
	int64_t account;
	bool is_operator;
};
#define PERSON_OWNED __attribute__((cleanup(person_done)))
void person_done(struct person *person);

/* RC_REFUSED: nobody whom we know. */
enum rc person_find(struct sql *sql, struct span der, int64_t now,
    struct person *ret, struct err *err);

/* The account that got the certificate is an operator's from now on; so are
 * the certificates that it gets later, but no other account's of the same
 * mailbox.  Within the caller's transaction.  RC_REFUSED: it is one already. */
enum rc person_add_operator(
    struct sql *sql, const struct person *person, int64_t now, struct err *err);
/* RC_ABSENT: there is none with that address. */
enum rc person_remove_operator(
    struct sql *sql, const char *address, int64_t now, struct err *err);

#endif
