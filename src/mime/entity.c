#include "mime/entity.h"

#include <stdlib.h>

#include "base/own.h"
#include "codec/base64.h"
#include "codec/qp.h"

#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */
/* What some programs write is read, and called malformed. */
#define BOUNDARY_READ_MAX 250
/* More than fields_parse() looks at. */
#define HEADER_ROOM (FIELD_SECTION_MAX + 2048)

/* The letter is read once, line by line, with all containers that are open
 * at that point on a stack: the time is linear however deep they nest.
 *
 *                "--b"               "--b"             outer delimiter,
 *  +----------+  begins  +---------+ next  +---------+  or the end
 *  | PREAMBLE | -------> |  PARTS  | ----> | (PARTS) | ------------> gone
 *  +----------+          +---------+       +---------+   (malformed)
 *        |                    |  "--b--"
 *        +--------------------+----------> +----------+
 *            (malformed from PREAMBLE)     | EPILOGUE | ----------> gone
 *                                          +----------+
 *
 * A message/rfc822 is on the stack too, always in PARTS: it ends only with
 * what it lies in. */
enum level_state { LEVEL_PREAMBLE, LEVEL_PARTS, LEVEL_EPILOGUE };

struct level {
	struct entity *entity;
	struct span boundary; /* empty for message/rfc822 */
	struct entity *last;  /* child */
	enum level_state state;
};

struct parser {
	struct span bytes;
	struct entity_limits limits;
	struct err *err;
	unsigned parts;
	struct level *level; /* owned, outermost first */
	size_t levels;
	size_t cap;
	struct entity *leaf; /* open, on top of all levels; NULL if none */
};

OWNER(struct entity, entity_free);

static void
parser_done(struct parser *parser)
{
	free(parser->level);
}

static size_t
offset_of(const struct parser *parser, const uint8_t *at)
{
	return (size_t)(at - parser->bytes.data);
}

/* The line end before a delimiter belongs to the delimiter (RFC 2046 section
 * 5.1.1), so an end may lie before what was thought to be the beginning. */
static void
set_end(const struct parser *parser, struct entity *entity, size_t end)
{
	size_t start = offset_of(parser, entity->whole.data);
	size_t body = start + entity->header.len;

	if (end < start) {
		start = end;
		entity->parent->malformed = true;
	}
	if (end < body)
		body = end;
	entity->whole = span_after(span_first(parser->bytes, end), start);
	entity->header = span_first(entity->whole, body - start);
	entity->body = span_after(entity->whole, body - start);
}

/* Close the leaf and every level but the outermost `keep`. */
static void
close_above(struct parser *parser, size_t keep, size_t end)
{
	if (parser->leaf != NULL)
		set_end(parser, parser->leaf, end);
	parser->leaf = NULL;
	while (parser->levels > keep) {
		struct level *level = &parser->level[--parser->levels];
		set_end(parser, level->entity, end);
		if (level->boundary.len > 0 && level->state != LEVEL_EPILOGUE)
			level->entity->malformed = true;
	}
}

static struct span
line_at(struct span bytes, size_t at)
{
	struct span rest = span_after(bytes, at);
	ptrdiff_t end = span_find_byte(rest, '\n');

	return end < 0 ? rest : span_first(rest, (size_t)end + 1);
}

static size_t
line_end_len(struct span line)
{
	if (line.len == 0 || line.data[line.len - 1] != '\n')
		return 0;
	return line.len > 1 && line.data[line.len - 2] == '\r' ? 2 : 1;
}

enum match { MATCH_NONE, MATCH_NEAR, MATCH_NEXT, MATCH_CLOSE };

/* The whole line is compared, padding aside.  RFC 2046 lets a reader be
 * content with the beginning; then a boundary that is the prefix of another
 * one would end parts that are not its own. */
static enum match
compare(struct span line, struct span boundary)
{
	struct span rest = span_after(line, 2);

	if (boundary.len == 0 || rest.len < boundary.len ||
	    !span_is(span_first(rest, boundary.len), boundary))
		return MATCH_NONE;
	rest = span_after(rest, boundary.len);
	rest = span_first(rest, rest.len - line_end_len(line));
	while (rest.len > 0 && (rest.data[rest.len - 1] == ' ' ||
				   rest.data[rest.len - 1] == '\t'))
		rest.len--;
	if (rest.len == 0)
		return MATCH_NEXT;
	return span_is(rest, span_str("--")) ? MATCH_CLOSE : MATCH_NEAR;
}

/* Is this a delimiter of a container that is open?  The outermost wins: it
 * ends all it holds.  A line that readers who compare prefixes would take
 * for one makes the container malformed, as does one behind its end. */
static enum match
find_delimiter(struct parser *parser, struct span line, size_t *ret_level)
{
	if (!span_starts(line, "--"))
		return MATCH_NONE;
	struct entity *near = NULL;
	for (size_t i = 0; i < parser->levels; i++) {
		struct level *level = &parser->level[i];
		enum match match = compare(line, level->boundary);
		if (match == MATCH_NONE)
			continue;
		if (match != MATCH_NEAR && level->state != LEVEL_EPILOGUE) {
			*ret_level = i;
			return match;
		}
		near = near == NULL ? level->entity : near;
	}
	if (near != NULL)
		near->malformed = true;
	return MATCH_NONE;
}

/* Readers to whom a bare CR ends a line would find a delimiter behind it. */
static void
find_hidden(const struct parser *parser, struct span line)
{
	for (ptrdiff_t cr; (cr = span_find_byte(line, '\r')) >= 0;) {
		line = span_after(line, (size_t)cr + 1);
		if (!span_starts(line, "--"))
			continue;
		for (size_t i = 0; i < parser->levels; i++) {
			struct level *level = &parser->level[i];
			size_t len = level->boundary.len;
			if (len > 0 &&
			    span_is(level->boundary,
				span_first(span_after(line, 2), len)))
				level->entity->malformed = true;
		}
	}
}

/* The bytes from `at` in which a header section can be: to its empty line,
 * or to a delimiter, which may look like a field ("--a:b"). */
static struct span
header_room(struct parser *parser, size_t at)
{
	struct span room =
	    span_first(span_after(parser->bytes, at), HEADER_ROOM);
	size_t len = 0, level, end = 0;

	while (len < room.len) {
		struct span line = line_at(room, len);
		if (find_delimiter(parser, line, &level) != MATCH_NONE)
			return span_first(room, len - end);
		len += line.len;
		end = line_end_len(line);
		if (line.len == end)
			break;
	}
	return span_first(room, len);
}

static enum rc
parse_header(struct parser *parser, struct entity *entity, size_t at)
{
	size_t body = 0;
	enum rc rc = fields_parse(
	    header_room(parser, at), &entity->fields, &body, parser->err);

	/* A part inside that cannot be read is shown as it is. */
	if (rc == RC_SYNTAX && entity->parent != NULL) {
		entity->malformed = true;
		rc = RC_OK;
	}
	TRY(rc);
	entity->whole = span_after(parser->bytes, at);
	entity->header = span_first(entity->whole, body);
	return RC_OK;
}

static enum rc
parse_type(struct entity *entity, struct err *err)
{
	const struct field *field =
	    fields_find(&entity->fields, "Content-Type");
	struct entity *parent = entity->parent;
	const char *none = "text/plain; charset=us-ascii";

	/* RFC 2046 section 5.1.5 */
	if (field == NULL && parent != NULL &&
	    content_is(&parent->type, "multipart", "digest"))
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

static enum rc
parse_encoding(struct entity *entity, struct err *err)
{
	static const char *const names[] = {
	    [ENCODING_7BIT] = "7bit",
	    [ENCODING_8BIT] = "8bit",
	    [ENCODING_BINARY] = "binary",
	    [ENCODING_QP] = "quoted-printable",
	    [ENCODING_BASE64] = "base64",
	};
	struct content content CONTENT_OWNED = CONTENT_NONE;
	const char *name = "Content-Transfer-Encoding";
	size_t count = fields_count(&entity->fields, name);

	if (count > 1)
		entity->malformed = true;
	entity->encoding = count == 0 ? ENCODING_7BIT : ENCODING_UNKNOWN;
	if (count == 0)
		return RC_OK;
	/* for the comments it may hold; the rest is one token */
	enum rc rc =
	    content_parse(fields_value(&entity->fields, name), &content, err);
	if (rc == RC_NOMEM)
		return rc;
	for (int i = ENCODING_7BIT; i < ENCODING_UNKNOWN; i++)
		if (rc == RC_OK && content_is(&content, names[i], ""))
			entity->encoding = (enum entity_encoding)i;
	if (entity->encoding == ENCODING_UNKNOWN)
		entity->malformed = true;
	return RC_OK;
}

/* RFC 2046 section 5.1.1: 1 to 70 characters, the last no blank. */
static struct span
boundary_of(struct entity *entity)
{
	const char *text = content_param(&entity->type, "boundary");
	struct span boundary = text == NULL ? SPAN_NONE : span_str(text);
	size_t written = boundary.len;

	while (boundary.len > 0 && boundary.data[boundary.len - 1] == ' ')
		boundary.len--;
	if (boundary.len > BOUNDARY_READ_MAX)
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

static bool
is_identity(enum entity_encoding encoding)
{
	return encoding == ENCODING_7BIT || encoding == ENCODING_8BIT ||
	       encoding == ENCODING_BINARY;
}

static enum rc
push_level(struct parser *parser, struct entity *entity, struct span boundary)
{
	if (parser->levels >= parser->limits.depth)
		return err_set(parser->err, RC_LIMIT,
		    "letter nests parts deeper than %u", parser->limits.depth);
	if (parser->levels == parser->cap) {
		size_t cap = parser->cap * 2 + 4;
		struct level *level =
		    reallocarray(parser->level, cap, sizeof(*level));
		if (level == NULL)
			return err_nomem(parser->err, "letter");
		parser->level = level;
		parser->cap = cap;
	}
	parser->level[parser->levels++] = (struct level){entity, boundary, NULL,
	    boundary.len > 0 ? LEVEL_PREAMBLE : LEVEL_PARTS};
	return RC_OK;
}

static bool
is_message(const struct entity *entity)
{
	return content_is(&entity->type, "message", "rfc822") ||
	       content_is(&entity->type, "message", "global");
}

/* Put the entity where it belongs: a container on the stack, else the leaf. */
static enum rc
classify(struct parser *parser, struct entity *entity)
{
	bool identity = is_identity(entity->encoding);

	/* RFC 2045 section 6.4 forbids it, RFC 6532 section 3.5 allows it
	 * for message/global. */
	if (!identity &&
	    (content_is(&entity->type, "multipart", NULL) ||
		(content_is(&entity->type, "message", NULL) &&
		    strncmp(entity->type.subtype, "global", 6) != 0)))
		entity->malformed = true;
	if (content_is(&entity->type, "multipart", NULL)) {
		struct span boundary = boundary_of(entity);
		if (boundary.len > 0)
			return push_level(parser, entity, boundary);
	}
	if (is_message(entity) && identity)
		return push_level(parser, entity, SPAN_NONE);
	parser->leaf = entity;
	return RC_OK;
}

/* A new entity as the last child of the innermost level. */
static enum rc
new_child(struct parser *parser, struct entity **ret)
{
	if (parser->parts >= parser->limits.parts)
		return err_set(parser->err, RC_LIMIT,
		    "letter has more than %u parts", parser->limits.parts);
	struct entity *entity = calloc(1, sizeof(*entity));
	if (entity == NULL)
		return err_nomem(parser->err, "letter");
	parser->parts++;
	*ret = entity;
	if (parser->levels == 0)
		return RC_OK;
	struct level *level = &parser->level[parser->levels - 1];
	entity->parent = level->entity;
	if (level->last == NULL)
		level->entity->child = entity;
	else
		level->last->next = entity;
	level->last = entity;
	return RC_OK;
}

/* Begin an entity at `*at`, and what a message/rfc822 holds, and so on;
 * leaves in `*at` where the first body that is no message begins. */
static enum rc
begin(struct parser *parser, size_t *at, struct entity **ret_root)
{
	struct entity *entity = NULL;

	do {
		TRY(new_child(parser, &entity));
		if (ret_root != NULL && *ret_root == NULL)
			*ret_root = entity;
		TRY(parse_header(parser, entity, *at));
		TRY(parse_type(entity, parser->err));
		TRY(parse_encoding(entity, parser->err));
		TRY(classify(parser, entity));
		*at += entity->header.len;
	} while (parser->leaf == NULL &&
		 parser->level[parser->levels - 1].boundary.len == 0);
	return RC_OK;
}

/* A delimiter of `level` stands at `at`; moves behind it. */
static enum rc
delimiter(struct parser *parser, size_t keep, enum match match, size_t *at)
{
	struct level *level = &parser->level[keep];
	struct span before = span_first(parser->bytes, *at);

	close_above(parser, keep + 1, *at - line_end_len(before));
	*at += line_at(parser->bytes, *at).len;
	if (match == MATCH_NEXT) {
		level->state = LEVEL_PARTS;
		return begin(parser, at, NULL);
	}
	if (level->state == LEVEL_PREAMBLE)
		level->entity->malformed = true;
	level->state = LEVEL_EPILOGUE;
	return RC_OK;
}

static enum rc
parse_all(struct parser *parser, struct entity **ret_root)
{
	size_t at = 0, level = 0;

	TRY(begin(parser, &at, ret_root));
	while (at < parser->bytes.len && parser->levels > 0) {
		struct span line = line_at(parser->bytes, at);
		enum match match = find_delimiter(parser, line, &level);
		if (match != MATCH_NONE) {
			TRY(delimiter(parser, level, match, &at));
			continue;
		}
		find_hidden(parser, line);
		at += line.len;
	}
	close_above(parser, 0, parser->bytes.len);
	return RC_OK;
}

enum rc
entity_parse(struct span bytes, struct entity_limits limits,
    struct entity **ret, struct err *err)
{
	struct parser parser __attribute__((cleanup(parser_done))) = {
	    .bytes = bytes, .limits = limits, .err = err};
	struct entity *root OWNED(entity_free) = NULL;

	if (bytes.data == NULL)
		parser.bytes = span_str("");
	TRY(parse_all(&parser, &root));
	*ret = take(root);
	return RC_OK;
}

/* Without recursion: the depth is the caller's to set. */
void
entity_free(struct entity *entity)
{
	struct entity *at = entity;

	while (at != NULL) {
		if (at->child != NULL) {
			struct entity *child = at->child;
			at->child = NULL;
			at = child;
			continue;
		}
		struct entity *after = at->next;
		if (after == NULL && at != entity)
			after = at->parent;
		fields_done(&at->fields);
		content_done(&at->type);
		free(at);
		after = at == entity ? NULL : after;
		at = after;
	}
}

enum rc
entity_decode(const struct entity *entity, struct buf *out, struct err *err)
{
	switch (entity->encoding) {
	case ENCODING_QP:
		return qp_decode(entity->body, out, err);
	case ENCODING_BASE64:
		return base64_decode(entity->body, out, err);
	case ENCODING_UNKNOWN:
		return err_set(err, RC_SYNTAX,
		    "unknown Content-Transfer-Encoding in a part");
	case ENCODING_7BIT:
	case ENCODING_8BIT:
	case ENCODING_BINARY:
	default:
		return buf_add(out, entity->body, err);
	}
}

bool
entity_is(const struct entity *entity, const char *type, const char *sub)
{
	return content_is(&entity->type, type, sub);
}

size_t
entity_children(const struct entity *entity)
{
	size_t count = 0;

	for (const struct entity *c = entity->child; c != NULL; c = c->next)
		count++;
	return count;
}
