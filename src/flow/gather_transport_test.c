/* What stands in a named server's name and is not by it is shown to nobody. */
#include "flow/gatherkit_priv.h"
#include "flow/transport.h"

OWNER(struct transport, transport_free);

#define MX "authserv mx.beta.test"
#define AR "Authentication-Results: mx.beta.test;\r\n dkim=pass header.d="
#define HOP \
	"Received: from x by mx.beta.test; Mon, 5 Jan 2026 10:00:00 +0000\r\n"

static enum rc
find(const void *self, const struct source *letter, struct entity *outer,
    struct facts *facts, struct err *why)
{
	return transport_find(self, letter, outer, facts, why);
}

/* Both what is known of it and what is shown. */
static void
read_and_show(struct span letter, struct facts *ret, struct buf *shown)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;
	struct transport *transport OWNED(transport_free) = NULL;
	const struct transport_options options = {.trust = &trust};
	struct gathered g GATHERED_OWNED;

	gathered_init(&g);
	assert_done(trust_parse(span_str(MX), &trust, &err), err);
	assert_done(transport_new(&options, &transport, &err), err);
	const struct transports transports = {find, transport};
	const struct reader_key key = {alice.fixture.cert, &alice.key};
	const struct reader reader = {.keys = &key,
	    .keys_len = 1,
	    .roots = &roots,
	    .transports = &transports,
	    .now = FIXTURE_NOW};
	struct pieces pieces = {.bytes = letter, .size = 500};
	const struct source source = pieces_source(&pieces);
	assert_done(gather(&source, &reader, &g, &err), err);
	*ret = g.facts;
	assert_done(show_bytes(&g, letter, shown), err);
}

static bool
holds(const struct buf *shown, const char *text)
{
	return span_find(buf_span(shown), span_str(text)) >= 0;
}

#define INSIDE                                                    \
	"From: Alice <alice@alpha.test>\r\n" AR "inside.test\r\n" \
	"Content-Type: text/plain; hp=\"cipher\"\r\n\r\nHello.\r\n"

static void
a_view_has_the_believed_field_and_none_that_is_forged(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM), shown BUF_OWNED = BUF(ROOM);
	struct facts f;

	put(&letter, AR "alpha.test\r\n" HOP AR "below.test\r\n" FROM
			"Authentication-Results: other.test; none\r\n");
	put_wrapped(&letter, "gs", INSIDE);
	read_and_show(buf_span(&letter), &f, &shown);
	assert_int_equal(f.transport.dkim, TRANSPORT_PASS);
	assert_true(holds(&shown, "header.d=alpha.test"));
	assert_true(holds(&shown, "other.test; none"));
	assert_false(holds(&shown, "below.test"));
	assert_false(holds(&shown, "inside.test"));
}

/* A result inside is the sender's word: nothing follows from it. */
static void
what_the_sender_protected_is_no_servers_word(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM), shown BUF_OWNED = BUF(ROOM);
	struct facts f;

	put(&letter, HOP FROM);
	put_wrapped(&letter, "gs", INSIDE);
	read_and_show(buf_span(&letter), &f, &shown);
	assert_int_equal(f.transport.dkim, TRANSPORT_UNKNOWN);
	assert_false(holds(&shown, "mx.beta.test;\r\n dkim"));
}

/* RFC 9788 section 4.4: servers saw the outer From, and no other. */
static void
servers_speak_of_the_from_outside(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM), shown BUF_OWNED = BUF(ROOM);
	struct facts f;

	put(&letter,
	    AR "alpha.test\r\n" HOP "From: x@mu.test\r\nTo: bob@beta.test\r\n");
	put_wrapped(&letter, "gs", INSIDE);
	read_and_show(buf_span(&letter), &f, &shown);
	assert_string_equal(f.from, ALICE);
	assert_int_equal(f.transport.dkim, TRANSPORT_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_view_has_the_believed_field_and_none_that_is_forged),
	    cmocka_unit_test(what_the_sender_protected_is_no_servers_word),
	    cmocka_unit_test(servers_speak_of_the_from_outside),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
