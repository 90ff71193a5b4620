#include "flow/verdict.h"

#include "base/expect.h"

#define ISOLATE "\xe2\x81\xa8"
#define POP "\xe2\x81\xa9"

static const struct words_names longest = {
    .from = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@long.test",
    .signer =
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@long.test",
    .imitated = "cccccccccccccccccccccccccccccccccccccccccccccccccc@long.test",
    .organisation = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
    .part = "part 4294967295",
};

static size_t
characters(const char *text)
{
	size_t len = 0;

	for (; *text != '\0'; text++)
		len += ((uint8_t)*text & 0xc0) != 0x80;
	return len;
}

static bool
ends_well(const char *text, enum language language)
{
	const char *end = language == LANGUAGE_CHINESE ? "\u3002" : ".";
	size_t len = strlen(text);

	return len > strlen(end) && !strcmp(text + len - strlen(end), end);
}

/* --- the table ---------------------------------------------------------------- */

static bool
is_label(const struct words *w)
{
	return !strncmp(w->code, "word.", 5) ||
	       !strncmp(w->code, "level.", 6) ||
	       !strncmp(w->code, "label.", 6) || !strncmp(w->code, "value.", 6);
}

static void
every_reason_has_a_sentence_and_an_action_in_both_languages(void **state)
{
	size_t reasons = 0;

	(void)state;
	for (const struct words *w = words_table; w->code != NULL; w++) {
		for (enum language l = 0; l < LANGUAGES; l++) {
			assert_non_null(w->says[l]);
			if (is_label(w))
				continue;
			if (w->advice[l] == NULL)
				fail_msg(
				    "%s %s: nothing to do", w->code, w->level);
			if (!ends_well(w->says[l], l) ||
			    !ends_well(w->advice[l], l))
				fail_msg("%s %s: \"%s\" \"%s\"", w->code,
				    w->level, w->says[l], w->advice[l]);
			reasons++;
		}
	}
	assert_in_range(reasons, 150, 1000);
}

static void
no_sentence_is_longer_than_120_characters_whatever_the_names(void **state)
{
	char said[WORDS_MAX];

	(void)state;
	for (const struct words *w = words_table; w->code != NULL; w++)
		for (enum language l = 0; l < LANGUAGES; l++) {
			words_fill(w->says[l], &longest, l, said);
			if (characters(said) > WORDS_CHARACTERS)
				fail_msg("%s: %zu: %s", w->code,
				    characters(said), said);
			if (w->advice[l] != NULL)
				assert_in_range(characters(w->advice[l]), 5,
				    WORDS_CHARACTERS);
		}
}

static void
chinese_is_chinese(void **state)
{
	(void)state;
	for (const struct words *w = words_table; w->code != NULL; w++) {
		assert_string_not_equal(
		    w->says[LANGUAGE_ENGLISH], w->says[LANGUAGE_CHINESE]);
		assert_int_equal(characters(w->says[LANGUAGE_ENGLISH]),
		    strlen(w->says[LANGUAGE_ENGLISH]));
		assert_in_range(strlen(w->says[LANGUAGE_CHINESE]) -
				    characters(w->says[LANGUAGE_CHINESE]),
		    2, WORDS_MAX);
	}
}

/* --- finding --------------------------------------------------------------------- */

static void
a_verdict_may_have_words_of_its_own(void **state)
{
	const struct words *danger = words_find("addr.mismatch", "danger");
	const struct words *caution = words_find("addr.mismatch", "caution");

	(void)state;
	assert_string_equal(danger->level, "danger");
	assert_string_equal(caution->level, "");
	assert_ptr_equal(words_find("addr.mismatch", ""), caution);
	assert_null(words_find("addr.mismatch-not", ""));
	assert_null(words_find("", ""));
}

static void
languages_are_known_by_their_names(void **state)
{
	enum language language = LANGUAGES;

	(void)state;
	assert_true(words_language("en", &language));
	assert_int_equal(language, LANGUAGE_ENGLISH);
	assert_true(words_language("zh", &language));
	assert_int_equal(language, LANGUAGE_CHINESE);
	assert_false(words_language("", &language));
	assert_false(words_language("zh_CN", &language));
	assert_false(words_language("de", &language));
}

static void
a_locale_gives_its_language_and_english_where_there_is_none(void **state)
{
	static const char *const chinese[] = {"zh", "zh_CN", "zh_CN.UTF-8",
	    "zh_CN.GB18030@pinyin", "zh-Hans", "ZH_cn", "zh.UTF-8"};
	static const char *const others[] = {
	    "", "C", "POSIX", "C.UTF-8", "en_GB.UTF-8", "de_DE", "zhx", "z"};

	(void)state;
	for (size_t i = 0; i < COUNT(chinese); i++)
		assert_int_equal(
		    words_language_of_locale(chinese[i]), LANGUAGE_CHINESE);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(
		    words_language_of_locale(others[i]), LANGUAGE_ENGLISH);
}

/* --- names in sentences ------------------------------------------------------------ */

struct name_row {
	const char *name, *shown;
};

static const struct name_row addresses[] = {
    {"alice@alpha.test", "alice@alpha.test"},
    {"", "somebody"},
    {"09AZaz!~@x.test", "09AZaz!~@x.test"},
    {"a b,c;d:e<f>g(h)\\i@x.test", "a?b?c?d:e?f?g?h??i@x.test"},
    {"a.b+c@[192.0.2.1]", "a.b+c@[192.0.2.1]"},
    /* a local part cannot speak */
    {"\"Signed by bob; as of\"@evil.test", "?Signed?by?bob??as?of?@evil.test"},
    {"a\r\nb\tc\x1b[2J\x7f@evil.test", "a??b?c?[2J?@evil.test"},
    /* what is no UTF-8: cut off, too long a form, a surrogate, too large */
    {"a\xe2\x82@x.test", "a??@x.test"},
    {"a\xc0\xaf@x.test", "a??@x.test"},
    {"a\xe0\x80\xaf@x.test", "a???@x.test"},
    {"a\xed\xa0\x80@x.test", "a???@x.test"},
    {"a\xf4\x90\x80\x80@x.test", "a????@x.test"},
    {"a\xff@x.test", "a?@x.test"},
    {"a\xf0\x9f\x92", "a???"},
    /* each length from its first character to its last */
    {"\x7f\xc2\x80\u00bf\u00c0@x.test", "???\u00c0@x.test"},
    {"\u07ff\u0800\u1fff\u2000\u206f\u2070@x.test",
	ISOLATE "\u07ff\u0800\u1fff??\u2070@x.test" POP},
    {"\ud7ff\ue000\U00010000\U000dffff\U000e0000@x.test",
	"\ud7ff?\U00010000\U000dffff?@x.test"},
    {"\xf4\x8f\xbf\xbf\xf0\x8f\xbf\xbf@x.test", "?????@x.test"},
    /* letters of others are shown, alone */
    {"\u7528\u6237@\u4f8b\u5b50.test", "\u7528\u6237@\u4f8b\u5b50.test"},
    {"\u05d0\u05d1@x.test", ISOLATE "\u05d0\u05d1@x.test" POP},
    {"a\u058f@x.test", "a\u058f@x.test"},
    {"a\u0590@x.test", ISOLATE "a\u0590@x.test" POP},
    {"a\u0627\u08ff@x.test", ISOLATE "a\u0627\u08ff@x.test" POP},
    {"a\u0900@x.test", "a\u0900@x.test"},
    {"a\ufb1c@x.test", "a\ufb1c@x.test"},
    {"a\ufe70@x.test", ISOLATE "a\ufe70@x.test" POP},
    {"a\ufb1d@x.test", ISOLATE "a\ufb1d@x.test" POP},
    {"a\ufdf2@x.test", ISOLATE "a\ufdf2@x.test" POP},
    {"\ufdff@x.test", ISOLATE "\ufdff@x.test" POP},
    {"\ufefc@x.test", ISOLATE "\ufefc@x.test" POP},
    {"\u08ff@x.test", ISOLATE "\u08ff@x.test" POP},
    {"\U00010fff@x.test", ISOLATE "\U00010fff@x.test" POP},
    {"\U0001e800@x.test", ISOLATE "\U0001e800@x.test" POP},
    {"\U0001efff@x.test", ISOLATE "\U0001efff@x.test" POP},
    {"a\U00010800@x.test", ISOLATE "a\U00010800@x.test" POP},
    {"a\U0001e900@x.test", ISOLATE "a\U0001e900@x.test" POP},
    /* what shows nothing, turns the text, ends a sentence */
    {"a\u200bb\u202ec\u2066d@x.test", "a?b?c?d@x.test"},
    {"a\ufeffb\u00adc\u3002d\uff1be@x.test", "a?b?c?d?e@x.test"},
    {"a\U000e0041b@x.test", "a?b@x.test"},
};

static void
an_address_is_shown_and_cannot_speak(void **state)
{
	char said[WORDS_MAX];
	char want[WORDS_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		const struct words_names names = {.from = addresses[i].name};
		words_fill("<{from}>", &names, LANGUAGE_ENGLISH, said);
		(void)snprintf(want, sizeof(want), "<%s>", addresses[i].shown);
		assert_string_equal(said, want);
	}
}

static void
a_name_may_have_blanks_and_no_sentence(void **state)
{
	const struct words_names names = {
	    .organisation = "A & B (Ltd), x; y: \"z\"", .imitated = "HSBC UK"};
	char said[WORDS_MAX];

	(void)state;
	words_fill("{imitated}|{organisation}", &names, LANGUAGE_ENGLISH, said);
	assert_string_equal(said, "HSBC UK|A & B (Ltd), x? y? ?z?");
}

static void
a_part_is_named_in_the_language(void **state)
{
	const struct words_names names = {.part = "part 12"};
	char said[WORDS_MAX];

	(void)state;
	words_fill("{part}.", &names, LANGUAGE_ENGLISH, said);
	assert_string_equal(said, "part 12.");
	words_fill("{part}.", &names, LANGUAGE_CHINESE, said);
	assert_string_equal(said, "\u7b2c 12 \u90e8\u5206.");
}

/* The same sentence with a name of so many characters, of so many bytes. */
static void
check_cut(size_t len, const char *character, size_t want)
{
	char name[1000] = "";
	char said[WORDS_MAX];
	const struct words_names names = {.signer = name};

	for (size_t i = 0; i < len; i++)
		memcpy(name + i * strlen(character), character,
		    strlen(character) + 1);
	words_fill("{signer}", &names, LANGUAGE_ENGLISH, said);
	assert_int_equal(characters(said), want);
	bool isolated = !strcmp(character, "\u05d0");
	assert_int_equal(
	    strstr(said, "...") != NULL, len + 2 * isolated > want);
}

static void
a_name_is_cut_at_its_limit_by_characters(void **state)
{
	(void)state;
	check_cut(47, "a", 47);
	check_cut(48, "a", 48);
	check_cut(49, "a", 48);
	/* with the two that isolate it, and without */
	check_cut(46, "\u05d0", 48);
	check_cut(47, "\u05d0", 48);
	check_cut(48, "\u4f8b", 48);
	check_cut(49, "\u4f8b", 48);
	check_cut(200, "\U00020000", 48);
}

static void
a_cut_name_keeps_its_end(void **state)
{
	char said[WORDS_MAX];

	(void)state;
	words_fill("{signer}", &longest, LANGUAGE_ENGLISH, said);
	assert_string_equal(
	    said, "bbbbbbbbbbbb...bbbbbbbbbbbbbbbbbbbbbbb@long.test");
}

/* A brace that is no name, and one that does not end. */
static void
braces_that_are_no_name_say_nothing(void **state)
{
	const struct words_names names = {.from = "a@x.test"};
	char said[WORDS_MAX];

	(void)state;
	words_fill("a{nobody}b{from", &names, LANGUAGE_ENGLISH, said);
	assert_string_equal(said, "aba@x.test");
	words_fill("{", &names, LANGUAGE_ENGLISH, said);
	assert_string_equal(said, "");
}

/* --- a verdict in another language --------------------------------------------------- */

static void
a_verdict_is_said_in_chinese(void **state)
{
	const struct facts facts = {
	    .from = "alice@alpha.test", .request = REQUEST_MONEY};
	struct verdict v;

	(void)state;
	verdict_decide(&facts, &v);
	assert_string_equal(v.sentence,
	    "Not signed: anybody can write alice@alpha.test as the sender.");
	assert_has(v.extra, "asks for money");
	assert_has(v.advice, "telephone before you pay");
	verdict_say(&facts, LANGUAGE_CHINESE, &v);
	assert_has(v.sentence, "\u6ca1\u6709\u7b7e\u540d");
	assert_has(v.sentence, "alice@alpha.test");
	assert_has(v.extra, "\u8981\u6c42\u4ed8\u6b3e");
	assert_has(v.advice, "\u53f7\u7801");
	assert_int_equal(v.level, VERDICT_UNSIGNED);
}

static void
what_to_do_about_a_danger_goes_before_what_it_asks_for(void **state)
{
	const struct facts facts = {.from = "alice@alpha.test",
	    .lookalike = {"addr.confusable", true, "al@alpha.test"},
	    .request = REQUEST_CREDENTIALS};
	struct verdict v;

	(void)state;
	verdict_decide(&facts, &v);
	assert_has(v.extra, "password");
	assert_has(v.advice, "write to the address you know");
}

static void
without_a_request_nothing_extra_is_said(void **state)
{
	const struct facts facts = {.from = "alice@alpha.test"};
	struct verdict v;

	(void)state;
	verdict_decide(&facts, &v);
	assert_string_equal(v.extra, "");
	assert_has(v.advice, "before you asked");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_reason_has_a_sentence_and_an_action_in_both_languages),
	    cmocka_unit_test(
		no_sentence_is_longer_than_120_characters_whatever_the_names),
	    cmocka_unit_test(chinese_is_chinese),
	    cmocka_unit_test(a_verdict_may_have_words_of_its_own),
	    cmocka_unit_test(languages_are_known_by_their_names),
	    cmocka_unit_test(
		a_locale_gives_its_language_and_english_where_there_is_none),
	    cmocka_unit_test(an_address_is_shown_and_cannot_speak),
	    cmocka_unit_test(a_name_may_have_blanks_and_no_sentence),
	    cmocka_unit_test(a_part_is_named_in_the_language),
	    cmocka_unit_test(a_name_is_cut_at_its_limit_by_characters),
	    cmocka_unit_test(a_cut_name_keeps_its_end),
	    cmocka_unit_test(braces_that_are_no_name_say_nothing),
	    cmocka_unit_test(a_verdict_is_said_in_chinese),
	    cmocka_unit_test(
		what_to_do_about_a_danger_goes_before_what_it_asks_for),
	    cmocka_unit_test(without_a_request_nothing_extra_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
