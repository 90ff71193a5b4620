#include "cms/testkit_priv.h"

#include "cms/cipher_priv.h"
#include "pki/crypto.h"

#define CLOSED "the letter was changed on the way, or not made for this key"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int written[] = {NID_aes_128_gcm, NID_aes_192_gcm, NID_aes_256_gcm,
    NID_chacha20_poly1305, NID_aes_128_cbc, NID_aes_192_cbc, NID_aes_256_cbc};

/* One content, encrypted. */
struct sealed {
	struct buf algorithm, key, bytes, tag;
};

static void
sealed_init(struct sealed *s)
{
	*s = (struct sealed){BUF_SMALL, BUF_SMALL, BUF_SMALL, BUF_SMALL};
}

static void
sealed_done(struct sealed *s)
{
	buf_done(&s->algorithm);
	buf_done(&s->key);
	buf_done(&s->bytes);
	buf_done(&s->tag);
}

#define SEALED __attribute__((cleanup(sealed_done)))

static void
encrypt(const struct cipher *cipher, struct span text, size_t step,
    struct sealed *ret)
{
	struct cipher_run *run OWNED(cipher_run_free) = NULL;

	assert_ok(cipher_encrypt_new(cipher, &run, &kit_err));
	assert_ok(buf_add(&ret->key, cipher_key(run), &kit_err));
	assert_ok(cipher_print_algorithm(run, &ret->algorithm, &kit_err));
	for (; text.len > 0; text = span_after(text, step))
		assert_ok(cipher_push(
		    run, span_first(text, step), &ret->bytes, &kit_err));
	assert_ok(cipher_encrypt_finish(run, &ret->bytes, &ret->tag, &kit_err));
}

static enum rc
decrypt(const struct sealed *s, struct span attributes, size_t step,
    struct buf *out)
{
	char name[CIPHER_NAME_MAX];
	struct cipher_run *run OWNED(cipher_run_free) = NULL;
	struct span in = buf_span(&s->bytes);
	const struct cipher *cipher =
	    cipher_find_algorithm(buf_span(&s->algorithm), name);

	assert_non_null(cipher);
	TRY(cipher_decrypt_new(cipher, buf_span(&s->algorithm),
	    buf_span(&s->key), &run, &kit_err));
	for (; in.len > 0; in = span_after(in, step))
		TRY(cipher_push(run, span_first(in, step), out, &kit_err));
	return cipher_decrypt_finish(
	    run, buf_span(&s->tag), attributes, out, &kit_err);
}

/* 0, 1, 2, ... */
static void
fill(struct buf *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_ok(buf_add_byte(text, (uint8_t)(i * 7), &kit_err));
}

static void
what_is_encrypted_decrypts_in_pieces_of_every_size(void **state)
{
	const size_t lens[] = {0, 1, 15, 16, 17, 32, 33, 100};

	for (size_t i = 0; i < COUNT(written) * COUNT(lens); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		fill(&text, lens[i % COUNT(lens)]);
		for (size_t step = 1; step <= text.len + 1; step++) {
			struct sealed s SEALED;
			struct buf out BUF_OWNED = BUF_SMALL;
			sealed_init(&s);
			encrypt(cipher_find(written[i / COUNT(lens)]),
			    buf_span(&text), step, &s);
			assert_ok(
			    decrypt(&s, SPAN_NONE, text.len + 2 - step, &out));
			assert_true(span_is(buf_span(&out), buf_span(&text)));
		}
	}
}

static void
no_two_contents_have_the_same_key_or_iv(void **state)
{
	for (size_t i = 0; i < COUNT(written); i++) {
		struct sealed a SEALED, b SEALED;
		sealed_init(&a);
		sealed_init(&b);
		encrypt(cipher_find(written[i]), SPAN_NONE, 1, &a);
		encrypt(cipher_find(written[i]), SPAN_NONE, 1, &b);
		assert_false(span_is(buf_span(&a.key), buf_span(&b.key)));
		assert_false(
		    span_is(buf_span(&a.algorithm), buf_span(&b.algorithm)));
	}
}

/* What the library makes of the same algorithm, key and text. */
static void
algorithm_is_what_the_library_reads(void **state)
{
#define AES "2.16.840.1.101.3.4.1."
	/* RFC 3565, 5084 and 8103 */
	const char *const oids[] = {AES "6", AES "26", AES "46",
	    "1.2.840.113549.1.9.16.3.18", AES "2", AES "22", AES "42"};

	for (size_t i = 0; i < COUNT(written); i++) {
		struct sealed s SEALED;
		uint8_t out[64], iv[16];
		char oid[64];
		int len = 0;
		sealed_init(&s);
		encrypt(cipher_find(written[i]), span_str("canary"), 6, &s);
		const uint8_t *at = s.algorithm.data;
		X509_ALGOR *algor =
		    d2i_X509_ALGOR(NULL, &at, (long)s.algorithm.len);
		assert_true_ssl(algor != NULL);
		assert_ptr_equal(at, s.algorithm.data + s.algorithm.len);
		OBJ_obj2txt(oid, sizeof(oid), algor->algorithm, 1);
		assert_string_equal(oid, oids[i]);
		bool gcm = algor->parameter->type == V_ASN1_SEQUENCE;
		const ASN1_STRING *value = algor->parameter->value.asn1_string;
		/* SEQUENCE { OCTET STRING, INTEGER 16 } or OCTET STRING */
		memcpy(iv, value->data + (gcm ? 4 : 0),
		    gcm ? 12U : (size_t)value->length);
		if (gcm)
			assert_memory_equal(value->data + 16, "\2\1\20", 3);
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
		assert_true_ssl(EVP_EncryptInit_ex(ctx,
		    EVP_get_cipherbyname(written[i] == NID_chacha20_poly1305
					     ? "ChaCha20-Poly1305"
					     : OBJ_nid2sn(written[i])),
		    NULL, s.key.data, iv));
		assert_true_ssl(EVP_EncryptUpdate(
		    ctx, out, &len, (const uint8_t *)"canary", 6));
		size_t sum = (size_t)len;
		assert_true_ssl(EVP_EncryptFinal_ex(ctx, out + len, &len));
		assert_true(span_is(
		    buf_span(&s.bytes), span_of(out, sum + (size_t)len)));
		EVP_CIPHER_CTX_free(ctx);
		X509_ALGOR_free(algor);
	}
}

static void
add_hex(struct buf *out, const char *hex)
{
	long len = 0;

	if (*hex == '\0')
		return;
	uint8_t *bytes = OPENSSL_hexstr2buf(hex, &len);
	assert_true_ssl(bytes != NULL);
	assert_ok(buf_add(out, span_of(bytes, (size_t)len), &kit_err));
	OPENSSL_free(bytes);
}

/* Test case 16 of the GCM specification: 20 bytes of AAD, which we hand over
 * behind the content. */
static void
gcm_opens_the_published_test_case(void **state)
{
	struct sealed s SEALED;
	struct buf out BUF_OWNED = BUF_SMALL, want BUF_OWNED = BUF_SMALL;
	struct buf aad BUF_OWNED = BUF_SMALL;

	sealed_init(&s);
	add_hex(&s.key, "feffe9928665731c6d6a8f9467308308"
			"feffe9928665731c6d6a8f9467308308");
	add_hex(&s.algorithm, "301e060960864801650304012e3011"
			      "040ccafebabefacedbaddecaf888020110");
	add_hex(&s.bytes, "522dc1f099567d07f47f37a32a84427d"
			  "643a8cdcbfe5c0c97598a2bd2555d1aa"
			  "8cb08e48590dbb3da7b08b1056828838"
			  "c5f61e6393ba7a0abcc9f662");
	add_hex(&s.tag, "76fc6ece0f4e1768cddf8853bb2d551b");
	add_hex(&aad, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
	add_hex(&want, "d9313225f88406e5a55909c5aff5269a"
		       "86a7a9531534f7da2e4c303d8a318a72"
		       "1c3c0c95956809532fcf0e2449a6b525"
		       "b16aedf5aa0de657ba637b39");
	assert_ok(decrypt(&s, buf_span(&aad), 9, &out));
	assert_true(span_is(buf_span(&out), buf_span(&want)));
}

/* With the attributes before the content, as the library wants them. */
static void
encrypt_with_aad(const EVP_CIPHER *evp, struct span text, struct span aad,
    size_t nonce_len, size_t tag_len, struct sealed *ret)
{
	const uint8_t lasts[] = {0x06, 0x1a, 0x2e};
	uint8_t out[256], tag[16], nonce[16] = {1, 2, 3, 4};
	int len = 0;
	size_t key_len = (size_t)EVP_CIPHER_get_key_length(evp);
	uint8_t head[] = {0x30, (uint8_t)(18 + nonce_len), 6, 9, 0x60, 0x86,
	    0x48, 1, 0x65, 3, 4, 1, lasts[key_len / 8 - 2], 0x30,
	    (uint8_t)(5 + nonce_len), 4, (uint8_t)nonce_len};
	const uint8_t tail[] = {2, 1, (uint8_t)tag_len};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	fill(&ret->key, key_len);
	assert_ok(
	    buf_add(&ret->algorithm, span_of(head, sizeof(head)), &kit_err));
	assert_ok(
	    buf_add(&ret->algorithm, span_of(nonce, nonce_len), &kit_err));
	assert_ok(buf_add(&ret->algorithm, span_of(tail, 3), &kit_err));
	assert_true_ssl(EVP_EncryptInit_ex(ctx, evp, NULL, NULL, NULL));
	assert_true_ssl(EVP_CIPHER_CTX_ctrl(
	    ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce_len, NULL));
	assert_true_ssl(
	    EVP_EncryptInit_ex(ctx, NULL, NULL, ret->key.data, nonce));
	assert_true_ssl(
	    EVP_EncryptUpdate(ctx, NULL, &len, aad.data, (int)aad.len));
	assert_true_ssl(
	    EVP_EncryptUpdate(ctx, out, &len, text.data, (int)text.len));
	assert_ok(buf_add(&ret->bytes, span_of(out, text.len), &kit_err));
	assert_true_ssl(EVP_EncryptFinal_ex(ctx, out, &len));
	assert_true_ssl(
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	assert_ok(buf_add(&ret->tag, span_of(tag, tag_len), &kit_err));
	EVP_CIPHER_CTX_free(ctx);
}

static void
check_attributes(size_t text_len, size_t aad_len, size_t turn)
{
	const EVP_CIPHER *const evp[] = {
	    EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm()};
	struct buf text BUF_OWNED = BUF_SMALL, aad BUF_OWNED = BUF_SMALL;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct sealed s SEALED;

	sealed_init(&s);
	fill(&text, text_len);
	fill(&aad, aad_len);
	encrypt_with_aad(evp[turn % 3], buf_span(&text), buf_span(&aad),
	    12 + turn % 5, 12 + turn % 4 + turn % 2, &s);
	assert_ok(decrypt(&s, buf_span(&aad), 1 + turn % 40, &out));
	assert_true(span_is(buf_span(&out), buf_span(&text)));
	aad.data[turn % aad_len] ^= (uint8_t)(1 << turn % 8);
	assert_rc(decrypt(&s, buf_span(&aad), 99, &out), RC_CRYPTO);
	aad.data[turn % aad_len] ^= (uint8_t)(1 << turn % 8);
	assert_rc(
	    decrypt(&s, span_first(buf_span(&aad), aad_len - 1), 99, &out),
	    RC_CRYPTO);
	s.tag.data[turn % s.tag.len] ^= (uint8_t)(1 << turn % 8);
	assert_rc(decrypt(&s, buf_span(&aad), 99, &out), RC_CRYPTO);
	assert_string_equal(kit_err.text, CLOSED);
}

static void
attributes_behind_the_content_are_authenticated(void **state)
{
	size_t turn = 0;

	for (size_t text_len = 0; text_len <= 65; text_len++)
		for (size_t aad_len = 1; aad_len <= 49; aad_len += 3)
			check_attributes(text_len, aad_len, turn++);
}

static void
attributes_are_authenticated_in_a_second_pass(void **state)
{
	struct sealed s SEALED;
	char name[CIPHER_NAME_MAX];
	struct cipher_run *run OWNED(cipher_run_free) = NULL;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct span aad = span_str("attributes");

	sealed_init(&s);
	encrypt_with_aad(
	    EVP_aes_128_gcm(), span_str("The canary"), aad, 12, 16, &s);
	assert_ok(cipher_decrypt_new(
	    cipher_find_algorithm(buf_span(&s.algorithm), name),
	    buf_span(&s.algorithm), buf_span(&s.key), &run, &kit_err));
	for (int pass = 0; pass < 2; pass++) {
		assert_ok(cipher_push(run, buf_span(&s.bytes), &out, &kit_err));
		assert_ok(cipher_decrypt_finish(
		    run, buf_span(&s.tag), aad, &out, &kit_err));
		assert_ok(cipher_decrypt_again(run, &kit_err));
	}
	assert_true(span_is(buf_span(&out), span_str("The canaryThe canary")));
}

static void
attributes_with_chacha20_are_named(void **state)
{
	struct sealed s SEALED;
	struct buf out BUF_OWNED = BUF_SMALL;

	sealed_init(&s);
	encrypt(cipher_find(NID_chacha20_poly1305), span_str("x"), 1, &s);
	assert_rc(decrypt(&s, span_str("1"), 1, &out), RC_UNFIT);
	assert_non_null(strstr(kit_err.text, "chacha20-poly1305"));
}

static void
any_change_ends_in_the_same_words(void **state)
{
	for (size_t i = 0; i < COUNT(written); i++) {
		struct sealed s SEALED;
		bool aead = cipher_find(written[i])->aead;
		sealed_init(&s);
		encrypt(cipher_find(written[i]), span_str("0123456789"), 9, &s);
		for (size_t bit = 0; bit < 8 * s.bytes.len; bit++) {
			struct buf out BUF_OWNED = BUF_SMALL;
			s.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			enum rc rc = decrypt(&s, SPAN_NONE, 7, &out);
			s.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			/* CBC: once in 256 the padding looks right */
			if (rc == RC_OK && !aead)
				continue;
			assert_rc(rc, RC_CRYPTO);
			assert_string_equal(kit_err.text, CLOSED);
		}
	}
}

static void
cut_or_badly_padded_cbc_ends_in_the_same_words(void **state)
{
	struct sealed s SEALED;

	sealed_init(&s);
	encrypt(cipher_find(NID_aes_128_cbc), span_str("0123456789"), 9, &s);
	for (size_t cut = 1; cut <= s.bytes.len; cut++) {
		struct sealed shorter = s;
		struct buf out BUF_OWNED = BUF_SMALL;
		shorter.bytes.len -= cut;
		assert_rc(decrypt(&shorter, SPAN_NONE, 7, &out), RC_CRYPTO);
		assert_string_equal(kit_err.text, CLOSED);
	}
	/* the IV is XORed onto the only block: its last byte is the padding's
	 * length, 6 here */
	uint8_t *last = &s.algorithm.data[s.algorithm.len - 1];
	for (unsigned flip = 1; flip < 256; flip++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		*last ^= (uint8_t)flip;
		enum rc rc = decrypt(&s, SPAN_NONE, 7, &out);
		*last ^= (uint8_t)flip;
		if ((6 ^ flip) == 1) /* a padding of one byte */
			assert_ok(rc);
		else
			assert_rc(rc, RC_CRYPTO);
	}
}

static void
triple_des_is_for_reading_only(void **state)
{
	struct cipher_run *run = NULL;
	struct sealed s SEALED;
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_rc(
	    cipher_encrypt_new(cipher_find(NID_des_ede3_cbc), &run, &kit_err),
	    RC_UNFIT);
	assert_null(run);
	sealed_init(&s);
	/* openssl enc -des-ede3-cbc -K 00..17 -iv 0001020304050607 */
	for (int i = 0; i < 24; i++)
		assert_ok(buf_add_byte(&s.key, (uint8_t)i, &kit_err));
	add_hex(&s.algorithm, "301406082a864886f70d030704080001020304050607");
	kit_write("plain", span_str("The canary sings at noon.\n"));
	assert_int_equal(
	    kit_openssl("enc -des-ede3-cbc -in plain -out des -K "
			"000102030405060708090a0b0c0d0e0f1011121314151617 -iv "
			"0001020304050607"),
	    0);
	kit_read("des", &s.bytes);
	assert_ok(decrypt(&s, SPAN_NONE, 5, &out));
	assert_true(
	    span_is(buf_span(&out), span_str("The canary sings at noon.\n")));
}

static void
a_second_pass_yields_the_same(void **state)
{
	for (size_t i = 0; i < COUNT(written); i++) {
		struct sealed s SEALED;
		struct cipher_run *run OWNED(cipher_run_free) = NULL;
		const struct cipher *cipher = cipher_find(written[i]);
		sealed_init(&s);
		encrypt(cipher, span_str("The canary sings."), 9, &s);
		assert_ok(cipher_decrypt_new(cipher, buf_span(&s.algorithm),
		    buf_span(&s.key), &run, &kit_err));
		for (int pass = 0; pass < 3; pass++) {
			struct buf out BUF_OWNED = BUF_SMALL;
			assert_ok(cipher_push(
			    run, buf_span(&s.bytes), &out, &kit_err));
			if (pass == 1) { /* given up half-way */
				assert_ok(cipher_decrypt_again(run, &kit_err));
				continue;
			}
			assert_ok(cipher_decrypt_finish(
			    run, buf_span(&s.tag), SPAN_NONE, &out, &kit_err));
			assert_true(span_is(
			    buf_span(&out), span_str("The canary sings.")));
			assert_ok(cipher_decrypt_again(run, &kit_err));
		}
	}
}

#define GCM "0609608648016503040106"
#define CBC "0609608648016503040102"
#define CHACHA "060b2a864886f70d0109100312"

static void
parameters_that_a_cipher_cannot_have_are_refused(void **state)
{
	const struct {
		const char *hex;
		bool good;
	} table[] = {
	    {"301e" GCM "3011040c000102030405060708090a0b020110", true},
	    {"301e" GCM "3011040c000102030405060708090a0b02010c", true},
	    {"301b" GCM "300e040c000102030405060708090a0b", true},
	    {"301d" GCM "3010040b000102030405060708090a020110", false},
	    {"3022" GCM "30150410000102030405060708090a0b0c0d0e0f020110", true},
	    {"3023" GCM "30160411000102030405060708090a0b0c0d0e0f10020110",
		false},
	    {"301e" GCM "3011040c000102030405060708090a0b02010b", false},
	    {"301e" GCM "3011040c000102030405060708090a0b020111", false},
	    {"301e" GCM "3011040c000102030405060708090a0b020190", false},
	    {"301f" GCM "3012040c000102030405060708090a0b02020010", false},
	    {"3020" GCM "3013040c000102030405060708090a0b0201100500", false},
	    {"3020" GCM "3011040c000102030405060708090a0b0201100500", false},
	    {"3019" GCM "040c000102030405060708090a0b", false},
	    {"300d" GCM "0500", false},
	    {"300d" GCM "3000", false},
	    {"300b" GCM, false},
	    {"301d" CBC "0410000102030405060708090a0b0c0d0e0f", true},
	    {"301c" CBC "040f000102030405060708090a0b0c0d0e", false},
	    {"301e" CBC "0411000102030405060708090a0b0c0d0e0f10", false},
	    {"301f" CBC "0410000102030405060708090a0b0c0d0e0f0500", false},
	    {"300d" CBC "0400", false},
	    {"300b" CBC, false},
	    {"301b" CHACHA "040c000102030405060708090a0b", true},
	    {"301a" CHACHA "040b000102030405060708090a", false},
	    {"301f" CHACHA "0410000102030405060708090a0b0c0d0e0f", false},
	};
	uint8_t key[32] = {0};
	char name[CIPHER_NAME_MAX];

	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct cipher_run *run OWNED(cipher_run_free) = NULL;
		add_hex(&der, table[i].hex);
		const struct cipher *cipher =
		    cipher_find_algorithm(buf_span(&der), name);
		if (cipher == NULL)
			fail_msg("row %zu: %s", i, name);
		enum rc rc = cipher_decrypt_new(cipher, buf_span(&der),
		    span_of(key, cipher->key_len), &run, &kit_err);
		if (rc != (table[i].good ? RC_OK : RC_SYNTAX))
			fail_msg("row %zu: %s", i, rc_name(rc));
	}
}

static void
a_tag_of_another_length_is_refused(void **state)
{
	struct sealed s SEALED;

	sealed_init(&s);
	encrypt(cipher_find(NID_aes_128_gcm), span_str("x"), 1, &s);
	for (size_t len = 0; len < 16; len++) {
		struct sealed shorter = s;
		struct buf out BUF_OWNED = BUF_SMALL;
		shorter.tag.len = len;
		assert_rc(decrypt(&shorter, SPAN_NONE, 1, &out), RC_SYNTAX);
	}
}

static void
what_is_unknown_is_named(void **state)
{
	const struct {
		const char *hex, *name;
	} table[] = {
	    {"301f060b2a83088c9a4b3d0101010404"
	     "10000102030405060708090a0b0c0d0e0f",
		"camellia-256-cbc"},
	    {"300506032a0304", "1.2.3.4"},
	    {"300206", "unnamed"},
	    {"", "unnamed"},
	    {"30020600", "unnamed"},
	    {"3004060180", "unnamed"},
	};
	char name[CIPHER_NAME_MAX];

	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		add_hex(&der, table[i].hex);
		assert_null(cipher_find_algorithm(buf_span(&der), name));
		if (strcasecmp(name, table[i].name) != 0)
			fail_msg("row %zu: %s", i, name);
	}
	assert_null(cipher_find(NID_camellia_256_cbc));
}

static void
an_aead_bears_no_more_than_its_limit(void **state)
{
	struct cipher_run *run OWNED(cipher_run_free) = NULL;
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_ok(
	    cipher_encrypt_new(cipher_find(NID_aes_128_gcm), &run, &kit_err));
	assert_ok(cipher_push(run, span_str("12345"), &out, &kit_err));
	/* one byte more than there can be; none of it is looked at */
	assert_rc(cipher_push(run, span_of("", ((size_t)1 << 36) - 32 - 5 + 1),
		      &out, &kit_err),
	    RC_LIMIT);
	assert_non_null(strstr(kit_err.text, "aes-128-gcm"));
	assert_rc(
	    cipher_push(run, span_of("", SIZE_MAX), &out, &kit_err), RC_LIMIT);
}

static int
setup(void **state)
{
	kit_enter();
	return 0;
}

static int
teardown(void **state)
{
	kit_leave();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_is_encrypted_decrypts_in_pieces_of_every_size),
	    cmocka_unit_test(no_two_contents_have_the_same_key_or_iv),
	    cmocka_unit_test(algorithm_is_what_the_library_reads),
	    cmocka_unit_test(gcm_opens_the_published_test_case),
	    cmocka_unit_test(attributes_behind_the_content_are_authenticated),
	    cmocka_unit_test(attributes_are_authenticated_in_a_second_pass),
	    cmocka_unit_test(attributes_with_chacha20_are_named),
	    cmocka_unit_test(any_change_ends_in_the_same_words),
	    cmocka_unit_test(cut_or_badly_padded_cbc_ends_in_the_same_words),
	    cmocka_unit_test(triple_des_is_for_reading_only),
	    cmocka_unit_test(a_second_pass_yields_the_same),
	    cmocka_unit_test(parameters_that_a_cipher_cannot_have_are_refused),
	    cmocka_unit_test(a_tag_of_another_length_is_refused),
	    cmocka_unit_test(what_is_unknown_is_named),
	    cmocka_unit_test(an_aead_bears_no_more_than_its_limit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
