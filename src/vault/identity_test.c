#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "pki/fixture.h"
#include "vault/identity.h"

#define MAIL "alice@example.org"
#define DAY 86400

static char folder[] = "/tmp/identity_test.XXXXXX";
static struct fixture root;

static const char *
path_of(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* A file with certificate, key or both of `made`. */
static void
write_pem(const char *name, const struct fixture *made, bool key, bool cert)
{
	FILE *out = fopen(path_of(name), "a");

	assert_non_null(out);
	if (key)
		assert_int_equal(PEM_write_PKCS8PrivateKey(
				     out, made->key, NULL, NULL, 0, NULL, NULL),
		    1);
	if (cert)
		assert_int_equal(PEM_write_X509(out, cert_x509(made->cert)), 1);
	assert_int_equal(fclose(out), 0);
}

static struct fixture
make(const char *usage, int64_t start, int64_t end)
{
	return fixture_make(&(struct fixture_spec){.name = MAIL,
	    .mail = MAIL,
	    .issuer = &root,
	    .usage = usage,
	    .extended = "emailProtection",
	    .start = start,
	    .end = end});
}

static int
clear(void **state)
{
	char line[200];

	(void)snprintf(
	    line, sizeof(line), "rm -rf %s && mkdir %s", folder, folder);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	return system(line);
}

static void
a_bundle_gives_signer_receiver_and_chain(void **state)
{
	struct fixture sign FIXTURE_OWNED = make("digitalSignature", 0, 0);
	struct fixture mail FIXTURE_OWNED = make("keyAgreement", 0, 0);
	struct identity_file file IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	struct identity who;
	const struct cert *to;
	struct err err = ERR_NONE;

	write_pem("id.pem", &mail, true, true);
	write_pem("id.pem", &sign, true, true);
	write_pem("id.pem", &root, false, true);
	if (identity_load(path_of("id.pem"), SPAN_NONE, &file, &err) != RC_OK)
		fail_msg("%s", err.text);
	assert_int_equal(
	    identity_signer(&file, FIXTURE_NOW, &who, NULL), RC_OK);
	assert_string_equal(
	    cert_fingerprint(who.cert), cert_fingerprint(sign.cert));
	assert_int_equal(EVP_PKEY_eq(who.key->public_key, sign.key), 1);
	assert_int_equal(who.chain->len, 1);
	assert_string_equal(
	    cert_fingerprint(who.chain->item[0]), cert_fingerprint(root.cert));
	assert_int_equal(
	    identity_receiver(&file, FIXTURE_NOW, &to, NULL), RC_OK);
	assert_string_equal(cert_fingerprint(to), cert_fingerprint(mail.cert));
}

static void
a_folder_is_read_whatever_else_lies_in_it(void **state)
{
	struct fixture sign FIXTURE_OWNED = make("digitalSignature", 0, 0);
	struct identity_file file IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	struct identity who;
	FILE *text = fopen(path_of("README"), "w");

	assert_non_null(text);
	assert_true(fputs("keys of alice\n", text) >= 0);
	assert_int_equal(fclose(text), 0);
	assert_int_equal(mkdir(path_of("old"), 0700), 0);
	write_pem("a.key", &sign, true, false);
	write_pem("b.crt", &sign, false, true);
	assert_int_equal(identity_load(folder, SPAN_NONE, &file, NULL), RC_OK);
	assert_int_equal(
	    identity_signer(&file, FIXTURE_NOW, &who, NULL), RC_OK);
	assert_int_equal(who.chain->len, 0);
}

static void
the_newest_valid_certificate_is_chosen(void **state)
{
	struct fixture old FIXTURE_OWNED =
	    make("digitalSignature", FIXTURE_START, FIXTURE_END);
	struct fixture newest FIXTURE_OWNED =
	    make("digitalSignature", FIXTURE_NOW - DAY, FIXTURE_END);
	struct fixture middle FIXTURE_OWNED =
	    make("digitalSignature", FIXTURE_NOW - 9 * DAY, FIXTURE_END);
	struct fixture future FIXTURE_OWNED =
	    make("digitalSignature", FIXTURE_NOW + DAY, FIXTURE_END + DAY);
	struct identity_file file IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	struct identity who;
	struct err err = ERR_NONE;

	write_pem("id", &old, true, true);
	write_pem("id", &newest, true, true);
	write_pem("id", &middle, true, true);
	write_pem("id", &future, true, true);
	assert_int_equal(
	    identity_load(path_of("id"), SPAN_NONE, &file, NULL), RC_OK);
	assert_int_equal(
	    identity_signer(&file, FIXTURE_NOW, &who, NULL), RC_OK);
	assert_string_equal(
	    cert_fingerprint(who.cert), cert_fingerprint(newest.cert));
	assert_int_equal(
	    identity_signer(&file, FIXTURE_END + 2 * DAY, &who, &err),
	    RC_UNFIT);
	assert_non_null(strstr(err.text, "expired"));
	const struct cert *to;
	assert_int_equal(
	    identity_receiver(&file, FIXTURE_NOW, &to, &err), RC_ABSENT);
}

static void
a_certificate_without_its_key_signs_nothing(void **state)
{
	struct fixture sign FIXTURE_OWNED = make("digitalSignature", 0, 0);
	struct fixture other FIXTURE_OWNED = make("digitalSignature", 0, 0);
	struct identity_file file IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	struct identity who;
	struct err err = ERR_NONE;

	write_pem("id", &sign, false, true);
	assert_int_equal(
	    identity_load(path_of("id"), SPAN_NONE, &file, &err), RC_ABSENT);
	assert_non_null(strstr(err.text, "no private key"));
	assert_null(file.vault);
	write_pem("id", &other, true, false);
	assert_int_equal(
	    identity_load(path_of("id"), SPAN_NONE, &file, NULL), RC_OK);
	assert_int_equal(
	    identity_signer(&file, FIXTURE_NOW, &who, NULL), RC_ABSENT);
}

static void
what_is_not_there_is_absent(void **state)
{
	struct identity_file file IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	const struct cert *to;

	assert_int_equal(
	    identity_load(path_of("none"), SPAN_NONE, &file, NULL), RC_ABSENT);
	assert_int_equal(
	    identity_load(folder, SPAN_NONE, &file, NULL), RC_ABSENT);
	/* no identity was given at all */
	assert_int_equal(identity_receiver(&file, 0, &to, NULL), RC_ABSENT);
}

static int
begin(void **state)
{
	root = fixture_root("Root");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
end(void **state)
{
	fixture_done(&root);
	return clear(state) == 0 ? rmdir(folder) : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		a_bundle_gives_signer_receiver_and_chain, clear),
	    cmocka_unit_test_setup(
		a_folder_is_read_whatever_else_lies_in_it, clear),
	    cmocka_unit_test_setup(
		the_newest_valid_certificate_is_chosen, clear),
	    cmocka_unit_test_setup(
		a_certificate_without_its_key_signs_nothing, clear),
	    cmocka_unit_test_setup(what_is_not_there_is_absent, clear),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
