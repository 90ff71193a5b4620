#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "pki/crl_priv.h"
#include "pki/fixture.h"

#define FROM 1790000000L
#define UNTIL 1790600000L

static struct fixture root;

static void
extend(X509_CRL *crl, const char *name, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, cert_x509(root.cert), NULL, NULL, crl, 0);
	X509_EXTENSION *extension =
	    X509V3_EXT_conf(NULL, &ctx, (char *)name, (char *)value);
	fixture_must(extension != NULL, name);
	fixture_must(X509_CRL_add_ext(crl, extension, -1), name);
	X509_EXTENSION_free(extension);
}

static void
add_number(X509_CRL *crl, const char *number)
{
	ASN1_INTEGER *value = s2i_ASN1_INTEGER(NULL, number);

	assert_int_equal(X509_CRL_add1_ext_i2d(
			     crl, NID_crl_number, value, 0, X509V3_ADD_APPEND),
	    1);
	ASN1_INTEGER_free(value);
}

static X509_CRL *
new_list(void)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, FROM);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(cert_x509(root.cert)));
	X509_CRL_set1_lastUpdate(crl, time);
	ASN1_TIME_set(time, UNTIL);
	X509_CRL_set1_nextUpdate(crl, time);
	ASN1_TIME_free(time);
	return crl;
}

static X509_REVOKED *
add_entry(X509_CRL *crl, long serial, int reason)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, FROM - serial);

	ASN1_INTEGER_set(number, serial);
	X509_REVOKED_set_serialNumber(entry, number);
	X509_REVOKED_set_revocationDate(entry, time);
	if (reason != 0) {
		ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
		ASN1_ENUMERATED_set(value, reason);
		X509_REVOKED_add1_ext_i2d(
		    entry, NID_crl_reason, value, 0, X509V3_ADD_APPEND);
		ASN1_ENUMERATED_free(value);
	}
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(time);
	assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
	return entry;
}

/* Signs it, ends it, and gives its DER. */
static struct buf
finish(X509_CRL *crl, const EVP_MD *digest)
{
	struct buf der = BUF((size_t)1 << 20);
	uint8_t *bytes = NULL;

	assert_true(X509_CRL_sign(crl, root.key, digest) > 0);
	int len = i2d_X509_CRL(crl, &bytes);
	assert_int_equal(
	    buf_add(&der, span_of(bytes, (size_t)len), NULL), RC_OK);
	OPENSSL_free(bytes);
	X509_CRL_free(crl);
	return der;
}

static enum rc
add(struct crls *crls, const struct buf *der)
{
	return crls_add(crls, buf_span(der), NULL);
}

static struct buf
full_list(void)
{
	X509_CRL *crl = new_list();

	(void)add_entry(crl, 5, CRL_KEY_COMPROMISE);
	(void)add_entry(crl, 300, 0);
	add_number(crl, "7");
	extend(crl, "authorityKeyIdentifier", "keyid");
	extend(crl, "issuingDistributionPoint", "critical,onlyuser:TRUE");
	return finish(crl, EVP_sha256());
}

static bool
find(const struct crls *crls, const char *serial, size_t len,
    const struct fixture *issuer, struct crl_entry *ret)
{
	return crl_find(crls->item[0], span_of(serial, len),
	    X509_get_subject_name(cert_x509(issuer->cert)), ret);
}

static void
a_list_is_read(void **state)
{
	struct buf der BUF_OWNED = full_list();
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct fixture other FIXTURE_OWNED = fixture_root("Other");
	struct crl_entry entry;

	assert_int_equal(add(&crls, &der), RC_OK);
	const struct crl *crl = crls.item[0];
	assert_int_equal(crl->from, FROM);
	assert_int_equal(crl->until, UNTIL);
	assert_true(span_is(crl->number, span_str("\7")));
	assert_int_equal(crl->key_id.len, 20);
	assert_true(crl->scope != NULL && crl->scope->onlyuser > 0);
	assert_false(crl->is_delta || crl->unknown_critical);
	assert_true(find(&crls, "\5", 1, &root, &entry));
	assert_int_equal(entry.at, FROM - 5);
	assert_int_equal(entry.reason, CRL_KEY_COMPROMISE);
	assert_true(find(&crls, "\1\54", 2, &root, &entry));
	assert_int_equal(entry.reason, CRL_UNSPECIFIED);
	assert_false(find(&crls, "\54", 1, &root, &entry));
	assert_false(find(&crls, "\5", 1, &other, &entry));
	assert_true(crl_is_signed(crl, root.cert));
	assert_false(crl_is_signed(crl, other.cert));
}

/* Each part of a list, and each list with a bit turned over. */
static void
damaged_lists_are_refused_or_not_signed(void **state)
{
	struct buf der BUF_OWNED = full_list();

	for (size_t i = 0; i < der.len; i++) {
		struct crls crls CRLS_OWNED = CRLS_NONE;
		uint8_t *cut = malloc(i + 1);
		memcpy(cut, der.data, i);
		assert_int_not_equal(
		    crls_add(&crls, span_of(cut, i), NULL), RC_OK);
		free(cut);
		der.data[i] ^= 1;
		if (add(&crls, &der) == RC_OK)
			assert_false(crl_is_signed(crls.item[0], root.cert));
		der.data[i] ^= 1;
	}
}

static void
bytes_behind_the_end_are_refused(void **state)
{
	struct buf der BUF_OWNED = full_list();
	struct crls crls CRLS_OWNED = CRLS_NONE;

	assert_int_equal(buf_add_byte(&der, 0, NULL), RC_OK);
	assert_int_equal(add(&crls, &der), RC_SYNTAX);
}

static void
critical_extensions_that_nobody_knows_are_noted(void **state)
{
	static const char *const values[] = {"DER:0500", "critical,DER:0500"};

	for (size_t i = 0; i < 4; i++) {
		X509_CRL *crl = new_list();
		struct crls crls CRLS_OWNED = CRLS_NONE;
		if (i < 2) {
			extend(crl, "1.2.3.4", values[i]);
		} else {
			X509_EXTENSION *extension = X509V3_EXT_conf(NULL, NULL,
			    (char *)"1.2.3.4", (char *)values[i - 2]);
			X509_REVOKED_add_ext(
			    add_entry(crl, 5, 0), extension, -1);
			X509_EXTENSION_free(extension);
		}
		struct buf der BUF_OWNED = finish(crl, EVP_sha256());
		assert_int_equal(add(&crls, &der), RC_OK);
		assert_int_equal(crls.item[0]->unknown_critical, i % 2 == 1);
	}
}

static void
an_extension_twice_is_refused(void **state)
{
	X509_CRL *crl = new_list();
	struct crls crls CRLS_OWNED = CRLS_NONE;

	add_number(crl, "7");
	add_number(crl, "8");
	struct buf der BUF_OWNED = finish(crl, EVP_sha256());
	assert_int_equal(add(&crls, &der), RC_SYNTAX);
}

static void
there_may_be_64_extensions_and_not_one_more(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		X509_CRL *crl = new_list();
		struct crls crls CRLS_OWNED = CRLS_NONE;
		for (size_t i = 0; i < 64 + more; i++) {
			char oid[30];
			(void)snprintf(oid, sizeof(oid), "1.2.3.%zu", i);
			extend(crl, oid, "DER:0500");
		}
		struct buf der BUF_OWNED = finish(crl, EVP_sha256());
		assert_int_equal(
		    add(&crls, &der), more == 0 ? RC_OK : RC_LIMIT);
	}
}

static void
a_number_has_20_octets_and_not_one_more(void **state)
{
	static const char number[] =
	    "0x7F00000000000000000000000000000000000000";
	char longer[60];

	(void)snprintf(longer, sizeof(longer), "%s00", number);
	for (size_t i = 0; i < 2; i++) {
		X509_CRL *crl = new_list();
		struct crls crls CRLS_OWNED = CRLS_NONE;
		add_number(crl, i == 0 ? number : longer);
		struct buf der BUF_OWNED = finish(crl, EVP_sha256());
		assert_int_equal(add(&crls, &der), i == 0 ? RC_OK : RC_SYNTAX);
	}
}

static void
numbers_are_compared_by_value(void **state)
{
	const struct span one = span_of("\0\1", 2), same = span_of("\1", 1),
			  more = span_of("\1\0", 2), none = span_of("\0", 1);

	assert_int_equal(crl_number_order(one, same), 0);
	assert_true(crl_number_order(one, more) < 0);
	assert_true(crl_number_order(more, same) > 0);
	assert_true(crl_number_order(none, same) < 0);
	assert_int_equal(crl_number_order(none, none), 0);
}

static void
there_may_be_so_many_lists_of_so_many_bytes_and_not_one_more(void **state)
{
	struct buf der BUF_OWNED = full_list();
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct crl_limits limits = {3, 5 * der.len, der.len};

	crls.limits = &limits;
	for (size_t i = 0; i < limits.lists; i++)
		assert_int_equal(add(&crls, &der), RC_OK);
	assert_int_equal(add(&crls, &der), RC_LIMIT);
	assert_int_equal(crls.len, limits.lists);
	crls_done(&crls);
	limits = (struct crl_limits){9, 2 * der.len, der.len};
	assert_int_equal(crls_parse(&crls, buf_span(&der), NULL), RC_OK);
	assert_int_equal(add(&crls, &der), RC_OK);
	assert_int_equal(add(&crls, &der), RC_LIMIT);
	crls_done(&crls);
	limits.bytes--;
	assert_int_equal(add(&crls, &der), RC_OK);
	assert_int_equal(add(&crls, &der), RC_LIMIT);
	limits = (struct crl_limits){9, 9 * der.len, der.len - 1};
	assert_int_equal(crls_parse(&crls, buf_span(&der), NULL), RC_LIMIT);
	assert_int_equal(crls.len, 1);
	/* what one gets who says nothing */
	assert_int_equal(crl_default.lists, 256);
	assert_int_equal(crl_default.bytes, 64 << 20);
}

static void
weak_signatures_do_not_count(void **state)
{
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct buf weak BUF_OWNED = finish(new_list(), EVP_sha1());
	struct buf strong BUF_OWNED = finish(new_list(), EVP_sha384());

	assert_int_equal(add(&crls, &weak), RC_OK);
	assert_int_equal(add(&crls, &strong), RC_OK);
	assert_false(crl_is_signed(crls.item[0], root.cert));
	assert_true(crl_is_signed(crls.item[1], root.cert));
}

static void
pss_counts_by_its_digest(void **state)
{
	struct fixture rsa FIXTURE_OWNED = fixture_make(
	    &(struct fixture_spec){.name = "RSA", .key = EVP_RSA_gen(2048)});
	const EVP_MD *const digests[] = {EVP_sha1(), EVP_sha256()};

	for (size_t i = 0; i < 2; i++) {
		X509_CRL *crl = new_list();
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *how = NULL;
		uint8_t *der = NULL;
		struct crls crls CRLS_OWNED = CRLS_NONE;
		assert_int_equal(
		    EVP_DigestSignInit(ctx, &how, digests[i], NULL, rsa.key),
		    1);
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		assert_true(X509_CRL_sign_ctx(crl, ctx) > 0);
		int len = i2d_X509_CRL(crl, &der);
		assert_int_equal(
		    crls_add(&crls, span_of(der, (size_t)len), NULL), RC_OK);
		assert_int_equal(crl_is_signed(crls.item[0], rsa.cert), i == 1);
		OPENSSL_free(der);
		EVP_MD_CTX_free(ctx);
		X509_CRL_free(crl);
	}
}

/* RFC 5280 section 5.3.3. */
static void
an_entrys_issuer_holds_for_those_that_follow(void **state)
{
	struct fixture other FIXTURE_OWNED = fixture_root("Other");
	X509_CRL *crl = new_list();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct crl_entry entry;

	GENERAL_NAME_set0_value(name, GEN_DIRNAME,
	    X509_NAME_dup(X509_get_subject_name(cert_x509(other.cert))));
	sk_GENERAL_NAME_push(names, name);
	(void)add_entry(crl, 1, 0);
	X509_REVOKED_add1_ext_i2d(add_entry(crl, 2, 0), NID_certificate_issuer,
	    names, 1, X509V3_ADD_APPEND);
	(void)add_entry(crl, 3, 0);
	GENERAL_NAMES_free(names);
	struct buf der BUF_OWNED = finish(crl, EVP_sha256());
	assert_int_equal(add(&crls, &der), RC_OK);
	assert_false(crls.item[0]->unknown_critical);
	assert_true(find(&crls, "\1", 1, &root, &entry));
	assert_false(find(&crls, "\1", 1, &other, &entry));
	assert_false(find(&crls, "\2", 1, &root, &entry));
	assert_true(find(&crls, "\2", 1, &other, &entry));
	assert_false(find(&crls, "\3", 1, &root, &entry));
	assert_true(find(&crls, "\3", 1, &other, &entry));
}

static void
lists_are_taken_out_of_pem(void **state)
{
	struct buf der BUF_OWNED = full_list();
	struct crls crls CRLS_OWNED = CRLS_NONE;
	BIO *pem OWNED(BIO_free_all) = BIO_new(BIO_s_mem());
	char *text = NULL;

	for (size_t i = 0; i < 2; i++) {
		PEM_write_bio_X509(pem, cert_x509(root.cert));
		PEM_write_bio(
		    pem, PEM_STRING_X509_CRL, "", der.data, (long)der.len);
	}
	size_t len = (size_t)BIO_get_mem_data(pem, &text);
	assert_int_equal(crls_parse(&crls, span_of(text, len), NULL), RC_OK);
	assert_int_equal(crls.len, 2);
	assert_int_equal(crls_parse(&crls, buf_span(&der), NULL), RC_OK);
	assert_int_equal(crls.len, 3);
	assert_int_equal(
	    crls_parse(&crls, span_str("nothing here"), NULL), RC_ABSENT);
	assert_int_equal(
	    crls_parse(&crls, span_of(text, len - 60), NULL), RC_SYNTAX);
	assert_int_equal(crls.len, 3);
}

static int
begin(void **state)
{
	root = fixture_root("Root");
	return 0;
}

static int
end(void **state)
{
	fixture_done(&root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_is_read),
	    cmocka_unit_test(damaged_lists_are_refused_or_not_signed),
	    cmocka_unit_test(bytes_behind_the_end_are_refused),
	    cmocka_unit_test(critical_extensions_that_nobody_knows_are_noted),
	    cmocka_unit_test(an_extension_twice_is_refused),
	    cmocka_unit_test(there_may_be_64_extensions_and_not_one_more),
	    cmocka_unit_test(a_number_has_20_octets_and_not_one_more),
	    cmocka_unit_test(numbers_are_compared_by_value),
	    cmocka_unit_test(
		there_may_be_so_many_lists_of_so_many_bytes_and_not_one_more),
	    cmocka_unit_test(weak_signatures_do_not_count),
	    cmocka_unit_test(pss_counts_by_its_digest),
	    cmocka_unit_test(an_entrys_issuer_holds_for_those_that_follow),
	    cmocka_unit_test(lists_are_taken_out_of_pem),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
