/* buf -- bytes we own, that grow up to a limit.
 *
 * The one buffer type.  A buf is a plain struct on the stack or in another
 * struct: init it with BUF(max) or BUF_SECRET(max), end it with buf_done().
 * After any failure it is exactly as it was.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/span.h"

struct buf {
	uint8_t *data; /* owned; NULL while nothing was ever added */
	size_t len;
	size_t cap;
	size_t max;  /* never more than this: RC_LIMIT */
	bool secret; /* wiped whenever memory is given back */
};

#define BUF(limit) ((struct buf){NULL, 0, 0, (limit), false})
#define BUF_SECRET(limit) ((struct buf){NULL, 0, 0, (limit), true})
/* For things whose size our own code decides. */
#define BUF_SMALL BUF((size_t)1 << 20)

/* Free; the buf may be used again, empty, with the same limit. */
void buf_done(struct buf *buf);
/* Empty it and keep the memory (wiped if secret). */
void buf_clear(struct buf *buf);

/* `bytes` may not lie in `buf` itself, which may move. */
enum rc buf_add(struct buf *buf, struct span bytes, struct err *err);
enum rc buf_add_str(struct buf *buf, const char *text, struct err *err);
enum rc buf_add_byte(struct buf *buf, uint8_t byte, struct err *err);
enum rc buf_add_format(struct buf *buf, struct err *err, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* Lend room for `len` more bytes behind the end; count them with
 * buf_grown() once written.  Valid until the next change of the buf. */
enum rc buf_reserve(
    struct buf *buf, size_t len, uint8_t **ret_room, struct err *err);
void buf_grown(struct buf *buf, size_t len);

/* Forget the first `len` bytes / everything behind `len`. */
void buf_drop(struct buf *buf, size_t len);
void buf_cut(struct buf *buf, size_t len);

/* Lends the bytes, valid until the next change of the buf. */
static inline struct span
buf_span(const struct buf *buf)
{
	return span_of(buf->data, buf->len);
}

/* Lends the bytes as a C string ("" if empty): adds a NUL behind the end that
 * is not counted.  RC_SYNTAX if a NUL is inside. */
enum rc buf_str(struct buf *buf, const char **ret, struct err *err);

/* struct buf b BUF_OWNED = BUF(4096); is done at the end of its scope. */
#define BUF_OWNED __attribute__((cleanup(buf_done)))

/* a + b without wrapping; every length that comes from outside is added so. */
static inline bool
add_ok(size_t a, size_t b, size_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

/* A copy as a malloc'd C string the caller frees; RC_SYNTAX if a NUL is
 * inside. */
enum rc span_dup(struct span span, char **ret, struct err *err);

#endif
