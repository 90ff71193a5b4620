/* What a signer says beyond the signature, and what others said of it. */
#include "cms/signerkit_priv.h"

#include "cms/receipt.h"
#include "cms/stamp.h"

#define OID_COUNTERSIGNATURE "1.2.840.113549.1.9.6"

/* Verify LETTER; exactly one signer comes out. */
static void
verify_one(const struct buf *der, struct verify_result *ret)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_ok(verify_bytes(buf_span(der), LETTER, false, &out, ret));
	assert_int_equal(ret->signers, 1);
}

static const char *
reason_of(const struct buf *der)
{
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	verify_one(der, &result);
	const char *reason = result.signer[0].reason;
	return reason == NULL ? "valid" : reason;
}

/* --- unsigned attributes */

static void
add_unsigned(struct shape_signer *signer, const char *oid, struct span value)
{
	if (signer->unsigned_attributes == NULL)
		signer->unsigned_attributes = sk_X509_ATTRIBUTE_new_null();
	X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_create_by_txt(
	    NULL, oid, V_ASN1_SEQUENCE, value.data, (int)value.len);
	assert_true_ssl(attribute != NULL);
	sk_X509_ATTRIBUTE_push(signer->unsigned_attributes, attribute);
}

/* Who countersigns what, and what is wrong with it. */
struct counter {
	const struct person *who;
	bool content_type; /* there MUST be none */
	bool other_value;  /* of another signature */
	bool no_attributes;
	bool flip;
};

static void
counter_attributes(const struct counter *c, struct span value, struct buf *set)
{
	uint8_t digest[32];
	STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
	    sk_X509_ATTRIBUTE_new_null();

	assert_true_ssl(EVP_Digest(
	    value.data, value.len, digest, NULL, EVP_sha256(), NULL));
	if (c->other_value)
		digest[0] ^= 1;
	X509at_add1_attr_by_NID(&list, NID_pkcs9_messageDigest,
	    V_ASN1_OCTET_STRING, digest, sizeof(digest));
	ASN1_TIME *time = ASN1_TIME_set(NULL, WHEN + 60);
	X509at_add1_attr_by_NID(&list, NID_pkcs9_signingTime, V_ASN1_UTCTIME,
	    (const uint8_t *)time, -1);
	ASN1_TIME_free(time);
	if (c->content_type)
		X509at_add1_attr_by_NID(&list, NID_pkcs9_contentType,
		    V_ASN1_OBJECT, (void *)OBJ_nid2obj(NID_pkcs7_data), -1);
	assert_ok(
	    shape_print(ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, set, &kit_err));
}

static void
print_counter(const struct counter *c, struct span value, struct buf *der)
{
	struct buf set BUF_OWNED = BUF_SMALL;
	void *made = NULL;

	assert_ok(shape_new(ASN1_ITEM_rptr(SHAPE_SIGNER), &made, &kit_err));
	struct shape_signer *signer OWNED(shape_signer_free) = made;
	assert_ok(shape_set_version(signer->version, 1, &kit_err));
	assert_ok(
	    shape_set_serial(signer->id, cert_x509(c->who->cert), &kit_err));
	assert_ok(shape_set_algorithm(
	    signer->digest_algorithm, NID_sha256, &kit_err));
	assert_ok(shape_set_algorithm(
	    signer->signature_algorithm, NID_ecdsa_with_SHA256, &kit_err));
	counter_attributes(c, value, &set);
	signer->signed_attributes = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_OCTET_STRING_set(signer->signature, (const uint8_t *)"?", 1);
	resign(signer, c->who, buf_span(&set));
	if (c->flip)
		signer->signature->data[signer->signature->length - 1] ^= 1;
	if (c->no_attributes) {
		ASN1_STRING_free(signer->signed_attributes);
		signer->signed_attributes = NULL;
	}
	assert_ok(
	    shape_print(ASN1_ITEM_rptr(SHAPE_SIGNER), signer, der, &kit_err));
}

/* Alice's letter, countersigned `times`. */
static void
make_countersigned(
    const struct counter *c, int times, bool with_cert, struct buf *der)
{
	struct buf counter BUF_OWNED = BUF_SMALL;

	sign_letter(&alice, der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(der);
	struct shape_signer *signer = only_signer(info);
	print_counter(c, shape_span(signer->signature), &counter);
	for (int i = 0; i < times; i++)
		add_unsigned(signer, OID_COUNTERSIGNATURE, buf_span(&counter));
	if (with_cert)
		add_cert(info, c->who->cert);
	put_together(info, der);
}

static void
countersignatures_are_checked(void **state)
{
	const struct {
		const char *name;
		struct counter counter;
		bool no_cert;
		const char *want;
	} table[] = {
	    {"good", {.who = &eve}, false, NULL},
	    {"with a content type", {.who = &eve, .content_type = true}, false,
		"sig.invalid"},
	    {"of another signature", {.who = &eve, .other_value = true}, false,
		"sig.digest-mismatch"},
	    {"without attributes", {.who = &eve, .no_attributes = true}, false,
		"sig.no-attributes"},
	    {"broken", {.who = &eve, .flip = true}, false, "sig.invalid"},
	    {"of nobody", {.who = &eve}, true, "sig.no-certificate"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		print_message("  %s\n", table[i].name);
		make_countersigned(
		    &table[i].counter, 1, !table[i].no_cert, &der);
		verify_one(&der, &result);
		const struct verify_signer *signer = &result.signer[0];
		/* whatever they are worth, the letter is Alice's */
		assert_true(signer->valid);
		assert_int_equal(signer->counters, 1);
		const struct verify_counter *got = &signer->counter[0];
		assert_int_equal(got->valid, table[i].want == NULL);
		if (table[i].want != NULL)
			assert_string_equal(got->reason, table[i].want);
		assert_int_equal(got->cert == NULL, table[i].no_cert);
		assert_int_equal(got->claimed_time,
		    table[i].counter.no_attributes ? 0 : WHEN + 60);
	}
}

static void
more_countersignatures_than_the_limit_are_counted(void **state)
{
	const struct counter c = {.who = &eve};
	struct buf der BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	make_countersigned(&c, VERIFY_COUNTERS_MAX + 3, true, &der);
	verify_one(&der, &result);
	assert_true(result.signer[0].valid);
	assert_int_equal(result.signer[0].counters, VERIFY_COUNTERS_MAX);
	assert_int_equal(
	    result.signer[0].counters_found, VERIFY_COUNTERS_MAX + 3);
}

static void
what_is_no_countersignature_spoils_nothing(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	add_unsigned(only_signer(info), OID_COUNTERSIGNATURE,
	    span_of("\x30\x03\x02\x01\x01", 5));
	put_together(info, &der);
	verify_one(&der, &result);
	assert_true(result.signer[0].valid);
	assert_string_equal(
	    result.signer[0].counter[0].reason, "sig.unreadable");
}

static void
tokens_too_many_or_too_long_are_counted(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, large BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	static uint8_t zeros[STAMP_MAX];

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	/* 30 83 LEN OCTET STRING of that length */
	assert_ok(
	    buf_add(&large, span_of("\x30\x83\1\0\4\4\x82", 7), &kit_err));
	assert_ok(buf_add(&large, span_of("\xff\xff", 2), &kit_err));
	assert_ok(buf_add(&large, span_of(zeros, 65535), &kit_err));
	large.data[3] = 0, large.data[4] = 3;
	large.data[2] = 1;
	add_unsigned(
	    only_signer(info), "1.2.840.113549.1.9.16.2.14", buf_span(&large));
	for (int i = 0; i < VERIFY_TOKENS_MAX + 1; i++)
		add_unsigned(only_signer(info), "1.2.840.113549.1.9.16.2.14",
		    span_of("\x30\x03\x02\x01\x01", 5));
	put_together(info, &der);
	verify_one(&der, &result);
	assert_true(result.signer[0].valid);
	assert_int_equal(result.signer[0].tokens, VERIFY_TOKENS_MAX);
	assert_int_equal(result.signer[0].tokens_found, VERIFY_TOKENS_MAX + 2);
}

/* --- signed attributes */

static void
capabilities_come_from_a_valid_signer_only(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result good VERIFY_RESULT_OWNED = {.signers = 0};
	struct verify_result bad VERIFY_RESULT_OWNED = {.signers = 0};

	sign_letter(&alice, &der);
	verify_one(&der, &good);
	struct span got = buf_span(&good.signer[0].capabilities);
	/* SEQUENCE, and AES-256-GCM first */
	assert_true(got.len > 20);
	assert_true(span_is(span_first(span_after(got, 2), 13),
	    span_of(
		"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e", 13)));
	assert_ok(verify_bytes(buf_span(&der), LETTER ".", false, &out, &bad));
	assert_false(bad.signer[0].valid);
	assert_int_equal(bad.signer[0].capabilities.len, 0);
}

static void
openssl_capabilities_are_read(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	assert_int_equal(kit_openssl("cms -sign -binary -in letter -outform "
				     "DER -out sig " BY("rsa")),
	    0);
	kit_read("sig", &der);
	verify_one(&der, &result);
	assert_true(result.signer[0].capabilities.len > 20);
	assert_null(result.signer[0].key_preference);
	assert_false(result.signer[0].receipt.asked);
}

static void
sign_preferring(
    const struct person *who, const struct cert *cert, struct buf *der)
{
	const struct sign_options options = {.encrypt_cert = cert};
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(
	    sign_new_with(&who->identity, WHEN, &options, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, der, &kit_err));
}

static void
the_preferred_certificate_is_given_out(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result good VERIFY_RESULT_OWNED = {.signers = 0};
	struct verify_result bad VERIFY_RESULT_OWNED = {.signers = 0};

	sign_preferring(&alice, rsa.cert, &der);
	verify_one(&der, &good);
	assert_true(good.signer[0].valid);
	assert_true(span_is(
	    cert_der(good.signer[0].key_preference), cert_der(rsa.cert)));
	assert_ok(verify_bytes(buf_span(&der), "other", false, &out, &bad));
	assert_null(bad.signer[0].key_preference);
}

/* [1] RecipientKeyIdentifier and [2] subjectKeyIdentifier, as others write. */
static void
other_forms_of_the_preference_are_read(void **state)
{
	const ASN1_OCTET_STRING *id =
	    X509_get0_subject_key_id(cert_x509(rsa.cert));

	for (int form = 0; form < 3; form++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf value BUF_OWNED = BUF_SMALL;
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		sign_preferring(&alice, rsa.cert, &der);
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
		    attributes_of(only_signer(info));
		drop(list, NID_id_smime_aa_encrypKeyPref);
		const uint8_t one[] = {0xa1, 22, 0x04, 20}, two[] = {0x82, 20};
		if (form == 0)
			assert_ok(buf_add(&value, span_of(one, 4), &kit_err));
		else
			assert_ok(buf_add(&value, span_of(two, 2), &kit_err));
		assert_ok(buf_add(&value, shape_span(id), &kit_err));
		if (form == 2) /* somebody who is not there */
			value.data[5] ^= 1;
		const uint8_t *at = value.data;
		ASN1_TYPE *type = d2i_ASN1_TYPE(NULL, &at, (long)value.len);
		assert_true_ssl(type != NULL);
		X509_ATTRIBUTE *attribute =
		    X509_ATTRIBUTE_create(NID_id_smime_aa_encrypKeyPref,
			ASN1_TYPE_get(type), type->value.ptr);
		assert_true_ssl(attribute != NULL);
		type->value.ptr = NULL; /* it is the attribute's */
		type->type = V_ASN1_NULL;
		ASN1_TYPE_free(type);
		sk_X509_ATTRIBUTE_push(list, attribute);
		resign_list(only_signer(info), &alice, list);
		put_together(info, &der);
		verify_one(&der, &result);
		assert_true(result.signer[0].valid);
		assert_int_equal(
		    result.signer[0].key_preference == NULL, form == 2);
	}
}

static void
openssl_asks_for_receipts(void **state)
{
	const struct {
		const char *options;
		enum receipt_from from;
		size_t from_list, to;
	} table[] = {
	    {"-receipt_request_all -receipt_request_to alice@example.org",
		RECEIPT_ALL, 0, 1},
	    {"-receipt_request_first -receipt_request_to a@example.org "
	     "-receipt_request_to b@example.org",
		RECEIPT_FIRST_TIER, 0, 2},
	    {"-receipt_request_from c@example.org -receipt_request_from "
	     "d@example.org -receipt_request_to a@example.org",
		RECEIPT_LISTED, 2, 1},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		assert_int_equal(
		    kit_openssl("cms -sign -binary -in letter -outform DER "
				"-out sig " BY("rsa") "%s",
			table[i].options),
		    0);
		kit_read("sig", &der);
		verify_one(&der, &result);
		const struct receipt_request *got = &result.signer[0].receipt;
		assert_true(result.signer[0].valid && got->asked);
		assert_int_equal(got->from, table[i].from);
		assert_int_equal(got->from_list.len, table[i].from_list);
		assert_int_equal(got->to.len, table[i].to);
		assert_true(got->id.len > 8);
		if (table[i].from_list > 0)
			assert_true(
			    strlist_has(&got->from_list, "d@example.org"));
	}
}

static void
a_receipt_of_openssl_is_read(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result asked VERIFY_RESULT_OWNED = {.signers = 0};
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	struct receipt receipt RECEIPT_OWNED = {.id = BUF_SMALL};

	assert_int_equal(
	    kit_openssl("cms -sign -nodetach -binary -in letter -outform DER "
			"-out asked -receipt_request_all -receipt_request_to "
			"alice@example.org " BY("rsa")),
	    0);
	assert_int_equal(
	    kit_openssl("cms -sign_receipt -inform DER -in asked -outform DER "
			"-out receipt -signer alice.crt -inkey alice.key"),
	    0);
	kit_read("asked", &letter);
	kit_read("receipt", &der);
	/* as a letter it is none */
	assert_rc(verify_bytes(buf_span(&der), NULL, false, &out, &result),
	    RC_SYNTAX);
	buf_clear(&out);
	assert_ok(verify_new(&verify, &kit_err));
	verify_accept_receipt(verify);
	assert_ok(push_cms(verify, buf_span(&der), 100, &out));
	assert_ok(verify_finish(verify, &result, &kit_err));
	assert_true(result.is_receipt && result.signers == 1);
	assert_true(result.signer[0].valid);
	assert_ok(receipt_parse(buf_span(&out), &receipt, &kit_err));
	/* it is about that letter */
	buf_clear(&out);
	assert_ok(verify_bytes(buf_span(&letter), NULL, false, &out, &asked));
	assert_true(span_is(
	    buf_span(&receipt.id), buf_span(&asked.signer[0].receipt.id)));
	assert_true(span_is(buf_span(&receipt.signature),
	    buf_span(&asked.signer[0].signature)));
}

/* Every attribute that may be there once, there twice: two readers might take
 * two different ones. */
static void
an_attribute_twice_is_refused(void **state)
{
	const int nids[] = {NID_pkcs9_contentType, NID_pkcs9_messageDigest,
	    NID_pkcs9_signingTime, NID_SMIMECapabilities,
	    NID_id_smime_aa_signingCertificateV2,
	    NID_id_smime_aa_encrypKeyPref};

	for (size_t i = 0; i <= sizeof(nids) / sizeof(*nids); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		sign_preferring(&alice, rsa.cert, &der);
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
		    attributes_of(only_signer(info));
		ASN1_OBJECT *protection =
		    OBJ_txt2obj("1.2.840.113549.1.9.52", 1);
		int at = i < sizeof(nids) / sizeof(*nids)
			     ? X509at_get_attr_by_NID(list, nids[i], -1)
			     : X509at_get_attr_by_OBJ(list, protection, -1);
		ASN1_OBJECT_free(protection);
		assert_true(at >= 0);
		sk_X509_ATTRIBUTE_push(
		    list, X509_ATTRIBUTE_dup(X509at_get_attr(list, at)));
		resign_list(only_signer(info), &alice, list);
		put_together(info, &der);
		assert_string_equal(reason_of(&der), "sig.invalid");
	}
}

static void
a_hundred_attributes_are_read_and_one_more_is_not(void **state)
{
	for (int more = 0; more < 2; more++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		sign_letter(&alice, &der);
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
		    attributes_of(only_signer(info));
		while (sk_X509_ATTRIBUTE_num(list) < 100 + more) {
			char oid[32];
			snprintf(oid, sizeof(oid), "1.3.6.1.4.1.99999.%d",
			    sk_X509_ATTRIBUTE_num(list));
			X509at_add1_attr_by_txt(&list, oid, V_ASN1_OCTET_STRING,
			    (const uint8_t *)"x", 1);
		}
		resign_list(only_signer(info), &alice, list);
		put_together(info, &der);
		assert_string_equal(
		    reason_of(&der), more == 0 ? "valid" : "sig.limit");
	}
}

/* --- several signers */

static void
what_is_unknown_of_one_does_not_spoil_another(void **state)
{
	const struct {
		const char *oid; /* of the signature algorithm */
		const char *want, *name;
	} table[] = {
	    {"2.16.840.1.101.3.4.3.18", "sig.unsupported", "ML-DSA-65"},
	    {"1.2.3.4.5", "sig.unsupported", NULL},
	    {"1.2.840.113549.1.1.5", "sig.alg-weak", NULL},
	};

#if OPENSSL_VERSION_NUMBER >= 0x30500000L
	skip(); /* ML-DSA is known there */
#endif
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF_SMALL;
		struct verify_result result VERIFY_RESULT_OWNED = {
		    .signers = 0};
		struct sign *sign OWNED(sign_free) = NULL;
		const struct sign_options usual = {0};
		assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
		assert_ok(
		    sign_add_signer(sign, &p384.identity, &usual, &kit_err));
		assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
		assert_ok(sign_close(sign, &kit_err));
		assert_ok(sign_finish(sign, &der, &kit_err));
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		struct shape_signer *first =
		    OPENSSL_sk_value(info->body->signers, 0);
		X509_ALGOR_set0(first->signature_algorithm,
		    OBJ_txt2obj(table[i].oid, 1), V_ASN1_UNDEF, NULL);
		put_together(info, &der);
		assert_ok(
		    verify_bytes(buf_span(&der), LETTER, false, &out, &result));
		assert_int_equal(result.signers, 2);
		size_t good = result.signer[0].valid ? 0 : 1;
		assert_true(result.signer[good].valid);
		assert_non_null(result.signer[good].algorithm);
		const struct verify_signer *bad = &result.signer[1 - good];
		assert_string_equal(bad->reason, table[i].want);
		if (table[i].name == NULL)
			assert_null(bad->algorithm);
		else
			assert_string_equal(bad->algorithm, table[i].name);
		assert_non_null(bad->cert); /* whose it would be is told */
	}
}

static void
a_broken_signer_does_not_spoil_another(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	sign_letter(&alice, &der);
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(&der);
	/* as the last of a SET that ends the letter: fill in by hand */
	const uint8_t broken[] = {0x30, 3, 2, 1, 1};
	struct buf made BUF_OWNED = BUF_SMALL;
	struct buf one BUF_OWNED = BUF_SMALL;
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_SIGNER), only_signer(info), &one, &kit_err));
	ptrdiff_t at = span_find(buf_span(&der), buf_span(&one));
	assert_true(at > 0);
	/* indefinite lengths save the counting */
	struct span body = span_first(buf_span(&der), (size_t)at - 4);
	struct span inner = span_after(body, 4 + 11 + 4 + 4);
	assert_ok(buf_add(&made, span_of("\x30\x80", 2), &kit_err));
	assert_ok(
	    buf_add(&made, span_first(span_after(body, 4), 11), &kit_err));
	assert_ok(buf_add(&made, span_of("\xa0\x80\x30\x80", 4), &kit_err));
	assert_ok(buf_add(&made, inner, &kit_err));
	assert_ok(buf_add(&made, span_of("\x31\x80", 2), &kit_err));
	assert_ok(buf_add(&made, span_of(broken, 5), &kit_err));
	assert_ok(buf_add(&made, buf_span(&one), &kit_err));
	assert_ok(buf_add(&made, span_of("\0\0\0\0\0\0\0\0", 8), &kit_err));
	assert_ok(verify_bytes(buf_span(&made), LETTER, false, &out, &result));
	assert_int_equal(result.signers, 2);
	assert_string_equal(result.signer[0].reason, "sig.unreadable");
	assert_true(result.signer[1].valid);
}

/* Sixty-five certificates claim the key identifier; the right one is last. */
static void
no_more_than_sixty_four_certificates_are_tried(void **state)
{
	char id[100] = "";
	const ASN1_OCTET_STRING *own =
	    X509_get0_subject_key_id(cert_x509(alice.cert));
	const struct sign_options options = {.by_key_id = true};

	for (int i = 0; i < own->length; i++)
		snprintf(id + 3 * i, 4, "%02X:", own->data[i]);
	id[3 * own->length - 1] = '\0';
	const struct kit_extension forged[] = {
	    {NID_subject_key_identifier, id}, {0, NULL}};
	for (int liars = 63; liars <= 64; liars++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct sign *sign OWNED(sign_free) = NULL;
		assert_ok(sign_new_with(
		    &alice.identity, WHEN, &options, &sign, &kit_err));
		assert_ok(sign_push(sign, span_str(LETTER), &kit_err));
		assert_ok(sign_close(sign, &kit_err));
		assert_ok(sign_finish(sign, &der, &kit_err));
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		struct cert *liar OWNED(cert_free) =
		    kit_cert(eve.pkey, "AA", forged, &root);
		/* shorter than hers, so that DER's order puts them first */
		assert_true(cert_der(liar).len < cert_der(alice.cert).len);
		for (int i = 0; i < liars; i++)
			add_cert(info, liar);
		put_together(info, &der);
		assert_string_equal(
		    reason_of(&der), liars == 63 ? "valid" : "sig.limit");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(countersignatures_are_checked),
	    cmocka_unit_test(more_countersignatures_than_the_limit_are_counted),
	    cmocka_unit_test(what_is_no_countersignature_spoils_nothing),
	    cmocka_unit_test(tokens_too_many_or_too_long_are_counted),
	    cmocka_unit_test(capabilities_come_from_a_valid_signer_only),
	    cmocka_unit_test(openssl_capabilities_are_read),
	    cmocka_unit_test(the_preferred_certificate_is_given_out),
	    cmocka_unit_test(other_forms_of_the_preference_are_read),
	    cmocka_unit_test(openssl_asks_for_receipts),
	    cmocka_unit_test(a_receipt_of_openssl_is_read),
	    cmocka_unit_test(an_attribute_twice_is_refused),
	    cmocka_unit_test(a_hundred_attributes_are_read_and_one_more_is_not),
	    cmocka_unit_test(what_is_unknown_of_one_does_not_spoil_another),
	    cmocka_unit_test(a_broken_signer_does_not_spoil_another),
	    cmocka_unit_test(no_more_than_sixty_four_certificates_are_tried),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
