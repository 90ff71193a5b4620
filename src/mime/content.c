#include "mime/content.h"

#include <iconv.h>
#include <stdlib.h>
#include <strings.h>

#include "base/own.h"
#include "codec/word.h"
#include "mime/cursor_priv.h"
#include "codec/utf8.h"

#define CONTENT_VALUE_MAX ((size_t)256 * 1024)
#define CONTENT_TEXT_MAX (8 * CONTENT_VALUE_MAX) /* UTF-8 is longer */

/* A parameter as it is written: name, name*, name*3 or name*3*. */
struct piece {
	struct span base; /* the name before the first "*" */
	int index;        /* of a continuation, -1 if it is none */
	bool extended;    /* charset and percent codes: a "*" at the end */
	bool used;        /* joined into a parameter already */
	struct span raw;  /* the value; of the field, or of `unquoted` */
	struct buf unquoted;
};

struct pieces {
	struct piece item[CONTENT_PARAMS_MAX];
	size_t len;
};

/* What is made of them: strings with their NULs, the type, the subtype, and a
 * name and a value for each parameter.  One piece of memory holds them all,
 * for there are a dozen in every letter. */
struct strings {
	struct buf text;
	size_t params;
};

static void
pieces_done(struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->len; i++)
		buf_done(&pieces->item[i].unquoted);
}

#define BIT(c) (UINT64_C(1) << ((c)&63))

/* RFC 2045 section 5.1: token is printable ASCII without tspecials. */
static bool
is_token_byte(int c)
{
	static const uint64_t below_64 =
	    BIT('(') | BIT(')') | BIT('<') | BIT('>') | BIT(',') | BIT(';') |
	    BIT(':') | BIT('"') | BIT('/') | BIT('?') | BIT('=');
	static const uint64_t from_64 =
	    BIT('@') | BIT('\\') | BIT('[') | BIT(']');

	return c > 0x20 && c < 0x7f &&
	       !((c < 64 ? below_64 : from_64) >> (c & 63) & 1);
}

/* Values that should have been quoted are common ("boundary=a=b",
 * "name=a/b"); what can end a value is never part of one. */
static bool
is_value_byte(int c)
{
	return c > 0x20 && c != 0x7f && c != ';' && c != '"' && c != '(' &&
	       c != ')' && c != '\\' && c != ',';
}

static struct span
take_while(struct cursor *at, bool (*is)(int))
{
	struct span all = at->rest;
	size_t len = 0;

	while (len < all.len && is(all.data[len]))
		len++;
	cursor_skip(at, len);
	return span_first(all, len);
}

static enum rc
unquote(struct cursor *at, struct buf *out)
{
	for (;;) {
		int c = cursor_peek(at);
		if (c == '\\' && at->rest.len > 1) {
			cursor_skip(at, 1);
			c = cursor_peek(at);
		} else if (c == '"') {
			cursor_skip(at, 1);
			return RC_OK;
		}
		if (c == -1)
			return err_set(at->err, RC_SYNTAX,
			    "quotation without end in a MIME field");
		cursor_skip(at, 1);
		if (c != '\r' && c != '\n')
			TRY(buf_add_byte(out, (uint8_t)c, at->err));
	}
}

static bool
is_quoted_byte(int c)
{
	return c != '"' && c != '\\' && c != '\r' && c != '\n';
}

static enum rc
take_quoted(struct cursor *at, struct piece *piece)
{
	cursor_skip(at, 1);
	struct cursor start = *at;
	piece->raw = take_while(at, is_quoted_byte);
	if (cursor_peek(at) == '"') {
		cursor_skip(at, 1);
		return RC_OK;
	}
	*at = start;
	TRY(unquote(at, &piece->unquoted));
	piece->raw = buf_span(&piece->unquoted);
	return RC_OK;
}

static enum rc
take_value(struct cursor *at, struct piece *piece)
{
	TRY(cursor_skip_blanks(at));
	if (cursor_peek(at) == '"')
		return take_quoted(at, piece);
	piece->raw = take_while(at, is_value_byte);
	if (piece->raw.len == 0)
		return err_set(
		    at->err, RC_SYNTAX, "MIME parameter without a value");
	return RC_OK;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A "%" that starts no code stands for itself. */
static enum rc
percent_decode(struct span in, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < in.len; i++) {
		int high = -1, low = -1;
		if (in.data[i] == '%' && in.len - i > 2) {
			high = hex_digit(in.data[i + 1]);
			low = hex_digit(in.data[i + 2]);
		}
		bool code = high >= 0 && low >= 0;
		TRY(buf_add_byte(
		    out, code ? (uint8_t)(high * 16 + low) : in.data[i], err));
		i += code ? 2 : 0;
	}
	return RC_OK;
}

static enum rc
parse_index(struct span digits, int *ret, struct err *err)
{
	int index = 0;

	/* "Leading zeros ... are forbidden" in RFC 2231 section 3 */
	if (digits.len == 0 || digits.len > 2 ||
	    (digits.len == 2 && digits.data[0] == '0'))
		return err_set(err, RC_SYNTAX, "bad MIME parameter section");
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return err_set(
			    err, RC_SYNTAX, "bad MIME parameter section");
		index = index * 10 + (digits.data[i] - '0');
	}
	*ret = index;
	return RC_OK;
}

static enum rc
parse_name(struct span name, struct piece *piece, struct err *err)
{
	ptrdiff_t star = span_find_byte(name, '*');

	piece->index = -1;
	piece->extended = star >= 0 && name.data[name.len - 1] == '*';
	piece->base = star < 0 ? name : span_first(name, (size_t)star);
	if (piece->base.len == 0)
		return err_set(err, RC_SYNTAX, "MIME parameter without a name");
	if (star < 0 || (size_t)star + 1 == name.len)
		return RC_OK;
	struct span digits = span_after(name, (size_t)star + 1);
	if (piece->extended)
		digits.len--;
	return parse_index(digits, &piece->index, err);
}

static enum rc
parse_piece(struct cursor *at, struct pieces *pieces)
{
	if (pieces->len >= CONTENT_PARAMS_MAX)
		return err_set(at->err, RC_LIMIT,
		    "more than %d MIME parameters", CONTENT_PARAMS_MAX);
	struct piece *piece = &pieces->item[pieces->len++];
	*piece = (struct piece){.unquoted = BUF(CONTENT_VALUE_MAX)};
	TRY(parse_name(take_while(at, is_token_byte), piece, at->err));
	TRY(cursor_skip_blanks(at));
	if (cursor_peek(at) != '=')
		return err_set(
		    at->err, RC_SYNTAX, "MIME parameter without \"=\"");
	cursor_skip(at, 1);
	TRY(take_value(at, piece));
	return cursor_skip_blanks(at);
}

/* RFC 2231 section 4: charset'language'text, in the first piece only. */
static enum rc
split_charset(struct span raw, struct span *ret_charset, struct span *ret_text,
    struct err *err)
{
	ptrdiff_t first = span_find_byte(raw, '\'');
	struct span rest = span_after(raw, (size_t)first + 1);
	ptrdiff_t second = first < 0 ? -1 : span_find_byte(rest, '\'');

	if (second < 0)
		return err_set(err, RC_SYNTAX,
		    "extended MIME parameter without a charset");
	*ret_charset = span_first(raw, (size_t)first);
	*ret_text = span_after(rest, (size_t)second + 1);
	return RC_OK;
}

static enum rc
add_latin1(struct span in, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c >= 0x80)
			TRY(buf_add_byte(out, (uint8_t)(0xc0 | c >> 6), err));
		TRY(buf_add_byte(
		    out, c < 0x80 ? c : (uint8_t)(0x80 | (c & 0x3f)), err));
	}
	return RC_OK;
}

/* Only names a charset can have: what else iconv_open() takes ("//IGNORE",
 * "/" of file names) is no business of a peer's. */
static bool
charset_name(struct span charset, char name[41])
{
	if (charset.len == 0 || charset.len > 40)
		return false;
	for (size_t i = 0; i < charset.len; i++) {
		int c = charset.data[i];
		if (!is_token_byte(c) || c == '/')
			return false;
		name[i] = (char)c;
	}
	name[charset.len] = '\0';
	return true;
}

/* Append as much as one call of iconv makes; false: it cannot be converted. */
static enum rc
convert(
    iconv_t cd, struct span in, struct buf *out, bool *ret_ok, struct err *err)
{
	char *from = (char *)(uintptr_t)in.data, *to;
	size_t left = in.len, before = out->len;
	/* UTF-8 needs at most four bytes where others need one */
	size_t room = in.len * 4 + 16, unused = room;

	TRY(buf_reserve(out, room, (uint8_t **)&to, err));
	*ret_ok = iconv(cd, &from, &left, &to, &unused) != (size_t)-1 &&
		  iconv(cd, NULL, NULL, &to, &unused) != (size_t)-1;
	buf_grown(out, room - unused);
	if (*ret_ok && !utf8_ok(span_after(buf_span(out), before)))
		*ret_ok = false;
	if (!*ret_ok)
		buf_cut(out, before);
	return RC_OK;
}

/* Text that is not what it says is read as Latin-1: every byte is shown. */
static enum rc
add_utf8(struct span charset, struct span in, struct buf *out, struct err *err)
{
	char name[41];
	bool ok = false;

	if (charset.len == 0 || span_is_nocase(charset, "utf-8") ||
	    span_is_nocase(charset, "us-ascii"))
		return utf8_ok(in) ? buf_add(out, in, err)
				   : add_latin1(in, out, err);
	if (charset_name(charset, name)) {
		iconv_t cd = iconv_open("UTF-8", name);
		if (cd != (iconv_t)-1) {
			enum rc rc = convert(cd, in, out, &ok, err);
			(void)iconv_close(cd);
			TRY(rc);
		}
	}
	return ok ? RC_OK : add_latin1(in, out, err);
}

/* A value is shown and printed again: it holds no control characters. */
static void
clean(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] < 0x20 || text->data[i] == 0x7f)
			text->data[i] = ' ';
}

static struct piece *
find_piece(struct pieces *pieces, struct span base, int index, bool extended)
{
	for (size_t i = 0; i < pieces->len; i++) {
		struct piece *piece = &pieces->item[i];
		if (piece->index == index &&
		    (index >= 0 || piece->extended == extended) &&
		    span_equal_nocase(piece->base, base))
			return piece;
	}
	return NULL;
}

/* Append the bytes of `piece` and of the continuations behind it; a charset
 * counts for all of them. */
static enum rc
join_bytes(struct pieces *pieces, struct piece *piece, struct span *ret_charset,
    struct buf *bytes, struct err *err)
{
	*ret_charset = SPAN_NONE;
	for (int index = piece->index; piece != NULL;) {
		struct span text = piece->raw;
		piece->used = true;
		if (piece->extended && index <= 0)
			TRY(split_charset(text, ret_charset, &text, err));
		TRY(piece->extended ? percent_decode(text, bytes, err)
				    : buf_add(bytes, text, err));
		piece = index < 0
			    ? NULL
			    : find_piece(pieces, piece->base, ++index, false);
	}
	return RC_OK;
}

static enum rc
join(struct pieces *pieces, struct piece *first, struct buf *out,
    struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(CONTENT_VALUE_MAX);
	struct span charset;

	TRY(join_bytes(pieces, first, &charset, &bytes, err));
	TRY(add_utf8(charset, buf_span(&bytes), out, err));
	clean(out);
	return RC_OK;
}

static bool
is_file_name(struct span base)
{
	return span_is_nocase(base, "name") || span_is_nocase(base, "filename");
}

/* What is left over of a name: the same thing said twice is no harm, and
 * filename beside filename* is how RFC 2231 came into use (the extended one
 * counts).  Anything else every reader resolves in its own way: a boundary
 * with two values is an attack. */
static enum rc
check_others(struct pieces *pieces, const struct piece *chosen, struct err *err)
{
	for (size_t i = 0; i < pieces->len; i++) {
		struct piece *piece = &pieces->item[i];
		if (piece->used ||
		    !span_equal_nocase(piece->base, chosen->base))
			continue;
		piece->used = true;
		bool same = piece->index == chosen->index &&
			    piece->extended == chosen->extended &&
			    span_is(piece->raw, chosen->raw);
		if (!same && !is_file_name(piece->base))
			return err_set(err, RC_SYNTAX,
			    "MIME parameter %.*s given twice, differently",
			    SPAN_ARGS(piece->base));
	}
	return RC_OK;
}

static enum rc
add_string(struct buf *text, struct span string, struct err *err)
{
	uint8_t *room;

	if (span_find_byte(string, 0) >= 0)
		return err_set(err, RC_SYNTAX, "NUL byte in a MIME field");
	TRY(buf_reserve(text, string.len + 1, &room, err));
	if (string.len > 0)
		memcpy(room, string.data, string.len);
	room[string.len] = '\0';
	buf_grown(text, string.len + 1);
	return RC_OK;
}

static enum rc
add_lower(struct buf *text, struct span string, struct err *err)
{
	size_t at = text->len;

	TRY(add_string(text, string, err));
	for (; at < text->len; at++)
		if (text->data[at] >= 'A' && text->data[at] <= 'Z')
			text->data[at] |= 0x20;
	return RC_OK;
}

/* Encoded words have no place in a parameter (RFC 2047 section 5), but half
 * of the world's file names are written so. */
static enum rc
decode_words(
    struct span base, struct buf *words, struct span *value, struct err *err)
{
	if (!is_file_name(base) || !span_starts(*value, "=?"))
		return RC_OK;
	TRY(word_decode(*value, words, err));
	clean(words);
	*value = buf_span(words);
	return RC_OK;
}

static struct piece *
choose_piece(struct pieces *pieces, struct span base)
{
	struct piece *chosen = find_piece(pieces, base, -1, true);

	if (chosen == NULL)
		chosen = find_piece(pieces, base, 0, false);
	if (chosen == NULL)
		chosen = find_piece(pieces, base, -1, false);
	return chosen;
}

/* Nearly all are: what was written is the value. */
static bool
is_plain(const struct piece *piece)
{
	if (piece->index >= 0 || piece->extended)
		return false;
	for (size_t i = 0; i < piece->raw.len; i++)
		if (piece->raw.data[i] < 0x20 || piece->raw.data[i] > 0x7e)
			return false;
	return true;
}

static enum rc
make_value(struct pieces *pieces, struct piece *chosen, struct buf *out,
    struct span *ret, struct err *err)
{
	if (is_plain(chosen)) {
		chosen->used = true;
		*ret = chosen->raw;
	} else {
		TRY(join(pieces, chosen, out, err));
		*ret = buf_span(out);
	}
	return check_others(pieces, chosen, err);
}

/* One parameter out of all pieces that share the name of `any`. */
static enum rc
resolve(struct pieces *pieces, const struct piece *any, struct strings *ret,
    struct err *err)
{
	struct buf joined BUF_OWNED = BUF(4 * CONTENT_VALUE_MAX);
	struct buf words BUF_OWNED = BUF(2 * CONTENT_VALUE_MAX);
	struct piece *chosen = choose_piece(pieces, any->base);
	struct span value;

	if (chosen == NULL)
		return err_set(err, RC_SYNTAX,
		    "MIME parameter %.*s without its first section",
		    SPAN_ARGS(any->base));
	TRY(make_value(pieces, chosen, &joined, &value, err));
	TRY(decode_words(chosen->base, &words, &value, err));
	TRY(add_lower(&ret->text, chosen->base, err));
	TRY(add_string(&ret->text, value, err));
	ret->params++;
	return RC_OK;
}

static enum rc
resolve_all(struct pieces *pieces, struct strings *ret, struct err *err)
{
	for (size_t i = 0; i < pieces->len; i++)
		if (!pieces->item[i].used)
			TRY(resolve(pieces, &pieces->item[i], ret, err));
	return RC_OK;
}

static char *
next_string(char **at)
{
	char *string = *at;

	*at += strlen(string) + 1;
	return string;
}

/* No more is added: now the strings stay where they are. */
static enum rc
finish(struct strings *strings, struct content *ret, struct err *err)
{
	struct content content = {.params = strings->params};

	if (content.params > 0) {
		content.param =
		    reallocarray(NULL, content.params, sizeof(*content.param));
		if (content.param == NULL)
			return err_nomem(err, "MIME parameters");
	}
	char *at = content.text = (char *)take(strings->text.data);
	content.type = next_string(&at);
	content.subtype = next_string(&at);
	for (size_t i = 0; i < content.params; i++) {
		content.param[i].name = next_string(&at);
		content.param[i].value = next_string(&at);
	}
	*ret = content;
	return RC_OK;
}

static enum rc
parse_type(struct cursor *at, struct strings *ret)
{
	TRY(cursor_skip_blanks(at));
	struct span type = take_while(at, is_token_byte), subtype = SPAN_NONE;
	TRY(cursor_skip_blanks(at));
	if (cursor_peek(at) == '/') {
		cursor_skip(at, 1);
		TRY(cursor_skip_blanks(at));
		subtype = take_while(at, is_token_byte);
		TRY(cursor_skip_blanks(at));
		if (subtype.len == 0)
			return err_set(
			    at->err, RC_SYNTAX, "MIME type without subtype");
	}
	if (type.len == 0)
		return err_set(at->err, RC_SYNTAX, "MIME field without type");
	TRY(add_lower(&ret->text, type, at->err));
	return add_lower(&ret->text, subtype, at->err);
}

static enum rc
parse_pieces(struct cursor *at, struct pieces *pieces)
{
	while (cursor_peek(at) == ';') {
		cursor_skip(at, 1);
		TRY(cursor_skip_blanks(at));
		/* ";;" and a last ";" say nothing and are common */
		if (cursor_peek(at) != ';' && cursor_peek(at) != -1)
			TRY(parse_piece(at, pieces));
	}
	if (cursor_peek(at) != -1)
		return err_set(at->err, RC_SYNTAX,
		    "something behind the value of a MIME field");
	return RC_OK;
}

static enum rc
parse(struct span value, struct pieces *pieces, struct strings *strings,
    struct err *err)
{
	struct cursor at = {value, "a MIME field", err, NULL};
	uint8_t *room;

	/* as much as there is in all but odd ones */
	TRY(buf_reserve(&strings->text, 2 * value.len, &room, err));
	TRY(parse_type(&at, strings));
	TRY(parse_pieces(&at, pieces));
	return resolve_all(pieces, strings, err);
}

enum rc
content_parse(struct span value, struct content *ret, struct err *err)
{
	struct pieces pieces __attribute__((cleanup(pieces_done)));
	struct strings strings = {BUF(CONTENT_TEXT_MAX), 0};

	pieces.len = 0;
	if (value.len > CONTENT_VALUE_MAX)
		return err_set(err, RC_LIMIT,
		    "MIME field larger than %zu bytes", CONTENT_VALUE_MAX);
	enum rc rc = parse(value, &pieces, &strings, err);
	if (rc == RC_OK)
		rc = finish(&strings, ret, err);
	buf_done(&strings.text);
	return rc;
}

void
content_done(struct content *content)
{
	free(content->param);
	free(content->text);
	*content = CONTENT_NONE;
}

bool
content_is(const struct content *content, const char *type, const char *subtype)
{
	return content->type != NULL && !strcasecmp(content->type, type) &&
	       (subtype == NULL || !strcasecmp(content->subtype, subtype));
}

const char *
content_param(const struct content *content, const char *name)
{
	for (size_t i = 0; i < content->params; i++)
		if (!strcasecmp(content->param[i].name, name))
			return content->param[i].value;
	return NULL;
}
