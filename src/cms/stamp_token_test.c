/* Tokens of all kinds, and such as no authority makes. */
#include "cms/stampkit_priv.h"

/* Signed by openssl cms over the TSTInfo of a good token. */
static enum rc
verify_forged(const char *options)
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct stamp_result result = {.chain = CHAIN_RESULT};
	struct cert *item[] = {root.cert};
	struct certs roots = {item, 1};
	void *value = NULL;

	make_token(&token);
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO),
	    buf_span(&token), "token", &value, &kit_err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	kit_write("tst", shape_span(info->body->inner->content));
	assert_int_equal(kit_openssl("cms -sign -binary -nodetach -nosmimecap "
				     "-econtent_type id-smime-ct-TSTInfo -in "
				     "tst -outform DER -out forged %s",
			     options),
	    0);
	kit_read("forged", &der);
	enum rc rc = verify_token(buf_span(&der), STAMPED, &roots, &result);
	stamp_result_done(&result);
	return rc;
}

static void
a_token_of_the_wrong_signer_is_broken(void **state)
{
	assert_rc(
	    verify_forged("-cades -signer tsa.crt -inkey tsa.key"), RC_OK);
	/* a mail certificate; an EKU that is not critical; two signers; no
	 * ESSCertID; SHA-1; no certificate */
	assert_rc(verify_forged("-cades -signer alice.crt -inkey alice.key"),
	    RC_CRYPTO);
	assert_rc(
	    verify_forged("-cades -signer lax.crt -inkey lax.key"), RC_CRYPTO);
	assert_rc(verify_forged("-cades -signer tsa.crt -inkey tsa.key -signer "
				"rsa.crt -inkey rsa.key"),
	    RC_CRYPTO);
	assert_rc(verify_forged("-signer tsa.crt -inkey tsa.key"), RC_CRYPTO);
	assert_rc(
	    verify_forged("-cades -md sha1 -signer rsa.crt -inkey rsa.key"),
	    RC_CRYPTO);
	assert_rc(
	    verify_forged("-cades -nocerts -signer tsa.crt -inkey tsa.key"),
	    RC_CRYPTO);
}

/* TSAs that openssl ts cannot be: PSS, P-521 with SHA-512, by SKI. */
static void
tokens_of_every_kind_of_signer_are_read(void **state)
{
	const char *const options[] = {
	    "-cades -signer rsa.crt -inkey rsa.key",
	    "-cades -signer rsa.crt -inkey rsa.key -keyopt "
	    "rsa_padding_mode:pss",
	    "-cades -md sha512 -signer rsa.crt -inkey rsa.key -keyopt "
	    "rsa_padding_mode:pss",
	    "-cades -md sha512 -signer p521.crt -inkey p521.key",
	    "-cades -keyid -signer tsa.crt -inkey tsa.key",
	    "-cades -stream -signer tsa.crt -inkey tsa.key",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		assert_rc(verify_forged(options[i]), RC_OK);
}

/* A token over a TSTInfo that was changed, signed by openssl cms. */
static enum rc
verify_changed(void (*change)(TS_TST_INFO *tst))
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct stamp_result result = {.chain = CHAIN_RESULT};
	struct certs none = CERTS_NONE;
	void *value = NULL;
	uint8_t *tst = NULL;

	make_token(&token);
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO),
	    buf_span(&token), "token", &value, &kit_err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	struct span in = shape_span(info->body->inner->content);
	const uint8_t *at = in.data;
	TS_TST_INFO *read = d2i_TS_TST_INFO(NULL, &at, (long)in.len);
	assert_true_ssl(read != NULL);
	change(read);
	int len = i2d_TS_TST_INFO(read, &tst);
	kit_write("tst", span_of(tst, (size_t)len));
	OPENSSL_free(tst);
	TS_TST_INFO_free(read);
	assert_int_equal(
	    kit_openssl(
		"cms -sign -binary -nodetach -nosmimecap -econtent_type "
		"id-smime-ct-TSTInfo -in tst -outform DER -out forged "
		"-cades -signer tsa.crt -inkey tsa.key"),
	    0);
	kit_read("forged", &der);
	enum rc rc = verify_token(buf_span(&der), STAMPED, &none, &result);
	if (rc == RC_OK)
		stamp_result_done(&result);
	return rc;
}

static void
set_name(TS_TST_INFO *tst, const X509_NAME *subject)
{
	GENERAL_NAME *name = GENERAL_NAME_new();

	name->type = GEN_DIRNAME;
	name->d.directoryName = X509_NAME_dup(subject);
	TS_TST_INFO_set_tsa(tst, name);
	GENERAL_NAME_free(name);
}

static void
name_it(TS_TST_INFO *tst)
{
	set_name(tst, X509_get_subject_name(cert_x509(tsa.cert)));
}

static void
name_another(TS_TST_INFO *tst)
{
	set_name(tst, X509_get_subject_name(cert_x509(rsa_tsa.cert)));
}

static void
name_by_mail(TS_TST_INFO *tst)
{
	GENERAL_NAME *name =
	    a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_EMAIL, "a@example.org", 0);

	TS_TST_INFO_set_tsa(tst, name);
	GENERAL_NAME_free(name);
}

static void
extend(TS_TST_INFO *tst, const char *value)
{
	X509_EXTENSION *extension =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, value);

	assert_true_ssl(TS_TST_INFO_add_ext(tst, extension, -1));
	X509_EXTENSION_free(extension);
}

static void
extend_it(TS_TST_INFO *tst)
{
	extend(tst, "please");
}

static void
extend_critically(TS_TST_INFO *tst)
{
	extend(tst, "critical,please");
}

static void
set_version_2(TS_TST_INFO *tst)
{
	TS_TST_INFO_set_version(tst, 2);
}

static void
set_time(TS_TST_INFO *tst, const char *text)
{
	ASN1_GENERALIZEDTIME *time = ASN1_GENERALIZEDTIME_new();

	ASN1_STRING_set(time, text, -1);
	TS_TST_INFO_set_time(tst, time);
	ASN1_GENERALIZEDTIME_free(time);
}

static void
set_fraction(TS_TST_INFO *tst)
{
	set_time(tst, "20261121201800.5Z");
}

static void
set_local_time(TS_TST_INFO *tst)
{
	set_time(tst, "20261121201800");
}

static void
set_no_time(TS_TST_INFO *tst)
{
	set_time(tst, "20261321201800Z");
}

static void
set_accuracy(TS_TST_INFO *tst, long millis)
{
	TS_ACCURACY *accuracy = TS_ACCURACY_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	ASN1_INTEGER_set(number, millis);
	TS_ACCURACY_set_millis(accuracy, number);
	TS_TST_INFO_set_accuracy(tst, accuracy);
	ASN1_INTEGER_free(number);
	TS_ACCURACY_free(accuracy);
}

static void
set_999_millis(TS_TST_INFO *tst)
{
	set_accuracy(tst, 999);
}

static void
set_1000_millis(TS_TST_INFO *tst)
{
	set_accuracy(tst, 1000);
}

static void
leave(TS_TST_INFO *tst)
{
}

static void
what_a_token_says_is_read_strictly(void **state)
{
	const struct {
		const char *name;
		void (*change)(TS_TST_INFO *tst);
		enum rc want;
	} table[] = {
	    {"untouched", leave, RC_OK},
	    {"its own name", name_it, RC_OK},
	    {"the name of another", name_another, RC_CRYPTO},
	    {"a name that it does not have", name_by_mail, RC_CRYPTO},
	    {"an extension", extend_it, RC_OK},
	    {"a critical extension", extend_critically, RC_CRYPTO},
	    {"version 2", set_version_2, RC_CRYPTO},
	    {"half a second", set_fraction, RC_OK},
	    {"no time zone", set_local_time, RC_CRYPTO},
	    {"the thirteenth month", set_no_time, RC_CRYPTO},
	    {"999 milliseconds", set_999_millis, RC_OK},
	    {"1000 milliseconds", set_1000_millis, RC_CRYPTO},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		enum rc rc = verify_changed(table[i].change);
		if (rc != table[i].want)
			fail_msg("%s: got %s (%s)", table[i].name, rc_name(rc),
			    kit_err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_token_of_the_wrong_signer_is_broken),
	    cmocka_unit_test(tokens_of_every_kind_of_signer_are_read),
	    cmocka_unit_test(what_a_token_says_is_read_strictly),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
