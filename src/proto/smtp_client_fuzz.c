/* libFuzzer: whatever a server says, the SMTP client says nothing secret before
 * TLS, counts nothing as taken that it has not sent, and how its answers are cut
 * changes nothing that is said.
 *
 *     clang -std=gnu2x -g -O1 -fsanitize=fuzzer,address,undefined -Isrc \
 *         src/base/[!t]*.c ... src/proto/smtp_client_fuzz.c
 *
 * The first byte says where the rest is cut; its last bit, whether TLS has to
 * begin by STARTTLS.
 */
#include "proto/smtp_client.h"

#include <stdlib.h>

#include "base/own.h"

OWNER(struct smtp_client, smtp_client_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "c2VjcmV0" /* "secret" in base64, where it begins a group */

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

/* A session as it came out. */
struct course {
	struct smtp_client *client;
	struct buf said;
	bool secured;
	bool starttls;
	bool done;
};

static void
send_all(struct course *c)
{
	for (;;) {
		struct span out = smtp_client_output(c->client);
		if (out.len == 0)
			return;
		demand(buf_add(&c->said, out, NULL) == RC_OK);
		smtp_client_sent(c->client, out.len);
	}
}

static void
check_said(const struct course *c)
{
	static const char end[] = "\r\n.\r\n";
	struct span said = buf_span(&c->said);

	if (c->starttls && !c->secured) {
		demand(span_find(said, span_str(SECRET)) < 0);
		demand(span_find(said, span_str("MAIL")) < 0);
	}
	const struct smtp_client_result *result = smtp_client_result(c->client);
	if (c->done && result->code == 250)
		demand(span_find(said, span_str(end)) >= 0);
}

/* False: it is over. */
static bool
feed(struct course *c, struct span bytes)
{
	enum smtp_client_event event = SMTP_CLIENT_MORE;

	if (smtp_client_push(c->client, bytes, NULL) != RC_OK)
		return false;
	for (;;) {
		if (smtp_client_next(c->client, &event, NULL) != RC_OK)
			return false;
		send_all(c);
		check_said(c);
		c->done = event == SMTP_CLIENT_DONE;
		if (event != SMTP_CLIENT_STARTTLS)
			break;
		c->secured = true;
		demand(smtp_client_secured(c->client, NULL) == RC_OK);
		send_all(c);
	}
	check_said(c);
	return event == SMTP_CLIENT_MORE;
}

static void
run(bool starttls, struct span first, struct span second, struct buf *said)
{
	static char bob[] = "bob@b.example", carol[] = "carol@c.example";
	static char *people[] = {bob, carol};
	static const struct strlist to = {people, 2, 2};
	static const struct smtp_client_wish wish[] = {
	    {SMTP_NOTIFY_NEVER, ""}, {0, "rfc822;carol@c.example"}};
	static const struct smtp_client_letter letter = {
	    .from = "alice@a.example",
	    .to = &to,
	    .bytes = {(const uint8_t *)"A: b\r\n\r\n.c\r\n", 12},
	    .envid = "x",
	    .wish = wish};
	const struct smtp_client_config config = {.name = "me",
	    .starttls = starttls,
	    /* as long as makes the password begin a group */
	    .login = {.kind = SASL_PASSWORD,
		.user = "ab",
		.secret = span_str("secret")},
	    .letter = &letter};
	struct smtp_client *client OWNED(smtp_client_free) = NULL;
	struct course course = {
	    .said = BUF((size_t)8 << 20), .starttls = starttls};

	demand(smtp_client_new(&config, &client, NULL) == RC_OK);
	course.client = client;
	if (feed(&course, first))
		(void)feed(&course, second);
	demand(buf_add(said, buf_span(&course.said), NULL) == RC_OK);
	buf_done(&course.said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole BUF_OWNED = BUF((size_t)8 << 20);
	struct buf cut BUF_OWNED = BUF((size_t)8 << 20);

	if (size == 0)
		return 0;
	struct span input = span_of(data + 1, size - 1);
	size_t at = data[0] * (size - 1) / 256;
	bool starttls = (data[0] & 1) != 0;
	run(starttls, input, SPAN_NONE, &whole);
	run(starttls, span_first(input, at), span_after(input, at), &cut);
	/* An answer that came before its question is refused or not, as the
	 * bytes were cut; what is said up to there is the same. */
	size_t same = whole.len < cut.len ? whole.len : cut.len;
	demand(span_is(span_first(buf_span(&whole), same),
	    span_first(buf_span(&cut), same)));
	return 0;
}
