/* pki/ocsp -- one answer about the status of certificates, and the question.
 *
 * Standard:  RFC 6960 section 4, RFC 9654 (nonces).
 * May use:   base.
 * Library:   ASN.1 is OpenSSL's.  Whether an answer may be believed is decided
 *            by chain: OCSP_basic_verify() builds paths of its own.
 * Limits:    struct ocsp_limits, which a set carries with it.
 */
#ifndef PKI_OCSP_H
#define PKI_OCSP_H

#include "base/buf.h"
#include "pki/cert.h"

struct ocsp_limits {
	size_t answers;
	size_t der; /* bytes of one; in PEM, twice that of all */
	int certs;  /* in one */
};

static const struct ocsp_limits ocsp_default = {
    .answers = 256,
    .der = (size_t)64 << 10,
    .certs = 8,
};

#define OCSP_NONCE_LEN 32 /* RFC 9654 section 2.1 */

struct ocsp; /* immutable; shared by counting, also between threads */

struct ocsps {
	struct ocsp **item; /* one reference each */
	size_t len;
	const struct ocsp_limits *limits; /* NULL: ocsp_default */
};

#define OCSPS_NONE ((struct ocsps){NULL, 0, NULL})
#define OCSPS_OWNED __attribute__((cleanup(ocsps_done)))

/* Add one OCSPResponse.  RC_SYNTAX: no answer, or not DER.  RC_REFUSED: the
 * responder said that it does not answer.  RC_LIMIT: beyond a limit.  On
 * failure `ocsps` is as it was. */
enum rc ocsps_add(struct ocsps *ocsps, struct span der, struct err *err);
/* One in DER, or every "OCSP RESPONSE" of a PEM text.  RC_ABSENT: none. */
enum rc ocsps_parse(struct ocsps *ocsps, struct span text, struct err *err);
void ocsps_done(struct ocsps *ocsps);

/* Add an answer that another set has: counted, not copied.  One that is there
 * already is not added twice. */
enum rc ocsps_share(struct ocsps *ocsps, struct ocsp *ocsp, struct err *err);
enum rc ocsps_share_all(
    struct ocsps *ocsps, const struct ocsps *from, struct err *err);

/* Lends; valid as long as the answer. */
struct span ocsp_der(const struct ocsp *ocsp);
int64_t ocsp_produced(const struct ocsp *ocsp); /* producedAt */
/* The earliest nextUpdate in it; INT64_MIN: one has none. */
int64_t ocsp_until(const struct ocsp *ocsp);

/* The question about `cert`, whose issuer is `issuer`, with SHA-1 identifiers:
 * the only ones that every responder knows (RFC 5019 section 2.1.1). */
enum rc ocsp_request(const struct cert *cert, const struct cert *issuer,
    struct span nonce, struct buf *der, struct err *err);

/* RC_UNFIT: the answer to another's question.  A responder may leave the nonce
 * out (its answers were made before): RC_OK, and the times decide (RFC 9654
 * section 2.1, RFC 5019 section 4). */
enum rc ocsp_check_nonce(
    const struct ocsp *ocsp, struct span nonce, struct err *err);

#endif
