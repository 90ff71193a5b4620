#include "base/source.h"

/* So that what is done with a piece is done while the cache has it. */
#define PIECE ((size_t)64 * 1024)

static enum rc
memory_next(void *self, struct span *ret, struct err *err)
{
	struct source_memory *memory = self;

	*ret = span_first(span_after(memory->bytes, memory->at), PIECE);
	memory->at += ret->len;
	return RC_OK;
}

static enum rc
memory_rewind(void *self, struct err *err)
{
	((struct source_memory *)self)->at = 0;
	return RC_OK;
}

struct source
source_memory(struct source_memory *self)
{
	return (struct source){memory_next, memory_rewind, self};
}

static enum rc
buf_put(void *self, struct span bytes, struct err *err)
{
	return buf_add(self, bytes, err);
}

struct sink
sink_buf(struct buf *out)
{
	return (struct sink){buf_put, out};
}

enum rc
source_send(
    const struct source *source, const struct sink *sink, struct err *err)
{
	struct span piece;

	TRY(source->rewind(source->self, err));
	do {
		TRY(source->next(source->self, &piece, err));
		TRY(sink->put(sink->self, piece, err));
	} while (piece.len > 0);
	return RC_OK;
}

enum rc
source_read(const struct source *source, struct buf *out, struct err *err)
{
	const struct sink sink = sink_buf(out);

	return source_send(source, &sink, err);
}
