/* Long letters: memory that does not grow with them.  A file of its own, for
 * the tests of cms/letter leave memory behind that would hide it. */
#include "cms/testkit_priv.h"

#include "cms/letterkit_priv.h"

#define PIECE ((size_t)64 * 1024)
/* with a sanitizer memory says nothing, and time matters */
#if defined(__SANITIZE_ADDRESS__)
#define LONG ((size_t)20 << 20)
#define GROWTH_MAX (SIZE_MAX / 2)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LONG ((size_t)20 << 20)
#define GROWTH_MAX (SIZE_MAX / 2)
#endif
#endif
#ifndef LONG
#define LONG ((size_t)300 << 20)
#define GROWTH_MAX ((size_t)1 << 20)
#endif
#define SHORT ((size_t)1 << 20)

static size_t
resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &size, &pages), 2);
	fclose(file);
	return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Text that is a function of where it is, and of nothing before. */
static void
fill_piece(size_t at, uint8_t piece[PIECE])
{
	static const uint8_t letters[] = "abcdefghijklmnop-\r\n ab-";
	uint64_t state = at + 1;

	for (size_t i = 0; i < PIECE; i++) {
		state = state * 6364136223846793005U + 1442695040888963407U;
		piece[i] = letters[(state >> 33) % 22];
	}
	if (at == 0)
		memcpy(piece, "A: b\r\n\r\n", 8);
}

static void
write_long(FILE *file, enum seal_cipher cipher, size_t len)
{
	struct compose *compose OWNED(compose_free) = NULL;
	struct certs to CERTS_OWNED = CERTS_NONE;
	struct buf out BUF_OWNED = BUF(ROOM);
	uint8_t piece[PIECE];

	assert_ok(certs_add(&to, alice.cert, &kit_err));
	const struct compose_options options = {.signer = &alice.identity,
	    .boundary = "boundary-at-random-1",
	    .seal = true,
	    .cipher = cipher,
	    .to = &to};
	assert_ok(compose_new(&options, &compose, &kit_err));
	for (size_t at = 0; at < len; at += PIECE) {
		fill_piece(at, piece);
		assert_ok(compose_push(
		    compose, span_of(piece, PIECE), &out, &kit_err));
		assert_int_equal(fwrite(out.data, 1, out.len, file), out.len);
		out.len = 0;
	}
	assert_ok(compose_close(compose, &out, &kit_err));
	assert_ok(compose_finish(compose, &out, &kit_err));
	assert_int_equal(fwrite(out.data, 1, out.len, file), out.len);
	rewind(file);
}

/* Is what came out so far what was written there? */
static void
check_out(struct buf *out, size_t *at)
{
	uint8_t piece[PIECE];

	while (out->len >= PIECE) {
		fill_piece(*at, piece);
		assert_true(span_is(
		    span_first(buf_span(out), PIECE), span_of(piece, PIECE)));
		buf_drop(out, PIECE);
		*at += PIECE;
	}
}

static void
read_long(FILE *file, size_t len)
{
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
	struct letter *letter OWNED(letter_free) = new_reader(&alice);
	struct buf out BUF_OWNED = BUF(ROOM);
	uint8_t piece[PIECE];
	size_t got, at = 0;

	while ((got = fread(piece, 1, PIECE, file)) > 0)
		assert_ok(letter_push(letter, span_of(piece, got), &kit_err));
	assert_ok(letter_finish(letter, &result, &kit_err));
	assert_true(result.authenticated && result.signed_whole);
	assert_int_equal(result.layers, 2);
	assert_ok(letter_rewind(letter, &kit_err));
	rewind(file);
	while ((got = fread(piece, 1, PIECE, file)) > 0) {
		assert_ok(letter_release(
		    letter, span_of(piece, got), &out, &kit_err));
		check_out(&out, &at);
	}
	assert_ok(letter_release_finish(letter, &out, &kit_err));
	check_out(&out, &at);
	assert_int_equal(out.len, 0);
	assert_int_equal(at, len);
}

static void
pass_long(enum seal_cipher cipher, size_t len)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	write_long(file, cipher, len);
	read_long(file, len);
	fclose(file);
}

/* What the library keeps for itself is there after the short one. */
static void
memory_does_not_grow_with_the_letter(void **state)
{
	static const enum seal_cipher ciphers[] = {
	    SEAL_AES256_GCM, SEAL_AES256_CBC};

	for (unsigned i = 0; i < 2; i++) {
		pass_long(ciphers[i], SHORT);
		size_t before = resident();
		pass_long(ciphers[i], LONG);
		size_t after = resident();
		if (after > before && after - before > GROWTH_MAX)
			fail_msg("%zu bytes more for %zu MiB", after - before,
			    LONG >> 20);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory_does_not_grow_with_the_letter),
	};

	return cmocka_run_group_tests(
	    tests, letterkit_setup, letterkit_teardown);
}
