#include "cms/inside_priv.h"

#include "pki/der.h"

enum part { PART_NONE, PART_CONTENT };

static const struct walk_row rows[] = {
    {0, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {1, DER_OID, WALK_SKIP, 0, 0, PART_NONE},
    {1, DER_CONTEXT_0, WALK_ENTER, 0, 0, PART_NONE},
    {2, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {3, DER_INTEGER, WALK_SKIP, 0, 0, PART_NONE},
    {3, DER_SET, WALK_SKIP, 0, 0, PART_NONE},
    {3, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {4, DER_OID, WALK_SKIP, 0, 0, PART_NONE},
    {4, DER_CONTEXT_0, WALK_ENTER, WALK_OPTIONAL, 0, PART_NONE},
    {5, DER_OCTETS, WALK_STREAM, 0, 0, PART_CONTENT},
    /* certificates, CRLs, signers */
    {3, WALK_ANY, WALK_SKIP, WALK_REPEATED, 0, PART_NONE},
};

static const struct walk_table table = {
    "SignedData", rows, sizeof(rows) / sizeof(rows[0])};

void
inside_init(struct inside *inside)
{
	walk_init(&inside->walk, &table);
}

void
inside_done(struct inside *inside)
{
	walk_done(&inside->walk);
}

enum rc
inside_push(
    struct inside *inside, struct span der, struct buf *out, struct err *err)
{
	struct walk_item item;

	walk_push(&inside->walk, der);
	for (;;) {
		enum rc rc = walk_next(&inside->walk, &item, err);
		if (rc == RC_AGAIN)
			return RC_OK;
		TRY(rc);
		if (item.event == WALK_BYTES)
			TRY(buf_add(out, item.bytes, err));
	}
}

enum rc
inside_finish(const struct inside *inside, struct err *err)
{
	return walk_finish(&inside->walk, err);
}
