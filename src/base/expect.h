/* base/expect -- what unit tests say; for *_test.c only.
 *
 * Brings cmocka and what it needs.  Failures print got and want.
 */
#ifndef BASE_EXPECT_H
#define BASE_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Prints names, not numbers. */
#define assert_rc(got, want) assert_string_equal(rc_name(got), rc_name(want))
#define assert_ok(got) assert_rc(got, RC_OK)

/* The same with the text, where there is a `struct err`. */
#define assert_done(got, err)                                             \
	do {                                                              \
		enum rc done_rc = (got);                                  \
		if (done_rc != RC_OK)                                     \
			fail_msg("%s: %s", rc_name(done_rc), (err).text); \
	} while (0)

#define assert_span(got, want_text) \
	expect_span_at((got), span_str(want_text), __FILE__, __LINE__)
#define assert_bytes(got, want) \
	expect_span_at((got), (want), __FILE__, __LINE__)

/* The text holds `part`. */
#define assert_has(text, part)                                                \
	do {                                                                  \
		if (strstr((text), (part)) == NULL)                           \
			fail_msg(                                             \
			    "got \"%s\", want \"%s\" in it", (text), (part)); \
	} while (0)

static inline void
expect_span_at(struct span got, struct span want, const char *file, int line)
{
	if (span_is(got, want))
		return;
	print_error("got  \"%.*s\" (%zu bytes)\nwant \"%.*s\" (%zu bytes)\n",
	    SPAN_ARGS(got), got.len, SPAN_ARGS(want), want.len);
	_fail(file, line);
}

/* A copy in a block of exactly its size, without a NUL behind it, so that
 * the sanitizer sees a parser that reads one byte too far.  Free with
 * expect_free(); struct span s EXACT = expect_exact("..."); does it. */
static inline struct span
expect_exact(struct span bytes)
{
	uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);

	assert_non_null(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return span_of(copy, bytes.len);
}

static inline void
expect_free(struct span *exact)
{
	free((void *)(uintptr_t)exact->data);
}

#define EXACT __attribute__((cleanup(expect_free)))

#endif
