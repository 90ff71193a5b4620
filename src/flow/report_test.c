#include "flow/report.h"

#include <jansson.h>

#include "base/expect.h"
#include "codec/word.h"

static const struct facts good = {
    .encrypted = {.state = ENCRYPTED_INTACT, .cipher = "aes-256-gcm"},
    .sig = {.state = SIGNED_VALID,
	.by = "alice@alpha.test",
	.name = "Alice Adams",
	.organization = "Alpha Ltd",
	.level = LEVEL_V3,
	.binding = BINDING_FROM,
	.level_allowed = true,
	.domain_allowed = true,
	.chain = CHAIN_VALID},
    .from = "alice@alpha.test",
    .time = {.source = TIME_STAMPED, .value = 1},
    .headers = {.subject = PROTECT_SIGNED_AND_ENCRYPTED,
	.from = PROTECT_SIGNED_ONLY,
	.to = PROTECT_ENCRYPTED_ONLY},
};

static json_t *
told(const struct facts *facts)
{
	struct buf out BUF_OWNED = BUF(65536);
	struct err err = ERR_NONE;
	struct verdict verdict;

	verdict_decide(facts, &verdict);
	assert_done(report_json(facts, &verdict, &out, &err), err);
	json_t *o = json_loadb(
	    (const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	return o;
}

static void
check(const struct facts *facts, const char *object, const char *member,
    const char *want)
{
	json_t *o = told(facts);
	const json_t *in = object == NULL ? o : json_object_get(o, object);

	assert_string_equal(
	    json_string_value(json_object_get(in, member)), want);
	json_decref(o);
}

/* --- JSON ---------------------------------------------------------------------- */

static void
the_sentence_has_its_advice_beside_it(void **state)
{
	struct facts asks = {.from = "bob@beta.test", .request = REQUEST_MONEY};

	(void)state;
	check(&good, NULL, "sentence",
	    "Signed by alice@alpha.test of Alpha Ltd.");
	check(&good, NULL, "extra", "");
	check(&good, NULL, "advice",
	    "You can rely on who wrote it; whether they are honest you must "
	    "know yourself.");
	check(&asks, NULL, "extra",
	    "It asks for money, and who wrote it is not proven.");
	check(&asks, NULL, "advice",
	    "Ask them by telephone before you pay, at a number you know.");
}

static void
a_name_is_told_only_where_the_level_proves_it(void **state)
{
	static const struct {
		enum cert_level level;
		const char *name, *organization, *sentence;
	} rows[] = {
	    {LEVEL_NONE, "", "", "Signed by alice@alpha.test."},
	    {LEVEL_V1, "", "", "Signed by alice@alpha.test."},
	    {LEVEL_V2, "Alice Adams", "", "Signed by alice@alpha.test."},
	    {LEVEL_V3, "Alice Adams", "Alpha Ltd",
		"Signed by alice@alpha.test of Alpha Ltd."},
	    {LEVEL_V4, "Alice Adams", "Alpha Ltd",
		"Signed by alice@alpha.test of Alpha Ltd."},
	    {LEVEL_OTHER, "", "", "Signed by alice@alpha.test."},
	};
	struct facts f = good;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		f.sig.level = rows[i].level;
		check(&f, "signed", "name", rows[i].name);
		check(&f, "signed", "organization", rows[i].organization);
		check(&f, NULL, "sentence", rows[i].sentence);
	}
}

static void
a_name_that_is_the_address_says_nothing_new(void **state)
{
	struct facts f = good;

	(void)state;
	f.sig.level = LEVEL_V1;
	memcpy(f.sig.name, "Alice@Alpha.Test", sizeof("Alice@Alpha.Test"));
	check(&f, "signed", "name", "Alice@Alpha.Test");
	f.sig.by[0] = f.sig.name[0] = '\0';
	check(&f, "signed", "name", "");
}

static void
check_nameless(const struct facts *f)
{
	json_t *o = told(f);
	char *all = json_dumps(o, 0);

	assert_null(strstr(all, "Alpha Ltd"));
	assert_null(strstr(all, "Alice Adams"));
	free(all);
	json_decref(o);
}

static void
a_name_is_not_told_of_a_certificate_that_nobody_vouches_for(void **state)
{
	struct facts f = good;

	(void)state;
	f.sig.level_allowed = false;
	check_nameless(&f);
	f = good;
	f.sig.domain_allowed = false;
	check_nameless(&f);
	f = good;
	f.sig.chain = CHAIN_NO_ANCHOR;
	check_nameless(&f);
	f = good;
	f.sig.chain = CHAIN_INVALID;
	check_nameless(&f);
	f = good;
	f.sig.unfit = "cert.ku";
	check_nameless(&f);
	f = good;
	f.sig.state = SIGNED_INVALID;
	check_nameless(&f);
}

static void
header_fields_are_told_as_they_are_protected(void **state)
{
	(void)state;
	check(&good, "headers", "subject", "signed-and-encrypted");
	check(&good, "headers", "from", "signed-only");
	check(&good, "headers", "to", "encrypted-only");
	check(&good, "headers", "cc", "unprotected");
	check(&good, "headers", "date", "unprotected");
}

static void
what_a_broken_signature_was_around_is_not_signed(void **state)
{
	struct facts f = good;

	(void)state;
	f.sig.state = SIGNED_INVALID;
	check(&f, "headers", "subject", "encrypted-only");
	check(&f, "headers", "from", "unprotected");
	f = good;
	f.sig.unfit = "cert.ku";
	check(&f, "headers", "subject", "encrypted-only");
	check(&f, "headers", "from", "unprotected");
}

static void
what_came_in_the_clear_was_not_encrypted(void **state)
{
	struct facts f = good;

	(void)state;
	f.encrypted.state = ENCRYPTED_AT_REST;
	check(&f, "encrypted", "state", "at-rest");
	check(&f, "headers", "subject", "signed-only");
	check(&f, "headers", "from", "signed-only");
	check(&f, "headers", "to", "unprotected");
}

static void
the_time_it_was_first_seen_is_told(void **state)
{
	struct facts f = good;

	(void)state;
	f.time.source = TIME_RECEIVED;
	check(&f, "time", "source", "received");
	check(&f, "time", "value", "1970-01-01T00:00:01Z");
}

static bool
is_null(const struct facts *facts, const char *object, const char *member)
{
	json_t *o = told(facts);
	bool null =
	    json_is_null(json_object_get(json_object_get(o, object), member));

	json_decref(o);
	return null;
}

static void
what_was_not_judged_is_null(void **state)
{
	const struct facts nothing = {.from_unclear = true};
	struct facts f = good;

	(void)state;
	check(&good, "signed", "state", "valid");
	check(&good, "signed", "chain", "valid");
	check(&good, "signed", "level", "V3");
	check(&good, "encrypted", "cipher", "aes-256-gcm");
	assert_true(is_null(&good, "signed", "chain-reason"));
	assert_true(is_null(&nothing, "signed", "chain"));
	assert_true(is_null(&nothing, "signed", "level"));
	assert_true(is_null(&nothing, "encrypted", "cipher"));
	assert_true(is_null(&nothing, "time", "value"));
	f.sig.unfit = "cert.ku";
	check(&f, "signed", "state", "invalid");
	f.sig.chain = CHAIN_INVALID;
	f.sig.chain_reason = "cert.eku";
	check(&f, "signed", "chain", "invalid");
	check(&f, "signed", "chain-reason", "cert.eku");
}

static void
the_reasons_are_all_told_worst_first(void **state)
{
	const struct facts f = {.from = "bob@beta.test",
	    .request = REQUEST_MONEY,
	    .transport = {.dkim = TRANSPORT_PASS}};
	static const char *const want[] = {
	    "sig.none", "ask.money", "dkim.pass"};
	json_t *o = told(&f);
	const json_t *reasons = json_object_get(o, "reasons");

	(void)state;
	assert_int_equal(json_array_size(reasons), COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(
		    json_string_value(json_array_get(reasons, i)), want[i]);
	json_decref(o);
}

static void
keywords_are_the_verdict_and_each_reason(void **state)
{
	const struct facts f = {.from = "bob@beta.test"};
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	struct verdict verdict;
	struct err err = ERR_NONE;

	(void)state;
	verdict_decide(&f, &verdict);
	assert_done(report_keywords(&verdict, &words, &err), err);
	assert_int_equal(words.len, 2);
	assert_string_equal(words.item[0], "$Letterlock-unsigned");
	assert_string_equal(words.item[1], "$Letterlock-reason-sig.none");
}

/* --- the field ------------------------------------------------------------------- */

static void
field_of(const struct facts *facts, enum language language, struct buf *out)
{
	struct verdict verdict;
	struct err err = ERR_NONE;

	verdict_decide(facts, &verdict);
	verdict_say(facts, language, &verdict);
	assert_done(report_field(&verdict, 60, out, &err), err);
}

static void
the_field_in_english_is_plain(void **state)
{
	struct buf out BUF_OWNED = BUF(4096);

	(void)state;
	field_of(&good, LANGUAGE_ENGLISH, &out);
	assert_span(buf_span(&out),
	    "Letterlock-Verdict: verified; Signed by alice@alpha.test of Alpha "
	    "Ltd; as of\r\n 1970-01-01T00:01:00Z\r\n");
}

static void
the_field_tells_what_it_asks_for(void **state)
{
	const struct facts f = {
	    .from = "bob@beta.test", .request = REQUEST_MONEY};
	struct buf out BUF_OWNED = BUF(4096);
	struct buf said BUF_OWNED = BUF(4096);
	struct err err = ERR_NONE;

	(void)state;
	field_of(&f, LANGUAGE_ENGLISH, &out);
	assert_done(word_decode(buf_span(&out), &said, &err), err);
	assert_done(buf_add(&said, span_of("", 1), &err), err);
	assert_has((const char *)said.data,
	    "unsigned; Not signed: anybody can write bob@beta.test as the "
	    "sender. It asks for money, and who wrote it is not proven; as of "
	    "1970-01-01T00:01:00Z");
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

/* RFC 2047: the word in front and the time stay readable by programs. */
static void
the_field_in_chinese_is_encoded_and_its_word_is_not(void **state)
{
	struct buf out BUF_OWNED = BUF(4096);
	struct buf said BUF_OWNED = BUF(4096);
	struct err err = ERR_NONE;

	(void)state;
	field_of(&good, LANGUAGE_CHINESE, &out);
	assert_true(is_ascii(buf_span(&out)));
	assert_true(span_is(span_first(buf_span(&out), 29),
	    span_str("Letterlock-Verdict: verified;")));
	assert_done(word_decode(buf_span(&out), &said, &err), err);
	assert_done(buf_add(&said, span_of("", 1), &err), err);
	assert_has((const char *)said.data,
	    "verified; \u7531 Alpha Ltd \u7684 alice@alpha.test "
	    "\u7b7e\u540d; as of 1970-01-01T00:01:00Z");
}

static void
no_line_of_the_field_is_too_long(void **state)
{
	struct facts f = good;
	struct buf out BUF_OWNED = BUF(4096);
	size_t line = 0;

	(void)state;
	f.sig.state = SIGNED_NONE;
	f.request = REQUEST_CREDENTIALS;
	memset(f.from, 'x', 300);
	field_of(&f, LANGUAGE_CHINESE, &out);
	for (size_t i = 0; i < out.len; i++) {
		line = out.data[i] == '\n' ? 0 : line + 1;
		assert_in_range(line, 0, 79);
	}
}

/* --- text ------------------------------------------------------------------------ */

static void
check_text(const struct facts *facts, enum language language, const char *want)
{
	struct buf out BUF_OWNED = BUF(4096);
	struct verdict verdict;
	struct err err = ERR_NONE;

	verdict_decide(facts, &verdict);
	verdict_say(facts, language, &verdict);
	assert_done(report_text(facts, &verdict, language, &out, &err), err);
	assert_span(buf_span(&out), want);
}

static void
a_person_reads_what_to_do(void **state)
{
	const struct facts f = {
	    .from = "bob@beta.test", .request = REQUEST_MONEY};

	(void)state;
	check_text(&f, LANGUAGE_ENGLISH,
	    "unsigned: Not signed: anybody can write bob@beta.test as the "
	    "sender.\n"
	    "  It asks for money, and who wrote it is not proven.\n"
	    "  what to do:   Ask them by telephone before you pay, at a number "
	    "you know.\n"
	    "  encrypted:    none\n"
	    "  signed:       none\n"
	    "  time:         none\n"
	    "  reasons:      sig.none ask.money\n");
	check_text(&good, LANGUAGE_CHINESE,
	    "\u5df2\u8bc1\u5b9e\uff1a\u7531 Alpha Ltd \u7684 alice@alpha.test "
	    "\u7b7e\u540d\u3002\n"
	    "  \u600e\u4e48\u529e\uff1a      "
	    "\u53ef\u4ee5\u76f8\u4fe1\u5b83\u51fa\u81ea\u6b64\u4eba\uff1b"
	    "\u6b64\u4eba\u662f\u5426\u8bda\u5b9e\uff0c\u987b\u7531\u60a8"
	    "\u81ea\u5df1\u5224\u65ad\u3002\n"
	    "  \u52a0\u5bc6\uff1a        \u5b8c\u597d aes-256-gcm\n"
	    "  \u7b7e\u540d\uff1a        \u6709\u6548 alice@alpha.test\n"
	    "  \u65f6\u95f4\uff1a        \u65f6\u95f4\u6233 "
	    "1970-01-01T00:00:01Z\n");
}

static void
an_address_does_not_steer_a_terminal(void **state)
{
	struct facts f = good;
	struct buf out BUF_OWNED = BUF(4096);
	struct verdict verdict;
	struct err err = ERR_NONE;

	(void)state;
	memcpy(f.sig.by, "\"\x1b[2Jx\"@evil.test", 18);
	memcpy(f.from, f.sig.by, 18);
	verdict_decide(&f, &verdict);
	assert_done(
	    report_text(&f, &verdict, LANGUAGE_ENGLISH, &out, &err), err);
	assert_int_equal(span_find_byte(buf_span(&out), 0x1b), -1);
	assert_true(span_find(buf_span(&out),
			span_str("valid ??[2Jx?@evil.test\n")) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sentence_has_its_advice_beside_it),
	    cmocka_unit_test(a_name_is_told_only_where_the_level_proves_it),
	    cmocka_unit_test(a_name_that_is_the_address_says_nothing_new),
	    cmocka_unit_test(
		a_name_is_not_told_of_a_certificate_that_nobody_vouches_for),
	    cmocka_unit_test(header_fields_are_told_as_they_are_protected),
	    cmocka_unit_test(what_a_broken_signature_was_around_is_not_signed),
	    cmocka_unit_test(what_came_in_the_clear_was_not_encrypted),
	    cmocka_unit_test(the_time_it_was_first_seen_is_told),
	    cmocka_unit_test(what_was_not_judged_is_null),
	    cmocka_unit_test(the_reasons_are_all_told_worst_first),
	    cmocka_unit_test(keywords_are_the_verdict_and_each_reason),
	    cmocka_unit_test(the_field_in_english_is_plain),
	    cmocka_unit_test(the_field_tells_what_it_asks_for),
	    cmocka_unit_test(
		the_field_in_chinese_is_encoded_and_its_word_is_not),
	    cmocka_unit_test(no_line_of_the_field_is_too_long),
	    cmocka_unit_test(a_person_reads_what_to_do),
	    cmocka_unit_test(an_address_does_not_steer_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
