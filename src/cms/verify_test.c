#include "cms/testkit_priv.h"

#include "cms/shape_priv.h"
#include "cms/sign.h"
#include "cms/verify.h"

OWNER(struct sign, sign_free);
OWNER(struct verify, verify_free);

#define LETTER "Content-Type: text/plain\r\n\r\nGood morning.\r\n"
#define WHEN 1795292280 /* 2026-11-21T20:18:00Z */

static struct person root, alice, rsa, p384, weak, ed, eve;

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	person_init(&weak, kit_rsa(1024), "Weak", KIT_MAIL_RSA, &root);
	person_init(&ed, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "Ed",
	    KIT_MAIL, &root);
	person_init(&eve, kit_ec("P-256"), "Eve", KIT_MAIL, &root);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("p384", &p384);
	kit_write_person("weak", &weak);
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
	person_done(&weak);
	person_done(&ed);
	person_done(&eve);
	kit_leave();
	return 0;
}

static void
sign_letter(const struct person *who, struct buf *der)
{
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(sign_new(&who->identity, WHEN, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, der, &kit_err));
}

/* `content` NULL: opaque. */
static enum rc
verify_bytes(struct span der, const char *content, bool content_first,
    struct buf *out, struct verify_result *ret)
{
	struct verify *verify OWNED(verify_free) = NULL;
	struct span text = content == NULL ? SPAN_NONE : span_str(content);

	assert_ok(verify_new(&verify, &kit_err));
	if (content != NULL && content_first)
		assert_ok(verify_push_content(verify, text, &kit_err));
	for (; der.len > 0; der = span_after(der, 37))
		assert_ok(
		    verify_push_cms(verify, span_first(der, 37), &kit_err));
	for (; content != NULL && !content_first && text.len > 0;
	     text = span_after(text, 5))
		assert_ok(
		    verify_push_content(verify, span_first(text, 5), &kit_err));
	return verify_finish(verify, out, ret, &kit_err);
}

/* One signer; NULL want: valid. */
static void
expect(struct span der, const char *content, const char *want)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	for (int first = 0; first < 2; first++) {
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		assert_rc(verify_bytes(der, content, first == 1, &out, &result),
		    RC_OK);
		assert_int_equal(result.signers, 1);
		const char *got = result.signer[0].reason;
		if ((got == NULL) != (want == NULL) ||
		    (want != NULL && strcmp(got, want) != 0))
			fail_msg("got %s, want %s", got == NULL ? "valid" : got,
			    want == NULL ? "valid" : want);
		assert_int_equal(result.signer[0].valid, want == NULL);
	}
}

static void
what_we_sign_we_verify(void **state)
{
	const struct person *who[] = {&alice, &rsa, &p384};

	for (size_t i = 0; i < 3; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF_SMALL;
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		sign_letter(who[i], &der);
		expect(buf_span(&der), LETTER, NULL);
		assert_ok(
		    verify_bytes(buf_span(&der), LETTER, false, &out, &result));
		assert_true(span_is(
		    cert_der(result.signer[0].cert), cert_der(who[i]->cert)));
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

struct foreign {
	const char *name;
	const char *options; /* of openssl cms -sign */
	bool opaque;
	const char *want; /* NULL: valid */
};

static void
what_openssl_signs_we_judge(void **state)
{
#define BY(who) "-signer " who ".crt -inkey " who ".key "
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
	    {"CAdES", "-cades " BY("rsa"), false, NULL},
	    {"CAdES, SHA-512", "-cades -md sha512 " BY("rsa"), false, NULL},
	    {"no capabilities", "-nosmimecap " BY("rsa"), false, NULL},
	    {"SHA-1", "-md sha1 " BY("rsa"), false, "sig.alg-weak"},
	    {"MD5", "-md md5 " BY("rsa"), false, "sig.alg-weak"},
	    {"EC, SHA-1", "-md sha1 " BY("alice"), false, "sig.alg-weak"},
	    {"RSA-1024", BY("weak"), false, "sig.alg-weak"},
	    {"no attributes", "-noattr " BY("rsa"), false, "sig.attr-missing"},
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
	assert_ok(verify_push_cms(verify, span_of(exact, der.len), &kit_err));
	assert_ok(verify_push_content(verify, span_str(LETTER), &kit_err));
	enum rc rc = verify_finish(verify, &out, &result, &kit_err);
	if (rc == RC_OK)
		for (size_t i = 0; i < result.signers; i++)
			if (result.signer[i].valid)
				fail_msg("byte %zu changed and valid", at);
	free(exact);
}

static void
a_signature_cut_off_anywhere_never_verifies(void **state)
{
	const struct person *who[] = {&alice, &rsa};

	for (size_t i = 0; i < 2; i++) {
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
	const struct person *who[] = {&alice, &rsa};

	for (size_t i = 0; i < 2; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		sign_letter(who[i], &der);
		for (size_t at = 0; at < 3 * der.len; at++) {
			der.data[at / 3] ^= masks[at % 3];
			never_verifies(buf_span(&der), at / 3);
			der.data[at / 3] ^= masks[at % 3];
		}
	}
}

/* --- letters made by hand, one thing wrong in each */

static struct shape_signed_info *
take_apart(const struct buf *der)
{
	void *value = NULL;

	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(der),
	    "SignedData", &value, &kit_err));
	return value;
}

static void
put_together(const struct shape_signed_info *info, struct buf *der)
{
	buf_clear(der);
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), info, der, &kit_err));
}

static struct shape_signer *
only_signer(const struct shape_signed_info *info)
{
	return OPENSSL_sk_value(info->body->signers, 0);
}

static STACK_OF(X509_ATTRIBUTE) *
attributes_of(struct shape_signer *signer)
{
	void *value = NULL;

	signer->signed_attributes->data[0] = 0x31;
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_ATTRIBUTES),
	    shape_span(signer->signed_attributes), "attributes", &value,
	    &kit_err));
	return value;
}

/* Sign these very bytes (31 ...) again and put them in. */
static void
resign(struct shape_signer *signer, const struct person *who, struct span set)
{
	struct buf signature BUF_OWNED = BUF_SMALL;

	assert_ok(kit_sign(&who->key, set, &signature, &kit_err));
	ASN1_OCTET_STRING_set(
	    signer->signature, signature.data, (int)signature.len);
	ASN1_STRING_set(signer->signed_attributes, set.data, (int)set.len);
	signer->signed_attributes->data[0] = 0xa0;
}

static void
resign_list(struct shape_signer *signer, const struct person *who,
    STACK_OF(X509_ATTRIBUTE) *list)
{
	struct buf set BUF_OWNED = BUF_SMALL;

	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &set, &kit_err));
	resign(signer, who, buf_span(&set));
}

typedef void change_fn(STACK_OF(X509_ATTRIBUTE) *list);

static void
drop(STACK_OF(X509_ATTRIBUTE) *list, int nid)
{
	X509_ATTRIBUTE_free(
	    X509at_delete_attr(list, X509at_get_attr_by_NID(list, nid, -1)));
}

static void
drop_type(STACK_OF(X509_ATTRIBUTE) *list)
{
	drop(list, NID_pkcs9_contentType);
}

static void
drop_digest(STACK_OF(X509_ATTRIBUTE) *list)
{
	drop(list, NID_pkcs9_messageDigest);
}

static void
drop_optional(STACK_OF(X509_ATTRIBUTE) *list)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113549.1.9.52", 1);

	drop(list, NID_pkcs9_signingTime);
	drop(list, NID_SMIMECapabilities);
	drop(list, NID_id_smime_aa_signingCertificateV2);
	X509_ATTRIBUTE_free(
	    X509at_delete_attr(list, X509at_get_attr_by_OBJ(list, oid, -1)));
	ASN1_OBJECT_free(oid);
}

static void
other_type(STACK_OF(X509_ATTRIBUTE) *list)
{
	drop_type(list);
	X509at_add1_attr_by_NID(&list, NID_pkcs9_contentType, V_ASN1_OBJECT,
	    (void *)OBJ_nid2obj(NID_pkcs7_signed), -1);
}

static void
twice(STACK_OF(X509_ATTRIBUTE) *list, int nid)
{
	sk_X509_ATTRIBUTE_push(list,
	    X509_ATTRIBUTE_dup(
		X509at_get_attr(list, X509at_get_attr_by_NID(list, nid, -1))));
}

static void
two_types(STACK_OF(X509_ATTRIBUTE) *list)
{
	twice(list, NID_pkcs9_contentType);
}

static void
two_digests(STACK_OF(X509_ATTRIBUTE) *list)
{
	twice(list, NID_pkcs9_messageDigest);
}

static void
two_times(STACK_OF(X509_ATTRIBUTE) *list)
{
	twice(list, NID_pkcs9_signingTime);
}

static void
two_values(STACK_OF(X509_ATTRIBUTE) *list)
{
	uint8_t other[32] = {0};

	X509_ATTRIBUTE_set1_data(
	    X509at_get_attr(list,
		X509at_get_attr_by_NID(list, NID_pkcs9_messageDigest, -1)),
	    V_ASN1_OCTET_STRING, other, 32);
}

static void
two_certificates(STACK_OF(X509_ATTRIBUTE) *list)
{
	twice(list, NID_id_smime_aa_signingCertificateV2);
}

static void
digest_as_text(STACK_OF(X509_ATTRIBUTE) *list)
{
	drop_digest(list);
	X509at_add1_attr_by_NID(&list, NID_pkcs9_messageDigest,
	    V_ASN1_UTF8STRING, (const uint8_t *)"none", 4);
}

static void
nothing(STACK_OF(X509_ATTRIBUTE) *list)
{
}

static void
signed_attributes_must_be_as_the_standard_says(void **state)
{
	const struct {
		const char *name;
		change_fn *change;
		const char *want;
	} table[] = {
	    {"untouched", nothing, NULL},
	    {"only what must be", drop_optional, NULL},
	    {"no content type", drop_type, "sig.attr-missing"},
	    {"no digest", drop_digest, "sig.attr-missing"},
	    {"another content type", other_type, "sig.invalid"},
	    {"two content types", two_types, "sig.invalid"},
	    {"two digests", two_digests, "sig.invalid"},
	    {"two values", two_values, "sig.invalid"},
	    {"two times", two_times, "sig.invalid"},
	    {"two certificates", two_certificates, "sig.certificate-mismatch"},
	    {"digest as text", digest_as_text, "sig.invalid"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		print_message("  %s\n", table[i].name);
		sign_letter(&alice, &der);
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
		    attributes_of(only_signer(info));
		table[i].change(list);
		resign_list(only_signer(info), &alice, list);
		put_together(info, &der);
		expect(buf_span(&der), LETTER, table[i].want);
	}
}

/* The attributes of one letter as the content of another, without signed
 * attributes: the oldest trick against CMS. */
static void
a_signature_moved_to_its_own_attributes_is_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	struct shape_signer *signer = only_signer(info);
	signer->signed_attributes->data[0] = 0x31;
	info->body->inner->content = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(info->body->inner->content,
	    signer->signed_attributes->data, signer->signed_attributes->length);
	ASN1_STRING_free(signer->signed_attributes);
	signer->signed_attributes = NULL;
	put_together(info, &der);
	expect(buf_span(&der), NULL, "sig.attr-missing");
}

/* The attributes unsorted, as some senders emit them: once signed as they
 * stand, once signed sorted. */
static void
unsorted_attributes_verify_either_way(void **state)
{
	for (int sorted = 0; sorted < 2; sorted++) {
		struct buf der BUF_OWNED = BUF_SMALL, ber BUF_OWNED = BUF_SMALL;
		sign_letter(&alice, &der);
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		struct shape_signer *signer = only_signer(info);
		STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
		    attributes_of(signer);
		/* indefinite length, last attribute first */
		assert_ok(buf_add(&ber, span_of("\x31\x80", 2), &kit_err));
		for (int i = sk_X509_ATTRIBUTE_num(list); i-- > 0;)
			assert_ok(shape_print(ASN1_ITEM_rptr(X509_ATTRIBUTE),
			    sk_X509_ATTRIBUTE_value(list, i), &ber, &kit_err));
		assert_ok(buf_add(&ber, span_of("\0\0", 2), &kit_err));
		if (sorted == 0) {
			resign(signer, &alice, buf_span(&ber));
		} else {
			resign_list(signer, &alice, list);
			ASN1_STRING_set(
			    signer->signed_attributes, ber.data, (int)ber.len);
			signer->signed_attributes->data[0] = 0xa0;
		}
		put_together(info, &der);
		expect(buf_span(&der), LETTER, NULL);
	}
}

static void
set_only_cert(struct shape_signed_info *info, const struct cert *cert)
{
	struct span bytes = cert_der(cert);
	ASN1_TYPE *item = sk_ASN1_TYPE_value(info->body->certificates, 0);

	ASN1_STRING_set(item->value.sequence, bytes.data, (int)bytes.len);
}

static void
an_exchanged_certificate_is_a_mismatch(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	/* the same key under another name, from another authority */
	struct person other_root;
	person_init(&other_root, kit_ec("P-256"), "Other", KIT_CA, NULL);
	struct cert *cert OWNED(cert_free) =
	    kit_cert(alice.pkey, "Mallory", KIT_MAIL, &other_root);

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	set_only_cert(info, cert);
	struct shape_signer *signer = only_signer(info);
	shape_free(
	    ASN1_ITEM_rptr(SHAPE_ISSUER_SERIAL), signer->id->d.by_serial);
	signer->id->d.by_serial = NULL;
	assert_ok(shape_set_serial(signer->id, cert_x509(cert), &kit_err));
	put_together(info, &der);
	expect(buf_span(&der), LETTER, "sig.certificate-mismatch");
	person_done(&other_root);
}

static void
add_cert(struct shape_signed_info *info, const struct cert *cert)
{
	struct span bytes = cert_der(cert);
	ASN1_STRING *raw = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_TYPE *item = ASN1_TYPE_new();

	ASN1_STRING_set(raw, bytes.data, (int)bytes.len);
	ASN1_TYPE_set(item, V_ASN1_SEQUENCE, raw);
	sk_ASN1_TYPE_push(info->body->certificates, item);
}

static void
of_several_certificates_with_that_key_identifier_the_right_one_is_found(
    void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	/* one with another key that claims the same identifier */
	char id[100] = "", hex[4];
	const ASN1_OCTET_STRING *own =
	    X509_get0_subject_key_id(cert_x509(rsa.cert));
	for (int i = 0; i < own->length; i++) {
		snprintf(hex, sizeof(hex), "%02X:", own->data[i]);
		strcat(id, hex);
	}
	id[strlen(id) - 1] = '\0';
	const struct kit_extension forged[] = {
	    {NID_subject_key_identifier, id}, {0, NULL}};
	struct cert *liar OWNED(cert_free) =
	    kit_cert(eve.pkey, "Eve", forged, &root);

	assert_int_equal(kit_openssl("cms -sign -keyid -binary -in letter "
				     "-outform DER -out sig " BY("rsa")),
	    0);
	kit_read("sig", &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	set_only_cert(info, liar);
	put_together(info, &der);
	expect(buf_span(&der), LETTER, "sig.invalid");
	add_cert(info, rsa.cert);
	put_together(info, &der);
	expect(buf_span(&der), LETTER, NULL);
	assert_ok(verify_bytes(buf_span(&der), LETTER, false, &out, &result));
	assert_true(
	    span_is(cert_der(result.signer[0].cert), cert_der(rsa.cert)));
}

static void
two_digests_for_one_signature_are_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	/* RFC 8933: the attributes hashed with SHA-512, the content with
	 * SHA-256 */
	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	assert_ok(shape_set_algorithm(only_signer(info)->signature_algorithm,
	    NID_ecdsa_with_SHA512, &kit_err));
	put_together(info, &der);
	expect(buf_span(&der), LETTER, "sig.invalid");
}

static void
changed_algorithm_names_break_the_protection(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	/* the same mathematics under another name: only RFC 6211 sees it */
	sign_letter(&rsa, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	assert_ok(
	    shape_set_algorithm_null(only_signer(info)->signature_algorithm,
		NID_sha256WithRSAEncryption, &kit_err));
	put_together(info, &der);
	expect(buf_span(&der), LETTER, "sig.invalid");
}

static void
ed25519_signatures_verify(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, set BUF_OWNED = BUF_SMALL;
	uint8_t digest[64], value[64];
	size_t len = sizeof(value);

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	struct shape_signer *signer = only_signer(info);
	STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
	    attributes_of(signer);
	drop_optional(list);
	drop_digest(list);
	EVP_Digest(LETTER, strlen(LETTER), digest, NULL, EVP_sha512(), NULL);
	X509at_add1_attr_by_NID(&list, NID_pkcs9_messageDigest,
	    V_ASN1_OCTET_STRING, digest, sizeof(digest));
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &set, &kit_err));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_true_ssl(EVP_DigestSignInit(ctx, NULL, NULL, NULL, ed.pkey));
	assert_true_ssl(EVP_DigestSign(ctx, value, &len, set.data, set.len));
	EVP_MD_CTX_free(ctx);
	ASN1_OCTET_STRING_set(signer->signature, value, 64);
	ASN1_STRING_set(signer->signed_attributes, set.data, (int)set.len);
	signer->signed_attributes->data[0] = 0xa0;
	assert_ok(shape_set_algorithm(
	    signer->signature_algorithm, NID_ED25519, &kit_err));
	assert_ok(shape_set_algorithm(
	    signer->digest_algorithm, NID_sha512, &kit_err));
	assert_ok(shape_set_algorithm(
	    sk_X509_ALGOR_value(info->body->digest_algorithms, 0), NID_sha512,
	    &kit_err));
	set_only_cert(info, ed.cert);
	shape_free(
	    ASN1_ITEM_rptr(SHAPE_ISSUER_SERIAL), signer->id->d.by_serial);
	signer->id->d.by_serial = NULL;
	assert_ok(shape_set_serial(signer->id, cert_x509(ed.cert), &kit_err));
	put_together(info, &der);
	expect(buf_span(&der), LETTER, NULL);
	signer->signature->data[5] ^= 1;
	put_together(info, &der);
	expect(buf_span(&der), LETTER, "sig.invalid");
}

static void
the_first_token_and_their_number_are_given_out(void **state)
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
	assert_true(result.signer[0].valid);
	assert_int_equal(result.signer[0].tokens, 2);
	struct span got = buf_span(&result.signer[0].token);
	assert_true(
	    span_is(got, buf_span(&one)) || span_is(got, buf_span(&two)));
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

static void
one_signer_more_than_the_limit_is_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, one BUF_OWNED = BUF_SMALL;
	struct buf out BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_SIGNER), only_signer(info), &one, &kit_err));
	for (int n = 2; n <= VERIFY_SIGNERS_MAX + 1; n++) {
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		void *value = NULL;
		assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNER),
		    buf_span(&one), "signer", &value, &kit_err));
		OPENSSL_sk_push(info->body->signers, value);
		put_together(info, &der);
		assert_rc(
		    verify_bytes(buf_span(&der), LETTER, false, &out, &result),
		    n <= VERIFY_SIGNERS_MAX ? RC_OK : RC_LIMIT);
	}
}

static void
one_certificate_more_than_the_limit_is_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	while (sk_ASN1_TYPE_num(info->body->certificates) < CERTS_MAX)
		add_cert(info, root.cert);
	put_together(info, &der);
	expect(buf_span(&der), LETTER, NULL);
	add_cert(info, root.cert);
	put_together(info, &der);
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	assert_rc(verify_bytes(buf_span(&der), LETTER, false, &out, &result),
	    RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_we_sign_we_verify),
	    cmocka_unit_test(a_changed_letter_is_a_digest_mismatch),
	    cmocka_unit_test(what_openssl_signs_we_judge),
	    cmocka_unit_test(the_content_of_an_opaque_letter_is_given_out),
	    cmocka_unit_test(two_contents_are_refused),
	    cmocka_unit_test(two_signers_are_judged_one_by_one),
	    cmocka_unit_test(certificates_alone_have_no_signer),
	    cmocka_unit_test(a_signature_cut_off_anywhere_never_verifies),
	    cmocka_unit_test(a_signature_with_any_byte_changed_never_verifies),
	    cmocka_unit_test(signed_attributes_must_be_as_the_standard_says),
	    cmocka_unit_test(
		a_signature_moved_to_its_own_attributes_is_refused),
	    cmocka_unit_test(unsorted_attributes_verify_either_way),
	    cmocka_unit_test(an_exchanged_certificate_is_a_mismatch),
	    cmocka_unit_test(
		of_several_certificates_with_that_key_identifier_the_right_one_is_found),
	    cmocka_unit_test(two_digests_for_one_signature_are_refused),
	    cmocka_unit_test(changed_algorithm_names_break_the_protection),
	    cmocka_unit_test(ed25519_signatures_verify),
	    cmocka_unit_test(the_first_token_and_their_number_are_given_out),
	    cmocka_unit_test(what_is_no_letter_is_refused),
	    cmocka_unit_test(one_signer_more_than_the_limit_is_refused),
	    cmocka_unit_test(one_certificate_more_than_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
