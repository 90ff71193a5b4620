/* vault -- hold private keys, use them, never show them.
 *
 * The keys of one person, in memory of this process today; the interface
 * (struct key_ops) is such that a process of its own can hold them tomorrow.
 * On disk a vault is one file of wrapped PKCS#8 (codec/wrap).
 *
 * May use:   base codec os pki.
 * Not here:  which certificate belongs where (flow, enrol).
 */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "base/strlist.h"
#include "codec/wrap.h"
#include "pki/key.h"

#define VAULT_KEYS_MAX 1000

struct vault;

enum rc vault_new(struct vault **ret, struct err *err);
void vault_free(struct vault *vault); /* wipes; every struct key of it dies */

/* Make a fresh P-256 key.  Lends *ret until vault_free(). */
enum rc vault_make(struct vault *vault, enum key_purpose purpose,
    const struct key **ret, struct err *err);

/* Lends the private key that belongs to a certificate; RC_ABSENT if we do not
 * have it.  `index` walks over all of them: RC_ABSENT ends. */
enum rc vault_find(const struct vault *vault, const struct cert *cert,
    const struct key **ret, struct err *err);
enum rc vault_get(const struct vault *vault, size_t index,
    const struct key **ret, struct err *err);

/* The whole vault as bytes for the disk, and back (adds to what is there).
 * RC_CRYPTO: another wrapping key, or changed. */
enum rc vault_save(const struct vault *vault, const struct wrap_key *wrap,
    struct buf *out, struct err *err);
enum rc vault_load(struct vault *vault, const struct wrap_key *wrap,
    struct span bytes, struct err *err);

/* Add every private key of a PKCS#12 file (DER, BER or PEM), of PEM text, of
 * PKCS#8 (encrypted or not), PKCS#1 or SEC 1, and its certificates and those
 * of a PKCS#7 to `certs`.  A key is for what its certificates say, for both
 * without any.  An empty passphrase is none, and is tried too where one is
 * given.  RC_REFUSED: wrong passphrase.  RC_ABSENT: neither key nor
 * certificate in it.  RC_UNFIT: encrypted in a way that this OpenSSL cannot
 * open.  RC_LIMIT: more rounds than a person's file has (vault/unlock), more
 * than 100 keys, a key of more than 16384 bits.  All or nothing. */
enum rc vault_import(struct vault *vault, struct span file,
    struct span passphrase, struct certs *certs, struct err *err);

/* Append a PKCS#12 with the decrypting keys only (a signing key never leaves
 * its device) and the certificates of `certs` that belong to them, under the
 * passphrase (AES-256, PBKDF2 with 600 000 rounds). */
enum rc vault_export(const struct vault *vault, const struct certs *certs,
    struct span passphrase, struct buf *out, struct err *err);

#endif
