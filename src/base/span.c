#define _GNU_SOURCE /* memmem */
#include "base/span.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span span)
{
	while (span.len > 0 && is_blank(span.data[0]))
		span = span_after(span, 1);
	while (span.len > 0 && is_blank(span.data[span.len - 1]))
		span.len--;
	return span;
}

bool
span_is(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Not strncasecmp(): it stops at a NUL, so that "a@b\0.evil" would equal
 * "a@b\0.good", and it follows the locale. */
bool
span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	if (span_is(a, b)) /* as nearly everybody writes it */
		return true;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

bool
span_is_nocase(struct span a, const char *text)
{
	return span_equal_nocase(a, span_str(text));
}

bool
span_starts(struct span span, const char *prefix)
{
	struct span want = span_str(prefix);

	return span.len >= want.len &&
	       span_is(span_first(span, want.len), want);
}

bool
span_starts_nocase(struct span span, const char *prefix)
{
	struct span want = span_str(prefix);

	return span.len >= want.len &&
	       span_equal_nocase(span_first(span, want.len), want);
}

int
span_order(struct span a, struct span b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

ptrdiff_t
span_find(struct span span, struct span needle)
{
	if (needle.len == 0)
		return 0;
	if (span.len < needle.len)
		return -1;
	const uint8_t *at =
	    memmem(span.data, span.len, needle.data, needle.len);
	return at == NULL ? -1 : at - span.data;
}

ptrdiff_t
span_find_byte(struct span span, uint8_t byte)
{
	if (span.len == 0)
		return -1;
	const uint8_t *at = memchr(span.data, byte, span.len);
	return at == NULL ? -1 : at - span.data;
}
