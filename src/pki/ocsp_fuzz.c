/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of pki and base without their tests, -lcrypto: an answer that
 * was read can be asked everything, and one that was not leaves nothing. */
#include "pki/ocsp_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/own.h"
#include "pki/chain.h"
#include "pki/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct fixture root, leaf;
static struct certs roots;

static void
leave_seed(const char *folder, int status)
{
	char path[400];
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(
	    EVP_sha1(), cert_x509(leaf.cert), cert_x509(root.cert));
	ASN1_GENERALIZEDTIME *now = ASN1_GENERALIZEDTIME_set(NULL, FIXTURE_NOW);

	(void)OCSP_basic_add1_status(basic, id, status, 1,
	    status == V_OCSP_CERTSTATUS_REVOKED ? now : NULL, now, now);
	(void)OCSP_basic_add1_nonce(
	    basic, (unsigned char *)(uintptr_t) "0123456789abcdef", 16);
	X509 *signer OWNED(X509_free) = fixture_x509(&root);
	(void)OCSP_basic_sign(basic, signer, root.key, EVP_sha256(), NULL,
	    status == 0 ? OCSP_RESPID_KEY : 0);
	OCSP_RESPONSE *response =
	    OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	(void)snprintf(path, sizeof(path), "%s/answer%d", folder, status);
	BIO *out OWNED(BIO_free_all) = BIO_new_file(path, "wb");
	if (out != NULL)
		(void)i2d_OCSP_RESPONSE_bio(out, response);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_GENERALIZEDTIME_free(now);
}

/* FUZZ_SEEDS: where to leave answers to begin with. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	(void)argc;
	(void)argv;
	root = fixture_root("Root");
	leaf = fixture_signer(&root, "alice@example.org");
	fixture_must(certs_add(&roots, root.cert, NULL) == RC_OK, "root");
	for (int status = 0; folder != NULL && status < 3; status++)
		leave_seed(folder, status);
	return 0;
}

static void
ask(const struct ocsps *ocsps)
{
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	const struct chain_request request = {
	    .roots = &roots, .ocsps = ocsps, .at = FIXTURE_NOW};
	struct ocsp_entry entry;
	size_t at = 0;

	while (ocsp_find(ocsps->item[0], leaf.cert, root.cert, &at, &entry))
		if (entry.until < ocsp_until(ocsps->item[0]))
			bug("ocsp: an earlier end than it says");
	(void)ocsp_check_nonce(ocsps->item[0], span_str("x"), NULL);
	if (chain_check(leaf.cert, &request, &result, NULL) != RC_OK ||
	    result.path.len != 2)
		bug("ocsp: the path is gone");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	enum rc rc = ocsps_parse(&ocsps, span_of(data, len), NULL);

	if ((rc == RC_OK) != (ocsps.len > 0))
		bug("ocsp: added something and failed");
	if (ocsps.len > 0)
		ask(&ocsps);
	if (ERR_peek_error() != 0 && rc == RC_OK)
		bug("ocsp: errors left behind");
	return 0;
}
