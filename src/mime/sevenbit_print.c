/* The second pass: mime/sevenbit_priv. */
#include <stdlib.h>

#include "base/own.h"
#include "codec/crlf.h"
#include "mime/sevenbit_priv.h"
#include "mime/transfer.h"

/* A body on its way into another encoding. */
struct encoding {
	bool lines;     /* its lines end in CRLF */
	bool delimited; /* the last line end belongs to a delimiter */
	bool line_end;  /* one waits, for it may be the last */
	struct crlf_writer crlf;
	struct transfer transfer; /* what it was in */
	struct base64_writer base64;
	struct qp_writer qp;
	struct buf text, meant;
};

struct sevenbit_printer {
	struct sevenbit_walk walk;
	struct crlf_writer crlf; /* of what is not edited */
	struct encoding encoding;
	struct wire made; /* what was printed */
};

OWNER(struct sevenbit_printer, sevenbit_printer_free);

#define BASE64_LINE 76

enum rc
sevenbit_printer_new(struct sevenbit_printer **ret, struct err *err)
{
	struct sevenbit_printer *printer OWNED(sevenbit_printer_free) =
	    calloc(1, sizeof(*printer));

	if (printer == NULL)
		return err_nomem(err, "letter");
	/* bounded by what a piece can become */
	printer->encoding.text = BUF_SECRET(SIZE_MAX / 2);
	printer->encoding.meant = BUF_SECRET(SIZE_MAX / 2);
	TRY(sevenbit_walk_init(&printer->walk, err));
	*ret = take(printer);
	return RC_OK;
}

void
sevenbit_printer_free(struct sevenbit_printer *printer)
{
	if (printer == NULL)
		return;
	sevenbit_walk_done(&printer->walk);
	buf_done(&printer->encoding.text);
	buf_done(&printer->encoding.meant);
	free(printer);
}

enum rc
sevenbit_changed(struct err *err)
{
	return err_set(err, RC_CRYPTO,
	    "the letter is not what it was when it was looked at");
}

/* ---- encoding anew ------------------------------------------------------------- */

static void
begin_encoding(struct encoding *e, const struct entity *entity,
    const struct sevenbit_part *part, bool delimited)
{
	e->lines = part->lines;
	e->delimited = delimited;
	e->line_end = false;
	e->crlf = CRLF_WRITER;
	transfer_init(&e->transfer, entity->encoding);
	e->base64 = BASE64_WRITER(BASE64_LINE);
	e->qp = QP_WRITER;
}

/* The line end behind it belongs to the delimiter, where there is one: so the
 * last that there is waits until something follows. */
static void
hold_line_end(struct encoding *e, size_t before, struct buf *out)
{
	if (out->len < before + 2 ||
	    !span_starts(span_after(buf_span(out), out->len - 2), "\r\n"))
		return;
	buf_cut(out, out->len - 2);
	e->line_end = true;
}

static enum rc
give_line_end(struct encoding *e, struct buf *out, struct err *err)
{
	if (!e->line_end)
		return RC_OK;
	e->line_end = false;
	return buf_add_str(out, "\r\n", err);
}

static enum rc
write_base64(
    struct encoding *e, struct span meant, struct buf *out, struct err *err)
{
	if (meant.len == 0)
		return RC_OK;
	TRY(give_line_end(e, out, err));
	size_t before = out->len;
	TRY(base64_write(&e->base64, meant, out, err));
	hold_line_end(e, before, out);
	return RC_OK;
}

static enum rc
end_base64(struct encoding *e, struct buf *out, struct err *err)
{
	/* what waits in the writer goes on behind it */
	if (e->base64.rest_len > 0)
		TRY(give_line_end(e, out, err));
	size_t before = out->len;
	TRY(base64_write_end(&e->base64, out, err));
	hold_line_end(e, before, out);
	return e->delimited ? RC_OK : give_line_end(e, out, err);
}

/* RC_SYNTAX would have been seen in the first pass. */
static enum rc
still(enum rc rc, struct err *err)
{
	return rc == RC_SYNTAX ? sevenbit_changed(err) : rc;
}

/* Append what the bytes mean to `meant`, which is empty. */
static enum rc
read_bytes(struct encoding *e, struct span bytes, struct err *err)
{
	if (!e->lines)
		return transfer_read(&e->transfer, bytes, &e->meant, err);
	if (transfer_is_identity(&e->transfer))
		return crlf_write(&e->crlf, bytes, &e->meant, err);
	buf_clear(&e->text);
	TRY(crlf_write(&e->crlf, bytes, &e->text, err));
	return transfer_read(&e->transfer, buf_span(&e->text), &e->meant, err);
}

static enum rc
encode(struct encoding *e, enum sevenbit_form form, struct span bytes,
    struct buf *out, struct err *err)
{
	buf_clear(&e->meant);
	TRY(still(read_bytes(e, bytes, err), err));
	if (form == FORM_QP)
		return qp_write(&e->qp, buf_span(&e->meant), out, err);
	return write_base64(e, buf_span(&e->meant), out, err);
}

static enum rc
end_encoding(struct encoding *e, enum sevenbit_form form, struct buf *out,
    struct err *err)
{
	buf_clear(&e->meant);
	TRY(still(transfer_end(&e->transfer, &e->meant, err), err));
	if (form == FORM_QP) {
		TRY(qp_write(&e->qp, buf_span(&e->meant), out, err));
		return qp_write_end(&e->qp, out, err);
	}
	TRY(write_base64(e, buf_span(&e->meant), out, err));
	return end_base64(e, out, err);
}

/* ---- parts ---------------------------------------------------------------------- */

static bool
is_encoded(const struct sevenbit_part *part)
{
	return part->form == FORM_QP || part->form == FORM_BASE64;
}

static enum rc
begin(struct sevenbit_printer *printer, const struct sevenbit_plan *plan,
    const struct sevenbit_walk_event *event, struct buf *out, struct err *err)
{
	if (event->part >= plan->parts)
		return sevenbit_changed(err);
	const struct sevenbit_part *part = &plan->part[event->part];
	struct sevenbit_header how = {
	    .len = part->header_len,
	    .encoding = sevenbit_encoding(plan, part),
	    .strict = event->depth == 0,
	};
	how.end = part->len > part->header_len &&
		  (part->form != FORM_KEPT || how.encoding != NULL);
	if (is_encoded(part))
		begin_encoding(
		    &printer->encoding, event->entity, part, event->depth > 0);
	printer->crlf = CRLF_WRITER;
	return still(sevenbit_print_header(event->entity, &how, out, err), err);
}

static bool
is_dropped(const struct sevenbit_part *part, enum sevenbit_walk_place place)
{
	return (place == WALK_PREAMBLE && part->drop_preamble) ||
	       (place == WALK_EPILOGUE && part->drop_epilogue);
}

static enum rc
print_bytes(struct sevenbit_printer *printer, const struct sevenbit_part *part,
    const struct sevenbit_walk_event *event, struct buf *out, struct err *err)
{
	if (event->place == WALK_BODY && is_encoded(part))
		return encode(
		    &printer->encoding, part->form, event->bytes, out, err);
	if (!is_dropped(part, event->place))
		return crlf_write(&printer->crlf, event->bytes, out, err);
	printer->crlf = CRLF_WRITER;
	return RC_OK;
}

static enum rc
end(struct sevenbit_printer *printer, const struct sevenbit_part *part,
    const struct sevenbit_walk_event *event, struct buf *out, struct err *err)
{
	if (event->len != part->len || event->header_len != part->header_len)
		return sevenbit_changed(err);
	if (!is_encoded(part))
		return RC_OK;
	printer->crlf = CRLF_WRITER;
	return end_encoding(&printer->encoding, part->form, out, err);
}

static enum rc
print_event(struct sevenbit_printer *printer, const struct sevenbit_plan *plan,
    const struct sevenbit_walk_event *event, struct buf *out, struct err *err)
{
	const struct sevenbit_part *part = &plan->part[event->part];

	switch (event->what) {
	case WALK_BEGIN:
		return begin(printer, plan, event, out, err);
	case WALK_BYTES:
		return print_bytes(printer, part, event, out, err);
	case WALK_END:
		return end(printer, part, event, out, err);
	case WALK_MORE:
		break;
	}
	return RC_OK;
}

/* ---- all of it ------------------------------------------------------------------ */

/* Nothing that was not allowed when it was looked at, whatever the bytes are
 * now. */
static enum rc
check_made(const struct sevenbit_printer *printer,
    const struct sevenbit_plan *plan, struct err *err)
{
	const struct wire *made = &printer->made, *may = &plan->result;

	if ((made->eight_bit && !may->eight_bit) ||
	    (made->control && !may->control) ||
	    (made->long_line && !may->long_line))
		return sevenbit_changed(err);
	return RC_OK;
}

static enum rc
print_all(struct sevenbit_printer *printer, struct span bytes, bool last,
    const struct sevenbit_plan *plan, struct buf *out, struct err *err)
{
	struct sevenbit_walk_event event;

	do {
		TRY(sevenbit_walk_next(
		    &printer->walk, &bytes, last, &event, err));
		TRY(print_event(printer, plan, &event, out, err));
	} while (event.what != WALK_MORE);
	if (last && printer->walk.parts != plan->parts)
		return sevenbit_changed(err);
	return RC_OK;
}

enum rc
sevenbit_printer_push(struct sevenbit_printer *printer, struct span bytes,
    bool last, const struct sevenbit_plan *plan, struct buf *out,
    struct err *err)
{
	size_t before = out->len;
	enum rc rc = print_all(printer, bytes, last, plan, out, err);

	wire_look(&printer->made, span_after(buf_span(out), before));
	if (last)
		wire_end(&printer->made);
	if (rc == RC_OK)
		rc = check_made(printer, plan, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
