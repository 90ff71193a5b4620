/* span -- bytes that somebody else owns.
 *
 * A span borrows: it is valid as long as what it points into.  Bytes from
 * outside may hold anything, NUL included; a span is not a string.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data;
	size_t len;
};

#define SPAN_NONE ((struct span){NULL, 0})
/* for printf("%.*s", SPAN_ARGS(s)); cut at INT_MAX, for a negative precision
 * would mean "up to the next NUL", which is not ours. */
#define SPAN_ARGS(s)                                          \
	(int)((s).len < INT_MAX ? (s).len : (size_t)INT_MAX), \
	    ((s).data == NULL ? "" : (const char *)(s).data)

static inline struct span
span_of(const void *data, size_t len)
{
	return (struct span){data, len};
}

static inline struct span
span_str(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

/* From `from` to the end, clamped to the span. */
static inline struct span
span_after(struct span span, size_t from)
{
	if (from > span.len)
		from = span.len;
	if (span.data == NULL)
		return span;
	return span_of(span.data + from, span.len - from);
}

/* The first `len` bytes, clamped to the span. */
static inline struct span
span_first(struct span span, size_t len)
{
	return span_of(span.data, len < span.len ? len : span.len);
}

/* Without leading and trailing SP, TAB, CR and LF. */
struct span span_trim(struct span span);

bool span_is(struct span a, struct span b);
/* ASCII case folded, nothing else. */
bool span_is_nocase(struct span a, const char *text);
bool span_equal_nocase(struct span a, struct span b);
bool span_starts(struct span span, const char *prefix);
bool span_starts_nocase(struct span span, const char *prefix);

/* Below, at or above 0: the order of bytes; a span that begins another comes
 * first.  For what is public (a secret is compared in constant time). */
int span_order(struct span a, struct span b);

/* Position of the first `needle`, or -1. */
ptrdiff_t span_find(struct span span, struct span needle);
ptrdiff_t span_find_byte(struct span span, uint8_t byte);

#endif
