#include "edge/imap_session_priv.h"

#include <stdio.h>

#define MUCH ((size_t)64 * 1024)
#define PACKED_MAX (2 * MUCH) /* of so much, however it resists */
#define TEXT_MAX 4096

/* --- to the mail program --- */

static enum rc
write_packed(struct imap_session *s, struct span bytes, struct err *err)
{
	struct buf packed BUF_OWNED = BUF_SECRET(PACKED_MAX);

	while (bytes.len > 0) {
		struct span part = span_first(bytes, MUCH);
		buf_clear(&packed);
		TRY(deflate_write(s->pack, part, &packed, err));
		TRY(stream_write(s->stream, buf_span(&packed), err));
		bytes = span_after(bytes, part.len);
	}
	return RC_OK;
}

enum rc
imap_write(struct imap_session *s, struct span bytes, struct err *err)
{
	enum rc rc = s->pack != NULL ? write_packed(s, bytes, err)
				     : stream_write(s->stream, bytes, err);

	s->gone = rc != RC_OK;
	return rc;
}

enum rc
imap_flush(struct imap_session *s, struct err *err)
{
	if (s->out.len == 0)
		return RC_OK;
	enum rc rc = imap_write(s, buf_span(&s->out), err);
	/* what a large letter needed is not kept for the whole session */
	if (s->out.cap > 4 * MUCH)
		buf_done(&s->out);
	else
		buf_clear(&s->out);
	return rc;
}

static enum rc
read_stream(struct imap_session *s, struct buf *in, struct err *err)
{
	enum rc rc = stream_read(s->stream, in, err);

	s->gone = rc != RC_OK;
	return rc;
}

/* A few bytes can mean very many: they are taken in step by step, and what
 * they come to is limited as if it had come so. */
static enum rc
read_packed(struct imap_session *s, struct buf *in, struct err *err)
{
	for (;;) {
		struct buf packed BUF_OWNED = BUF_SECRET(MUCH);
		enum rc rc = deflate_pull(s->unpack, in, err);
		if (rc != RC_AGAIN)
			return rc;
		TRY(read_stream(s, &packed, err));
		TRY(deflate_push(s->unpack, buf_span(&packed), err));
	}
}

enum rc
imap_read(struct imap_session *s, struct err *err)
{
	struct buf in BUF_OWNED = BUF_SECRET(MUCH);

	TRY(s->unpack != NULL ? read_packed(s, &in, err)
			      : read_stream(s, &in, err));
	return imap_stream_push(s->units, buf_span(&in), err);
}

enum rc
imap_wait(struct imap_session *s, int timeout, unsigned *ret, struct err *err)
{
	struct stream *server =
	    s->link != NULL ? imap_link_stream(s->link) : NULL;

	/* what was read already, no wait would end for */
	if (s->unpack != NULL && deflate_has_more(s->unpack)) {
		*ret = 1;
		return RC_OK;
	}
	return stream_wait(s->stream, server, timeout, ret, err);
}

enum rc
imap_flush_much(struct imap_session *s, struct err *err)
{
	return s->out.len < MUCH ? RC_OK : imap_flush(s, err);
}

static enum rc
add_line(struct imap_session *s, const char *head, const char *format,
    va_list args, struct err *err)
{
	char text[TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), format, args);
	return buf_add_format(&s->out, err, "%s %s\r\n", head, text);
}

enum rc
imap_reply(struct imap_session *s, struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	enum rc rc = add_line(s, s->tag, format, args, err);
	va_end(args);
	return rc;
}

enum rc
imap_tell(struct imap_session *s, struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	enum rc rc = add_line(s, "*", format, args, err);
	va_end(args);
	return rc;
}

enum rc
imap_reply_bad(struct imap_session *s, const struct err *why, struct err *err)
{
	s->junk++;
	return imap_reply(s, err, "BAD %s", why->text);
}

/* --- from and to the mail server --- */

enum rc
imap_upstream_next(struct imap_session *s, enum imap_answer *ret,
    struct span *ret_line, struct err *err)
{
	enum rc rc = imap_link_answer(s->link, ret, ret_line, err);

	if (rc == RC_AGAIN)
		return err_set(err, RC_IO, "the mail server does not answer");
	TRY(rc);
	if (*ret == IMAP_CONTINUE)
		return err_set(err, RC_SYNTAX,
		    "the mail server asks for more where nothing is missing");
	return RC_OK;
}

enum rc
imap_upstream_hear(struct imap_session *s, struct err *err)
{
	enum imap_answer answer;
	struct span line;

	while (imap_link_has_answer(s->link)) {
		TRY(imap_upstream_next(s, &answer, &line, err));
		if (answer != IMAP_UNTAGGED)
			return err_set(err, RC_SYNTAX,
			    "the mail server answers what nobody asked");
		TRY(imap_untagged(s, line, err));
	}
	return RC_OK;
}

enum rc
imap_upstream_run(struct imap_session *s, struct span command,
    enum imap_answer *ret, struct buf *ret_text, struct err *err)
{
	struct span line;

	TRY(imap_link_command(s->link, command, err));
	for (;;) {
		TRY(imap_upstream_next(s, ret, &line, err));
		if (*ret != IMAP_UNTAGGED)
			return buf_add(
			    ret_text, span_first(line, TEXT_MAX / 2), err);
		TRY(imap_untagged(s, line, err));
	}
}

static const char *
answer_name(enum imap_answer answer)
{
	return answer == IMAP_OK ? "OK" : answer == IMAP_NO ? "NO" : "BAD";
}

/* What the mail server can do is not what we offer. */
static struct span
without_capabilities(struct span text)
{
	ptrdiff_t end = span_find_byte(text, ']');

	if (!span_starts_nocase(text, "[CAPABILITY ") || end < 0)
		return text;
	return span_trim(span_after(text, (size_t)end + 1));
}

enum rc
imap_finish(struct imap_session *s, enum imap_answer answer, struct span text,
    struct err *err)
{
	text = without_capabilities(text);
	TRY(imap_fetch_stale(s, err));
	return imap_reply(s, err, "%s %.*s", answer_name(answer),
	    SPAN_ARGS(text.len > 0 ? text : span_str("done")));
}

enum rc
imap_upstream_relay(
    struct imap_session *s, struct span command, struct err *err)
{
	struct buf text BUF_OWNED = BUF(TEXT_MAX);
	enum imap_answer answer;

	TRY(imap_upstream_run(s, command, &answer, &text, err));
	return imap_finish(s, answer, buf_span(&text), err);
}

bool
imap_upstream_can(const struct imap_session *s, const char *capability)
{
	struct span rest = span_str(imap_link_capabilities(s->link));

	while (rest.len > 0) {
		ptrdiff_t space = span_find_byte(rest, ' ');
		size_t len = space < 0 ? rest.len : (size_t)space;
		if (span_is_nocase(span_first(rest, len), capability))
			return true;
		rest = span_after(rest, len + 1);
	}
	return false;
}

/* --- words again --- */

static enum rc
reprint_token(const struct imap_token *token, struct buf *out, struct err *err)
{
	if (span_starts(token->whole, "~"))
		return err_set(err, RC_SYNTAX, "literal8 is not offered");
	if (span_starts(token->whole, "{"))
		return imap_print_string(token->value, out, err);
	return buf_add(out, token->whole, err);
}

enum rc
imap_reprint(struct imap_walk walk, struct buf *out, struct err *err)
{
	struct imap_token token;
	bool tight = true; /* no blank here */

	for (;;) {
		TRY(imap_walk_next(&walk, &token, err));
		if (token.kind == IMAP_END)
			return RC_OK;
		if (!tight && token.kind != IMAP_CLOSE)
			TRY(buf_add_byte(out, ' ', err));
		TRY(reprint_token(&token, out, err));
		tight = token.kind == IMAP_OPEN;
	}
}

enum rc
imap_take_set(struct imap_session *s, struct imap_walk *args, struct buf *out,
    struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(args, &token, err));
	if (token.kind != IMAP_ATOM)
		return err_set(err, RC_SYNTAX, "a set of letters is missing");
	if (!span_is(token.value, span_str("$")))
		TRY(imap_set_check(token.value, err));
	return imap_saved_spell(
	    &s->box.saved, &s->box.uids, s->by_uid, token.value, out, err);
}

/* RFC 5182 section 2.1: an empty "$" is no error. */
enum rc
imap_reply_set(
    struct imap_session *s, enum rc rc, const struct err *why, struct err *err)
{
	if (rc == RC_ABSENT)
		return imap_finish(s, IMAP_OK, span_str(why->text), err);
	return imap_reply_bad(s, why, err);
}
