#include "codec/word.h"

#include <errno.h>
#include <iconv.h>

#include "codec/base64.h"

#define CHARSET_MAX 60
#define WORD_MAX 75       /* RFC 2047 section 2 */
#define FIRST_WORD_MAX 55 /* leaves room for the field's name */
#define RUN_MAX 900       /* RFC 5322 section 2.1.1: 998 in a line */
#define REPLACEMENT "\xef\xbf\xbd"

static const char digits[] = "0123456789ABCDEF";

/* The length of the UTF-8 character at the front, 0 if there is none: cut
 * off, too long a form, a surrogate, or beyond U+10FFFF. */
static size_t
utf8_len(struct span in)
{
	uint8_t c = in.len > 0 ? in.data[0] : 0xff;
	size_t len = c < 0x80   ? 1
		     : c < 0xc2 ? 0
		     : c < 0xe0 ? 2
		     : c < 0xf0 ? 3
				: 4;

	if (c > 0xf4 || len == 0 || in.len < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((in.data[i] & 0xc0) != 0x80)
			return 0;
	uint8_t second = len > 2 ? in.data[1] : 0x80;
	if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
	    (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
		return 0;
	return len;
}

/* C0 and C1 controls, DEL, and Unicode's two line ends. */
static bool
is_control(struct span character)
{
	const uint8_t *c = character.data;

	if (character.len == 1)
		return c[0] < 0x20 || c[0] == 0x7f;
	if (character.len == 2)
		return c[0] == 0xc2 && c[1] < 0xa0;
	return character.len == 3 && c[0] == 0xe2 && c[1] == 0x80 &&
	       (c[2] == 0xa8 || c[2] == 0xa9);
}

/* UTF-8 of anybody's: controls become spaces, what is no UTF-8 becomes
 * U+FFFD, so that no decoded text can end a line or steer a terminal. */
static enum rc
add_clean(struct span text, struct buf *out, struct err *err)
{
	while (text.len > 0) {
		size_t len = utf8_len(text);
		struct span character = span_first(text, len);
		if (len == 0)
			TRY(buf_add_str(out, REPLACEMENT, err));
		else if (is_control(character))
			TRY(buf_add_byte(out, ' ', err));
		else
			TRY(buf_add(out, character, err));
		text = span_after(text, len == 0 ? 1 : len);
	}
	return RC_OK;
}

/* One encoded word as it stands: =?charset*language?encoding?text?= */
struct word {
	struct span whole;
	char charset[CHARSET_MAX + 1];
	char encoding; /* 'B' or 'Q' */
	struct span text;
};

/* RFC 2047 section 2: a token is printable and has no especials.  The slash
 * among them keeps iconv's "//TRANSLIT" out of a peer's hands. */
static bool
is_token(uint8_t c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\"/[]?.=", c) == NULL;
}

static size_t
token_len(struct span in)
{
	size_t len = 0;

	while (len < in.len && is_token(in.data[len]))
		len++;
	return len;
}

/* RFC 2231 section 5: the charset may be followed by "*" and a language. */
static bool
set_charset(struct word *word, struct span token)
{
	ptrdiff_t star = span_find_byte(token, '*');

	if (star >= 0)
		token = span_first(token, (size_t)star);
	if (token.len == 0 || token.len > CHARSET_MAX)
		return false;
	memcpy(word->charset, token.data, token.len);
	word->charset[token.len] = '\0';
	return true;
}

static bool
set_encoding(struct word *word, struct span token)
{
	bool b = span_is_nocase(token, "B");

	word->encoding = b ? 'B' : 'Q';
	return b || span_is_nocase(token, "Q");
}

/* RFC 2047 section 2 allows no blank in it.  Senders write some, most readers
 * decode it all the same, and what they show is what a name is judged by. */
static size_t
text_len(struct span in)
{
	size_t len = 0;

	while (len < in.len && in.data[len] >= ' ' && in.data[len] < 0x7f &&
	       in.data[len] != '?')
		len++;
	return len;
}

/* Is there an encoded word at the front? */
static bool
word_parse(struct span in, struct word *ret)
{
	struct span rest = span_after(in, 2);
	size_t len = token_len(rest);

	if (!span_starts(in, "=?") || !set_charset(ret, span_first(rest, len)))
		return false;
	rest = span_after(rest, len);
	if (!span_starts(rest, "?"))
		return false;
	rest = span_after(rest, 1);
	len = token_len(rest);
	if (!set_encoding(ret, span_first(rest, len)))
		return false;
	rest = span_after(rest, len);
	if (!span_starts(rest, "?"))
		return false;
	rest = span_after(rest, 1);
	ret->text = span_first(rest, text_len(rest));
	rest = span_after(rest, ret->text.len);
	ret->whole = span_first(in, in.len - rest.len + 2);
	return span_starts(rest, "?=");
}

static int
value_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* RFC 2047 section 4.2; a "=" that starts no code stands for itself. */
static enum rc
decode_q(struct span in, struct buf *out, struct err *err)
{
	while (in.len > 0) {
		int high = in.len < 3 ? -1 : value_of(in.data[1]);
		int low = in.len < 3 ? -1 : value_of(in.data[2]);
		bool code = in.data[0] == '=' && high >= 0 && low >= 0;
		uint8_t c = in.data[0] == '_' ? ' ' : in.data[0];
		if (code)
			c = (uint8_t)(high << 4 | low);
		TRY(buf_add_byte(out, c, err));
		in = span_after(in, code ? 3 : 1);
	}
	return RC_OK;
}

/* Neighbouring words of one charset, decoded but not yet converted: many
 * senders cut a character in two between words. */
struct run {
	struct span source; /* as it stood, for a charset nobody knows */
	char charset[CHARSET_MAX + 1];
	struct buf bytes;
};

/* One step of iconv through a small window; bytes that mean nothing in the
 * charset become U+FFFD one by one. */
static enum rc
convert(iconv_t to_utf8, struct span in, struct buf *out, struct err *err)
{
	char *from = (char *)(uintptr_t)in.data; /* iconv only reads it */
	size_t left = in.len;

	while (left > 0) {
		char window[256], *to = window;
		size_t room = sizeof(window);
		size_t done = iconv(to_utf8, &from, &left, &to, &room);
		bool bad = done == (size_t)-1 && errno != E2BIG;
		TRY(add_clean(
		    span_of(window, sizeof(window) - room), out, err));
		if (!bad)
			continue;
		TRY(buf_add_str(out, REPLACEMENT, err));
		from++;
		left--;
	}
	return RC_OK;
}

static bool
is_utf8_name(const char *charset)
{
	struct span name = span_str(charset);

	return span_is_nocase(name, "UTF-8") || span_is_nocase(name, "UTF8") ||
	       span_is_nocase(name, "US-ASCII");
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

static enum rc
run_flush(struct run *run, struct buf *out, struct err *err)
{
	if (run->source.len == 0)
		return RC_OK;
	struct span source = run->source, bytes = buf_span(&run->bytes);
	run->source = SPAN_NONE;
	if (is_utf8_name(run->charset))
		return add_clean(bytes, out, err);
	iconv_t to_utf8 = iconv_open("UTF-8", run->charset);
	/* whatever the charset, readers show ASCII as it is */
	if (to_utf8 == (iconv_t)-1)
		return add_clean(is_ascii(bytes) ? bytes : source, out, err);
	enum rc rc = convert(to_utf8, bytes, out, err);
	(void)iconv_close(to_utf8);
	return rc;
}

/* Most readers miss neither the padding behind base64 nor mind bits that are
 * over: the last group is filled with zeros, and what they make is cut off. */
static enum rc
decode_b(struct span in, struct buf *out, struct err *err)
{
	struct buf filled BUF_OWNED = BUF(in.len + 3);
	size_t count = 0, over = 0;

	while (in.len > 0 && strchr("= ", in.data[in.len - 1]) != NULL)
		in.len--;
	for (size_t i = 0; i < in.len; i++)
		count += in.data[i] != ' ';
	TRY(buf_add(&filled, in, err));
	for (; (count + over) % 4 != 0; over++)
		TRY(buf_add_byte(&filled, 'A', err));
	TRY(base64_decode(buf_span(&filled), out, err));
	buf_cut(out, out->len - over);
	return RC_OK;
}

/* RC_SYNTAX: the text is no base64, so that this is no encoded word. */
static enum rc
word_bytes(const struct word *word, struct buf *out, struct err *err)
{
	if (word->encoding == 'B')
		return decode_b(word->text, out, err);
	return decode_q(word->text, out, err);
}

static enum rc
run_add(
    struct run *run, const struct word *word, struct buf *out, struct err *err)
{
	bool same = run->source.len > 0 &&
		    span_is_nocase(span_str(word->charset), run->charset);

	if (!same) {
		TRY(run_flush(run, out, err));
		buf_clear(&run->bytes);
		memcpy(run->charset, word->charset, sizeof(run->charset));
		run->source = word->whole;
	}
	run->source.len =
	    (size_t)(word->whole.data + word->whole.len - run->source.data);
	return word_bytes(word, &run->bytes, err);
}

/* The encoded word at the front, if it is one and its text can be decoded. */
static enum rc
find_word(struct span in, struct word *ret, struct err *err)
{
	struct buf trial BUF_OWNED = BUF(in.len);

	if (!word_parse(in, ret))
		return RC_ABSENT;
	enum rc rc = word_bytes(ret, &trial, err);
	return rc == RC_SYNTAX ? RC_ABSENT : rc;
}

static size_t
blank_len(struct span in)
{
	size_t len = 0;

	while (len < in.len && in.data[len] != 0 &&
	       strchr(" \t\r\n", in.data[len]) != NULL)
		len++;
	return len;
}

/* Unfolding (RFC 5322 section 2.2.3) takes only the line ends away, so that
 * the blank behind one stays. */
static enum rc
add_blanks(struct span blanks, struct buf *out, struct err *err)
{
	for (; blanks.len > 0; blanks = span_after(blanks, 1)) {
		bool fold = span_starts(blanks, "\r\n") && blanks.len > 2 &&
			    (blanks.data[2] == ' ' || blanks.data[2] == '\t');
		if (fold)
			blanks = span_after(blanks, 2);
		TRY(buf_add_byte(out, ' ', err));
	}
	return RC_OK;
}

/* One step: an encoded word, blanks, or text up to the next of either.
 * RFC 2047 section 6.2: "any 'linear-white-space' that separates a pair of
 * adjacent 'encoded-word's is ignored"; `in` begins with no blank that was
 * ignored. */
static enum rc
decode_step(struct span *in, struct run *run, struct buf *out, struct err *err)
{
	struct word word;
	size_t blank = blank_len(*in);
	struct span rest = span_after(*in, run->source.len > 0 ? blank : 0);
	enum rc rc = find_word(rest, &word, err);

	if (rc == RC_OK) {
		*in = span_after(rest, word.whole.len);
		return run_add(run, &word, out, err);
	}
	if (rc != RC_ABSENT)
		return rc;
	TRY(run_flush(run, out, err));
	if (blank > 0) {
		struct span blanks = span_first(*in, blank);
		*in = span_after(*in, blank);
		return add_blanks(blanks, out, err);
	}
	size_t len = 1;
	while (len < in->len && blank_len(span_after(*in, len)) == 0 &&
	       !span_starts(span_after(*in, len), "=?"))
		len++;
	struct span text = span_first(*in, len);
	*in = span_after(*in, len);
	return add_clean(text, out, err);
}

static enum rc
decode_all(struct span in, struct run *run, struct buf *out, struct err *err)
{
	while (in.len > 0)
		TRY(decode_step(&in, run, out, err));
	return run_flush(run, out, err);
}

enum rc
word_decode(struct span value, struct buf *out, struct err *err)
{
	size_t before = out->len;
	struct run run = {.bytes = BUF(value.len)};
	enum rc rc = decode_all(value, &run, out, err);

	buf_done(&run.bytes);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

/* Plain: printable ASCII that no reader takes for an encoded word, that
 * survives trimming, and that a writer can fold. */
static bool
is_plain(struct span text)
{
	size_t run = 0;

	if (text.len == 0)
		return true;
	if (text.data[0] == ' ' || text.data[text.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		run = text.data[i] == ' ' ? 0 : run + 1;
		if (text.data[i] < ' ' || text.data[i] > '~' || run > RUN_MAX)
			return false;
	}
	return span_find(text, span_str("=?")) < 0;
}

/* RFC 2047 section 5 (3): what may stand in a word everywhere, in a phrase
 * too. */
static bool
is_q_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '!' || c == '*' || c == '+' ||
	       c == '-' || c == '/';
}

static size_t
q_width(struct span text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.len; i++)
		width +=
		    is_q_plain(text.data[i]) || text.data[i] == ' ' ? 1 : 3;
	return width;
}

static size_t
b_width(struct span text)
{
	return (text.len + 2) / 3 * 4;
}

static enum rc
write_q(struct span text, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		uint8_t code[3] = {
		    '=', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
		if (is_q_plain(c))
			TRY(buf_add_byte(out, c, err));
		else if (c == ' ')
			TRY(buf_add_byte(out, '_', err));
		else
			TRY(buf_add(out, span_of(code, 3), err));
	}
	return RC_OK;
}

static enum rc
write_word(struct span text, bool q, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, q ? "=?UTF-8?Q?" : "=?UTF-8?B?", err));
	if (q)
		TRY(write_q(text, out, err));
	else
		TRY(base64_encode(text, 0, out, err));
	return buf_add_str(out, "?=", err);
}

/* As many whole characters as one word of `width` holds (RFC 2047 section 5:
 * "a multi-octet character may not be split across adjacent words"). */
static size_t
fitting(struct span text, bool q, size_t width)
{
	size_t len = 0;

	width -= sizeof("=?UTF-8?Q?"
			"?=") -
		 1;
	while (len < text.len) {
		size_t next = len + utf8_len(span_after(text, len));
		struct span part = span_first(text, next);
		if ((q ? q_width(part) : b_width(part)) > width)
			break;
		len = next;
	}
	return len;
}

static enum rc
check_text(struct span text, struct err *err)
{
	while (text.len > 0) {
		size_t len = utf8_len(text);
		if (len == 0)
			return err_set(
			    err, RC_SYNTAX, "header text: not UTF-8");
		if (is_control(span_first(text, len)) && text.data[0] != '\t')
			return err_set(err, RC_SYNTAX,
			    "header text: control character or line end");
		text = span_after(text, len);
	}
	return RC_OK;
}

static enum rc
write_words(struct span text, struct buf *out, struct err *err)
{
	bool q = q_width(text) <= b_width(text);
	size_t width = FIRST_WORD_MAX;

	while (text.len > 0) {
		size_t len = fitting(text, q, width);
		TRY(write_word(span_first(text, len), q, out, err));
		text = span_after(text, len);
		width = WORD_MAX;
		if (text.len > 0)
			TRY(buf_add_str(out, "\r\n ", err));
	}
	return RC_OK;
}

enum rc
word_encode(struct span utf8, struct buf *out, struct err *err)
{
	size_t before = out->len;

	TRY(check_text(utf8, err));
	if (is_plain(utf8))
		return buf_add(out, utf8, err);
	enum rc rc = write_words(utf8, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
