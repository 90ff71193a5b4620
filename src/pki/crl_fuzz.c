/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of pki and base without their tests, -lcrypto: a list that
 * was read can be asked everything, and one that was not leaves nothing. */
#include "pki/crl_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/own.h"
#include "pki/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A list with each kind of extension. */
static X509_CRL *
make_list(EVP_PKEY *key)
{
	static char *const extensions[][2] = {
	    {"issuingDistributionPoint", "critical,onlyuser:TRUE"},
	    {"authorityKeyIdentifier", "DER:30:06:80:04:01:02:03:04"},
	    {"2.5.29.20", "DER:02:01:07"},
	    {"2.5.29.27", "critical,DER:02:01:05"},
	};
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, 1790000000);
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, NULL, NULL, NULL, crl, 0);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set1_lastUpdate(crl, time);
	X509_CRL_set1_nextUpdate(crl, time);
	X509_REVOKED_set_revocationDate(entry, time);
	X509_CRL_add0_revoked(crl, entry);
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
		X509_EXTENSION *extension = X509V3_EXT_conf(
		    NULL, &ctx, extensions[i][0], extensions[i][1]);
		X509_CRL_add_ext(crl, extension, -1);
		X509_EXTENSION_free(extension);
	}
	ASN1_TIME_free(time);
	(void)X509_CRL_sign(crl, key, EVP_sha256());
	return crl;
}

/* FUZZ_SEEDS: where to leave a list to begin with. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");
	EVP_PKEY *key OWNED(EVP_PKEY_free) = EVP_EC_gen("P-256");
	char path[400];

	(void)argc;
	(void)argv;
	if (folder == NULL)
		return 0;
	X509_CRL *crl = make_list(key);
	(void)snprintf(path, sizeof(path), "%s/list", folder);
	BIO *out OWNED(BIO_free_all) = BIO_new_file(path, "wb");
	if (out != NULL)
		(void)i2d_X509_CRL_bio(out, crl);
	X509_CRL_free(crl);
	return 0;
}

static void
ask(const struct crl *crl)
{
	struct crl_entry entry = {0};

	if (crl->entries.len > crl->len || crl->number.len > 20)
		bug("crl: more than there is");
	(void)crl_find(crl, span_of("\1", 1), crl->issuer, &entry);
	(void)crl_find(crl, SPAN_NONE, crl->issuer, &entry);
	if (crl_number_order(crl->number, crl->number) != 0)
		bug("crl: a number is not itself");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct crls crls CRLS_OWNED = CRLS_NONE;
	enum rc rc = crls_parse(&crls, span_of(data, len), NULL);

	if ((rc == RC_OK) != (crls.len > 0))
		bug("crl: added something and failed");
	for (size_t i = 0; i < crls.len; i++)
		ask(crls.item[i]);
	if (ERR_peek_error() != 0 && rc == RC_OK)
		bug("crl: errors left behind");
	return 0;
}
