#include "mime/lines_priv.h"

#include "codec/crlf.h"

static struct span
first_line(struct span text)
{
	ptrdiff_t end = span_find_byte(text, '\n');

	return end < 0 ? text : span_first(text, (size_t)end + 1);
}

/* The line without its line end, which *ret_ended says it had. */
static struct span
without_end(struct span line, bool *ret_ended)
{
	*ret_ended = line.len > 0 && line.data[line.len - 1] == '\n';
	if (*ret_ended)
		line.len--;
	if (*ret_ended && line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

enum rc
lines_add(struct span text, struct buf *out, struct err *err)
{
	struct crlf_writer w = CRLF_WRITER;

	return crlf_write(&w, text, out, err);
}

struct wire
lines_look(struct span text)
{
	struct wire wire = WIRE;

	wire_look(&wire, text);
	wire_end(&wire);
	return wire;
}

static enum rc
add_field(const struct field *field, struct buf *out, struct err *err)
{
	ptrdiff_t colon = span_find_byte(field->whole, ':');
	struct span rest = span_after(field->whole, (size_t)colon);
	bool first = true, ended;

	TRY(buf_add(out, field->name, err));
	while (rest.len > 0) {
		struct span line = first_line(rest);
		rest = span_after(rest, line.len);
		line = without_end(line, &ended);
		if (!first && span_trim(line).len == 0)
			continue;
		TRY(buf_add(out, line, err));
		TRY(buf_add_str(out, "\r\n", err));
		first = false;
	}
	return RC_OK;
}

enum rc
lines_add_field(const struct field *field, struct buf *out, struct err *err)
{
	size_t before = out->len;
	enum rc rc = add_field(field, out, err);

	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

bool
lines_header_ended(const struct entity *entity)
{
	struct span header = entity->header;
	size_t len = header.len;

	if (span_is(header, span_str("\n")) ||
	    span_is(header, span_str("\r\n")))
		return true;
	if (len < 2 || header.data[len - 1] != '\n')
		return false;
	if (header.data[len - 2] == '\n')
		return true;
	return len > 2 && header.data[len - 2] == '\r' &&
	       header.data[len - 3] == '\n';
}
