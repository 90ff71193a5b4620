#include "flow/evidence.h"

#include <stdlib.h>

#include "base/expect.h"
#include "pki/fixture.h"

static struct fixture root;

/* A list of so many bytes more than an empty one. */
static void
add_list(size_t more, struct crls *crls)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, FIXTURE_NOW);
	ASN1_OCTET_STRING *filler = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4", 1);
	uint8_t *bytes = calloc(1, more + 1), *der = NULL;

	assert_non_null(bytes);
	ASN1_OCTET_STRING_set(filler, bytes, (int)more);
	X509_EXTENSION *extension =
	    X509_EXTENSION_create_by_OBJ(NULL, oid, 0, filler);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(cert_x509(root.cert)));
	X509_CRL_set1_lastUpdate(crl, time);
	X509_CRL_set1_nextUpdate(crl, time);
	X509_CRL_add_ext(crl, extension, -1);
	assert_true(X509_CRL_sign(crl, root.key, EVP_sha256()) > 0);
	int len = i2d_X509_CRL(crl, &der);
	assert_int_equal(
	    crls_add(crls, span_of(der, (size_t)len), NULL), RC_OK);
	OPENSSL_free(der);
	free(bytes);
	X509_EXTENSION_free(extension);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(filler);
	ASN1_TIME_free(time);
	X509_CRL_free(crl);
}

static int
setup(void **context)
{
	(void)context;
	root = fixture_root("Root");
	return 0;
}

static int
teardown(void **context)
{
	(void)context;
	fixture_done(&root);
	return 0;
}

static void
what_is_packed_comes_out_again(void **context)
{
	struct evidence in EVIDENCE_OWNED = EVIDENCE_NONE;
	struct evidence out EVIDENCE_OWNED = EVIDENCE_NONE;
	struct buf packed BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	(void)context;
	assert_done(certs_add(&in.certs, root.cert, &err), err);
	add_list(0, &in.crls);
	add_list(9, &in.crls);
	assert_done(evidence_pack(&in, &packed, &err), err);
	assert_done(evidence_unpack(buf_span(&packed), &out, &err), err);
	assert_int_equal(out.certs.len, 1);
	assert_int_equal(out.crls.len, 2);
	assert_int_equal(out.ocsps.len, 0);
	for (size_t i = 0; i < 2; i++)
		assert_true(span_is(
		    crl_der(in.crls.item[i]), crl_der(out.crls.item[i])));
	assert_string_equal(
	    cert_fingerprint(out.certs.item[0]), cert_fingerprint(root.cert));
}

static void
without_a_status_there_is_nothing_to_keep(void **context)
{
	struct evidence in EVIDENCE_OWNED = EVIDENCE_NONE;
	struct evidence out EVIDENCE_OWNED = EVIDENCE_NONE;
	struct buf packed BUF_OWNED = BUF_SMALL;

	(void)context;
	assert_int_equal(certs_add(&in.certs, root.cert, NULL), RC_OK);
	assert_true(evidence_is_empty(&in));
	assert_int_equal(evidence_pack(&in, &packed, NULL), RC_OK);
	assert_int_equal(packed.len, 0);
	assert_int_equal(evidence_unpack(SPAN_NONE, &out, NULL), RC_OK);
	assert_true(evidence_is_empty(&out));
}

static void
a_list_that_does_not_fit_is_left_out_and_the_rest_is_kept(void **context)
{
	struct evidence in EVIDENCE_OWNED = EVIDENCE_NONE;
	struct evidence out EVIDENCE_OWNED = EVIDENCE_NONE;
	const size_t most = evidence_default.packed;
	struct buf packed BUF_OWNED = BUF(2 * most);

	(void)context;
	add_list(most, &in.crls);
	add_list(most / 2, &in.crls);
	add_list(most / 2, &in.crls);
	add_list(1, &in.crls);
	assert_int_equal(evidence_pack(&in, &packed, NULL), RC_OK);
	assert_true(packed.len <= most);
	assert_int_equal(evidence_unpack(buf_span(&packed), &out, NULL), RC_OK);
	assert_int_equal(out.crls.len, 2);
	assert_true(
	    span_is(crl_der(out.crls.item[1]), crl_der(in.crls.item[3])));
}

/* Each in a block of its own size. */
static enum rc
unpack_copy(struct span bytes, struct evidence *to)
{
	uint8_t *copy = malloc(bytes.len + (bytes.len == 0));

	assert_non_null(copy);
	memcpy(copy, bytes.data, bytes.len);
	enum rc rc = evidence_unpack(span_of(copy, bytes.len), to, NULL);
	free(copy);
	return rc;
}

/* Cut between two items it is less, and not damaged. */
static void
half_of_it_changes_nothing(void **context)
{
	struct evidence in EVIDENCE_OWNED = EVIDENCE_NONE;
	struct evidence to EVIDENCE_OWNED = EVIDENCE_NONE;
	struct buf packed BUF_OWNED = BUF_SMALL;
	size_t whole = 0;

	(void)context;
	add_list(0, &in.crls);
	assert_int_equal(evidence_pack(&in, &packed, NULL), RC_OK);
	for (size_t len = 1; len < packed.len; len++) {
		enum rc rc = unpack_copy(span_of(packed.data, len), &to);
		whole += rc == RC_OK;
		assert_true(evidence_is_empty(&to));
	}
	assert_int_equal(whole, 1); /* the first line alone */
	assert_int_equal(buf_add_byte(&packed, 'l', NULL), RC_OK);
	assert_int_equal(unpack_copy(buf_span(&packed), &to), RC_SYNTAX);
}

static void
there_is_a_limit_to_what_is_unpacked(void **context)
{
	struct evidence in EVIDENCE_OWNED = EVIDENCE_NONE;
	struct evidence to EVIDENCE_OWNED = EVIDENCE_NONE;
	struct buf packed BUF_OWNED = BUF_SMALL;
	struct buf less BUF_OWNED = BUF_SMALL;

	(void)context;
	add_list(0, &in.crls);
	add_list(1, &in.crls);
	assert_int_equal(evidence_pack(&in, &packed, NULL), RC_OK);
	struct evidence_limits limits = {packed.len};
	in.limits = to.limits = &limits;
	assert_int_equal(evidence_unpack(buf_span(&packed), &to, NULL), RC_OK);
	assert_int_equal(to.crls.len, 2);
	limits.packed--;
	assert_int_equal(
	    evidence_unpack(buf_span(&packed), &to, NULL), RC_LIMIT);
	/* and of what is packed the second list is left out */
	assert_int_equal(evidence_pack(&in, &less, NULL), RC_OK);
	assert_int_equal(evidence_unpack(buf_span(&less), &to, NULL), RC_OK);
	assert_int_equal(to.crls.len, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_packed_comes_out_again),
	    cmocka_unit_test(without_a_status_there_is_nothing_to_keep),
	    cmocka_unit_test(
		a_list_that_does_not_fit_is_left_out_and_the_rest_is_kept),
	    cmocka_unit_test(half_of_it_changes_nothing),
	    cmocka_unit_test(there_is_a_limit_to_what_is_unpacked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
