#include "authority/testkit_priv.h"

#include <sys/stat.h>

#include "authority/keyfile.h"
#include "pki/crypto.h"

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
the_subjects_of_cas_have_the_country_if_there_is_one(void **state)
{
	static const char *const files[] = {"root", "tsa-ca", "issuing"};
	const struct kit *kit = *state;
	char folder[100];
	struct settings settings SETTINGS_OWNED;
	struct err err = ERR_NONE;

	(void)snprintf(folder, sizeof(folder), "%s/country", kit->folder);
	assert_run(kit, "mkdir -m 700 country");
	kit_settings(&settings);
	assert_done(settings_set(&settings, "country", "DE", &err), err);
	const struct keys keys = {
	    .folder = folder, .passphrase = span_str(KIT_PASSPHRASE)};
	assert_done(hierarchy_found(&keys, &settings, kit->now, &err), err);
	for (size_t i = 0; i < COUNT(files); i++) {
		assert_run(kit,
		    "openssl x509 -noout -subject -nameopt RFC2253 -in "
		    "country/%s.pem | grep -q ',C=DE$'",
		    files[i]);
		assert_run(kit,
		    "! openssl x509 -noout -subject -in %s.pem | grep -q "
		    "'C *='",
		    files[i]);
	}
	assert_run(kit, "cat country/root.pem > r && openssl verify -CAfile r "
			"country/issuing.pem && openssl verify -CAfile r "
			"country/tsa-ca.pem");
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
a_passphrase_is_costly_to_guess_where_nobody_says_otherwise(void **state)
{
	struct keys keys = kit_keys(*state, KIT_PASSPHRASE);
	struct signer *signer OWNED(signer_free) = NULL;
	struct err err = ERR_NONE;
	char text[3000];

	keys.rounds = 0;
	assert_done(keys_make(&keys, "costly", "P-256", &signer, &err), err);
	assert_run(*state, "openssl asn1parse -in costly.key");
	kit_output(*state, text, sizeof(text));
	assert_has(text, "INTEGER           :0927C0"); /* 600000 */
}

static void
an_authority_is_not_overwritten(void **state)
{
	const struct kit *kit = *state;
	struct buf before BUF_OWNED = BUF_SMALL;
	struct buf after BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	kit_read(kit, "root.pem", &before);
	struct keys keys = kit_keys(kit, KIT_PASSPHRASE);
	assert_rc(
	    hierarchy_found(&keys, &kit->settings, kit->now, &err), RC_REFUSED);
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

	struct keys keys = kit_keys(kit, "something else");
	assert_rc(hierarchy_load(&keys, &hierarchy, &err), RC_REFUSED);
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
	struct keys keys = kit_keys(kit, KIT_PASSPHRASE);
	assert_rc(hierarchy_load(&keys, &hierarchy, &err), RC_UNFIT);
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
	struct keys keys = kit_keys(kit, KIT_PASSPHRASE);
	assert_rc(hierarchy_load(&keys, &hierarchy, &err), RC_SYNTAX);
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

static void
write_responder(const struct kit *kit, int64_t now, const char *name)
{
	X509 *cert OWNED(X509_free) = NULL;
	struct err err = ERR_NONE;

	assert_done(hierarchy_ocsp(
			hierarchy_current(&kit->hierarchy), now, &cert, &err),
	    err);
	kit_write_cert(kit, name, cert);
}

static void
each_issuing_ca_has_a_responder_of_a_week(void **state)
{
	static const char *const wants[] = {
	    "X509v3 Extended Key Usage: \n                OCSP Signing\n",
	    "OCSP No Check: \n", "Digital Signature\n", "NIST CURVE: P-256"};
	const struct kit *kit = *state;
	char text[10000];

	write_responder(kit, kit->now, "ocsp.pem");
	assert_run(kit, "openssl verify -x509_strict -purpose ocsphelper "
			"-CAfile root.pem -untrusted issuing.pem ocsp.pem && "
			"openssl x509 -noout -checkend $((6 * 86400)) -in "
			"ocsp.pem && ! openssl x509 -noout -checkend "
			"$((7 * 86400 + 10)) -in ocsp.pem && "
			"openssl asn1parse -in ocsp.pem | "
			"grep -A 1 'OCSP No Check' | grep 'DUMP.:0500'");
	assert_run(kit, "openssl x509 -noout -text -in ocsp.pem");
	kit_output(kit, text, sizeof(text));
	for (size_t i = 0; i < COUNT(wants); i++)
		assert_has(text, wants[i]);
}

static void
a_responder_gets_another_certificate_before_its_own_ends(void **state)
{
	const struct kit *kit = *state;
	int64_t day = (int64_t)24 * 3600;

	write_responder(kit, kit->now, "day0");
	write_responder(kit, kit->now + 3 * day - 60, "day2");
	write_responder(kit, kit->now + 3 * day + 60, "day3");
	assert_run(kit, "cmp day0 day2 && ! cmp day0 day3");
	/* the last of its CA ends with it, and is not made anew each time */
	write_responder(kit, kit->now + (10 * 365 - 2) * day, "late");
	write_responder(kit, kit->now + (10 * 365 - 1) * day, "later");
	assert_run(kit, "cmp late later");
	X509 *none OWNED(X509_free) = NULL;
	assert_rc(hierarchy_ocsp(hierarchy_current(&kit->hierarchy),
		      kit->now + 10 * 365 * day, &none, NULL),
	    RC_ABSENT);
}

static void
an_issuer_is_known_by_its_id(void **state)
{
	const struct kit *kit = *state;
	const struct hierarchy *hierarchy = &kit->hierarchy;
	const struct authority_ca *ca = hierarchy_current(hierarchy);
	X509 *leaf OWNED(X509_free) = NULL;
	char id[PUBLISHED_ID_LEN + 1];
	struct err err = ERR_NONE;

	assert_done(hierarchy_ocsp(ca, kit->now, &leaf, &err), err);
	assert_done(published_issuer_id(leaf, id, &err), err);
	assert_int_equal(strlen(id), 40);
	assert_ptr_equal(hierarchy_find(hierarchy, id), ca);
	assert_null(hierarchy_find(hierarchy, ""));
	assert_null(hierarchy_find(hierarchy, "00"));
	assert_run(kit,
	    "openssl x509 -noout -ext subjectKeyIdentifier "
	    "-in issuing.pem | tr -d ' :' | tr A-F a-f | "
	    "grep -x %s",
	    id);
}

static X509 *
issue_leaf(const struct hierarchy *hierarchy, int64_t now)
{
	const struct authority_ca *ca = hierarchy_current(hierarchy);
	EVP_PKEY *key OWNED(EVP_PKEY_free) = EVP_EC_gen("P-256");
	struct profile_order order = {.kind = PROFILE_SIGNING,
	    .public_key = key,
	    .address = "a@x.test",
	    .now = now};
	struct profile_issuer issuer = {ca->cert, ca->signer};
	struct err err = ERR_NONE;
	X509 *cert = NULL;

	assert_done(profile_issue(&order, &issuer, &cert, &err), err);
	return cert;
}

/* The last: the folder is another one afterwards. */
static void
after_a_rollover_the_new_one_issues_and_both_are_known(void **state)
{
	const struct kit *kit = *state;
	struct keys keys = kit_keys(kit, KIT_PASSPHRASE);
	struct hierarchy now HIERARCHY_OWNED = {0};
	X509 *made OWNED(X509_free) = NULL;
	X509 *none OWNED(X509_free) = NULL;
	struct err err = ERR_NONE;

	assert_done(hierarchy_rollover(
			&keys, &keys, &kit->settings, kit->now, &made, &err),
	    err);
	assert_done(hierarchy_load(&keys, &now, &err), err);
	assert_int_equal(now.issuings, 2);
	assert_int_equal(X509_cmp(hierarchy_current(&now)->cert, made), 0);
	assert_ptr_equal(hierarchy_find(&now, kit->hierarchy.issuing[0].id),
	    &now.issuing[0]);
	X509 *leaf OWNED(X509_free) = issue_leaf(&now, kit->now);
	kit_write_cert(kit, "leaf", leaf);
	assert_run(kit, "openssl verify -x509_strict -CAfile root.pem "
			"-untrusted issuing-2.pem leaf && ! openssl verify "
			"-CAfile root.pem -untrusted issuing.pem leaf");
	/* up to the last that there is room for */
	assert_run(kit, "for n in $(seq 3 16); do cp issuing-2.pem "
			"issuing-$n.pem; done");
	assert_rc(hierarchy_rollover(
		      &keys, &keys, &kit->settings, kit->now, &none, &err),
	    RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_accepts_the_chains),
	    cmocka_unit_test(the_certificates_are_what_each_is_for),
	    cmocka_unit_test(
		the_subjects_of_cas_have_the_country_if_there_is_one),
	    cmocka_unit_test(openssl_reads_the_keys_with_the_passphrase_only),
	    cmocka_unit_test(
		a_passphrase_is_costly_to_guess_where_nobody_says_otherwise),
	    cmocka_unit_test(an_authority_is_not_overwritten),
	    cmocka_unit_test(a_wrong_passphrase_is_named),
	    cmocka_unit_test(a_key_of_another_certificate_is_refused),
	    cmocka_unit_test(a_key_that_lies_open_is_refused),
	    cmocka_unit_test(keys_are_their_owners_only),
	    cmocka_unit_test(each_issuing_ca_has_a_responder_of_a_week),
	    cmocka_unit_test(
		a_responder_gets_another_certificate_before_its_own_ends),
	    cmocka_unit_test(an_issuer_is_known_by_its_id),
	    cmocka_unit_test(the_passphrase_is_the_first_line_of_its_file),
	    cmocka_unit_test(
		after_a_rollover_the_new_one_issues_and_both_are_known),
	};

	return cmocka_run_group_tests(tests, kit_make, kit_remove);
}
