#include "net/imap_stretch_priv.h"

/* Does `line`, without CRLF, end in "{n}"? */
static bool
announces_literal(struct span line, size_t *ret)
{
	size_t at = line.len, len = 0;

	if (at < 3 || line.data[at - 1] != '}')
		return false;
	for (at--;
	     at > 0 && line.data[at - 1] >= '0' && line.data[at - 1] <= '9';)
		at--;
	if (at == 0 || line.data[at - 1] != '{' || at == line.len - 1)
		return false;
	for (; line.data[at] != '}'; at++)
		if (__builtin_mul_overflow(len, (size_t)10, &len) ||
		    !add_ok(len, (size_t)(line.data[at] - '0'), &len))
			return false;
	*ret = len;
	return true;
}

/* "{3}" or "{3+}" where no literal follows: the server would take the next
 * command for it. */
static bool
promises_literal(struct span line)
{
	struct span end = span_after(line, line.len < 2 ? 0 : line.len - 2);
	size_t unused;

	return announces_literal(line, &unused) || span_is(end, span_str("+}"));
}

/* Anything with a line end of its own would be a second command, made of what
 * may be somebody else's words. */
enum rc
imap_stretch_find(struct span rest, struct imap_stretch *ret, struct err *err)
{
	ptrdiff_t end = span_find(rest, span_str("\r\n"));
	struct imap_stretch stretch = {rest.len, 0, true};
	struct span line = rest;

	if (end >= 0) {
		line = span_first(rest, (size_t)end);
		stretch.text = line.len + 2;
		stretch.last = false;
		if (!announces_literal(line, &stretch.literal) ||
		    stretch.literal > rest.len - stretch.text)
			return err_set(
			    err, RC_SYNTAX, "IMAP: line end inside a command");
	}
	if (stretch.last && promises_literal(line))
		return err_set(
		    err, RC_SYNTAX, "IMAP: a literal without its bytes");
	if (span_find_byte(line, '\r') >= 0 ||
	    span_find_byte(line, '\n') >= 0 || span_find_byte(line, 0) >= 0)
		return err_set(
		    err, RC_SYNTAX, "IMAP: control character in a command");
	*ret = stretch;
	return RC_OK;
}

enum rc
imap_stretch_check(struct span rest, struct err *err)
{
	for (;;) {
		struct imap_stretch stretch;
		TRY(imap_stretch_find(rest, &stretch, err));
		if (stretch.last)
			return RC_OK;
		rest = span_after(rest, stretch.text + stretch.literal);
	}
}
