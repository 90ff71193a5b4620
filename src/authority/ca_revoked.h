/* authority/ca_revoked -- the authority's own certificates that nobody shall
 * rely on any more: of issuing CAs, TSA CAs and TSAs.
 *
 * Standard:  RFC 5280 section 5.3.1; the S/MIME Baseline Requirements section
 *            7.2.2: the reason is always said.
 * May use:   base pki store.
 * Not here:  the list that tells of it (authority/lists); whose key is there
 *            to sign it (cmd).  Responders for OCSP: theirs say "no check", and
 *            live for a week.
 *
 * A revocation is never taken back.  What the CA issued is not touched, but the
 * directory does not have it any more (authority/directory, authority/smimea):
 * it cannot be relied on either.
 */
#ifndef AUTHORITY_CA_REVOKED_H
#define AUTHORITY_CA_REVOKED_H

#include <openssl/x509.h>

#include "store/sql.h"

/* "cACompromise", "superseded", ...; -1: not a reason for one of ours. */
int ca_revoked_reason_find(const char *name);

struct ca_revoked_wish {
	const X509 *cert;
	int reason;
	const char *by; /* the actor of authority/audit.h */
	int64_t now;
};

/* Within a transaction of the caller.  RC_REFUSED: it is revoked already.
 * RC_UNFIT: a root (whoever does not trust it any more takes it out of what is
 * trusted: it cannot speak against itself), or not a reason. */
enum rc ca_revoked_add(
    struct sql *sql, const struct ca_revoked_wish *wish, struct err *err);

/* Is it, or the one above it? */
enum rc ca_revoked_check(struct sql *sql, const X509 *cert, const X509 *above,
    bool *ret_revoked, struct err *err);

/* Append what the list of this issuer says (authority/crl_make). */
enum rc ca_revoked_list(
    struct sql *sql, const X509 *issuer, struct buf *entries, struct err *err);

#endif
