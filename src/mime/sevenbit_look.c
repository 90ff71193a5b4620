/* The first pass: mime/sevenbit_priv. */
#include <stdlib.h>

#include "base/own.h"
#include "mime/head_priv.h"
#include "mime/sevenbit_priv.h"

/* A part that is open.  A multipart that has no part in the end is a leaf, so
 * all that is its own is looked at as the body of one, too. */
struct level {
	enum entity_encoding encoding;
	bool multipart, text;
	bool may_encode; /* as its header says */
	bool container;  /* has a part */
	bool delimiter;  /* one was met */
	struct wire body;
	struct wire preamble; /* once a delimiter was met */
	struct wire between, epilogue;
	size_t boundary_len;
	uint8_t boundary[HEAD_BOUNDARY_READ_MAX];
};

struct sevenbit_look {
	struct sevenbit_walk walk;
	struct level level[WALK_DEPTH_MAX];
	struct sevenbit_leaf *leaf;         /* owned; the last that began */
	struct span around[WALK_DEPTH_MAX]; /* the boundaries around it */
	size_t around_len;
	bool says_wide, stays_wide;
	/* The letter's own field that says the encoding cannot be read, which
	 * is an error if it stays. */
	enum rc encoding_rc;
	struct err encoding_err;
};

OWNER(struct sevenbit_look, sevenbit_look_free);

enum rc
sevenbit_look_new(struct sevenbit_look **ret, struct err *err)
{
	struct sevenbit_look *look OWNED(sevenbit_look_free) =
	    calloc(1, sizeof(*look));

	if (look == NULL)
		return err_nomem(err, "letter");
	TRY(sevenbit_walk_init(&look->walk, err));
	TRY(sevenbit_leaf_new(&look->leaf, err));
	*ret = take(look);
	return RC_OK;
}

void
sevenbit_look_free(struct sevenbit_look *look)
{
	if (look == NULL)
		return;
	sevenbit_walk_done(&look->walk);
	sevenbit_leaf_free(look->leaf);
	free(look);
}

static bool
has_trouble(const struct wire *wire)
{
	return wire->eight_bit || wire->control || wire->long_line;
}

/* It will be in what is printed. */
static void
add_result(struct sevenbit_plan *plan, const struct wire *wire)
{
	plan->result.eight_bit |= wire->eight_bit;
	plan->result.control |= wire->control;
	plan->result.long_line |= wire->long_line;
}

static void
add_fields(struct sevenbit_plan *plan, const struct sevenbit_fields *fields)
{
	plan->result.eight_bit |= fields->eight_bit;
	plan->result.long_line |= fields->long_line;
	plan->utf8 |= fields->utf8;
	plan->rough |= fields->rough;
}

/* ---- a part begins ------------------------------------------------------------ */

static enum rc
add_part(
    struct sevenbit_plan *plan, struct sevenbit_part **ret, struct err *err)
{
	if (plan->parts == plan->cap) {
		size_t cap = plan->cap * 2 + 4;
		struct sevenbit_part *part =
		    reallocarray(plan->part, cap, sizeof(*part));
		if (part == NULL)
			return err_nomem(err, "letter");
		plan->part = part;
		plan->cap = cap;
	}
	*ret = &plan->part[plan->parts++];
	**ret = (struct sevenbit_part){.form = FORM_PLAIN};
	return RC_OK;
}

/* RFC 2045 section 6.4: only 7bit, 8bit and binary for what holds parts. */
static bool
may_encode(const struct entity *entity)
{
	if (sevenbit_walk_is_global(entity))
		return entity->encoding != ENCODING_UNKNOWN;
	return !entity_is(entity, "multipart", NULL) &&
	       !entity_is(entity, "message", NULL) && !entity->malformed;
}

static void
set_boundary(struct level *level, const struct entity *entity)
{
	const char *text = content_param(&entity->type, "boundary");

	if (!level->multipart || text == NULL)
		return;
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len > sizeof(level->boundary))
		return;
	memcpy(level->boundary, text, len);
	level->boundary_len = len;
}

static void
set_around(struct sevenbit_look *look, size_t depth)
{
	look->around_len = 0;
	for (size_t i = 0; i < depth; i++) {
		const struct level *level = &look->level[i];
		if (level->boundary_len > 0)
			look->around[look->around_len++] =
			    span_of(level->boundary, level->boundary_len);
	}
}

static enum rc
look_header(struct sevenbit_look *look, struct sevenbit_plan *plan,
    const struct sevenbit_walk_event *event, struct sevenbit_part *part,
    struct err *err)
{
	bool strict = event->depth == 0;
	struct sevenbit_fields fields;

	TRY(sevenbit_look_fields(event->entity, strict, &fields, err));
	add_fields(plan, &fields);
	enum rc rc = sevenbit_look_encoding(event->entity, strict,
	    &part->encoding, strict ? &look->encoding_err : err);
	if (!strict)
		return rc;
	look->encoding_rc = rc;
	return RC_OK;
}

static enum rc
begin(struct sevenbit_look *look, struct sevenbit_plan *plan,
    const struct sevenbit_walk_event *event, struct err *err)
{
	const struct entity *entity = event->entity;
	struct level *level = &look->level[event->depth];
	struct sevenbit_part *part = NULL;

	TRY(add_part(plan, &part, err));
	part->wide = entity->encoding == ENCODING_8BIT ||
		     entity->encoding == ENCODING_BINARY;
	part->top = event->depth == 1;
	*level = (struct level){
	    .encoding = entity->encoding,
	    .multipart = entity_is(entity, "multipart", NULL),
	    .text = entity_is(entity, "text", NULL),
	    .may_encode = may_encode(entity),
	};
	set_boundary(level, entity);
	set_around(look, event->depth);
	if (event->depth > 0)
		look->level[event->depth - 1].container = true;
	sevenbit_leaf_begin(look->leaf, entity, !level->may_encode);
	return look_header(look, plan, event, part, err);
}

/* ---- its bytes ------------------------------------------------------------------ */

static struct sevenbit_boundaries
boundaries(const struct sevenbit_look *look)
{
	return (struct sevenbit_boundaries){look->around, look->around_len};
}

static enum rc
look_body(struct sevenbit_look *look, struct level *level, struct span bytes,
    struct err *err)
{
	const struct sevenbit_boundaries around = boundaries(look);

	wire_look(&level->body, bytes);
	return sevenbit_leaf_look(look->leaf, bytes, &around, err);
}

static void
look_delimiter(struct level *level, struct span bytes)
{
	if (!level->delimiter) {
		level->preamble = level->body;
		wire_end(&level->preamble);
	}
	level->delimiter = true;
	wire_look(&level->between, bytes);
	if (!level->container)
		wire_look(&level->body, bytes);
}

static enum rc
look_bytes(struct sevenbit_look *look, const struct sevenbit_walk_event *event,
    struct err *err)
{
	struct level *level = &look->level[event->depth];

	switch (event->place) {
	case WALK_DELIMITER:
		look_delimiter(level, event->bytes);
		return RC_OK;
	case WALK_EPILOGUE:
		wire_look(&level->epilogue, event->bytes);
		if (!level->container)
			wire_look(&level->body, event->bytes);
		return RC_OK;
	case WALK_PREAMBLE:
		wire_look(&level->body, event->bytes);
		return RC_OK;
	case WALK_BODY:
		break;
	}
	return look_body(look, level, event->bytes, err);
}

/* ---- it ends --------------------------------------------------------------------- */

/* Whatever it is, it stays; but a wide name for what is 7-bit need not. */
static void
keep(struct sevenbit_plan *plan, const struct level *level,
    struct sevenbit_part *part)
{
	part->form = FORM_KEPT;
	part->harmless = !has_trouble(&level->body);
	plan->rough |= level->body.control || level->body.long_line;
	add_result(plan, &level->body);
}

static void
encode(const struct sevenbit_look *look, const struct level *level,
    struct sevenbit_part *part)
{
	bool control = level->body.control;

	part->form = level->text && !control && sevenbit_leaf_qp(look->leaf)
			 ? FORM_QP
			 : FORM_BASE64;
	/* NUL or a bare CR: no lines (UTF-16, say) */
	part->lines =
	    !control && (level->encoding != ENCODING_BINARY || level->text);
}

static enum rc
end_leaf(struct sevenbit_look *look, struct sevenbit_plan *plan,
    struct level *level, struct sevenbit_part *part, struct err *err)
{
	const struct sevenbit_boundaries around = boundaries(look);

	wire_end(&level->body);
	TRY(sevenbit_leaf_end(look->leaf, &around, err));
	bool trouble = has_trouble(&level->body);
	look->stays_wide |= !level->may_encode && trouble;
	if (!part->wide && !trouble && !sevenbit_leaf_fragile(look->leaf))
		part->form = FORM_PLAIN;
	else if (level->may_encode && sevenbit_leaf_readable(look->leaf))
		encode(look, level, part);
	else
		keep(plan, level, part);
	return RC_OK;
}

static void
end_container(struct sevenbit_look *look, struct sevenbit_plan *plan,
    struct level *level, struct sevenbit_part *part)
{
	part->form = FORM_CONTAINER;
	look->says_wide |= part->wide;
	wire_end(&level->between);
	wire_end(&level->epilogue);
	add_result(plan, &level->between);
	/* who knows where the parts are?  All of it stays */
	if (part->malformed) {
		add_result(plan, &level->preamble);
		add_result(plan, &level->epilogue);
		return;
	}
	part->drop_preamble = has_trouble(&level->preamble);
	part->drop_epilogue = has_trouble(&level->epilogue);
}

static enum rc
end(struct sevenbit_look *look, struct sevenbit_plan *plan,
    const struct sevenbit_walk_event *event, struct err *err)
{
	struct level *level = &look->level[event->depth];
	struct sevenbit_part *part = &plan->part[event->part];

	part->len = event->len;
	part->header_len = event->header_len;
	part->malformed = event->malformed;
	if (!level->container)
		return end_leaf(look, plan, level, part, err);
	end_container(look, plan, level, part);
	return RC_OK;
}

/* ---- all of it ------------------------------------------------------------------- */

const char *
sevenbit_encoding(
    const struct sevenbit_plan *plan, const struct sevenbit_part *part)
{
	switch (part->form) {
	case FORM_CONTAINER:
		return part->wide && !plan->wide_stays ? "7bit" : NULL;
	case FORM_KEPT:
		return part->wide && part->harmless ? "7bit" : NULL;
	case FORM_QP:
		return "quoted-printable";
	case FORM_BASE64:
		return "base64";
	case FORM_PLAIN:
	default:
		return NULL;
	}
}

static enum rc
finish_fields(const struct sevenbit_look *look, struct sevenbit_plan *plan,
    struct err *err)
{
	plan->wide_stays = look->says_wide && look->stays_wide;
	for (size_t i = 0; i < plan->parts; i++) {
		if (sevenbit_encoding(plan, &plan->part[i]) != NULL)
			continue;
		if (i == 0 && look->encoding_rc != RC_OK)
			return err_set(err, look->encoding_rc, "%s",
			    look->encoding_err.text);
		add_fields(plan, &plan->part[i].encoding);
	}
	return RC_OK;
}

static enum rc
check_result(const struct sevenbit_plan *plan, struct err *err)
{
	if (plan->result.control && !plan->rough)
		return err_set(err, RC_SYNTAX,
		    "NUL or bare CR in a header or between parts");
	if (plan->result.long_line && !plan->rough)
		return err_set(err, RC_SYNTAX,
		    "line longer than %d bytes in a header or between parts",
		    WIRE_LINE_MAX);
	return RC_OK;
}

static enum rc
look_event(struct sevenbit_look *look, struct sevenbit_plan *plan,
    const struct sevenbit_walk_event *event, struct err *err)
{
	switch (event->what) {
	case WALK_BEGIN:
		return begin(look, plan, event, err);
	case WALK_BYTES:
		return look_bytes(look, event, err);
	case WALK_END:
		return end(look, plan, event, err);
	case WALK_MORE:
		break;
	}
	return RC_OK;
}

enum rc
sevenbit_look_push(struct sevenbit_look *look, struct span bytes, bool last,
    struct sevenbit_plan *plan, struct err *err)
{
	struct sevenbit_walk_event event;

	do {
		TRY(sevenbit_walk_next(&look->walk, &bytes, last, &event, err));
		TRY(look_event(look, plan, &event, err));
	} while (event.what != WALK_MORE);
	if (!last)
		return RC_OK;
	TRY(finish_fields(look, plan, err));
	return check_result(plan, err);
}
