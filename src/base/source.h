/* source -- bytes that come in pieces, as often as they are wanted; and where
 * pieces go.
 *
 * What needs to read a letter twice (to judge it and then to give it out, to
 * look and then to write) is given one of these and holds no letter.
 */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include "base/buf.h"

struct source {
	/* The next piece, lent until the next call; empty: the end. */
	enum rc (*next)(void *self, struct span *ret, struct err *err);
	/* From the beginning again; what comes are the same bytes, which
	 * nobody else can have changed. */
	enum rc (*rewind)(void *self, struct err *err);
	void *self;
};

struct sink {
	/* After a failure what it got before is to be thrown away. */
	enum rc (*put)(void *self, struct span bytes, struct err *err);
	void *self;
};

/* Bytes that are in memory; lent by both. */
struct source_memory {
	struct span bytes;
	size_t at;
};

struct source source_memory(struct source_memory *self);

/* Appends to a buf. */
struct sink sink_buf(struct buf *out);

/* From the beginning to the end. */
enum rc source_send(
    const struct source *source, const struct sink *sink, struct err *err);

/* The same; RC_LIMIT as `out` says. */
enum rc source_read(
    const struct source *source, struct buf *out, struct err *err);

#endif
