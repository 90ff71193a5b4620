#include "cms/testkit_priv.h"

#include "cms/shape_priv.h"
#include "cms/sign.h"

OWNER(struct sign, sign_free);

#define LETTER "Content-Type: text/plain\r\n\r\nGood morning.\r\n"
#define WHEN 1795292280 /* 2026-11-21T20:18:00Z */

static struct person root, alice, rsa, p384, p521;

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	person_init(&p521, kit_ec("P-521"), "Cinco", KIT_MAIL, &root);
	kit_write_person("root", &root);
	kit_write("letter", span_str(LETTER));
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	person_done(&p521);
	kit_leave();
	return 0;
}

/* Sign LETTER in pieces of `step`. */
static void
sign_letter(const struct person *who, size_t step, struct buf *der)
{
	struct sign *sign OWNED(sign_free) = NULL;
	struct span rest = span_str(LETTER);

	assert_ok(sign_new(&who->identity, WHEN, &sign, &kit_err));
	for (; rest.len > 0; rest = span_after(rest, step))
		assert_ok(sign_push(sign, span_first(rest, step), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, der, &kit_err));
}

static int
judge(const struct buf *der, const char *letter)
{
	kit_write("sig", buf_span(der));
	return kit_openssl("cms -verify -binary -inform DER -in sig -content "
			   "%s -CAfile root.crt -purpose any -out out",
	    letter);
}

static void
openssl_verifies_what_we_sign_with_every_kind_of_key(void **state)
{
	const struct person *who[] = {&alice, &rsa, &p384, &p521};

	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		sign_letter(who[i], 7, &der);
		assert_int_equal(judge(&der, "letter"), 0);
	}
}

static void
a_changed_letter_is_refused_by_openssl(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, 100, &der);
	kit_write("changed", span_str(LETTER "."));
	assert_int_not_equal(judge(&der, "changed"), 0);
}

static void
the_attributes_are_those_the_header_promises(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	const char *want[] = {"contentType", "messageDigest", "signingTime",
	    "Nov 21 20:18:00 2026", "S/MIME Capabilities", "aes-256-gcm",
	    "id-smime-aa-signingCertificateV2", "1.2.840.113549.1.9.52",
	    "sha256", "ecdsa-with-SHA256"};

	sign_letter(&alice, 100, &der);
	kit_write("sig", buf_span(&der));
	assert_int_equal(
	    kit_openssl("cms -cmsout -print -inform DER -in sig"), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		if (!kit_has("said", want[i]))
			fail_msg("want %s in the attributes", want[i]);
}

static void
openssl_accepts_our_signing_certificate_attribute(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, 100, &der);
	kit_write("sig", buf_span(&der));
	assert_int_equal(
	    kit_openssl("cms -verify -cades -binary -inform DER -in sig "
			"-content letter -CAfile root.crt -purpose any"),
	    0);
}

static void
the_signature_is_der(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, again BUF_OWNED = BUF_SMALL;
	void *value = NULL;

	sign_letter(&alice, 100, &der);
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(&der),
	    "SignedData", &value, &kit_err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), info, &again, &kit_err));
	assert_true(span_is(buf_span(&der), buf_span(&again)));
	assert_null(info->body->inner->content);
}

static void
the_chain_travels_with_the_letter(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct cert *item[] = {root.cert};
	struct certs chain = {item, 1};
	struct person with = alice;

	with.identity.chain = &chain;
	sign_letter(&with, 100, &der);
	assert_true(span_find(buf_span(&der), cert_der(root.cert)) >= 0);
	assert_true(span_find(buf_span(&der), cert_der(alice.cert)) >= 0);
}

static void
the_imprint_is_the_hash_of_the_signature_value(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;
	uint8_t imprint[32], want[32];
	void *value = NULL;

	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_imprint(sign, imprint, &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(&der),
	    "SignedData", &value, &kit_err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	struct shape_signer *signer = OPENSSL_sk_value(info->body->signers, 0);
	struct span bytes = shape_span(signer->signature);
	EVP_Digest(bytes.data, bytes.len, want, NULL, EVP_sha256(), NULL);
	assert_memory_equal(imprint, want, 32);
}

static void
a_token_goes_into_the_unsigned_attributes_unchanged(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	sign_letter(&rsa, 100, &token); /* any SignedData will do here */
	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_add_token(sign, buf_span(&token), &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_true(span_find(buf_span(&der), buf_span(&token)) >= 0);
	assert_int_equal(judge(&der, "letter"), 0);
	assert_int_equal(
	    kit_openssl("cms -cmsout -print -inform DER -in sig"), 0);
	assert_true(kit_has("said", "id-smime-aa-timeStampToken"));
}

static void
what_is_no_token_is_not_added(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	sign_letter(&rsa, 100, &token);
	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_rc(
	    sign_add_token(sign, span_str("no token"), &kit_err), RC_SYNTAX);
	assert_rc(sign_add_token(sign,
		      span_first(buf_span(&token), token.len - 1), &kit_err),
	    RC_SYNTAX);
	assert_ok(buf_add_byte(&token, 0, &kit_err));
	assert_rc(sign_add_token(sign, buf_span(&token), &kit_err), RC_SYNTAX);
	assert_ok(sign_finish(sign, &der, &kit_err));
	assert_int_equal(judge(&der, "letter"), 0);
}

static void
a_key_of_another_certificate_does_not_sign(void **state)
{
	struct sign *sign OWNED(sign_free) = NULL;
	struct identity mixed = {alice.cert, &rsa.key, NULL};

	assert_rc(sign_new(&mixed, WHEN, &sign, &kit_err), RC_UNFIT);
	assert_null(sign);
}

static void
an_authority_certificate_does_not_sign_letters(void **state)
{
	struct sign *sign OWNED(sign_free) = NULL;

	assert_rc(sign_new(&root.identity, WHEN, &sign, &kit_err), RC_UNFIT);
}

static enum rc
refuse(
    const struct key *key, struct span bytes, struct buf *out, struct err *err)
{
	return err_set(err, RC_REFUSED, "no");
}

static void
a_refusal_of_the_key_is_passed_on(void **state)
{
	static const struct key_ops refusing = {.sign_attributes = refuse};
	struct sign *sign OWNED(sign_free) = NULL;
	struct person who = alice;

	who.key.ops = &refusing;
	who.identity.key = &who.key;
	assert_ok(sign_new(&who.identity, WHEN, &sign, &kit_err));
	assert_rc(sign_close(sign, &kit_err), RC_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		openssl_verifies_what_we_sign_with_every_kind_of_key),
	    cmocka_unit_test(a_changed_letter_is_refused_by_openssl),
	    cmocka_unit_test(the_attributes_are_those_the_header_promises),
	    cmocka_unit_test(openssl_accepts_our_signing_certificate_attribute),
	    cmocka_unit_test(the_signature_is_der),
	    cmocka_unit_test(the_chain_travels_with_the_letter),
	    cmocka_unit_test(the_imprint_is_the_hash_of_the_signature_value),
	    cmocka_unit_test(
		a_token_goes_into_the_unsigned_attributes_unchanged),
	    cmocka_unit_test(what_is_no_token_is_not_added),
	    cmocka_unit_test(a_key_of_another_certificate_does_not_sign),
	    cmocka_unit_test(an_authority_certificate_does_not_sign_letters),
	    cmocka_unit_test(a_refusal_of_the_key_is_passed_on),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
