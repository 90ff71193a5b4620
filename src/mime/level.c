#include "mime/level_priv.h"

#include <stdlib.h>

enum rc
levels_push(
    struct levels *levels, struct span boundary, size_t start, struct err *err)
{
	if (levels->len == levels->cap) {
		size_t cap = levels->cap * 2 + 4;
		struct level *item =
		    reallocarray(levels->item, cap, sizeof(*item));
		if (item == NULL)
			return err_nomem(err, "letter");
		levels->item = item;
		levels->cap = cap;
	}
	struct level *level = &levels->item[levels->len++];
	*level = (struct level){.boundary_len = boundary.len,
	    .start = start,
	    .state = boundary.len > 0 ? LEVEL_PREAMBLE : LEVEL_PARTS};
	if (boundary.len > 0) {
		memcpy(level->boundary, boundary.data, boundary.len);
		levels->first[boundary.data[0]] = true;
	}
	return RC_OK;
}

void
levels_done(struct levels *levels)
{
	free(levels->item);
	*levels = (struct levels){NULL, 0, 0, {false}};
}

struct span
level_line(struct span bytes, size_t at)
{
	struct span rest = span_after(bytes, at);
	ptrdiff_t end = span_find_byte(rest, '\n');

	return end < 0 ? rest : span_first(rest, (size_t)end + 1);
}

size_t
level_line_end(struct span bytes)
{
	if (bytes.len == 0 || bytes.data[bytes.len - 1] != '\n')
		return 0;
	return bytes.len > 1 && bytes.data[bytes.len - 2] == '\r' ? 2 : 1;
}

static struct span
boundary_of(const struct level *level)
{
	return span_of(level->boundary, level->boundary_len);
}

/* Does one of the two begin with the other? */
static bool
agree(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;

	return span_is(span_first(a, len), span_first(b, len));
}

enum likeness { LIKE_NONE, LIKE_NEAR, LIKE_NEXT, LIKE_CLOSE, LIKE_UNSURE };

/* The whole line is compared, padding aside.  RFC 2046 lets a reader be
 * content with the beginning; then a boundary that is the prefix of another
 * one would end parts that are not its own. */
static enum likeness
compare(struct span line, bool complete, struct span boundary)
{
	struct span rest = span_after(line, 2);

	if (boundary.len == 0 || !agree(rest, boundary))
		return LIKE_NONE;
	if (!complete)
		return LIKE_UNSURE;
	if (rest.len < boundary.len)
		return LIKE_NONE;
	if (line.len > LEVEL_LINE_MAX)
		return LIKE_NEAR;
	rest = span_after(rest, boundary.len);
	rest = span_first(rest, rest.len - level_line_end(rest));
	while (rest.len > 0 && (rest.data[rest.len - 1] == ' ' ||
				   rest.data[rest.len - 1] == '\t'))
		rest.len--;
	if (rest.len == 0)
		return LIKE_NEXT;
	return span_is(rest, span_str("--")) ? LIKE_CLOSE : LIKE_NEAR;
}

enum level_match
levels_find(
    struct levels *levels, struct span line, bool complete, size_t *ret_level)
{
	struct level *near = NULL;

	if (!span_starts(line, "--") ||
	    (line.len > 2 && !levels->first[line.data[2]]))
		return MATCH_NONE;
	for (size_t i = 0; i < levels->len; i++) {
		struct level *level = &levels->item[i];
		enum likeness like =
		    compare(line, complete, boundary_of(level));
		if (like == LIKE_NONE)
			continue;
		if (like == LIKE_UNSURE)
			return MATCH_UNSURE;
		if (like != LIKE_NEAR && level->state != LEVEL_EPILOGUE) {
			*ret_level = i;
			return like == LIKE_NEXT ? MATCH_NEXT : MATCH_CLOSE;
		}
		near = near == NULL ? level : near;
	}
	if (near != NULL)
		near->malformed = true;
	return MATCH_NONE;
}

bool
levels_find_hidden(struct levels *levels, struct span rest, bool complete)
{
	struct span line = level_line(span_first(rest, LEVEL_LINE_MAX), 0);
	struct span behind = span_after(line, 2);

	if (line.len < rest.len)
		complete = true;
	if (behind.len > 0 && !levels->first[behind.data[0]])
		return true;
	for (size_t i = 0; i < levels->len; i++) {
		struct span boundary = boundary_of(&levels->item[i]);
		if (boundary.len == 0 || !agree(behind, boundary))
			continue;
		if (behind.len >= boundary.len)
			levels->item[i].malformed = true;
		else if (!complete)
			return false;
	}
	return true;
}
