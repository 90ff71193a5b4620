/* How a received letter is shown: mime/protect, the stream of its reading
 * half. */
#include <stdlib.h>

#include "base/own.h"
#include "codec/crlf.h"
#include "mime/head_priv.h"
#include "mime/legacy_priv.h"
#include "mime/lines_priv.h"
#include "mime/param_priv.h"
#include "mime/protect.h"
#include "mime/protect_owner_priv.h"
#include "mime/scan.h"

OWNER(struct entity, entity_free);
OWNER(struct protect_view, protect_view_free);

/* The fields of two headers; what a Content-Type says can get longer in the
 * one encoding that is written (RFC 2231). */
#define HEAD_MAX (16 * FIELD_SECTION_MAX)
#define HELD_MAX (2 * FIELD_SECTION_MAX + PROTECT_DISPLAY_MAX)
#define NOWHERE SIZE_MAX

/* The part that may have a legacy display element. */
struct held {
	bool any;
	bool is_payload;
	size_t header; /* so many of the bytes are its header */
	size_t max;
	struct buf bytes;
};

struct protect_view {
	struct scan *scan;
	struct buf head;  /* what is shown before the body, until it is */
	size_t body;      /* depth of the entity whose body is shown */
	bool editing;     /* legacy display elements go */
	size_t message;   /* depth of the outermost message that is open */
	struct held held; /* of the part that is open; any: all so far */
	/* the entity that is open */
	size_t header;     /* so much of its header is still to come */
	bool header_shown; /* as it is */
	bool binary;       /* a leaf whose body is not text */
	struct crlf_writer lines;
};

/* ---- the header that is shown ------------------------------------------------- */

struct showing {
	const struct protect_letter *letter;
	enum protect_form form;
	const struct entity *header; /* its fields */
	const struct entity *body;   /* its MIME fields */
	struct buf *out;
	struct err *err;
};

/* RFC 9788 section 7: fields of those who carried the letter are outside, by
 * nature; a trace field inside would be the sender's word for theirs. */
static enum rc
add_outer_fields(const struct showing *s)
{
	const struct fields *outer = &s->letter->outer->fields;
	bool all = s->form == PROTECT_FORM_NONE;

	for (size_t i = 0; i < outer->len; i++) {
		const struct field *field = &outer->item[i];
		enum protect_owner owner = protect_owner_of(field);
		if (owner == OWNER_MIME || owner == OWNER_VERDICT)
			continue;
		bool list = owner == OWNER_LIST;
		for (size_t p = 0; list && p < s->header->fields.len; p++)
			if (span_equal_nocase(
				s->header->fields.item[p].name, field->name))
				list = false;
		if (all || list || owner == OWNER_TRACE)
			TRY(lines_add_field(field, s->out, s->err));
	}
	return RC_OK;
}

static enum rc
add_protected_fields(const struct showing *s)
{
	const struct fields *fields = &s->header->fields;

	if (s->form == PROTECT_FORM_NONE)
		return RC_OK;
	for (size_t i = 0; i < fields->len; i++)
		if (protect_is_protected(&fields->item[i]))
			TRY(lines_add_field(&fields->item[i], s->out, s->err));
	return RC_OK;
}

static enum rc
add_plain_type(const struct field *field, struct buf *out, struct err *err)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;

	enum rc rc = content_parse(field->value, &content, err);
	if (rc != RC_OK)
		return rc == RC_NOMEM ? rc : lines_add_field(field, out, err);
	if (content_param(&content, "hp") == NULL &&
	    content_param(&content, "hp-legacy-display") == NULL)
		return lines_add_field(field, out, err);
	param_remove(&content, "hp");
	param_remove(&content, "hp-legacy-display");
	size_t before = out->len;
	rc = param_print(&content, "Content-Type", out, err);
	if (rc == RC_LIMIT) { /* then it says hp, which harms nobody here */
		buf_cut(out, before);
		return lines_add_field(field, out, err);
	}
	TRY(rc);
	return buf_add_str(out, "\r\n", err);
}

/* Only the first of each name: the one that we went by. */
static enum rc
add_mime_fields(const struct showing *s)
{
	const struct fields *fields = &s->body->fields;

	TRY(buf_add_str(s->out, "MIME-Version: 1.0\r\n", s->err));
	for (size_t i = 0; i < fields->len; i++) {
		const struct field *field = &fields->item[i];
		bool first = true;
		for (size_t p = 0; p < i; p++)
			if (span_equal_nocase(
				fields->item[p].name, field->name))
				first = false;
		if (protect_owner_of(field) != OWNER_MIME || !first ||
		    span_is_nocase(field->name, "MIME-Version"))
			continue;
		TRY(span_is_nocase(field->name, "Content-Type")
			? add_plain_type(field, s->out, s->err)
			: lines_add_field(field, s->out, s->err));
	}
	return buf_add_str(s->out, "\r\n", s->err);
}

static enum rc
print_header(
    const struct protect_letter *letter, struct buf *out, struct err *err)
{
	enum protect_form form = protect_form_of(letter);
	const struct entity *header = protect_header_of(letter);
	const struct showing showing = {letter, form, header,
	    form == PROTECT_FORM_WRAPPED ? header : letter->payload, out, err};

	TRY(add_outer_fields(&showing));
	TRY(add_protected_fields(&showing));
	return add_mime_fields(&showing);
}

/* ---- begin and end of a view --------------------------------------------------- */

enum rc
protect_view_new(const struct protect_letter *letter, struct protect_view **ret,
    struct err *err)
{
	struct protect_view *view OWNED(protect_view_free) =
	    calloc(1, sizeof(*view));
	enum protect_form form = protect_form_of(letter);

	if (view == NULL)
		return err_nomem(err, "letter");
	view->head = BUF_SECRET(HEAD_MAX);
	view->held.bytes = BUF_SECRET(HELD_MAX);
	view->message = NOWHERE;
	view->body = form == PROTECT_FORM_WRAPPED ? 1 : 0;
	/* RFC 9788 section 5.2.2: only encrypted letters have the element */
	view->editing = letter->encrypted && form == PROTECT_FORM_CIPHER;
	TRY(print_header(letter, &view->head, err));
	TRY(scan_new(ENTITY_LIMITS, &view->scan, err));
	scan_part(view->scan);
	*ret = take(view);
	return RC_OK;
}

void
protect_view_free(struct protect_view *view)
{
	if (view == NULL)
		return;
	scan_free(view->scan);
	buf_done(&view->head);
	buf_done(&view->held.bytes);
	free(view);
}

/* ---- the body ------------------------------------------------------------------ */

/* A container's own bytes are text, whatever it says. */
static bool
is_leaf(struct entity *entity)
{
	return !head_is_message(entity) &&
	       (!head_is_multipart(entity) || head_boundary(entity).len == 0);
}

/* The next bytes of what is open, as they are.  What is not text lies between
 * line ends that are: `lines` knows of no CR there. */
static enum rc
show(struct protect_view *view, struct span bytes, struct buf *out,
    struct err *err)
{
	struct span header = span_first(bytes, view->header);
	struct span body = span_after(bytes, header.len);

	view->header -= header.len;
	if (view->header_shown)
		TRY(crlf_write(&view->lines, header, out, err));
	if (view->binary)
		return buf_add(out, body, err);
	return crlf_write(&view->lines, body, out, err);
}

/* What is held turns out to be no different from any other part. */
static enum rc
let_go(struct protect_view *view, struct buf *out, struct err *err)
{
	struct held *held = &view->held;

	held->any = false;
	TRY(show(view, buf_span(&held->bytes), out, err));
	buf_done(&held->bytes);
	return RC_OK;
}

static enum rc
hold(struct protect_view *view, struct span bytes, struct buf *out,
    struct err *err)
{
	struct held *held = &view->held;

	if (bytes.len <= held->max - held->bytes.len)
		return buf_add(&held->bytes, bytes, err);
	TRY(let_go(view, out, err));
	return show(view, bytes, out, err);
}

static enum rc
add_bytes(struct protect_view *view, struct span bytes, struct buf *out,
    struct err *err)
{
	return view->held.any ? hold(view, bytes, out, err)
			      : show(view, bytes, out, err);
}

static enum rc
add_held(const struct held *held, struct buf *out, struct err *err)
{
	struct entity around = {0},
		      *part OWNED(entity_free) = calloc(1, sizeof(*part));
	struct span bytes = buf_span(&held->bytes);

	if (part == NULL)
		return err_nomem(err, "letter");
	TRY(head_parse(
	    span_first(bytes, held->header), HEAD_OF_PART, part, err));
	part->body = span_after(bytes, held->header);
	part->parent = held->is_payload ? NULL : &around;
	return legacy_remove(part, out, err);
}

static enum rc
end_held(struct protect_view *view, struct buf *out, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = add_held(&view->held, out, &why);

	if (rc == RC_NOMEM)
		return err_set(err, rc, "%s", why.text);
	/* whatever cannot be edited is shown as it is: what came before it was
	 * shown already */
	if (rc != RC_OK)
		return let_go(view, out, err);
	view->held.any = false;
	buf_done(&view->held.bytes);
	return RC_OK;
}

static enum rc
begin(struct protect_view *view, const struct scan_event *event,
    struct buf *out, struct err *err)
{
	struct entity *entity = event->entity;

	TRY(buf_add(out, buf_span(&view->head), err));
	buf_done(&view->head);
	view->header = entity->header.len;
	view->header_shown = event->depth > view->body;
	view->binary = entity->encoding == ENCODING_BINARY && is_leaf(entity);
	if (!view->editing || view->message != NOWHERE)
		return RC_OK;
	if (entity_is(entity, "message", NULL))
		view->message = event->depth;
	view->held.any = legacy_is_said(entity);
	view->held.is_payload = event->depth == 0;
	view->held.header = entity->header.len;
	view->held.max = entity->header.len + PROTECT_DISPLAY_MAX;
	return RC_OK;
}

static enum rc
end(struct protect_view *view, const struct scan_event *event, struct buf *out,
    struct err *err)
{
	if (view->held.any)
		TRY(end_held(view, out, err));
	if (event->depth == view->message)
		view->message = NOWHERE;
	view->header = 0;
	view->binary = false;
	return RC_OK;
}

static enum rc
push(struct protect_view *view, struct span in, bool last, struct buf *out,
    struct err *err)
{
	struct scan_event event;

	for (;;) {
		TRY(scan_next(view->scan, &in, last, &event, err));
		switch (event.what) {
		case SCAN_BEGIN:
			TRY(begin(view, &event, out, err));
			break;
		case SCAN_BYTES:
			TRY(add_bytes(view, event.bytes, out, err));
			break;
		case SCAN_END:
			TRY(end(view, &event, out, err));
			break;
		case SCAN_MORE:
			return RC_OK;
		}
	}
}

static enum rc
push_or_nothing(struct protect_view *view, struct span in, bool last,
    struct buf *out, struct err *err)
{
	size_t before = out->len;
	enum rc rc = push(view, in, last, out, err);

	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

enum rc
protect_view_push(struct protect_view *view, struct span payload,
    struct buf *out, struct err *err)
{
	return push_or_nothing(view, payload, false, out, err);
}

enum rc
protect_view_end(struct protect_view *view, struct buf *out, struct err *err)
{
	return push_or_nothing(view, span_str(""), true, out, err);
}
