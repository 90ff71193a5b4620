#include "edge/imap_envelope.h"

#include "proto/imap_token.h"

#define VALUE_MAX FIELD_SECTION_MAX
#define COMMENT_DEPTH_MAX 50

/* A field being read.  `word` gathers a phrase or a local part: only "<", "@"
 * or ":" behind it says which; `comment` the last "(...)", which old programs
 * use for the name. */
struct reader {
	struct span rest;
	struct buf word, comment, route, domain;
	size_t count;
	struct buf *out;
	struct err *err;
};

#define READER_OWNED __attribute__((cleanup(reader_done)))

static void
reader_done(struct reader *reader)
{
	buf_done(&reader->word);
	buf_done(&reader->comment);
	buf_done(&reader->route);
	buf_done(&reader->domain);
}

static void
forget(struct reader *reader)
{
	buf_clear(&reader->word);
	buf_clear(&reader->comment);
	buf_clear(&reader->route);
	buf_clear(&reader->domain);
}

static int
peek(const struct reader *reader)
{
	return reader->rest.len == 0 ? -1 : reader->rest.data[0];
}

static int
take_byte(struct reader *reader)
{
	int c = peek(reader);

	reader->rest = span_after(reader->rest, 1);
	return c;
}

static bool
is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* --- words --- */

static enum rc
read_comment(struct reader *reader)
{
	unsigned depth = 0;

	buf_clear(&reader->comment);
	for (;;) {
		int c = take_byte(reader);
		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')' && --depth == 0)
			return RC_OK;
		if (c == '\\')
			c = take_byte(reader);
		if (c == -1 || depth > COMMENT_DEPTH_MAX)
			return RC_OK;
		if (c != '\r' && c != '\n')
			TRY(buf_add_byte(
			    &reader->comment, (uint8_t)c, reader->err));
	}
}

static enum rc
read_quoted(struct reader *reader, struct buf *word)
{
	(void)take_byte(reader);
	for (;;) {
		int c = take_byte(reader);
		if (c == -1 || c == '"')
			return RC_OK;
		if (c == '\\')
			c = take_byte(reader);
		if (c != -1 && c != '\r' && c != '\n')
			TRY(buf_add_byte(word, (uint8_t)c, reader->err));
	}
}

static enum rc
read_literal(struct reader *reader, struct buf *word)
{
	int c;

	do {
		c = take_byte(reader);
		if (c != -1 && !is_blank(c))
			TRY(buf_add_byte(word, (uint8_t)c, reader->err));
	} while (c != -1 && c != ']');
	return RC_OK;
}

/* May a space stand here?  In a phrase wherever there are blanks; in an address
 * never beside a dot ("a . b@c" is a.b@c). */
static bool
may_part(const struct buf *word, int next, bool phrase)
{
	return word->len > 0 &&
	       (phrase || (next != '.' && word->data[word->len - 1] != '.'));
}

/* Gather words up to one of the `stop` characters or the end. */
static enum rc
read_words(
    struct reader *reader, struct buf *word, const char *stop, bool phrase)
{
	bool gap = false;

	for (;;) {
		int c = peek(reader);
		if (c == -1 || (c != 0 && strchr(stop, c) != NULL))
			return RC_OK;
		if (is_blank(c)) {
			gap = true;
			(void)take_byte(reader);
			continue;
		}
		if (c == '(') {
			gap = true;
			TRY(read_comment(reader));
			continue;
		}
		if (gap && may_part(word, c, phrase))
			TRY(buf_add_byte(word, ' ', reader->err));
		gap = false;
		if (c == '"')
			TRY(read_quoted(reader, word));
		else if (c == '[')
			TRY(read_literal(reader, word));
		else
			TRY(buf_add_byte(
			    word, (uint8_t)take_byte(reader), reader->err));
	}
}

/* --- addresses --- */

static enum rc
print_nstring(const struct buf *text, struct buf *out, struct err *err)
{
	if (text->len == 0)
		return buf_add_str(out, "NIL", err);
	return imap_print_string(buf_span(text), out, err);
}

/* The host is never NIL for an address: that would say "group". */
static enum rc
print_address(
    struct reader *reader, const struct buf *name, const struct buf *local)
{
	struct span host = reader->domain.len > 0 ? buf_span(&reader->domain)
						  : span_str("MISSING_DOMAIN");
	struct span mailbox =
	    local->len > 0 ? buf_span(local) : span_str("MISSING_MAILBOX");

	reader->count++;
	TRY(buf_add_str(reader->out, "(", reader->err));
	TRY(print_nstring(name, reader->out, reader->err));
	TRY(buf_add_str(reader->out, " ", reader->err));
	TRY(print_nstring(&reader->route, reader->out, reader->err));
	TRY(buf_add_str(reader->out, " ", reader->err));
	TRY(imap_print_string(mailbox, reader->out, reader->err));
	TRY(buf_add_str(reader->out, " ", reader->err));
	TRY(imap_print_string(host, reader->out, reader->err));
	return buf_add_str(reader->out, ")", reader->err);
}

/* Behind "<": "@route:local@domain>". */
static enum rc
read_angle(struct reader *reader)
{
	struct buf local BUF_OWNED = BUF(VALUE_MAX);

	(void)take_byte(reader);
	TRY(read_words(reader, &local, "@>", false));
	if (local.len == 0 && peek(reader) == '@') {
		TRY(read_words(reader, &reader->route, ":>", false));
		if (peek(reader) == ':')
			(void)take_byte(reader);
		TRY(read_words(reader, &local, "@>", false));
	}
	if (peek(reader) == '@')
		(void)take_byte(reader);
	TRY(read_words(reader, &reader->domain, ">", false));
	(void)take_byte(reader);
	return print_address(reader,
	    reader->word.len > 0 ? &reader->word : &reader->comment, &local);
}

static enum rc
read_plain(struct reader *reader)
{
	if (peek(reader) == '@') {
		(void)take_byte(reader);
		TRY(read_words(reader, &reader->domain, ",;<", false));
	}
	return print_address(reader, &reader->comment, &reader->word);
}

static enum rc
begin_group(struct reader *reader)
{
	(void)take_byte(reader);
	TRY(buf_add_str(reader->out, "(NIL NIL ", reader->err));
	TRY(imap_print_string(
	    buf_span(&reader->word), reader->out, reader->err));
	return buf_add_str(reader->out, " NIL)", reader->err);
}

static enum rc
read_element(struct reader *reader, bool *in_group)
{
	struct span start = reader->rest;

	forget(reader);
	TRY(read_words(reader, &reader->word, "<@:,;", true));
	int c = peek(reader);
	if (c == ':' && !*in_group) {
		*in_group = true;
		return begin_group(reader);
	}
	if (c == '<')
		return read_angle(reader);
	if (c == '@' || reader->word.len > 0) {
		/* it was no phrase */
		reader->rest = start;
		buf_clear(&reader->word);
		TRY(read_words(reader, &reader->word, "<@:,;", false));
		TRY(read_plain(reader));
	}
	c = peek(reader);
	if (c == ';' && *in_group) {
		*in_group = false;
		TRY(buf_add_str(reader->out, "(NIL NIL NIL NIL)", reader->err));
	}
	if (c == ',' || c == ';' || c == ':')
		(void)take_byte(reader);
	return RC_OK;
}

static enum rc
print_list(struct span value, struct buf *out, struct err *err)
{
	struct reader reader READER_OWNED = {value, BUF(VALUE_MAX),
	    BUF(VALUE_MAX), BUF(VALUE_MAX), BUF(VALUE_MAX), 0, out, err};
	bool in_group = false;
	size_t was = out->len;

	TRY(buf_add_str(out, "(", err));
	while (reader.rest.len > 0 && reader.count < IMAP_ADDRESSES_MAX)
		TRY(read_element(&reader, &in_group));
	if (in_group)
		TRY(buf_add_str(out, "(NIL NIL NIL NIL)", err));
	if (out->len == was + 1) {
		buf_cut(out, was);
		return buf_add_str(out, "NIL", err);
	}
	return buf_add_str(out, ")", err);
}

/* --- the envelope --- */

/* RFC 5322 section 2.2.3, and a tab that folded is a space. */
static enum rc
unfold(struct span value, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];
		bool folded = i > 0 && value.data[i - 1] == '\n';
		if (c != '\r' && c != '\n')
			TRY(buf_add_byte(
			    out, c == '\t' && folded ? ' ' : c, err));
	}
	return RC_OK;
}

enum rc
imap_print_field(const struct fields *fields, const char *name, struct buf *out,
    struct err *err)
{
	const struct field *field = fields_find(fields, name);
	struct buf value BUF_OWNED = BUF(VALUE_MAX);

	if (field == NULL)
		return buf_add_str(out, "NIL", err);
	TRY(unfold(field->value, &value, err));
	return imap_print_string(buf_span(&value), out, err);
}

/* RFC 3501 section 7.4.2: "If the Sender or Reply-To lines are absent in the
 * [RFC-2822] header, or are present but empty, the server sets the
 * corresponding member of the envelope to be the same value as the from
 * member". */
static enum rc
print_addresses(const struct fields *fields, const char *name,
    const char *instead, struct buf *out, struct err *err)
{
	struct buf list BUF_OWNED = BUF(VALUE_MAX * 8);

	TRY(print_list(fields_value(fields, name), &list, err));
	if (instead != NULL && span_is(buf_span(&list), span_str("NIL")))
		return print_addresses(fields, instead, NULL, out, err);
	return buf_add(out, buf_span(&list), err);
}

enum rc
imap_envelope_print(
    const struct fields *fields, struct buf *out, struct err *err)
{
	static const struct {
		const char *name;
		bool addresses;
		const char *instead;
	} members[] = {
	    {"Date", false, NULL},
	    {"Subject", false, NULL},
	    {"From", true, NULL},
	    {"Sender", true, "From"},
	    {"Reply-To", true, "From"},
	    {"To", true, NULL},
	    {"Cc", true, NULL},
	    {"Bcc", true, NULL},
	    {"In-Reply-To", false, NULL},
	    {"Message-ID", false, NULL},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		TRY(buf_add_str(out, i == 0 ? "(" : " ", err));
		TRY(members[i].addresses
			? print_addresses(fields, members[i].name,
			      members[i].instead, out, err)
			: imap_print_field(fields, members[i].name, out, err));
	}
	return buf_add_str(out, ")", err);
}
