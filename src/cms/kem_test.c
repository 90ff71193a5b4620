#include "cms/recipientkit_priv.h"

#include <openssl/kdf.h>

/* --- ML-KEM ----------------------------------------------------------------- */

#define NIST_KEM "\x60\x86\x48\x01\x65\x03\x04\x04"
#define HKDF_SHA256 "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x1c"
#define AES256_WRAP "\x60\x86\x48\x01\x65\x03\x04\x01\x2d"

struct kem_parts {
	const char *name, *kem, *derive, *wrap;
	uint32_t kek_len;
	enum rc check; /* where the library has ML-KEM */
	const char *said;
};

static void
add_oid(struct buf *der, const char *oid)
{
	assert_ok(print_algorithm(der, span_str(oid), false, &kit_err));
}

/* A KEMRecipientInfo that names Alice, whose key is no KEM's. */
static void
print_kem(const struct kem_parts *parts, struct buf *der)
{
	size_t outer, inner;
	const ASN1_OCTET_STRING *id =
	    X509_get0_subject_key_id(cert_x509(alice.cert));

	assert_ok(print_begin(der, PRINT_CONTEXT_OF(4), &outer, &kit_err));
	assert_ok(print_bytes(der, PRINT_OID,
	    span_of("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x0d\x03", 11),
	    &kit_err));
	assert_ok(print_begin(der, PRINT_SEQUENCE, &inner, &kit_err));
	assert_ok(print_number(der, 0, &kit_err));
	assert_ok(print_bytes(der, PRINT_CONTEXT(0),
	    span_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)),
	    &kit_err));
	add_oid(der, parts->kem);
	assert_ok(
	    print_bytes(der, PRINT_OCTETS, span_str("a ciphertext"), &kit_err));
	add_oid(der, parts->derive);
	assert_ok(print_number(der, parts->kek_len, &kit_err));
	add_oid(der, parts->wrap);
	assert_ok(
	    print_bytes(der, PRINT_OCTETS, span_of(content_key, 32), &kit_err));
	assert_ok(print_end(der, inner, &kit_err));
	assert_ok(print_end(der, outer, &kit_err));
}

static void
a_kem_that_we_cannot_open_is_named(void **state)
{
	static const struct kem_parts table[] = {
	    {"768", NIST_KEM "\x02", HKDF_SHA256, AES256_WRAP, 32, RC_CRYPTO,
		"ML-KEM-768"},
	    {"1024", NIST_KEM "\x03", HKDF_SHA256, AES256_WRAP, 32, RC_CRYPTO,
		"ML-KEM-1024"},
	    {"512", NIST_KEM "\x01", HKDF_SHA256, AES256_WRAP, 32, RC_UNFIT,
		NULL},
	    {"another derivation", NIST_KEM "\x02", NIST_KEM "\x02",
		AES256_WRAP, 32, RC_UNFIT, NULL},
	    {"another wrap", NIST_KEM "\x02", HKDF_SHA256, HKDF_SHA256, 32,
		RC_UNFIT, NULL},
	    {"another length", NIST_KEM "\x02", HKDF_SHA256, AES256_WRAP, 16,
		RC_SYNTAX, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf cek BUF_OWNED = BUF_SECRET(64);
		print_message("  %s\n", table[i].name);
		print_kem(&table[i], &der);
		enum rc rc = unwrap(buf_span(&der), &own_alice, 32, &cek);
		assert_rc(rc, HAS_ML_KEM ? table[i].check : RC_UNFIT);
		if (!HAS_ML_KEM && table[i].said != NULL)
			assert_non_null(strstr(kit_err.text, table[i].said));
	}
}

#if HAS_ML_KEM

/* The other side from the pieces of RFC 9629 section 2, with the DER of
 * CMSORIforKEMOtherInfo written out: AES-256 wrap, 32. */
static void
the_key_is_as_the_rfc_says(void **state)
{
	static const char info[] =
	    "\x30\x10\x30\x0b\x06\x09" AES256_WRAP "\x02\x01\x20";
	struct buf der BUF_OWNED = BUF_SMALL;
	struct tlv all, part, ciphertext, wrapped;
	uint8_t secret[32], kek[32], cek[48];
	size_t len = sizeof(secret);
	int cek_len = 0;

	print_form(&forms[12], 32, &der);
	struct span in = buf_span(&der);
	assert_ok(tlv_expect(&in, TLV_CONTEXT_OF(4), &all, &kit_err));
	assert_ok(tlv_next(&all.value, &part, &kit_err));
	assert_ok(tlv_next(&all.value, &part, &kit_err));
	in = part.value;
	for (int i = 0; i < 3; i++)
		assert_ok(tlv_next(&in, &part, &kit_err));
	assert_ok(tlv_next(&in, &ciphertext, &kit_err));
	for (int i = 0; i < 3; i++)
		assert_ok(tlv_next(&in, &part, &kit_err));
	assert_ok(tlv_next(&in, &wrapped, &kit_err));
	assert_int_equal(ciphertext.value.len, 1088);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(kem768.pkey, NULL);
	assert_true_ssl(EVP_PKEY_decapsulate_init(ctx, NULL) == 1);
	assert_true_ssl(EVP_PKEY_decapsulate(ctx, secret, &len,
			    ciphertext.value.data, ciphertext.value.len) == 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	len = sizeof(kek);
	assert_true_ssl(EVP_PKEY_derive_init(ctx) == 1 &&
			EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
			EVP_PKEY_CTX_set1_hkdf_key(ctx, secret, 32) == 1 &&
			EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)info,
			    sizeof(info) - 1) == 1 &&
			EVP_PKEY_derive(ctx, kek, &len) == 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_CIPHER_CTX *wrap = EVP_CIPHER_CTX_new();
	EVP_CIPHER_CTX_set_flags(wrap, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_true_ssl(
	    EVP_DecryptInit_ex(wrap, EVP_aes_256_wrap(), NULL, kek, NULL));
	assert_true_ssl(EVP_DecryptUpdate(
	    wrap, cek, &cek_len, wrapped.value.data, (int)wrapped.value.len));
	EVP_CIPHER_CTX_free(wrap);
	assert_true(
	    span_is(span_of(cek, (size_t)cek_len), span_of(content_key, 32)));
}

#else

static void
the_key_is_as_the_rfc_says(void **state)
{
	skip(); /* this library has no ML-KEM */
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_kem_that_we_cannot_open_is_named),
	    cmocka_unit_test(the_key_is_as_the_rfc_says),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
