#include "net/tls.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/tls_key_priv.h"
#include "net/tls_priv.h"

/* RFC 9325 section 4.2: for TLS 1.2 only what has forward secrecy and AEAD. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define PEM_MAX ((size_t)1 << 20)
#define CHAIN_MAX 10

struct tls {
	SSL_CTX *context;
	struct tls_key *key; /* of the client's certificate; NULL: none */
	X509 *certificate;
};

OWNER(BIO, BIO_free_all);
OWNER(X509, X509_free);
OWNER(EVP_PKEY, EVP_PKEY_free);

enum rc
tls_fail(struct err *err, enum rc rc, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	if (reason == NULL)
		return err_set(err, rc, "%s", what);
	return err_set(err, rc, "%s: %s", what, reason);
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	X509_free(tls->certificate);
	tls_key_free(tls->key);
	free(tls);
}

SSL_CTX *
tls_context(const struct tls *tls)
{
	return tls->context;
}

/* No tickets and no cache: a session that is taken up again would skip the
 * certificate checks, and our connections are few and long. */
static enum rc
set_rules(SSL_CTX *context, struct err *err)
{
	SSL_CTX_set_options(
	    context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
			 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	/* net/stream appends to bufs that may move between two tries */
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(context, CIPHERS_1_2) ||
	    !SSL_CTX_set_num_tickets(context, 0))
		return tls_fail(err, RC_CRYPTO, "TLS settings");
	return RC_OK;
}

static enum rc
new_tls(const SSL_METHOD *method, struct tls **ret, struct err *err)
{
	struct tls *tls OWNED(tls_free) = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return err_nomem(err, "TLS");
	ERR_clear_error();
	tls->context = SSL_CTX_new(method);
	if (tls->context == NULL)
		return tls_fail(err, RC_CRYPTO, "TLS");
	TRY(set_rules(tls->context, err));
	*ret = take(tls);
	return RC_OK;
}

enum rc
tls_client_new(const char *trust_file, struct tls **ret, struct err *err)
{
	struct tls *tls OWNED(tls_free) = NULL;

	TRY(new_tls(TLS_client_method(), &tls, err));
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	if (trust_file == NULL) {
		if (!SSL_CTX_set_default_verify_paths(tls->context))
			return tls_fail(err, RC_UNFIT, "system's certificates");
	} else if (!SSL_CTX_load_verify_file(tls->context, trust_file)) {
		char what[ERR_TEXT_MAX / 2];
		(void)BIO_snprintf(what, sizeof(what),
		    "%s: no trusted certificates could be read", trust_file);
		return tls_fail(err, RC_UNFIT, what);
	}
	*ret = take(tls);
	return RC_OK;
}

/* The certificate names a person: in TLS 1.2 everybody on the way would read
 * it. */
static int
show_certificate(SSL *ssl, X509 **ret_certificate, EVP_PKEY **ret_key)
{
	const struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (SSL_version(ssl) < TLS1_3_VERSION)
		return 0;
	if (!X509_up_ref(tls->certificate))
		return 0;
	if (!EVP_PKEY_up_ref(tls_key_get(tls->key))) {
		X509_free(tls->certificate);
		return 0;
	}
	*ret_certificate = tls->certificate;
	*ret_key = tls_key_get(tls->key);
	return 1;
}

/* RFC 5280 section 4.2.1.12: what the certificate is for. */
static bool
is_for_login(X509 *certificate)
{
	return (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) == 0 ||
	       (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) != 0;
}

/* A copy with its key in it, which struct cert's may lack. */
static enum rc
copy_certificate(const struct cert *cert, X509 **ret, struct err *err)
{
	struct span der = cert_der(cert);
	const unsigned char *at = der.data;

	*ret = d2i_X509(NULL, &at, (long)der.len);
	return *ret != NULL ? RC_OK
			    : tls_fail(err, RC_CRYPTO, "TLS certificate");
}

static enum rc
add_chain(SSL_CTX *context, const struct certs *chain, struct err *err)
{
	for (size_t i = 0; chain != NULL && i < chain->len; i++) {
		X509 *ca OWNED(X509_free) = NULL;
		TRY(copy_certificate(chain->item[i], &ca, err));
		if (X509_check_ca(ca) != 0 &&
		    SSL_CTX_add1_chain_cert(context, ca) != 1)
			return tls_fail(err, RC_CRYPTO, "TLS chain");
	}
	return RC_OK;
}

enum rc
tls_client_show(
    struct tls *tls, const struct identity *identity, struct err *err)
{
	TRY(copy_certificate(identity->cert, &tls->certificate, err));
	if (!is_for_login(tls->certificate))
		return err_set(
		    err, RC_UNFIT, "the certificate is not for logging in");
	TRY(tls_key_new(identity->key, &tls->key, err));
	TRY(add_chain(tls->context, identity->chain, err));
	SSL_CTX_set_app_data(tls->context, tls);
	SSL_CTX_set_client_cert_cb(tls->context, show_certificate);
	return RC_OK;
}

/* -- Server ------------------------------------------------------------- */

static bool
offers(struct span list, const char *protocol)
{
	for (size_t at = 0; at < list.len; at += 1 + list.data[at]) {
		struct span name =
		    span_first(span_after(list, at + 1), list.data[at]);
		if (span_is(name, span_str(protocol)))
			return true;
	}
	return false;
}

static bool
offers_web(struct span list)
{
	for (size_t at = 0; at < list.len; at += 1 + list.data[at]) {
		struct span name =
		    span_first(span_after(list, at + 1), list.data[at]);
		if (span_starts(name, "h2") || span_starts(name, "h3") ||
		    span_starts(name, "http/") || span_starts(name, "spdy/"))
			return true;
	}
	return false;
}

/* RFC 7301 section 3.2: without a protocol in common "the server SHALL send a
 * fatal no_application_protocol alert".  Browsers always offer one. */
static int
choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
    const unsigned char *list, unsigned list_len, void *context)
{
	static const char *const mail[] = {"imap", "smtp", "submission"};
	struct span offered = span_of(list, list_len);

	(void)ssl;
	(void)context;
	if (offers_web(offered))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	for (size_t i = 0; i < sizeof(mail) / sizeof(mail[0]); i++)
		if (offers(offered, mail[i])) {
			*ret = (const unsigned char *)mail[i];
			*ret_len = (unsigned char)strlen(mail[i]);
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static enum rc
open_pem(struct span pem, BIO **ret, struct err *err)
{
	if (pem.len == 0)
		return err_set(err, RC_UNFIT, "TLS: PEM text is empty");
	if (pem.len > PEM_MAX)
		return err_set(err, RC_LIMIT, "TLS: PEM text is too long");
	*ret = BIO_new_mem_buf(pem.data, (int)pem.len);
	return *ret == NULL ? err_nomem(err, "TLS") : RC_OK;
}

/* Never ask on the terminal. */
static int
no_passphrase(char *room, int size, int writing, void *context)
{
	(void)room;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static enum rc
use_certificates(SSL_CTX *context, struct span pem, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = NULL;

	TRY(open_pem(pem, &in, err));
	X509 *own OWNED(X509_free) =
	    PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
	if (own == NULL || SSL_CTX_use_certificate(context, own) != 1)
		return tls_fail(err, RC_UNFIT, "TLS certificate");
	for (int i = 0; i < CHAIN_MAX; i++) {
		X509 *next OWNED(X509_free) =
		    PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
		if (next == NULL) {
			ERR_clear_error(); /* the end of the text */
			return RC_OK;
		}
		if (SSL_CTX_add1_chain_cert(context, next) != 1)
			return tls_fail(err, RC_UNFIT, "TLS chain");
	}
	return err_set(
	    err, RC_LIMIT, "TLS chain: more than %d certificates", CHAIN_MAX);
}

static enum rc
use_key(SSL_CTX *context, struct span pem, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = NULL;

	TRY(open_pem(pem, &in, err));
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
	if (key == NULL)
		return tls_fail(err, RC_UNFIT, "TLS private key");
	if (SSL_CTX_use_PrivateKey(context, key) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		return tls_fail(
		    err, RC_UNFIT, "TLS private key is not the certificate's");
	return RC_OK;
}

enum rc
tls_server_new(struct span certificate_pem, struct span key_pem,
    struct tls **ret, struct err *err)
{
	struct tls *tls OWNED(tls_free) = NULL;

	TRY(new_tls(TLS_server_method(), &tls, err));
	TRY(use_certificates(tls->context, certificate_pem, err));
	TRY(use_key(tls->context, key_pem, err));
	SSL_CTX_set_alpn_select_cb(tls->context, choose_protocol, NULL);
	*ret = take(tls);
	return RC_OK;
}
