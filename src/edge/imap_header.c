#include "edge/imap_header.h"

/* Lines that end with CRLF, then the empty one, which is the only one. */
static bool
is_plain(struct span header)
{
	size_t line = 0;

	for (size_t i = 0; i < header.len; i++) {
		uint8_t byte = header.data[i];
		bool crlf = span_starts(span_after(header, i), "\r\n");
		if (byte == 0 || (byte == '\r' && !crlf))
			return false;
		if (byte != '\n')
			continue;
		if (i == 0 || header.data[i - 1] != '\r')
			return false;
		if (i - line == 1)
			return i > 1 && i + 1 == header.len;
		line = i + 1;
	}
	return false;
}

/* One Content-Type at most, that can be read: a body may be missing here, so
 * `malformed` says nothing of a multipart. */
static bool
has_one_type(const struct fields *fields)
{
	const struct field *field = fields_find(fields, "Content-Type");
	struct content content CONTENT_OWNED = CONTENT_NONE;

	if (field == NULL)
		return true;
	return fields_count(fields, "Content-Type") == 1 &&
	       content_parse(field->value, &content, NULL) == RC_OK &&
	       content.subtype[0] != '\0';
}

/* Whether a letter is opened depends on nothing but its root's type: cms/smime
 * and flow/gather look at what is application, multipart/signed or a
 * message. */
static bool
passes_as_it_came(const struct entity *root)
{
	if (!has_one_type(&root->fields))
		return false;
	if (entity_is(root, "multipart", NULL))
		return !entity_is(root, "multipart", "signed") &&
		       !entity_is(root, "multipart", "encrypted");
	return entity_is(root, "text", NULL) ||
	       entity_is(root, "image", NULL) ||
	       entity_is(root, "audio", NULL) || entity_is(root, "video", NULL);
}

enum rc
imap_header_open(struct span header, uint32_t size, struct imap_view *view,
    uint32_t *ret_size, struct err *err)
{
	struct err ignored;

	if (!is_plain(header) || size < header.len)
		return RC_ABSENT;
	TRY(imap_view_strip(header, &view->bytes, err));
	enum rc rc = entity_parse(
	    buf_span(&view->bytes), ENTITY_LIMITS, &view->letter, &ignored);
	/* without any field its end is not seen by all (imap_view_strip()) */
	if (rc == RC_OK && view->bytes.len > 2 &&
	    view->letter->header.len == view->bytes.len &&
	    passes_as_it_came(view->letter)) {
		*ret_size = size - (uint32_t)(header.len - view->bytes.len);
		return RC_OK;
	}
	entity_free(view->letter);
	view->letter = NULL;
	buf_clear(&view->bytes);
	return rc == RC_NOMEM ? err_nomem(err, "letter") : RC_ABSENT;
}
