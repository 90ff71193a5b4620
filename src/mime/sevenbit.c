#include "mime/sevenbit.h"

#include <strings.h>

#include "codec/base64.h"
#include "codec/qp.h"
#include "mime/edit_priv.h"
#include "mime/lines_priv.h"
#include "mime/sevenbit_field_priv.h"

#define BASE64_LINE 76

static const char encoding_name[] = "Content-Transfer-Encoding";

/* One printing. */
struct safety {
	const struct entity *root;
	struct edits edits;
	bool wide_stays; /* a part stays 8-bit, so what holds it may say so */
	bool rough;      /* NUL, bare CR or a long line stays in a part */
	struct sevenbit_needs *needs;
	struct err *err;
};

static bool
is_multipart(const struct entity *entity)
{
	return entity_is(entity, "multipart", NULL);
}

/* message/global, message/global-headers, ...: RFC 6532, 6533. */
static bool
is_global(const struct entity *entity)
{
	return entity_is(entity, "message", NULL) &&
	       strncasecmp(entity->type.subtype, "global", 6) == 0;
}

/* RFC 1847 section 2.1: what is signed, and what a signature was made over,
 * is opaque to everybody on the way. */
static bool
is_island(const struct entity *entity)
{
	return entity_is(entity, "multipart", "signed") ||
	       entity_is(entity, "multipart", "encrypted");
}

/* What is dealt with as a whole. */
static bool
is_leaf(const struct entity *entity)
{
	return entity->child == NULL || is_island(entity) || is_global(entity);
}

/* The next entity of the tree under `root`, parents first: in the order of
 * the bytes. */
static const struct entity *
after(const struct entity *entity, const struct entity *root)
{
	if (!is_leaf(entity))
		return entity->child;
	while (entity != root && entity->next == NULL)
		entity = entity->parent;
	return entity == root ? NULL : entity->next;
}

static bool
is_wide(enum entity_encoding encoding)
{
	return encoding == ENCODING_8BIT || encoding == ENCODING_BINARY;
}

/* ---- what is the matter with a part --------------------------------------- */

static struct span
line_of(struct span text)
{
	ptrdiff_t end = span_find_byte(text, '\n');

	return end < 0 ? text : span_first(text, (size_t)end + 1);
}

static bool
has_blank_end(struct span line)
{
	size_t len = line.len;

	while (len > 0 &&
	       (line.data[len - 1] == '\n' || line.data[len - 1] == '\r'))
		len--;
	return len > 0 &&
	       (line.data[len - 1] == ' ' || line.data[len - 1] == '\t');
}

/* Servers write ">From ", and cut blanks off (RFC 2049 section 3). */
static bool
is_fragile(struct span text)
{
	while (text.len > 0) {
		struct span line = line_of(text);
		if (has_blank_end(line) || span_starts(line, "From "))
			return true;
		text = span_after(text, line.len);
	}
	return false;
}

static bool
has_trouble(struct span text)
{
	struct wire trouble = lines_look(text);

	return trouble.eight_bit || trouble.control || trouble.long_line;
}

/* RFC 2045 section 6.4: only 7bit, 8bit and binary for what holds parts. */
static bool
may_encode(const struct entity *entity)
{
	if (is_global(entity))
		return entity->encoding != ENCODING_UNKNOWN;
	return !is_multipart(entity) && !entity_is(entity, "message", NULL) &&
	       !entity->malformed;
}

static bool
wants_encoding(const struct entity *entity)
{
	if (is_wide(entity->encoding) || has_trouble(entity->body))
		return true;
	return entity->encoding != ENCODING_BASE64 && may_encode(entity) &&
	       is_fragile(entity->body);
}

static bool
stays_wide(const struct entity *root)
{
	for (const struct entity *e = root; e != NULL; e = after(e, root))
		if (is_leaf(e) && !may_encode(e) && has_trouble(e->body))
			return true;
	return false;
}

static bool
says_wide(const struct entity *root)
{
	for (const struct entity *e = root; e != NULL; e = after(e, root))
		if (!is_leaf(e) && is_wide(e->encoding))
			return true;
	return false;
}

/* ---- headers --------------------------------------------------------------- */

static enum rc
edit_field(struct safety *safety, const struct entity *entity,
    const struct field *field)
{
	bool strict = entity == safety->root;
	struct buf made BUF_OWNED = BUF_SECRET(4 * FIELD_SECTION_MAX), *text;

	if (!has_trouble(field->whole))
		return RC_OK;
	enum rc rc = sevenbit_field(field, strict, &made, safety->err);
	/* another's field that nobody can read stays as it is */
	if (!strict && (rc == RC_SYNTAX || rc == RC_LIMIT)) {
		safety->rough |= lines_look(field->whole).long_line;
		safety->needs->utf8 |= lines_look(field->whole).eight_bit;
		return RC_OK;
	}
	TRY(rc);
	safety->needs->utf8 |= lines_look(buf_span(&made)).eight_bit;
	TRY(edits_add(&safety->edits, field->whole, &text, safety->err));
	return buf_add(text, buf_span(&made), safety->err);
}

static enum rc
edit_fields(struct safety *safety, const struct entity *entity,
    const char *encoding, bool *ret_said)
{
	struct buf *text;

	*ret_said = false;
	for (size_t i = 0; i < entity->fields.len; i++) {
		const struct field *field = &entity->fields.item[i];
		if (encoding == NULL || *ret_said ||
		    !span_is_nocase(field->name, encoding_name)) {
			TRY(edit_field(safety, entity, field));
			continue;
		}
		TRY(edits_add(
		    &safety->edits, field->whole, &text, safety->err));
		TRY(field_print(
		    encoding_name, span_str(encoding), text, safety->err));
		*ret_said = true;
	}
	return RC_OK;
}

/* Say the encoding where it was said, or at the end of the header; and end
 * a header that has no empty line, now that a body follows. */
static enum rc
edit_header(
    struct safety *safety, const struct entity *entity, const char *encoding)
{
	struct span header = entity->header;
	bool ended = lines_header_ended(entity), said;
	struct buf *text;

	TRY(edit_fields(safety, entity, encoding, &said));
	bool say = encoding != NULL && !said;
	if (!say && (ended || entity->body.len == 0))
		return RC_OK;
	size_t at = header.len;
	if (ended)
		at -= span_starts(span_after(header, header.len - 2), "\r\n")
			  ? 2
			  : 1;
	TRY(edits_add(&safety->edits,
	    span_first(span_after(entity->whole, at), 0), &text, safety->err));
	if (say)
		TRY(field_print(
		    encoding_name, span_str(encoding), text, safety->err));
	return ended ? RC_OK : buf_add_str(text, "\r\n", safety->err);
}

/* ---- bodies ---------------------------------------------------------------- */

/* Lines that quoted-printable broke may begin with what ends a part. */
static bool
has_delimiter(const struct entity *entity, struct span body)
{
	for (const struct entity *p = entity->parent; p != NULL;
	     p = p->parent) {
		const char *boundary = content_param(&p->type, "boundary");
		if (!is_multipart(p) || boundary == NULL)
			continue;
		for (struct span rest = body; rest.len > 0;) {
			if (span_starts(rest, "--") &&
			    span_starts(span_after(rest, 2), boundary))
				return true;
			rest = span_after(rest, line_of(rest).len);
		}
	}
	return false;
}

/* The line end behind it belongs to the delimiter, where there is one. */
static enum rc
encode_base64(const struct entity *entity, struct span raw, struct buf *out,
    struct err *err)
{
	TRY(base64_encode(raw, BASE64_LINE, out, err));
	if (entity->parent != NULL && out->len >= 2)
		buf_cut(out, out->len - 2);
	return RC_OK;
}

static enum rc
encode_text(const struct entity *entity, struct span text, struct buf *out,
    const char **ret_encoding, struct err *err)
{
	*ret_encoding = "quoted-printable";
	TRY(qp_encode(text, out, err));
	if (!has_delimiter(entity, buf_span(out)))
		return RC_OK;
	buf_clear(out);
	*ret_encoding = "base64";
	return encode_base64(entity, text, out, err);
}

/* What is in the body, in CRLF lines if it is in lines at all. */
static enum rc
read_body(const struct entity *entity, struct buf *out, struct err *err)
{
	struct entity canonical = *entity;
	struct buf text BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);
	bool control = lines_look(entity->body).control;

	/* NUL or a bare CR: no lines (UTF-16, say) */
	if (entity->encoding == ENCODING_BINARY || control)
		if (!entity_is(entity, "text", NULL) || control)
			return entity_decode(entity, out, err);
	TRY(lines_add(entity->body, &text, err));
	canonical.body = buf_span(&text);
	return entity_decode(&canonical, out, err);
}

static enum rc
encode_body(const struct entity *entity, struct buf *out,
    const char **ret_encoding, struct err *err)
{
	struct buf raw BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);

	TRY(read_body(entity, &raw, err));
	if (entity_is(entity, "text", NULL) &&
	    entity->encoding != ENCODING_BASE64 &&
	    !lines_look(buf_span(&raw)).control)
		return encode_text(
		    entity, buf_span(&raw), out, ret_encoding, err);
	*ret_encoding = "base64";
	return encode_base64(entity, buf_span(&raw), out, err);
}

/* Whatever it is, it stays; but a wide name for what is 7-bit need not. */
static enum rc
edit_kept(struct safety *safety, const struct entity *entity)
{
	struct wire trouble = lines_look(entity->body);
	bool said;

	safety->rough |= trouble.control || trouble.long_line;
	if (is_wide(entity->encoding) && !has_trouble(entity->body))
		return edit_header(safety, entity, "7bit");
	return edit_fields(safety, entity, NULL, &said);
}

static enum rc
edit_leaf(struct safety *safety, const struct entity *entity)
{
	struct buf body BUF_OWNED = BUF_SECRET(SIZE_MAX / 2), *text;
	const char *encoding = NULL;
	bool wants = wants_encoding(entity);
	enum rc rc = RC_SYNTAX;

	if (wants && may_encode(entity))
		rc = encode_body(entity, &body, &encoding, safety->err);
	if (wants && rc == RC_SYNTAX)
		return edit_kept(safety, entity);
	if (!wants)
		return edit_header(safety, entity, NULL);
	TRY(rc);
	TRY(edit_header(safety, entity, encoding));
	TRY(edits_add(&safety->edits, entity->body, &text, safety->err));
	*text = body;
	body = BUF_SECRET(0);
	return RC_OK;
}

/* ---- what stands around parts ---------------------------------------------- */

static enum rc
edit_out(struct safety *safety, struct span junk)
{
	struct buf *text;

	if (!has_trouble(junk))
		return RC_OK;
	return edits_add(&safety->edits, junk, &text, safety->err);
}

/* Everything before the line of the first delimiter. */
static struct span
preamble_of(const struct entity *entity)
{
	struct span before = span_first(entity->body,
	    (size_t)(entity->child->whole.data - entity->body.data));
	size_t len = before.len;

	if (len > 0)
		len--;
	while (len > 0 && before.data[len - 1] != '\n')
		len--;
	return span_first(before, len);
}

/* Everything behind the line of the closing delimiter. */
static struct span
epilogue_of(const struct entity *entity)
{
	const struct entity *last = entity->child;

	while (last->next != NULL)
		last = last->next;
	const uint8_t *end = last->whole.data + last->whole.len;
	struct span rest =
	    span_after(entity->body, (size_t)(end - entity->body.data));
	if (!span_starts(rest, "--"))
		rest = span_after(rest, line_of(rest).len);
	return span_after(rest, line_of(rest).len);
}

/* An epilogue is reached before what follows its multipart, and behind all
 * that is in it. */
static enum rc
edit_epilogues(
    struct safety *safety, const struct entity *last, const struct entity *next)
{
	while (last != safety->root &&
	       (next == NULL || last->parent != next->parent)) {
		last = last->parent;
		if (is_multipart(last) && !last->malformed)
			TRY(edit_out(safety, epilogue_of(last)));
	}
	return RC_OK;
}

/* ---- all of it -------------------------------------------------------------- */

static enum rc
edit_container(struct safety *safety, const struct entity *entity)
{
	bool say = is_wide(entity->encoding) && !safety->wide_stays;

	TRY(edit_header(safety, entity, say ? "7bit" : NULL));
	if (is_multipart(entity) && !entity->malformed)
		TRY(edit_out(safety, preamble_of(entity)));
	return RC_OK;
}

static enum rc
edit_tree(struct safety *safety)
{
	const struct entity *e = safety->root, *next;

	safety->wide_stays = says_wide(e) && stays_wide(e);
	for (; e != NULL; e = next) {
		next = after(e, safety->root);
		TRY(is_leaf(e) ? edit_leaf(safety, e)
			       : edit_container(safety, e));
		if (is_leaf(e))
			TRY(edit_epilogues(safety, e, next));
	}
	return RC_OK;
}

static enum rc
check_result(const struct safety *safety, struct span result)
{
	struct wire trouble = lines_look(result);

	safety->needs->eight_bit |= trouble.eight_bit;
	safety->needs->binary |= safety->rough;
	if (trouble.control && !safety->rough)
		return err_set(safety->err, RC_SYNTAX,
		    "NUL or bare CR in a header or between parts");
	if (trouble.long_line && !safety->rough)
		return err_set(safety->err, RC_SYNTAX,
		    "line longer than %d bytes in a header or between parts",
		    WIRE_LINE_MAX);
	return RC_OK;
}

static enum rc
print(struct safety *safety, struct buf *out)
{
	size_t before = out->len;

	TRY(edit_tree(safety));
	TRY(edits_print(
	    &safety->edits, safety->root->whole, true, out, safety->err));
	enum rc rc = check_result(safety, span_after(buf_span(out), before));
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

enum rc
sevenbit_print(const struct entity *entity, struct sevenbit_needs *needs,
    struct buf *out, struct err *err)
{
	struct safety safety = {
	    .root = entity, .edits = EDITS_NONE, .needs = needs, .err = err};
	enum rc rc = print(&safety, out);

	edits_done(&safety.edits);
	return rc;
}
