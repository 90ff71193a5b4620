#include "net/clamd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/stream.h"

#define PIECE ((size_t)64 * 1024)

/* --- where it is ----------------------------------------------------------------- */

static enum rc
parse_port(const char *text, uint16_t *ret, struct err *err)
{
	char *end = NULL;
	unsigned long port = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || port == 0 ||
	    port > UINT16_MAX)
		return err_set(err, RC_SYNTAX, "\"%s\" is no port", text);
	*ret = (uint16_t)port;
	return RC_OK;
}

enum rc
clamd_place_parse(const char *text, struct clamd_place *ret, struct err *err)
{
	static const char *const hosts[] = {"127.0.0.1:", "localhost:"};

	if (text[0] == '/') {
		if (strlen(text) >= sizeof(ret->path))
			return err_set(err, RC_SYNTAX,
			    "the path of a socket has at most %zu bytes",
			    sizeof(ret->path) - 1);
		(void)snprintf(ret->path, sizeof(ret->path), "%s", text);
		return RC_OK;
	}
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (span_starts(span_str(text), hosts[i]))
			return parse_port(
			    text + strlen(hosts[i]), &ret->port, err);
	return err_set(err, RC_SYNTAX,
	    "the scanner is a Unix socket (/run/clamav/clamd.ctl) or a port "
	    "of this machine (127.0.0.1:3310)");
}

static enum rc
connect_path(const char *path, struct stream **ret, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(err, "scanner");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) !=
	    0) {
		enum rc rc = err_errno(err, "scanner at %s", path);
		(void)close(fd);
		return rc;
	}
	return stream_adopt(fd, ret, err);
}

static enum rc
connect_to(
    const struct clamd_place *place, struct stream **ret, struct err *err)
{
	const struct stream_place port = {
	    .host = "127.0.0.1", .port = place->port};

	if (place->path[0] != '\0')
		TRY(connect_path(place->path, ret, err));
	else
		TRY(stream_connect(&port, place->timeout, ret, err));
	stream_set_timeout(*ret, place->timeout);
	return RC_OK;
}

/* --- asking ------------------------------------------------------------------------ */

static enum rc
send_piece(struct stream *stream, struct span piece, struct err *err)
{
	const uint8_t length[4] = {(uint8_t)(piece.len >> 24),
	    (uint8_t)(piece.len >> 16), (uint8_t)(piece.len >> 8),
	    (uint8_t)piece.len};

	TRY(stream_write(stream, span_of(length, sizeof(length)), err));
	return piece.len > 0 ? stream_write(stream, piece, err) : RC_OK;
}

static enum rc
send_letter(struct stream *stream, struct span letter, struct err *err)
{
	static const char command[] = "zINSTREAM"; /* with its NUL */

	TRY(stream_write(stream, span_of(command, sizeof(command)), err));
	while (letter.len > 0) {
		TRY(send_piece(stream, span_first(letter, PIECE), err));
		letter = span_after(letter, PIECE);
	}
	return send_piece(stream, SPAN_NONE, err);
}

static enum rc
read_answer(struct stream *stream, struct buf *answer, struct err *err)
{
	struct err why = ERR_NONE;

	while (span_find_byte(buf_span(answer), 0) < 0) {
		enum rc rc = stream_read(stream, answer, &why);
		if (rc == RC_ABSENT || rc == RC_LIMIT)
			return err_set(
			    err, RC_SYNTAX, "the scanner's answer is cut off");
		if (rc != RC_OK)
			return err_set(err, rc, "scanner: %s", why.text);
	}
	return RC_OK;
}

static bool
take_end(struct span *text, const char *end)
{
	size_t len = strlen(end);

	if (text->len < len ||
	    !span_is(span_after(*text, text->len - len), span_str(end)))
		return false;
	*text = span_first(*text, text->len - len);
	return true;
}

/* It is shown to people. */
static void
keep_name(struct span name, char found[CLAMD_NAME_MAX])
{
	(void)snprintf(found, CLAMD_NAME_MAX, "%.*s", SPAN_ARGS(name));
	for (char *c = found; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
}

static enum rc
judge(struct span answer, char found[CLAMD_NAME_MAX], struct err *err)
{
	static const char name[] = "stream: ";

	answer = span_first(answer, (size_t)span_find_byte(answer, 0));
	if (span_is(answer, span_str("stream: OK")))
		return RC_OK;
	if (span_starts(answer, "INSTREAM size limit exceeded"))
		return err_set(err, RC_LIMIT, "too large for the scanner");
	if (!span_starts(answer, name) || !take_end(&answer, " FOUND"))
		return err_set(err, RC_SYNTAX,
		    "the scanner answers what is no answer: %.*s",
		    SPAN_ARGS(answer));
	keep_name(span_after(answer, strlen(name)), found);
	return err_set(err, RC_REFUSED, "the scanner found %s", found);
}

enum rc
clamd_scan(const struct clamd_place *place, struct span letter,
    char found[CLAMD_NAME_MAX], struct err *err)
{
	struct stream *stream OWNED(stream_free) = NULL;
	struct buf answer BUF_OWNED = BUF(CLAMD_ANSWER_MAX);
	struct err why = ERR_NONE;

	if (letter.len > place->most)
		return err_set(err, RC_LIMIT, "too large to be scanned");
	TRY(connect_to(place, &stream, err));
	/* it may refuse a long letter before its end: the answer says so */
	enum rc sent = send_letter(stream, letter, &why);
	if (read_answer(stream, &answer, err) == RC_OK)
		return judge(buf_span(&answer), found, err);
	return sent == RC_OK ? RC_IO
			     : err_set(err, RC_IO, "scanner: %s", why.text);
}
