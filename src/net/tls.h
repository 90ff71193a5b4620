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

/* The certificate of our own ports: one for localhost, 127.0.0.1 and ::1, for
 * 820 days (some programs take no longer ones), and behind it that of a CA of
 * this installation alone, for 30 years, which may vouch for these three names
 * and nothing else.  A program that believes the CA goes on doing so when the
 * certificate is renewed.  Appended as PEM, as are the keys of both, in the same
 * order. */
enum rc tls_make_local(
    struct buf *certificate_pem, struct buf *key_pem, struct err *err);
/* If a third of its life or less is left: the same key and CA, another
 * certificate; *ret_renewed.  What has no CA (made before there was one) stays
 * as it is.  On failure nothing is changed. */
enum rc tls_renew_local(struct buf *certificate_pem, struct span key_pem,
    int64_t now, bool *ret_renewed, struct err *err);
/* Append the certificate that a program is to believe: the last of them. */
enum rc tls_print_local_trust(
    struct span certificate_pem, struct buf *out, struct err *err);

#endif
