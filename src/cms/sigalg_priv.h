/* cms/sigalg -- the mathematics of one signature, its names, and whether it is
 * any good.
 *
 * Standard:  RFC 5754 (RSA, ECDSA with SHA-2), RFC 4056 (PSS), RFC 8419
 *            (Ed25519, Ed448), RFC 9882 (ML-DSA, where the library has it),
 *            RFC 8933 (one digest).
 * May use:   base pki.  Only inside cms.
 */
#ifndef CMS_SIGALG_PRIV_H
#define CMS_SIGALG_PRIV_H

#include <openssl/evp.h>

#include "cms/digest_priv.h"
#include "pki/cert.h"

struct sigalg; /* a row of the table */

/* The two algorithms of a SignerInfo, understood. */
struct sigalg_use {
	const struct sigalg *row; /* NULL: unknown */
	enum digest_kind digest;  /* of content and attributes */
	struct span parameters;   /* of PSS; lent */
};

/* NULL, or why this pair of algorithms is not accepted whatever was signed:
 * "sig.alg-weak", "sig.unsupported", "sig.invalid" (two different digests).
 * *ret is filled as far as it is known, for sigalg_name(). */
const char *sigalg_read(const struct algorithm *digest,
    const struct algorithm *signature, struct sigalg_use *ret);

/* "RSA", "RSA-PSS", "ECDSA", "Ed25519", "ML-DSA-65" ...; NULL: no name for it.
 * Also what this library cannot verify has its name. */
const char *sigalg_name(const struct sigalg_use *use);

/* The same for a key: of another kind than the algorithm (sig.invalid), RSA
 * below 2048 bits or a curve below 224 (sig.alg-weak), RSA above what we are
 * willing to compute (sig.unsupported), parameters of a PSS key that are not
 * those of the signature (sig.invalid). */
const char *sigalg_refuse_key(
    const struct sigalg_use *use, const struct cert *cert);

/* Is `value` the signature of `bytes` by the certificate's key?  Any failure
 * is false. */
bool sigalg_verify(const struct sigalg_use *use, const struct cert *cert,
    struct span value, struct span bytes);

/* How we sign with a key. */
struct sigalg_choice {
	enum digest_kind digest;
	bool pss;             /* call sign_attributes_pss() */
	struct buf algorithm; /* DER of the signatureAlgorithm */
};

#define SIGALG_CHOICE ((struct sigalg_choice){DIGEST_NONE, false, BUF(256)})

/* Fill SIGALG_CHOICE; the caller ends its buf.  `pss` counts for RSA only.
 * RC_UNFIT: no kind of key that can sign here. */
enum rc sigalg_choose(
    const EVP_PKEY *key, bool pss, struct sigalg_choice *ret, struct err *err);

#endif
