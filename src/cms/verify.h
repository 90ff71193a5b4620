/* cms/verify -- check the signatures over one MIME entity, as a stream.
 *
 * Standard:  RFC 5652 section 5.4 to 5.6 and 11.4 (countersignatures), RFC
 *            8933 (one digest), RFC 6211 (CMSAlgorithmProtection), RFC 8551
 *            section 2.5 (attributes), RFC 8550 section 4.2 and RFC 5035
 *            (signingCertificate names the signer), RFC 2634 (receipts).
 * May use:   base codec mime pki.  No I/O, no clock.
 * Limits:    1 MiB of CMS: detached, of all of it, CRLs too; opaque, but for
 *            content and CRLs.  VERIFY_SIGNERS_MAX, CERTS_MAX certificates of
 *            CERT_DER_MAX; the content has none, and is not kept.
 * Not here:  chains and trust (pki/chain), what it means (flow/verdict),
 *            timestamps (cms/stamp).
 *
 * Detached: new -> [expect] -> push_content* and push_cms*, in any order ->
 * finish.  Opaque: new -> push_cms* -> finish.
 *
 * Facts only: which signer, is the mathematics right, and what is claimed.
 * Policy of ours kept here because it is about bytes: no signed attributes, or
 * MD5 or SHA-1, or RSA below 2048 bits is `broken` with its reason.
 */
#ifndef CMS_VERIFY_H
#define CMS_VERIFY_H

#include "base/buf.h"
#include "cms/receipt.h"
#include "pki/cert.h"
#include "pki/crl.h"
#include "pki/ocsp.h"

#define VERIFY_SIGNERS_MAX 16
#define VERIFY_TOKENS_MAX 8
#define VERIFY_COUNTERS_MAX 4

struct seen;
struct verify;

/* A countersignature: somebody signed a signature (RFC 5652 section 11.4).
 * It is unsigned itself, as timestamps are: anybody can remove it. */
struct verify_counter {
	bool valid;
	const char *reason; /* as of a signer */
	struct cert *cert;  /* owned; NULL if it is not among them */
	int64_t claimed_time;
};

struct verify_signer {
	bool valid;
	const char *reason; /* static code if not valid: "sig.digest-mismatch",
			     * "sig.invalid", "sig.attr-missing",
			     * "sig.no-attributes", "sig.alg-weak",
			     * "sig.no-certificate", "sig.micalg",
			     * "sig.certificate-mismatch", "sig.unsupported",
			     * "sig.unreadable", "sig.limit" */
	struct cert *cert; /* owned; NULL if it is not among the certificates */
	int64_t claimed_time;  /* signingTime; 0 if absent */
	const char *digest;    /* "SHA-256"; NULL: none that we know */
	const char *algorithm; /* "ECDSA", "ML-DSA-65"; NULL: unknown */
	struct buf signature;  /* the signature value: what a token is about */

	/* TimeStampTokens, DER, not verified here: stamp_verify(). */
	struct buf token[VERIFY_TOKENS_MAX];
	size_t tokens;
	size_t tokens_found; /* also those too many or too long for the list */
	struct verify_counter counter[VERIFY_COUNTERS_MAX];
	size_t counters;
	size_t counters_found;

	/* Of a valid signer only; claims of the signer's. */
	struct buf capabilities;     /* DER SMIMECapabilities; may be empty */
	struct cert *key_preference; /* owned; encrypt to this one; or NULL */
	struct receipt_request receipt;
};

struct verify_result {
	struct verify_signer signer[VERIFY_SIGNERS_MAX];
	size_t signers;
	struct certs certs; /* every certificate in it, for the chain */
	/* and what it says about revocation; claims, as all of it */
	struct crls crls;
	struct ocsps ocsps;
	bool opaque;     /* the content was in it */
	bool is_receipt; /* what is signed is a Receipt: receipt_parse() */
};

#define VERIFY_RESULT_OWNED __attribute__((cleanup(verify_result_done)))

enum rc verify_new(struct verify **ret, struct err *err);
void verify_free(struct verify *verify);

/* Detached content is about to come before its signature: `micalg` says which
 * digests to run over it ("sha-256", "sha-384,sha-512"; any case; old names
 * such as sha1 are passed over).  If it says nothing of use (NULL: it is not
 * there) or this is never called, SHA-256, SHA-384 and SHA-512 are run.  A
 * signer with another digest is "sig.micalg".  Where the signature has come
 * first, it says so itself and this is passed over. */
enum rc verify_expect(
    struct verify *verify, const char *micalg, struct err *err);
/* Run every digest there is: for one whose `micalg` was found to be wrong. */
enum rc verify_expect_all(struct verify *verify, struct err *err);

/* Where certificates of former letters are: one with the same bytes is not
 * parsed again.  Borrowed until verify_free(). */
void verify_know(struct verify *verify, struct seen *seen);

/* A signed receipt is welcome as well (verify_result.is_receipt); else it is
 * RC_SYNTAX as everything that is no id-data. */
void verify_accept_receipt(struct verify *verify);

/* The next bytes of the CMS SignedData, BER or DER.  Appends the content that
 * is in it to `quarantine`: NOBODY may be shown it before verify_finish() said
 * RC_OK and a signer is valid; after a failure what it holds must be thrown
 * away.  The caller drains it as it likes between calls.  NULL: no content may
 * be in it (RC_SYNTAX).  A SignedData with content inside that also got
 * detached bytes is RC_SYNTAX: two contents, two readers.  RC_LIMIT.  After a
 * failure every call fails. */
enum rc verify_push_cms(struct verify *verify, struct span der,
    struct buf *quarantine, struct err *err);
/* Detached: the next bytes of the signed entity. */
enum rc verify_push_content(
    struct verify *verify, struct span bytes, struct err *err);

/* Check.  *ret is filled on RC_OK whatever the signatures are worth. */
enum rc verify_finish(
    struct verify *verify, struct verify_result *ret, struct err *err);
void verify_result_done(struct verify_result *result);
/* One that was allocated; NULL is fine. */
void verify_result_free(struct verify_result *result);

#endif
