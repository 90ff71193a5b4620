#include "dns/caa.h"

#include "dns/caa_priv.h"
#include "dns/zone_fixture.h"

#define ISSUER "ca.example"
#define ACCOUNT "https://ca.example/acme/account/abc"
#define METHOD "email-reply-00"

static const struct caa_question question = {
    .issuer = ISSUER, .account = ACCOUNT, .method = METHOD};

/* A record as the wire has it, behind its length. */
static void
add_record(struct buf *out, uint8_t flags, const char *tag, struct span value)
{
	size_t len = 2 + strlen(tag) + value.len;

	assert_int_equal(buf_add_byte(out, (uint8_t)(len >> 8), NULL), RC_OK);
	assert_int_equal(buf_add_byte(out, (uint8_t)len, NULL), RC_OK);
	assert_int_equal(buf_add_byte(out, flags, NULL), RC_OK);
	assert_int_equal(buf_add_byte(out, (uint8_t)strlen(tag), NULL), RC_OK);
	assert_int_equal(buf_add_str(out, tag, NULL), RC_OK);
	assert_int_equal(buf_add(out, value, NULL), RC_OK);
}

static void
expect_judged(struct span records, bool want, const char *words)
{
	struct err err = ERR_NONE;
	/* in a block of its own size: one octet too far is seen */
	uint8_t *copy = malloc(records.len + 1);

	assert_non_null(copy);
	memcpy(copy, records.data, records.len);
	uint8_t *exact = realloc(copy, records.len);
	assert_non_null(exact);
	enum rc rc = caa_judge(
	    &question, "beta.test", span_of(exact, records.len), &err);
	free(exact);
	if (rc != (want ? RC_OK : RC_REFUSED) ||
	    (!want && strstr(err.text, words) == NULL))
		fail_msg("got %s \"%s\", want %s \"%s\"", rc_name(rc), err.text,
		    want ? "yes" : "no", words);
}

/* One issuemail property. */
static void
expect_said(const char *value, bool want, const char *words)
{
	struct buf records BUF_OWNED = BUF_SMALL;

	add_record(&records, 0, "issuemail", span_str(value));
	expect_judged(buf_span(&records), want, words);
}

static void
a_value_names_who_may_issue(void **state)
{
	expect_said("ca.example", true, "");
	expect_said("CA.Example", true, "");
	expect_said(" \tca.example \t", true, "");
	expect_said("ca.example;", true, "");
	expect_said("ca.example ; ", true, "");
	expect_said("", false, "or none");
	expect_said(";", false, "or none");
	expect_said("other.example", false, "other authorities");
	expect_said("ca.example.org", false, "other authorities");
	expect_said("a.ca.example", false, "other authorities");
}

static void
a_value_that_is_malformed_names_nobody(void **state)
{
	static const char *const bad[] = {"ca.example.", "ca..example",
	    ".ca.example", "-ca.example", "ca.example-", "ca.example x",
	    "ca.example,other.example", "ca.example; x", "ca.example; =x",
	    "ca.example; accounturi", "ca.example; validationmethods=dns-01;",
	    "ca.example; ; ", "ca_x.example", "ca.example\n",
	    "ca.example; accounturi=https://ca.example/ x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_said(bad[i], false, "malformed");
}

static void
a_parameter_narrows_it_down(void **state)
{
	expect_said("ca.example; accounturi=" ACCOUNT, true, "");
	expect_said("ca.example;AccountURI = " ACCOUNT " ", true, "");
	expect_said("ca.example; accounturi=" ACCOUNT "d", false, "account");
	expect_said("ca.example; accounturi=", false, "another account");
	expect_said("ca.example; accounturi=HTTPS://ca.example/acme/account/"
		    "abc",
	    false, "another account");
	expect_said("ca.example; accounturi=" ACCOUNT "; accounturi=" ACCOUNT,
	    false, "another account");
	expect_said("ca.example; validationmethods=" METHOD, true, "");
	expect_said("ca.example; validationmethods=dns-01," METHOD, true, "");
	expect_said("ca.example; validationmethods=dns-01", false,
	    "another way to prove");
	expect_said("ca.example; validationmethods=", false, "another way");
	expect_said(
	    "ca.example; validationmethods=" METHOD "1", false, "another way");
	expect_said("ca.example; validationmethods=" METHOD
		    "; validationmethods=" METHOD,
	    false, "another way");
	expect_said("ca.example; validationmethods=" METHOD
		    "; accounturi=" ACCOUNT,
	    true, "");
	expect_said("ca.example; validationmethods=" METHOD
		    "; accounturi=other",
	    false, "another account");
	expect_said("ca.example; only-on=monday", false, "not known here");
}

static void
one_of_several_is_enough(void **state)
{
	struct buf records BUF_OWNED = BUF_SMALL;

	add_record(&records, 0, "issuemail", span_str("other.example"));
	add_record(&records, 0, "issuemail", span_str("ca.example; x"));
	expect_judged(buf_span(&records), false, "malformed");
	add_record(&records, 0, "IssueMail", span_str("ca.example"));
	expect_judged(buf_span(&records), true, "");
}

static void
what_is_about_servers_is_nothing_to_us(void **state)
{
	struct buf records BUF_OWNED = BUF_SMALL;

	add_record(&records, 0x80, "issue", span_str(";"));
	add_record(&records, 0x80, "issuewild", span_str("other.example"));
	add_record(&records, 0x80, "iodef", span_str("mailto:a@b.test"));
	add_record(&records, 0, "future", span_str("x"));
	expect_judged(buf_span(&records), true, "");
}

static void
a_critical_property_that_is_not_known_says_no(void **state)
{
	struct buf records BUF_OWNED = BUF_SMALL;

	add_record(&records, 0, "issuemail", span_str("ca.example"));
	expect_judged(buf_span(&records), true, "");
	add_record(&records, 0x80, "future", span_str("x"));
	expect_judged(buf_span(&records), false, "critical");
}

static void
a_record_that_is_malformed_says_no(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} bad[] = {
	    {"\x00", 1}, {"\x00\x00", 2}, {"\x00\x01\x00", 3},
	    {"\x00\x02\x00\x00", 4},       /* a tag of no letters */
	    {"\x00\x03\x00\x02i", 5},      /* a longer tag than there is */
	    {"\x00\x05\x00\x02i", 5},      /* more than there is */
	    {"\x00\x04\x00\x01-x", 6},     /* no letter */
	    {"\x00\x04\x00\x01i;\x00", 7}, /* more behind it */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_judged(span_of(bad[i].octets, bad[i].len), false,
		    "a record is malformed");
}

/* --- with a real server */

struct context {
	struct zone_fixture zones;
	struct resolver *resolver;
};

static int
set_up(void **state)
{
	static struct context context;

	zone_fixture_init(&context.zones);
	zone_run(&context.zones,
	    "cat >> signed.records <<'END'\n"
	    "yes CAA 0 issuemail \"ca.example\"\n"
	    "no CAA 0 issuemail \"other.example\"\n"
	    "below.no A 192.0.2.1\n"
	    "yes.no CAA 0 issuemail \"ca.example\"\n"
	    "web CAA 0 issue \";\"\n"
	    "*.web A 192.0.2.1\n"
	    "alias.no CNAME yes\n"
	    "away.yes CNAME bare\n"
	    "bare A 192.0.2.1\n"
	    "END\n"
	    "for i in $(seq 70); do "
	    "echo \"many CAA 0 issuemail \\\"ca$i.example\\\"\"; done "
	    ">> signed.records\n"
	    "echo 'no CAA 0 issuemail \"other.example\"' > open.records\n"
	    "cat >> knot.conf <<'END'\n"
	    "  - domain: test\n    file: top.zone\n"
	    "END\n"
	    "cat > top.zone <<'END'\n"
	    "$TTL 60\n"
	    "@ SOA ns.open.test. h.open.test. 1 60 60 60 1\n"
	    "@ NS ns.open.test.\n"
	    "END");
	zone_start(&context.zones);
	zone_wait(&context.zones);
	context.resolver = zone_resolver(&context.zones);
	*state = &context;
	return 0;
}

static int
tear_down(void **state)
{
	struct context *context = *state;

	resolver_free(context->resolver);
	zone_fixture_done(&context->zones);
	return 0;
}

static void
expect(void **state, const char *domain, enum rc want)
{
	struct context *context = *state;
	struct caa_question asked = question;
	struct err err = ERR_NONE;

	asked.resolver = context->resolver;
	asked.domain = domain;
	enum rc rc = caa_check(&asked, &err);
	if (rc != want)
		fail_msg("%s: got %s \"%s\", want %s", domain, rc_name(rc),
		    err.text, rc_name(want));
}

static void
the_domain_or_the_next_above_it_decides(void **state)
{
	expect(state, "yes.signed.test", RC_OK);
	expect(state, "no.signed.test", RC_REFUSED);
	expect(state, "below.no.signed.test", RC_REFUSED);
	expect(state, "is.not.there.no.signed.test", RC_REFUSED);
	expect(state, "yes.no.signed.test", RC_OK);
	expect(state, "below.yes.no.signed.test", RC_OK);
	expect(state, "no.open.test", RC_REFUSED);
}

static void
without_records_anybody_may(void **state)
{
	expect(state, "bare.signed.test", RC_OK);
	expect(state, "nowhere.open.test", RC_OK);
	expect(state, "test", RC_OK);
	/* records for servers are the relevant ones, and say nothing */
	expect(state, "web.signed.test", RC_OK);
}

/* "Relevant RRset": of what the alias points to, else of what is above the
 * alias, and never of what is above its target. */
static void
an_alias_is_followed_and_the_climb_is_not(void **state)
{
	expect(state, "alias.no.signed.test", RC_OK);
	expect(state, "away.yes.signed.test", RC_OK);
}

static void
what_is_forged_is_no_answer(void **state)
{
	expect(state, "no.forged.test", RC_CRYPTO);
	expect(state, "nowhere.forged.test", RC_CRYPTO);
}

static void
without_an_answer_nobody_may(void **state)
{
	/* the server refuses to speak of this one */
	expect(state, "mail.unserved.example", RC_IO);
	expect(state, "many.signed.test", RC_LIMIT);
	expect(state, "a b.test", RC_SYNTAX);
	expect(state, "a..test", RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_value_names_who_may_issue),
	    cmocka_unit_test(a_value_that_is_malformed_names_nobody),
	    cmocka_unit_test(a_parameter_narrows_it_down),
	    cmocka_unit_test(one_of_several_is_enough),
	    cmocka_unit_test(what_is_about_servers_is_nothing_to_us),
	    cmocka_unit_test(a_critical_property_that_is_not_known_says_no),
	    cmocka_unit_test(a_record_that_is_malformed_says_no),
	    cmocka_unit_test(the_domain_or_the_next_above_it_decides),
	    cmocka_unit_test(without_records_anybody_may),
	    cmocka_unit_test(an_alias_is_followed_and_the_climb_is_not),
	    cmocka_unit_test(what_is_forged_is_no_answer),
	    cmocka_unit_test(without_an_answer_nobody_may),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
