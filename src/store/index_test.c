#include "store/index.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "store/index_priv.h"
#include "store/statekit.h"

#define BOX "views/box"
#define SIZE INDEX_SIZE

/* The numbers that were told, as "1 2 3". */
struct told {
	char text[400];
	size_t len;
	char keys[100];
	uint64_t size;
	int64_t day;
	bool wordless;
};

static enum rc
note(void *self, uint32_t number, const struct index_letter *letter,
    struct err *err)
{
	struct told *told = self;

	(void)err;
	if (told->len + 20 < sizeof(told->text))
		told->len += (size_t)snprintf(told->text + told->len,
		    sizeof(told->text) - told->len, "%s%u",
		    told->len > 0 ? " " : "", number);
	if (letter == NULL)
		return RC_OK;
	(void)snprintf(
	    told->keys, sizeof(told->keys), "%.*s", SPAN_ARGS(letter->keys));
	told->size = letter->size;
	told->day = letter->day;
	told->wordless = letter->wordless;
	return RC_OK;
}

static struct index *
open_index(const struct state *state)
{
	struct index *index = NULL;
	struct err why = ERR_NONE;

	assert_done(index_open(state, SIZE, &index, &why), why);
	return index;
}

static void
add_to(struct index *index, const char *box, uint32_t number,
    const char *subject, const char *body)
{
	struct buf header BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	assert_ok(buf_add_format(&header, NULL, "subject: %s\n", subject));
	const struct index_letter letter = {
	    .text = {span_str(subject), span_str("alice@alpha.test\n"),
		SPAN_NONE, SPAN_NONE, SPAN_NONE, buf_span(&header),
		span_str(body)},
	    .keys = span_str("keys"),
	    .size = 4711,
	    .day = -3};
	assert_done(index_add(index, box, number, &letter, &why), why);
}

static void
add(struct index *index, uint32_t number, const char *body)
{
	add_to(index, BOX, number, "hello", body);
}

#define assert_found(index, in, needle, want) \
	expect_found(index, BOX, in, needle, want, __LINE__)

static void
expect_found(struct index *index, const char *box, unsigned in,
    const char *needle, const char *want, int line)
{
	struct told told = {.text = ""};
	struct err why = ERR_NONE;
	bool exact = false;

	assert_done(index_find(index, box, in, span_str(needle), note, &told,
			&exact, &why),
	    why);
	assert_true(exact);
	if (strcmp(told.text, want) != 0)
		fail_msg("line %d: \"%s\" in %u: got \"%s\", want \"%s\"", line,
		    needle, in, told.text, want);
}

/* With what lies beside it. */
static void
the_file_is_its_owners_alone(void **state)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	struct index *index OWNED(index_free) = open_index(*state);

	add(index, 1, "some words");
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		char path[1010];
		struct stat made;
		(void)snprintf(
		    path, sizeof(path), "%s%s", index->path, endings[i]);
		assert_int_equal(stat(path, &made), 0);
		assert_int_equal(made.st_mode & 077, 0);
	}
}

static void
a_letter_is_found_by_any_part_of_its_texts(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);

	add(index, 1, "die mitteilung vom gestrigen tag\n");
	add(index, 2, "请在周五之前审阅这份合同\n");
	add(index, 7, "ab");
	add(index, 9, "العقد الجديد");
	static const struct {
		const char *needle, *want;
	} cases[] = {
	    {"mitteilung", "1"},
	    {"teil", "1"},
	    {"tag", "1"},
	    {"tag\n", "1"},
	    {"g\n", "1"},
	    {"eilung vom gest", "1"},
	    {"teilung gestrigen", ""},
	    {"审阅", "2"},
	    {"合", "2"},
	    {"审阅这份", "2"},
	    {"份审阅", ""},
	    {"ab", "7"},
	    {"abc", ""},
	    {"b", "7"},
	    {"عقد", "9"},
	    {"d", "1"},
	    {"zz", ""},
	    {"*", ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_found(index, INDEX_BODY, cases[i].needle, cases[i].want);
}

static void
signs_of_the_query_language_are_text(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);

	add(index, 1, "say \"hello\" and * or {x} : ^ (near)");
	assert_found(index, INDEX_BODY, "\"hello\" and *", "1");
	assert_found(index, INDEX_BODY, "\" a", "1");
	assert_found(index, INDEX_BODY, "\"", "1");
	assert_found(index, INDEX_BODY, "{x} : ^", "1");
	assert_found(index, INDEX_BODY, "\" or \"hello", "");
	assert_found(index, INDEX_BODY, "x OR y", "");
}

static void
words_are_found_where_they_were_asked_for(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);

	add_to(index, BOX, 1, "apples", "pears");
	add_to(index, BOX, 2, "pears", "apples");
	add_to(index, "views/other", 1, "apples", "apples");
	assert_found(index, INDEX_SUBJECT, "apples", "1");
	assert_found(index, INDEX_BODY, "apples", "2");
	assert_found(index, INDEX_BODY | INDEX_HEADER, "apples", "1 2");
	assert_found(index, INDEX_TO, "apples", "");
	assert_found(index, INDEX_FROM, "alpha.test", "1 2");
	assert_found(index, INDEX_HEADER, "subject: pears", "2");
	expect_found(index, "views/other", INDEX_BODY, "apples", "1", __LINE__);
	expect_found(index, "views/none", INDEX_BODY, "apples", "", __LINE__);
}

static void
a_field_is_asked_for_by_its_name(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);
	const struct index_letter letter = {
	    .text = {[5] = span_str("x-a: apples\nx-b: pears\nx-c: \n")}};
	static const struct {
		const char *name, *needle, *want;
	} cases[] = {{"x-a", "apples", "3"}, {"x-a", "pple", "3"},
	    {"x-a", "", "3"}, {"x-b", "apples", ""}, {"-b", "", ""},
	    {"x-c", "", "3"}, {"x-d", "", ""}, {"x-a", "x-a", ""}};

	assert_ok(index_add(index, BOX, 3, &letter, NULL));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct told told = {.text = ""};
		assert_ok(index_find_field(index, BOX, span_str(cases[i].name),
		    span_str(cases[i].needle), note, &told, NULL));
		assert_string_equal(told.text, cases[i].want);
	}
}

static void
what_is_too_long_to_ask_for_yields_who_has_its_beginning(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);
	struct told told = {.text = ""};
	char needle[INDEX_NEEDLE_MAX + 2] = "";
	bool exact = true;

	memset(needle, 'a', INDEX_NEEDLE_MAX);
	add(index, 1, needle);
	assert_found(index, INDEX_BODY, needle, "1");
	needle[INDEX_NEEDLE_MAX] = 'b';
	assert_ok(index_find(index, BOX, INDEX_BODY, span_str(needle), note,
	    &told, &exact, NULL));
	assert_string_equal(told.text, "1");
	assert_false(exact);
}

static void
what_else_is_known_of_a_letter_is_told(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);
	struct told told = {.text = ""};

	add(index, 5, "x");
	add(index, 4294967295U, "y");
	assert_ok(index_list(index, BOX, true, note, &told, NULL));
	assert_string_equal(told.text, "5 4294967295");
	assert_string_equal(told.keys, "keys");
	assert_int_equal(told.size, 4711);
	assert_int_equal(told.day, -3);
	assert_false(told.wordless);
	assert_true(index_has(index, BOX, 5));
	assert_false(index_has(index, BOX, 6));
	assert_false(index_has(index, "views/other", 5));
}

static void
a_letter_is_added_once(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);

	add(index, 1, "first");
	add(index, 1, "second");
	assert_found(index, INDEX_BODY, "first", "1");
	assert_found(index, INDEX_BODY, "second", "");
}

static void
a_letter_with_too_much_text_is_known_to_be_without_words(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);
	struct buf text BUF_OWNED = BUF(INDEX_TEXT_MAX + 1);
	uint8_t *room;

	assert_ok(buf_reserve(&text, INDEX_TEXT_MAX + 1, &room, NULL));
	memset(room, 'a', INDEX_TEXT_MAX + 1);
	buf_grown(&text, INDEX_TEXT_MAX + 1);
	for (uint32_t i = 0; i < 2; i++) {
		const struct index_letter letter = {
		    .text = {
			[6] = span_first(buf_span(&text), INDEX_TEXT_MAX + i)}};
		struct told told = {.text = ""};
		assert_ok(index_add(index, BOX, i + 1, &letter, NULL));
		assert_ok(index_list(index, BOX, false, note, &told, NULL));
		assert_int_equal(told.wordless, i == 1);
	}
	assert_found(index, INDEX_BODY, "aaaa", "1");
}

static bool
is_odd(const void *self, uint32_t number)
{
	(void)self;
	return number % 2 == 1;
}

static void
a_letter_that_was_removed_is_found_no_more(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);

	for (uint32_t i = 1; i <= 6; i++)
		add(index, i, "apples");
	assert_ok(index_remove(index, BOX, 1, NULL));
	assert_ok(index_remove(index, BOX, 1, NULL));
	assert_ok(index_remove(index, "views/other", 2, NULL));
	assert_found(index, INDEX_BODY, "apples", "2 3 4 5 6");
	assert_false(index_has(index, BOX, 1));
	assert_ok(index_sweep(index, BOX, 5, is_odd, NULL, NULL));
	assert_found(index, INDEX_BODY, "apples", "3 5 6");
	assert_found(index, INDEX_HEADER, "hello", "3 5 6");
	add(index, 2, "again");
	assert_found(index, INDEX_BODY, "again", "2");
}

/* Bytes that all terms and their places take. */
static int64_t
size_of_terms(struct index *index)
{
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_prepare_v2(index->writer.db,
			     "SELECT sum(length(block)) FROM words_data", -1,
			     &statement, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t size = sqlite3_column_int64(statement, 0);
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return size;
}

static void
tidying_ends_and_changes_no_answer(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);
	bool more = true;
	int steps = 0;

	for (uint32_t i = 1; i <= 300; i++)
		add(index, i, i <= 3 ? "apples and pears" : "cherries");
	for (uint32_t i = 3; i <= 300; i++)
		assert_ok(index_remove(index, BOX, i, NULL));
	int64_t before = size_of_terms(index);
	for (; more; steps++) {
		assert_ok(index_tidy(index, &more, NULL));
		assert_true(steps < 1000);
	}
	assert_true(steps > 1);
	assert_in_range(size_of_terms(index), 1, before / 4);
	assert_found(index, INDEX_BODY, "apples", "1 2");
	assert_found(index, INDEX_BODY, "cherries", "");
	assert_ok(index_tidy(index, &more, NULL));
	assert_false(more);
}

static void
what_is_held_is_written_together_or_not_at_all(void **state)
{
	struct index *index OWNED(index_free) = open_index(*state);
	const struct index_letter none = {.text = {SPAN_NONE}};

	assert_ok(index_hold(index, NULL));
	add(index, 1, "one");
	add(index, 2, "two");
	assert_ok(index_release(index, NULL));
	assert_found(index, INDEX_BODY, "t", "2");
	assert_ok(index_hold(index, NULL));
	add(index, 3, "three");
	assert_rc(index_add(index, BOX, 0, &none, NULL), RC_LIMIT);
	assert_ok(index_release(index, NULL));
	assert_found(index, INDEX_BODY, "three", "3");
}

static void
it_is_there_after_it_was_closed_and_after_a_kill(void **state)
{
	struct index *index = open_index(*state);

	add(index, 1, "apples");
	index_free(index);
	pid_t child = fork();
	if (child == 0) {
		struct index *mine = open_index(*state);
		add(mine, 2, "apples");
		assert_ok(index_hold(mine, NULL));
		add(mine, 3, "apples");
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	index = open_index(*state);
	assert_found(index, INDEX_BODY, "apples", "1 2");
	index_free(index);
}

static void
path_of(const struct state *state, const char *ending, char ret[200])
{
	(void)snprintf(ret, 200, "%s/index%s", state_folder(state), ending);
}

static size_t
read_index(const struct state *state, const char *ending, struct buf *ret)
{
	char path[200];

	path_of(state, ending, path);
	return file_read(path, ret, NULL) == RC_OK ? ret->len : 0;
}

static void
nothing_of_a_letter_can_be_read_in_the_files(void **state)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
	struct index *index = open_index(*state);
	size_t sum = 0;

	for (uint32_t i = 1; i < 200; i++)
		add_to(index, BOX, i, "canarysubject", "canarybody here");
	for (int closed = 0; closed < 2; closed++) {
		for (size_t i = 0; i < COUNT(endings); i++) {
			struct buf bytes BUF_OWNED = BUF((size_t)64 << 20);
			sum += read_index(*state, endings[i], &bytes);
			struct span all = buf_span(&bytes);
			assert_true(span_find(all, span_str("canary")) < 0);
			assert_true(span_find(all, span_str("can")) < 0 ||
				    bytes.len > 100000);
			assert_true(span_find(all, span_str("subject")) < 0);
			assert_true(span_find(all, span_str("alpha.te")) < 0);
			assert_true(span_find(all, span_str("SQLite")) < 0);
			assert_true(span_find(all, span_str("CREATE")) < 0);
		}
		if (closed == 0)
			index_free(index);
	}
	assert_true(sum > 4096);
}

/* `at` < 0: from the end. */
static void
change(const struct state *state, off_t at, const char *bytes)
{
	char path[200];

	path_of(state, "", path);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(lseek(fd, at, at < 0 ? SEEK_END : SEEK_SET) >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(close(fd), 0);
}

static void
a_file_that_is_damaged_is_begun_again(void **state)
{
	static const off_t places[] = {0, 100, 4096 + 50, 5 * 4096 + 9, -200};

	for (size_t i = 0; i < COUNT(places); i++) {
		struct told told = {.text = ""};
		struct index *index = open_index(*state);
		struct err ignored;
		bool exact;

		for (uint32_t j = 1; j < 100; j++)
			add(index, j, "apples and other fruit");
		index_free(index);
		change(*state, places[i], "damaged");
		index = open_index(*state);
		/* never a wrong answer: all of them, or none */
		enum rc rc = index_find(index, BOX, INDEX_BODY,
		    span_str("fruit"), note, &told, &exact, &ignored);
		if (rc == RC_OK && told.len > 0)
			rc =
			    index_list(index, BOX, true, note, &told, &ignored);
		for (uint32_t j = 1; j < 100; j++)
			(void)!index_remove(index, BOX, j, &ignored);
		add(index, 1000, "pears");
		assert_found(index, INDEX_BODY, "pears", "1000");
		assert_found(index, INDEX_BODY, "fruit", "");
		assert_ok(index_remove(index, BOX, 1000, NULL));
		index_free(index);
	}
}

static void
a_file_of_another_key_is_begun_again(void **state)
{
	struct statekit other;
	char from[200], to[200], command[500];

	statekit_init(&other);
	struct index *index = open_index(other.state);
	add(index, 1, "apples");
	index_free(index);
	path_of(other.state, "", from);
	path_of(*state, "", to);
	(void)snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
	index = open_index(*state);
	assert_found(index, INDEX_BODY, "apples", "");
	add(index, 2, "pears");
	assert_found(index, INDEX_BODY, "pears", "2");
	index_free(index);
	assert_int_equal(statekit_done(&other), 0);
}

static void
it_grows_no_larger_than_it_may(void **state)
{
	struct index *index OWNED(index_free) = NULL;
	struct err why = ERR_NONE;
	struct buf bytes BUF_OWNED = BUF((size_t)64 << 20);
	enum rc rc = RC_OK;
	uint32_t number = 0;

	assert_done(index_open(*state, 1 << 20, &index, &why), why);
	while (rc == RC_OK && number < 5000) {
		char text[2000];
		uint32_t x = ++number;
		for (size_t i = 0; i < sizeof(text); i++) {
			x = x * 1103515245U + 12345U;
			text[i] = (char)('a' + (x >> 16) % 26);
		}
		const struct index_letter letter = {
		    .text = {[6] = span_of(text, sizeof(text))}};
		rc = index_add(index, BOX, number, &letter, &why);
	}
	assert_rc(rc, RC_LIMIT);
	assert_false(index_has(index, BOX, number));
	assert_true(index_has(index, BOX, number - 1));
	(void)read_index(*state, "", &bytes);
	assert_in_range(bytes.len, 1, 1 << 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STATEKIT_TEST(the_file_is_its_owners_alone),
	    STATEKIT_TEST(a_letter_is_found_by_any_part_of_its_texts),
	    STATEKIT_TEST(signs_of_the_query_language_are_text),
	    STATEKIT_TEST(words_are_found_where_they_were_asked_for),
	    STATEKIT_TEST(a_field_is_asked_for_by_its_name),
	    STATEKIT_TEST(
		what_is_too_long_to_ask_for_yields_who_has_its_beginning),
	    STATEKIT_TEST(what_else_is_known_of_a_letter_is_told),
	    STATEKIT_TEST(a_letter_is_added_once),
	    STATEKIT_TEST(
		a_letter_with_too_much_text_is_known_to_be_without_words),
	    STATEKIT_TEST(a_letter_that_was_removed_is_found_no_more),
	    STATEKIT_TEST(tidying_ends_and_changes_no_answer),
	    STATEKIT_TEST(what_is_held_is_written_together_or_not_at_all),
	    STATEKIT_TEST(it_is_there_after_it_was_closed_and_after_a_kill),
	    STATEKIT_TEST(nothing_of_a_letter_can_be_read_in_the_files),
	    STATEKIT_TEST(a_file_that_is_damaged_is_begun_again),
	    STATEKIT_TEST(a_file_of_another_key_is_begun_again),
	    STATEKIT_TEST(it_grows_no_larger_than_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
