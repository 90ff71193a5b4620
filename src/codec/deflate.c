#include "codec/deflate.h"

#include <stdlib.h>

#include "codec/wiped_zlib.h"

#define WINDOW 15 /* bits; negative for zlib: without its header */
#define MEMORY 8
/* What one turn of zlib may append. */
#define TURN ((size_t)16 * 1024)

struct deflate_writer {
	z_stream zlib;
	bool started;
};

struct deflate_reader {
	z_stream zlib;
	bool started;
	bool more; /* zlib may hold output that had no room */
	struct buf in;
	size_t taken; /* of `in` */
};

/* --- writing --- */

enum rc
deflate_writer_new(struct deflate_writer **ret, struct err *err)
{
	struct deflate_writer *w OWNED(deflate_writer_free) =
	    calloc(1, sizeof(*w));

	if (w == NULL)
		return err_nomem(err, "compression");
	wiped_zlib_set(&w->zlib);
	if (deflateInit2(&w->zlib, Z_BEST_SPEED, Z_DEFLATED, -WINDOW, MEMORY,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return err_nomem(err, "compression");
	w->started = true;
	*ret = take(w);
	return RC_OK;
}

void
deflate_writer_free(struct deflate_writer *w)
{
	if (w == NULL)
		return;
	if (w->started)
		(void)deflateEnd(&w->zlib);
	free(w);
}

static enum rc
write_turn(struct deflate_writer *w, struct buf *out, struct err *err)
{
	uint8_t *room;

	TRY(buf_reserve(out, TURN, &room, err));
	w->zlib.next_out = room;
	w->zlib.avail_out = TURN;
	/* Z_BUF_ERROR: there was nothing to do, which is no error */
	int done = deflate(&w->zlib, Z_SYNC_FLUSH);
	if (done != Z_OK && done != Z_BUF_ERROR)
		return err_set(err, RC_CRYPTO, "zlib does not compress");
	buf_grown(out, TURN - w->zlib.avail_out);
	return RC_OK;
}

static enum rc
write_step(
    struct deflate_writer *w, struct span in, struct buf *out, struct err *err)
{
	/* zlib is not const-correct; it only reads */
	w->zlib.next_in = (uint8_t *)(uintptr_t)in.data;
	w->zlib.avail_in = (unsigned)in.len;
	do
		TRY(write_turn(w, out, err));
	while (w->zlib.avail_out == 0 || w->zlib.avail_in > 0);
	return RC_OK;
}

enum rc
deflate_write(
    struct deflate_writer *w, struct span in, struct buf *out, struct err *err)
{
	while (in.len > 0) {
		struct span step = span_first(in, DEFLATE_STEP);
		TRY(write_step(w, step, out, err));
		in = span_after(in, step.len);
	}
	return RC_OK;
}

/* --- reading --- */

enum rc
deflate_reader_new(struct deflate_reader **ret, struct err *err)
{
	struct deflate_reader *r OWNED(deflate_reader_free) =
	    calloc(1, sizeof(*r));

	if (r == NULL)
		return err_nomem(err, "compression");
	r->in = BUF_SECRET(DEFLATE_STEP);
	wiped_zlib_set(&r->zlib);
	if (inflateInit2(&r->zlib, -WINDOW) != Z_OK)
		return err_nomem(err, "compression");
	r->started = true;
	*ret = take(r);
	return RC_OK;
}

void
deflate_reader_free(struct deflate_reader *r)
{
	if (r == NULL)
		return;
	if (r->started)
		(void)inflateEnd(&r->zlib);
	buf_done(&r->in);
	free(r);
}

bool
deflate_has_more(const struct deflate_reader *r)
{
	return r->more || r->taken < r->in.len;
}

enum rc
deflate_push(struct deflate_reader *r, struct span in, struct err *err)
{
	buf_drop(&r->in, r->taken);
	r->taken = 0;
	return buf_add(&r->in, in, err);
}

static enum rc
read_turn(
    struct deflate_reader *r, uint8_t *room, size_t *ret_len, struct err *err)
{
	struct span in = span_after(buf_span(&r->in), r->taken);

	r->zlib.next_in = (uint8_t *)(uintptr_t)in.data;
	r->zlib.avail_in = (unsigned)in.len;
	r->zlib.next_out = room;
	r->zlib.avail_out = DEFLATE_STEP;
	int done = inflate(&r->zlib, Z_SYNC_FLUSH);
	r->taken += in.len - r->zlib.avail_in;
	r->more = r->zlib.avail_out == 0;
	if (done != Z_OK && done != Z_BUF_ERROR)
		return err_set(err, RC_SYNTAX,
		    done == Z_STREAM_END ? "compressed bytes have an end"
					 : "compressed bytes are damaged");
	*ret_len = DEFLATE_STEP - r->zlib.avail_out;
	return RC_OK;
}

enum rc
deflate_pull(struct deflate_reader *r, struct buf *out, struct err *err)
{
	uint8_t *room;
	size_t len = 0;

	if (!deflate_has_more(r))
		return RC_AGAIN;
	TRY(buf_reserve(out, DEFLATE_STEP, &room, err));
	TRY(read_turn(r, room, &len, err));
	buf_grown(out, len);
	return len > 0 ? RC_OK : RC_AGAIN;
}
