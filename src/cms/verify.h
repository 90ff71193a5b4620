/* cms/verify -- check the signatures over one MIME entity.
 *
 * Standard:  RFC 5652 section 5.4 to 5.6, RFC 8933 (one digest), RFC 8550
 *            section 4.2 and RFC 5035 (signingCertificate names the signer).
 * May use:   base codec mime pki.  No I/O, no clock.
 * Limits:    128 MiB of CMS, VERIFY_SIGNERS_MAX, CERTS_MAX; content that is
 *            detached is only hashed, and has none.
 * Not here:  chains and trust (pki/chain), what it means (flow/verdict).
 *
 * Facts only: which signer, is the mathematics right, and what is claimed.
 * Policy of ours kept here because it is about bytes: no signed attributes, or
 * MD5 or SHA-1, or RSA below 2048 bits is `broken` with its reason.
 */
#ifndef CMS_VERIFY_H
#define CMS_VERIFY_H

#include "base/buf.h"
#include "pki/cert.h"

#define VERIFY_SIGNERS_MAX 16

struct verify;

struct verify_signer {
	bool valid;
	const char *reason; /* static code if not valid: "sig.digest-mismatch",
			     * "sig.invalid", "sig.attr-missing",
			     * "sig.alg-weak", "sig.no-certificate",
			     * "sig.certificate-mismatch", "sig.unsupported" */
	struct cert *cert; /* owned; NULL if it is not among the certificates */
	int64_t claimed_time; /* signingTime; 0 if absent */
	struct buf signature; /* the signature value: what a token is about */
	struct buf token;     /* first TimeStampToken, DER; empty if none */
	size_t tokens;        /* how many there were */
};

struct verify_result {
	struct verify_signer signer[VERIFY_SIGNERS_MAX];
	size_t signers;
	struct certs certs; /* every certificate in it, for the chain */
};

#define VERIFY_RESULT_OWNED __attribute__((cleanup(verify_result_done)))

enum rc verify_new(struct verify **ret, struct err *err);
void verify_free(struct verify *verify);

/* The next bytes of the CMS SignedData, BER or DER. */
enum rc verify_push_cms(
    struct verify *verify, struct span der, struct err *err);
/* Detached: the next bytes of the signed entity. */
enum rc verify_push_content(
    struct verify *verify, struct span bytes, struct err *err);

/* Check.  For opaque SignedData the content is appended to `content`
 * (else nothing is).  A SignedData with content inside that also got detached
 * bytes is RC_SYNTAX: two contents, two readers.  *ret is filled on RC_OK
 * whatever the signatures are worth. */
enum rc verify_finish(struct verify *verify, struct buf *content,
    struct verify_result *ret, struct err *err);
void verify_result_done(struct verify_result *result);

#endif
