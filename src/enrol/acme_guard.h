/* enrol/acme_guard -- what waits at the authority for a device of the mailbox,
 * and the recovery code's word on it.
 *
 * Only an authority of this project has this (doc/formats.md); at others
 * acme_has_guard() says no, and everything else is RC_ABSENT.
 *
 * Errors:    as enrol/acme.
 * May use:   base codec proto net.
 * Limits:    ACME_WISHES_MAX.
 */
#ifndef ENROL_ACME_GUARD_H
#define ENROL_ACME_GUARD_H

#include "enrol/acme.h"

#define ACME_WISHES_MAX 100

/* One wish as the authority tells it; the texts are "" where it says nothing,
 * and printable, but for the address, which is to be compared. */
struct acme_wish {
	char url[ACME_URL_MAX + 1];
	char kind[16];   /* "issue", "revoke", "undo" */
	char status[16]; /* "open", "approved", "refused" */
	char address[321];
	char created[40], expires[40];
	char key[65];    /* hex: SHA-256 of the public key, for "issue" */
	char serial[81]; /* hex, for "revoke" */
	char by[200];    /* who decided */
};

/* The end of its URL: how a person names it. */
const char *acme_wish_name(const struct acme_wish *wish);
bool acme_wish_is_open(const struct acme_wish *wish);

struct acme_wishes {
	struct acme_wish *item; /* owned */
	size_t len;
};
#define ACME_WISHES_OWNED __attribute__((cleanup(acme_wishes_done)))
void acme_wishes_done(struct acme_wishes *wishes);

bool acme_has_guard(const struct acme *acme);

/* Everything a device of the mailbox has to know: what is open, and what the
 * recovery code approved of late. */
enum rc acme_wishes_get(
    struct acme *acme, struct acme_wishes *ret, struct err *err);
/* One, by its URL or by its name.  Only its devices and who asks may see it. */
enum rc acme_wish_get(struct acme *acme, const char *where,
    struct acme_wish *ret, struct err *err);
/* As a device. */
enum rc acme_wish_decide(
    struct acme *acme, struct acme_wish *wish, bool approves, struct err *err);
/* As whoever has the recovery code: `jwk` is the private key of it
 * (vault/recovery).  What is signed is the wish as `wish` has it, so look at it
 * first. */
enum rc acme_wish_prove(struct acme *acme, struct acme_wish *wish,
    struct span jwk, struct err *err);

/* Has the mailbox a recovery code?  RC_REFUSED: we are no device of it. */
enum rc acme_recovery_find(
    struct acme *acme, const char *address, bool *ret, struct err *err);
/* This is its key from now on.  RC_REFUSED: it has one, and `replaces` is not
 * said. */
struct acme_recovery {
	const char *address;
	struct span jwk;
	bool replaces;
};
enum rc acme_recovery_set(
    struct acme *acme, const struct acme_recovery *recovery, struct err *err);

/* As the owner of a domain: have the enrolment of one of its mailboxes undone.
 * It waits for a TXT record. */
struct acme_record {
	char name[300];
	char value[200];
};
enum rc acme_undo(struct acme *acme, const char *address, struct acme_wish *ret,
    struct acme_record *ret_record, struct err *err);

#endif
