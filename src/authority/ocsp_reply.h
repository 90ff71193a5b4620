/* authority/ocsp_reply -- write an OCSP answer.
 *
 * Standard:  RFC 6960 section 4.2, RFC 5019 section 2.2 (nextUpdate is always
 *            there, the responder is named by its key).
 * May use:   base pki.  No clock, no database.
 */
#ifndef AUTHORITY_OCSP_REPLY_H
#define AUTHORITY_OCSP_REPLY_H

#include <openssl/x509.h>

#include "authority/ocsp_query.h"
#include "authority/signer.h"

#define OCSP_REPLY_MAX ((size_t)64 * 1024)

/* The answers that are not signed. */
enum ocsp_failure {
	OCSP_MALFORMED = 1,
	OCSP_INTERNAL = 2,
	OCSP_TRY_LATER = 3,
	OCSP_UNAUTHORIZED = 6,
};
enum rc ocsp_reply_failure(
    enum ocsp_failure failure, struct buf *der, struct err *err);

struct ocsp_reply_one {
	struct span id; /* CertID, whole */
	bool revoked;
	int64_t at;
	int reason;
};

struct ocsp_reply {
	X509 *responder;       /* goes with the answer */
	struct signer *signer; /* its key */
	const struct ocsp_reply_one *one;
	size_t len;
	int64_t now;   /* thisUpdate, producedAt */
	int64_t until; /* nextUpdate */
	/* What expired since then is still known (archiveCutoff). */
	int64_t known_since;
	struct span nonce; /* empty: none */
};

/* Append an OCSPResponse. */
enum rc ocsp_reply_make(
    const struct ocsp_reply *reply, struct buf *der, struct err *err);

/* Append a CertID. */
struct ocsp_reply_id {
	enum ocsp_digest digest;
	struct span name_hash, key_hash, serial;
};
enum rc ocsp_reply_print_id(
    const struct ocsp_reply_id *id, struct buf *der, struct err *err);

#endif
