/* pki/fixture -- make certificates for tests, good and bad ones.
 *
 * For _test.c files only, of any room that may use pki; the programs do not
 * link it.  Any failure ends the test program.
 *
 * Units:     FIXTURE_START and FIXTURE_END are the default validity.
 */
#ifndef PKI_FIXTURE_H
#define PKI_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/cert.h"
#include "pki/crypto.h"

#define FIXTURE_START 1767225600 /* 2026-01-01 */
#define FIXTURE_END 1893456000   /* 2030-01-01 */
#define FIXTURE_NOW 1795298400   /* 2026-11-21 */
#define FIXTURE_MORE 6

struct fixture {
	EVP_PKEY *key;
	struct cert *cert;
};

/* What is not said is as in a usual certificate, or left out. */
struct fixture_spec {
	const char *name, *organization;   /* of the subject */
	const char *mail;                  /* rfc822Name */
	const struct fixture *issuer;      /* NULL: signs itself */
	const char *constraints;           /* basicConstraints: "CA:TRUE" */
	const char *usage, *extended;      /* "critical,digitalSignature" */
	const char *policies;              /* "1.2.3, 1.2.4" */
	const char *more[FIXTURE_MORE][2]; /* further extensions */
	EVP_PKEY *key;                     /* its reference is taken over */
	const EVP_MD *digest;
	int64_t start, end;
	void (*change)(X509 *x509); /* before it is signed */
};

#define FIXTURE_OWNED __attribute__((cleanup(fixture_done)))

static inline void
fixture_done(struct fixture *fixture)
{
	EVP_PKEY_free(fixture->key);
	cert_free(fixture->cert);
	*fixture = (struct fixture){NULL, NULL};
}

static inline void
fixture_must(bool ok, const char *what)
{
	if (!ok) {
		(void)fprintf(stderr, "fixture: %s\n", what);
		ERR_print_errors_fp(stderr);
		abort();
	}
}

static inline void
fixture_extend(X509 *x509, X509 *issuer, const char *name, const char *value)
{
	X509V3_CTX ctx;

	if (name == NULL || value == NULL)
		return;
	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	CONF *conf = NCONF_new(NULL);
	X509V3_set_nconf(&ctx, conf);
	X509_EXTENSION *extension = X509V3_EXT_nconf(conf, &ctx, name, value);
	fixture_must(extension != NULL, name);
	fixture_must(X509_add_ext(x509, extension, -1), name);
	X509_EXTENSION_free(extension);
	NCONF_free(conf);
}

static inline void
fixture_subject(X509 *x509, const char *type, const char *value)
{
	if (value == NULL)
		return;
	fixture_must(
	    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), type,
		MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0),
	    "subject");
}

static inline void
fixture_fill(X509 *x509, const struct fixture_spec *spec, EVP_PKEY *key)
{
	static long serial = 1000;
	char mail[400];
	X509 *issuer =
	    spec->issuer != NULL ? cert_x509(spec->issuer->cert) : x509;

	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(x509),
	    spec->start != 0 ? spec->start : FIXTURE_START);
	ASN1_TIME_set(
	    X509_getm_notAfter(x509), spec->end != 0 ? spec->end : FIXTURE_END);
	X509_set_pubkey(x509, key);
	fixture_subject(x509, "O", spec->organization);
	fixture_subject(x509, "CN", spec->name);
	X509_set_issuer_name(x509, X509_get_subject_name(issuer));
	fixture_extend(x509, issuer, "basicConstraints", spec->constraints);
	fixture_extend(x509, issuer, "keyUsage", spec->usage);
	fixture_extend(x509, issuer, "extendedKeyUsage", spec->extended);
	fixture_extend(x509, issuer, "certificatePolicies", spec->policies);
	if (spec->mail != NULL) {
		(void)snprintf(mail, sizeof(mail), "email:%s", spec->mail);
		fixture_extend(x509, issuer, "subjectAltName", mail);
	}
	for (size_t i = 0; i < FIXTURE_MORE; i++)
		fixture_extend(
		    x509, issuer, spec->more[i][0], spec->more[i][1]);
}

/* The DER of what `spec` says, whether cert_parse() would take it or not;
 * *ret_key is owned by the caller. */
static inline void
fixture_der(
    const struct fixture_spec *spec, EVP_PKEY **ret_key, struct buf *der)
{
	EVP_PKEY *key = spec->key != NULL ? spec->key : EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	uint8_t *bytes = NULL;

	fixture_must(key != NULL && x509 != NULL, "memory");
	fixture_fill(x509, spec, key);
	if (spec->change != NULL)
		spec->change(x509);
	EVP_PKEY *signer = spec->issuer != NULL ? spec->issuer->key : key;
	fixture_must(X509_sign(x509, signer,
			 spec->digest != NULL ? spec->digest
					      : crypto_digest(signer)) > 0,
	    "signing");
	int len = i2d_X509(x509, &bytes);
	fixture_must(
	    len > 0 && buf_add(der, span_of(bytes, (size_t)len), NULL) == RC_OK,
	    "DER");
	OPENSSL_free(bytes);
	X509_free(x509);
	*ret_key = key;
}

static inline struct fixture
fixture_make(const struct fixture_spec *spec)
{
	struct fixture made = {NULL, NULL};
	struct err err = ERR_NONE;
	struct buf der = BUF_SMALL;

	fixture_der(spec, &made.key, &der);
	fixture_must(
	    cert_parse(buf_span(&der), &made.cert, &err) == RC_OK, err.text);
	buf_done(&der);
	return made;
}

/* The caller's: one that has its key, for the library to sign with. */
static inline X509 *
fixture_x509(const struct fixture *fixture)
{
	const struct span der = cert_der(fixture->cert);
	const uint8_t *at = der.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)der.len);

	fixture_must(x509 != NULL, "certificate");
	return x509;
}

/* The usual ones. */
static inline struct fixture
fixture_root(const char *name)
{
	return fixture_make(&(struct fixture_spec){
	    .name = name,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign,cRLSign",
	    .more = {{"subjectKeyIdentifier", "hash"}},
	});
}

static inline struct fixture
fixture_signer(const struct fixture *issuer, const char *mail)
{
	return fixture_make(&(struct fixture_spec){
	    .name = mail,
	    .mail = mail,
	    .issuer = issuer,
	    .usage = "critical,digitalSignature",
	    .extended = "emailProtection",
	});
}

static inline struct fixture
fixture_receiver(const struct fixture *issuer, const char *mail)
{
	return fixture_make(&(struct fixture_spec){
	    .name = mail,
	    .mail = mail,
	    .issuer = issuer,
	    .usage = "critical,keyAgreement",
	    .extended = "emailProtection",
	});
}

#endif
