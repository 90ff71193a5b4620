#include "proto/imap_stream.h"

#include <stdlib.h>

#include "proto/line_priv.h"

/* How far beyond one unit the caller may push before taking units out. */
#define PUSH_AHEAD ((size_t)1 << 20)
#define OUTPUT_MAX ((size_t)128 << 20)
#define TAG_MAX 64

/* One unit on its way in:
 *
 *   in:  | taken units | text CRLF | literal | text CRLF | not looked at |
 *        0             unit        part..    ^part       ^scan
 *
 *     TEXT --line ends with {n}: begin_literal()--> LITERAL
 *     LITERAL --n bytes are there: next()--> TEXT
 *     TEXT --CRLF: end_unit()--> TEXT, unit handed out
 *     any --the connection cannot go on: refuse()--> CLOSED
 */
enum state { TEXT, LITERAL, CLOSED };

struct imap_stream {
	enum imap_side side;
	struct imap_limits limits;
	enum state state;
	bool began; /* the first line is over */
	struct buf in;
	size_t unit;        /* where the current unit begins */
	size_t part;        /* where its current stretch of text begins */
	size_t scan;        /* no CRLF before here */
	size_t text_len;    /* bytes of the unit that are not literals */
	size_t literal_end; /* in LITERAL */
	struct buf out;
};

void
imap_stream_set_limits(struct imap_stream *stream, struct imap_limits limits)
{
	stream->limits = limits;
	if (!add_ok(limits.unit, PUSH_AHEAD, &stream->in.max))
		stream->in.max = SIZE_MAX - 1;
}

enum rc
imap_stream_new(enum imap_side side, struct imap_limits limits,
    struct imap_stream **ret, struct err *err)
{
	struct imap_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return err_nomem(err, "IMAP stream");
	stream->side = side;
	/* logins pass through both: wiped when given back */
	stream->in = BUF_SECRET(0);
	stream->out = BUF_SECRET(OUTPUT_MAX);
	imap_stream_set_limits(stream, limits);
	*ret = stream;
	return RC_OK;
}

void
imap_stream_free(struct imap_stream *stream)
{
	if (stream == NULL)
		return;
	buf_done(&stream->in);
	buf_done(&stream->out);
	free(stream);
}

/* Units that were handed out go away only here, so that many small ones in
 * one push cost one move. */
static void
drop_taken(struct imap_stream *stream)
{
	size_t len = stream->unit;

	buf_drop(&stream->in, len);
	stream->unit = 0;
	stream->part -= len;
	stream->scan -= len;
	stream->literal_end -= stream->state == LITERAL ? len : 0;
}

enum rc
imap_stream_push(struct imap_stream *stream, struct span bytes, struct err *err)
{
	drop_taken(stream);
	return buf_add(&stream->in, bytes, err);
}

bool
imap_stream_has_rest(const struct imap_stream *stream)
{
	return stream->in.len > stream->unit;
}

enum rc
imap_stream_send(struct imap_stream *stream, struct span bytes, struct err *err)
{
	return buf_add(&stream->out, bytes, err);
}

struct span
imap_stream_output(const struct imap_stream *stream)
{
	return buf_span(&stream->out);
}

void
imap_stream_sent(struct imap_stream *stream, size_t len)
{
	buf_drop(&stream->out, len);
}

static struct span
unit_until(const struct imap_stream *stream, size_t end)
{
	return span_of(stream->in.data + stream->unit, end - stream->unit);
}

/* The first word of the unit if it can be a tag, else "*". */
static struct span
find_tag(const struct imap_stream *stream)
{
	struct span unit = unit_until(stream, stream->in.len);
	size_t len = 0;

	while (len < unit.len && unit.data[len] > ' ' &&
	       unit.data[len] < 0x7f &&
	       strchr("(){%*\"\\+", unit.data[len]) == NULL)
		len++;
	if (len == 0 || len > TAG_MAX || len == unit.len ||
	    (unit.data[len] != ' ' && unit.data[len] != '\r'))
		return span_str("*");
	return span_first(unit, len);
}

static enum rc
answer(struct imap_stream *stream, const char *text, struct err *err)
{
	struct span tag = find_tag(stream);

	return buf_add_format(
	    &stream->out, err, "%.*s %s\r\n", SPAN_ARGS(tag), text);
}

/* The next bytes begin a new unit. */
static void
begin_unit(struct imap_stream *stream, size_t at)
{
	stream->unit = stream->part = stream->scan = at;
	stream->text_len = 0;
	stream->state = TEXT;
}

/* Nothing behind this point can be told apart any more. */
static enum rc
refuse(struct imap_stream *stream, const char *why, struct err *err)
{
	stream->state = CLOSED;
	if (stream->side == IMAP_SERVER)
		TRY(buf_add_format(&stream->out, err, "* BYE %s\r\n", why));
	return err_set(err, RC_REFUSED, "IMAP: %s", why);
}

/* Literals stand in data, never in the free text of a status response or a
 * continuation: "* OK see {3}" is whole. */
static bool
may_hold_literal(const struct imap_stream *stream)
{
	static const char *const status[] = {
	    "* OK", "* NO", "* BAD", "* BYE", "* PREAUTH"};
	struct span unit = unit_until(stream, stream->in.len);

	if (stream->side == IMAP_SERVER)
		return true;
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		size_t len = strlen(status[i]);
		if (span_starts_nocase(unit, status[i]) &&
		    (unit.len == len || unit.data[len] <= ' '))
			return false;
	}
	return span_starts(unit, "* ");
}

struct literal {
	size_t len;
	bool waits; /* synchronising */
};

/* Does the stretch of text end in "{12}" or, from a client, "{12+}"?  A
 * length that no size_t holds becomes SIZE_MAX. */
static bool
find_literal(
    const struct imap_stream *stream, struct span text, struct literal *ret)
{
	size_t at = text.len, scale = 1, len = 0;
	bool waits = true, huge = false;

	if (at < 3 || text.data[--at] != '}' || !may_hold_literal(stream))
		return false;
	if (stream->side == IMAP_SERVER && text.data[at - 1] == '+') {
		waits = false;
		at--;
	}
	size_t digits_end = at;
	for (; at > 0 && text.data[at - 1] >= '0' && text.data[at - 1] <= '9';
	     at--) {
		size_t digit = (size_t)(text.data[at - 1] - '0'), value;
		huge |= digit != 0 &&
			(scale == 0 ||
			    __builtin_mul_overflow(digit, scale, &value) ||
			    !add_ok(len, value, &len));
		if (scale != 0 && __builtin_mul_overflow(scale, 10, &scale))
			scale = 0;
	}
	if (at == digits_end || at == 0 || text.data[at - 1] != '{')
		return false;
	ret->len = huge ? SIZE_MAX : len;
	ret->waits = waits;
	return true;
}

/* Is a quoted string open at the end of this stretch of text? */
static bool
ends_in_quotes(struct span text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"')
			quoted = !quoted;
		else if (quoted && text.data[i] == '\\')
			i++;
	}
	return quoted;
}

static enum rc
refuse_literal(struct imap_stream *stream, size_t line_end,
    const struct literal *literal, struct err *err)
{
	/* RFC 7888 section 4: the bytes of a non-synchronising literal are
	 * on their way already, and swallowing them is the other choice. */
	if (stream->side == IMAP_CLIENT || !literal->waits)
		return refuse(stream, "[TOOBIG] literal is too large", err);
	TRY(answer(stream, "NO [TOOBIG] literal is too large", err));
	begin_unit(stream, line_end + 2);
	return err_set(err, RC_LIMIT, "IMAP: literal is too large");
}

static enum rc
begin_literal(struct imap_stream *stream, size_t line_end,
    const struct literal *literal, struct err *err)
{
	size_t unit_len;

	if (literal->len > stream->limits.literal ||
	    !add_ok(line_end + 2 - stream->unit, literal->len, &unit_len) ||
	    unit_len > stream->limits.unit)
		return refuse_literal(stream, line_end, literal, err);
	stream->literal_end = line_end + 2 + literal->len;
	stream->part = stream->scan = stream->literal_end;
	stream->state = LITERAL;
	if (stream->side == IMAP_SERVER && literal->waits)
		TRY(buf_add_str(&stream->out, "+ OK\r\n", err));
	return RC_OK;
}

static enum rc
end_unit(struct imap_stream *stream, size_t line_end, struct span *ret_unit,
    struct err *err)
{
	struct span unit = unit_until(stream, line_end);
	size_t next = line_end + 2;

	if (stream->text_len > stream->limits.line ||
	    unit.len > stream->limits.unit)
		return refuse(stream, "line is too long", err);
	*ret_unit = unit;
	begin_unit(stream, next);
	return RC_OK;
}

/* One stretch of text, [part, line_end), is complete. */
static enum rc
end_line(struct imap_stream *stream, size_t line_end, struct span *ret_unit,
    struct err *err)
{
	struct span line =
	    span_of(stream->in.data + stream->part, line_end - stream->part);
	bool first = !stream->began;
	struct literal literal;

	stream->began = true;
	/* first, so that it is the same however the line was cut */
	stream->text_len += line.len;
	if (stream->text_len > stream->limits.line)
		return refuse(stream, "line is too long", err);
	/* no answer at all, since a web page may be able to read one */
	if (first && stream->side == IMAP_SERVER && line_is_http(line)) {
		stream->state = CLOSED;
		return err_set(err, RC_REFUSED, "IMAP: the peer speaks HTTP");
	}
	if (line_has_stray_control(line)) {
		if (stream->side == IMAP_CLIENT || stream->part != stream->unit)
			return refuse(stream, "stray CR, LF or NUL", err);
		TRY(answer(stream, "BAD stray CR, LF or NUL", err));
		begin_unit(stream, line_end + 2);
		return err_set(err, RC_SYNTAX, "IMAP: stray CR, LF or NUL");
	}
	if (!find_literal(stream, line, &literal))
		return end_unit(stream, line_end, ret_unit, err);
	/* A quote left open would make two readers disagree whether what
	 * follows is a literal or commands hidden in a letter. */
	if (ends_in_quotes(line))
		return refuse(stream, "literal inside a quoted string", err);
	TRY(begin_literal(stream, line_end, &literal, err));
	return RC_AGAIN; /* for imap_stream_next(): go round again */
}

/* RC_AGAIN: no whole line yet. */
static enum rc
find_line_end(struct imap_stream *stream, size_t *ret, struct err *err)
{
	struct span rest = span_after(buf_span(&stream->in), stream->scan);
	ptrdiff_t at = span_find(rest, span_str("\r\n"));
	size_t held = stream->in.len - stream->part;

	if (at >= 0) {
		*ret = stream->scan + (size_t)at;
		return RC_OK;
	}
	/* a CR that is the last byte may be half of a line end */
	if (rest.len > 0)
		stream->scan = stream->in.len - 1;
	if (stream->text_len + held > stream->limits.line + 1)
		return refuse(stream, "line is too long", err);
	return RC_AGAIN;
}

static enum rc
closed(struct err *err)
{
	return err_set(err, RC_REFUSED, "IMAP: the connection is over");
}

enum rc
imap_stream_next(
    struct imap_stream *stream, struct span *ret_unit, struct err *err)
{
	for (;;) {
		size_t line_end = 0;

		if (stream->state == CLOSED)
			return closed(err);
		if (stream->state == LITERAL) {
			if (stream->in.len < stream->literal_end)
				return RC_AGAIN;
			stream->state = TEXT;
		}
		TRY(find_line_end(stream, &line_end, err));
		enum rc rc = end_line(stream, line_end, ret_unit, err);
		if (rc != RC_AGAIN)
			return rc;
	}
}

enum rc
imap_stream_next_line(
    struct imap_stream *stream, struct span *ret_line, struct err *err)
{
	size_t line_end = 0;

	if (stream->state == CLOSED)
		return closed(err);
	if (stream->state == LITERAL || stream->part != stream->unit)
		bug("imap_stream_next_line: in the middle of a unit");
	TRY(find_line_end(stream, &line_end, err));
	stream->text_len = line_end - stream->part;
	return end_unit(stream, line_end, ret_line, err);
}
