/* pki/cert -- one X.509 certificate and what S/MIME wants to know of it.
 *
 * Standard:  RFC 5280, 8550, 9598 (SmtpUTF8Mailbox); levels from the policy
 *            identifiers of the CA/B Forum S/MIME BR and of our own arc
 *            (pki/policy.h), read from the certificate and nowhere else.
 * May use:   base codec.
 */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/strlist.h"
#include "pki/capability.h"

struct ready;
struct cert; /* immutable; shared by counting: cert_ref() / cert_free() */

#define CERT_DER_MAX ((size_t)64 * 1024)

enum cert_level {
	LEVEL_NONE,
	LEVEL_V1,
	LEVEL_V2,
	LEVEL_V3,
	LEVEL_V4,
	LEVEL_OTHER
};

/* "V1" ... "V4", "other"; NULL for LEVEL_NONE. */
const char *cert_level_name(enum cert_level level);

/* RC_SYNTAX: not DER to its end; an extension twice or damaged; times not as
 * RFC 5280 section 4.1.2.5 wants them; a serial number of more than 20 bytes.
 * RC_LIMIT: beyond CERT_DER_MAX, or nested too deep. */
enum rc cert_parse(struct span der, struct cert **ret, struct err *err);
/* Takes its own reference of the X509. */
enum rc cert_from_x509(X509 *x509, struct cert **ret, struct err *err);
struct cert *cert_ref(const struct cert *cert);
void cert_free(const struct cert *cert);

/* Lends; valid as long as the certificate.  The X509 may be without its key,
 * so that X509_get0_pubkey() has none: cert_key() has it. */
X509 *cert_x509(const struct cert *cert);
/* NULL: of a kind that the library does not know. */
EVP_PKEY *cert_key(const struct cert *cert);
struct span cert_der(const struct cert *cert);
/* Where contexts wait: one that verifies with the key of this certificate, and
 * one that seals for it. */
struct ready *cert_verifying(const struct cert *cert);
struct ready *cert_sealing(const struct cert *cert);
/* SHA-256 of the DER as 64 hex digits. */
const char *cert_fingerprint(const struct cert *cert);
/* CN or ""; UTF-8; what cannot be seen or turns text around is "?". */
const char *cert_name(const struct cert *cert);
const char *cert_organization(const struct cert *cert); /* "" below V3 */
const char *cert_issuer(const struct cert *cert);       /* issuer's CN or O */
enum cert_level cert_level(const struct cert *cert);
/* SHA-256 of the SubjectPublicKeyInfo: the same for every certificate of one
 * key. */
#define CERT_DIGEST_LEN 32
enum rc cert_key_digest(
    const struct cert *cert, uint8_t ret[CERT_DIGEST_LEN], struct err *err);
int64_t cert_not_before(const struct cert *cert);
int64_t cert_not_after(const struct cert *cert);

/* Every mail address in it: SAN rfc822Name, SmtpUTF8Mailbox, emailAddress of
 * the subject.  A name with NUL or control characters is left out. */
const struct strlist *cert_addresses(const struct cert *cert);
/* By RFC 8550 section 3. */
bool cert_names_address(const struct cert *cert, const char *address);

/* May it be used for ... now or ever?  RC_UNFIT with the reason: key usage,
 * extended key usage (emailProtection or any), a CA certificate, a key that
 * is too weak.  Time and chain are not looked at. */
enum rc cert_can_sign(const struct cert *cert, struct err *err);
enum rc cert_can_receive(const struct cert *cert, struct err *err);
/* Why it cannot sign, as pki/chain says it ("cert.ku", "cert.eku",
 * "cert.is-a-ca", "cert.alg-weak"); NULL: it can. */
const char *cert_sign_reason(const struct cert *cert);
/* RC_UNFIT: not yet or no longer valid at `when`. */
enum rc cert_check_time(const struct cert *cert, int64_t when, struct err *err);
/* The ciphers its smimeCapabilities extension names (RFC 4262): a set of enum
 * capability; 0 if it has none, or one that cannot be read. */
unsigned cert_capabilities(const struct cert *cert);
/* Does it, or did its issuer, say where revocation can be asked (CRL
 * distribution point or OCSP)? */
bool cert_has_revocation_pointer(const struct cert *cert);

OWNER(struct cert, cert_free);

struct certs {
	struct cert **item; /* one reference each */
	size_t len;
};

#define CERTS_NONE ((struct certs){NULL, 0})
#define CERTS_OWNED __attribute__((cleanup(certs_done)))
#define CERTS_MAX 256

/* Takes a reference of its own.  RC_LIMIT beyond CERTS_MAX. */
enum rc certs_add(
    struct certs *certs, const struct cert *cert, struct err *err);
/* Add every certificate of a PEM text (other blocks and text are passed
 * over), or one DER certificate. */
enum rc certs_parse(struct certs *certs, struct span pem, struct err *err);
/* Append all as PEM. */
enum rc certs_print(
    const struct certs *certs, struct buf *out, struct err *err);
void certs_done(struct certs *certs);

#endif
