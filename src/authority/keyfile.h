/* authority/keyfile -- the authority's private keys on disk.
 *
 * PKCS#8 under a passphrase: AES-256-CBC, PBKDF2 with HMAC-SHA-256 (RFC 8018),
 * as PEM, so that `openssl pkey` reads it and the root key can be used on
 * another machine without this program.
 *
 * May use:   base os pki.
 */
#ifndef AUTHORITY_KEYFILE_H
#define AUTHORITY_KEYFILE_H

#include <openssl/evp.h>

#include "base/buf.h"

#define KEYFILE_PASSPHRASE_MIN 12
#define KEYFILE_PASSPHRASE_MAX 1024
#define KEYFILE_PIN_MIN 4
/* What is customary for PBKDF2-HMAC-SHA-256 now. */
#define KEYFILE_ROUNDS 600000

/* Append the passphrase of an unattended authority (`out` must be secret):
 * the first line of the file, or of the systemd credential
 * "authority-passphrase" for NULL.  RC_ABSENT: neither is there. */
enum rc keyfile_passphrase(const char *path, struct buf *out, struct err *err);

/* The same for the PIN of a token: the systemd credential "authority-pin", and
 * at least KEYFILE_PIN_MIN characters. */
enum rc keyfile_pin(const char *path, struct buf *out, struct err *err);

/* Make a key on "P-256" or "P-384".  The caller owns *ret. */
enum rc keyfile_make(const char *curve, EVP_PKEY **ret, struct err *err);

/* Append the key as PEM, encrypted with so many rounds of PBKDF2. */
enum rc keyfile_print(const EVP_PKEY *key, struct span passphrase, int rounds,
    struct buf *pem, struct err *err);
/* RC_REFUSED: another passphrase.  The caller owns *ret. */
enum rc keyfile_parse(
    struct span pem, struct span passphrase, EVP_PKEY **ret, struct err *err);

#endif
