#include "cms/sealkit_priv.h"

#include "cms/recipient_judge_priv.h"

static void
openssl_opens_gcm_with_every_recipient(void **state)
{
	check_with_openssl(SEAL_AES256_GCM, span_str(LETTER), 5);
}

static void
openssl_opens_cbc_with_every_recipient(void **state)
{
	check_with_openssl(SEAL_AES256_CBC, span_str(LETTER), 5);
}

static void
every_length_around_a_block_survives(void **state)
{
	uint8_t bytes[49];

	memset(bytes, 'x', sizeof(bytes));
	for (size_t len = 0; len < sizeof(bytes); len += 15) {
		check_with_openssl(SEAL_AES256_CBC, span_of(bytes, len), 16);
		check_with_openssl(SEAL_AES256_GCM, span_of(bytes, len), 16);
	}
}

static void
a_large_letter_survives(void **state)
{
	size_t len = (size_t)3 << 20;
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	check_with_openssl(SEAL_AES256_GCM, span_of(bytes, len), 65536);
	free(bytes);
}

static void
the_algorithms_are_those_the_header_promises(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	const char *want[] = {"id-smime-ct-authEnvelopedData",
	    "dhSinglePass-stdDH-sha256kdf-scheme", "rsaEncryption",
	    "aes-256-gcm", "id-ecPublicKey", "d.issuerAndSerialNumber"};

	seal_letter(SEAL_AES256_GCM, span_str(LETTER), 100, &der);
	kit_write("sealed", buf_span(&der));
	assert_int_equal(
	    kit_openssl("cms -cmsout -print -inform DER -in sealed"), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		if (!kit_has("said", want[i]))
			fail_msg("want %s in the envelope", want[i]);
	assert_false(kit_has("said", "sha1"));
	/* the wrap is inside the parameters: OpenSSL prints it only so */
	assert_int_equal(kit_openssl("asn1parse -inform DER -in sealed"), 0);
	assert_true(kit_has("said", ":id-aes256-wrap"));
	/* the tag length in words: its default is 12 */
	assert_true(kit_has("said", "INTEGER           :10"));
	assert_false(kit_has("said", ":id-aes128-wrap"));
}

static void
the_clear_text_is_nowhere_in_it(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	seal_letter(SEAL_AES256_CBC, span_str(LETTER), 100, &der);
	assert_true(span_find(buf_span(&der), span_str("canary")) < 0);
}

static void
two_letters_share_nothing_but_the_names(void **state)
{
	struct buf one BUF_OWNED = BUF_SMALL, two BUF_OWNED = BUF_SMALL;

	seal_letter(SEAL_AES256_GCM, span_str(LETTER), 100, &one);
	seal_letter(SEAL_AES256_GCM, span_str(LETTER), 100, &two);
	/* ciphertext and tag are the last bytes */
	assert_true(span_find(buf_span(&one),
			span_after(buf_span(&two), two.len - 40)) < 0);
}

static void
the_same_certificate_twice_counts_once(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	for (int i = 0; i < SEAL_MAX_RECIPIENTS + 1; i++)
		assert_ok(seal_add(seal, alice.cert, &kit_err));
	assert_ok(seal_push(seal, span_str("x"), &der, &kit_err));
	assert_ok(seal_finish(seal, &der, &kit_err));
	assert_true(der.len < 600);
}

static void
one_recipient_more_than_the_limit_is_refused(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	for (int i = 0; i <= SEAL_MAX_RECIPIENTS; i++) {
		struct cert *cert OWNED(cert_free) =
		    kit_cert(alice.pkey, "Alice", KIT_MAIL, &root);
		assert_rc(seal_add(seal, cert, &kit_err),
		    i < SEAL_MAX_RECIPIENTS ? RC_OK : RC_LIMIT);
	}
}

static void
without_recipients_nothing_is_made(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	assert_rc(seal_push(seal, span_str(LETTER), &der, &kit_err), RC_ABSENT);
	assert_rc(seal_finish(seal, &der, &kit_err), RC_CRYPTO);
	struct seal *other OWNED(seal_free) = NULL;
	assert_ok(seal_new(SEAL_AES256_GCM, &other, &kit_err));
	assert_rc(seal_finish(other, &der, &kit_err), RC_ABSENT);
	assert_int_equal(der.len, 0);
}

static void
a_signing_certificate_may_not_receive(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	assert_rc(seal_add(seal, signer.cert, &kit_err), RC_UNFIT);
	assert_rc(seal_add(seal, root.cert, &kit_err), RC_UNFIT);
}

static void
a_full_output_buffer_leaves_it_as_it_was(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;
	struct buf der BUF_OWNED = BUF(64);

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	assert_ok(seal_add(seal, alice.cert, &kit_err));
	assert_ok(buf_add_str(&der, "before", &kit_err));
	assert_rc(seal_push(seal, span_str(LETTER), &der, &kit_err), RC_LIMIT);
	assert_true(span_is(buf_span(&der), span_str("before")));
}

/* --- every kind of recipient ------------------------------------------------ */

static void
seal_for(enum seal_cipher cipher, const struct target *target, struct buf *der)
{
	struct seal *seal OWNED(seal_free) = NULL;

	assert_ok(seal_new(cipher, &seal, &kit_err));
	add_target(seal, target);
	assert_ok(seal_push(seal, span_str(LETTER), der, &kit_err));
	assert_ok(seal_finish(seal, der, &kit_err));
}

/* openssl has the letter in the file "sealed". */
static void
openssl_opens_for(const struct target *target, const char *file)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	char how[200] = "";

	if (target->person != NULL)
		snprintf(how, sizeof(how), "-recip %s.crt -inkey %s.key", file,
		    file);
	if (target->password != NULL)
		snprintf(
		    how, sizeof(how), "-pwri_password %s", target->password);
	if (target->kek != NULL) {
		size_t len = strlen(target->kek);
		int at =
		    snprintf(how, sizeof(how), "-secretkeyid 0102 -secretkey ");
		for (size_t i = 0; i < len; i++, at += 2)
			snprintf(how + at, sizeof(how) - (size_t)at, "%02x",
			    (uint8_t)target->kek[i]);
	}
	if (kit_openssl("cms -decrypt -binary -inform DER -in sealed -out out "
			"%s",
		how) != 0)
		fail_msg("openssl cannot open: %s", target->name);
	kit_read("out", &out);
	assert_true(span_is(buf_span(&out), span_str(LETTER)));
}

static void
openssl_opens_every_way(void **state)
{
	static const struct {
		struct target target;
		const char *file;
	} table[] = {
	    {{"RSA v1.5", &rsa, {0}, NULL, NULL}, "rsa"},
	    {{"RSA v1.5, SKI", &rsa, {.by_key_id = true}, NULL, NULL}, "rsa"},
	    {{"OAEP SHA-1", &rsa, {RECIPIENT_RSA_OAEP_SHA1, NULL, false}, NULL,
		 NULL},
		"rsa"},
	    {{"OAEP SHA-256", &rsa, {RECIPIENT_RSA_OAEP_SHA256, NULL, false},
		 NULL, NULL},
		"rsa"},
	    {{"OAEP SHA-384", &rsa, {RECIPIENT_RSA_OAEP_SHA384, NULL, false},
		 NULL, NULL},
		"rsa"},
	    {{"OAEP SHA-512, SKI", &rsa,
		 {RECIPIENT_RSA_OAEP_SHA512, NULL, true}, NULL, NULL},
		"rsa"},
	    {{"P-256", &alice, {0}, NULL, NULL}, "alice"},
	    {{"P-256, SKI", &alice, {.by_key_id = true}, NULL, NULL}, "alice"},
	    {{"P-256, SHA-1", &alice, {.kdf = "SHA1"}, NULL, NULL}, "alice"},
	    {{"P-256, SHA-384", &alice, {.kdf = "SHA384"}, NULL, NULL},
		"alice"},
	    {{"P-256, SHA-512", &alice, {.kdf = "SHA512"}, NULL, NULL},
		"alice"},
	    {{"P-384", &p384, {0}, NULL, NULL}, "p384"},
	    {{"P-384, SHA-256", &p384, {.kdf = "SHA256"}, NULL, NULL}, "p384"},
	    {{"P-521", &p521, {0}, NULL, NULL}, "p521"},
	    {{"P-521, SHA-1", &p521, {.kdf = "SHA1"}, NULL, NULL}, "p521"},
	    {{"a key of 256 bits", NULL, {0},
		 "0123456789abcdef0123456789abcdef", NULL},
		""},
	    {{"a password", NULL, {0}, NULL, "correct-horse"}, ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		print_message("  %s\n", table[i].target.name);
		seal_for(SEAL_AES256_GCM, &table[i].target, &der);
		kit_write("sealed", buf_span(&der));
		openssl_opens_for(&table[i].target, table[i].file);
	}
}

/* openssl 3.0 has no ChaCha20-Poly1305 in CMS: our reader's tests do that. */
static void
openssl_opens_every_cipher(void **state)
{
	static const struct {
		enum seal_cipher cipher;
		const char *wrap, *name;
	} table[] = {
	    {SEAL_AES256_CBC, ":id-aes256-wrap", ":aes-256-cbc"},
	    {SEAL_AES192_CBC, ":id-aes192-wrap", ":aes-192-cbc"},
	    {SEAL_AES128_CBC, ":id-aes128-wrap", ":aes-128-cbc"},
	    {SEAL_AES256_GCM, ":id-aes256-wrap", ":aes-256-gcm"},
	    {SEAL_AES128_GCM, ":id-aes128-wrap", ":aes-128-gcm"},
	};
	static const struct target for_alice = {
	    "alice", &alice, {0}, NULL, NULL};
	static const struct target for_password = {
	    "password", NULL, {0}, NULL, "x"};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		seal_for(table[i].cipher, &for_password, &der);
		kit_write("sealed", buf_span(&der));
		openssl_opens_for(&for_password, "");
		buf_clear(&der);
		seal_for(table[i].cipher, &for_alice, &der);
		kit_write("sealed", buf_span(&der));
		openssl_opens_for(&for_alice, "alice");
		/* the wrap is as strong as the content's key */
		assert_int_equal(
		    kit_openssl("asn1parse -inform DER -in sealed"), 0);
		assert_true(kit_has("said", table[i].wrap));
		assert_true(kit_has("said", table[i].name));
	}
}

static void
python_opens_x25519_and_x448(void **state)
{
	static const struct {
		struct target target;
		const char *file;
	} table[] = {
	    {{"X25519", &x25519, {0}, NULL, NULL}, "x25519"},
	    {{"X448", &x448, {0}, NULL, NULL}, "x448"},
	    {{"X25519, X9.63", &x25519, {.kdf = "SHA256"}, NULL, NULL},
		"x25519"},
	    {{"X25519, SHA-512", &x25519, {.kdf = "HKDF-SHA512"}, NULL, NULL},
		"x25519"},
	    {{"X448, HKDF SHA-384", &x448, {.kdf = "HKDF-SHA384"}, NULL, NULL},
		"x448"},
	    {{"X448, X9.63", &x448, {.kdf = "SHA512"}, NULL, NULL}, "x448"},
	};

	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		print_message("  %s\n", table[i / 2].target.name);
		seal_for(i % 2 == 0 ? SEAL_AES256_GCM : SEAL_AES128_GCM,
		    &table[i / 2].target, &der);
		kit_write("sealed", buf_span(&der));
		if (judge("open sealed %s.key out", table[i / 2].file) != 0)
			fail_msg("%s", table[i / 2].target.name);
		kit_read("out", &out);
		assert_true(span_is(buf_span(&out), span_str(LETTER)));
	}
}

static void
a_weaker_key_or_no_password_is_refused(void **state)
{
	static const size_t lens[] = {0, 15, 16, 17, 23, 24, 31, 33, 64};
	struct seal *seal OWNED(seal_free) = NULL;
	uint8_t kek[64] = {0};

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		assert_rc(seal_add_kek(seal, span_str("id"),
			      span_of(kek, lens[i]), &kit_err),
		    RC_UNFIT);
	assert_ok(
	    seal_add_kek(seal, span_str("id"), span_of(kek, 32), &kit_err));
	assert_rc(seal_add_password(seal, SPAN_NONE, &kit_err), RC_UNFIT);
	struct seal *small OWNED(seal_free) = NULL;
	assert_ok(seal_new(SEAL_AES128_GCM, &small, &kit_err));
	assert_ok(
	    seal_add_kek(small, span_str("id"), span_of(kek, 16), &kit_err));
}

static void
a_way_that_does_not_exist_is_refused(void **state)
{
	static const struct recipient_way no_kdf = {.kdf = "MD5"};
	static const struct recipient_way key_id = {.by_key_id = true};
	static const struct kit_extension bare[] = {
	    {NID_key_usage, "critical,keyAgreement"}, {0, NULL}};
	struct seal *seal OWNED(seal_free) = NULL;
	struct cert *nameless OWNED(cert_free) =
	    kit_cert(alice.pkey, "Alice", bare, &root);

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	assert_rc(seal_add_way(seal, alice.cert, &no_kdf, &kit_err), RC_UNFIT);
	assert_rc(seal_add_way(seal, nameless, &key_id, &kit_err), RC_UNFIT);
	assert_ok(seal_add(seal, nameless, &kit_err));
}

/* A certificate with a key of that OID. */
static struct cert *
make_strange(const char *oid, size_t len)
{
	struct cert *cert = NULL;
	X509 *x509 = X509_dup(cert_x509(rsa.cert));
	uint8_t *bytes = OPENSSL_zalloc(len);

	assert_true_ssl(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(x509),
	    OBJ_txt2obj(oid, 1), V_ASN1_UNDEF, NULL, bytes, (int)len));
	assert_true_ssl(X509_sign(x509, root.pkey, EVP_sha256()));
	/* by its bytes: the object still has the old key beside the new */
	uint8_t *der = NULL;
	int der_len = i2d_X509(x509, &der);
	assert_ok(cert_parse(span_of(der, (size_t)der_len), &cert, &kit_err));
	OPENSSL_free(der);
	X509_free(x509);
	return cert;
}

static void
a_kind_of_key_that_the_library_lacks_is_named(void **state)
{
	static const struct {
		const char *oid, *name;
		size_t len;
	} table[] = {
		{"1.3.101.99", "1.3.101.99", 32},
#if OPENSSL_VERSION_NUMBER < 0x30500000L
		{"2.16.840.1.101.3.4.4.2", "ML-KEM-768", 1184},
		{"2.16.840.1.101.3.4.4.3", "ML-KEM-1024", 1568},
#endif
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct seal *seal OWNED(seal_free) = NULL;
		struct cert *cert OWNED(cert_free) =
		    make_strange(table[i].oid, table[i].len);
		assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
		assert_rc(seal_add(seal, cert, &kit_err), RC_UNFIT);
		assert_non_null(strstr(kit_err.text, table[i].name));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_opens_gcm_with_every_recipient),
	    cmocka_unit_test(openssl_opens_cbc_with_every_recipient),
	    cmocka_unit_test(every_length_around_a_block_survives),
	    cmocka_unit_test(a_large_letter_survives),
	    cmocka_unit_test(the_algorithms_are_those_the_header_promises),
	    cmocka_unit_test(the_clear_text_is_nowhere_in_it),
	    cmocka_unit_test(two_letters_share_nothing_but_the_names),
	    cmocka_unit_test(the_same_certificate_twice_counts_once),
	    cmocka_unit_test(one_recipient_more_than_the_limit_is_refused),
	    cmocka_unit_test(without_recipients_nothing_is_made),
	    cmocka_unit_test(a_signing_certificate_may_not_receive),
	    cmocka_unit_test(a_full_output_buffer_leaves_it_as_it_was),
	    cmocka_unit_test(openssl_opens_every_way),
	    cmocka_unit_test(openssl_opens_every_cipher),
	    cmocka_unit_test(python_opens_x25519_and_x448),
	    cmocka_unit_test(a_weaker_key_or_no_password_is_refused),
	    cmocka_unit_test(a_way_that_does_not_exist_is_refused),
	    cmocka_unit_test(a_kind_of_key_that_the_library_lacks_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
