#define _GNU_SOURCE /* explicit_bzero */
#include "codec/wiped_zlib.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct block {
	size_t len;
	_Alignas(max_align_t) uint8_t bytes[];
};

static void *
allocate(void *opaque, unsigned count, unsigned size)
{
	size_t len = 0;

	(void)opaque;
	if (__builtin_mul_overflow((size_t)count, size, &len) ||
	    !add_ok(len, sizeof(struct block), &len))
		return NULL;
	struct block *block = calloc(1, len);
	if (block == NULL)
		return NULL;
	block->len = len;
	return block->bytes;
}

static void
give_back(void *opaque, void *bytes)
{
	struct block *block =
	    (void *)((uint8_t *)bytes - offsetof(struct block, bytes));

	(void)opaque;
	explicit_bzero(block, block->len);
	free(block);
}

void
wiped_zlib_set(z_stream *zlib)
{
	zlib->zalloc = allocate;
	zlib->zfree = give_back;
	zlib->opaque = NULL;
}
