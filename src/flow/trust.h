/* flow/trust -- what a reader believes each root and each server.
 *
 * A small text file, one statement a line (doc/formats.md):
 *
 *	root SHA-256 LEVEL DOMAIN ...
 *	tsa SHA-256
 *	authserv NAME [by HOST]
 *	public-roots
 *	dkim
 *
 * A root that is not named vouches for addresses alone (V1), of any domain: so
 * no authority names an organisation because it can write its name.
 *
 * A root that is named as `root` proves time only if it is named as `tsa` too:
 * who was let in for one domain could else stamp, at any date, what thieves
 * sign in the name of all others.
 *
 * Standard:  RFC 5937 section 1 (limits that a trust anchor cannot set for
 *            itself); RFC 8601 section 5 for `authserv` (flow/transport).
 * May use:   base codec mime pki.  No I/O, no clock.
 * Limits:    struct trust_limits: RC_LIMIT.
 */
#ifndef FLOW_TRUST_H
#define FLOW_TRUST_H

#include "pki/cert.h"

#define TRUST_SERVERS_MAX 16
#define TRUST_STAMPERS_MAX 64
#define TRUST_DOMAIN_MAX 253

struct trust_limits {
	size_t text;     /* bytes of a file */
	size_t grants;   /* domains, in all */
	size_t servers;  /* TRUST_SERVERS_MAX at most */
	size_t stampers; /* TRUST_STAMPERS_MAX at most */
};

static const struct trust_limits trust_default = {
    .text = (size_t)256 * 1024,
    .grants = 2000,
    .servers = TRUST_SERVERS_MAX,
    .stampers = TRUST_STAMPERS_MAX,
};

/* That root may name addresses of this domain, up to this level. */
struct trust_grant {
	char root[65]; /* SHA-256 of its DER, lower-case hexadecimal */
	enum cert_level level;
	enum { TRUST_ANY, TRUST_EXACT, TRUST_BELOW } match;
	char domain[TRUST_DOMAIN_MAX + 1]; /* "" for TRUST_ANY */
};

/* A server whose Authentication-Results count. */
struct trust_server {
	char name[TRUST_DOMAIN_MAX + 1]; /* its authserv-id */
	char by[TRUST_DOMAIN_MAX + 1];   /* its name in Received, or "" */
};

/* A root that proves time: the SHA-256 of its DER, lower-case hexadecimal. */
struct trust_stamper {
	char root[65];
};

struct trust {
	struct trust_grant *grant; /* owned */
	size_t grants, cap;
	struct trust_server server[TRUST_SERVERS_MAX];
	size_t servers;
	struct trust_stamper stamper[TRUST_STAMPERS_MAX];
	size_t stampers;
	bool public_roots; /* the system's are asked for too */
	bool dkim;         /* a sender's domain may be asked for its key */
	const struct trust_limits *limits; /* NULL: trust_default */
};

#define TRUST_NONE ((struct trust){.grant = NULL})
#define TRUST_OWNED __attribute__((cleanup(trust_done)))
void trust_done(struct trust *trust);

/* Add what a file says.  RC_SYNTAX, RC_LIMIT: with the line; `ret` is as it
 * was. */
enum rc trust_parse(struct span text, struct trust *ret, struct err *err);

/* "NAME" or "NAME by HOST": one more server. */
enum rc trust_add_server(
    struct trust *trust, struct span text, struct err *err);

struct trust_answer {
	bool domain; /* it may name addresses of the domain */
	bool level;  /* and may do so up to this level */
};

/* Is the domain (ASCII or UTF-8) one of those? */
bool trust_covers(const struct trust_grant *grant, const char *domain);

/* `trust`: NULL for nothing said.  `domain`: in ASCII or UTF-8, "" if the
 * certificate names none. */
struct trust_answer trust_ask(const struct trust *trust,
    const struct cert *root, const char *domain, enum cert_level level);

/* Add those of `roots` that may prove time: who has no `root` line, or has a
 * `tsa` one.  RC_LIMIT: `ret` is full. */
enum rc trust_add_stampers(const struct trust *trust, const struct certs *roots,
    struct certs *ret, struct err *err);

/* Add those of the system's roots that mail can use at `now`: valid, and not
 * made for something else.  RC_LIMIT: `ret` is full. */
enum rc trust_add_public(const struct certs *system, int64_t now,
    struct certs *ret, struct err *err);

#endif
