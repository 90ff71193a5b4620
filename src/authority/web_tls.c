#include "authority/web_tls.h"

#include <openssl/pem.h>

#include "pki/crypto.h"

OWNER(SSL_CTX, SSL_CTX_free);

/* The server's own certificate, then those that lead to its root. */
static enum rc
use_certificates(SSL_CTX *tls, struct span pem, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *leaf OWNED(X509_free) =
	    in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

	if (leaf == NULL || !SSL_CTX_use_certificate(tls, leaf)) {
		(void)crypto_failed(err, "TLS");
		return err_set(err, RC_SYNTAX,
		    "the TLS certificate file holds no certificate");
	}
	for (;;) {
		X509 *more = PEM_read_bio_X509(in, NULL, NULL, NULL);
		if (more == NULL)
			break;
		if (!SSL_CTX_add0_chain_cert(tls, more)) {
			X509_free(more);
			return crypto_failed(err, "TLS certificate chain");
		}
	}
	(void)crypto_failed(NULL, "end of file");
	return RC_OK;
}

static enum rc
use_key(SSL_CTX *tls, struct span pem, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	char none[] = ""; /* never ask at a terminal */
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    in != NULL ? PEM_read_bio_PrivateKey(in, NULL, NULL, none) : NULL;

	if (key == NULL) {
		(void)crypto_failed(err, "TLS");
		return err_set(err, RC_SYNTAX,
		    "the TLS key file holds no key that can be read");
	}
	if (SSL_CTX_use_PrivateKey(tls, key) != 1 ||
	    SSL_CTX_check_private_key(tls) != 1) {
		(void)crypto_failed(err, "TLS");
		return err_set(err, RC_UNFIT,
		    "the TLS key is not that of the TLS certificate");
	}
	return RC_OK;
}

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned inlen, void *context)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen = NULL;

	/* Somebody who speaks SMTP or IMAP and came here by mistake, or was
	 * sent here, goes away again (ALPACA). */
	if (SSL_select_next_proto(&chosen, outlen, ours, sizeof(ours) - 1, in,
		inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
set_options(SSL_CTX *tls)
{
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) &&
	       SSL_CTX_set_cipher_list(
		   tls, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL");
}

enum rc
web_tls_new(struct span certificate_pem, struct span key_pem, SSL_CTX **ret,
    struct err *err)
{
	SSL_CTX *tls OWNED(SSL_CTX_free) = SSL_CTX_new(TLS_server_method());

	if (tls == NULL || !set_options(tls))
		return crypto_failed(err, "TLS");
	TRY(use_certificates(tls, certificate_pem, err));
	TRY(use_key(tls, key_pem, err));
	*ret = take(tls);
	return RC_OK;
}

static int
take_any(int verified, X509_STORE_CTX *context)
{
	return 1;
}

/* No session is taken up again: its certificate may be revoked by then, and
 * each connection shows the key anew. */
void
web_tls_want_person(SSL_CTX *tls)
{
	SSL_CTX_set_verify(
	    tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(tls, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_num_tickets(tls, 0);
}

enum rc
web_tls_person(SSL *ssl, struct buf *der, struct err *err)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	unsigned char *bytes = NULL;
	int len = cert != NULL ? i2d_X509(cert, &bytes) : 0;

	if (len <= 0)
		return err_set(err, RC_ABSENT, "no certificate of the client");
	enum rc rc = buf_add(der, span_of(bytes, (size_t)len), err);
	OPENSSL_free(bytes);
	return rc;
}
