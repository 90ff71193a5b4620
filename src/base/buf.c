#define _GNU_SOURCE /* explicit_bzero, vasprintf */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void
give_back(struct buf *buf)
{
	if (buf->data != NULL && buf->secret)
		explicit_bzero(buf->data, buf->cap);
	free(buf->data);
}

void
buf_done(struct buf *buf)
{
	give_back(buf);
	buf->data = NULL;
	buf->len = buf->cap = 0;
}

void
buf_clear(struct buf *buf)
{
	if (buf->data != NULL && buf->secret)
		explicit_bzero(buf->data, buf->cap);
	buf->len = 0;
}

/* realloc() may leave a copy behind, so secrets move by hand. */
static enum rc
move_to(struct buf *buf, size_t cap, struct err *err)
{
	uint8_t *data = malloc(cap);

	if (data == NULL)
		return err_nomem(err, "buffer");
	if (buf->len > 0)
		memcpy(data, buf->data, buf->len);
	give_back(buf);
	buf->data = data;
	buf->cap = cap;
	return RC_OK;
}

/* Doubling, so that adding byte by byte is cheap, but at most one byte over
 * the limit. */
static size_t
next_cap(const struct buf *buf, size_t need)
{
	size_t cap = buf->cap < 64 ? 64 : buf->cap;

	while (cap <= need && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap <= need)
		cap = need + 1;
	return cap > buf->max ? buf->max + 1 : cap;
}

/* There is always one spare byte, so that buf_str() never fails for lack of
 * room. */
static enum rc
make_room(struct buf *buf, size_t more, struct err *err)
{
	size_t need;

	if (!add_ok(buf->len, more, &need) || need > buf->max ||
	    need == SIZE_MAX)
		return err_set(err, RC_LIMIT, "more than %zu bytes", buf->max);
	if (need < buf->cap)
		return RC_OK;
	size_t cap = next_cap(buf, need);
	if (buf->secret)
		return move_to(buf, cap, err);
	uint8_t *data = realloc(buf->data, cap);
	if (data == NULL)
		return err_nomem(err, "buffer");
	buf->data = data;
	buf->cap = cap;
	return RC_OK;
}

enum rc
buf_reserve(struct buf *buf, size_t len, uint8_t **ret_room, struct err *err)
{
	TRY(make_room(buf, len, err));
	*ret_room = buf->data + buf->len;
	return RC_OK;
}

void
buf_grown(struct buf *buf, size_t len)
{
	/* never the spare byte, that buf_str() ends the text in */
	if (len > 0 && len >= buf->cap - buf->len)
		bug("buf_grown: more than was reserved");
	buf->len += len;
}

enum rc
buf_add(struct buf *buf, struct span bytes, struct err *err)
{
	if (bytes.len == 0)
		return RC_OK;
	TRY(make_room(buf, bytes.len, err));
	memcpy(buf->data + buf->len, bytes.data, bytes.len);
	buf->len += bytes.len;
	return RC_OK;
}

enum rc
buf_add_str(struct buf *buf, const char *text, struct err *err)
{
	return buf_add(buf, span_str(text), err);
}

enum rc
buf_add_byte(struct buf *buf, uint8_t byte, struct err *err)
{
	return buf_add(buf, span_of(&byte, 1), err);
}

enum rc
buf_add_format(struct buf *buf, struct err *err, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return err_nomem(err, "buffer");
	enum rc rc = buf_add(buf, span_of(text, (size_t)len), err);
	if (buf->secret)
		explicit_bzero(text, (size_t)len);
	free(text);
	return rc;
}

void
buf_drop(struct buf *buf, size_t len)
{
	if (len > buf->len)
		bug("buf_drop: more than there is");
	if (len == 0)
		return;
	memmove(buf->data, buf->data + len, buf->len - len);
	if (buf->secret)
		explicit_bzero(buf->data + buf->len - len, len);
	buf->len -= len;
}

void
buf_cut(struct buf *buf, size_t len)
{
	if (len > buf->len)
		bug("buf_cut: more than there is");
	if (buf->secret && buf->data != NULL)
		explicit_bzero(buf->data + len, buf->len - len);
	buf->len = len;
}

enum rc
buf_str(struct buf *buf, const char **ret, struct err *err)
{
	if (buf->len == 0) {
		*ret = "";
		return RC_OK;
	}
	if (span_find_byte(buf_span(buf), 0) >= 0)
		return err_set(err, RC_SYNTAX, "NUL byte in text");
	buf->data[buf->len] = 0;
	*ret = (const char *)buf->data;
	return RC_OK;
}

enum rc
span_dup(struct span span, char **ret, struct err *err)
{
	if (span_find_byte(span, 0) >= 0)
		return err_set(err, RC_SYNTAX, "NUL byte in text");
	char *copy = malloc(span.len + 1);
	if (copy == NULL)
		return err_nomem(err, "text");
	if (span.len > 0)
		memcpy(copy, span.data, span.len);
	copy[span.len] = '\0';
	*ret = copy;
	return RC_OK;
}
