#include "mime/head_priv.h"

#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

static enum rc
parse_fields(struct span room, enum head_place place, struct entity *entity,
    struct err *err)
{
	size_t body = 0;
	enum rc rc = fields_parse(room, &entity->fields, &body, err);

	/* A part inside that cannot be read is shown as it is. */
	if (rc == RC_SYNTAX && place != HEAD_OF_LETTER) {
		entity->malformed = true;
		rc = RC_OK;
	}
	TRY(rc);
	entity->header = span_first(room, body);
	entity->whole = entity->header;
	entity->body = span_after(entity->header, body);
	return RC_OK;
}

static enum rc
parse_type(struct entity *entity, enum head_place place, struct err *err)
{
	const struct field *field =
	    fields_find(&entity->fields, "Content-Type");
	const char *none = "text/plain; charset=us-ascii";

	/* RFC 2046 section 5.1.5 */
	if (field == NULL && place == HEAD_OF_DIGEST_PART)
		none = "message/rfc822";
	if (fields_count(&entity->fields, "Content-Type") > 1)
		entity->malformed = true;
	if (field == NULL)
		return content_parse(span_str(none), &entity->type, err);
	enum rc rc = content_parse(field->value, &entity->type, err);
	if (rc == RC_NOMEM)
		return rc;
	if (rc == RC_OK && entity->type.subtype[0] != '\0')
		return RC_OK;
	entity->malformed = true;
	content_done(&entity->type);
	return content_parse(span_str(none), &entity->type, err);
}

static enum entity_encoding
find_encoding(struct span name)
{
	static const char *const names[] = {
	    [ENCODING_7BIT] = "7bit",
	    [ENCODING_8BIT] = "8bit",
	    [ENCODING_BINARY] = "binary",
	    [ENCODING_QP] = "quoted-printable",
	    [ENCODING_BASE64] = "base64",
	};

	for (int i = ENCODING_7BIT; i < ENCODING_UNKNOWN; i++)
		if (span_is_nocase(name, names[i]))
			return (enum entity_encoding)i;
	return ENCODING_UNKNOWN;
}

/* With comments, or a parameter that it cannot have. */
static enum rc
read_encoding(struct span value, enum entity_encoding *ret, struct err *err)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;

	enum rc rc = content_parse(value, &content, err);
	if (rc == RC_OK && content.subtype[0] == '\0')
		*ret = find_encoding(span_str(content.type));
	return rc == RC_NOMEM ? rc : RC_OK;
}

static enum rc
parse_encoding(struct entity *entity, struct err *err)
{
	const char *name = "Content-Transfer-Encoding";
	const struct field *field = fields_find(&entity->fields, name);

	entity->encoding = ENCODING_7BIT;
	if (field == NULL)
		return RC_OK;
	if (fields_count(&entity->fields, name) > 1)
		entity->malformed = true;
	entity->encoding = find_encoding(field->value);
	if (entity->encoding == ENCODING_UNKNOWN)
		TRY(read_encoding(field->value, &entity->encoding, err));
	if (entity->encoding == ENCODING_UNKNOWN)
		entity->malformed = true;
	return RC_OK;
}

static bool
is_identity(enum entity_encoding encoding)
{
	return encoding == ENCODING_7BIT || encoding == ENCODING_8BIT ||
	       encoding == ENCODING_BINARY;
}

/* RFC 2045 section 6.4 forbids other encodings, RFC 6532 section 3.5 allows
 * them for message/global. */
static void
check_encoding(struct entity *entity)
{
	bool global = content_is(&entity->type, "message", NULL) &&
		      strncmp(entity->type.subtype, "global", 6) == 0;
	bool composite = head_is_multipart(entity) ||
			 content_is(&entity->type, "message", NULL);

	if (!is_identity(entity->encoding) && composite && !global)
		entity->malformed = true;
}

enum rc
head_parse(struct span room, enum head_place place, struct entity *ret,
    struct err *err)
{
	TRY(parse_fields(room, place, ret, err));
	TRY(parse_type(ret, place, err));
	TRY(parse_encoding(ret, err));
	check_encoding(ret);
	return RC_OK;
}

/* RFC 2046 section 5.1.1: 1 to 70 characters, the last no blank. */
struct span
head_boundary(struct entity *entity)
{
	const char *text = content_param(&entity->type, "boundary");
	struct span boundary = text == NULL ? SPAN_NONE : span_str(text);
	size_t written = boundary.len;

	while (boundary.len > 0 && boundary.data[boundary.len - 1] == ' ')
		boundary.len--;
	if (boundary.len > HEAD_BOUNDARY_READ_MAX)
		boundary.len = 0;
	bool good = boundary.len > 0 && boundary.len == written &&
		    boundary.len <= BOUNDARY_MAX;
	for (size_t i = 0; i < boundary.len; i++)
		if (boundary.data[i] < 0x20 || boundary.data[i] > 0x7e)
			good = false;
	if (!good)
		entity->malformed = true;
	return boundary;
}

bool
head_is_multipart(const struct entity *entity)
{
	return content_is(&entity->type, "multipart", NULL);
}

bool
head_is_message(const struct entity *entity)
{
	return is_identity(entity->encoding) &&
	       (content_is(&entity->type, "message", "rfc822") ||
		   content_is(&entity->type, "message", "global"));
}
