/* cms/sign -- sign one MIME entity: a detached signature (multipart/signed),
 * or one with the entity inside (application/pkcs7-mime).
 *
 * Standard:  RFC 5652 section 5, RFC 8551 section 2.5 (attributes: contentType,
 *            messageDigest, signingTime, smimeCapabilities,
 *            smimeEncryptionKeyPreference, RFC 5035 signingCertificateV2,
 *            RFC 6211 CMSAlgorithmProtection), RFC 8933 (one digest).
 * Keys:      RSA (PKCS#1 v1.5 or PSS, also keys for PSS only), P-256, P-384,
 *            P-521, Ed25519, Ed448 (RFC 8419); ML-DSA (RFC 9882) where the
 *            library has it.
 * May use:   base codec mime pki.  No I/O, no clock.
 * Limits:    SIGN_SIGNERS_MAX, SIGN_TOKENS_MAX, SIGN_CERTS_MAX; the entity has
 *            none, and is not kept.
 * Not here:  the multipart/signed around it (cms/smime), fetching the
 *            timestamp (net), deciding what to sign (flow).
 *
 * Detached: new -> add_signer* -> push* -> close -> [imprint -> add_token]* ->
 * finish.  Opaque: new -> add_signer* -> start_opaque -> push_opaque* -> close
 * -> [imprint -> add_token]* -> finish.
 */
#ifndef CMS_SIGN_H
#define CMS_SIGN_H

#include "base/buf.h"
#include "pki/key.h"

#define SIGN_SIGNERS_MAX 4
#define SIGN_TOKENS_MAX 8
#define SIGN_CERTS_MAX 64

struct sign;

enum sign_padding { SIGN_PKCS1, SIGN_PSS };

/* {0} is what sign_new() does. */
struct sign_options {
	enum sign_padding padding; /* of RSA keys; others pass it over */
	/* The certificate that answers are to be encrypted for: it travels with
	 * the letter and is named in it.  Borrowed as `who` is; may be NULL. */
	const struct cert *encrypt_cert;
	/* Name the signer by subjectKeyIdentifier instead of issuer and serial
	 * number.  RC_UNFIT: the certificate has none. */
	bool by_key_id;
};

/* Borrows `who` until sign_free().  RC_UNFIT: its certificate may not sign, or
 * its key is of no kind that we sign with. */
enum rc sign_new(const struct identity *who, int64_t signing_time,
    struct sign **ret, struct err *err);
enum rc sign_new_with(const struct identity *who, int64_t signing_time,
    const struct sign_options *options, struct sign **ret, struct err *err);
void sign_free(struct sign *sign);

/* One more signature over the same entity; before its first byte. */
enum rc sign_add_signer(struct sign *sign, const struct identity *who,
    const struct sign_options *options, struct err *err);

/* For the header of the multipart/signed: "sha-256", "sha-256,sha-512".  Lent
 * until the next signer is added or sign_free(). */
const char *sign_micalg(const struct sign *sign);

/* Detached: the next bytes of the entity, canonical (CRLF, 7-bit). */
enum rc sign_push(struct sign *sign, struct span bytes, struct err *err);

/* Opaque: append the head of the SignedData (BER, indefinite lengths). */
enum rc sign_start_opaque(struct sign *sign, struct buf *out, struct err *err);
/* The next bytes of the entity; append what is ready of it. */
enum rc sign_push_opaque(
    struct sign *sign, struct span bytes, struct buf *out, struct err *err);

/* The entity is complete: have the keys sign the attributes. */
enum rc sign_close(struct sign *sign, struct err *err);
/* What a timestamp must be about: SHA-256 of the first signer's signature
 * value. */
enum rc sign_imprint(
    const struct sign *sign, uint8_t ret_sha256[32], struct err *err);
/* Add a TimeStampToken (DER) as unsigned attribute (RFC 3161 appendix A) of
 * the first signer.  RC_SYNTAX: it is none.  RC_LIMIT: too many. */
enum rc sign_add_token(struct sign *sign, struct span token, struct err *err);
/* Append the DER of the SignedData with certificates and chains in it, or what
 * is left of the opaque one. */
enum rc sign_finish(struct sign *sign, struct buf *der, struct err *err);

#endif
