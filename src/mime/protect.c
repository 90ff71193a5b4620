#include "mime/protect.h"

#include <stdlib.h>

#include "base/own.h"
#include "mime/lines_priv.h"
#include "mime/protect_head_priv.h"
#include "mime/scan.h"

struct protect_writer {
	struct protect_options options; /* borrowed what it points to */
	struct scan *scan;              /* owned; for the letter's header */
	struct sevenbit *sevenbit;      /* owned */
	struct protect_head head;
	size_t header_len;  /* of the letter */
	size_t header_left; /* of it, in this pass */
	bool begun;         /* the header was read */
	bool written;       /* the payload's header */
};

OWNER(struct protect_writer, protect_writer_free);

enum rc
protect_writer_new(const struct protect_options *options,
    struct protect_writer **ret, struct err *err)
{
	struct protect_writer *writer OWNED(protect_writer_free) =
	    calloc(1, sizeof(*writer));

	if (writer == NULL)
		return err_nomem(err, "letter");
	writer->options = *options;
	/* there is none where nothing is hidden */
	writer->options.legacy = options->legacy && options->encrypting;
	writer->head = PROTECT_HEAD_NONE;
	TRY(scan_new(ENTITY_LIMITS, &writer->scan, err));
	TRY(sevenbit_new(&writer->sevenbit, err));
	*ret = take(writer);
	return RC_OK;
}

void
protect_writer_free(struct protect_writer *writer)
{
	if (writer == NULL)
		return;
	scan_free(writer->scan);
	sevenbit_free(writer->sevenbit);
	protect_head_done(&writer->head);
	free(writer);
}

/* The part of `bytes` that is no header. */
static struct span
behind_header(struct protect_writer *writer, struct span bytes)
{
	size_t skip = span_first(bytes, writer->header_left).len;

	writer->header_left -= skip;
	return span_after(bytes, skip);
}

/* ---- the first time ------------------------------------------------------------ */

/* The bytes to be signed are what our one parser makes of them: it is mime/
 * sevenbit that looks for parts, and in the payload, not in the letter. */
static enum rc
begin(
    struct protect_writer *writer, const struct entity *letter, struct err *err)
{
	scan_flat(writer->scan);
	writer->begun = true;
	writer->header_len = writer->header_left = letter->header.len;
	TRY(protect_head_make(letter, &writer->options, &writer->head, err));
	return sevenbit_look(
	    writer->sevenbit, buf_span(&writer->head.payload), err);
}

static enum rc
look(struct protect_writer *writer, struct span bytes, bool last,
    struct err *err)
{
	struct scan_event event;

	do {
		TRY(scan_next(writer->scan, &bytes, last, &event, err));
		if (event.what == SCAN_BEGIN)
			TRY(begin(writer, event.entity, err));
		if (event.what == SCAN_BYTES)
			TRY(sevenbit_look(writer->sevenbit,
			    behind_header(writer, event.bytes), err));
	} while (event.what != SCAN_MORE);
	return RC_OK;
}

enum rc
protect_look(struct protect_writer *writer, struct span letter, struct err *err)
{
	return look(writer, letter, false, err);
}

/* What readers would see differently must not be given our name. */
static enum rc
check_shape(const struct protect_writer *writer, struct err *err)
{
	struct sevenbit_shape shape = sevenbit_shape(writer->sevenbit);

	if (shape.malformed || (writer->head.wrapped && shape.first_malformed))
		return err_set(err, RC_SYNTAX,
		    "letter with broken MIME structure cannot be protected");
	if (writer->head.wrapped && shape.parts != 1)
		return err_set(err, RC_UNFIT,
		    "the boundary to put around the letter is in it");
	return RC_OK;
}

/* What is encrypted needs nothing. */
static void
add_needs(const struct protect_writer *writer, struct sevenbit_needs payload,
    struct sevenbit_needs *needs)
{
	needs->utf8 |= lines_look(buf_span(&writer->head.outer)).eight_bit;
	if (writer->options.encrypting)
		return;
	needs->eight_bit |= payload.eight_bit;
	needs->utf8 |= payload.utf8;
	needs->binary |= payload.binary;
}

enum rc
protect_look_end(struct protect_writer *writer, struct buf *outer,
    struct sevenbit_needs *needs, struct err *err)
{
	struct sevenbit_needs payload = {false, false, false};

	TRY(look(writer, span_str(""), true, err));
	TRY(sevenbit_look(writer->sevenbit, buf_span(&writer->head.end), err));
	TRY(sevenbit_look_end(writer->sevenbit, &payload, err));
	TRY(check_shape(writer, err));
	TRY(buf_add(outer, buf_span(&writer->head.outer), err));
	add_needs(writer, payload, needs);
	writer->header_left = writer->header_len;
	return RC_OK;
}

/* ---- the second time ----------------------------------------------------------- */

static enum rc
write_header(
    struct protect_writer *writer, struct buf *payload, struct err *err)
{
	if (writer->written)
		return RC_OK;
	writer->written = true;
	return sevenbit_print(
	    writer->sevenbit, buf_span(&writer->head.payload), payload, err);
}

static enum rc
write_all(struct protect_writer *writer, struct span letter,
    struct buf *payload, struct err *err)
{
	TRY(write_header(writer, payload, err));
	return sevenbit_print(
	    writer->sevenbit, behind_header(writer, letter), payload, err);
}

enum rc
protect_write(struct protect_writer *writer, struct span letter,
    struct buf *payload, struct err *err)
{
	size_t before = payload->len;
	enum rc rc = write_all(writer, letter, payload, err);

	if (rc != RC_OK)
		buf_cut(payload, before);
	return rc;
}

static enum rc
write_end(struct protect_writer *writer, struct buf *payload, struct err *err)
{
	TRY(write_header(writer, payload, err));
	TRY(sevenbit_print(
	    writer->sevenbit, buf_span(&writer->head.end), payload, err));
	return sevenbit_print_end(writer->sevenbit, payload, err);
}

enum rc
protect_write_end(
    struct protect_writer *writer, struct buf *payload, struct err *err)
{
	size_t before = payload->len;
	enum rc rc = write_end(writer, payload, err);

	if (rc != RC_OK)
		buf_cut(payload, before);
	return rc;
}
