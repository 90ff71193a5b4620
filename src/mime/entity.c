#include "mime/entity.h"

#include <stdlib.h>

#include "base/own.h"
#include "mime/scan.h"
#include "mime/transfer.h"

OWNER(struct scan, scan_free);

/* A tree in the making. */
struct tree {
	struct span bytes;
	struct entity *root;   /* owned until it is given out */
	struct entity *open;   /* innermost */
	struct entity *closed; /* last; NULL if something began since */
};

/* Takes `entity`, whose header begins at `at`. */
static void
begin(struct tree *tree, struct entity *entity, size_t at)
{
	entity->whole = span_after(tree->bytes, at);
	entity->header = span_first(entity->whole, entity->header.len);
	entity->parent = tree->open;
	if (tree->root == NULL)
		tree->root = entity;
	else if (tree->closed != NULL)
		tree->closed->next = entity;
	else
		tree->open->child = entity;
	tree->open = entity;
	tree->closed = NULL;
}

/* The line end before a delimiter belongs to the delimiter (RFC 2046 section
 * 5.1.1), so an end may lie before what was thought to be the beginning. */
static void
set_end(const struct tree *tree, struct entity *entity, size_t end)
{
	size_t start = (size_t)(entity->whole.data - tree->bytes.data);
	size_t body = start + entity->header.len;

	if (end < start)
		start = end;
	if (end < body)
		body = end;
	entity->whole = span_after(span_first(tree->bytes, end), start);
	entity->header = span_first(entity->whole, body - start);
	entity->body = span_after(entity->whole, body - start);
}

static void
end(struct tree *tree, const struct scan_event *event)
{
	struct entity *entity = tree->open;

	set_end(tree, entity, event->at);
	entity->malformed = entity->malformed || event->malformed;
	tree->closed = entity;
	tree->open = entity->parent;
}

static enum rc
grow(struct tree *tree, struct scan *scan, struct err *err)
{
	struct span in = tree->bytes;
	struct scan_event event;

	do {
		TRY(scan_next(scan, &in, true, &event, err));
		if (event.what == SCAN_BEGIN)
			begin(tree, scan_take(scan), event.at);
		if (event.what == SCAN_END)
			end(tree, &event);
	} while (event.what != SCAN_MORE);
	return RC_OK;
}

enum rc
entity_parse(struct span bytes, struct entity_limits limits,
    struct entity **ret, struct err *err)
{
	struct scan *scan OWNED(scan_free) = NULL;
	struct tree tree = {.bytes = bytes.data == NULL ? span_str("") : bytes};

	TRY(scan_new(limits, &scan, err));
	enum rc rc = grow(&tree, scan, err);
	if (rc != RC_OK)
		entity_free(tree.root);
	else
		*ret = tree.root;
	return rc;
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
	size_t before = out->len;
	struct transfer transfer;

	transfer_init(&transfer, entity->encoding);
	enum rc rc = transfer_read(&transfer, entity->body, out, err);
	if (rc == RC_OK)
		rc = transfer_end(&transfer, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
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
