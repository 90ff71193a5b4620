#include "mime/scan.h"

#include <stdlib.h>

#include "base/own.h"
#include "codec/dashes.h"
#include "mime/level_priv.h"

/* More than fields_parse() looks at. */
#define HEADER_ROOM (FIELD_SECTION_MAX + 2048)
/* How much is added at once to what had to be kept of the last input. */
#define REFILL ((size_t)256)

/* What is looked at are the bytes from `at` on: those kept in `carry`, else
 * those of the input.
 *
 *            +--------------------------------------+
 *            |                 message, NEXT        |
 *            v                                      |
 *         +------+  in a container  +------+  ends  +---------+
 *   ----> | HEAD | ---------------> | BODY | -----> | CLOSING |
 *         +------+                  +------+        +---------+
 *            |  nothing around it      ^     CLOSE    |    |  no input left
 *            v                         +--------------+    v
 *         +------+                                      +------+
 *         | REST | -----------------------------------> | OVER |
 *         +------+             no input left            +------+
 */
enum scan_state {
	STATE_HEAD,
	STATE_BODY,
	STATE_REST,
	STATE_CLOSING,
	STATE_OVER
};

struct scan {
	struct entity_limits limits;
	bool part; /* the input is a part of a letter */
	unsigned parts;
	struct levels levels;
	enum scan_state state;
	size_t at; /* in the letter */
	struct buf carry;
	size_t used;         /* of the carry */
	size_t pending;      /* bytes to give out before anything else */
	enum scan_role role; /* theirs */
	bool stuck;          /* more input is needed */
	/* HEAD: the line end in front of it, which belongs to a delimiter if
	 * one follows at once */
	size_t held;
	/* HEAD: how much of it is known to be whole lines, how long the end
	 * of the last of them is, and where no LF was found up to */
	size_t lines, line_end, searched;
	bool leaf; /* an entity that is no container is open */
	size_t leaf_start;
	/* CLOSING: how many levels stay, and the delimiter that ends the
	 * others; MATCH_NONE: the letter is over */
	size_t keep;
	enum level_match match;
	size_t delimiter;      /* its length, without its line end */
	struct entity *entity; /* of the last SCAN_BEGIN */
};

/* The bytes that are looked at. */
struct window {
	struct span bytes;
	bool last; /* nothing follows them */
};

enum rc
scan_new(struct entity_limits limits, struct scan **ret, struct err *err)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (scan == NULL)
		return err_nomem(err, "letter");
	scan->limits = limits;
	scan->carry = BUF_SECRET(HEADER_ROOM + REFILL + LEVEL_LINE_MAX);
	*ret = scan;
	return RC_OK;
}

void
scan_free(struct scan *scan)
{
	if (scan == NULL)
		return;
	entity_free(scan->entity);
	levels_done(&scan->levels);
	buf_done(&scan->carry);
	free(scan);
}

void
scan_part(struct scan *scan)
{
	scan->part = true;
}

struct entity *
scan_take(struct scan *scan)
{
	return take(scan->entity);
}

/* --- the header ------------------------------------------------------------ */

/* The bytes in which the header section can be: to its empty line, or to a
 * delimiter, which may look like a field ("--a:b").  False: it is not all
 * there. */
static bool
find_room(struct scan *scan, struct window w, struct span *ret, bool *ret_cut)
{
	struct span room = span_first(w.bytes, HEADER_ROOM);
	bool whole = w.last || room.len == HEADER_ROOM;

	*ret_cut = false;
	while (scan->lines < room.len) {
		if (!whole && span_find_byte(
				  span_after(room, scan->searched), '\n') < 0) {
			scan->searched = room.len;
			return false;
		}
		struct span line = level_line(room, scan->lines);
		size_t level;
		if (levels_find(&scan->levels, line, true, &level) !=
		    MATCH_NONE) {
			*ret = span_first(room, scan->lines - scan->line_end);
			*ret_cut = true;
			return true;
		}
		scan->lines += line.len;
		scan->searched = scan->lines;
		scan->line_end = level_line_end(line);
		if (line.len == scan->line_end) {
			*ret = span_first(room, scan->lines);
			return true;
		}
	}
	*ret = room;
	return whole;
}

static enum head_place
place_of(const struct scan *scan)
{
	if (scan->levels.len == 0)
		return scan->part ? HEAD_OF_PART : HEAD_OF_LETTER;
	return scan->levels.item[scan->levels.len - 1].digest
		   ? HEAD_OF_DIGEST_PART
		   : HEAD_OF_PART;
}

static enum rc
push_level(struct scan *scan, struct span boundary, struct err *err)
{
	if (scan->levels.len >= scan->limits.depth)
		return err_set(err, RC_LIMIT,
		    "letter nests parts deeper than %u", scan->limits.depth);
	TRY(levels_push(&scan->levels, boundary, scan->at + scan->held, err));
	scan->levels.item[scan->levels.len - 1].digest =
	    content_is(&scan->entity->type, "multipart", "digest");
	return RC_OK;
}

/* Put the entity where it belongs: a container on the stack, else the leaf. */
static enum rc
classify(struct scan *scan, struct err *err)
{
	struct entity *entity = scan->entity;

	scan->state = STATE_BODY;
	if (head_is_multipart(entity)) {
		struct span boundary = head_boundary(entity);
		if (boundary.len > 0)
			return push_level(scan, boundary, err);
	}
	if (head_is_message(entity)) {
		scan->state = STATE_HEAD;
		return push_level(scan, SPAN_NONE, err);
	}
	if (scan->levels.len == 0)
		scan->state = STATE_REST;
	scan->leaf = true;
	scan->leaf_start = scan->at + scan->held;
	return RC_OK;
}

static enum rc
begin(struct scan *scan, struct span room, struct scan_event *ret,
    struct err *err)
{
	if (scan->parts >= scan->limits.parts)
		return err_set(err, RC_LIMIT, "letter has more than %u parts",
		    scan->limits.parts);
	scan->entity = calloc(1, sizeof(*scan->entity));
	if (scan->entity == NULL)
		return err_nomem(err, "letter");
	scan->parts++;
	*ret = (struct scan_event){.what = SCAN_BEGIN,
	    .entity = scan->entity,
	    .depth = scan->levels.len,
	    .at = scan->at + scan->held};
	TRY(head_parse(room, place_of(scan), scan->entity, err));
	TRY(classify(scan, err));
	scan->lines = scan->line_end = scan->searched = 0;
	struct span header = scan->entity->header;
	if (header.len == 0)
		return RC_OK;
	scan->held = level_line_end(header);
	scan->pending = header.len - scan->held;
	return RC_OK;
}

static enum rc
step_head(
    struct scan *scan, struct window w, struct scan_event *ret, struct err *err)
{
	struct window behind = {span_after(w.bytes, scan->held), w.last};
	struct span room;
	bool cut = false;

	if (!find_room(scan, behind, &room, &cut)) {
		scan->stuck = true;
		return RC_OK;
	}
	if (scan->held > 0 && !(cut && room.len == 0)) {
		scan->pending = scan->held;
		scan->held = 0;
		/* it is found again behind them */
		scan->lines = scan->line_end = scan->searched = 0;
		return RC_OK;
	}
	return begin(scan, room, ret, err);
}

/* The input is over, and with it everything that is open. */
static void
close_all(struct scan *scan)
{
	scan->keep = 0;
	scan->match = MATCH_NONE;
	scan->state = STATE_CLOSING;
}

/* --- the body -------------------------------------------------------------- */

/* How many bytes are known to belong to what is open, and what follows. */
struct stop {
	size_t at;
	enum level_match why; /* MATCH_UNSURE: more bytes are needed */
	size_t level;
	size_t line; /* where the delimiter's own line begins */
};

/* Nothing was found: all of it, but for an end that may yet become the line
 * end before a delimiter and its first dash. */
static struct stop
stop_at_end(struct window w)
{
	size_t at = w.bytes.len;
	const uint8_t *bytes = w.bytes.data;

	if (w.last)
		return (struct stop){.at = at, .why = MATCH_NONE};
	if (at > 1 && bytes[at - 1] == '-' &&
	    (bytes[at - 2] == '\n' || bytes[at - 2] == '\r'))
		at--;
	if (at > 0 && bytes[at - 1] == '\r')
		at--;
	else
		at -= level_line_end(span_first(w.bytes, at));
	return (struct stop){
	    .at = at, .why = at < w.bytes.len ? MATCH_UNSURE : MATCH_NONE};
}

/* What stands at `at`, where a line begins with two dashes. */
static struct stop
stop_at_line(struct scan *scan, struct window w, size_t at)
{
	struct span rest = span_after(w.bytes, at);
	struct span line = level_line(span_first(rest, LEVEL_LINE_MAX + 1), 0);
	bool complete =
	    w.last || line.len > LEVEL_LINE_MAX || level_line_end(line) > 0;
	struct stop stop = {.line = at};

	stop.why = levels_find(&scan->levels, line, complete, &stop.level);
	stop.at = at - level_line_end(span_first(w.bytes, at));
	return stop;
}

/* The bytes never begin with a delimiter: it has a line end before it, which
 * is kept for it, or was found as the end of a header. */
static struct stop
find_stop(struct scan *scan, struct window w)
{
	ptrdiff_t found;

	for (size_t from = 0;; from = (size_t)found + 2) {
		found = dashes_find(w.bytes, from, false);
		if (found < 0)
			return stop_at_end(w);
		size_t at = (size_t)found;
		if (at > 0 && w.bytes.data[at - 1] == '\r') {
			if (!levels_find_hidden(
				&scan->levels, span_after(w.bytes, at), w.last))
				return (struct stop){
				    at - 1, MATCH_UNSURE, 0, at};
			continue;
		}
		struct stop stop = stop_at_line(scan, w, at);
		if (stop.why != MATCH_NONE)
			return stop;
	}
}

/* A delimiter stands at the front, behind the line end that belongs to it. */
static void
meet_delimiter(struct scan *scan, struct window w, struct stop stop)
{
	struct span line = level_line(w.bytes, stop.line);

	scan->keep = stop.level + 1;
	scan->match = stop.why;
	scan->state = STATE_CLOSING;
	scan->held = level_line_end(line);
	scan->delimiter = stop.line + line.len - scan->held;
}

static void
give_bytes(
    struct scan *scan, struct window w, size_t len, struct scan_event *ret)
{
	*ret = (struct scan_event){
	    .what = SCAN_BYTES, .bytes = span_first(w.bytes, len)};
}

static enum rc
step_body(
    struct scan *scan, struct window w, struct scan_event *ret, struct err *err)
{
	struct stop stop = find_stop(scan, w);

	if (stop.at > 0) {
		give_bytes(scan, w, stop.at, ret);
		return RC_OK;
	}
	switch (stop.why) {
	case MATCH_NEXT:
	case MATCH_CLOSE:
		meet_delimiter(scan, w, stop);
		return RC_OK;
	case MATCH_UNSURE:
		scan->stuck = true;
		return RC_OK;
	case MATCH_NONE:
		break;
	}
	scan->stuck = !w.last;
	if (w.last)
		close_all(scan);
	return RC_OK;
}

static enum rc
step_rest(
    struct scan *scan, struct window w, struct scan_event *ret, struct err *err)
{
	if (w.bytes.len > 0)
		give_bytes(scan, w, w.bytes.len, ret);
	else if (w.last)
		close_all(scan);
	else
		scan->stuck = true;
	return RC_OK;
}

/* --- the end --------------------------------------------------------------- */

/* What begins behind its end was never there; other readers differ. */
static void
end_entity(struct scan *scan, size_t start, struct scan_event *ret)
{
	*ret = (struct scan_event){
	    .what = SCAN_END, .depth = scan->levels.len, .at = scan->at};
	if (scan->at < start)
		scan->levels.item[scan->levels.len - 1].malformed = true;
}

static void
end_level(struct scan *scan, struct scan_event *ret)
{
	struct level level = scan->levels.item[--scan->levels.len];

	end_entity(scan, level.start, ret);
	ret->malformed = level.malformed || (level.boundary_len > 0 &&
						level.state != LEVEL_EPILOGUE);
}

static void
pass_delimiter(struct scan *scan)
{
	struct level *level = &scan->levels.item[scan->keep - 1];

	scan->pending = scan->delimiter;
	scan->role = scan->match == MATCH_NEXT ? SCAN_NEXT : SCAN_CLOSE;
	if (scan->match == MATCH_NEXT) {
		level->state = LEVEL_PARTS;
		scan->state = STATE_HEAD;
		return;
	}
	if (level->state == LEVEL_PREAMBLE)
		level->malformed = true;
	level->state = LEVEL_EPILOGUE;
	scan->state = STATE_BODY;
}

static enum rc
step_closing(
    struct scan *scan, struct window w, struct scan_event *ret, struct err *err)
{
	if (scan->leaf) {
		scan->leaf = false;
		end_entity(scan, scan->leaf_start, ret);
	} else if (scan->levels.len > scan->keep) {
		end_level(scan, ret);
	} else if (scan->match != MATCH_NONE) {
		pass_delimiter(scan);
	} else {
		scan->state = STATE_OVER;
	}
	return RC_OK;
}

static enum rc
step_over(
    struct scan *scan, struct window w, struct scan_event *ret, struct err *err)
{
	scan->stuck = true;
	return RC_OK;
}

/* The levels are only those of the entity itself, if it is a container. */
void
scan_flat(struct scan *scan)
{
	if (scan->entity == NULL || scan->parts != 1)
		bug("scan_flat: not behind the letter's header");
	scan->levels.len = 0;
	scan->leaf = true;
	scan->leaf_start = 0;
	scan->held = 0;
	scan->state = STATE_REST;
}

/* --- all of it ------------------------------------------------------------- */

static struct window
window_of(const struct scan *scan, struct span in, bool last)
{
	if (scan->used == scan->carry.len)
		return (struct window){in, last};
	return (struct window){span_after(buf_span(&scan->carry), scan->used),
	    last && in.len == 0};
}

static void
consume(struct scan *scan, struct span *in, size_t len)
{
	scan->at += len;
	if (scan->used < scan->carry.len)
		scan->used += len;
	else
		*in = span_after(*in, len);
}

/* The carry grows by a little: as soon as all of it is used up, the input is
 * looked at where it lies. */
static enum rc
refill(struct scan *scan, struct span *in, struct err *err)
{
	struct span more = *in;

	buf_drop(&scan->carry, scan->used);
	scan->used = 0;
	if (scan->carry.len > 0)
		more = span_first(*in, REFILL);
	TRY(buf_add(&scan->carry, more, err));
	*in = span_after(*in, more.len);
	return RC_OK;
}

static enum rc
step(
    struct scan *scan, struct window w, struct scan_event *ret, struct err *err)
{
	static enum rc (*const steps[])(
	    struct scan *, struct window, struct scan_event *, struct err *) = {
	    [STATE_HEAD] = step_head,
	    [STATE_BODY] = step_body,
	    [STATE_REST] = step_rest,
	    [STATE_CLOSING] = step_closing,
	    [STATE_OVER] = step_over,
	};

	if (scan->pending == 0)
		return steps[scan->state](scan, w, ret, err);
	give_bytes(scan, w, scan->pending, ret);
	ret->role = scan->role;
	scan->role = SCAN_TEXT;
	scan->pending = 0;
	return RC_OK;
}

enum rc
scan_next(struct scan *scan, struct span *in, bool last, struct scan_event *ret,
    struct err *err)
{
	struct scan_event event = {.what = SCAN_MORE};

	entity_free(scan_take(scan));
	while (event.what == SCAN_MORE) {
		struct window w = window_of(scan, *in, last);
		scan->stuck = false;
		TRY(step(scan, w, &event, err));
		if (scan->stuck && in->len == 0)
			break;
		if (scan->stuck)
			TRY(refill(scan, in, err));
	}
	consume(scan, in, event.bytes.len);
	*ret = event;
	return RC_OK;
}
