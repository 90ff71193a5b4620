/* net/tls -- who we are and whom we believe on TLS connections.
 *
 * TLS 1.2 with ECDHE and AEAD, or 1.3; nothing else (RFC 9325).
 * May use:   base codec os pki proto.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/own.h"
#include "pki/key.h"

struct tls; /* immutable once made; may be shared by threads */

/* Client: trust the certificates of a PEM file, or the system's for NULL.  The
 * peer must prove its host name. */
enum rc tls_client_new(
    const char *trust_file, struct tls **ret, struct err *err);
/* Client: show this certificate to servers that ask for one, in TLS 1.3 only
 * (before, it would be seen on the way).  Borrows key and certificate until
 * tls_free(); before anything else uses `tls`.  RC_UNFIT: not an EC key, or the
 * certificate is not for logging in. */
enum rc tls_client_show(
    struct tls *tls, const struct identity *identity, struct err *err);
/* Server: PEM text of certificate (chain) and private key.  ALPN offers of
 * web protocols are refused, so that a browser never gets a mail port to
 * talk (ALPACA). */
enum rc tls_server_new(struct span certificate_pem, struct span key_pem,
    struct tls **ret, struct err *err);
void tls_free(struct tls *tls);
SSL_CTX *tls_context(const struct tls *tls); /* lends */
OWNER(struct tls, tls_free);

/* Make a key and a self-signed certificate for localhost, 127.0.0.1 and ::1,
 * CA:FALSE, ten years; appended as PEM. */
enum rc tls_make_local(
    struct buf *certificate_pem, struct buf *key_pem, struct err *err);

#endif
