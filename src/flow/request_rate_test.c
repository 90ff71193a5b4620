/* How much of ordinary text seems to ask for something, and how much of what
 * thieves write does.  The ordinary text is that of Debian's fortunes and
 * fortunes-zh, so nobody here chose it. */
#include <glob.h>
#include <stdio.h>

#include "base/expect.h"
#include "flow/request.h"
#include "flow/request_samples_priv.h"

#define TEXTS "/usr/share/games/fortunes/"
#define ONE_IN 500 /* at most so many ordinary texts may be taken wrongly */

struct rate {
	size_t asked, found;
};

static void
close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}
#define CLOSED __attribute__((cleanup(close_file)))

static void
ask(struct span text, struct rate *rate)
{
	if (span_trim(text).len == 0)
		return;
	rate->asked++;
	rate->found += request_of_text(text, NULL) != REQUEST_NONE;
}

/* Texts are divided by lines of "%". */
static void
ask_file(const char *path, struct rate *rate)
{
	static char line[1 << 16];
	struct buf text BUF_OWNED = BUF((size_t)1 << 22);
	FILE *file CLOSED = fopen(path, "r");

	if (file == NULL)
		fail_msg(
		    "%s is missing: run tools/install-packages test", path);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strcmp(line, "%\n") != 0) {
			assert_ok(buf_add_str(&text, line, NULL));
			continue;
		}
		ask(buf_span(&text), rate);
		buf_clear(&text);
	}
	ask(buf_span(&text), rate);
}

/* The rate is told to whoever runs the tests, and kept for ./check. */
static void
tell(const char *what, const struct rate *rate)
{
	static bool begun;
	FILE *file CLOSED = fopen("request-rate.txt", begun ? "a" : "w");

	begun = true;
	assert_non_null(file);
	(void)fprintf(file, "%s: %zu of %zu\n", what, rate->found, rate->asked);
	print_message("%s: %zu of %zu\n", what, rate->found, rate->asked);
}

static void
at_most_1_in_500_ordinary_texts_seems_to_ask(void **state)
{
	struct rate rate = {0};
	glob_t files;

	assert_int_equal(glob(TEXTS "[a-z]*[!.8]", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		if (strchr(files.gl_pathv[i], '.') == NULL &&
		    strcmp(files.gl_pathv[i], TEXTS "chinese") != 0)
			ask_file(files.gl_pathv[i], &rate);
	globfree(&files);
	tell("ordinary English texts that seem to ask for something", &rate);
	assert_true(rate.asked > 15000);
	assert_true(rate.found * ONE_IN <= rate.asked);
}

static void
at_most_1_in_500_ordinary_chinese_texts_seems_to_ask(void **state)
{
	struct rate rate = {0};

	ask_file(TEXTS "chinese", &rate);
	tell("ordinary Chinese texts that seem to ask for something", &rate);
	assert_true(rate.asked > 5000);
	assert_true(rate.found * ONE_IN <= rate.asked);
}

static void
nine_in_ten_letters_of_thieves_are_found(void **state)
{
	struct rate rate = {0};

	for (size_t i = 0; i < COUNT(frauds); i++)
		ask(span_str(frauds[i]), &rate);
	tell("letters of thieves that are found", &rate);
	assert_true(rate.asked >= 50);
	assert_true(rate.found * 10 >= rate.asked * 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(at_most_1_in_500_ordinary_texts_seems_to_ask),
	    cmocka_unit_test(
		at_most_1_in_500_ordinary_chinese_texts_seems_to_ask),
	    cmocka_unit_test(nine_in_ten_letters_of_thieves_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
