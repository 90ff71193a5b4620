#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/expect.h"
#include "os/log.h"

/* What `level` and `text` write to standard error. */
static void
capture(enum log_level level, const char *text, char *ret, size_t room)
{
	int pipes[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe(pipes), 0);
	assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
	(void)close(pipes[1]);
	log_write(level, "%s", text);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	ssize_t got = read(pipes[0], ret, room - 1);
	assert_true(got >= 0);
	ret[got] = '\0';
	(void)close(pipes[0]);
}

static void
a_line_has_its_level(void **state)
{
	char line[1000];

	assert_int_equal(setenv("JOURNAL_STREAM", "8:1234", 1), 0);
	capture(LOG_LEVEL_ERROR, "disk full", line, sizeof(line));
	assert_string_equal(line, "error: disk full\n");
	capture(LOG_LEVEL_WARNING, "slow", line, sizeof(line));
	assert_string_equal(line, "warning: slow\n");
	capture(LOG_LEVEL_INFO, "ready", line, sizeof(line));
	assert_string_equal(line, "info: ready\n");
}

static void
a_line_begins_with_the_time_where_no_journal_adds_it(void **state)
{
	char line[1000];
	int year, month, day, hour, minute, second, end = 0;

	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	capture(LOG_LEVEL_INFO, "ready", line, sizeof(line));
	assert_int_equal(
	    sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2dZ info: ready%n", &year,
		&month, &day, &hour, &minute, &second, &end),
	    6);
	assert_string_equal(line + end, "\n");
	assert_int_equal(end, 20 + 1 + 11);
}

static void
one_call_writes_one_line_whatever_the_text(void **state)
{
	char line[1000], text[2000];

	assert_int_equal(setenv("JOURNAL_STREAM", "8:1234", 1), 0);
	capture(
	    LOG_LEVEL_INFO, "a\nerror: forged\r\x1b[2J", line, sizeof(line));
	assert_string_equal(line, "info: a?error: forged??[2J\n");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	capture(LOG_LEVEL_INFO, text, line, sizeof(line));
	assert_int_equal(strlen(line), 6 + ERR_TEXT_MAX - 1 + 1);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void
a_closed_standard_error_does_no_harm(void **state)
{
	int saved = dup(STDERR_FILENO);

	(void)close(STDERR_FILENO);
	log_error("nobody hears");
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
}

static void
nobody_is_named_but_who_the_log_is_of(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"serving me@own.test", "serving me@own.test"},
	    {"<ME@own.test>: fine", "<ME@own.test>: fine"},
	    {"550 <bob@beta.test>: unknown", "550 (address) unknown"},
	    {"bob@beta.test, c@d.e", "(address), (address)"},
	    {"RCPT TO:<bob@beta.test>", "RCPT (address)"},
	    {"not me@own.test.evil.test", "not (address)"},
	    {"xme@own.test", "(address)"},
	    {"letter <1@own.test>: 2 copies", "letter <1@own.test>: 2 copies"},
	    {"letter bob@beta.test", "letter (address)"},
	    {"letters <bob@beta.test>", "letters (address)"},
	    {"(bob@beta.test)", "((address))"},
	    {"nobody  here ", "nobody  here "},
	    {"", ""},
	};
	char line[1000], want[1000], text[2000] = "";

	assert_int_equal(setenv("JOURNAL_STREAM", "8:1234", 1), 0);
	log_hide_addresses("me@own.test");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		capture(LOG_LEVEL_INFO, cases[i].text, line, sizeof(line));
		(void)snprintf(want, sizeof(want), "info: %s\n", cases[i].want);
		assert_string_equal(line, want);
	}
	for (size_t i = 0; i < ERR_TEXT_MAX; i += 4)
		memcpy(text + i, "a@b ", 5);
	capture(LOG_LEVEL_INFO, text, line, sizeof(line));
	assert_int_equal(strlen(line), 6 + ERR_TEXT_MAX - 1 + 1);
	assert_null(strchr(line, '@'));
	log_hide_addresses(NULL);
	capture(LOG_LEVEL_INFO, "a@b.c", line, sizeof(line));
	assert_string_equal(line, "info: a@b.c\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_has_its_level),
	    cmocka_unit_test(
		a_line_begins_with_the_time_where_no_journal_adds_it),
	    cmocka_unit_test(one_call_writes_one_line_whatever_the_text),
	    cmocka_unit_test(nobody_is_named_but_who_the_log_is_of),
	    cmocka_unit_test(a_closed_standard_error_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
