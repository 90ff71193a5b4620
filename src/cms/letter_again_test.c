/* The passes behind the first: as often as one likes, to fewer layers, and to
 * the one part that is signed. */
#include "cms/testkit_priv.h"

#include "cms/letterkit_priv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIXED "Content-Type: multipart/mixed; boundary=X\r\n\r\n"
#define NEXT "\r\n--X\r\n"
#define LAST "\r\n--X--\r\n"

/* A letter that was read to its end. */
static struct letter *
read_first(struct span letter, struct letter_result *ret)
{
	struct letter *reader = new_reader(&alice);

	assert_ok(letter_push(reader, letter, &kit_err));
	assert_ok(letter_finish(reader, ret, &kit_err));
	return reader;
}

static enum rc
release_rest(struct letter *reader, struct span letter, struct buf *out)
{
	TRY(letter_release(reader, letter, out, &kit_err));
	return letter_release_finish(reader, out, &kit_err);
}

static void
a_second_pass_may_end_anywhere_and_begin_again(void **state)
{
	static const char *const kind[] = {
	    "gs", "cs", "sgs", "go", "gz", "ggs", "s", "o", ""};

	for (size_t i = 0; i < COUNT(kind); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM),
				  out BUF_OWNED = BUF(ROOM);
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		make_letter(kind[i], PART, &letter);
		struct letter *reader OWNED(letter_free) =
		    read_first(buf_span(&letter), &result);
		for (size_t cut = 0; cut < letter.len; cut += 97) {
			out.len = 0;
			assert_ok(letter_rewind(reader, &kit_err));
			assert_ok(letter_release(reader,
			    span_first(buf_span(&letter), cut), &out,
			    &kit_err));
		}
		out.len = 0;
		assert_ok(letter_rewind(reader, &kit_err));
		assert_ok(release_rest(reader, buf_span(&letter), &out));
		assert_true(span_is(buf_span(&out),
		    i + 1 < COUNT(kind) ? span_str(PART) : buf_span(&letter)));
	}
}

/* The tag is still that of the first pass, also behind one that was given
 * up. */
static void
another_letter_is_found_out_in_every_pass(void **state)
{
	struct buf one BUF_OWNED = BUF(ROOM), two BUF_OWNED = BUF(ROOM);
	struct buf out BUF_OWNED = BUF(ROOM);
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};

	make_letter("g", PART, &one);
	make_letter("g", PART, &two);
	struct letter *reader OWNED(letter_free) =
	    read_first(buf_span(&one), &result);
	assert_ok(letter_rewind(reader, &kit_err));
	assert_ok(release_rest(reader, buf_span(&one), &out));
	assert_ok(letter_rewind(reader, &kit_err));
	assert_ok(letter_release(
	    reader, span_first(buf_span(&one), 300), &out, &kit_err));
	assert_ok(letter_rewind(reader, &kit_err));
	assert_true(release_rest(reader, buf_span(&two), &out) != RC_OK);
	/* and then it is over */
	assert_rc(letter_rewind(reader, &kit_err), RC_UNFIT);
	assert_rc(letter_rewind_unverified(reader, 0, &kit_err), RC_UNFIT);
}

static void
unverified_is_a_call_of_its_own(void **state)
{
	static const char *const kind[] = {"c", "gc", "sc", "csc"};

	for (size_t i = 0; i < COUNT(kind); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM),
				  out BUF_OWNED = BUF(ROOM);
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		make_letter(kind[i], PART, &letter);
		struct letter *reader OWNED(letter_free) =
		    read_first(buf_span(&letter), &result);
		assert_false(result.authenticated);
		assert_rc(letter_rewind(reader, &kit_err), RC_UNFIT);
		assert_rc(letter_rewind_unverified(
			      reader, result.layers + 1, &kit_err),
		    RC_UNFIT);
		assert_ok(
		    letter_rewind_unverified(reader, result.layers, &kit_err));
		assert_ok(release_rest(reader, buf_span(&letter), &out));
		assert_true(span_is(buf_span(&out), span_str(PART)));
	}
}

/* What could be read is there, what is closed stays closed. */
static void
fewer_layers_give_what_they_hold(void **state)
{
	struct buf inner BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);
	struct buf out BUF_OWNED = BUF(ROOM);
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
	struct certs to CERTS_OWNED = CERTS_NONE;

	assert_ok(certs_add(&to, mallory.cert, &kit_err));
	assert_ok(buf_add_str(&inner, PART, &kit_err));
	const struct compose_options options = {
	    .seal = true, .cipher = SEAL_AES256_GCM, .to = &to};
	compose_around(&options, &inner);
	assert_ok(buf_add(&letter, buf_span(&inner), &kit_err));
	wrap("gs", &letter);
	struct letter *reader OWNED(letter_free) =
	    read_first(buf_span(&letter), &result);
	assert_true(result.closed);
	assert_int_equal(result.layers, 3);
	assert_rc(letter_rewind_unverified(reader, 3, &kit_err), RC_UNFIT);
	assert_ok(letter_rewind_unverified(reader, 2, &kit_err));
	assert_ok(release_rest(reader, buf_span(&letter), &out));
	assert_true(span_is(buf_span(&out), buf_span(&inner)));
	out.len = 0;
	assert_ok(letter_rewind_unverified(reader, 0, &kit_err));
	assert_ok(release_rest(reader, buf_span(&letter), &out));
	assert_true(span_is(buf_span(&out), buf_span(&letter)));
	/* inwards again it cannot go */
	assert_rc(letter_rewind_unverified(reader, 1, &kit_err), RC_UNFIT);
}

static enum rc
count_bytes(void *self, struct span bytes, struct err *err)
{
	size_t *most = self;

	*most = bytes.len > *most ? bytes.len : *most;
	return RC_OK;
}

/* 8 MiB of nothing are a few kilobytes, twice compressed a few bytes. */
static void
what_was_compressed_comes_in_pieces(void **state)
{
	struct buf made = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
	size_t most = 0;
	const struct sink to = {count_bytes, &most};
	uint64_t word = 1;

	assert_ok(buf_add_str(&made, PART, &kit_err));
	for (size_t i = 0; i < ((size_t)1 << 20); i++) {
		char line[16];
		word = word * 6364136223846793005u + 1442695040888963407u;
		snprintf(line, sizeof(line), "%07u", (unsigned)(word >> 60));
		assert_ok(buf_add_str(&made, line, &kit_err));
	}
	assert_ok(buf_add(&letter, buf_span(&made), &kit_err));
	buf_done(&made);
	wrap("z", &letter);
	struct letter *reader OWNED(letter_free) =
	    read_first(buf_span(&letter), &result);
	assert_false(result.closed);
	assert_ok(letter_rewind(reader, &kit_err));
	assert_ok(letter_release_to(reader, buf_span(&letter), &to, &kit_err));
	assert_ok(letter_release_to_finish(reader, &to, &kit_err));
	assert_in_range(most, 1, (size_t)128 << 10);
}

/* --- a part ------------------------------------------------------------------ */

static void
put_part(struct buf *out, const char *layers, const char *text)
{
	struct buf made = BUF(ROOM);

	assert_ok(buf_add_str(&made, text, &kit_err));
	wrap(layers, &made);
	assert_ok(buf_add_str(out, NEXT, &kit_err));
	assert_ok(buf_add(out, buf_span(&made), &kit_err));
	buf_done(&made);
}

/* Some text, one signed part, and more. */
static void
make_mixed(const char *layers, struct buf *out)
{
	assert_ok(buf_add_str(out, MIXED, &kit_err));
	put_part(out, "", PART);
	put_part(out, "s", PART);
	put_part(out, "s", PART);
	assert_ok(buf_add_str(out, LAST, &kit_err));
	wrap(layers, out);
}

static void
check_part(struct letter *reader, struct span letter, size_t size,
    struct letter_layer *ret)
{
	assert_ok(letter_rewind_part(reader, &kit_err));
	for (; letter.len > 0; letter = span_after(letter, size))
		assert_ok(letter_check_part(
		    reader, span_first(letter, size), &kit_err));
	assert_ok(letter_check_part_finish(reader, ret, &kit_err));
}

static void
a_part_can_be_checked_and_the_rest_shown(void **state)
{
	static const char *const layers[] = {"", "g", "c", "zg", "gggggggg"};
	static const size_t sizes[] = {1, 50, ALL};

	for (size_t i = 0; i < COUNT(layers) * COUNT(sizes); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM),
				  out BUF_OWNED = BUF(ROOM);
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		struct letter_layer part = {.verified = NULL};
		const char *around = layers[i / COUNT(sizes)];
		make_mixed(around, &letter);
		struct letter *reader OWNED(letter_free) =
		    read_first(buf_span(&letter), &result);
		assert_int_equal(result.part, 2);
		assert_false(result.signed_whole);
		check_part(
		    reader, buf_span(&letter), sizes[i % COUNT(sizes)], &part);
		assert_rc(part.rc, RC_OK);
		assert_int_equal(part.verified->signers, 1);
		assert_true(part.verified->signer[0].valid);
		verify_result_free(part.verified);
		assert_ok(
		    letter_rewind_unverified(reader, result.layers, &kit_err));
		assert_ok(release_rest(reader, buf_span(&letter), &out));
		assert_true(span_find(buf_span(&out), span_str(NEXT PART)) > 0);
	}
}

static void
a_part_that_is_gone_is_another_letter(void **state)
{
	static const char *const others[] = {
	    MIXED NEXT PART NEXT PART LAST, PART};

	for (size_t i = 0; i < COUNT(others); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		struct letter_layer part = {.verified = NULL};
		make_mixed("", &letter);
		struct letter *reader OWNED(letter_free) =
		    read_first(buf_span(&letter), &result);
		assert_ok(letter_rewind_part(reader, &kit_err));
		enum rc rc =
		    letter_check_part(reader, span_str(others[i]), &kit_err);
		if (rc == RC_OK)
			rc = letter_check_part_finish(reader, &part, &kit_err);
		if (rc == RC_OK)
			assert_rc(part.rc, RC_CRYPTO);
		else
			assert_rc(rc, RC_CRYPTO);
		assert_null(part.verified);
	}
}

static void
without_one_there_is_no_part_to_check(void **state)
{
	static const char *const layers[] = {"s", "gs", "sg", "o"};
	struct buf plain BUF_OWNED = BUF(ROOM);
	struct letter_result none LETTER_RESULT_OWNED = {.layers = 0};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		make_mixed(layers[i], &letter);
		struct letter *reader OWNED(letter_free) =
		    read_first(buf_span(&letter), &result);
		assert_int_equal(result.part, 0);
		assert_rc(letter_rewind_part(reader, &kit_err), RC_UNFIT);
	}
	make_letter("g", MIXED NEXT PART LAST, &plain);
	struct letter *reader OWNED(letter_free) =
	    read_first(buf_span(&plain), &none);
	assert_int_equal(none.part, 0);
	assert_rc(letter_rewind_part(reader, &kit_err), RC_UNFIT);
}

/* --- the same in any pieces ---------------------------------------------------- */

static void
parts_without_end_are_no_message(void **state)
{
	static const char *const heads[] = {MIXED,
	    "Content-Type: multipart/signed; boundary=X;\r\n"
	    " protocol=\"application/pkcs7-signature\"\r\n\r\n"};

	for (size_t i = 0; i < COUNT(heads); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		assert_ok(buf_add_str(&letter, heads[i], &kit_err));
		for (unsigned k = 0; k < 1000; k++)
			assert_ok(buf_add_str(&letter, NEXT "\r\n", &kit_err));
		wrap("g", &letter);
		struct letter *reader OWNED(letter_free) =
		    read_first(buf_span(&letter), &result);
		assert_true(result.closed);
		assert_int_equal(result.layers, 2);
		assert_int_equal(result.layer[1].kind, LETTER_OTHER);
		assert_rc(result.layer[1].rc, RC_LIMIT);
		assert_non_null(reader);
	}
}

/* Whether they came before or behind what is wrong with the CMS. */
static void
bytes_that_are_no_base64_count_first(void **state)
{
	static const size_t sizes[] = {1, 100, ALL};
	static char text[9999]; /* what it is shows long before its end */

	snprintf(text, sizeof(text), PART "%09000d\r\n", 1);
	for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct seen got SEEN_OWNED = {0};
		make_letter("g", text, &letter);
		if (i >= COUNT(sizes))
			letter.data[letter.len - 8] = '!';
		read_letter(
		    &mallory, buf_span(&letter), sizes[i % COUNT(sizes)], &got);
		assert_rc(got.rc, RC_OK);
		assert_int_equal(
		    got.result.layer[0].kind, LETTER_AUTH_ENVELOPED);
		assert_rc(got.result.layer[0].rc,
		    i < COUNT(sizes) ? RC_ABSENT : RC_SYNTAX);
	}
}

static void
a_micalg_need_not_be_believed(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);

	make_letter("s", PART, &letter);
	ptrdiff_t at = span_find(buf_span(&letter), span_str("sha-256"));
	memcpy(letter.data + at, "sha-512", 7);
	for (int all = 0; all < 2; all++) {
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		struct letter *reader OWNED(letter_free) = new_reader(&alice);
		if (all)
			letter_distrust_micalg(reader);
		assert_ok(letter_push(reader, buf_span(&letter), &kit_err));
		assert_ok(letter_finish(reader, &result, &kit_err));
		const struct verify_signer *signer =
		    &result.layer[0].verified->signer[0];
		assert_int_equal(signer->valid, all);
		if (!all)
			assert_string_equal(signer->reason, "sig.micalg");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_second_pass_may_end_anywhere_and_begin_again),
	    cmocka_unit_test(another_letter_is_found_out_in_every_pass),
	    cmocka_unit_test(unverified_is_a_call_of_its_own),
	    cmocka_unit_test(fewer_layers_give_what_they_hold),
	    cmocka_unit_test(what_was_compressed_comes_in_pieces),
	    cmocka_unit_test(a_part_can_be_checked_and_the_rest_shown),
	    cmocka_unit_test(a_part_that_is_gone_is_another_letter),
	    cmocka_unit_test(without_one_there_is_no_part_to_check),
	    cmocka_unit_test(parts_without_end_are_no_message),
	    cmocka_unit_test(bytes_that_are_no_base64_count_first),
	    cmocka_unit_test(a_micalg_need_not_be_believed),
	};

	return cmocka_run_group_tests(
	    tests, letterkit_setup, letterkit_teardown);
}
