#include "authority/certstore_query.h"

#include <stdlib.h>

#include "base/expect.h"

#define HASH "2jmj7l5rSw0yVb/vlWAYkK/YBwk" /* SHA-1 of nothing */
static const uint8_t hash[] = "\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55"
			      "\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09";

/* From a block of exactly its size. */
static enum rc
parse(const char *text, struct certstore_query *query)
{
	struct err err = ERR_NONE;
	size_t len = strlen(text);
	uint8_t *block = malloc(len > 0 ? len : 1);

	assert_non_null(block);
	memcpy(block, text, len);
	enum rc rc = certstore_query_parse(span_of(block, len), query, &err);
	free(block);
	return rc;
}

static void
every_attribute_is_read(void **state)
{
	static const struct {
		const char *text;
		enum certstore_attribute want;
		const char *value; /* NULL: the hash */
	} cases[] = {{"certHash=" HASH, CERTSTORE_CERT_HASH, NULL},
	    {"iHash=" HASH, CERTSTORE_ISSUER_HASH, NULL},
	    {"iAndSHash=" HASH, CERTSTORE_ISSUER_SERIAL_HASH, NULL},
	    {"sHash=" HASH, CERTSTORE_SUBJECT_HASH, NULL},
	    {"sKIDHash=" HASH, CERTSTORE_KEY_ID_HASH, NULL},
	    {"certHash=2jmj7l5rSw0yVb%2FvlWAYkK%2fYBwk", CERTSTORE_CERT_HASH,
		NULL},
	    {"uri=a%40b.test", CERTSTORE_URI, "a@b.test"},
	    {"email=a@b.test", CERTSTORE_URI, "a@b.test"},
	    {"uri=a+c@b.test", CERTSTORE_URI, "a+c@b.test"},
	    {"uri=a%2Bc@b.test", CERTSTORE_URI, "a+c@b.test"},
	    {"name=Kim+van%20Dijk", CERTSTORE_NAME, "Kim van Dijk"},
	    {"name=a%3Db", CERTSTORE_NAME, "a=b"},
	    {"name=a=b", CERTSTORE_NAME, "a=b"},
	    {"x-more&uri=a@b.test&x-certHash=1&&=", CERTSTORE_URI, "a@b.test"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct certstore_query query CERTSTORE_QUERY_OWNED =
		    CERTSTORE_QUERY;
		assert_rc(parse(cases[i].text, &query), RC_OK);
		assert_int_equal(query.attribute, cases[i].want);
		if (cases[i].value != NULL)
			assert_span(buf_span(&query.text), cases[i].value);
		else
			assert_memory_equal(query.hash, hash, 20);
	}
}

static void
what_is_no_question_is_refused(void **state)
{
	static const char *const cases[] = {"", "x=y", "uri", "uri=", "uri=%00",
	    "uri=%4", "URI=a@b.test", "uri=a@b.test&name=x",
	    "uri=a@b.test&uri=a@b.test",
	    /* one less, one more, padded, other alphabets, white space */
	    "certHash=2jmj7l5rSw0yVb/vlWAYkK/YBw",
	    "certHash=2jmj7l5rSw0yVb/vlWAYkK/YBwkA",
	    "certHash=2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
	    "certHash=2jmj7l5rSw0yVb/vlWAYkK/YBw=",
	    "certHash=2jmj7l5rSw0yVb_vlWAYkK_YBwk",
	    "certHash=2jmj7l5rSw0y%20b/vlWAYkK/YBwk",
	    "certHash=2jmj7l5rSw0y%0Ab/vlWAYkK/YBwk", "certHash=';DELETE",
	    "sHash="};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct certstore_query query CERTSTORE_QUERY_OWNED =
		    CERTSTORE_QUERY;
		if (parse(cases[i], &query) != RC_SYNTAX)
			fail_msg("%s was taken", cases[i]);
	}
}

static void
a_text_has_a_limit(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		struct certstore_query query CERTSTORE_QUERY_OWNED =
		    CERTSTORE_QUERY;
		char text[5 + 1024 + 2] = "name=";
		memset(text + 5, 'a', 1024 + more);
		text[5 + 1024 + more] = '\0';
		assert_rc(parse(text, &query), more == 0 ? RC_OK : RC_LIMIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_attribute_is_read),
	    cmocka_unit_test(what_is_no_question_is_refused),
	    cmocka_unit_test(a_text_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
