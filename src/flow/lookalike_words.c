#include <stdlib.h>

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "flow/lookalike_priv.h"

/* What stands inside words (bytes that are no UTF-8 do not): letters, digits, marks, what is invisible (so
 * that nobody splits a name by it), and signs that stand for letters. */
static bool
is_inside_word(UChar32 c)
{
	if (c < 0)
		return false;
	if (u_isalnum(c) || c == '$' || c == '@' || c == '|')
		return true;
	int8_t type = u_charType(c);
	return type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK ||
	       type == U_COMBINING_SPACING_MARK ||
	       u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

/* The next word of `text` from *at on; empty at the end. */
static struct span
next_word(struct span text, size_t *at)
{
	size_t begin = *at, i = *at;
	bool inside = false;

	while (i < text.len) {
		size_t here = i;
		UChar32 c = 0;
		U8_NEXT(text.data, i, text.len, c);
		if (is_inside_word(c) && !inside) {
			inside = true;
			begin = here;
		} else if (!is_inside_word(c) && inside) {
			*at = i;
			return span_of(text.data + begin, here - begin);
		}
	}
	*at = text.len;
	return inside ? span_of(text.data + begin, text.len - begin)
		      : SPAN_NONE;
}

enum rc
words_split(const struct lookalike *l, struct span text, struct words *ret,
    struct err *err)
{
	size_t end[LOOKALIKE_WORDS_MAX] = {0}, at = 0;

	*ret = (struct words){.text = BUF_SMALL};
	while (ret->len < LOOKALIKE_WORDS_MAX) {
		struct span word = next_word(text, &at);
		if (word.len == 0)
			break;
		size_t before = ret->text.len;
		TRY(skeleton_loose(l->skeleton, word, &ret->text, err));
		if (ret->text.len > before)
			end[ret->len++] = ret->text.len;
	}
	/* the buf may have moved while it grew */
	for (size_t i = 0; i < ret->len; i++) {
		size_t from = i > 0 ? end[i - 1] : 0;
		ret->word[i] = span_of(ret->text.data + from, end[i] - from);
	}
	return RC_OK;
}

void
words_done(struct words *words)
{
	buf_done(&words->text);
	words->len = 0;
}

void
words_strip(struct words *words, const struct lookup *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < words->len; i++)
		if (words->word[i].len > 1 && !lookup_has(out, words->word[i]))
			words->word[kept++] = words->word[i];
	words->len = kept;
}

enum rc
words_solid(
    const struct words *words, size_t first, struct buf *ret, struct err *err)
{
	for (size_t i = 0; i < words->len; i++)
		TRY(buf_add(ret, words->word[(first + i) % words->len], err));
	return RC_OK;
}

static int
order(const void *a, const void *b)
{
	return span_order(*(const struct span *)a, *(const struct span *)b);
}

enum rc
words_key(const struct span *word, size_t len, struct buf *ret, struct err *err)
{
	struct span sorted[LOOKALIKE_WORDS_MAX];

	if (len > LOOKALIKE_WORDS_MAX)
		return err_set(err, RC_LIMIT, "a name of %zu words", len);
	memcpy(sorted, word, len * sizeof(*word));
	qsort(sorted, len, sizeof(*sorted), order);
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			TRY(buf_add_byte(ret, ' ', err));
		TRY(buf_add(ret, sorted[i], err));
	}
	return RC_OK;
}
