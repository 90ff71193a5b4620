#include "authority/testkit_priv.h"

#include <sys/stat.h>

#include "authority/keyfile.h"

static void
openssl_accepts_the_chains(void **state)
{
	const struct kit *kit = *state;

	assert_run(kit, "openssl verify -x509_strict -CAfile root.pem "
			"issuing.pem tsa-ca.pem");
	assert_run(kit, "openssl verify -x509_strict -purpose timestampsign "
			"-CAfile root.pem -untrusted tsa-ca.pem tsa.pem");
	assert_run(kit, "! openssl verify -purpose smimesign -CAfile root.pem "
			"-untrusted tsa-ca.pem tsa.pem");
}

static void
the_certificates_are_what_each_is_for(void **state)
{
	static const struct {
		const char *file;
		const char *want;
	} cases[] = {
	    {"root", "NIST CURVE: P-384"},
	    {"root", "ecdsa-with-SHA384"},
	    {"root", "CA:TRUE"},
	    {"issuing", "NIST CURVE: P-256"},
	    {"issuing", "CA:TRUE, pathlen:0"},
	    {"issuing", "E-mail Protection, TLS Web Client Authentication"},
	    {"tsa-ca", "CA:TRUE, pathlen:0"},
	    {"tsa", "X509v3 Extended Key Usage: critical\n                "
		    "Time Stamping\n"},
	    {"tsa", "Digital Signature\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[10000];
		assert_run(*state, "openssl x509 -noout -text -in %s.pem",
		    cases[i].file);
		kit_output(*state, text, sizeof(text));
		assert_has(text, cases[i].want);
	}
}

static void
openssl_reads_the_keys_with_the_passphrase_only(void **state)
{
	static const char *const files[] = {"root", "issuing", "tsa-ca", "tsa"};

	for (size_t i = 0; i < COUNT(files); i++) {
		char text[3000];
		assert_run(*state,
		    "openssl pkey -in %s.key -passin 'pass:" KIT_PASSPHRASE
		    "' -pubout > a && openssl x509 -in %s.pem -noout -pubkey "
		    "> b && cmp a b",
		    files[i], files[i]);
		assert_run(*state,
		    "! openssl pkey -in %s.key -passin pass:wrong", files[i]);
		assert_run(*state, "openssl asn1parse -in %s.key", files[i]);
		kit_output(*state, text, sizeof(text));
		assert_has(text, "aes-256-cbc");
		assert_has(text, "hmacWithSHA256");
	}
}

static void
an_authority_is_not_overwritten(void **state)
{
	const struct kit *kit = *state;
	struct buf before BUF_OWNED = BUF_SMALL;
	struct buf after BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	kit_read(kit, "root.pem", &before);
	assert_rc(hierarchy_found(kit->folder, &kit->settings,
		      span_str(KIT_PASSPHRASE), kit->now, &err),
	    RC_REFUSED);
	assert_has(err.text, "authority.json exists");
	kit_read(kit, "root.pem", &after);
	assert_bytes(buf_span(&after), buf_span(&before));
}

static void
a_wrong_passphrase_is_named(void **state)
{
	const struct kit *kit = *state;
	struct hierarchy hierarchy HIERARCHY_OWNED = {0};
	struct err err = ERR_NONE;

	assert_rc(hierarchy_load(kit->folder, span_str("something else"),
		      &hierarchy, &err),
	    RC_REFUSED);
	assert_has(err.text, "issuing.key");
	assert_has(err.text, "passphrase");
}

static void
a_key_of_another_certificate_is_refused(void **state)
{
	const struct kit *kit = *state;
	struct hierarchy hierarchy HIERARCHY_OWNED = {0};
	struct err err = ERR_NONE;

	assert_run(kit, "cp issuing.key keep && cp tsa.key issuing.key");
	assert_rc(hierarchy_load(
		      kit->folder, span_str(KIT_PASSPHRASE), &hierarchy, &err),
	    RC_UNFIT);
	assert_run(kit, "mv keep issuing.key");
}

static void
a_key_that_lies_open_is_refused(void **state)
{
	const struct kit *kit = *state;
	struct hierarchy hierarchy HIERARCHY_OWNED = {0};
	struct err err = ERR_NONE;

	assert_run(kit, "cp issuing.key keep && openssl pkey -in keep -passin "
			"'pass:" KIT_PASSPHRASE "' > issuing.key");
	assert_rc(hierarchy_load(
		      kit->folder, span_str(KIT_PASSPHRASE), &hierarchy, &err),
	    RC_SYNTAX);
	assert_run(kit, "mv keep issuing.key");
}

static void
keys_are_their_owners_only(void **state)
{
	const struct kit *kit = *state;
	char path[100];
	struct stat file;

	(void)snprintf(path, sizeof(path), "%s/root.key", kit->folder);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_int_equal(stat(kit->folder, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0700);
}

static void
the_passphrase_is_the_first_line_of_its_file(void **state)
{
	const struct kit *kit = *state;
	struct buf out BUF_OWNED = BUF_SECRET(1000);
	struct err err = ERR_NONE;
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/pass", kit->folder);
	kit_write(kit, "pass", span_str("twelve chars\r\nmore\n"));
	assert_done(keyfile_passphrase(path, &out, &err), err);
	assert_span(buf_span(&out), "twelve chars");
	kit_write(kit, "pass", span_str("eleven char\n"));
	assert_rc(keyfile_passphrase(path, &out, &err), RC_UNFIT);
	assert_rc(keyfile_passphrase("/nowhere", &out, &err), RC_ABSENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_accepts_the_chains),
	    cmocka_unit_test(the_certificates_are_what_each_is_for),
	    cmocka_unit_test(openssl_reads_the_keys_with_the_passphrase_only),
	    cmocka_unit_test(an_authority_is_not_overwritten),
	    cmocka_unit_test(a_wrong_passphrase_is_named),
	    cmocka_unit_test(a_key_of_another_certificate_is_refused),
	    cmocka_unit_test(a_key_that_lies_open_is_refused),
	    cmocka_unit_test(keys_are_their_owners_only),
	    cmocka_unit_test(the_passphrase_is_the_first_line_of_its_file),
	};

	return cmocka_run_group_tests(tests, kit_make, kit_remove);
}
