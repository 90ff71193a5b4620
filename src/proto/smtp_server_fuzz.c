/* libFuzzer: whatever comes, the SMTP server stays in its bounds, and a
 * session cut in two is the same session.
 *
 *     clang -std=gnu2x -g -O1 -fsanitize=fuzzer,address,undefined -Isrc \
 *         src/base/[!t]*.c ... src/proto/smtp_server_fuzz.c
 *
 * The first byte says where the rest is cut.
 */
#include "proto/smtp_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "codec/utf8.h"

OWNER(struct smtp_server, smtp_server_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

/* A letter that was accepted can be cut by no later server. */
static void
check_letter(struct span letter)
{
	for (size_t i = 0; i < letter.len; i++) {
		uint8_t c = letter.data[i];
		demand(c != 0);
		demand(c != '\n' || (i > 0 && letter.data[i - 1] == '\r'));
		demand(c != '\r' ||
		       (i + 1 < letter.len && letter.data[i + 1] == '\n'));
	}
}

static void
check_address(const char *address)
{
	demand(utf8_ok(span_str(address)));
	for (; *address != '\0'; address++)
		demand((unsigned char)*address >= ' ' && *address != 0x7f);
}

static void
send_all(struct smtp_server *server, struct buf *out)
{
	struct span said = smtp_server_output(server);

	/* what one segment makes us hold is bounded */
	demand(said.len <= 65536 + 4096);
	demand(buf_add(out, said, NULL) == RC_OK);
	smtp_server_sent(server, said.len);
}

static bool
answer(
    struct smtp_server *server, enum smtp_server_event event, struct buf *out)
{
	switch (event) {
	case SMTP_SERVER_LOGIN:
		demand(strlen(smtp_server_user(server)) > 0);
		return smtp_server_login(server,
			   smtp_server_password(server).len % 2 == 0,
			   NULL) == RC_OK;
	case SMTP_SERVER_FROM:
		check_address(smtp_server_from(server));
		break;
	case SMTP_SERVER_TO:
		check_address(smtp_server_to(server));
		break;
	case SMTP_SERVER_LETTER:
		check_letter(smtp_server_letter(server));
		break;
	case SMTP_SERVER_RESET:
		return true;
	case SMTP_SERVER_SEND:
		send_all(server, out);
		return true;
	case SMTP_SERVER_STARTTLS:
		return smtp_server_secured(server, NULL) == RC_OK;
	default:
		return false;
	}
	return smtp_server_reply(server, 250, "2.0.0", "Ok", NULL) == RC_OK;
}

/* False: the connection is over. */
static bool
feed(struct smtp_server *server, struct span bytes, struct buf *out)
{
	enum smtp_server_event event = SMTP_SERVER_END;

	if (smtp_server_push(server, bytes, NULL) != RC_OK)
		return false;
	do
		if (smtp_server_next(server, &event, NULL) != RC_OK)
			return false;
	while (answer(server, event, out));
	send_all(server, out);
	return event != SMTP_SERVER_END;
}

static void
run(bool starttls, struct span first, struct span second, struct buf *out)
{
	const struct smtp_server_config config = {.name = "mail.example",
	    .require_auth = true,
	    .limits = {1000, 3, 10, 5, 3},
	    .utf8 = true,
	    .chunking = true,
	    .dsn = true,
	    .starttls = starttls};
	struct smtp_server *server OWNED(smtp_server_free) = NULL;

	demand(smtp_server_new(&config, &server, NULL) == RC_OK);
	if (feed(server, first, out))
		(void)feed(server, second, out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole BUF_OWNED = BUF((size_t)8 << 20);
	struct buf cut BUF_OWNED = BUF((size_t)8 << 20);
	struct buf clear BUF_OWNED = BUF((size_t)8 << 20);

	if (size == 0)
		return 0;
	struct span input = span_of(data + 1, size - 1);
	size_t at = data[0] * (size - 1) / 256;
	run(false, input, SPAN_NONE, &whole);
	run(false, span_first(input, at), span_after(input, at), &cut);
	demand(span_is(buf_span(&whole), buf_span(&cut)));
	/* what stands behind STARTTLS in one piece is another session */
	run(true, span_first(input, at), span_after(input, at), &clear);
	return 0;
}
