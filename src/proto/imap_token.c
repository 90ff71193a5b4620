#include "proto/imap_token.h"

#include <inttypes.h>

#define QUOTED_MAX 1000 /* longer texts are printed as literals */

static bool
is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

static enum rc
find_quoted_end(struct span text, size_t *ret, bool *escaped, struct err *err)
{
	for (size_t i = 1; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '"') {
			*ret = i + 1;
			return RC_OK;
		}
		if (c == '\r' || c == '\n' || c == 0)
			break;
		if (c != '\\')
			continue;
		*escaped = true;
		if (++i >= text.len ||
		    (text.data[i] != '"' && text.data[i] != '\\'))
			break;
	}
	return err_set(err, RC_SYNTAX,
	    "IMAP: quoted string is not closed or "
	    "has a wrong character");
}

/* "{12}\r\n" or "{12+}\r\n" at the start of `text`: where its bytes begin
 * and end. */
static enum rc
find_literal(
    struct span text, size_t *ret_from, size_t *ret_end, struct err *err)
{
	size_t at = 1, len = 0;

	for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
	     at++)
		if (__builtin_mul_overflow(len, (size_t)10, &len) ||
		    !add_ok(len, (size_t)(text.data[at] - '0'), &len))
			return err_set(err, RC_SYNTAX,
			    "IMAP: literal's length "
			    "is too large");
	bool digits = at > 1;
	if (at < text.len && text.data[at] == '+')
		at++;
	if (!digits || !span_starts(span_after(text, at), "}\r\n"))
		return err_set(err, RC_SYNTAX, "IMAP: \"{\" begins no literal");
	*ret_from = at + 3;
	if (!add_ok(*ret_from, len, ret_end) || *ret_end > text.len)
		return err_set(err, RC_SYNTAX, "IMAP: literal is cut short");
	return RC_OK;
}

/* Only these have a section: "[" is an ordinary character in a mailbox name
 * ("[Gmail]/Sent", "a[b"). */
static bool
opens_section(struct span name)
{
	return span_is_nocase(name, "BODY") ||
	       span_is_nocase(name, "BODY.PEEK") ||
	       span_is_nocase(name, "BINARY") ||
	       span_is_nocase(name, "BINARY.PEEK") ||
	       span_is_nocase(name, "BINARY.SIZE");
}

/* `from` is behind "[": *ret is behind the "]" that belongs to it.  Header
 * names in a section may be quoted or literals and hold a "]". */
static enum rc
find_section_end(struct span text, size_t from, size_t *ret, struct err *err)
{
	size_t at = from;

	while (at < text.len) {
		size_t skip = 1, begin;
		bool escaped;
		uint8_t c = text.data[at];
		if (c == ']') {
			*ret = at + 1;
			return RC_OK;
		}
		if (c == '"')
			TRY(find_quoted_end(
			    span_after(text, at), &skip, &escaped, err));
		else if (c == '{')
			TRY(find_literal(
			    span_after(text, at), &begin, &skip, err));
		else if (is_control(c))
			break;
		at += skip;
	}
	return err_set(err, RC_SYNTAX, "IMAP: \"[\" is not closed");
}

static enum rc
find_atom_end(struct span text, size_t *ret, struct err *err)
{
	size_t at = 0;

	while (at < text.len) {
		uint8_t c = text.data[at];
		if (c == ' ' || c == '(' || c == ')')
			break;
		if (is_control(c) || c == '"' || c == '{')
			return err_set(
			    err, RC_SYNTAX, "IMAP: wrong character in a word");
		if (c == '[' && opens_section(span_first(text, at)))
			TRY(find_section_end(text, at + 1, &at, err));
		else
			at++;
	}
	*ret = at;
	return RC_OK;
}

static enum rc
read_atom(struct span text, struct imap_token *ret, struct err *err)
{
	size_t end = 0;

	TRY(find_atom_end(text, &end, err));
	ret->kind = IMAP_ATOM;
	ret->whole = ret->value = span_first(text, end);
	return RC_OK;
}

static enum rc
read_quoted(struct span text, struct imap_token *ret, struct err *err)
{
	size_t end = 0;

	TRY(find_quoted_end(text, &end, &ret->escaped, err));
	ret->kind = IMAP_STRING;
	ret->whole = span_first(text, end);
	ret->value = span_of(text.data + 1, end - 2);
	return RC_OK;
}

/* `prefix` is 1 for literal8, "~{3}" (RFC 3516). */
static enum rc
read_literal(
    struct span text, size_t prefix, struct imap_token *ret, struct err *err)
{
	size_t from, end;
	struct span braces = span_after(text, prefix);

	TRY(find_literal(braces, &from, &end, err));
	ret->kind = IMAP_STRING;
	ret->whole = span_first(text, prefix + end);
	ret->value = span_of(braces.data + from, end - from);
	return RC_OK;
}

static enum rc
read_token(struct span text, struct imap_token *ret, struct err *err)
{
	if (text.len == 0) {
		ret->kind = IMAP_END;
		return RC_OK;
	}
	switch (text.data[0]) {
	case '(':
	case ')':
		ret->kind = text.data[0] == '(' ? IMAP_OPEN : IMAP_CLOSE;
		ret->whole = ret->value = span_first(text, 1);
		return RC_OK;
	case '"':
		return read_quoted(text, ret, err);
	case '{':
		return read_literal(text, 0, ret, err);
	case '~':
		if (span_starts(text, "~{"))
			return read_literal(text, 1, ret, err);
		return read_atom(text, ret, err);
	default:
		return read_atom(text, ret, err);
	}
}

enum rc
imap_walk_next(struct imap_walk *walk, struct imap_token *ret, struct err *err)
{
	struct imap_token token = {IMAP_END, SPAN_NONE, SPAN_NONE, false};
	struct span text = walk->rest;

	while (text.len > 0 && text.data[0] == ' ')
		text = span_after(text, 1);
	TRY(read_token(text, &token, err));
	walk->rest = span_after(text, token.whole.len);
	*ret = token;
	return RC_OK;
}

static enum rc
add_unescaped(struct span text, struct buf *out, struct err *err)
{
	size_t was = out->len;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\\' && i + 1 < text.len)
			i++;
		enum rc rc = buf_add_byte(out, text.data[i], err);
		if (rc != RC_OK) {
			buf_cut(out, was);
			return rc;
		}
	}
	return RC_OK;
}

enum rc
imap_token_value(
    const struct imap_token *token, struct buf *out, struct err *err)
{
	if (token->kind != IMAP_ATOM && token->kind != IMAP_STRING)
		return err_set(err, RC_SYNTAX, "IMAP: a word is missing");
	if (token->escaped)
		return add_unescaped(token->value, out, err);
	return buf_add(out, token->value, err);
}

static bool
fits_quotes(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (is_control(text.data[i]) || text.data[i] >= 0x80)
			return false;
	return text.len <= QUOTED_MAX;
}

static enum rc
print_quoted(struct span text, struct buf *out, struct err *err)
{
	TRY(buf_add_byte(out, '"', err));
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			TRY(buf_add_byte(out, '\\', err));
		TRY(buf_add_byte(out, text.data[i], err));
	}
	return buf_add_byte(out, '"', err);
}

static enum rc
print_literal(struct span text, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "{%zu}\r\n", text.len));
	return buf_add(out, text, err);
}

enum rc
imap_print_string(struct span text, struct buf *out, struct err *err)
{
	size_t was = out->len;

	/* RFC 3501 section 9: CHAR8 is "any OCTET except NUL" */
	if (span_find_byte(text, 0) >= 0)
		return err_set(err, RC_SYNTAX, "IMAP: NUL byte in a string");
	enum rc rc = fits_quotes(text) ? print_quoted(text, out, err)
				       : print_literal(text, out, err);
	if (rc != RC_OK)
		buf_cut(out, was);
	return rc;
}
