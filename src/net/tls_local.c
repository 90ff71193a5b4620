#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "net/tls.h"
#include "net/tls_priv.h"

#define DAY (24L * 60 * 60)
#define LEAF_DAYS 820L /* Apple's programs take 825 at most */
#define CA_DAYS (30L * 365)
#define PEM_MAX ((size_t)64 * 1024)
#define NAME_SIZE 80

OWNER(BIO, BIO_free_all);
OWNER(X509, X509_free);
OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(X509_EXTENSION, X509_EXTENSION_free);
OWNER(BIGNUM, BN_free);

/* What a certificate is made of; `issuer` and `issuer_key` its own for a CA. */
struct plan {
	const char *name;
	X509 *issuer; /* NULL: itself */
	EVP_PKEY *key, *issuer_key;
	long days;
	const struct extension {
		int nid;
		const char *value;
	} * extensions; /* nid 0 ends */
};

/* RFC 5280 section 4.2.1.10: whoever stole this CA's key could pass for these
 * names only, whatever else the mail program is used for. */
#define MASK_6 "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF"
static const struct extension ca_extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign"},
    {NID_name_constraints, "critical,permitted;DNS:localhost,"
			   "permitted;IP:127.0.0.1/255.255.255.255,"
			   "permitted;IP:0:0:0:0:0:0:0:1/" MASK_6},
    {NID_subject_key_identifier, "hash"},
    {0, NULL},
};

static const struct extension leaf_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
    {0, NULL},
};

static bool
set_serial(X509 *certificate)
{
	BIGNUM *serial OWNED(BN_free) = BN_new();

	return serial != NULL &&
	       BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	       BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) !=
		   NULL;
}

static bool
set_names(X509 *certificate, const struct plan *plan)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
		(const unsigned char *)plan->name, -1, -1, 0) != 1)
		return false;
	return X509_set_issuer_name(certificate,
		   plan->issuer != NULL ? X509_get_subject_name(plan->issuer)
					: name) == 1;
}

static bool
add_extensions(X509 *certificate, const struct plan *plan)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, plan->issuer != NULL ? plan->issuer : certificate,
	    certificate, NULL, NULL, 0);
	for (const struct extension *e = plan->extensions; e->nid != 0; e++) {
		X509_EXTENSION *extension OWNED(X509_EXTENSION_free) =
		    X509V3_EXT_conf_nid(NULL, &ctx, e->nid, e->value);
		if (extension == NULL ||
		    X509_add_ext(certificate, extension, -1) != 1)
			return false;
	}
	return true;
}

/* From yesterday, for clocks that are a little behind. */
static bool
fill(X509 *certificate, const struct plan *plan)
{
	return X509_set_version(certificate, X509_VERSION_3) == 1 &&
	       set_serial(certificate) && set_names(certificate, plan) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) !=
		   NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate),
		   (plan->days - 1) * DAY) != NULL &&
	       X509_set_pubkey(certificate, plan->key) == 1 &&
	       add_extensions(certificate, plan) &&
	       X509_sign(certificate, plan->issuer_key, EVP_sha256()) > 0;
}

static enum rc
make(const struct plan *plan, X509 **ret, struct err *err)
{
	X509 *certificate OWNED(X509_free) = X509_new();

	if (certificate == NULL || !fill(certificate, plan))
		return tls_fail(err, RC_CRYPTO, "make a local certificate");
	*ret = take(certificate);
	return RC_OK;
}

/* Each installation's CA has a name of its own: programs that know two by one
 * name mix them up. */
static enum rc
make_ca(EVP_PKEY *key, X509 **ret, struct err *err)
{
	uint8_t number[4];
	char name[NAME_SIZE];

	if (RAND_bytes(number, sizeof(number)) != 1)
		return tls_fail(err, RC_CRYPTO, "make a local CA");
	(void)snprintf(name, sizeof(name),
	    "Letterlock on this machine (%02X%02X%02X%02X)", number[0],
	    number[1], number[2], number[3]);
	const struct plan plan = {.name = name,
	    .key = key,
	    .issuer_key = key,
	    .days = CA_DAYS,
	    .extensions = ca_extensions};
	return make(&plan, ret, err);
}

static enum rc
make_leaf(
    EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, X509 **ret, struct err *err)
{
	const struct plan plan = {.name = "localhost",
	    .issuer = ca,
	    .key = key,
	    .issuer_key = ca_key,
	    .days = LEAF_DAYS,
	    .extensions = leaf_extensions};

	return make(&plan, ret, err);
}

/* -- PEM -- */

static enum rc
add_memory(BIO *memory, struct buf *out, struct err *err)
{
	char *bytes = NULL;
	long len = BIO_get_mem_data(memory, &bytes);

	return buf_add(out, span_of(bytes, (size_t)len), err);
}

static enum rc
print_certificates(X509 *first, X509 *second, struct buf *out, struct err *err)
{
	BIO *memory OWNED(BIO_free_all) = BIO_new(BIO_s_mem());

	if (memory == NULL || !PEM_write_bio_X509(memory, first) ||
	    (second != NULL && !PEM_write_bio_X509(memory, second)))
		return tls_fail(err, RC_CRYPTO, "write a certificate");
	return add_memory(memory, out, err);
}

static enum rc
print_keys(EVP_PKEY *first, EVP_PKEY *second, struct buf *out, struct err *err)
{
	BIO *memory OWNED(BIO_free_all) = BIO_new(BIO_s_secmem()); /* wiped */

	if (memory == NULL ||
	    !PEM_write_bio_PrivateKey(
		memory, first, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_PrivateKey(
		memory, second, NULL, NULL, 0, NULL, NULL))
		return tls_fail(err, RC_CRYPTO, "write a key");
	return add_memory(memory, out, err);
}

enum rc
tls_make_local(
    struct buf *certificate_pem, struct buf *key_pem, struct err *err)
{
	size_t was = certificate_pem->len;
	EVP_PKEY *ca_key OWNED(EVP_PKEY_free) = EVP_EC_gen("P-256");
	EVP_PKEY *key OWNED(EVP_PKEY_free) = EVP_EC_gen("P-256");
	X509 *ca OWNED(X509_free) = NULL, *leaf OWNED(X509_free) = NULL;

	if (ca_key == NULL || key == NULL)
		return tls_fail(err, RC_CRYPTO, "make a local key");
	TRY(make_ca(ca_key, &ca, err));
	TRY(make_leaf(key, ca, ca_key, &leaf, err));
	TRY(print_certificates(leaf, ca, certificate_pem, err));
	enum rc rc = print_keys(key, ca_key, key_pem, err);
	if (rc != RC_OK)
		buf_cut(certificate_pem, was);
	return rc;
}

/* -- renewal -- */

struct pair {
	X509 *leaf, *ca; /* ca NULL: there is none */
	EVP_PKEY *key, *ca_key;
};

static void
pair_done(struct pair *pair)
{
	X509_free(pair->leaf);
	X509_free(pair->ca);
	EVP_PKEY_free(pair->key);
	EVP_PKEY_free(pair->ca_key);
}
#define PAIR_OWNED __attribute__((cleanup(pair_done)))

static enum rc
open_pem(struct span pem, BIO **ret, struct err *err)
{
	if (pem.len == 0 || pem.len > PEM_MAX)
		return err_set(err, RC_UNFIT, "the local certificate is gone");
	*ret = BIO_new_mem_buf(pem.data, (int)pem.len);
	return *ret != NULL ? RC_OK : err_nomem(err, "TLS");
}

static enum rc
read_certificates(struct span pem, struct pair *pair, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = NULL;

	TRY(open_pem(pem, &in, err));
	pair->leaf = PEM_read_bio_X509(in, NULL, NULL, (void *)"");
	if (pair->leaf == NULL)
		return tls_fail(err, RC_UNFIT, "local certificate");
	pair->ca = PEM_read_bio_X509(in, NULL, NULL, (void *)"");
	ERR_clear_error(); /* the end of the text */
	return RC_OK;
}

static enum rc
read_keys(struct span pem, struct pair *pair, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = NULL;

	TRY(open_pem(pem, &in, err));
	pair->key = PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)"");
	pair->ca_key = PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)"");
	if (pair->key == NULL || pair->ca_key == NULL)
		return tls_fail(err, RC_UNFIT, "local key");
	return RC_OK;
}

static bool
is_due(const X509 *leaf, int64_t now)
{
	time_t later = (time_t)(now + LEAF_DAYS * DAY / 3);

	return X509_cmp_time(X509_get0_notAfter(leaf), &later) < 0;
}

enum rc
tls_renew_local(struct buf *certificate_pem, struct span key_pem, int64_t now,
    bool *ret_renewed, struct err *err)
{
	struct pair pair PAIR_OWNED = {0};
	struct buf text BUF_OWNED = BUF(PEM_MAX);
	X509 *fresh OWNED(X509_free) = NULL;

	*ret_renewed = false;
	TRY(read_certificates(buf_span(certificate_pem), &pair, err));
	if (pair.ca == NULL || !is_due(pair.leaf, now))
		return RC_OK;
	TRY(read_keys(key_pem, &pair, err));
	TRY(make_leaf(pair.key, pair.ca, pair.ca_key, &fresh, err));
	TRY(print_certificates(fresh, pair.ca, &text, err));
	struct buf old = *certificate_pem;
	*certificate_pem = text;
	certificate_pem->max = old.max;
	text = old;
	*ret_renewed = true;
	return RC_OK;
}

enum rc
tls_print_local_trust(
    struct span certificate_pem, struct buf *out, struct err *err)
{
	struct pair pair PAIR_OWNED = {0};

	TRY(read_certificates(certificate_pem, &pair, err));
	return print_certificates(
	    pair.ca != NULL ? pair.ca : pair.leaf, NULL, out, err);
}
