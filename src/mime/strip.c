#include "mime/protect.h"

/* A bare CR ends a line for some readers and not for others, so this looks at
 * the header in pieces that end with LF, CRLF or a bare CR, and reads each
 * piece as a line; but only what is an empty line for everybody ends it.  A
 * line that is no field does not either: there, too, readers differ. */
struct piece {
	size_t from, text, end; /* text ends, line end ends */
};

struct stripper {
	struct span letter;
	struct buf *out;
	struct err *err;
	size_t copied; /* everything before it was copied or left out */
	bool removing; /* the piece before was part of a verdict */
	bool cr_kept;  /* it ended with a bare CR, which was not left out */
};

static bool
is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

static struct piece
piece_at(struct span letter, size_t from)
{
	struct piece piece = {from, from, from};

	while (piece.text < letter.len && !is_line_end(letter.data[piece.text]))
		piece.text++;
	piece.end = piece.text;
	if (piece.end < letter.len && letter.data[piece.end] == '\r')
		piece.end++;
	if (piece.end < letter.len && letter.data[piece.end] == '\n')
		piece.end++;
	return piece;
}

static bool
ends_with(const struct stripper *at, size_t end, uint8_t c)
{
	return end > 0 && at->letter.data[end - 1] == c;
}

static bool
is_last(const struct stripper *at, const struct piece *piece)
{
	bool begins = piece->from == 0 || ends_with(at, piece->from, '\n');

	return begins && piece->text == piece->from &&
	       ends_with(at, piece->end, '\n');
}

/* Some readers drop control characters before they compare. */
static bool
is_ignored(uint8_t c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool
is_verdict(struct span text)
{
	static const char name[] = "letterlock-verdict";
	size_t matched = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (is_ignored(c))
			continue;
		if (name[matched] == '\0') {
			if (c == ':')
				return true;
			if (c != ' ' && c != '\t')
				return false;
			continue;
		}
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != (uint8_t)name[matched++])
			return false;
	}
	return false;
}

/* What is left must have the line ends that the other fields had: where the
 * line before ended with a bare CR, that one goes instead of our own. */
static enum rc
leave_out(struct stripper *at, const struct piece *piece)
{
	size_t from = piece->from - (at->cr_kept ? 1 : 0);
	struct span kept = span_after(span_first(at->letter, from), at->copied);

	TRY(buf_add(at->out, kept, at->err));
	at->copied = at->cr_kept ? piece->text : piece->end;
	at->cr_kept = at->cr_kept && ends_with(at, piece->end, '\r');
	at->removing = true;
	return RC_OK;
}

static enum rc
take_piece(struct stripper *at, const struct piece *piece)
{
	struct span text =
	    span_after(span_first(at->letter, piece->text), piece->from);
	bool folded =
	    text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t');
	/* the rest of a line end like CR CR LF */
	bool rest =
	    text.len == 0 && !at->cr_kept && ends_with(at, piece->from, '\r');

	if (is_verdict(text) || (at->removing && (folded || rest)))
		return leave_out(at, piece);
	at->removing = false;
	at->cr_kept = ends_with(at, piece->end, '\r');
	return RC_OK;
}

static enum rc
strip(struct stripper *at)
{
	for (size_t from = 0; from < at->letter.len;) {
		struct piece piece = piece_at(at->letter, from);
		if (is_last(at, &piece))
			break;
		TRY(take_piece(at, &piece));
		from = piece.end;
	}
	return buf_add(at->out, span_after(at->letter, at->copied), at->err);
}

enum rc
protect_strip_verdict(struct span letter, struct buf *out, struct err *err)
{
	struct stripper at = {letter, out, err, 0, false, false};
	size_t before = out->len;
	enum rc rc = strip(&at);

	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
