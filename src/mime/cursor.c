#include "mime/cursor_priv.h"

#define COMMENT_DEPTH_MAX 50

int
cursor_peek(const struct cursor *at)
{
	return at->rest.len == 0 ? -1 : at->rest.data[0];
}

void
cursor_skip(struct cursor *at, size_t len)
{
	at->rest = span_after(at->rest, len);
}

/* The inside of it, as it is written, and a blank. */
static enum rc
keep_comment(struct cursor *at, struct span comment)
{
	if (at->comments == NULL)
		return RC_OK;
	comment = span_after(span_first(comment, comment.len - 1), 1);
	TRY(buf_add(at->comments, comment, at->err));
	return buf_add_byte(at->comments, ' ', at->err);
}

static enum rc
skip_comment(struct cursor *at)
{
	struct span all = at->rest;
	unsigned depth = 0;

	do {
		int c = cursor_peek(at);
		if (c == -1)
			return err_set(at->err, RC_SYNTAX,
			    "comment without end in %s", at->where);
		if (c == '(' && ++depth > COMMENT_DEPTH_MAX)
			return err_set(at->err, RC_LIMIT,
			    "comments nested deeper than %d",
			    COMMENT_DEPTH_MAX);
		if (c == ')')
			depth--;
		cursor_skip(at, c == '\\' ? 2 : 1);
	} while (depth > 0);
	return keep_comment(at, span_first(all, all.len - at->rest.len));
}

enum rc
cursor_skip_blanks(struct cursor *at)
{
	for (;;) {
		int c = cursor_peek(at);
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			cursor_skip(at, 1);
		else if (c == '(')
			TRY(skip_comment(at));
		else
			return RC_OK;
	}
}
