#include "mime/sevenbit_walk_priv.h"

#include <strings.h>

#include "mime/level_priv.h"

bool
sevenbit_walk_is_island(const struct entity *entity)
{
	return entity_is(entity, "multipart", "signed") ||
	       entity_is(entity, "multipart", "encrypted");
}

bool
sevenbit_walk_is_global(const struct entity *entity)
{
	return entity_is(entity, "message", NULL) &&
	       strncasecmp(entity->type.subtype, "global", 6) == 0;
}

enum rc
sevenbit_walk_init(struct sevenbit_walk *walk, struct err *err)
{
	*walk = (struct sevenbit_walk){.scan = NULL};
	return scan_new(ENTITY_LIMITS, &walk->scan, err);
}

void
sevenbit_walk_done(struct sevenbit_walk *walk)
{
	scan_free(walk->scan);
	*walk = (struct sevenbit_walk){.scan = NULL};
}

static struct sevenbit_walk_level *
innermost(struct sevenbit_walk *walk)
{
	if (walk->depth == 0)
		bug("walk: bytes of no part");
	return &walk->level[walk->depth - 1];
}

/* --- parts ------------------------------------------------------------------- */

static enum rc
begin(struct sevenbit_walk *walk, const struct scan_event *event,
    struct sevenbit_walk_event *ret, struct err *err)
{
	const struct entity *entity = event->entity;

	if (walk->opaque)
		return RC_OK;
	if (walk->depth == WALK_DEPTH_MAX)
		return err_set(err, RC_LIMIT, "letter nests parts too deep");
	walk->opaque =
	    sevenbit_walk_is_island(entity) || sevenbit_walk_is_global(entity);
	bool zones = !walk->opaque && entity_is(entity, "multipart", NULL);
	*ret = (struct sevenbit_walk_event){.what = WALK_BEGIN,
	    .part = walk->parts,
	    .depth = walk->depth,
	    .entity = entity};
	walk->level[walk->depth++] = (struct sevenbit_walk_level){
	    .part = walk->parts++,
	    .start = event->at,
	    .header_len = entity->header.len,
	    .header_left = entity->header.len,
	    .malformed = entity->malformed,
	    .zone = zones ? ZONE_PREAMBLE : ZONE_BODY,
	};
	return RC_OK;
}

static void
end(struct sevenbit_walk *walk, const struct scan_event *event,
    struct sevenbit_walk_event *ret)
{
	const struct sevenbit_walk_level *level = innermost(walk);

	/* of a part in a leaf */
	if (event->depth >= walk->depth)
		return;
	*ret = (struct sevenbit_walk_event){.what = WALK_END,
	    .part = level->part,
	    .depth = --walk->depth,
	    .malformed = level->malformed || event->malformed,
	    .header_len = level->header_len};
	if (event->at > level->start)
		ret->len = event->at - level->start;
	if (ret->header_len > ret->len)
		ret->header_len = ret->len;
	walk->opaque = false;
}

/* --- bytes ------------------------------------------------------------------- */

/* The line end that `bytes` begin with. */
static size_t
line_end_len(struct span bytes)
{
	if (span_starts(bytes, "\r\n"))
		return 2;
	return span_starts(bytes, "\n") ? 1 : 0;
}

static size_t
in_preamble(struct sevenbit_walk *walk, struct sevenbit_walk_level *level,
    enum sevenbit_walk_place *place)
{
	size_t line_end = line_end_len(walk->left);

	*place = WALK_PREAMBLE;
	if (walk->role == SCAN_TEXT)
		return walk->left.len;
	if (line_end > 0)
		return line_end;
	*place = WALK_DELIMITER;
	level->zone = walk->role == SCAN_CLOSE ? ZONE_LINE : ZONE_PARTS;
	return walk->left.len;
}

static size_t
in_line(struct sevenbit_walk *walk, struct sevenbit_walk_level *level)
{
	ptrdiff_t end = span_find_byte(walk->left, '\n');

	if (end < 0)
		return walk->left.len;
	level->zone = ZONE_EPILOGUE;
	return (size_t)end + 1;
}

/* How many of the bytes are of one place. */
static size_t
place_of(struct sevenbit_walk *walk, struct sevenbit_walk_level *level,
    enum sevenbit_walk_place *place)
{
	*place = WALK_DELIMITER;
	switch (level->zone) {
	case ZONE_PREAMBLE:
		return in_preamble(walk, level, place);
	case ZONE_PARTS:
		if (walk->role == SCAN_CLOSE)
			level->zone = ZONE_LINE;
		return walk->left.len;
	case ZONE_LINE:
		return in_line(walk, level);
	case ZONE_EPILOGUE:
		*place = WALK_EPILOGUE;
		return walk->left.len;
	case ZONE_BODY:
	default:
		*place = WALK_BODY;
		return walk->left.len;
	}
}

static void
give(struct sevenbit_walk *walk, struct sevenbit_walk_event *ret)
{
	struct sevenbit_walk_level *level = innermost(walk);
	size_t skip = span_first(walk->left, level->header_left).len;
	enum sevenbit_walk_place place;

	level->header_left -= skip;
	walk->left = span_after(walk->left, skip);
	if (walk->left.len == 0)
		return;
	size_t len = place_of(walk, level, &place);
	*ret = (struct sevenbit_walk_event){.what = WALK_BYTES,
	    .part = level->part,
	    .depth = walk->depth - 1,
	    .bytes = span_first(walk->left, len),
	    .place = place};
	walk->left = span_after(walk->left, len);
}

/* --- all of it --------------------------------------------------------------- */

static enum rc
step(struct sevenbit_walk *walk, const struct scan_event *event,
    struct sevenbit_walk_event *ret, struct err *err)
{
	switch (event->what) {
	case SCAN_BEGIN:
		return begin(walk, event, ret, err);
	case SCAN_BYTES:
		walk->left = event->bytes;
		walk->role = event->role;
		return RC_OK;
	case SCAN_END:
		end(walk, event, ret);
		return RC_OK;
	case SCAN_MORE:
		break;
	}
	return RC_OK;
}

enum rc
sevenbit_walk_next(struct sevenbit_walk *walk, struct span *in, bool last,
    struct sevenbit_walk_event *ret, struct err *err)
{
	struct scan_event event = {.what = SCAN_BYTES};

	*ret = (struct sevenbit_walk_event){.what = WALK_MORE};
	if (walk->left.len > 0)
		give(walk, ret);
	while (ret->what == WALK_MORE) {
		TRY(scan_next(walk->scan, in, last, &event, err));
		if (event.what == SCAN_MORE)
			return RC_OK;
		TRY(step(walk, &event, ret, err));
		if (walk->left.len > 0)
			give(walk, ret);
	}
	return RC_OK;
}
