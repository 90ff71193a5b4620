/* cms/stamp -- RFC 3161 timestamps, both sides.
 *
 * Standard:  RFC 3161, 5816 (ESSCertIDv2), RFC 5126 section 6.1 (imprint over
 *            the signature value).  Tokens of any signer that cms/sign makes:
 *            RSA, PSS, ECDSA, EdDSA.
 * May use:   base codec mime pki.  No I/O, no clock.
 */
#ifndef CMS_STAMP_H
#define CMS_STAMP_H

#include "base/buf.h"
#include "pki/chain.h"
#include "pki/key.h"

#define STAMP_MAX ((size_t)64 * 1024)

struct stamp_nonce {
	uint8_t bytes[16]; /* the first one not zero, high bit clear */
};

/* Append a TimeStampReq for a SHA-256 imprint, certReq TRUE. */
enum rc stamp_request(const uint8_t sha256[32], const struct stamp_nonce *nonce,
    struct buf *der, struct err *err);

#define STAMP_SERIAL_MAX 20 /* RFC 3161 section 2.4.2: 160 bits */
#define STAMP_POLICY_MAX 64 /* octets of an OID */

struct stamp_result {
	int64_t when;              /* genTime, without its fraction */
	struct chain_result chain; /* of the TSA's certificate, at genTime */
	int64_t accuracy; /* +- microseconds; 0: the TSA does not say */
	bool ordering;    /* its tokens are in the order of their times */
	uint8_t serial[STAMP_SERIAL_MAX]; /* big-endian */
	size_t serial_len;
	uint8_t policy[STAMP_POLICY_MAX]; /* content octets of the OID */
	size_t policy_len;
	/* for whoever judges the chain by himself: the TSA's certificate and
	 * what came with it */
	struct cert *tsa; /* owned */
	struct certs certs;
	struct crls crls;
	struct ocsps ocsps;
};

#define STAMP_RESULT_OWNED __attribute__((cleanup(stamp_result_done)))

/* Read a TimeStampResp: status, signature, imprint, nonce and that its time is
 * within STAMP_WINDOW and its own accuracy of `now` (0: no clock to compare
 * with) are checked; append the token.  Not checked here: the chain of the TSA
 * (stamp_verify() says it).  RC_REFUSED with the TSA's own words: it said no.
 * RC_UNFIT: the answer to something else, or of another time. */
#define STAMP_WINDOW 300 /* seconds */
enum rc stamp_response(struct span der, const uint8_t sha256[32],
    const struct stamp_nonce *nonce, int64_t now, struct buf *token,
    struct err *err);

/* Is `token` a timestamp of these bytes (a signature value)?  RC_UNFIT: it is
 * about something else.  RC_CRYPTO: broken.  RC_OK fills *ret; whether the
 * TSA is trusted is in ret->chain. */
enum rc stamp_verify(struct span token, struct span stamped,
    const struct certs *roots, struct stamp_result *ret, struct err *err);
/* The same, and the chain is left to the caller.  `seen`: see verify_know(); may
 * be NULL. */
enum rc stamp_read(struct span token, struct span stamped, struct seen *seen,
    struct stamp_result *ret, struct err *err);
void stamp_result_done(struct stamp_result *result);

/* The authority's side: answer a TimeStampReq with a TimeStampResp, always
 * one, also for a refusal (badAlg, badDataFormat, unacceptedPolicy,
 * unacceptedExtension, timeNotAvailable, and systemFailure when it could not
 * be signed).  `tsa`: certificate whose only EKU
 * is timeStamping, critical; RC_UNFIT if it is not.  `serial`: unique,
 * random.  `now` 0: there is no time to be trusted (timeNotAvailable). */
struct stamp_authority {
	const struct cert *cert;   /* borrowed */
	const struct certs *chain; /* borrowed; may be NULL */
	/* Append the signature value of the bytes, made with the certificate's
	 * key: by the digest that pki/crypto says belongs to such a key, RSA
	 * with PKCS#1 v1.5. */
	enum rc (*sign)(void *context, struct span bytes, struct buf *signature,
	    struct err *err);
	void *context;
};
enum rc stamp_answer(const struct stamp_authority *tsa, struct span request,
    int64_t now, const uint8_t serial[16], struct buf *response,
    struct err *err);

/* The TimeStampResp for what its carrier kept from being read as a request. */
enum stamp_failure {
	STAMP_OTHER_TYPE, /* badRequest */
	STAMP_TOO_LONG,   /* badDataFormat */
	STAMP_REVOKED,    /* systemFailure */
};
enum rc stamp_refuse(
    enum stamp_failure failure, struct buf *response, struct err *err);

#endif
