/* The content in the signature, as a stream: openssl reads what we write. */
#include "cms/verifykit_priv.h"

#define CHUNK ((size_t)64 * 1024)

/* Bytes that do not repeat soon. */
static void
fill(struct buf *text, size_t len)
{
	uint32_t turn = 1;

	for (size_t i = 0; i < len; i++) {
		turn = turn * 1664525 + 1013904223;
		assert_ok(buf_add_byte(text, (uint8_t)(turn >> 24), &kit_err));
	}
}

static void
sign_opaque(
    const struct person *who, struct span text, size_t step, struct buf *out)
{
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(sign_new(&who->identity, WHEN, &sign, &kit_err));
	assert_ok(sign_start_opaque(sign, out, &kit_err));
	for (; text.len > 0; text = span_after(text, step))
		assert_ok(sign_push_opaque(
		    sign, span_first(text, step), out, &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, out, &kit_err));
}

static void
openssl_reads_contents_of_every_length(void **state)
{
	const size_t lengths[] = {
	    0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 77};
	const size_t steps[] = {1000, CHUNK, CHUNK + 1, SIZE_MAX};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		fill(&text, lengths[i]);
		kit_write("text", buf_span(&text));
		struct buf out BUF_OWNED = BUF_SMALL;
		sign_opaque(&alice, buf_span(&text), steps[i % 4], &out);
		kit_write("sig", buf_span(&out));
		assert_int_equal(
		    kit_openssl("cms -verify -binary -inform DER -in sig "
				"-CAfile root.crt -purpose any -out out"),
		    0);
		struct buf got BUF_OWNED = BUF_SMALL;
		kit_read("out", &got);
		assert_true(span_is(buf_span(&got), buf_span(&text)));
	}
}

static void
the_pieces_it_comes_in_do_not_matter(void **state)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct buf first BUF_OWNED = BUF_SMALL;
	const size_t steps[] = {1, 7, 4096, CHUNK - 1, CHUNK, 2 * CHUNK};

	fill(&text, 2 * CHUNK + 100);
	sign_opaque(&rsa, buf_span(&text), SIZE_MAX, &first);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		sign_opaque(&rsa, buf_span(&text), steps[i], &out);
		/* RSA v1.5 signs the same way twice */
		assert_true(span_is(buf_span(&out), buf_span(&first)));
	}
}

static void
what_comes_out_is_ready_to_go(void **state)
{
	struct buf out BUF_OWNED = BUF(4 * CHUNK);
	struct buf text BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	/* the caller drains it: 256 MiB through a buf of 256 KiB */
	fill(&text, 2 * CHUNK);
	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_start_opaque(sign, &out, &kit_err));
	for (int i = 0; i < 2048; i++) {
		assert_ok(
		    sign_push_opaque(sign, buf_span(&text), &out, &kit_err));
		assert_true(out.len >= 2 * CHUNK);
		buf_clear(&out);
	}
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, &out, &kit_err));
	assert_true(out.len > 500 && out.len < 4000);
}

static void
several_sign_an_opaque_letter(void **state)
{
	const struct sign_options options = {.by_key_id = true};
	struct buf out BUF_OWNED = BUF_SMALL;
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(sign_add_signer(sign, &p384.identity, &options, &kit_err));
	assert_ok(sign_start_opaque(sign, &out, &kit_err));
	assert_ok(sign_push_opaque(sign, span_str(LETTER), &out, &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, &out, &kit_err));
	kit_write("sig", buf_span(&out));
	assert_int_equal(
	    kit_openssl("cms -verify -binary -inform DER -in sig -CAfile "
			"root.crt -purpose any -out out"),
	    0);
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	struct buf got BUF_OWNED = BUF_SMALL;
	assert_ok(verify_bytes(buf_span(&out), NULL, false, &got, &result));
	assert_int_equal(result.signers, 2);
	assert_true(result.signer[0].valid && result.signer[1].valid);
	assert_true(result.opaque);
	assert_true(span_is(buf_span(&got), span_str(LETTER)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_reads_contents_of_every_length),
	    cmocka_unit_test(the_pieces_it_comes_in_do_not_matter),
	    cmocka_unit_test(what_comes_out_is_ready_to_go),
	    cmocka_unit_test(several_sign_an_opaque_letter),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
