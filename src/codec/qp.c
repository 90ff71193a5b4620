#include "codec/qp.h"

#define QP_LINE_MAX 76 /* RFC 2045 section 6.7 (5), the soft "=" included */

static const char digits[] = "0123456789ABCDEF";

/* One writing: what is left of the input, and where the line has got to. */
struct writing {
	struct span in;
	size_t column;
	struct buf *out;
};

static bool
at_line_end(struct span in)
{
	return in.len == 0 || span_starts(in, "\r\n");
}

/* May the first character of `in` stand for itself in this column?  What a
 * mail server might touch may not: RFC 5321's dot, mbox's "From ", blanks
 * at the end of a line. */
static bool
is_plain(struct span in, size_t column)
{
	uint8_t c = in.data[0];

	if (c == ' ' || c == '\t')
		return !at_line_end(span_after(in, 1));
	if (c < '!' || c > '~' || c == '=')
		return false;
	if (column == 0 && (c == '.' || span_starts(in, "From ")))
		return false;
	return true;
}

static enum rc
write_code(struct writing *w, struct err *err)
{
	uint8_t c = w->in.data[0];
	uint8_t code[3] = {
	    '=', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};

	w->column += 3;
	return buf_add(w->out, span_of(code, 3), err);
}

/* A character, behind a soft line end if it does not fit.  Only before a
 * line's end may the 76th column be used; else the "=" needs it. */
static enum rc
write_character(struct writing *w, struct err *err)
{
	size_t last =
	    at_line_end(span_after(w->in, 1)) ? QP_LINE_MAX : QP_LINE_MAX - 1;
	size_t width = is_plain(w->in, w->column) ? 1 : 3;

	if (w->column + width > last) {
		TRY(buf_add_str(w->out, "=\r\n", err));
		w->column = 0;
	}
	if (!is_plain(w->in, w->column))
		return write_code(w, err);
	w->column++;
	return buf_add_byte(w->out, w->in.data[0], err);
}

static enum rc
write_all(struct writing *w, struct err *err)
{
	while (w->in.len > 0) {
		if (span_starts(w->in, "\r\n")) {
			TRY(buf_add_str(w->out, "\r\n", err));
			w->column = 0;
			w->in = span_after(w->in, 2);
			continue;
		}
		TRY(write_character(w, err));
		w->in = span_after(w->in, 1);
	}
	return RC_OK;
}

enum rc
qp_encode(struct span in, struct buf *out, struct err *err)
{
	struct writing w = {.in = in, .out = out};
	size_t before = out->len;
	enum rc rc = write_all(&w, err);

	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
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

static size_t
count_blanks(struct span in)
{
	size_t at = 0;

	while (at < in.len && (in.data[at] == ' ' || in.data[at] == '\t'))
		at++;
	return at;
}

/* How many bytes of `in`, which begins with "=", are a soft line end: 0 if
 * it is none.  Blanks behind the "=" were added on the way. */
static size_t
soft_end(struct span in)
{
	size_t at = 1 + count_blanks(span_after(in, 1));
	struct span rest = span_after(in, at);

	if (rest.len == 0)
		return at;
	if (span_starts(rest, "\r\n"))
		return at + 2;
	return rest.data[0] == '\n' ? at + 1 : 0;
}

/* What stands at the front: how many characters, and the bytes they mean. */
struct piece {
	size_t len;
	struct span means;
	uint8_t byte; /* of a code */
};

/* A run of blanks in one piece.  At a line's end RFC 2045 section 6.7 (3)
 * has it deleted, "as it will necessarily have been added" on the way. */
static void
read_blanks(struct span in, struct piece *piece)
{
	piece->len = count_blanks(in);
	struct span rest = span_after(in, piece->len);
	if (at_line_end(rest) || rest.data[0] == '\n')
		return;
	piece->means = span_first(in, piece->len);
}

static void
read_code(struct span in, struct piece *piece)
{
	piece->len = soft_end(in);
	if (piece->len > 0)
		return;
	int high = in.len < 3 ? -1 : value_of(in.data[1]);
	int low = in.len < 3 ? -1 : value_of(in.data[2]);
	piece->len = 1;
	piece->means = span_first(in, 1);
	if (high < 0 || low < 0)
		return;
	piece->byte = (uint8_t)(high << 4 | low);
	piece->len = 3;
	piece->means = span_of(&piece->byte, 1);
}

/* Everything up to the next "=" or blank stands for itself. */
static void
read_plain(struct span in, struct piece *piece)
{
	size_t at = 0;

	while (at < in.len && in.data[at] != '=' && in.data[at] != ' ' &&
	       in.data[at] != '\t')
		at++;
	piece->len = at;
	piece->means = span_first(in, at);
}

static void
read_piece(struct span in, struct piece *piece)
{
	*piece = (struct piece){0};
	if (in.data[0] == ' ' || in.data[0] == '\t')
		read_blanks(in, piece);
	else if (in.data[0] == '=')
		read_code(in, piece);
	else
		read_plain(in, piece);
}

enum rc
qp_decode(struct span in, struct buf *out, struct err *err)
{
	size_t before = out->len;
	struct piece piece;

	while (in.len > 0) {
		read_piece(in, &piece);
		enum rc rc = buf_add(out, piece.means, err);
		if (rc != RC_OK) {
			buf_cut(out, before);
			return rc;
		}
		in = span_after(in, piece.len);
	}
	return RC_OK;
}
