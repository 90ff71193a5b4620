/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of mime, codec and base without their tests, -lcrypto:
 * what the parser makes of any bytes holds together. */
#include "base/own.h"
#include "mime/entity.h"

OWNER(struct entity, entity_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Children lie within their parent, in order, and decode or say why not. */
static void
check(const struct entity *entity)
{
	const uint8_t *at = entity->body.data;
	struct buf out BUF_OWNED = BUF((size_t)1 << 20);

	if (entity->header.len + entity->body.len != entity->whole.len)
		bug("entity: header and body are not the whole");
	(void)(entity_decode(entity, &out, NULL) == RC_OK);
	for (const struct entity *c = entity->child; c != NULL; c = c->next) {
		if (c->parent != entity || c->whole.data < at)
			bug("entity: children overlap");
		at = c->whole.data + c->whole.len;
		check(c);
	}
	if (at > entity->body.data + entity->body.len)
		bug("entity: a child beyond its parent");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct entity *root OWNED(entity_free) = NULL;

	if (entity_parse(span_of(data, len), ENTITY_LIMITS, &root, NULL) ==
	    RC_OK)
		check(root);
	return 0;
}
