#include "flow/fingerprint.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct entity, entity_free);

static const struct wrap_key key = {"0123456789abcdef0123456789abcde"};
static struct err err;

#define HEAD "Content-Type: text/plain; charset=utf-8\r\n\r\n"
#define SECRET                                                           \
	"The canary sings at midnight under the seventh bridge, and\r\n" \
	"nobody but the two of us knows which of them it is.\r\n"

static struct entity *
parse(const char *text)
{
	struct entity *tree;

	assert_done(
	    entity_parse(span_str(text), ENTITY_LIMITS, &tree, &err), err);
	return tree;
}

static struct fingerprint
kept_of(const char *text)
{
	struct entity *tree OWNED(entity_free) = parse(text);
	struct fingerprint print = FINGERPRINT_NONE;

	assert_done(fingerprint_keep(tree, &key, &print, &err), err);
	return print;
}

static size_t
common(const char *kept, const char *other)
{
	struct entity *tree OWNED(entity_free) = parse(other);
	struct fingerprint known FINGERPRINT_OWNED = kept_of(kept);
	struct fingerprint print FINGERPRINT_OWNED = FINGERPRINT_NONE;

	assert_done(fingerprint_compare(tree, &key, &print, &err), err);
	return fingerprint_common(&known, &print);
}

static void
a_quotation_is_known_however_it_is_written(void **state)
{
	static const char *const quotes[] = {
	    HEAD SECRET,
	    HEAD "Alice wrote:\r\n> The canary sings at midnight under\r\n"
		 "> the seventh bridge, and nobody\r\n",
	    HEAD "> > SINGS AT MIDNIGHT UNDER THE\r\n",
	    "Content-Type: text/html\r\n\r\n<blockquote><p>The canary "
	    "<b>sings</b> at mid&#110;ight under the seventh bridge</p>",
	    "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64"
	    "\r\n\r\nc2luZ3MgYXQgbWlkbmlnaHQgdW5kZXIgdGhl\r\n",
	    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee"
	    "\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
	    "s\r\n\r\n" SECRET "\r\n--x--\r\n",
	};

	for (size_t i = 0; i < COUNT(quotes); i++)
		if (common(HEAD SECRET, quotes[i]) == 0)
			fail_msg("not known: %s", quotes[i]);
}

static void
other_words_are_no_quotation(void **state)
{
	static const char *const others[] = {
	    HEAD "Dear Alice,\r\n\r\nthank you, I shall be there.\r\n",
	    HEAD "The bridge at midnight: the seventh of the two.\r\n",
	    HEAD "midnight under the seventh\r\n",
	    HEAD "",
	};

	for (size_t i = 0; i < COUNT(others); i++)
		if (common(HEAD SECRET, others[i]) != 0)
			fail_msg("taken for a quotation: %s", others[i]);
}

static void
a_short_secret_is_known_and_a_courtesy_is_none(void **state)
{
	static const struct {
		const char *kept, *other;
		bool want;
	} cases[] = {
	    {HEAD "hunter2\r\n", HEAD "> hunter2\r\n\r\nthank you\r\n", true},
	    {HEAD "PIN: 4711\r\n", HEAD "you said pin 4711 is it\r\n", true},
	    {HEAD "meet me tomorrow\r\n", HEAD "> meet me tomorrow\r\n", true},
	    {HEAD "Yes, thanks!\r\n", HEAD "> Yes, thanks!\r\n", false},
	    {HEAD "PIN: 4711\r\n", HEAD "you said pin 4712 is it\r\n", false},
	    {HEAD "\r\n", HEAD "\r\n", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if ((common(cases[i].kept, cases[i].other) > 0) !=
		    cases[i].want)
			fail_msg("%s: want %d", cases[i].kept, cases[i].want);
}

static void
scripts_without_blanks_have_words_too(void **state)
{
	const char *kept = HEAD "我们明天午夜在第七座桥下见面。\r\n";

	assert_true(
	    common(kept, HEAD "> 我们明天午夜在第七座桥下见面\r\n") > 0);
	assert_true(common(kept, HEAD "明天午夜在第七座桥下\r\n") > 0);
	assert_int_equal(common(kept, HEAD "我们明天见面。\r\n"), 0);
	assert_true(common(HEAD "ระหัสลับของเราคือแมวสามตัวบนหลังคา\r\n",
			HEAD "> ระหัสลับของเราคือแมวสามตัวบนหลังคา\r\n") > 0);
}

#define PICTURE(bytes) \
	"Content-Type: image/png\r\nContent-Transfer-Encoding: " bytes

static void
an_attachment_is_known_in_any_encoding(void **state)
{
	const char *kept = PICTURE("7bit\r\n\r\nnot a picture at all");

	assert_int_equal(
	    common(kept,
		PICTURE("base64\r\n\r\nbm90IGEgcGljdHVyZSBhdCBhbGw=\r\n")),
	    1);
	assert_int_equal(
	    common(kept, PICTURE("7bit\r\n\r\nnot a picture at any")), 0);
	assert_int_equal(common(kept, HEAD "not a picture at all"), 0);
}

static void
another_key_makes_other_marks(void **state)
{
	static const struct wrap_key other = {
	    "another key, of as many bytes.."};
	struct entity *tree OWNED(entity_free) = parse(HEAD SECRET);
	struct fingerprint known FINGERPRINT_OWNED = kept_of(HEAD SECRET);
	struct fingerprint print FINGERPRINT_OWNED = FINGERPRINT_NONE;

	assert_done(fingerprint_compare(tree, &other, &print, &err), err);
	assert_int_equal(fingerprint_common(&known, &print), 0);
}

/* --- limits ---------------------------------------------------------------------- */

static char *
long_letter(size_t words)
{
	struct buf text BUF_OWNED = BUF((size_t)1 << 26);
	char *ret;

	assert_ok(buf_add_str(&text, HEAD, &err));
	for (size_t i = 0; i < words; i++)
		assert_ok(buf_add_format(&text, &err, "w%zu%s",
		    i * 7919 % 100003, i % 10 == 9 ? "\r\n" : " "));
	assert_ok(span_dup(buf_span(&text), &ret, &err));
	return ret;
}

static void
of_a_long_letter_marks_are_kept_here_and_there(void **state)
{
	char *at = long_letter(FINGERPRINT_KEPT + FINGERPRINT_RUN - 1);
	char *beyond = long_letter(FINGERPRINT_KEPT + FINGERPRINT_RUN);
	struct fingerprint all FINGERPRINT_OWNED = kept_of(at);
	struct fingerprint some FINGERPRINT_OWNED = kept_of(beyond);

	assert_int_equal(all.len, FINGERPRINT_KEPT);
	assert_int_equal(all.every, 1);
	assert_int_equal(some.every, 2);
	assert_in_range(some.len, FINGERPRINT_KEPT / 3, FINGERPRINT_KEPT);
	assert_int_equal(common(beyond, beyond), some.len);
	free(at);
	free(beyond);
}

static void
a_text_beyond_the_limit_says_that_it_is_cut(void **state)
{
	char *text = long_letter(200000);
	struct entity *tree OWNED(entity_free) = parse(text);
	struct fingerprint print FINGERPRINT_OWNED = FINGERPRINT_NONE;
	struct fingerprint short_one FINGERPRINT_OWNED = kept_of(HEAD SECRET);

	assert_done(fingerprint_compare(tree, &key, &print, &err), err);
	assert_true(print.cut);
	assert_false(short_one.cut);
	free(text);
}

/* --- on the disk ----------------------------------------------------------------- */

static void
what_is_printed_is_read_again(void **state)
{
	struct fingerprint print FINGERPRINT_OWNED = kept_of(HEAD SECRET);
	struct fingerprint again FINGERPRINT_OWNED = FINGERPRINT_NONE;
	struct buf text BUF_OWNED = BUF_SMALL;

	print.every = 64;
	print.cut = true;
	assert_done(fingerprint_print(&print, &text, &err), err);
	struct span exact EXACT = expect_exact(buf_span(&text));
	assert_done(fingerprint_parse(exact, &again, &err), err);
	assert_int_equal(again.len, print.len);
	assert_memory_equal(
	    again.mark, print.mark, print.len * sizeof(print.mark[0]));
	assert_int_equal(again.every, 64);
	assert_true(again.cut);
}

static void
what_we_did_not_print_is_refused(void **state)
{
	static const char *const texts[] = {"", "1", "1:", "1:0",
	    "0:0:", "1:2:", "x:0:", "1:0:zz", "1:0:00", "1:0:0011223344556677 ",
	    "99999999999:0:", ":0:"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct fingerprint print FINGERPRINT_OWNED = FINGERPRINT_NONE;
		struct span exact EXACT = expect_exact(span_str(texts[i]));
		if (fingerprint_parse(exact, &print, &err) != RC_SYNTAX)
			fail_msg("taken: %s", texts[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_quotation_is_known_however_it_is_written),
	    cmocka_unit_test(other_words_are_no_quotation),
	    cmocka_unit_test(a_short_secret_is_known_and_a_courtesy_is_none),
	    cmocka_unit_test(scripts_without_blanks_have_words_too),
	    cmocka_unit_test(an_attachment_is_known_in_any_encoding),
	    cmocka_unit_test(another_key_makes_other_marks),
	    cmocka_unit_test(of_a_long_letter_marks_are_kept_here_and_there),
	    cmocka_unit_test(a_text_beyond_the_limit_says_that_it_is_cut),
	    cmocka_unit_test(what_is_printed_is_read_again),
	    cmocka_unit_test(what_we_did_not_print_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
