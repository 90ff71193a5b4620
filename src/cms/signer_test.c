/* Letters made by hand, one thing wrong in each: what no openssl program
 * would sign. */
#include "cms/signerkit_priv.h"

#include <openssl/param_build.h>

typedef void change_fn(STACK_OF(X509_ATTRIBUTE) *list);

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
	    {"two certificates", two_certificates, "sig.invalid"},
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
	expect(buf_span(&der), NULL, "sig.no-attributes");
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
of_several_certificates_with_that_key_identifier_the_right_one_is_found(
    void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	/* one with another key that claims the same identifier */
	char id[100] = "";
	const ASN1_OCTET_STRING *own =
	    X509_get0_subject_key_id(cert_x509(rsa.cert));
	for (int i = 0; i < own->length; i++)
		snprintf(id + 3 * i, 4, "%02X:", own->data[i]);
	id[3 * own->length - 1] = '\0';
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

/* The same numbers as an RSA key without parameters. */
static EVP_PKEY *
without_parameters(const EVP_PKEY *key)
{
	const char *const names[] = {"n", "e", "d", "rsa-factor1",
	    "rsa-factor2", "rsa-exponent1", "rsa-exponent2",
	    "rsa-coefficient1"};
	OSSL_PARAM_BLD *all = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *made = NULL;
	BIGNUM *number[8] = {NULL};

	for (size_t i = 0; i < 8; i++) {
		assert_true_ssl(
		    EVP_PKEY_get_bn_param(key, names[i], &number[i]));
		OSSL_PARAM_BLD_push_BN(all, names[i], number[i]);
	}
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(all);
	assert_true_ssl(EVP_PKEY_fromdata_init(ctx) == 1);
	assert_true_ssl(
	    EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_KEYPAIR, params) == 1);
	for (size_t i = 0; i < 8; i++)
		BN_clear_free(number[i]);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(all);
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static void
name_pss(X509_ALGOR *algorithm, EVP_MD_CTX *ctx)
{
	ASN1_STRING *params = NULL;
	RSA_PSS_PARAMS *pss_params = RSA_PSS_PARAMS_new();
	EVP_PKEY_CTX *how = EVP_MD_CTX_get_pkey_ctx(ctx);
	int salt = 0;

	EVP_PKEY_CTX_get_rsa_pss_saltlen(how, &salt);
	pss_params->hashAlgorithm = X509_ALGOR_new();
	X509_ALGOR_set_md(pss_params->hashAlgorithm, EVP_sha256());
	pss_params->maskHash = NULL;
	pss_params->maskGenAlgorithm = X509_ALGOR_new();
	ASN1_STRING *hash = NULL;
	ASN1_item_pack(
	    pss_params->hashAlgorithm, ASN1_ITEM_rptr(X509_ALGOR), &hash);
	X509_ALGOR_set0(pss_params->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1),
	    V_ASN1_SEQUENCE, hash);
	pss_params->saltLength = ASN1_INTEGER_new();
	ASN1_INTEGER_set(pss_params->saltLength, salt);
	ASN1_item_pack(pss_params, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &params);
	X509_ALGOR_set0(
	    algorithm, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, params);
	RSA_PSS_PARAMS_free(pss_params);
}

/* RFC 4056 section 3: the salt must not be shorter than the certificate's
 * parameters say, though the mathematics would be right. */
static void
a_key_for_pss_is_obeyed(void **state)
{
	EVP_PKEY *loose = without_parameters(strict.pkey);

	for (int salt = 31; salt <= 33; salt++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf set BUF_OWNED = BUF_SMALL;
		uint8_t value[256];
		size_t len = sizeof(value);
		EVP_PKEY_CTX *how = NULL;
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		sign_letter(&strict, &der);
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		struct shape_signer *signer = only_signer(info);
		STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
		    attributes_of(signer);
		drop_optional(list); /* with it the copy of the algorithms */
		assert_ok(shape_print(
		    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &set, &kit_err));
		assert_true_ssl(
		    EVP_DigestSignInit(ctx, &how, EVP_sha256(), NULL, loose));
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how, salt);
		assert_true_ssl(
		    EVP_DigestSign(ctx, value, &len, set.data, set.len));
		name_pss(signer->signature_algorithm, ctx);
		EVP_MD_CTX_free(ctx);
		ASN1_OCTET_STRING_set(signer->signature, value, (int)len);
		ASN1_STRING_set(
		    signer->signed_attributes, set.data, (int)set.len);
		signer->signed_attributes->data[0] = 0xa0;
		put_together(info, &der);
		expect(
		    buf_span(&der), LETTER, salt < 32 ? "sig.invalid" : NULL);
	}
	EVP_PKEY_free(loose);
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
	    cmocka_unit_test(a_key_for_pss_is_obeyed),
	    cmocka_unit_test(one_signer_more_than_the_limit_is_refused),
	    cmocka_unit_test(one_certificate_more_than_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
