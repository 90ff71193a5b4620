/* dns/dkim_key -- libopendkim with our resolver: what both who checks a
 * challenge (dkim.c) and who judges any letter (dkim_verify.c) need of it.
 *
 * Only inside dns.
 */
#ifndef DNS_DKIM_KEY_PRIV_H
#define DNS_DKIM_KEY_PRIV_H

#include <sys/types.h>

#include <opendkim/dkim.h>

#include "base/own.h"
#include "dns/resolver.h"
#include "mime/field.h"

#define DKIM_KEY_BITS_MIN 1024 /* RFC 8301 section 3.2 */

/* What the library's callbacks need, and what they found.  Every DKIM of a
 * verifying library has one as its user context. */
struct dkim_keys {
	const struct resolver *resolver;
	/* Whose signatures count?  Nobody else's key is asked for: a letter
	 * must not make us send questions to whomever it likes. */
	bool (*wanted)(const void *self, const char *domain);
	const void *self;
	unsigned most;    /* signatures of the wanted that are looked at */
	int64_t deadline; /* of a monotonic clock, milliseconds; 0: none */
	bool unanswered;  /* a key could not be asked for */
	struct err err;
};

/* `verify`: it asks for keys as `struct dkim_keys` says. */
enum rc dkim_key_library(bool verify, DKIM_LIB **ret, struct err *err);

/* The library's prototypes know no const; it does not write there. */
u_char *dkim_key_bytes(const char *text);

/* RC_SYNTAX with the reason, unless the library is content. */
enum rc dkim_key_status(
    DKIM *dkim, DKIM_STAT got, const char *where, struct err *err);

/* Every field, as the library wants it: lines end with CRLF, and the last one
 * without. */
enum rc dkim_key_fields(
    DKIM *dkim, const struct fields *fields, struct err *err);

/* RC_REFUSED: a weak algorithm or key, or a part of the body is left open. */
enum rc dkim_key_strength(DKIM_SIGINFO *sig, struct err *err);

static inline void
dkim_end(DKIM *dkim)
{
	(void)dkim_free(dkim);
}

OWNER(DKIM_LIB, dkim_close);
OWNER(DKIM, dkim_end);

#endif
