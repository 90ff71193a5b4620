#include "authority/http.h"

#include "base/expect.h"

static void
a_parameter_of_the_query_is_decoded(void **state)
{
	static const struct {
		const char *query;
		enum rc want;
		const char *value;
	} cases[] = {
	    {"address=alice%40alpha.test", RC_OK, "alice@alpha.test"},
	    {"a=1&address=x%2By&b=2", RC_OK, "x+y"},
	    {"address=", RC_OK, ""},
	    {"address=x+y", RC_OK, "x+y"},
	    {"address=%4", RC_SYNTAX, NULL},
	    {"address=%", RC_SYNTAX, NULL},
	    {"address=%zz", RC_SYNTAX, NULL},
	    {"address=a%00b", RC_SYNTAX, NULL},
	    {"address=%41", RC_OK, "A"},
	    {"", RC_ABSENT, NULL},
	    {"address", RC_ABSENT, NULL},
	    {"addresses=x", RC_ABSENT, NULL},
	    {"address=a&address=b", RC_ABSENT, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_request request = {.query = cases[i].query};
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_rc(
		    http_query(&request, "address", &out, &err), cases[i].want);
		assert_span(buf_span(&out),
		    cases[i].value != NULL ? cases[i].value : "");
	}
}

static void
a_media_type_is_compared_without_its_parameters(void **state)
{
	struct http_request request = {
	    .content_type = "Application/JOSE+json; charset=utf-8"};

	assert_true(http_has_type(&request, "application/jose+json"));
	request.content_type = "application/jose+jsonx";
	assert_false(http_has_type(&request, "application/jose+json"));
	request.content_type = "";
	assert_false(http_has_type(&request, "application/jose+json"));
}

static void
a_header_cannot_begin_another_one(void **state)
{
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
	struct err err = ERR_NONE;

	assert_rc(http_answer_add_header(
		      &answer, "Location", &err, "x\r\nSet-Cookie: y"),
	    RC_SYNTAX);
	assert_int_equal(answer.headers, 0);
	assert_ok(http_answer_add_header(&answer, "Location", &err, "x"));
	assert_string_equal(answer.header[0].value, "x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_parameter_of_the_query_is_decoded),
	    cmocka_unit_test(a_media_type_is_compared_without_its_parameters),
	    cmocka_unit_test(a_header_cannot_begin_another_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
