#include "proto/smtp_path_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

typedef void parse(
    struct span rest, struct smtp_path *ret, struct smtp_refusal *ret_refusal);

static void
parse_from(
    struct span rest, struct smtp_path *ret, struct smtp_refusal *ret_refusal)
{
	smtp_path_parse_from(rest, false, ret, ret_refusal);
}

static void
parse_from_utf8(
    struct span rest, struct smtp_path *ret, struct smtp_refusal *ret_refusal)
{
	smtp_path_parse_from(rest, true, ret, ret_refusal);
}

static void
parse_to(
    struct span rest, struct smtp_path *ret, struct smtp_refusal *ret_refusal)
{
	smtp_path_parse_to(rest, false, false, ret, ret_refusal);
}

static void
parse_to_unsaid(
    struct span rest, struct smtp_path *ret, struct smtp_refusal *ret_refusal)
{
	smtp_path_parse_to(rest, true, false, ret, ret_refusal);
}

static void
parse_to_utf8(
    struct span rest, struct smtp_path *ret, struct smtp_refusal *ret_refusal)
{
	smtp_path_parse_to(rest, true, true, ret, ret_refusal);
}

/* From an exactly sized block, so that an overread is seen. */
static void
parse_copy(parse *parser, const char *text, struct smtp_path *ret,
    struct smtp_refusal *ret_refusal)
{
	size_t len = strlen(text);
	uint8_t *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, text, len);
	parser(span_of(copy, len), ret, ret_refusal);
	free(copy);
}

static void
check_good(parse *parser, const char *text, const char *want)
{
	struct smtp_path path = {.address = "?"};
	struct smtp_refusal no;

	parse_copy(parser, text, &path, &no);
	if (no.code != 0 || strcmp(path.address, want) != 0)
		fail_msg("%s\n got: %u %s <%s>\nwant: <%s>", text, no.code,
		    no.code == 0 ? "" : no.text, path.address, want);
}

static void
check_bad(parse *parser, const char *text, const char *want)
{
	struct smtp_path path = {.address = "?"};
	struct smtp_refusal no;
	char got[200] = "";

	parse_copy(parser, text, &path, &no);
	if (no.code != 0)
		(void)snprintf(got, sizeof(got), "%u %s %s", no.code,
		    no.enhanced, no.text);
	if (strcmp(got, want) != 0 || strcmp(path.address, "?") != 0)
		fail_msg("%s\n got: %s <%s>\nwant: %s", text, got, path.address,
		    want);
}

static void
senders_and_parameters_are_read(void **state)
{
	static const struct {
		const char *input, *from;
	} cases[] = {
	    {" FROM:<>", ""},
	    {" FROM:<a@b.example>", "a@b.example"},
	    {" FROM: <a@b.example>", "a@b.example"},
	    {" from:<a@b.example>", "a@b.example"},
	    {" FROM:<a+b=c@b.example> SIZE=1000", "a+b=c@b.example"},
	    {" FROM:<a@b.example> BODY=8BITMIME", "a@b.example"},
	    {" FROM:<a@b.example> body=7bit size=1", "a@b.example"},
	    {" FROM:<a@b.example> RET=HDRS ENVID=QQ314159", "a@b.example"},
	    {" FROM:<a@b.example> AUTH=<>", "a@b.example"},
	    {" FROM:<\"a b>@\\\"c\"@b.example>", "\"a b>@\\\"c\"@b.example"},
	    {" FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"},
	    {" FROM:<@relay.example,@x:a@b.example>", "a@b.example"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check_good(parse_from, cases[i].input, cases[i].from);
}

static void
wrong_senders_and_parameters_are_refused(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {" FROM:<a@b.example> SIZE=99999999999999999999",
		"501 5.5.4 Bad parameter value"},
	    {" FROM:<a@b.example> SIZE=", "501 5.5.4 Bad parameter value"},
	    {" FROM:<a@b.example> BODY=BINARYMIME",
		"501 5.5.4 Bad parameter value"},
	    {" FROM:<a@b.example> SMTPUTF8",
		"555 5.5.4 Parameter is not supported"},
	    {" FROM:<a@b.example>SIZE=1", "501 5.5.4 Bad address syntax"},
	    {" FROM:<j\303\266rg@b.example>",
		"553 5.6.7 Only ASCII addresses are supported here"},
	    {" FROM:a@b.example", "501 5.5.4 Address wants <>"},
	    {" a@b.example", "501 5.5.4 Say FROM:<> or TO:<>"},
	    {"", "501 5.5.4 Say FROM:<> or TO:<>"},
	    {" FROM:<a@b.example", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a b@b.example>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a..b@b.example>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<.a@b.example>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a.@b.example>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a@b.>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<@b.example>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a@>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a@b@c>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a@b>c@d>", "501 5.5.4 Bad address syntax"},
	    {" FROM:<\"a@b.example>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<\"a\"b@c>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<a@[x y]>", "501 5.1.3 Bad address syntax"},
	    {" FROM:<", "501 5.1.3 Bad address syntax"},
	    {" FROM:<@x:", "501 5.1.3 Bad address syntax"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check_bad(parse_from, cases[i].input, cases[i].want);
}

static void
a_sender_beyond_ASCII_is_one_where_SMTPUTF8_was_offered_and_said(void **state)
{
	check_good(parse_from_utf8,
	    " FROM:<j\303\266rg@b.example> SMTPUTF8 SIZE=1",
	    "j\303\266rg@b.example");
	check_good(parse_from_utf8,
	    " FROM:<\346\235\216@\346\235\216.example> smtputf8",
	    "\346\235\216@\346\235\216.example");
	check_good(
	    parse_from_utf8, " FROM:<a@b.example> SMTPUTF8", "a@b.example");
	check_good(parse_from_utf8, " FROM:<a@b.example>", "a@b.example");
	check_bad(parse_from_utf8, " FROM:<j\303\266rg@b.example>",
	    "553 5.6.7 An address beyond ASCII wants SMTPUTF8");
	check_bad(parse_from_utf8, " FROM:<a@b.example> SMTPUTF8=yes",
	    "501 5.5.4 Bad parameter value");
	/* no UTF-8: a part of a character, overlong, a surrogate */
	check_bad(parse_from_utf8, " FROM:<j\303rg@b.example> SMTPUTF8",
	    "501 5.1.3 Bad address syntax");
	check_bad(parse_from_utf8, " FROM:<\300\257@b.example> SMTPUTF8",
	    "501 5.1.3 Bad address syntax");
	check_bad(parse_from_utf8, " FROM:<\355\240\200@b.example> SMTPUTF8",
	    "501 5.1.3 Bad address syntax");
	check_bad(parse_to, " TO:<j\303\266rg@b.example>",
	    "553 5.6.7 Only ASCII addresses are supported here");
	check_bad(parse_to_unsaid, " TO:<j\303\266rg@b.example>",
	    "553 5.6.7 An address beyond ASCII wants SMTPUTF8");
	check_good(parse_to_utf8, " TO:<j\303\266rg@b.example>",
	    "j\303\266rg@b.example");
}

static void
the_size_is_given_on(void **state)
{
	struct smtp_path path = {.address = ""};
	struct smtp_refusal no;

	parse_copy(
	    parse_from, " FROM:<a@b> SIZE=9999999999999999999", &path, &no);
	assert_int_equal(no.code, 0);
	assert_true(path.size == 9999999999999999999U);
}

static void
recipients_need_a_domain_or_are_postmaster(void **state)
{
	check_good(parse_to, " TO:<bob@b.example>", "bob@b.example");
	check_good(parse_to, " TO:<Postmaster>", "Postmaster");
	check_good(
	    parse_to, " TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b", "a@b");
	check_bad(parse_to, " TO:<>", "501 5.1.3 Recipient wants a domain");
	check_bad(parse_to, " TO:<bob>", "501 5.1.3 Recipient wants a domain");
	check_bad(parse_to, " TO:<a@b> SIZE=1",
	    "555 5.5.4 Parameter is not supported");
	check_bad(parse_to, " FROM:<a@b>", "501 5.5.4 Say FROM:<> or TO:<>");
}

static void
what_the_sender_wants_to_be_told_is_given_on(void **state)
{
	struct smtp_path path = {.address = ""};
	struct smtp_refusal no;

	parse_copy(parse_to,
	    " TO:<a@b> NOTIFY=success,failure ORCPT=rfc822;a+2Bx@b", &path,
	    &no);
	assert_int_equal(no.code, 0);
	assert_int_equal(
	    path.notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE);
	assert_string_equal(path.orcpt, "rfc822;a+2Bx@b");
	parse_copy(
	    parse_from, " FROM:<a@b> RET=HDRS ENVID=QQ314159", &path, &no);
	assert_int_equal(no.code, 0);
	assert_string_equal(path.envid, "QQ314159");
	check_bad(parse_to, " TO:<a@b> NOTIFY=NEVER,SUCCESS",
	    "501 5.5.4 Bad parameter value");
	check_bad(
	    parse_to, " TO:<a@b> ORCPT=a@b", "501 5.5.4 Bad parameter value");
	check_bad(parse_from, " FROM:<a@b> ENVID=a+0D+0ARCPT",
	    "501 5.5.4 Bad parameter value");
	check_bad(
	    parse_from, " FROM:<a@b> RET=ALL", "501 5.5.4 Bad parameter value");
}

static void
an_address_may_have_254_bytes_and_no_more(void **state)
{
	char address[256] = "", input[300];

	for (size_t len = 254; len <= 255; len++) {
		memset(address, 'a', len);
		memcpy(address + 200, "@x.example.", 11);
		(void)snprintf(input, sizeof(input), " FROM:<%s>", address);
		if (len == 254)
			check_good(parse_from, input, address);
		else
			check_bad(
			    parse_from, input, "501 5.1.3 Address is too long");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(senders_and_parameters_are_read),
	    cmocka_unit_test(wrong_senders_and_parameters_are_refused),
	    cmocka_unit_test(
		a_sender_beyond_ASCII_is_one_where_SMTPUTF8_was_offered_and_said),
	    cmocka_unit_test(the_size_is_given_on),
	    cmocka_unit_test(recipients_need_a_domain_or_are_postmaster),
	    cmocka_unit_test(what_the_sender_wants_to_be_told_is_given_on),
	    cmocka_unit_test(an_address_may_have_254_bytes_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
