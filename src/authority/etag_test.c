#include "authority/etag.h"

#include "base/expect.h"

/* SHA-256 of "abc" (FIPS 180-4) */
#define TAG \
	"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
#define OTHER \
	"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ae\""

static const char *
header(const struct http_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->headers; i++)
		if (strcmp(answer->header[i].name, name) == 0)
			return answer->header[i].value;
	return NULL;
}

static const struct {
	const char *method;
	const char *if_none_match;
	unsigned status;
} cases[] = {
    {"GET", NULL, 200},
    {"GET", "", 200},
    {"GET", TAG, 304},
    {"HEAD", TAG, 304},
    {"GET", "W/" TAG, 304},
    {"GET", "*", 304},
    {"GET", OTHER ", " TAG, 304},
    {"GET", OTHER "," TAG " ,", 304},
    {"GET", OTHER, 200},
    {"GET", ",,", 200},
    {"GET", "ba7816bf", 200},
    {"GET", "\"\"", 200},
};

static void
whoever_has_it_gets_no_body(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
		struct http_request request = {.method = cases[i].method,
		    .if_none_match = cases[i].if_none_match};
		struct err err = ERR_NONE;
		assert_done(etag_answer(&request, &answer, "text/plain",
				span_str("abc"), &err),
		    err);
		if (answer.status != cases[i].status)
			fail_msg("%s %s: %u", cases[i].method,
			    cases[i].if_none_match, answer.status);
		assert_span(buf_span(&answer.body),
		    cases[i].status == 200 ? "abc" : "");
		assert_string_equal(header(&answer, "ETag"), TAG);
	}
}

static void
what_was_posted_has_no_tag(void **state)
{
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
	struct http_request request = {.method = "POST", .if_none_match = TAG};
	struct err err = ERR_NONE;

	assert_done(
	    etag_answer(&request, &answer, "text/plain", span_str("abc"), &err),
	    err);
	assert_int_equal(answer.status, 200);
	assert_null(header(&answer, "ETag"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whoever_has_it_gets_no_body),
	    cmocka_unit_test(what_was_posted_has_no_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
