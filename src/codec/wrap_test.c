#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/expect.h"
#include "codec/wrap.h"

#define HEAD_LEN 32
#define TAG_LEN 16

static const struct wrap_key key = {.bytes = "0123456789abcdef0123456789abcde"};
static const struct wrap_key other_key = {
    .bytes = "1123456789abcdef0123456789abcde"};

static void
what_is_wrapped_comes_back(void **state)
{
	static const size_t lens[] = {0, 1, 15, 16, 17, 1000, 100000};

	for (size_t i = 0; i < COUNT(lens); i++) {
		struct buf clear BUF_OWNED = BUF_SMALL;
		struct buf wrapped BUF_OWNED = BUF_SMALL;
		struct buf back BUF_OWNED = BUF_SECRET(lens[i]);
		for (size_t n = 0; n < lens[i]; n++)
			assert_ok(buf_add_byte(&clear, (uint8_t)n, NULL));
		struct span in EXACT = expect_exact(buf_span(&clear));
		assert_ok(wrap_encode(&key, "a/b", in, &wrapped, NULL));
		assert_int_equal(wrapped.len, HEAD_LEN + lens[i] + TAG_LEN);
		struct span exact EXACT = expect_exact(buf_span(&wrapped));
		assert_ok(wrap_decode(&key, "a/b", exact, &back, NULL));
		assert_bytes(buf_span(&back), in);
	}
}

static void
nothing_of_the_clear_bytes_is_seen_and_no_two_wrappings_are_alike(void **state)
{
	struct buf one BUF_OWNED = BUF_SMALL, two BUF_OWNED = BUF_SMALL;
	struct span clear = span_str("correct horse battery staple");

	assert_ok(wrap_encode(&key, "a", clear, &one, NULL));
	assert_ok(wrap_encode(&key, "a", clear, &two, NULL));
	assert_true(span_starts(buf_span(&one), "LLW1"));
	assert_int_equal(span_find(buf_span(&one), span_str("horse")), -1);
	/* salt, nonce, ciphertext: each differs */
	assert_false(
	    span_is(span_of(one.data + 4, 16), span_of(two.data + 4, 16)));
	assert_false(
	    span_is(span_of(one.data + 20, 12), span_of(two.data + 20, 12)));
	assert_false(span_is(span_of(one.data + HEAD_LEN, clear.len),
	    span_of(two.data + HEAD_LEN, clear.len)));
}

static void
assert_does_not_open(
    const struct wrap_key *with, const char *label, struct span wrapped)
{
	struct buf out BUF_OWNED = BUF_SECRET(1000);
	struct span exact EXACT = expect_exact(wrapped);
	struct err err = ERR_NONE;

	assert_ok(buf_add_str(&out, "before", NULL));
	assert_rc(wrap_decode(with, label, exact, &out, &err), RC_CRYPTO);
	assert_span(buf_span(&out), "before");
	assert_int_not_equal(strlen(err.text), 0);
}

static void
another_key_or_another_label_does_not_open(void **state)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL;

	assert_ok(wrap_encode(
	    &key, "account/password", span_str("secret"), &wrapped, NULL));
	assert_does_not_open(
	    &other_key, "account/password", buf_span(&wrapped));
	assert_does_not_open(&key, "account/passwor", buf_span(&wrapped));
	assert_does_not_open(&key, "account/password2", buf_span(&wrapped));
	assert_does_not_open(&key, "", buf_span(&wrapped));
}

static void
any_changed_bit_is_noticed(void **state)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL;

	assert_ok(wrap_encode(&key, "a", span_str("secret"), &wrapped, NULL));
	for (size_t i = 0; i < wrapped.len * 8; i++) {
		wrapped.data[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_does_not_open(&key, "a", buf_span(&wrapped));
		wrapped.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void
cut_or_lengthened_bytes_are_noticed(void **state)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL;

	assert_ok(wrap_encode(&key, "a", span_str("secret"), &wrapped, NULL));
	for (size_t len = 0; len < wrapped.len; len++)
		assert_does_not_open(
		    &key, "a", span_first(buf_span(&wrapped), len));
	assert_ok(buf_add_byte(&wrapped, 0, NULL));
	assert_does_not_open(&key, "a", buf_span(&wrapped));
}

static void
unproven_bytes_do_not_stay_in_memory(void **state)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF(1000);
	static const uint8_t zero[6];

	assert_ok(wrap_encode(&key, "a", span_str("secret"), &wrapped, NULL));
	wrapped.data[wrapped.len - 1] ^= 1;
	assert_rc(
	    wrap_decode(&key, "a", buf_span(&wrapped), &out, NULL), RC_CRYPTO);
	assert_memory_equal(out.data, zero, sizeof(zero));
}

static void
lengths_are_limited(void **state)
{
	char label[257];
	struct buf out BUF_OWNED = BUF(HEAD_LEN + 6 + TAG_LEN);
	struct buf small BUF_OWNED = BUF(HEAD_LEN + 5 + TAG_LEN);
	struct buf clear BUF_OWNED = BUF(5);
	struct span secret = span_str("secret");
	struct span huge = {(const uint8_t *)"", SIZE_MAX - 40};

	memset(label, 'x', sizeof(label));
	label[256] = '\0';
	assert_rc(wrap_encode(&key, label, secret, &out, NULL), RC_LIMIT);
	label[255] = '\0';
	assert_ok(wrap_encode(&key, label, secret, &out, NULL));
	assert_rc(
	    wrap_decode(&key, label, buf_span(&out), &clear, NULL), RC_LIMIT);
	assert_rc(wrap_encode(&key, "a", secret, &small, NULL), RC_LIMIT);
	assert_rc(wrap_encode(&key, "a", huge, &small, NULL), RC_LIMIT);
	assert_int_equal(small.len, 0);
}

/* HKDF of RFC 5869 from its two HMACs, by another interface of the library
 * than the code uses. */
static void
hkdf(struct span salt, const char *purpose, const char *label, uint8_t ret[32])
{
	struct buf info BUF_OWNED = BUF_SMALL;
	uint8_t extracted[32], zero[32] = {0};

	if (salt.len == 0)
		salt = span_of(zero, sizeof(zero));
	assert_ok(buf_add(&info, span_of(purpose, strlen(purpose) + 1), NULL));
	assert_ok(buf_add_str(&info, label, NULL));
	assert_ok(buf_add_byte(&info, 1, NULL));
	assert_non_null(HMAC(EVP_sha256(), salt.data, (int)salt.len, key.bytes,
	    sizeof(key.bytes), extracted, NULL));
	assert_non_null(HMAC(EVP_sha256(), extracted, sizeof(extracted),
	    info.data, info.len, ret, NULL));
}

static void
the_format_is_the_documented_one(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	uint8_t derived[32], clear[6];
	int len = 0, rest = 0;

	assert_ok(wrap_encode(&key, "a/b", span_str("secret"), &out, NULL));
	hkdf(span_of(out.data + 4, 16), "letterlock wrap v1", "a/b", derived);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL,
			     derived, out.data + 20),
	    1);
	assert_int_equal(
	    EVP_DecryptUpdate(ctx, clear, &len, out.data + HEAD_LEN, 6), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN,
			     out.data + HEAD_LEN + 6),
	    1);
	assert_int_equal(EVP_DecryptFinal_ex(ctx, clear + len, &rest), 1);
	EVP_CIPHER_CTX_free(ctx);
	assert_memory_equal(clear, "secret", 6);
}

static void
a_mac_is_hmac_under_a_key_of_its_own(void **state)
{
	uint8_t derived[32], want[32], got[32];

	hkdf(SPAN_NONE, "letterlock mac v1", "a/b", derived);
	assert_non_null(HMAC(EVP_sha256(), derived, sizeof(derived),
	    (const uint8_t *)"bytes", 5, want, NULL));
	assert_ok(wrap_mac(&key, "a/b", span_str("bytes"), got, NULL));
	assert_memory_equal(got, want, 32);
}

static void
a_mac_depends_on_key_label_and_bytes_and_on_nothing_else(void **state)
{
	uint8_t one[32], two[32];

	assert_ok(wrap_mac(&key, "a", span_str("b"), one, NULL));
	assert_ok(wrap_mac(&key, "a", span_str("b"), two, NULL));
	assert_memory_equal(one, two, 32);
	assert_ok(wrap_mac(&other_key, "a", span_str("b"), two, NULL));
	assert_memory_not_equal(one, two, 32);
	assert_ok(wrap_mac(&key, "b", span_str("b"), two, NULL));
	assert_memory_not_equal(one, two, 32);
	assert_ok(wrap_mac(&key, "a", span_str("a"), two, NULL));
	assert_memory_not_equal(one, two, 32);
	assert_ok(wrap_mac(&key, "a", SPAN_NONE, two, NULL));
	assert_memory_not_equal(one, two, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_wrapped_comes_back),
	    cmocka_unit_test(
		nothing_of_the_clear_bytes_is_seen_and_no_two_wrappings_are_alike),
	    cmocka_unit_test(another_key_or_another_label_does_not_open),
	    cmocka_unit_test(any_changed_bit_is_noticed),
	    cmocka_unit_test(cut_or_lengthened_bytes_are_noticed),
	    cmocka_unit_test(unproven_bytes_do_not_stay_in_memory),
	    cmocka_unit_test(lengths_are_limited),
	    cmocka_unit_test(the_format_is_the_documented_one),
	    cmocka_unit_test(a_mac_is_hmac_under_a_key_of_its_own),
	    cmocka_unit_test(
		a_mac_depends_on_key_label_and_bytes_and_on_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
