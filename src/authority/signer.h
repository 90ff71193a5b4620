/* authority/signer -- a private key of the authority that can be used and
 * never seen: in memory, from an encrypted file, or in a PKCS#11 token.
 *
 * Certificates, revocation lists, OCSP answers and timestamps are signed
 * through this and nothing else, so that no caller knows where the key is.
 *
 * Standard:  RFC 5280 section 4.1.1 (what surrounds what is signed); RFC 5758,
 *            4055, 8410 (AlgorithmIdentifiers).
 * Keys:      P-256, P-384, P-521, RSA of 2048 bits or more (PKCS#1 v1.5); in
 *            memory also Ed25519.
 * May use:   base pki.
 * Threads:   a signer may be used by several threads at once.
 */
#ifndef AUTHORITY_SIGNER_H
#define AUTHORITY_SIGNER_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/own.h"

struct signer;

/* A key as keyfile_print() wrote it.  RC_REFUSED: another passphrase.
 * RC_UNFIT: a key of no kind that we sign with. */
enum rc signer_file(struct span pem, struct span passphrase,
    struct signer **ret, struct err *err);
/* The private key in a token that the URI names (authority/token); `pin` is
 * copied.  As token_key_open(), and RC_UNFIT: as signer_file(). */
enum rc signer_token(
    const char *uri, struct span pin, struct signer **ret, struct err *err);
/* A key that was made just now; the signer has a reference of its own. */
enum rc signer_key(EVP_PKEY *key, struct signer **ret, struct err *err);
void signer_free(struct signer *signer); /* NULL is fine */
OWNER(struct signer, signer_free);

/* Borrowed; what is behind the private half is nobody's to use. */
EVP_PKEY *signer_public(const struct signer *signer);
/* The DER AlgorithmIdentifier of its signatures; lent for ever. */
struct span signer_algorithm(const struct signer *signer);

/* Append the signature value (of ECDSA: DER) of these bytes, whole. */
enum rc signer_sign(struct signer *signer, struct span tbs,
    struct buf *signature, struct err *err);
/* Append SEQUENCE { tbs, algorithm, BIT STRING }: `tbs` is DER that names
 * signer_algorithm() wherever it has to. */
enum rc signer_wrap(
    struct signer *signer, struct span tbs, struct buf *der, struct err *err);

#endif
