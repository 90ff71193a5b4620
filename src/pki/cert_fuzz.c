/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of pki and base without their tests, -lcrypto: what is read
 * of any bytes can be asked everything. */
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "pki/cert_priv.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "pki/fixture.h"
#include "pki/mailbox.h"
#include "pki/orphan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void
leave_seed(const char *folder, const char *name, EVP_PKEY *key)
{
	char path[400];
	struct fixture made FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = name,
		.mail = "a@example.org",
		.key = key,
		.more = {{"subjectKeyIdentifier", "hash"},
		    {"authorityKeyIdentifier", "keyid"}}});
	struct span der = cert_der(made.cert);

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *out = fopen(path, "wb");
	if (out == NULL)
		return;
	(void)fwrite(der.data, 1, der.len, out);
	(void)fclose(out);
}

/* FUZZ_SEEDS: where to leave certificates to begin with. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	(void)argc;
	(void)argv;
	if (folder == NULL)
		return 0;
	leave_seed(folder, "P-256", EVP_EC_gen("P-256"));
	leave_seed(folder, "P-521", EVP_EC_gen("P-521"));
	leave_seed(folder, "RSA", EVP_RSA_gen(2048));
	leave_seed(folder, "Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	return 0;
}

static void
check_addresses(const struct cert *cert)
{
	const struct strlist *list = cert_addresses(cert);

	for (size_t i = 0; i < list->len; i++) {
		struct span mailbox = span_str(list->item[i]);
		if (mailbox_is_ascii(mailbox) == mailbox_is_utf8(mailbox))
			bug("cert: an address that is no mailbox");
		if (!cert_names_address(cert, list->item[i]))
			bug("cert: does not name its own address");
	}
}

/* What is read and verified by hand, the library reads and verifies the same
 * way. */
static void
compare(const struct cert *cert, struct span der)
{
	const uint8_t *at = der.data;
	X509 *x509 OWNED(X509_free) = d2i_X509(NULL, &at, (long)der.len);
	EVP_PKEY *key = x509 != NULL ? X509_get0_pubkey(x509) : NULL;

	if (x509 == NULL || (key == NULL) != (cert_key(cert) == NULL))
		bug("cert: read by hand only");
	if (key == NULL || cert->kind == KIND_OTHER || cert_key_is_huge(cert))
		return;
	if (EVP_PKEY_eq(key, cert_key(cert)) != 1)
		bug("cert: another key");
	if (cert->signs_itself != (X509_self_signed(x509, 0) == 1))
		bug("cert: signs itself or not");
	if (cert_is_signed(cert, cert) != (X509_verify(x509, key) == 1))
		bug("cert: its signature holds or not");
	ERR_clear_error();
}

static void
check(const struct cert *cert, struct span der)
{
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct chain_request ask = {
	    .roots = &certs, .at = cert_not_before(cert)};

	if (!span_is(cert_der(cert), der))
		bug("cert: other bytes than were read");
	check_addresses(cert);
	compare(cert, der);
	(void)(cert_can_sign(cert, NULL) == RC_OK);
	(void)(cert_can_receive(cert, NULL) == RC_OK);
	(void)(certs_add(&certs, cert, NULL) == RC_OK);
	(void)(chain_check(cert, &ask, &result, NULL) == RC_OK);
	if ((result.state == CHAIN_VALID) != (result.reason == NULL))
		bug("chain: a reason without a fault, or a fault without one");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cert *cert OWNED(cert_free) = NULL;
	struct certs list CERTS_OWNED = CERTS_NONE;
	struct span in = span_of(data, len);

	if (cert_parse(in, &cert, NULL) == RC_OK) {
		if (der_check(in, NULL) != RC_OK)
			bug("cert: not DER");
		check(cert, in);
	}
	if (certs_parse(&list, in, NULL) != RC_OK && list.len > 0)
		bug("certs: added something and failed");
	certs_done(&list);
	if (orphans_parse_issuers(in, 2, &list, NULL) != RC_OK && list.len > 0)
		bug("orphans: added something and failed");
	if (list.len > 2)
		bug("orphans: more than were wanted");
	return 0;
}
