/* cms/compress -- read one CMS CompressedData, as a stream.
 *
 * Standard:  RFC 3274 (zlib, RFC 1950); BER or DER in.
 * May use:   base codec pki.  No I/O.
 * Not here:  writing: a letter that is compressed and then encrypted tells by
 *            its length what is in it.
 * Limits:    struct compress_limits.  A few bytes can mean a terabyte: that is
 *            noticed as it comes, and no call appends more than COMPRESS_STEP
 *            bytes.
 *
 * new -> (push -> pull* until RC_AGAIN)* -> finish.  Nothing here is proof of
 * who wrote it.
 */
#ifndef CMS_COMPRESS_H
#define CMS_COMPRESS_H

#include "base/buf.h"

#define COMPRESS_STEP ((size_t)32 * 1024)
/* What any letter may come to, however short it was. */
#define COMPRESS_ALWAYS ((uint64_t)1 << 20)

struct compress;

struct compress_limits {
	uint64_t bytes; /* that it may come to */
	unsigned ratio; /* to what was read, beyond COMPRESS_ALWAYS */
};

#define COMPRESS_LIMITS ((struct compress_limits){(uint64_t)128 << 20, 100})

enum rc compress_new(
    struct compress_limits limits, struct compress **ret, struct err *err);
void compress_free(struct compress *compress);

/* Lend the next bytes of the CMS, until compress_pull() says RC_AGAIN. */
void compress_push(struct compress *compress, struct span der);
/* Append the next bytes of the content to `out` (which should be secret).
 * RC_AGAIN: all that was pushed is used up.  RC_SYNTAX: no CompressedData, or
 * damaged.  RC_UNFIT: an algorithm not read here, or no MIME entity in it.
 * RC_LIMIT.  After a failure what came out must be thrown away. */
enum rc compress_pull(
    struct compress *compress, struct buf *out, struct err *err);
/* RC_SYNTAX: the end has not come. */
enum rc compress_finish(const struct compress *compress, struct err *err);

#endif
