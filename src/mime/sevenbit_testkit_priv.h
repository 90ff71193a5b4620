/* mime/sevenbit_testkit -- both passes over letters in tests, in every way to
 * cut them; for *_test.c and fuzz targets only. */
#ifndef MIME_SEVENBIT_TESTKIT_PRIV_H
#define MIME_SEVENBIT_TESTKIT_PRIV_H

#include "base/expect.h"
#include "base/own.h"
#include "mime/sevenbit.h"

OWNER(struct sevenbit, sevenbit_free);

#define WHOLE ((size_t)1 << 40) /* in one piece */

/* Each piece is in a block of exactly its size. */
static inline enum rc
look_pieces(struct sevenbit *sevenbit, struct span in, size_t size,
    struct sevenbit_needs *needs, struct err *err)
{
	while (in.len > 0) {
		struct span piece EXACT = expect_exact(span_first(in, size));
		TRY(sevenbit_look(sevenbit, piece, err));
		in = span_after(in, size);
	}
	return sevenbit_look_end(sevenbit, needs, err);
}

static inline enum rc
print_pieces(struct sevenbit *sevenbit, struct span in, size_t size,
    struct buf *out, struct err *err)
{
	while (in.len > 0) {
		struct span piece EXACT = expect_exact(span_first(in, size));
		TRY(sevenbit_print(sevenbit, piece, out, err));
		in = span_after(in, size);
	}
	return sevenbit_print_end(sevenbit, out, err);
}

static inline enum rc
print_cut(struct span in, size_t look, size_t print,
    struct sevenbit_needs *needs, struct buf *out, struct err *err)
{
	struct sevenbit *sevenbit OWNED(sevenbit_free) = NULL;

	TRY(sevenbit_new(&sevenbit, err));
	TRY(look_pieces(sevenbit, in, look, needs, err));
	return print_pieces(sevenbit, in, print, out, err);
}

static inline bool
same_needs(const struct sevenbit_needs *a, const struct sevenbit_needs *b)
{
	return a->eight_bit == b->eight_bit && a->utf8 == b->utf8 &&
	       a->binary == b->binary;
}

/* How letters are cut: the first pass, the second. */
static const size_t sevenbit_cuts[][2] = {
    {WHOLE, 1}, {1, WHOLE}, {2, 3}, {7, 2}, {61, 7}, {1000, 61}};

/* The result of all ways, which must be the same. */
static inline enum rc
print_all_cuts(struct span in, struct sevenbit_needs *needs, struct buf *out,
    struct err *err)
{
	struct buf want BUF_OWNED = BUF((size_t)1 << 26);
	const struct sevenbit_needs before = *needs;
	enum rc rc = print_cut(in, WHOLE, WHOLE, needs, &want, err);

	for (size_t i = 0; i < COUNT(sevenbit_cuts); i++) {
		struct buf got BUF_OWNED = BUF((size_t)1 << 26);
		struct sevenbit_needs needed = before;
		struct err why = ERR_NONE;
		assert_rc(print_cut(in, sevenbit_cuts[i][0],
			      sevenbit_cuts[i][1], &needed, &got, &why),
		    rc);
		if (rc != RC_OK) {
			if (err != NULL)
				assert_string_equal(why.text, err->text);
			continue;
		}
		assert_bytes(buf_span(&got), buf_span(&want));
		assert_true(same_needs(&needed, needs));
	}
	if (rc == RC_OK)
		assert_ok(buf_add(out, buf_span(&want), NULL));
	return rc;
}

#endif
