#include "enrol/recognise.h"

#include "dns/dkim.h"
#include "dns/zone_fixture.h"

#define LETTER                                             \
	"Auto-Submitted: auto-generated; type=acme\r\n"    \
	"Date: Sat, 05 Dec 2020 10:08:55 +0100\r\n"        \
	"Message-ID: <1@signed.test>\r\n"                  \
	"From: acme+7@signed.test\r\n"                     \
	"To: alice@example.com\r\n"                        \
	"Subject: ACME: LgYemJLy3F1LDkiJ\r\n rdIGbEzy\r\n" \
	"Content-Type: text/plain\r\n"                     \
	"\r\n"                                             \
	"Hello.\r\n"

struct context {
	struct zone_fixture zones;
	struct resolver *resolver;
	struct buf key;
};

static int
set_up(void **context_at)
{
	static struct context context;
	char path[200];
	uint8_t *room = NULL;

	zone_fixture_init(&context.zones);
	zone_run(&context.zones,
	    "openssl genrsa -out key 2048 2>/dev/null; "
	    "p=$(openssl pkey -in key -pubout -outform DER | base64 -w0); "
	    "echo \"s._domainkey TXT \\\"p=$(echo $p | cut -c1-200)\\\" "
	    "\\\"$(echo $p | cut -c201-)\\\"\" >> signed.records");
	zone_start(&context.zones);
	zone_wait(&context.zones);
	context.resolver = zone_resolver(&context.zones);
	context.key = BUF_SMALL;
	(void)snprintf(path, sizeof(path), "%s/key", context.zones.root);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(buf_reserve(&context.key, 4096, &room, NULL), RC_OK);
	buf_grown(&context.key, fread(room, 1, 4096, file));
	assert_int_equal(fclose(file), 0);
	*context_at = &context;
	return 0;
}

static int
tear_down(void **context_at)
{
	struct context *context = *context_at;

	buf_done(&context->key);
	resolver_free(context->resolver);
	zone_fixture_done(&context->zones);
	return 0;
}

static const struct order ours = {
    .from = "acme+7@signed.test", .token = "t2", .challenge = "https://a/c"};

/* LETTER with the first `old` replaced, signed or not. */
static void
make_letter(struct context *context, const char *old, const char *new,
    bool is_signed, struct buf *out)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	ptrdiff_t at = span_find(span_str(LETTER), span_str(old));
	struct dkim_signer signer = {
	    "signed.test", "s", buf_span(&context->key)};

	assert_true(at >= 0);
	assert_int_equal(
	    buf_add(&text, span_first(span_str(LETTER), (size_t)at), NULL),
	    RC_OK);
	assert_int_equal(buf_add_str(&text, new, NULL), RC_OK);
	assert_int_equal(
	    buf_add(&text,
		span_after(span_str(LETTER), (size_t)at + strlen(old)), NULL),
	    RC_OK);
	if (is_signed)
		assert_int_equal(
		    dkim_sign_letter(&signer, buf_span(&text), out, NULL),
		    RC_OK);
	assert_int_equal(buf_add(out, buf_span(&text), NULL), RC_OK);
}

static enum rc
recognise(struct context *context, const struct order *order,
    const struct buf *letter, struct recognised *ret, struct err *err)
{
	struct recognise ask = {.resolver = context->resolver,
	    .address = "alice@example.com",
	    .order = order};

	return recognise_challenge(&ask, buf_span(letter), ret, err);
}

static void
our_own_challenge_is_recognised(void **context_at)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct recognised got = {0};

	make_letter(*context_at, "Hello", "Hello", true, &letter);
	assert_int_equal(
	    recognise(*context_at, &ours, &letter, &got, NULL), RC_OK);
	assert_string_equal(got.token1, "LgYemJLy3F1LDkiJrdIGbEzy");
	assert_string_equal(got.answer_to, "acme+7@signed.test");
	assert_string_equal(got.message_id, "<1@signed.test>");
}

static void
the_answer_goes_to_reply_to(void **context_at)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct recognised got = {0};

	make_letter(*context_at,
	    "Date:", "Reply-To: <answers@signed.test>\r\nDate:", true, &letter);
	assert_int_equal(
	    recognise(*context_at, &ours, &letter, &got, NULL), RC_OK);
	assert_string_equal(got.answer_to, "answers@signed.test");
}

static void
expect(void **context_at, const char *old, const char *new, enum rc want)
{
	for (int is_signed = 0; is_signed < 2; is_signed++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct recognised got = {0};
		struct err err = ERR_NONE;
		make_letter(*context_at, old, new, is_signed == 1, &letter);
		enum rc rc = recognise(*context_at, &ours, &letter, &got, &err);
		if (rc != want || got.token1[0] != '\0')
			fail_msg("%s: got %s \"%s\", want %s", new, rc_name(rc),
			    err.text, rc_name(want));
	}
}

/* They stay ordinary letters, and nobody is alarmed. */
static void
letters_that_do_not_look_like_a_challenge_are_none(void **context_at)
{
	static const char *const changes[][2] = {
	    {"Subject: ACME:", "Subject: Re: ACME:"},
	    {"Subject: ACME:", "Subject: acme:"},
	    {"Subject: ACME: LgYem", "Subject: ACME: !"},
	    {"Subject: ACME:", "X: ACME:"},
	    {"Auto-Submitted: auto-generated; type=acme\r\n", ""},
	    {"auto-generated;", "auto-replied;"},
	    {"auto-generated;", "auto-generated-not;"},
	    {"auto-generated; type=acme", "no"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		expect(context_at, changes[i][0], changes[i][1], RC_ABSENT);
}

static void
challenges_of_somebody_else_are_refused(void **context_at)
{
	static const char *const changes[][2] = {
	    {"From: acme+7@", "From: acme+8@"},
	    {"From: acme+7@", "From: eve@signed.test, acme+7@"},
	    {"To: alice@", "To: bob@"},
	    {"To: alice@", "To: bob@example.com, alice@"},
	    {"To: alice@example.com\r\n", ""},
	    {"Date:", "Reply-To: a@x.test, b@x.test\r\nDate:"},
	    {"Date:", "Reply-To: nobody\r\nDate:"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		expect(context_at, changes[i][0], changes[i][1], RC_REFUSED);
}

static void
without_a_signature_it_is_not_from_the_authority(void **context_at)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct recognised got = {0};
	struct err err = ERR_NONE;

	make_letter(*context_at, "Hello", "Hello", false, &letter);
	assert_int_equal(
	    recognise(*context_at, &ours, &letter, &got, &err), RC_REFUSED);
	assert_non_null(strstr(err.text, "DKIM"));
}

static void
without_an_order_every_challenge_is_somebody_elses(void **context_at)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct order young = {.url = "https://a/o"};
	const struct order *orders[] = {NULL, &young};

	make_letter(*context_at, "Hello", "Hello", true, &letter);
	for (size_t i = 0; i < 2; i++) {
		struct recognised got = {0};
		struct err err = ERR_NONE;
		assert_int_equal(
		    recognise(*context_at, orders[i], &letter, &got, &err),
		    RC_REFUSED);
		assert_non_null(strstr(err.text, "has not asked"));
	}
}

/* It would stand in the header of our answer. */
static void
a_strange_message_id_is_not_repeated(void **context_at)
{
	static const char *const bad[] = {
	    "1@signed.test", "<1@signed.test", "<1 2@signed.test>", "<>", ""};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct recognised got = {0};
		make_letter(
		    *context_at, "<1@signed.test>", bad[i], true, &letter);
		assert_int_equal(
		    recognise(*context_at, &ours, &letter, &got, NULL), RC_OK);
		assert_string_equal(got.message_id, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(our_own_challenge_is_recognised),
	    cmocka_unit_test(the_answer_goes_to_reply_to),
	    cmocka_unit_test(
		letters_that_do_not_look_like_a_challenge_are_none),
	    cmocka_unit_test(challenges_of_somebody_else_are_refused),
	    cmocka_unit_test(without_a_signature_it_is_not_from_the_authority),
	    cmocka_unit_test(
		without_an_order_every_challenge_is_somebody_elses),
	    cmocka_unit_test(a_strange_message_id_is_not_repeated),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
