#include "cms/partial_priv.h"

static bool
is_type(const char *type, const char *want)
{
	return span_is_nocase(span_str(type), want);
}

/* What does not say of which kind it is counts: it may be one. */
static bool
is_sealed(const struct entity *entity)
{
	const char *type = content_param(&entity->type, "smime-type");

	if (entity_is(entity, "multipart", "encrypted"))
		return true;
	return smime_is_cms(entity) &&
	       (type == NULL || !(is_type(type, "signed-data") ||
				    is_type(type, "certs-only") ||
				    is_type(type, "compressed-data")));
}

static void
begin(struct partial *partial, const struct entity *entity, size_t depth)
{
	struct partial_level *level = &partial->level[depth];
	struct partial_level *parent = depth > 0 ? level - 1 : NULL;

	*level = (struct partial_level){.self = {++partial->entities, 0, false},
	    .multipart = entity_is(entity, "multipart", NULL),
	    .may_be_signed = entity_is(entity, "multipart", "signed")};
	level->is_signed = level->may_be_signed && smime_names_protocol(entity);
	level->forwarded =
	    parent != NULL && (parent->forwarded || !parent->multipart);
	if (parent != NULL && !level->forwarded && is_sealed(entity))
		partial->sealed = true;
	if (parent == NULL || !parent->multipart)
		return;
	level->self.number = ++parent->parts;
	if (parent->may_be_signed && parent->parts == 2 &&
	    smime_is_signature(entity))
		parent->is_signed = true;
}

static void
end(struct partial *partial, size_t depth)
{
	const struct partial_level *level = &partial->level[depth];
	struct partial_find inside =
	    level->beside.entity > 0 ? level->beside : level->below;

	if (depth == 0) {
		partial->found = inside;
		partial->found.sealed = partial->sealed;
		return;
	}
	struct partial_level *parent = &partial->level[depth - 1];
	if (!parent->multipart)
		return;
	if (level->is_signed && parent->beside.entity == 0)
		parent->beside = level->self;
	if (!level->is_signed && parent->below.entity == 0)
		parent->below = inside;
}

void
partial_take(struct partial *partial, const struct scan_event *event)
{
	if (event->what != SCAN_BEGIN && event->what != SCAN_END)
		return;
	if (event->depth >= PARTIAL_LEVELS)
		bug("partial: deeper than any letter");
	if (event->what == SCAN_BEGIN)
		begin(partial, event->entity, event->depth);
	else
		end(partial, event->depth);
}
