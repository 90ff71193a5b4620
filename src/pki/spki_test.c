#include "base/expect.h"
#include "pki/cert_priv.h"
#include "pki/fixture.h"
#include "pki/spki.h"

#include <openssl/core_names.h>

#define DER_LEN_MAX 700

OWNER(X509_NAME, X509_NAME_free);

struct encoded {
	size_t len;
	uint8_t octets[DER_LEN_MAX];
};

static struct encoded
encode(EVP_PKEY *key)
{
	struct encoded made;
	uint8_t *at = made.octets;
	int len = i2d_PUBKEY(key, NULL);

	assert_in_range(len, 1, DER_LEN_MAX);
	assert_int_equal(i2d_PUBKEY(key, &at), len);
	made.len = (size_t)len;
	return made;
}

/* Exactly sized, so that a sanitizer sees one byte too many. */
static EVP_PKEY *
read_by_hand(const uint8_t *octets, size_t len)
{
	uint8_t *exact = malloc(len + 1) + 1;

	memcpy(exact, octets, len);
	EVP_PKEY *key = spki_read(span_of(exact, len));
	free(exact - 1);
	return key;
}

static EVP_PKEY *
read_by_library(const uint8_t *octets, size_t len)
{
	const uint8_t *at = octets;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)len);

	ERR_clear_error();
	return key;
}

/* Those that can be read by hand. */
static EVP_PKEY *
usual_key(size_t i)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};

	if (i < 3)
		return EVP_EC_gen(curves[i]);
	return i == 3 ? EVP_RSA_gen(2048) : i == 4 ? EVP_RSA_gen(3072) : NULL;
}

static void
the_usual_keys_are_read_as_the_library_reads_them(void **state)
{
	size_t count = 0;

	for (EVP_PKEY *made; (made = usual_key(count)) != NULL; count++) {
		struct encoded der = encode(made);
		EVP_PKEY *key OWNED(EVP_PKEY_free) =
		    read_by_hand(der.octets, der.len);
		assert_non_null(key);
		struct encoded again = encode(key);
		assert_bytes(span_of(again.octets, again.len),
		    span_of(der.octets, der.len));
		assert_int_equal(EVP_PKEY_eq(key, made), 1);
		assert_int_equal(
		    EVP_PKEY_get_bits(key), EVP_PKEY_get_bits(made));
		EVP_PKEY_free(made);
	}
	assert_int_equal(count, 5);
}

/* Whatever is read by hand, the library reads too, and the same. */
static size_t
check_same(const uint8_t *octets, size_t len)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = read_by_hand(octets, len);

	if (key == NULL)
		return 0;
	EVP_PKEY *want OWNED(EVP_PKEY_free) = read_by_library(octets, len);
	assert_non_null(want);
	assert_int_equal(EVP_PKEY_eq(key, want), 1);
	return 1;
}

/* Of the numbers only some: each takes the library its time. */
static void
check_bits(struct encoded *der, size_t *read)
{
	for (size_t bit = 0; bit < 8 * der->len; bit += bit < 400 ? 1 : 5) {
		der->octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		*read += check_same(der->octets, der->len);
		der->octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void
damaged_keys_are_not_read_or_as_the_library_reads_them(void **state)
{
	size_t read = 0;

	for (size_t i = 0; i < 4; i++) {
		EVP_PKEY *made OWNED(EVP_PKEY_free) = usual_key(i);
		struct encoded der = encode(made);
		check_bits(&der, &read);
		for (size_t len = 0; len < der.len; len++)
			assert_null(read_by_hand(der.octets, len));
	}
	/* an RSA number with another bit is one, too */
	assert_true(read > 100);
}

static void
a_point_off_its_curve_is_none(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *made OWNED(EVP_PKEY_free) = usual_key(i);
		struct encoded der = encode(made);
		der.octets[der.len - 1] ^= 1;
		assert_null(read_by_hand(der.octets, der.len));
	}
}

/* A key of 2048 bits with something else behind its modulus; low octets of the
 * lengths of what is around it. */
static struct encoded
with_exponent(const char *octets, size_t len)
{
	EVP_PKEY *made OWNED(EVP_PKEY_free) = EVP_RSA_gen(2048);
	struct encoded der = encode(made);
	static const size_t lengths[] = {3, 22, 27};

	/* it ends in 02 03 01 00 01 */
	for (size_t i = 0; i < COUNT(lengths); i++)
		der.octets[lengths[i]] =
		    (uint8_t)(der.octets[lengths[i]] + len - 5);
	memcpy(der.octets + der.len - 5, octets, len);
	der.len += len - 5;
	return der;
}

static void
an_rsa_key_is_read_by_hand_only_if_all_of_it_is_usual(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		bool by_hand;
	} cases[] = {
	    {"\2\3\1\0\1", 5, true},
	    {"\2\1\3", 3, true},
	    {"\2\1\1", 3, false}, /* 1: everybody can sign */
	    {"\2\3\1\0\2", 5, false},
	    {"\2\3\0\0\1", 5, false},
	    {"\2\1\x83", 3, false}, /* negative */
	    {"\2\1\3\2\1\3", 6, false},
	    {"\2\0", 2, false},
	    {"", 0, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct encoded der =
		    with_exponent(cases[i].octets, cases[i].len);
		assert_int_equal(
		    check_same(der.octets, der.len), cases[i].by_hand);
	}
}

static EVP_PKEY *
curve_key(const char *name, const char *encoding, const char *point)
{
	EVP_PKEY *key = EVP_EC_gen(name);

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
			     key, OSSL_PKEY_PARAM_EC_ENCODING, encoding),
	    1);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(key,
			     OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, point),
	    1);
	return key;
}

static EVP_PKEY *
pss_key(void)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	return key;
}

static void
other_keys_are_left_to_the_library(void **state)
{
	EVP_PKEY *const made[] = {
	    curve_key("P-256", "explicit", "uncompressed"),
	    curve_key("P-256", "named_curve", "compressed"),
	    curve_key("P-224", "named_curve", "uncompressed"),
	    curve_key("secp256k1", "named_curve", "uncompressed"),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
	    EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
	    pss_key(),
	};

	struct fixture root FIXTURE_OWNED = fixture_root("Root");
	for (size_t i = 0; i < COUNT(made); i++) {
		assert_non_null(made[i]);
		struct encoded der = encode(made[i]);
		assert_null(read_by_hand(der.octets, der.len));
		/* and it knows them */
		struct fixture cert FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){
			.name = "Other", .issuer = &root, .key = made[i]});
		assert_int_equal(EVP_PKEY_eq(cert_key(cert.cert), made[i]), 1);
	}
}

/* ---- what is around it -------------------------------------------------- */

static void
a_certificate_is_the_same_without_its_key(void **state)
{
	struct fixture made FIXTURE_OWNED = fixture_root("Root");
	uint8_t *der = NULL;

	assert_null(X509_get0_pubkey(cert_x509(made.cert)));
	ERR_clear_error();
	assert_int_equal(EVP_PKEY_eq(cert_key(made.cert), made.key), 1);
	int len = i2d_X509(cert_x509(made.cert), &der);
	assert_bytes(span_of(der, (size_t)len), cert_der(made.cert));
	OPENSSL_free(der);
	X509 *with OWNED(X509_free) = fixture_x509(&made);
	assert_int_equal(
	    X509_get_extension_flags(cert_x509(made.cert)) | EXFLAG_SS,
	    X509_get_extension_flags(with));
}

static void
make_old(X509 *x509)
{
	X509_set_version(x509, X509_VERSION_1);
}

static void
change_issuer(X509 *x509)
{
	X509_NAME *name OWNED(X509_NAME_free) = X509_NAME_new();

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			     (const uint8_t *)"Self", -1, -1, 0),
	    1);
	X509_set_issuer_name(x509, name);
	X509_set_subject_name(x509, name);
}

/* As the library says it of a certificate that has its key. */
static void
who_signs_himself_is_told_as_the_library_tells_it(void **state)
{
	struct fixture root FIXTURE_OWNED = fixture_root("Root");
	const struct fixture_spec specs[] = {
	    {.name = "Root"},
	    {.name = "Old", .change = make_old},
	    {.name = "RSA", .key = EVP_RSA_gen(2048)},
	    {.name = "Signed", .issuer = &root},
	    /* by another kind of key */
	    {.issuer = &root,
		.change = change_issuer,
		.key = EVP_RSA_gen(2048)},
	    /* by another of its kind: the library looks at names only */
	    {.issuer = &root, .change = change_issuer},
	    /* whose key identifier is another's */
	    {.issuer = &root,
		.change = change_issuer,
		.more = {{"subjectKeyIdentifier", "hash"},
		    {"authorityKeyIdentifier", "keyid:always"}}},
	};
	static const bool want[] = {
	    true, true, true, false, false, true, false};

	for (size_t i = 0; i < COUNT(specs); i++) {
		struct fixture made FIXTURE_OWNED = fixture_make(&specs[i]);
		X509 *with OWNED(X509_free) = fixture_x509(&made);
		assert_int_equal(X509_self_signed(with, 0) == 1, want[i]);
		assert_int_equal(made.cert->signs_itself, want[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_usual_keys_are_read_as_the_library_reads_them),
	    cmocka_unit_test(
		damaged_keys_are_not_read_or_as_the_library_reads_them),
	    cmocka_unit_test(a_point_off_its_curve_is_none),
	    cmocka_unit_test(
		an_rsa_key_is_read_by_hand_only_if_all_of_it_is_usual),
	    cmocka_unit_test(other_keys_are_left_to_the_library),
	    cmocka_unit_test(a_certificate_is_the_same_without_its_key),
	    cmocka_unit_test(who_signs_himself_is_told_as_the_library_tells_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
