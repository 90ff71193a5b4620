/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of pki and base without their tests, -lcrypto: certificates
 * in a row, the leaf first, are held against everything but signatures. */
#include <stdio.h>
#include <stdlib.h>

#include "pki/chain_priv.h"
#include "pki/der.h"
#include "pki/fixture.h"
#include "pki/policy_graph_priv.h"
#include "pki/subtrees_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void
write_seed(
    const char *folder, const struct fixture *leaf, const struct fixture *root)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/path", folder);
	FILE *out = fopen(path, "wb");
	if (out == NULL)
		return;
	struct span first = cert_der(leaf->cert), last = cert_der(root->cert);
	(void)fwrite(first.data, 1, first.len, out);
	(void)fwrite(last.data, 1, last.len, out);
	(void)fclose(out);
}

/* FUZZ_SEEDS: where to leave a path to begin with. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	(void)argc;
	(void)argv;
	if (folder == NULL)
		return 0;
	struct fixture root FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Root",
		.constraints = "critical,CA:TRUE",
		.policies = "1.2.3,2.5.29.32.0",
		.more = {{"policyMappings", "1.2.3:1.2.4"},
		    {"policyConstraints", "requireExplicitPolicy:0"},
		    {"inhibitAnyPolicy", "1"},
		    {"nameConstraints",
			"permitted;email:example.org,excluded;DNS:a.test,"
			"permitted;URI:.a.test,permitted;IP:192.0.2.0/"
			"255.255.255.0"}}});
	struct fixture leaf FIXTURE_OWNED = fixture_make(&(struct fixture_spec){
	    .name = "Leaf",
	    .issuer = &root,
	    .policies = "1.2.4",
	    .more = {{"subjectAltName",
			 "email:a@example.org,DNS:b.test,URI:http://b.a.test/,"
			 "IP:192.0.2.1"},
		{"crlDistributionPoints", "URI:http://a.test/b"}}});
	write_seed(folder, &leaf, &root);
	return 0;
}

static void
read_path(struct span in, struct certs *path)
{
	struct der der;

	while (
	    path->len < CHAIN_MAX_PATH && der_next(&in, &der, NULL) == RC_OK) {
		struct cert *cert OWNED(cert_free) = NULL;
		if (cert_parse(der.whole, &cert, NULL) != RC_OK)
			return;
		(void)(certs_add(path, cert, NULL) == RC_OK);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct certs path CERTS_OWNED = CERTS_NONE;
	struct strlist wanted STRLIST_OWNED = STRLIST_NONE;
	struct chain_request ask = {.explicit_policy = true};
	enum policy_answer any = POLICY_FAILS, one = POLICY_FAILS;
	size_t work = 0;

	read_path(span_of(data, len), &path);
	if (path.len == 0)
		return 0;
	(void)path_fault(&path, CHAIN_ANY);
	(void)subtrees_check(&path, chain_default.names, &work);
	if (work > chain_default.names + 8)
		bug("subtrees: more work than allowed");
	(void)(policy_graph_check(&path, &ask, &any, NULL) == RC_OK);
	(void)(strlist_add_str(&wanted, "1.2.3", NULL) == RC_OK);
	ask.policies = &wanted;
	(void)(policy_graph_check(&path, &ask, &one, NULL) == RC_OK);
	if (one == POLICY_HOLDS && any != POLICY_HOLDS)
		bug("policies: one holds where none does");
	return 0;
}
