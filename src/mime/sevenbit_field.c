#include "mime/sevenbit_field_priv.h"

#include "codec/word.h"
#include "mime/content.h"
#include "mime/lines_priv.h"
#include "mime/param_priv.h"
#include "codec/utf8.h"

#define VALUE_MAX (4 * FIELD_SECTION_MAX)

/* How a field is made; "*" at the end of a name for all that begin so. */
enum form {
	FORM_TEXT,       /* free text */
	FORM_PARAMETERS, /* a MIME type and its parameters */
	FORM_ADDRESSES,  /* display names before "<" or ":" are text */
	FORM_PHRASES,    /* all but the commas is text */
	FORM_STRUCTURED, /* only comments are text */
};

static enum form
form_of(struct span name)
{
	static const struct {
		const char *name;
		enum form form;
	} forms[] = {
	    {"Content-Type", FORM_PARAMETERS},
	    {"Content-Disposition", FORM_PARAMETERS},
	    {"From", FORM_ADDRESSES},
	    {"Sender", FORM_ADDRESSES},
	    {"Reply-To", FORM_ADDRESSES},
	    {"To", FORM_ADDRESSES},
	    {"Cc", FORM_ADDRESSES},
	    {"Bcc", FORM_ADDRESSES},
	    {"Resent-From", FORM_ADDRESSES},
	    {"Resent-Sender", FORM_ADDRESSES},
	    {"Resent-Reply-To", FORM_ADDRESSES},
	    {"Resent-To", FORM_ADDRESSES},
	    {"Resent-Cc", FORM_ADDRESSES},
	    {"Resent-Bcc", FORM_ADDRESSES},
	    {"Mail-Followup-To", FORM_ADDRESSES},
	    {"Mail-Reply-To", FORM_ADDRESSES},
	    {"Disposition-Notification-To", FORM_ADDRESSES},
	    {"Return-Receipt-To", FORM_ADDRESSES},
	    {"Errors-To", FORM_ADDRESSES},
	    {"List-*", FORM_ADDRESSES},
	    {"Keywords", FORM_PHRASES},
	    {"Date", FORM_STRUCTURED},
	    {"Resent-Date", FORM_STRUCTURED},
	    {"Message-ID", FORM_STRUCTURED},
	    {"Resent-Message-ID", FORM_STRUCTURED},
	    {"In-Reply-To", FORM_STRUCTURED},
	    {"References", FORM_STRUCTURED},
	    {"Content-ID", FORM_STRUCTURED},
	    {"Content-Transfer-Encoding", FORM_STRUCTURED},
	    {"MIME-Version", FORM_STRUCTURED},
	    {"Received", FORM_STRUCTURED},
	    {"Return-Path", FORM_STRUCTURED},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct span want = span_str(forms[i].name), got = name;
		if (want.data[want.len - 1] == '*')
			got = span_first(got, --want.len);
		if (span_equal_nocase(got, want))
			return forms[i].form;
	}
	return FORM_TEXT;
}

static bool
is_ascii(struct span text)
{
	return !lines_look(text).eight_bit;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
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

/* ---- addresses, phrases and comments ------------------------------------- */

struct walk {
	struct span in;
	enum form form;
	struct buf *out;
	struct err *err;
};

/* The length of what begins with a quote or a parenthesis, to its end. */
static size_t
enclosed_len(struct span in)
{
	bool comment = in.data[0] == '(';
	size_t depth = 1, at = 1;

	for (; at < in.len && depth > 0; at++) {
		uint8_t c = in.data[at];
		if (c == '\\')
			at++;
		else if (comment && c == '(')
			depth++;
		else if (c == (comment ? ')' : '"'))
			depth--;
	}
	return at < in.len ? at : in.len;
}

static enum rc
add_unescaped(struct span in, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] == '\\' && i + 1 < in.len)
			i++;
		TRY(buf_add_byte(out, in.data[i], err));
	}
	return RC_OK;
}

/* What lies between the outer quotes or parentheses. */
static struct span
inside_of(struct span enclosed)
{
	uint8_t end = enclosed.data[0] == '(' ? ')' : '"';
	bool ended = enclosed.len > 1 && enclosed.data[enclosed.len - 1] == end;

	return span_after(
	    span_first(enclosed, enclosed.len - (ended ? 1 : 0)), 1);
}

static enum rc
add_comment(const struct walk *walk, struct span comment)
{
	struct buf text BUF_OWNED = BUF_SECRET(VALUE_MAX);
	struct buf words BUF_OWNED = BUF_SECRET(VALUE_MAX);

	if (is_ascii(comment))
		return buf_add(walk->out, comment, walk->err);
	TRY(add_unescaped(inside_of(comment), &text, walk->err));
	TRY(word_encode(buf_span(&text), &words, walk->err));
	TRY(buf_add_byte(walk->out, '(', walk->err));
	TRY(buf_add(walk->out, buf_span(&words), walk->err));
	return buf_add_byte(walk->out, ')', walk->err);
}

/* The text that a phrase shows: no encoded word is one within quotes. */
static enum rc
read_phrase(struct span phrase, struct buf *out, struct err *err)
{
	while (phrase.len > 0) {
		bool quoted = phrase.data[0] == '"';
		ptrdiff_t next = span_find_byte(phrase, '"');
		size_t len = next < 0 ? phrase.len : (size_t)next;
		if (quoted)
			len = enclosed_len(phrase);
		struct span part = span_first(phrase, len);
		TRY(quoted ? add_unescaped(inside_of(part), out, err)
			   : word_decode(part, out, err));
		phrase = span_after(phrase, len);
	}
	return RC_OK;
}

/* A stretch without comments; its outer blanks stay. */
static enum rc
add_stretch(const struct walk *walk, struct span stretch, bool phrase)
{
	struct buf text BUF_OWNED = BUF_SECRET(VALUE_MAX);
	struct buf words BUF_OWNED = BUF_SECRET(VALUE_MAX);
	struct span inner = span_trim(stretch);
	size_t before = (size_t)(inner.data - stretch.data);

	if (!phrase || is_ascii(stretch))
		return buf_add(walk->out, stretch, walk->err);
	TRY(read_phrase(inner, &text, walk->err));
	TRY(word_encode(buf_span(&text), &words, walk->err));
	TRY(buf_add(walk->out, span_first(stretch, before), walk->err));
	TRY(buf_add(walk->out, buf_span(&words), walk->err));
	return buf_add(
	    walk->out, span_after(stretch, before + inner.len), walk->err);
}

static enum rc
add_run(const struct walk *walk, struct span run, bool phrase)
{
	for (size_t at = 0, from = 0; from < run.len;) {
		uint8_t c = at < run.len ? run.data[at] : '(';
		if (c == '"') {
			at += enclosed_len(span_after(run, at));
			continue;
		}
		if (c != '(') {
			at++;
			continue;
		}
		TRY(add_stretch(
		    walk, span_after(span_first(run, at), from), phrase));
		struct span comment = span_after(run, at);
		if (comment.len > 0)
			comment = span_first(comment, enclosed_len(comment));
		TRY(add_comment(walk, comment));
		from = at += comment.len;
	}
	return RC_OK;
}

/* The length of "<...>". */
static size_t
angle_len(struct span in)
{
	size_t at = 1;

	while (at < in.len && in.data[at] != '>')
		at += in.data[at] == '"' ? enclosed_len(span_after(in, at)) : 1;
	return at < in.len ? at + 1 : in.len;
}

/* What ends a run of words, and whether these are a phrase then. */
static bool
ends_run(const struct walk *walk, uint8_t c, bool *ret_phrase)
{
	*ret_phrase = walk->form == FORM_PHRASES ||
		      (walk->form == FORM_ADDRESSES && (c == '<' || c == ':'));
	return c == '<' || c == ':' || c == ',' || c == ';';
}

static enum rc
walk_value(const struct walk *walk)
{
	struct span in = walk->in;
	bool phrase;

	for (size_t at = 0, from = 0;;) {
		uint8_t c = at < in.len ? in.data[at] : ',';
		if (c == '"' || c == '(') {
			at += enclosed_len(span_after(in, at));
			continue;
		}
		if (!ends_run(walk, c, &phrase)) {
			at += c == '\\' && at + 1 < in.len ? 2 : 1;
			continue;
		}
		TRY(add_run(
		    walk, span_after(span_first(in, at), from), phrase));
		if (at >= in.len)
			return RC_OK;
		size_t len = c == '<' ? angle_len(span_after(in, at)) : 1;
		TRY(buf_add(
		    walk->out, span_first(span_after(in, at), len), walk->err));
		from = at += len;
	}
}

/* ---- the forms ------------------------------------------------------------ */

static enum rc
print_text(
    const char *name, struct span value, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(VALUE_MAX);
	struct buf words BUF_OWNED = BUF_SECRET(VALUE_MAX);

	TRY(word_decode(value, &text, err));
	TRY(word_encode(buf_span(&text), &words, err));
	return field_print(name, buf_span(&words), out, err);
}

static enum rc
print_parameters(
    const char *name, struct span value, struct buf *out, struct err *err)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;

	TRY(content_parse(value, &content, err));
	TRY(param_print(&content, name, out, err));
	return buf_add_str(out, "\r\n", err);
}

static enum rc
print_walked(const char *name, struct span value, enum form form,
    struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(VALUE_MAX);
	const struct walk walk = {value, form, &text, err};

	TRY(walk_value(&walk));
	return field_print(name, buf_span(&text), out, err);
}

static enum rc
print_form(
    const char *name, struct span value, struct buf *out, struct err *err)
{
	enum form form = form_of(span_str(name));

	/* too long only, perhaps: then it is folded and no more */
	if (form != FORM_PARAMETERS && is_ascii(value) &&
	    field_print(name, value, out, err) == RC_OK)
		return RC_OK;
	if (form == FORM_TEXT)
		return print_text(name, value, out, err);
	if (form == FORM_PARAMETERS)
		return print_parameters(name, value, out, err);
	return print_walked(name, value, form, out, err);
}

static enum rc
print_anew(
    const struct field *field, bool strict, struct buf *out, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SECRET(FIELD_SECTION_MAX);
	struct buf flat BUF_OWNED = BUF_SECRET(FIELD_SECTION_MAX);
	struct buf latin1 BUF_OWNED = BUF_SECRET(VALUE_MAX);
	struct span value;
	const char *text;

	TRY(buf_add(&name, field->name, err));
	TRY(buf_str(&name, &text, err));
	TRY(field_unfold(field->value, &flat, err));
	value = buf_span(&flat);
	while (value.len > 0 && is_blank(value.data[value.len - 1]))
		value.len--;
	if (utf8_ok(value))
		return print_form(text, value, out, err);
	if (strict)
		return err_set(err, RC_SYNTAX,
		    "8-bit characters in a header that are no UTF-8; the mail "
		    "program must encode them (RFC 2047)");
	TRY(add_latin1(value, &latin1, err));
	return print_form(text, buf_span(&latin1), out, err);
}

enum rc
sevenbit_field(
    const struct field *field, bool strict, struct buf *out, struct err *err)
{
	struct wire trouble = lines_look(field->whole);
	size_t before = out->len;

	if (!trouble.eight_bit && !trouble.long_line)
		return lines_add_field(field, out, err);
	enum rc rc = print_anew(field, strict, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
