/* keydir/issuers -- the certificates between, which a letter left out.
 *
 * Standard:  RFC 5280 section 4.2.2.1 (caIssuers); RFC 4158 section 2.
 * May use:   base codec os mime pki proto dns net store.
 * Not here:  whether a path is good (pki/chain): what comes may help to build
 *            one and is believed in nothing.
 * Privacy:   whoever is asked learns that somebody reads a letter, and the
 *            address is the sender's choice.  So it is for whoever wants it and
 *            says so, and never for a letter that is only being shown.
 * Limits:    struct issuers_limits; the time of a letter (struct
 *            issuer_source); those of net/fetch.
 */
#ifndef KEYDIR_ISSUERS_H
#define KEYDIR_ISSUERS_H

#include "net/fetch.h"
#include "pki/cert.h"

struct issuers_limits {
	size_t body;     /* bytes of one answer */
	size_t certs;    /* in it */
	unsigned places; /* addresses that are asked, all in all */
	size_t kept;     /* answers in the folder */
};

static const struct issuers_limits issuers_default = {
    .body = (size_t)64 << 10,
    .certs = 16,
    .places = 8,
    .kept = 64,
};

/* Whoever knows; behind pointers, for who judges letters without a network
 * shall not load the libraries for one. */
struct issuer_source {
	/* Add to `ret` who may have issued these (pki/orphan).  No address is
	 * asked twice; each is given until `deadline` (os/clock, ticks).  RC_OK
	 * also if there is nobody. */
	enum rc (*find)(void *self, const struct certs *orphans,
	    int64_t deadline, struct certs *ret, struct err *err);
	/* This path is good: what of it was fetched is kept. */
	void (*keep)(void *self, const struct certs *path);
	void *self;
	int budget; /* ms that one letter may wait, if it asks nobody else */
};

struct issuers; /* for one thread at a time */

struct issuers_rules {
	struct fetch_rules fetch;
	const char *folder; /* where answers are kept; NULL: nowhere */
	const struct issuers_limits *limits; /* NULL: issuers_default */
	int budget;                          /* see struct issuer_source */
	bool offline; /* know what is kept, ask and write nothing */
};

/* Borrows what the rules point to until issuers_free().  RC_UNFIT: others may
 * enter the folder. */
enum rc issuers_new(
    const struct issuers_rules *rules, struct issuers **ret, struct err *err);
void issuers_free(struct issuers *issuers); /* NULL is fine */
OWNER(struct issuers, issuers_free);

/* Lends. */
const struct issuer_source *issuers_source(const struct issuers *issuers);

#endif
