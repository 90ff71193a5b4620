#include "proto/smtp_server_priv.h"

#include <inttypes.h>
#include <stdio.h>

/* How much is swallowed of a chunk that cannot be taken, beyond twice the
 * limit of a letter: who sends more is not waited for. */
#define SWALLOW_MORE ((size_t)64 * 1024)

/* "12345", at most 20 digits (RFC 3030 section 2). */
static bool
read_size(struct span text, uint64_t *ret)
{
	uint64_t size = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c < '0' || c > '9')
			return false;
		if (__builtin_mul_overflow(size, 10, &size) ||
		    __builtin_add_overflow(size, c - '0', &size))
			return false;
	}
	*ret = size;
	return text.len > 0 && text.len <= 20;
}

/* " size", " size LAST" */
static bool
read_chunk(struct span rest, struct smtp_chunk *chunk)
{
	struct span words = span_trim(rest);
	ptrdiff_t space = span_find_byte(words, ' ');
	size_t len = space < 0 ? words.len : (size_t)space;
	struct span behind = span_trim(span_after(words, len));

	chunk->last = span_is_nocase(behind, "LAST");
	return (behind.len == 0 || chunk->last) &&
	       read_size(span_first(words, len), &chunk->size);
}

static const struct smtp_refusal *
find_objection(const struct smtp_server *server)
{
	static const struct smtp_refusal nobody = {
	    554, "5.5.1", "No valid recipients"};
	static const struct smtp_refusal not_here = {
	    502, "5.5.1", "Not implemented"};

	if (!server->config.chunking)
		return &not_here;
	const struct smtp_refusal *no = smtp_command_objection(server,
	    SMTP_NEED_TLS | SMTP_NEED_HELLO | SMTP_NEED_LOGIN | SMTP_NEED_MAIL);
	if (no == NULL && server->recipients == 0)
		return &nobody;
	return no;
}

/* Where its bytes end is not known, so where the next command begins is not
 * either: bytes of a letter would be obeyed. */
static enum rc
refuse_unread(struct smtp_server *server, unsigned code, const char *enhanced,
    const char *text, struct err *err)
{
	smtp_server_end_transaction(server);
	TRY(smtp_server_say(server, code, enhanced, text, err));
	server->state = SMTP_AT_END;
	return RC_OK;
}

static bool
is_too_much(const struct smtp_server *server, uint64_t size)
{
	uint64_t most = (uint64_t)server->config.limits.letter * 2;

	return size > most + SWALLOW_MORE;
}

enum rc
smtp_chunk_start(struct smtp_server *server, struct span rest, struct err *err)
{
	struct smtp_chunk chunk = {.begun = server->chunk.begun};

	if (!read_chunk(rest, &chunk))
		return refuse_unread(server, 501, "5.5.4",
		    "Say BDAT size or BDAT size LAST; closing", err);
	if (is_too_much(server, chunk.size))
		return refuse_unread(
		    server, 552, "5.3.4", "Letter is too large; closing", err);
	chunk.left = chunk.size;
	chunk.no = find_objection(server);
	if (chunk.no == NULL && !chunk.begun) {
		smtp_data_begin(&server->data, server->config.limits.letter);
		chunk.begun = true;
	}
	server->chunk = chunk;
	server->state = SMTP_AT_CHUNK;
	return RC_OK;
}

/* RFC 3030 section 2: every chunk gets an answer of its own. */
static enum rc
finish_chunk(struct smtp_server *server, struct err *err)
{
	const struct smtp_refusal *no = server->chunk.no;
	char text[64];

	server->state = SMTP_AT_COMMAND;
	if (no != NULL)
		return smtp_server_blame(
		    server, no->code, no->enhanced, no->text, err);
	if (server->chunk.last) {
		TRY(smtp_data_end(&server->data, err));
		return smtp_server_close_letter(server, err);
	}
	no = smtp_data_refusal(&server->data);
	if (no != NULL) {
		smtp_server_end_transaction(server);
		return smtp_server_say(
		    server, no->code, no->enhanced, no->text, err);
	}
	(void)snprintf(text, sizeof(text), "%" PRIu64 " octets received",
	    server->chunk.size);
	return smtp_server_say(server, 250, "2.0.0", text, err);
}

enum rc
smtp_chunk_take(struct smtp_server *server, struct err *err)
{
	struct smtp_chunk *chunk = &server->chunk;
	struct span piece = smtp_server_unread(server);

	if (piece.len > chunk->left)
		piece = span_first(piece, (size_t)chunk->left);
	if (chunk->no == NULL) {
		enum rc rc = smtp_data_push_chunk(&server->data, piece, err);
		if (rc == RC_LIMIT)
			return refuse_unread(server, 552, "5.3.4",
			    "Letter is too large; closing", err);
		TRY(rc);
	}
	server->at += piece.len;
	chunk->left -= piece.len;
	return chunk->left > 0 ? RC_AGAIN : finish_chunk(server, err);
}
