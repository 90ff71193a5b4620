/* authority/lintkit_priv -- break a certificate in one place, for tests.
 *
 * A place is a path of indices into the DER, "4.1" or, for an element that has
 * these octets inside, "7.0.@0603551d0f"; with "+" before it, the place behind.
 * What is put there is written as hexadecimal digits, 'text', and braces around
 * what has its length before it: "0c{'Alpha'}".
 */
#ifndef AUTHORITY_LINTKIT_PRIV_H
#define AUTHORITY_LINTKIT_PRIV_H

#include "authority/testkit_priv.h"
#include "codec/hex.h"
#include "pki/der_write.h"

static inline const char *
lintkit_write(const char *at, struct buf *out)
{
	while (*at != '\0' && *at != '}') {
		if (*at == ' ') {
			at++;
		} else if (*at == '\'') {
			const char *end = strchr(at + 1, '\'');
			assert_non_null(end);
			assert_ok(buf_add(out,
			    span_of(at + 1, (size_t)(end - at - 1)), NULL));
			at = end + 1;
		} else if (*at == '{') {
			struct buf in BUF_OWNED = BUF_SMALL;
			struct buf der BUF_OWNED = BUF_SMALL;
			at = lintkit_write(at + 1, &in);
			assert_int_equal(*at++, '}');
			assert_ok(
			    der_write_bytes(&der, 0, buf_span(&in), NULL));
			assert_ok(
			    buf_add(out, span_after(buf_span(&der), 1), NULL));
		} else {
			assert_ok(hex_decode(span_of(at, 2), out, NULL));
			at += 2;
		}
	}
	return at;
}

static inline bool
lintkit_is_place(const struct der *one, size_t i, const char *path)
{
	struct buf wanted BUF_OWNED = BUF_SMALL;
	size_t len = strcspn(path, ".");

	if (path[0] != '@')
		return strtoul(path, NULL, 10) == i;
	assert_ok(hex_decode(span_of(path + 1, len - 1), &wanted, NULL));
	return span_find(one->value, buf_span(&wanted)) >= 0;
}

/* The elements `in` with the change; how often it was made. */
static inline int
lintkit_edit(struct span in, const char *path, bool behind, const char *what,
    struct buf *out)
{
	size_t len = strcspn(path, ".");
	struct der one = {0};
	int made = 0;

	for (size_t i = 0; in.len > 0; i++) {
		assert_ok(der_next(&in, &one, NULL));
		bool here = made == 0 && lintkit_is_place(&one, i, path);
		if (!here || (path[len] == '\0' && behind))
			assert_ok(buf_add(out, one.whole, NULL));
		if (!here)
			continue;
		if (path[len] == '\0') {
			made++;
			assert_int_equal(*lintkit_write(what, out), '\0');
			continue;
		}
		struct buf inner BUF_OWNED = BUF_SMALL;
		made += lintkit_edit(
		    one.value, path + len + 1, behind, what, &inner);
		assert_ok(
		    der_write_bytes(out, one.tag, buf_span(&inner), NULL));
	}
	return made;
}

/* Change the one element that `der` is. */
static inline void
lintkit_change(struct buf *der, const char *place, const char *what)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	struct span in = buf_span(der);
	struct der whole = {0};
	bool behind = place[0] == '+';

	struct buf inner BUF_OWNED = BUF_SMALL;
	assert_ok(der_next(&in, &whole, NULL));
	if (lintkit_edit(whole.value, place + behind, behind, what, &inner) !=
	    1)
		fail_msg("there is no place %s", place);
	assert_ok(der_write_bytes(&out, DER_SEQUENCE, buf_span(&inner), NULL));
	buf_clear(der);
	assert_ok(buf_add(der, buf_span(&out), NULL));
}

#endif
