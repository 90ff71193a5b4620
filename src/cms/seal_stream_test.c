#include "cms/sealkit_priv.h"

/* --- the structure ---------------------------------------------------------- */

struct parts {
	uint32_t version;
	size_t chunks, whole_chunks, content, readers;
};

/* What is inside of the ContentInfo; fails on anything else. */
static struct parts
take_apart(struct span der)
{
	struct parts parts = {0};
	struct tlv tlv, content, piece;

	assert_ok(tlv_expect(&der, TLV_SEQUENCE, &tlv, &kit_err));
	assert_int_equal(der.len, 0);
	struct span in = tlv.value;
	assert_ok(tlv_expect(&in, TLV_OID, &tlv, &kit_err));
	assert_ok(tlv_expect(&in, TLV_CONTEXT_OF(0), &tlv, &kit_err));
	in = tlv.value;
	assert_ok(tlv_expect(&in, TLV_SEQUENCE, &tlv, &kit_err));
	in = tlv.value;
	assert_ok(tlv_number(&in, 9, &parts.version, &kit_err));
	assert_ok(tlv_expect(&in, TLV_SET, &tlv, &kit_err));
	while (tlv.value.len > 0) {
		assert_ok(tlv_next(&tlv.value, &piece, &kit_err));
		parts.readers++;
	}
	assert_ok(tlv_expect(&in, TLV_SEQUENCE, &content, &kit_err));
	in = content.value;
	assert_ok(tlv_expect(&in, TLV_OID, &tlv, &kit_err));
	assert_ok(tlv_expect(&in, TLV_SEQUENCE, &tlv, &kit_err));
	assert_ok(tlv_expect(&in, TLV_CONTEXT_OF(0), &tlv, &kit_err));
	assert_int_equal(in.len, 0);
	while (tlv.value.len > 0) {
		assert_ok(tlv_expect(&tlv.value, TLV_OCTETS, &piece, &kit_err));
		parts.chunks++;
		parts.content += piece.value.len;
		parts.whole_chunks += piece.value.len == 65536;
	}
	return parts;
}

static void
the_version_is_as_its_recipients_want_it(void **state)
{
	static const struct {
		struct target first, second;
		uint32_t want;
	} table[] = {
	    {{"", &rsa, {0}, NULL, NULL}, {0}, 0},
	    {{"", &rsa, {0}, NULL, NULL}, {"", &alice, {0}, NULL, NULL}, 2},
	    {{"", &rsa, {.by_key_id = true}, NULL, NULL}, {0}, 2},
	    {{"", NULL, {0}, "0123456789abcdef", NULL}, {0}, 2},
	    {{"", NULL, {0}, NULL, "x"}, {"", &alice, {0}, NULL, NULL}, 3},
	    {{"", &rsa, {0}, NULL, NULL}, {"", NULL, {0}, NULL, "x"}, 3},
	};

	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(*table); i++) {
		struct seal *seal OWNED(seal_free) = NULL;
		struct buf der BUF_OWNED = BUF_SMALL;
		bool aead = i % 2 == 1;
		assert_ok(seal_new(
		    aead ? SEAL_AES128_GCM : SEAL_AES128_CBC, &seal, &kit_err));
		add_target(seal, &table[i / 2].first);
		add_target(seal, &table[i / 2].second);
		assert_ok(seal_finish(seal, &der, &kit_err));
		assert_int_equal(take_apart(buf_span(&der)).version,
		    aead ? 0 : table[i / 2].want);
	}
}

static void
the_chunks_do_not_depend_on_the_pushes(void **state)
{
	static const size_t steps[] = {
	    1000, 65535, 65536, 65537, 100000, (size_t)1 << 20};
	static const enum seal_cipher ciphers[] = {
	    SEAL_AES256_GCM, SEAL_AES256_CBC, SEAL_CHACHA20_POLY1305};
	size_t len = 5 * 65536 + 77;
	uint8_t *bytes = calloc(1, len);

	for (size_t i = 0; i < 3 * sizeof(steps) / sizeof(*steps); i++) {
		struct seal *seal OWNED(seal_free) = NULL;
		struct buf der BUF_OWNED = BUF((size_t)8 << 20);
		size_t step = steps[i / 3];
		assert_ok(seal_new(ciphers[i % 3], &seal, &kit_err));
		assert_ok(seal_add(seal, alice.cert, &kit_err));
		for (struct span in = span_of(bytes, len); in.len > 0;
		     in = span_after(in, step))
			assert_ok(seal_push(
			    seal, span_first(in, step), &der, &kit_err));
		assert_ok(seal_finish(seal, &der, &kit_err));
		struct parts parts = take_apart(buf_span(&der));
		assert_int_equal(parts.whole_chunks, 5);
		assert_int_equal(parts.chunks, 6);
		assert_int_equal(
		    parts.content, i % 3 == 1 ? len + 16 - len % 16 : len);
	}
	free(bytes);
}

/* Everything around a chunk's end, opened by openssl. */
static void
every_length_around_a_chunk_survives(void **state)
{
	static const size_t lens[] = {
	    65535, 65536, 65537, 131071, 131072, 131073};
	uint8_t *bytes = malloc(131073);

	for (size_t i = 0; i < 131073; i++)
		bytes[i] = (uint8_t)(i * 11 + i / 253);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		check_with_openssl(
		    SEAL_AES256_CBC, span_of(bytes, lens[i]), 40000);
		check_with_openssl(
		    SEAL_AES256_GCM, span_of(bytes, lens[i]), 70000);
	}
	free(bytes);
}

static size_t
resident(void)
{
	size_t unused, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &unused, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void
memory_does_not_depend_on_the_length(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;
	struct buf der BUF_OWNED = BUF((size_t)2 << 20);
	size_t len = (size_t)1 << 20, total = 0, before = 0;
	uint8_t *bytes = calloc(1, len);

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	assert_ok(seal_add(seal, alice.cert, &kit_err));
	for (int i = 0; i < 300; i++) {
		if (i == 3)
			before = resident();
		/* never quite a chunk */
		assert_ok(seal_push(
		    seal, span_of(bytes, len - (size_t)i), &der, &kit_err));
		total += der.len;
		buf_clear(&der);
	}
	size_t after = resident();
	assert_ok(seal_finish(seal, &der, &kit_err));
	assert_true(total > (size_t)299 << 20);
	if (after > before && after - before >= (size_t)1 << 20)
		fail_msg("grew by %zu bytes", after - before);
	free(bytes);
}

/* The caller has taken what was ready; it may not come again. */
static void
a_failure_takes_back_what_the_call_wrote(void **state)
{
	struct seal *seal OWNED(seal_free) = NULL;
	struct buf der BUF_OWNED = BUF((size_t)100 << 10);
	uint8_t *bytes = calloc(1, (size_t)200 << 10);

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	assert_ok(seal_add(seal, alice.cert, &kit_err));
	assert_ok(seal_push(seal, span_of(bytes, 1000), &der, &kit_err));
	size_t len = der.len;
	assert_rc(
	    seal_push(seal, span_of(bytes, (size_t)200 << 10), &der, &kit_err),
	    RC_LIMIT);
	assert_int_equal(der.len, len);
	assert_rc(
	    seal_push(seal, span_of(bytes, 1), &der, &kit_err), RC_CRYPTO);
	assert_rc(seal_finish(seal, &der, &kit_err), RC_CRYPTO);
	assert_int_equal(der.len, len);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_version_is_as_its_recipients_want_it),
	    cmocka_unit_test(the_chunks_do_not_depend_on_the_pushes),
	    cmocka_unit_test(every_length_around_a_chunk_survives),
	    cmocka_unit_test(memory_does_not_depend_on_the_length),
	    cmocka_unit_test(a_failure_takes_back_what_the_call_wrote),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
