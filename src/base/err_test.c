#include <errno.h>
#include <string.h>

#include "base/expect.h"
#include "base/err.h"

static void
setting_an_error_gives_back_its_rc(void **state)
{
	struct err err = ERR_NONE;

	assert_string_equal(err.text, "");
	assert_rc(err_set(&err, RC_LIMIT, "more than %d", 7), RC_LIMIT);
	assert_string_equal(err.text, "more than 7");
	assert_rc(err_nomem(&err, "list"), RC_NOMEM);
	assert_string_equal(err.text, "list: out of memory");
}

static void
nobody_has_to_want_the_text(void **state)
{
	errno = EACCES;
	assert_rc(err_set(NULL, RC_SYNTAX, "x"), RC_SYNTAX);
	assert_rc(err_errno(NULL, "x"), RC_IO);
	assert_rc(err_prefix(NULL, RC_ABSENT, "x"), RC_ABSENT);
}

static void
a_peers_bytes_cannot_steer_a_terminal(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"plain", "plain"},
	    {"two\r\nlines", "two??lines"},
	    {"\033[2J\a\t\x7f", "?[2J???"},
	    {"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x92",
		"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x92"},
	    {"no-break\xc2\xa0space", "no-break\xc2\xa0space"},
	    {"8-bit CSI \xc2\x9b", "8-bit CSI ?"},
	    {"raw \x9b[2J", "raw ?[2J"},
	    {"not UTF-8 \xff\xc3", "not UTF-8 ??"},
	    {"cut \xe2\x82", "cut ??"},
	    {"too long \xc0\xaf", "too long ??"},
	    {"line end \xe2\x80\xa8.", "line end ?."},
	    {"turned \xe2\x80\xaegnp.exe", "turned ?gnp.exe"},
	    {"isolated \xe2\x81\xa7 text", "isolated ? text"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = ERR_NONE;
		assert_rc(
		    err_set(&err, RC_SYNTAX, "%s", cases[i].input), RC_SYNTAX);
		assert_string_equal(err.text, cases[i].want);
	}
}

static void
too_long_a_text_is_cut_and_ends(void **state)
{
	char text[2 * ERR_TEXT_MAX];
	struct err err = ERR_NONE;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_rc(err_set(&err, RC_SYNTAX, "%s", text), RC_SYNTAX);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_rc(err_prefix(&err, RC_SYNTAX, "%s", text), RC_SYNTAX);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	text[ERR_TEXT_MAX - 2] = '\xc3'; /* a character cut in two */
	text[ERR_TEXT_MAX - 1] = '\xbc';
	assert_rc(err_set(&err, RC_SYNTAX, "%s", text), RC_SYNTAX);
	assert_int_equal(err.text[ERR_TEXT_MAX - 2], '?');
}

static void
errno_is_told_in_words_and_running_out_of_memory_is_its_own_result(void **state)
{
	struct err err = ERR_NONE;

	errno = ENOSPC;
	assert_rc(err_errno(&err, "save %s", "/x/y"), RC_IO);
	assert_string_equal(err.text, "save /x/y: No space left on device");
	errno = ENOMEM;
	assert_rc(err_errno(&err, "save"), RC_NOMEM);
}

static void
a_prefix_goes_before_the_text(void **state)
{
	struct err err = ERR_NONE;

	assert_rc(err_set(&err, RC_SYNTAX, "no day"), RC_SYNTAX);
	assert_rc(err_prefix(&err, RC_UNFIT, "line %d", 3), RC_UNFIT);
	assert_string_equal(err.text, "line 3: no day");
}

static void
an_error_may_be_made_of_itself(void **state)
{
	struct err err = ERR_NONE;

	assert_rc(err_set(&err, RC_SYNTAX, "inner"), RC_SYNTAX);
	assert_rc(err_set(&err, RC_SYNTAX, "outer (%s)", err.text), RC_SYNTAX);
	assert_string_equal(err.text, "outer (inner)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(setting_an_error_gives_back_its_rc),
	    cmocka_unit_test(nobody_has_to_want_the_text),
	    cmocka_unit_test(a_peers_bytes_cannot_steer_a_terminal),
	    cmocka_unit_test(too_long_a_text_is_cut_and_ends),
	    cmocka_unit_test(
		errno_is_told_in_words_and_running_out_of_memory_is_its_own_result),
	    cmocka_unit_test(a_prefix_goes_before_the_text),
	    cmocka_unit_test(an_error_may_be_made_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
