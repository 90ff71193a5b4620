/* pki/crl -- one certificate revocation list, and what it says.
 *
 * Standard:  RFC 5280 section 5: full, partitioned, indirect and delta lists.
 * May use:   base.
 * Not here:  whether a list is about a certificate, and may be believed
 *            (chain).
 * Limits:    struct crl_limits, which a set carries with it.  A list is
 *            kept as it came and searched from its beginning: no memory for
 *            each entry, and time that grows with its length only.
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "base/buf.h"

struct crl_limits {
	size_t lists;
	size_t bytes; /* of DER, in all of them */
	size_t text;  /* of one PEM text */
};

static const struct crl_limits crl_default = {
    .lists = 256,
    .bytes = (size_t)64 << 20,
    .text = (size_t)100 << 20,
};

struct crl; /* immutable; shared by counting, also between threads */

struct crls {
	struct crl **item; /* one reference each */
	size_t len;
	size_t bytes;                    /* of DER, in all of them */
	const struct crl_limits *limits; /* NULL: crl_default */
};

#define CRLS_NONE ((struct crls){NULL, 0, 0, NULL})
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
