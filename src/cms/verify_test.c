#include "cms/verifykit_priv.h"

static void
what_we_sign_we_verify(void **state)
{
	const struct {
		const struct person *who;
		const char *digest, *algorithm;
	} table[] = {{&alice, "SHA-256", "ECDSA"}, {&rsa, "SHA-256", "RSA"},
	    {&p384, "SHA-384", "ECDSA"}, {&ed, "SHA-512", "Ed25519"},
	    {&ed448, "SHAKE256", "Ed448"}, {&pss, "SHA-256", "RSA-PSS"},
	    {&strict, "SHA-256", "RSA-PSS"}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF_SMALL;
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		sign_letter(table[i].who, &der);
		if (table[i].who != &ed448)
			expect(buf_span(&der), LETTER, NULL);
		assert_ok(
		    verify_bytes(buf_span(&der), LETTER, false, &out, &result));
		assert_true(result.signer[0].valid);
		assert_string_equal(result.signer[0].digest, table[i].digest);
		assert_string_equal(
		    result.signer[0].algorithm, table[i].algorithm);
		assert_true(span_is(cert_der(result.signer[0].cert),
		    cert_der(table[i].who->cert)));
		assert_int_equal(result.signer[0].claimed_time, WHEN);
		assert_int_equal(result.signer[0].tokens, 0);
		assert_int_equal(result.certs.len, 1);
		assert_int_equal(out.len, 0);
		assert_true(span_find(buf_span(&der),
				buf_span(&result.signer[0].signature)) > 0);
	}
}

static void
a_changed_letter_is_a_digest_mismatch(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, &der);
	expect(buf_span(&der), LETTER "x", "sig.digest-mismatch");
	expect(buf_span(&der), "", "sig.digest-mismatch");
}

#define PSS "-keyopt rsa_padding_mode:pss "

#if OPENSSL_VERSION_NUMBER >= 0x30500000L
/* RFC 9882; beside a classical signer for readers without it. */
static void
ml_dsa_signs_beside_a_classical_signer(void **state)
{
	const char *const kinds[] = {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"};
	const struct sign_options usual = {0};

	for (size_t i = 0; i < 3; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF_SMALL;
		struct sign *sign OWNED(sign_free) = NULL;
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		struct person pq;
		person_init(&pq, kit_ed(kinds[i]), "Paula", KIT_MAIL, &root);
		sign_letter(&pq, &der);
		expect(buf_span(&der), LETTER, NULL);
		expect(buf_span(&der), LETTER ".", "sig.digest-mismatch");
		der.data[der.len - 1] ^= 1; /* of the signature's value */
		expect(buf_span(&der), LETTER, "sig.invalid");
		buf_clear(&der);
		assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
		assert_ok(
		    sign_add_signer(sign, &pq.identity, &usual, &kit_err));
		assert_string_equal(sign_micalg(sign), "sha-256,sha-512");
		assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
		assert_ok(sign_close(sign, &kit_err));
		assert_ok(sign_finish(sign, &der, &kit_err));
		assert_ok(
		    verify_bytes(buf_span(&der), LETTER, false, &out, &result));
		assert_int_equal(result.signers, 2);
		assert_true(result.signer[0].valid && result.signer[1].valid);
		assert_string_equal(result.signer[1].algorithm, kinds[i]);
		person_done(&pq);
	}
}
#endif

struct foreign {
	const char *name;
	const char *options; /* of openssl cms -sign */
	bool opaque;
	const char *want; /* NULL: valid */
};

static void
what_openssl_signs_we_judge(void **state)
{
	const struct foreign table[] = {
	    {"EC, detached", BY("alice"), false, NULL},
	    {"EC, opaque", "-nodetach " BY("alice"), true, NULL},
	    {"EC, SKI", "-keyid " BY("alice"), false, NULL},
	    {"EC, SHA-384", "-md sha384 " BY("alice"), false, NULL},
	    {"P-384, SHA-512", "-md sha512 " BY("p384"), false, NULL},
	    {"RSA", BY("rsa"), false, NULL},
	    {"RSA, opaque BER", "-nodetach -stream " BY("rsa"), true, NULL},
	    {"RSA, PSS", BY("rsa") "-keyopt rsa_padding_mode:pss", false, NULL},
	    {"RSA, PSS, SHA-512",
		"-md sha512 " BY("rsa") "-keyopt rsa_padding_mode:pss", false,
		NULL},
	    {"RSA, PSS, odd salt",
		BY("rsa") "-keyopt rsa_padding_mode:pss "
			  "-keyopt rsa_pss_saltlen:7",
		false, NULL},
	    {"a key for PSS", BY("pss") PSS, false, NULL},
	    {"a key for PSS, SHA-512, no salt",
		"-md sha512 " BY("pss") PSS "-keyopt rsa_pss_saltlen:0 ", false,
		NULL},
	    {"a strict key for PSS", BY("strict") PSS, false, NULL},
	    {"a strict key for PSS, more salt than it wants",
		BY("strict") PSS "-keyopt rsa_pss_saltlen:60 ", false, NULL},
	    {"PSS, SKI, opaque", "-keyid -nodetach " BY("pss") PSS, true, NULL},
	    /* OpenSSL names it rsaEncryption then */
	    {"a key for PSS under another name", BY("pss"), false,
		"sig.invalid"},
	    {"CAdES", "-cades " BY("rsa"), false, NULL},
	    {"CAdES, SHA-512", "-cades -md sha512 " BY("rsa"), false, NULL},
	    {"no capabilities", "-nosmimecap " BY("rsa"), false, NULL},
	    {"SHA-1", "-md sha1 " BY("rsa"), false, "sig.alg-weak"},
	    {"MD5", "-md md5 " BY("rsa"), false, "sig.alg-weak"},
	    {"EC, SHA-1", "-md sha1 " BY("alice"), false, "sig.alg-weak"},
	    {"RSA-1024", BY("weak"), false, "sig.alg-weak"},
	    {"no attributes", "-noattr " BY("rsa"), false, "sig.no-attributes"},
	    {"no certificate", "-nocerts " BY("rsa"), false,
		"sig.no-certificate"},
	    {"SHA-224", "-md sha224 " BY("rsa"), false, "sig.unsupported"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		print_message("  %s\n", table[i].name);
		assert_int_equal(
		    kit_openssl("cms -sign -binary -in letter -outform DER "
				"-out sig %s",
			table[i].options),
		    0);
		kit_read("sig", &der);
		expect(buf_span(&der), table[i].opaque ? NULL : LETTER,
		    table[i].want);
		if (table[i].want == NULL && !table[i].opaque)
			expect(
			    buf_span(&der), LETTER ".", "sig.digest-mismatch");
	}
}

static void
the_content_of_an_opaque_letter_is_given_out(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	assert_int_equal(kit_openssl("cms -sign -nodetach -stream -binary "
				     "-in letter -outform DER -out sig "
				     "-signer rsa.crt -inkey rsa.key"),
	    0);
	kit_read("sig", &der);
	assert_ok(buf_add_str(&out, "before ", &kit_err));
	assert_ok(verify_bytes(buf_span(&der), NULL, false, &out, &result));
	assert_true(span_is(buf_span(&out), span_str("before " LETTER)));
}

static void
two_contents_are_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	assert_int_equal(kit_openssl("cms -sign -nodetach -binary -in letter "
				     "-outform DER -out sig -signer rsa.crt "
				     "-inkey rsa.key"),
	    0);
	kit_read("sig", &der);
	assert_rc(verify_bytes(buf_span(&der), LETTER, false, &out, &result),
	    RC_SYNTAX);
	buf_clear(&out);
	assert_rc(
	    verify_bytes(buf_span(&der), "", true, &out, &result), RC_SYNTAX);
	assert_int_equal(out.len, 0);
}

static void
two_signers_are_judged_one_by_one(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	assert_int_equal(kit_openssl("cms -sign -binary -in letter -outform "
				     "DER -out sig " BY("rsa") BY("weak")),
	    0);
	kit_read("sig", &der);
	assert_ok(verify_bytes(buf_span(&der), LETTER, false, &out, &result));
	assert_int_equal(result.signers, 2);
	assert_int_equal(result.certs.len, 2);
	size_t good = result.signer[0].valid ? 0 : 1;
	assert_true(result.signer[good].valid);
	assert_false(result.signer[1 - good].valid);
	assert_string_equal(result.signer[1 - good].reason, "sig.alg-weak");
}

static void
certificates_alone_have_no_signer(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	assert_int_equal(kit_openssl("crl2pkcs7 -nocrl -certfile alice.crt "
				     "-outform DER -out certs"),
	    0);
	kit_read("certs", &der);
	assert_ok(verify_bytes(buf_span(&der), NULL, false, &out, &result));
	assert_int_equal(result.signers, 0);
	assert_int_equal(result.certs.len, 1);
}

static void
never_verifies(struct span der, size_t at)
{
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	struct buf out BUF_OWNED = BUF_SMALL;
	uint8_t *exact = malloc(der.len == 0 ? 1 : der.len);

	memcpy(exact, der.data, der.len);
	assert_ok(verify_new(&verify, &kit_err));
	enum rc rc = push_cms(verify, span_of(exact, der.len), SIZE_MAX, &out);
	if (rc == RC_OK)
		rc = verify_push_content(verify, span_str(LETTER), &kit_err);
	if (rc == RC_OK)
		rc = verify_finish(verify, &result, &kit_err);
	if (rc == RC_OK)
		for (size_t i = 0; i < result.signers; i++)
			if (result.signer[i].valid)
				fail_msg("byte %zu changed and valid", at);
	free(exact);
}

static void
a_signature_cut_off_anywhere_never_verifies(void **state)
{
	const struct person *who[] = {&alice, &rsa, &ed};

	for (size_t i = 0; i < 3; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		sign_letter(who[i], &der);
		for (size_t len = 0; len < der.len; len++)
			never_verifies(span_first(buf_span(&der), len), len);
	}
}

static void
a_signature_with_any_byte_changed_never_verifies(void **state)
{
	const uint8_t masks[] = {0x01, 0x80, 0xff};
	const struct person *who[] = {&alice, &rsa, &pss, &ed, &ed448};

	for (size_t i = 0; i < 5; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		sign_letter(who[i], &der);
		for (size_t at = 0; at < 3 * der.len; at++) {
			der.data[at / 3] ^= masks[at % 3];
			never_verifies(buf_span(&der), at / 3);
			der.data[at / 3] ^= masks[at % 3];
		}
	}
}

static void
every_token_is_given_out(void **state)
{
	struct buf one BUF_OWNED = BUF_SMALL, two BUF_OWNED = BUF_SMALL;
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	sign_letter(&rsa, &one);
	sign_letter(&p384, &two);
	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_add_token(sign, buf_span(&one), &kit_err));
	assert_ok(sign_add_token(sign, buf_span(&two), &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_ok(verify_bytes(buf_span(&der), LETTER, false, &out, &result));
	const struct verify_signer *signer = &result.signer[0];
	assert_true(signer->valid);
	assert_int_equal(signer->tokens, 2);
	assert_int_equal(signer->tokens_found, 2);
	size_t first =
	    span_is(buf_span(&signer->token[0]), buf_span(&one)) ? 0 : 1;
	assert_true(span_is(buf_span(&signer->token[first]), buf_span(&one)));
	assert_true(
	    span_is(buf_span(&signer->token[1 - first]), buf_span(&two)));
}

static void
what_is_no_letter_is_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	assert_rc(
	    verify_bytes(SPAN_NONE, LETTER, true, &out, &result), RC_SYNTAX);
	assert_rc(verify_bytes(span_str("no CMS"), LETTER, true, &out, &result),
	    RC_SYNTAX);
	assert_int_equal(kit_openssl("cms -sign -nodetach -binary -in letter "
				     "-econtent_type id-smime-ct-TSTInfo "
				     "-outform DER -out sig " BY("rsa")),
	    0);
	kit_read("sig", &der);
	assert_rc(
	    verify_bytes(buf_span(&der), NULL, true, &out, &result), RC_SYNTAX);
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_sign_we_verify),
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
		cmocka_unit_test(ml_dsa_signs_beside_a_classical_signer),
#endif
		cmocka_unit_test(a_changed_letter_is_a_digest_mismatch),
		cmocka_unit_test(what_openssl_signs_we_judge),
		cmocka_unit_test(the_content_of_an_opaque_letter_is_given_out),
		cmocka_unit_test(two_contents_are_refused),
		cmocka_unit_test(two_signers_are_judged_one_by_one),
		cmocka_unit_test(certificates_alone_have_no_signer),
		cmocka_unit_test(a_signature_cut_off_anywhere_never_verifies),
		cmocka_unit_test(
		    a_signature_with_any_byte_changed_never_verifies),
		cmocka_unit_test(every_token_is_given_out),
		cmocka_unit_test(what_is_no_letter_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
