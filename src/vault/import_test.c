/* The foreign judge is the openssl program: it writes what we read here, and
 * reads what we write. */
#include "pki/fixture.h"
#include "vault/importkit_priv.h"

#define PASS "correct horse"

static void
what_openssl_writes_is_read(void **state)
{
	static const struct {
		const char *name, *command;
		size_t keys, certs;
	} cases[] = {
	    {"PKCS#12 with AES-256",
		"openssl pkcs12 -export -inkey sign.key -in sign.crt "
		"-certfile root.crt -out f -passout pass:'" PASS "'",
		1, 2},
	    {"PKCS#12 of the old kind (RC2, 3DES, SHA-1)",
		"openssl pkcs12 -export -legacy -inkey sign.key -in sign.crt "
		"-out f -passout pass:'" PASS "'",
		1, 1},
	    {"PKCS#12 with 3DES",
		"openssl pkcs12 -export -keypbe PBE-SHA1-3DES "
		"-certpbe PBE-SHA1-3DES -macalg sha1 -inkey sign.key "
		"-in sign.crt -out f -passout pass:'" PASS "'",
		1, 1},
	    {"PKCS#12 without a check",
		"openssl pkcs12 -export -nomac -inkey sign.key -in sign.crt "
		"-out f -passout pass:'" PASS "'",
		1, 1},
	    {"PKCS#12 with nothing encrypted",
		"openssl pkcs12 -export -keypbe NONE -certpbe NONE "
		"-inkey sign.key -in sign.crt -out f -passout pass:'" PASS "'",
		1, 1},
	    {"an encrypted PKCS#8",
		"openssl pkcs8 -topk8 -in sign.key -out f -passout pass:'" PASS
		"'",
		1, 0},
	    {"an encrypted PKCS#8 in DER",
		"openssl pkcs8 -topk8 -in sign.key -outform DER -out f "
		"-passout pass:'" PASS "'",
		1, 0},
	    {"an encrypted PKCS#8 of the old kind",
		"openssl pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy "
		"-provider default -in sign.key -out f -passout pass:'" PASS
		"'",
		1, 0},
	    {"a key as OpenSSL wrote it until 2010",
		"openssl ec -aes128 -in sign.key -out f -passout pass:'" PASS
		"'",
		1, 0},
	    {"an RSA key as OpenSSL wrote it until 2010",
		"openssl genrsa -traditional -des3 -out f "
		"-passout pass:'" PASS "' 2048",
		1, 0},
	    {"a key in DER",
		"openssl pkcs8 -topk8 -nocrypt -in sign.key -outform DER "
		"-out f",
		1, 0},
	    {"a certificate in DER",
		"openssl x509 -in sign.crt -outform DER -out f", 0, 1},
	    {"a bundle of two keys and three certificates",
		"cat sign.key sign.crt mail.key mail.crt root.crt >f", 2, 3},
	    {"a bundle with the curve's parameters and text",
		"echo Bag Attributes >f; "
		"openssl ecparam -name prime256v1 >>f; cat sign.key >>f; "
		"openssl x509 -text -in sign.crt >>f",
		1, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vault *vault OWNED(vault_free) = NULL;
		struct certs certs CERTS_OWNED = CERTS_NONE;
		struct err err = ERR_NONE;
		must_run(cases[i].command);
		assert_int_equal(vault_new(&vault, NULL), RC_OK);
		enum rc rc = import(vault, "f", PASS, &certs, &err);
		if (rc != RC_OK || vault->len != cases[i].keys ||
		    certs.len != cases[i].certs)
			fail_msg("%s: got %s (%s), %zu keys, %zu certificates",
			    cases[i].name, rc_name(rc), err.text, vault->len,
			    certs.len);
	}
}

static void
a_wrong_or_missing_passphrase_is_refused(void **state)
{
	static const char *const commands[] = {
	    "openssl pkcs12 -export -inkey sign.key -in sign.crt -out f "
	    "-passout pass:'" PASS "'",
	    "openssl pkcs12 -export -legacy -inkey sign.key -in sign.crt "
	    "-out f -passout pass:'" PASS "'",
	    "openssl pkcs8 -topk8 -in sign.key -out f -passout pass:'" PASS "'",
	    "openssl ec -aes128 -in sign.key -out f -passout pass:'" PASS "'",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct vault *vault OWNED(vault_free) = NULL;
		struct certs certs CERTS_OWNED = CERTS_NONE;
		struct err err = ERR_NONE;
		must_run(commands[i]);
		assert_int_equal(vault_new(&vault, NULL), RC_OK);
		assert_int_equal(
		    import(vault, "f", "wrong", &certs, &err), RC_REFUSED);
		assert_string_equal(err.text, "wrong passphrase");
		assert_int_equal(
		    import(vault, "f", "", &certs, &err), RC_REFUSED);
		assert_non_null(strstr(err.text, "give its passphrase"));
		assert_int_equal(vault->len, 0);
		assert_int_equal(certs.len, 0);
	}
}

static void
an_empty_passphrase_opens_what_was_written_with_one(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct err err = ERR_NONE;

	must_run("openssl pkcs12 -export -inkey sign.key -in sign.crt -out f "
		 "-passout pass:");
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(import(vault, "f", "", &certs, &err), RC_OK);
	assert_int_equal(vault->len, 1);
}

/* Not the same as an empty one in the old key derivation. */
static void
no_passphrase_at_all_is_tried_too(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct fixture made FIXTURE_OWNED = fixture_signer(NULL, "a@b.test");
	struct buf der BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	uint8_t *room;
	const int old = NID_pbe_WithSHA1And3_Key_TripleDES_CBC;
	X509 *x509 OWNED(X509_free) = fixture_x509(&made);
	PKCS12 *p12 OWNED(PKCS12_free) = PKCS12_create(
	    NULL, NULL, made.key, x509, NULL, old, old, 2048, 2048, 0);

	assert_non_null(p12);
	assert_int_equal(buf_reserve(&der, 10000, &room, NULL), RC_OK);
	buf_grown(&der, (size_t)i2d_PKCS12(p12, &room));
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	if (vault_import(vault, buf_span(&der), SPAN_NONE, &certs, &err) !=
	    RC_OK)
		fail_msg("%s", err.text);
	assert_int_equal(vault->len, 1);
	assert_int_equal(certs.len, 1);
}

static void
a_check_of_too_many_rounds_is_not_computed(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct fixture made FIXTURE_OWNED = fixture_signer(NULL, "a@b.test");
	struct buf der BUF_OWNED = BUF_SMALL;
	uint8_t *room;
	X509 *x509 OWNED(X509_free) = fixture_x509(&made);
	PKCS12 *p12 OWNED(PKCS12_free) = PKCS12_create(
	    PASS, NULL, made.key, x509, NULL, -1, -1, 0, 65537, 0);

	assert_non_null(p12);
	assert_int_equal(buf_reserve(&der, 10000, &room, NULL), RC_OK);
	buf_grown(&der, (size_t)i2d_PKCS12(p12, &room));
	/* the last number of the file is the rounds: 0x010001 */
	assert_int_equal(der.data[der.len - 3], 0x01);
	der.data[der.len - 3] = 0x7f;
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	enum rc rc =
	    vault_import(vault, buf_span(&der), span_str(PASS), &certs, NULL);
	assert_int_equal(rc, RC_LIMIT);
}

static void
the_certificates_say_what_a_key_is_for(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;

	must_run("cat sign.key sign.crt mail.key mail.crt other.key >f");
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(import(vault, "f", "", &certs, NULL), RC_OK);
	assert_int_equal(vault->len, 3);
	assert_int_equal(vault->entry[0]->key.purpose, KEY_SIGN);
	assert_int_equal(vault->entry[1]->key.purpose, KEY_DECRYPT);
	assert_int_equal(vault->entry[2]->key.purpose, KEY_BOTH);
}

/* Keys that only agree come in and stay what they are, with or without a
 * certificate. */
static void
x25519_and_x448_come_in_for_decrypting(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;

	must_run("openssl genpkey -algorithm X25519 -out x25519.key");
	must_run("openssl genpkey -algorithm X448 -aes256 -pass pass:'" PASS
		 "' -out x448.key");
	must_run("openssl pkey -in x25519.key -pubout -out x25519.pub");
	must_run("openssl req -new -key sign.key -subj /CN=x -out x.csr");
	must_run("printf 'keyUsage=critical,keyAgreement' >x.ext");
	must_run("openssl x509 -req -in x.csr -force_pubkey x25519.pub "
		 "-CA root.crt -CAkey root.key -days 9 -extfile x.ext "
		 "-out x25519.crt");
	must_run("cat x25519.key x25519.crt >x25519.pem");
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(import(vault, "x25519.pem", "", &certs, NULL), RC_OK);
	assert_int_equal(import(vault, "x448.key", PASS, &certs, NULL), RC_OK);
	assert_int_equal(vault->len, 2);
	assert_int_equal(vault->entry[0]->key.purpose, KEY_DECRYPT);
	assert_int_equal(vault->entry[1]->key.purpose, KEY_DECRYPT);
	assert_true(EVP_PKEY_is_a(vault->entry[1]->key.public_key, "X448"));
	const struct key *key = NULL;
	assert_int_equal(vault_find(vault, certs.item[0], &key, NULL), RC_OK);
	assert_ptr_equal(key, &vault->entry[0]->key);
	assert_int_equal(cert_can_receive(certs.item[0], NULL), RC_OK);
	assert_int_equal(cert_can_sign(certs.item[0], NULL), RC_UNFIT);
}

static void
a_damaged_file_adds_nothing(void **state)
{
	static const struct {
		const char *name, *command;
		enum rc want;
	} cases[] = {
	    {"empty", ": >f", RC_ABSENT},
	    {"text", "echo hello >f", RC_ABSENT},
	    {"cut off",
		"openssl pkcs12 -export -inkey sign.key -in sign.crt "
		"-passout pass:'" PASS "' | head -c 500 >f",
		RC_CRYPTO},
	    {"the second of two keys damaged",
		"cat sign.key sign.crt >f; sed 's/^M/!/' mail.key >>f",
		RC_SYNTAX},
	    {"the second of two certificates cut off",
		"cat sign.key sign.crt >f; head -3 mail.crt >>f; "
		"tail -1 mail.crt >>f",
		RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vault *vault OWNED(vault_free) = NULL;
		struct certs certs CERTS_OWNED = CERTS_NONE;
		struct err err = ERR_NONE;
		must_run(cases[i].command);
		assert_int_equal(vault_new(&vault, NULL), RC_OK);
		enum rc got = import(vault, "f", PASS, &certs, &err);
		if (got != cases[i].want)
			fail_msg("%s: got %s (%s)", cases[i].name, rc_name(got),
			    err.text);
		assert_int_equal(vault->len, 0);
		assert_int_equal(certs.len, 0);
	}
}

static void
a_file_may_hold_100_keys_and_not_one_more(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;

	must_run("for i in $(seq 100); do cat sign.key; done >f");
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(import(vault, "f", "", &certs, NULL), RC_OK);
	assert_int_equal(vault->len, 1);
	must_run("cat other.key >>f");
	assert_int_equal(import(vault, "f", "", &certs, NULL), RC_LIMIT);
	assert_int_equal(vault->len, 1);
}

static void
a_full_list_of_certificates_leaves_the_vault_as_it_was(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct fixture made FIXTURE_OWNED = fixture_root("x");

	must_run("cat sign.key sign.crt mail.crt >f");
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	for (size_t i = 0; i < CERTS_MAX - 1; i++)
		assert_int_equal(certs_add(&certs, made.cert, NULL), RC_OK);
	assert_int_equal(import(vault, "f", "", &certs, NULL), RC_LIMIT);
	assert_int_equal(vault->len, 0);
	assert_int_equal(certs.len, CERTS_MAX - 1);
}

/* ---- export ------------------------------------------------------------- */

static void
export_all(struct vault *vault, const struct certs *certs)
{
	char path[200];
	struct buf bytes BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	if (vault_export(vault, certs, span_str(PASS), &bytes, &err) != RC_OK)
		fail_msg("vault_export: %s", err.text);
	(void)snprintf(path, sizeof(path), "%s/out.p12", folder);
	assert_int_equal(file_save(path, buf_span(&bytes), 0600, NULL), RC_OK);
}

static void
openssl_reads_the_decrypting_keys_and_no_signing_key(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct vault *back OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct certs again CERTS_OWNED = CERTS_NONE;

	must_run("cat sign.key sign.crt mail.key mail.crt root.crt >f");
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(vault_new(&back, NULL), RC_OK);
	assert_int_equal(import(vault, "f", "", &certs, NULL), RC_OK);
	export_all(vault, &certs);

	must_run("openssl pkcs12 -in out.p12 -nodes -out all.pem "
		 "-passin pass:'" PASS "'");
	must_run("openssl pkey -in all.pem -pubout >a; "
		 "openssl pkey -in mail.key -pubout >b; cmp a b");
	must_run("test $(grep -c 'BEGIN PRIVATE' all.pem) = 1");
	must_run("test $(grep -c 'BEGIN CERT' all.pem) = 1");
	must_run("openssl pkcs12 -in out.p12 -info -noout -passin pass:'" PASS
		 "' 2>info; cat info; grep -q 'AES-256-CBC, Iteration 600000, "
		 "PRF hmacWithSHA256' info && grep -q 'MAC: sha256, Iteration "
		 "600000' info");
	assert_false(run("openssl pkcs12 -in out.p12 -nodes "
			 "-passin pass:wrong"));

	assert_int_equal(import(back, "out.p12", PASS, &again, NULL), RC_OK);
	assert_int_equal(back->len, 1);
	assert_int_equal(back->entry[0]->key.purpose, KEY_DECRYPT);
	assert_int_equal(again.len, 1);
}

static void
without_a_passphrase_or_a_decrypting_key_nothing_is_exported(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs none CERTS_OWNED = CERTS_NONE;
	struct buf out BUF_OWNED = BUF_SMALL;
	const struct key *key;

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(vault_make(vault, KEY_SIGN, &key, NULL), RC_OK);
	assert_int_equal(
	    vault_export(vault, &none, span_str(PASS), &out, NULL), RC_ABSENT);
	assert_int_equal(vault_make(vault, KEY_DECRYPT, &key, NULL), RC_OK);
	assert_int_equal(
	    vault_export(vault, &none, SPAN_NONE, &out, NULL), RC_UNFIT);
	assert_int_equal(out.len, 0);
	/* a key without a certificate is exported all the same */
	export_all(vault, &none);
	must_run("openssl pkcs12 -in out.p12 -nodes -passin pass:'" PASS
		 "' | grep 'BEGIN PRIVATE'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_openssl_writes_is_read),
	    cmocka_unit_test(a_wrong_or_missing_passphrase_is_refused),
	    cmocka_unit_test(
		an_empty_passphrase_opens_what_was_written_with_one),
	    cmocka_unit_test(no_passphrase_at_all_is_tried_too),
	    cmocka_unit_test(a_check_of_too_many_rounds_is_not_computed),
	    cmocka_unit_test(the_certificates_say_what_a_key_is_for),
	    cmocka_unit_test(x25519_and_x448_come_in_for_decrypting),
	    cmocka_unit_test(a_damaged_file_adds_nothing),
	    cmocka_unit_test(a_file_may_hold_100_keys_and_not_one_more),
	    cmocka_unit_test(
		a_full_list_of_certificates_leaves_the_vault_as_it_was),
	    cmocka_unit_test(
		openssl_reads_the_decrypting_keys_and_no_signing_key),
	    cmocka_unit_test(
		without_a_passphrase_or_a_decrypting_key_nothing_is_exported),
	};

	return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
