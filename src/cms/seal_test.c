#include "cms/testkit_priv.h"

#include "cms/seal.h"

OWNER(struct seal, seal_free);

#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"

static struct person root, alice, rsa, p384, signer;

static int
setup(void **state)
{
	static const struct kit_extension sign_only[] = {
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "emailProtection"},
	    {NID_subject_alt_name, "email:sam@example.org"}, {0, NULL}};

	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	person_init(&signer, kit_ec("P-256"), "Sam", sign_only, &root);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("p384", &p384);
	kit_write_person("root", &root);
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	person_done(&signer);
	kit_leave();
	return 0;
}

static void
seal_letter(
    enum seal_cipher cipher, struct span letter, size_t step, struct buf *der)
{
	struct seal *seal OWNED(seal_free) = NULL;

	assert_ok(seal_new(cipher, &seal, &kit_err));
	assert_ok(seal_add(seal, alice.cert, &kit_err));
	assert_ok(seal_add(seal, rsa.cert, &kit_err));
	assert_ok(seal_add(seal, p384.cert, &kit_err));
	for (; letter.len > 0; letter = span_after(letter, step))
		assert_ok(
		    seal_push(seal, span_first(letter, step), der, &kit_err));
	assert_ok(seal_finish(seal, der, &kit_err));
}

static void
openssl_opens_it_with(const char *who, struct span want)
{
	struct buf out BUF_OWNED = BUF((size_t)8 << 20);

	assert_int_equal(
	    kit_openssl("cms -decrypt -binary -inform DER -in sealed -recip "
			"%s.crt -inkey %s.key -out out",
		who, who),
	    0);
	kit_read("out", &out);
	assert_true(span_is(buf_span(&out), want));
}

static void
check_with_openssl(enum seal_cipher cipher, struct span letter, size_t step)
{
	struct buf der BUF_OWNED = BUF((size_t)8 << 20);
	const char *who[] = {"alice", "rsa", "p384"};

	seal_letter(cipher, letter, step, &der);
	kit_write("sealed", buf_span(&der));
	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++)
		openssl_opens_it_with(who[i], letter);
}

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
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
