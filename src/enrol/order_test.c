#include "enrol/order.h"

#include "store/statekit.h"

#define ITEM                                                              \
	"{\"authority\":\"https://a/d\",\"url\":\"https://a/o\","         \
	"\"challenge\":\"https://a/c\",\"from\":\"x@a\",\"token\":\"t\"," \
	"\"answered\":\"\",\"purpose\":\"%s\"}"

static void
an_order_comes_back_as_it_was(void **context)
{
	struct state *state = *context;
	struct order order = {.purpose = KEY_DECRYPT,
	    .authority = "https://a/d",
	    .url = "https://a/o",
	    .challenge = "https://a/c",
	    .from = "x@a",
	    .token = "t2",
	    .answered = "t1"};
	struct order got = {0};

	assert_int_equal(order_load(state, &got, NULL), RC_ABSENT);
	assert_int_equal(order_save(state, &order, NULL), RC_OK);
	assert_int_equal(order_load(state, &got, NULL), RC_OK);
	assert_int_equal(got.purpose, KEY_DECRYPT);
	assert_string_equal(got.authority, order.authority);
	assert_string_equal(got.url, order.url);
	assert_string_equal(got.challenge, order.challenge);
	assert_string_equal(got.from, order.from);
	assert_string_equal(got.token, order.token);
	assert_string_equal(got.answered, order.answered);
	assert_int_equal(order_remove(state, NULL), RC_OK);
	assert_int_equal(order_load(state, &got, NULL), RC_ABSENT);
}

static void
a_damaged_order_is_told_and_not_guessed(void **context)
{
	struct state *state = *context;
	static const struct {
		const char *purpose;
		size_t cut;
		enum rc rc;
	} cases[] = {
	    {"signing", 0, RC_OK},
	    {"encrypting", 0, RC_OK},
	    {"both", 0, RC_SYNTAX},
	    {"signing", 1, RC_SYNTAX},
	    {"signing", 1000, RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct order got = {0};
		assert_int_equal(
		    buf_add_format(&text, NULL, ITEM, cases[i].purpose), RC_OK);
		buf_cut(&text,
		    text.len > cases[i].cut ? text.len - cases[i].cut : 0);
		assert_int_equal(
		    state_save(state, "order", buf_span(&text), NULL), RC_OK);
		enum rc rc = order_load(state, &got, NULL);
		if (rc != cases[i].rc)
			fail_msg("case %zu: got %s", i, rc_name(rc));
	}
}

/* The same account as long as it is the same authority. */
static void
the_account_key_is_kept_for_its_authority(void **context)
{
	struct state *state = *context;
	struct buf first BUF_OWNED = BUF_SECRET(4096);
	struct buf again BUF_OWNED = BUF_SECRET(4096);
	struct buf other BUF_OWNED = BUF_SECRET(4096);

	assert_int_equal(
	    order_account_key(state, "https://a/d", &first, NULL), RC_OK);
	assert_int_equal(
	    order_account_key(state, "https://a/d", &again, NULL), RC_OK);
	assert_int_equal(
	    order_account_key(state, "https://b/d", &other, NULL), RC_OK);
	assert_true(span_find(buf_span(&first), span_str("\"d\"")) > 0);
	assert_int_equal(first.len, again.len);
	assert_false(span_is(buf_span(&again), buf_span(&other)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STATEKIT_TEST(an_order_comes_back_as_it_was),
	    STATEKIT_TEST(a_damaged_order_is_told_and_not_guessed),
	    STATEKIT_TEST(the_account_key_is_kept_for_its_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
