/* authority/ocsp_query -- read what somebody asks an OCSP responder.
 *
 * Standard:  RFC 6960 section 4.1, RFC 9654 (nonces).
 * May use:   base pki.
 * Not here:  who signed the question: anybody may ask.
 * Limits:    OCSP_QUERY_MAX bytes, OCSP_QUERY_CERTS_MAX certificates.
 */
#ifndef AUTHORITY_OCSP_QUERY_H
#define AUTHORITY_OCSP_QUERY_H

#include "base/err.h"
#include "base/span.h"

#define OCSP_QUERY_MAX ((size_t)8 * 1024)
#define OCSP_QUERY_CERTS_MAX 16

enum ocsp_digest { OCSP_SHA1, OCSP_SHA256, OCSP_OTHER_DIGEST };

/* "sha1", "sha256"; how the database calls them. */
const char *ocsp_digest_name(enum ocsp_digest digest);

/* One certificate that is asked about; all spans lie in the question. */
struct ocsp_query_cert {
	struct span id; /* the whole CertID, to be repeated in the answer */
	enum ocsp_digest digest;
	bool usual; /* the digest's parameters are NULL, as ours are */
	struct span name_hash, key_hash;
	struct span serial; /* the content of the INTEGER */
};

struct ocsp_query {
	struct ocsp_query_cert cert[OCSP_QUERY_CERTS_MAX];
	size_t len;
	struct span nonce; /* empty: none */
};

/* RC_SYNTAX: no OCSPRequest in DER, a nonce that may not be (RFC 9654 section
 * 2.1), or a critical extension that nobody here knows.  RC_LIMIT: too much
 * at once. */
enum rc ocsp_query_parse(
    struct span der, struct ocsp_query *ret, struct err *err);

#endif
