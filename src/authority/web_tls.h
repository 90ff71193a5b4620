/* authority/web_tls -- TLS as a web server offers it.
 *
 * Not net/tls: its servers are for mail and refuse whoever speaks HTTP.
 *
 * May use:   base pki.
 */
#ifndef AUTHORITY_WEB_TLS_H
#define AUTHORITY_WEB_TLS_H

#include <openssl/ssl.h>

#include "base/buf.h"

/* The caller owns *ret.  RC_SYNTAX: no certificate or key in the PEM; RC_UNFIT:
 * the key is not the certificate's. */
enum rc web_tls_new(struct span certificate_pem, struct span key_pem,
    SSL_CTX **ret, struct err *err);

/* From now on a client has to have a certificate and its key.  Whose the
 * certificate is, and whether anybody believes it, is the caller's to find
 * out: any is taken. */
void web_tls_want_person(SSL_CTX *tls);
/* Append it.  RC_ABSENT: there is none. */
enum rc web_tls_person(SSL *ssl, struct buf *der, struct err *err);

#endif
