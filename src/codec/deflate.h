/* codec/deflate -- raw DEFLATE as a connection uses it, in both directions.
 *
 * Standard:  RFC 1951; RFC 4978 section 3 (no zlib header, flushed so that
 *            the peer can read all that was said).
 * May use:   base.
 * Not here:  CMS CompressedData (cms/compress).
 * Limits:    a few bytes can mean a thousand times as many, so no call gives
 *            more than DEFLATE_STEP: whoever reads notices what it comes to.
 *
 * What passes through is wiped from the library's memory.
 */
#ifndef CODEC_DEFLATE_H
#define CODEC_DEFLATE_H

#include "base/buf.h"
#include "base/own.h"

#define DEFLATE_STEP ((size_t)64 * 1024)

struct deflate_writer;

enum rc deflate_writer_new(struct deflate_writer **ret, struct err *err);
void deflate_writer_free(struct deflate_writer *w); /* NULL is fine */
OWNER(struct deflate_writer, deflate_writer_free);

/* Append `in` in such a way that a reader gets at all of it.  After a failure
 * `w` is of no use any more. */
enum rc deflate_write(
    struct deflate_writer *w, struct span in, struct buf *out, struct err *err);

struct deflate_reader;

enum rc deflate_reader_new(struct deflate_reader **ret, struct err *err);
void deflate_reader_free(struct deflate_reader *r); /* NULL is fine */
OWNER(struct deflate_reader, deflate_reader_free);

/* Take the next bytes, when deflate_has_more() says no.  RC_LIMIT: more than
 * DEFLATE_STEP. */
enum rc deflate_push(struct deflate_reader *r, struct span in, struct err *err);
/* Append what they mean, at most DEFLATE_STEP bytes.  RC_AGAIN: that needs the
 * next ones.  RC_SYNTAX: damaged, or at an end, which a connection has not. */
enum rc deflate_pull(
    struct deflate_reader *r, struct buf *out, struct err *err);
/* May deflate_pull() give anything without another push? */
bool deflate_has_more(const struct deflate_reader *r);

#endif
