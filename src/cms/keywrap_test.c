#include "cms/testkit_priv.h"

#include "cms/keywrap_priv.h"
#include "cms/print_priv.h"

/* RFC 3394 section 4: the key encryption key is 00 01 02 ..., the key 00 11
 * 22 ... ff and again from 00. */
static const struct {
	const char *name;
	size_t kek_len, key_len;
	const uint8_t want[40];
} table[] = {
    {"4.1", 16, 16,
	{0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47, 0xae, 0xf3, 0x4b, 0xd8,
	    0xfb, 0x5a, 0x7b, 0x82, 0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf,
	    0xe5}},
    {"4.2", 24, 16,
	{0x96, 0x77, 0x8b, 0x25, 0xae, 0x6c, 0xa4, 0x35, 0xf9, 0x2b, 0x5b, 0x97,
	    0xc0, 0x50, 0xae, 0xd2, 0x46, 0x8a, 0xb8, 0xa1, 0x7a, 0xd8, 0x4e,
	    0x5d}},
    {"4.3", 32, 16,
	{0x64, 0xe8, 0xc3, 0xf9, 0xce, 0x0f, 0x5b, 0xa2, 0x63, 0xe9, 0x77, 0x79,
	    0x05, 0x81, 0x8a, 0x2a, 0x93, 0xc8, 0x19, 0x1e, 0x7d, 0x6e, 0x8a,
	    0xe7}},
};

static void
fill(uint8_t kek[32], uint8_t key[32])
{
	for (size_t i = 0; i < 32; i++) {
		kek[i] = (uint8_t)i;
		key[i] = (uint8_t)(i % 16 * 0x11);
	}
}

static void
it_wraps_as_its_rfc_says(void **state)
{
	uint8_t kek[32], key[32];

	fill(kek, key);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct buf back BUF_OWNED = BUF_SECRET(64);
		const struct keywrap *wrap = keywrap_of_size(table[i].kek_len);
		assert_ok(keywrap_wrap(
		    wrap, kek, span_of(key, table[i].key_len), &out, &kit_err));
		if (!span_is(buf_span(&out),
			span_of(table[i].want, table[i].key_len + 8)))
			fail_msg("%s", table[i].name);
		assert_ok(
		    keywrap_unwrap(wrap, kek, buf_span(&out), &back, &kit_err));
		assert_true(
		    span_is(buf_span(&back), span_of(key, table[i].key_len)));
	}
}

static int
library_wraps(
    const uint8_t *kek, size_t kek_len, struct span key, uint8_t out[80])
{
	const EVP_CIPHER *cipher = kek_len == 16   ? EVP_aes_128_wrap()
				   : kek_len == 24 ? EVP_aes_192_wrap()
						   : EVP_aes_256_wrap();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_true_ssl(EVP_EncryptInit_ex(ctx, cipher, NULL, kek, NULL));
	assert_true_ssl(
	    EVP_EncryptUpdate(ctx, out, &len, key.data, (int)key.len));
	EVP_CIPHER_CTX_free(ctx);
	return len;
}

static void
it_wraps_as_the_library_does(void **state)
{
	uint8_t kek[32], key[64], want[80];

	for (size_t kek_len = 16; kek_len <= 32; kek_len += 8)
		for (size_t len = 16; len <= 64; len += 8) {
			struct buf out BUF_OWNED = BUF_SMALL;
			assert_true_ssl(RAND_bytes(kek, 32));
			assert_true_ssl(RAND_bytes(key, 64));
			int want_len = library_wraps(
			    kek, kek_len, span_of(key, len), want);
			assert_ok(keywrap_wrap(keywrap_of_size(kek_len), kek,
			    span_of(key, len), &out, &kit_err));
			assert_true(span_is(
			    buf_span(&out), span_of(want, (size_t)want_len)));
		}
}

static void
any_bit_changed_is_seen(void **state)
{
	uint8_t kek[32], key[32];
	struct buf out BUF_OWNED = BUF_SMALL, back BUF_OWNED = BUF_SECRET(64);
	const struct keywrap *wrap = keywrap_of_size(32);

	fill(kek, key);
	assert_ok(keywrap_wrap(wrap, kek, span_of(key, 32), &out, &kit_err));
	for (size_t bit = 0; bit < 8 * out.len; bit++) {
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_rc(
		    keywrap_unwrap(wrap, kek, buf_span(&out), &back, &kit_err),
		    RC_CRYPTO);
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	kek[31] ^= 1;
	assert_rc(keywrap_unwrap(wrap, kek, buf_span(&out), &back, &kit_err),
	    RC_CRYPTO);
	assert_int_equal(back.len, 0);
}

static void
other_lengths_are_none(void **state)
{
	uint8_t kek[32] = {0}, bytes[100] = {0};
	struct buf back BUF_OWNED = BUF_SECRET(128);

	for (size_t len = 0; len <= sizeof(bytes); len++)
		assert_rc(keywrap_unwrap(keywrap_of_size(32), kek,
			      span_of(bytes, len), &back, &kit_err),
		    RC_CRYPTO);
	assert_null(keywrap_of_size(0));
	assert_null(keywrap_of_size(17));
	assert_null(keywrap_of_size(64));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_wraps_as_its_rfc_says),
	    cmocka_unit_test(it_wraps_as_the_library_does),
	    cmocka_unit_test(any_bit_changed_is_seen),
	    cmocka_unit_test(other_lengths_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
