/* pki/crl -- one certificate revocation list, and what it says.
 *
 * Standard:  RFC 5280 section 5: full, partitioned, indirect and delta lists.
 * May use:   base.
 * Not here:  whether a list is about a certificate, and may be believed
 *            (chain).
 * Limits:    CRLS_MAX lists, CRLS_BYTES_MAX of DER in all of them.  A list is
 *            kept as it came and searched from its beginning: no memory for
 *            each entry, and time that grows with its length only.
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "base/buf.h"

#define CRLS_MAX 256
#define CRLS_BYTES_MAX ((size_t)64 << 20)

struct crl; /* immutable; shared by counting, also between threads */

struct crls {
	struct crl **item; /* one reference each */
	size_t len;
	size_t bytes; /* of DER, in all of them */
};

#define CRLS_NONE ((struct crls){NULL, 0, 0})
#define CRLS_OWNED __attribute__((cleanup(crls_done)))

/* Add one list.  RC_SYNTAX: no CRL, not DER, an extension twice or damaged.
 * RC_LIMIT: beyond a limit.  On failure `crls` is as it was. */
enum rc crls_add(struct crls *crls, struct span der, struct err *err);
/* Add every list of a PEM text (other blocks are passed over), or one in DER.
 * RC_ABSENT: there is none. */
enum rc crls_parse(struct crls *crls, struct span pem, struct err *err);
void crls_done(struct crls *crls);

/* Add a list that another set has: counted, not copied.  One that is there
 * already is not added twice. */
enum rc crls_share(struct crls *crls, struct crl *crl, struct err *err);
enum rc crls_share_all(
    struct crls *crls, const struct crls *from, struct err *err);

/* Lends; valid as long as the list. */
struct span crl_der(const struct crl *crl);
int64_t crl_from(const struct crl *crl); /* thisUpdate */
bool crl_is_delta(const struct crl *crl);
/* nextUpdate; INT64_MIN: it does not say. */
int64_t crl_until(const struct crl *crl);

#endif
