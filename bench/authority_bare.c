/* The cryptography alone that an authority's request needs, with keys and
 * contexts that are ready (bench/worker.h; KEYS and INPUT are not looked at).
 *
 *   sign         one ECDSA signature with P-256: a timestamp, an OCSP answer
 *   issue-p256   the request's JWS and PKCS #10, both of P-256 keys, are
 *                verified, and a certificate is signed with P-256
 *   issue-rsa    the same, the PKCS #10 of an RSA key of 2048 bits
 *
 * And what programs do that are built on the library's own functions:
 *
 *   ts           TS_RESP_create_response(), of a query with a nonce, with a
 *                P-256 key and the certificate in the answer
 *   text         what is signed of a certificate for a mailbox, each of its
 *                extensions made from text (X509V3_EXT_nconf_nid()); not signed
 */
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include "bench/worker.h"

#define TEXT_LEN 700 /* octets, as in what is signed there */

static uint8_t text[TEXT_LEN];

static struct pair {
	EVP_PKEY *key;
	uint8_t signature[512];
	size_t len;
} p256, rsa;

static void
sign(struct pair *pair)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	pair->len = sizeof(pair->signature);
	must(
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pair->key) == 1 &&
		EVP_DigestSign(
		    ctx, pair->signature, &pair->len, text, sizeof(text)) == 1,
	    "sign");
	EVP_MD_CTX_free(ctx);
}

static void
verify(const struct pair *pair)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pair->key) ==
		     1 &&
		 EVP_DigestVerify(
		     ctx, pair->signature, pair->len, text, sizeof(text)) == 1,
	    "verify");
	EVP_MD_CTX_free(ctx);
}

static void
make_keys(struct worker *worker)
{
	p256.key = EVP_EC_gen("P-256");
	rsa.key = EVP_RSA_gen(2048);
	must(p256.key != NULL && rsa.key != NULL, "keys");
	sign(&p256);
	sign(&rsa);
}

static void
do_sign(struct worker *worker)
{
	sign(&p256);
}

static void
issue_p256(struct worker *worker)
{
	verify(&p256);
	verify(&p256);
	sign(&p256);
}

static void
issue_rsa(struct worker *worker)
{
	verify(&p256);
	verify(&rsa);
	sign(&p256);
}

/* ---- certificates from text --------------------------------------------- */

struct extension {
	int nid;
	const char *text;
};

/* Policies are made only where there is a configuration, be it an empty one. */
static void
add_extension(X509 *cert, X509 *issuer, const struct extension *extension)
{
	static CONF *empty;
	X509V3_CTX ctx;

	if (empty == NULL)
		empty = NCONF_new(NULL);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, empty);
	X509_EXTENSION *made =
	    X509V3_EXT_nconf_nid(NULL, &ctx, extension->nid, extension->text);
	must(made != NULL && X509_add_ext(cert, made, -1), extension->text);
	X509_EXTENSION_free(made);
}

static X509 *
new_cert(const char *name, EVP_PKEY *key, const X509 *issuer)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	X509_ALGOR *algorithm =
	    (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(cert);

	if (issuer == NULL)
		issuer = cert;
	must(X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256),
		 V_ASN1_UNDEF, NULL) == 1,
	    "algorithm");
	must(X509_set_version(cert, X509_VERSION_3) == 1, "version");
	must(ASN1_INTEGER_set_uint64(
		 X509_get_serialNumber(cert), 0x4142434445464748) == 1,
	    "serial number");
	must(X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
		 X509_gmtime_adj(X509_getm_notAfter(cert), 90L * 86400) != NULL,
	    "times");
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
		 (const uint8_t *)name, -1, -1, 0) == 1,
	    "subject");
	must(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1,
	    "issuer");
	must(X509_set_pubkey(cert, key) == 1, "key");
	return cert;
}

static X509 *above;

static void
make_above(struct worker *worker)
{
	static const struct extension id = {NID_subject_key_identifier, "hash"};

	make_keys(worker);
	above = new_cert("issuing", p256.key, NULL);
	add_extension(above, above, &id);
}

static void
from_text(struct worker *worker)
{
	static const struct extension all[] = {
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "emailProtection,clientAuth"},
	    {NID_certificate_policies, "2.23.140.1.5.1.3"},
	    {NID_subject_alt_name, "email:person1@example.org"},
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid"},
	    {NID_crl_distribution_points,
		"URI:http://127.0.0.1:8080/crl/"
		"0123456789abcdef0123456789abcdef01234567/0.crl"},
	    {NID_info_access, "OCSP;URI:http://127.0.0.1:8080/ocsp,"
			      "caIssuers;URI:http://127.0.0.1:8080/ca/"
			      "0123456789abcdef0123456789abcdef01234567.cer"},
	};
	X509 *cert = new_cert("person1@example.org", p256.key, above);
	uint8_t *der = NULL;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		add_extension(cert, above, &all[i]);
	must(i2d_re_X509_tbs(cert, &der) > 0, "certificate");
	OPENSSL_free(der);
	X509_free(cert);
}

/* ---- timestamps --------------------------------------------------------- */

static TS_RESP_CTX *stamper;
static uint8_t query[256];
static int query_len;

static ASN1_INTEGER *
next_serial(TS_RESP_CTX *ctx, void *data)
{
	static uint64_t last;
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	must(ASN1_INTEGER_set_uint64(serial, ++last), "serial number");
	return serial;
}

static void
make_query(void)
{
	TS_REQ *req = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *sha256 = X509_ALGOR_new();
	ASN1_INTEGER *nonce = ASN1_INTEGER_new();
	uint8_t *at = query;

	X509_ALGOR_set_md(sha256, EVP_sha256());
	must(TS_MSG_IMPRINT_set_algo(imprint, sha256) &&
		 TS_MSG_IMPRINT_set_msg(imprint, text, 32) &&
		 ASN1_INTEGER_set_uint64(nonce, 0x0102030405060708) &&
		 TS_REQ_set_version(req, 1) &&
		 TS_REQ_set_msg_imprint(req, imprint) &&
		 TS_REQ_set_nonce(req, nonce) && TS_REQ_set_cert_req(req, 1),
	    "query");
	query_len = i2d_TS_REQ(req, &at);
	must(query_len > 0, "query");
}

static void
make_stamper(struct worker *worker)
{
	static const struct extension all[] = {
	    {NID_subject_key_identifier, "hash"},
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "critical,timeStamping"},
	};
	ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4", 1);

	make_keys(worker);
	make_query();
	X509 *cert = new_cert("stamper", p256.key, NULL);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		add_extension(cert, cert, &all[i]);
	must(X509_sign(cert, p256.key, EVP_sha256()) > 0, "certificate");
	stamper = TS_RESP_CTX_new();
	TS_RESP_CTX_set_serial_cb(stamper, next_serial, NULL);
	must(TS_RESP_CTX_set_signer_cert(stamper, cert) &&
		 TS_RESP_CTX_set_signer_key(stamper, p256.key) &&
		 TS_RESP_CTX_set_signer_digest(stamper, EVP_sha256()) &&
		 TS_RESP_CTX_set_ess_cert_id_digest(stamper, EVP_sha256()) &&
		 TS_RESP_CTX_set_def_policy(stamper, policy) &&
		 TS_RESP_CTX_add_md(stamper, EVP_sha256()),
	    "stamper");
}

static void
stamp(struct worker *worker)
{
	BIO *in = BIO_new_mem_buf(query, query_len);
	TS_RESP *response = TS_RESP_create_response(stamper, in);
	uint8_t *der = NULL;

	must(response != NULL && i2d_TS_RESP(response, &der) > 0 &&
		 TS_RESP_get_token(response) != NULL,
	    "timestamp");
	OPENSSL_free(der);
	TS_RESP_free(response);
	BIO_free(in);
}

static const struct job jobs[] = {
    {"ts", make_stamper, stamp},
    {"text", make_above, from_text},
    {"sign", make_keys, do_sign},
    {"issue-p256", make_keys, issue_p256},
    {"issue-rsa", make_keys, issue_rsa},
    {NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, jobs);
}
