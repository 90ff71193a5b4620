/* net/tls_key -- a vault's key as OpenSSL's TLS wants it.
 *
 * A provider of our own, in a library context of its own, whose only operation
 * is to pass a whole CertificateVerify to the vault (struct key_ops,
 * sign_tls): OpenSSL never has a private key, and the vault never signs a bare
 * digest.
 *
 * Private to net.
 */
#ifndef NET_TLS_KEY_PRIV_H
#define NET_TLS_KEY_PRIV_H

#include "pki/key.h"

struct tls_key; /* may be used by all threads */

/* Borrows the key until tls_key_free().  RC_UNFIT: not an EC key. */
enum rc tls_key_new(
    const struct key *key, struct tls_key **ret, struct err *err);
void tls_key_free(struct tls_key *tls_key);
OWNER(struct tls_key, tls_key_free);
EVP_PKEY *tls_key_get(const struct tls_key *tls_key); /* lends */

#endif
