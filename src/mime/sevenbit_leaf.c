/* What a leaf holds: mime/sevenbit_priv.  Nothing is remembered but what was
 * found, so whatever may be asked at its end is looked for from its
 * beginning. */
#include <stdlib.h>

#include "codec/crlf.h"
#include "codec/dashes.h"
#include "mime/sevenbit_priv.h"
#include "mime/transfer.h"

/* Servers write ">From ", and cut blanks off (RFC 2049 section 3). */
struct fragile {
	bool wanted, found;
	size_t column; /* of the line, at most 5; 6: it does not begin so */
	bool blank;    /* the line ends with one so far, line end aside */
};

/* What it would be, encoded anew. */
struct trial {
	enum trial_kind {
		TRIAL_NONE,   /* it cannot fail */
		TRIAL_BASE64, /* is what says base64 any? */
		TRIAL_TEXT,   /* may it be quoted-printable? */
	} kind;
	struct transfer transfer;
	bool unreadable;
	struct crlf_writer lines;
	struct wire decoded;
	struct qp_writer qp;
	bool in_line;   /* the writer is, of a text that was in no encoding */
	bool delimiter; /* a line begins like one */
	struct buf text, meant;
	struct buf encoded; /* from the beginning of a line on */
};

struct sevenbit_leaf {
	struct fragile fragile;
	struct trial trial;
};

enum rc
sevenbit_leaf_new(struct sevenbit_leaf **ret, struct err *err)
{
	struct sevenbit_leaf *leaf = calloc(1, sizeof(*leaf));

	if (leaf == NULL)
		return err_nomem(err, "letter");
	/* bounded by what a piece can become */
	leaf->trial.text = BUF_SECRET(SIZE_MAX / 2);
	leaf->trial.meant = BUF_SECRET(SIZE_MAX / 2);
	leaf->trial.encoded = BUF_SECRET(SIZE_MAX / 2);
	*ret = leaf;
	return RC_OK;
}

void
sevenbit_leaf_free(struct sevenbit_leaf *leaf)
{
	if (leaf == NULL)
		return;
	buf_done(&leaf->trial.text);
	buf_done(&leaf->trial.meant);
	buf_done(&leaf->trial.encoded);
	free(leaf);
}

static enum trial_kind
kind_of(const struct entity *entity, bool opaque)
{
	if (opaque)
		return TRIAL_NONE;
	if (entity->encoding == ENCODING_BASE64)
		return TRIAL_BASE64;
	return entity_is(entity, "text", NULL) ? TRIAL_TEXT : TRIAL_NONE;
}

void
sevenbit_leaf_begin(
    struct sevenbit_leaf *leaf, const struct entity *entity, bool opaque)
{
	struct trial *trial = &leaf->trial;

	/* blanks in base64 are no harm; what says 8bit is encoded anyway */
	leaf->fragile = (struct fragile){
	    .wanted = !opaque && (entity->encoding == ENCODING_7BIT ||
				     entity->encoding == ENCODING_QP)};
	trial->kind = kind_of(entity, opaque);
	transfer_init(&trial->transfer, entity->encoding);
	trial->unreadable = trial->in_line = trial->delimiter = false;
	trial->lines = CRLF_WRITER;
	trial->decoded = WIRE;
	trial->qp = QP_WRITER;
	buf_clear(&trial->encoded);
}

/* ---- fragile lines ------------------------------------------------------------ */

static const char from[] = "From ";
#define FROM_LEN (sizeof(from) - 1)

static void
look_for_from(struct fragile *f, struct span line)
{
	if (f->column > FROM_LEN)
		return;
	struct span want = span_after(span_str(from), f->column);
	struct span got = span_first(line, want.len);
	bool same = span_is(got, span_first(want, got.len));

	f->column = same ? f->column + got.len : FROM_LEN + 1;
	f->found |= f->column == FROM_LEN;
}

static void
look_for_blank(struct fragile *f, struct span line)
{
	size_t len = line.len;

	while (len > 0 &&
	       (line.data[len - 1] == '\n' || line.data[len - 1] == '\r'))
		len--;
	if (len > 0)
		f->blank =
		    line.data[len - 1] == ' ' || line.data[len - 1] == '\t';
}

static void
look_for_fragile(struct fragile *f, struct span bytes)
{
	while (bytes.len > 0 && !f->found) {
		ptrdiff_t end = span_find_byte(bytes, '\n');
		struct span line =
		    end < 0 ? bytes : span_first(bytes, (size_t)end + 1);
		look_for_from(f, line);
		look_for_blank(f, line);
		bytes = span_after(bytes, line.len);
		if (end < 0)
			return;
		f->found |= f->blank;
		f->column = 0;
		f->blank = false;
	}
}

/* ---- trials ------------------------------------------------------------------- */

static bool
is_delimiter(struct span line, const struct sevenbit_boundaries *around)
{
	struct span behind = span_after(line, 2);

	for (size_t i = 0; i < around->len; i++) {
		struct span boundary = around->item[i];
		if (span_is(span_first(behind, boundary.len), boundary))
			return true;
	}
	return false;
}

/* Lines that quoted-printable broke may begin with what ends a part.  The
 * last line stays, for it goes on perhaps. */
static void
look_for_delimiter(
    struct trial *trial, const struct sevenbit_boundaries *around, bool last)
{
	struct span rest = buf_span(&trial->encoded);
	size_t whole = rest.len;
	ptrdiff_t found;

	while (!last && whole > 0 && rest.data[whole - 1] != '\n')
		whole--;
	rest = span_first(rest, whole);
	for (size_t at = 0;
	     (found = dashes_find(rest, at, true)) >= 0 && !trial->delimiter;
	     at = (size_t)found + 2)
		trial->delimiter =
		    is_delimiter(span_after(rest, (size_t)found), around);
	buf_drop(&trial->encoded, whole);
}

static enum rc
try_base64(struct trial *trial, struct span bytes, struct err *err)
{
	buf_clear(&trial->meant);
	enum rc rc = transfer_read(&trial->transfer, bytes, &trial->meant, err);
	trial->unreadable = rc == RC_SYNTAX;
	return trial->unreadable ? RC_OK : rc;
}

static enum rc
try_meaning(struct trial *trial, struct span meant,
    const struct sevenbit_boundaries *around, struct err *err)
{
	wire_look(&trial->decoded, meant);
	if (around->len == 0 || trial->delimiter)
		return RC_OK;
	TRY(qp_write(&trial->qp, meant, &trial->encoded, err));
	look_for_delimiter(trial, around, false);
	return RC_OK;
}

/* Where two dashes are, or the end. */
static size_t
find_dashes(struct span text)
{
	ptrdiff_t dash;

	for (size_t at = 0;; at += (size_t)dash + 1) {
		dash = span_find_byte(span_after(text, at), '-');
		if (dash < 0)
			return text.len;
		if (span_starts(span_after(text, at + (size_t)dash), "--"))
			return at + (size_t)dash;
	}
}

/* Only a line with two dashes can become one that begins like a delimiter: the
 * others need not be encoded to see that. */
static struct span
skip_lines(const struct trial *trial, struct span text)
{
	if (trial->in_line)
		return text;
	size_t at = find_dashes(text);
	while (at > 0 && text.data[at - 1] != '\n')
		at--;
	return span_after(text, at);
}

/* A text in CRLF lines, in no encoding. */
static enum rc
try_lines(struct trial *trial, struct span text,
    const struct sevenbit_boundaries *around, struct err *err)
{
	wire_look(&trial->decoded, text);
	while (text.len > 0 && !trial->delimiter) {
		text = skip_lines(trial, text);
		ptrdiff_t end = span_find_byte(text, '\n');
		struct span line =
		    end < 0 ? text : span_first(text, (size_t)end + 1);
		trial->in_line = end < 0 && line.len > 0;
		TRY(qp_write(&trial->qp, line, &trial->encoded, err));
		if (end >= 0)
			TRY(qp_write_end(&trial->qp, &trial->encoded, err));
		look_for_delimiter(trial, around, false);
		text = span_after(text, line.len);
	}
	return RC_OK;
}

static enum rc
try_text(struct trial *trial, struct span bytes,
    const struct sevenbit_boundaries *around, struct err *err)
{
	bool encoded = !transfer_is_identity(&trial->transfer);

	if (trial->decoded.control || (!encoded && around->len == 0))
		return RC_OK;
	buf_clear(&trial->text);
	buf_clear(&trial->meant);
	TRY(crlf_write(&trial->lines, bytes, &trial->text, err));
	struct span text = buf_span(&trial->text);
	if (!encoded)
		return try_lines(trial, text, around, err);
	TRY(transfer_read(&trial->transfer, text, &trial->meant, err));
	return try_meaning(trial, buf_span(&trial->meant), around, err);
}

static enum rc
end_text(struct trial *trial, const struct sevenbit_boundaries *around,
    struct err *err)
{
	buf_clear(&trial->meant);
	TRY(transfer_end(&trial->transfer, &trial->meant, err));
	TRY(try_meaning(trial, buf_span(&trial->meant), around, err));
	TRY(qp_write_end(&trial->qp, &trial->encoded, err));
	look_for_delimiter(trial, around, true);
	wire_end(&trial->decoded);
	return RC_OK;
}

static enum rc
end_base64(struct trial *trial, struct err *err)
{
	enum rc rc = transfer_end(&trial->transfer, &trial->meant, err);

	trial->unreadable |= rc == RC_SYNTAX;
	return rc == RC_SYNTAX ? RC_OK : rc;
}

/* ---- all of it ---------------------------------------------------------------- */

enum rc
sevenbit_leaf_look(struct sevenbit_leaf *leaf, struct span bytes,
    const struct sevenbit_boundaries *around, struct err *err)
{
	if (leaf->fragile.wanted)
		look_for_fragile(&leaf->fragile, bytes);
	if (leaf->trial.kind == TRIAL_TEXT)
		return try_text(&leaf->trial, bytes, around, err);
	if (leaf->trial.kind == TRIAL_BASE64 && !leaf->trial.unreadable)
		return try_base64(&leaf->trial, bytes, err);
	return RC_OK;
}

enum rc
sevenbit_leaf_end(struct sevenbit_leaf *leaf,
    const struct sevenbit_boundaries *around, struct err *err)
{
	leaf->fragile.found |= leaf->fragile.blank;
	if (leaf->trial.kind == TRIAL_TEXT)
		return end_text(&leaf->trial, around, err);
	if (leaf->trial.kind == TRIAL_BASE64 && !leaf->trial.unreadable)
		return end_base64(&leaf->trial, err);
	return RC_OK;
}

bool
sevenbit_leaf_fragile(const struct sevenbit_leaf *leaf)
{
	return leaf->fragile.found;
}

bool
sevenbit_leaf_readable(const struct sevenbit_leaf *leaf)
{
	return !leaf->trial.unreadable;
}

bool
sevenbit_leaf_qp(const struct sevenbit_leaf *leaf)
{
	const struct trial *trial = &leaf->trial;

	return trial->kind == TRIAL_TEXT && !trial->decoded.control &&
	       !trial->delimiter;
}
