#include "flow/request.h"

#include <stdio.h>
#include <time.h>

#include "base/expect.h"
#include "base/own.h"
#include "codec/base64.h"
#include "flow/request_samples_priv.h"
#include "flow/requests.h"

OWNER(struct request_scan, request_free);

#define ROOM ((size_t)8 << 20)
#define WIRE "Please wire the funds to the following account."

static struct err err;

/* --- sentences --------------------------------------------------------------------- */

static void
expect_all(const char *const *texts, size_t len, enum request want)
{
	for (size_t i = 0; i < len; i++) {
		unsigned line = 0;
		enum request got = request_of_text(span_str(texts[i]), &line);
		if (got != want)
			fail_msg("%s: got %d by line %u, want %d", texts[i],
			    (int)got, line, (int)want);
	}
}

static void
what_asks_is_found(void **state)
{
	expect_all(asks_for_money, COUNT(asks_for_money), REQUEST_MONEY);
	expect_all(asks_for_credentials, COUNT(asks_for_credentials),
	    REQUEST_CREDENTIALS);
}

static void
what_is_ordinary_asks_for_nothing(void **state)
{
	expect_all(ordinary, COUNT(ordinary), REQUEST_NONE);
}

static bool
is_met_by(const struct request_rule *rule, const char *const *texts, size_t len)
{
	unsigned line = 0;

	for (size_t i = 0; i < len; i++) {
		(void)request_of_text(span_str(texts[i]), &line);
		if (line == rule->line)
			return true;
	}
	return false;
}

static void
every_rule_has_a_sentence_here(void **state)
{
	size_t rules = 0;

	for (const struct request_rule *r = request_rules; r->parts; r++) {
		bool met =
		    r->what == REQUEST_MONEY
			? is_met_by(r, asks_for_money, COUNT(asks_for_money))
			: is_met_by(r, asks_for_credentials,
			      COUNT(asks_for_credentials));
		if (!met)
			fail_msg("requests.txt:%u: no sentence", r->line);
		rules++;
	}
	assert_true(rules > 45);
}

static const struct {
	const char *text;
	enum request want;
} cases[] = {
    {"", REQUEST_NONE},
    /* parts of one sentence, near each other where the rule wants it */
    {"Kindly wire the funds.", REQUEST_MONEY},
    {"Wire it. The funds are there.", REQUEST_NONE},
    {"Wire it\n\nthe funds", REQUEST_NONE},
    {"Kindly wire,\r\nbefore noon, the funds.", REQUEST_MONEY},
    {"Wire, as we said in the meeting yesterday at noon, the funds.",
	REQUEST_NONE},
    {"Bring the funds and the wire.", REQUEST_NONE},
    /* whole words */
    {"Rewire the funds.", REQUEST_NONE},
    {"Wired the funds.", REQUEST_NONE},
    {"wire the fundsx", REQUEST_NONE},
    /* what says no, right before it */
    {"Do not wire the funds.", REQUEST_NONE},
    {"Don\xe2\x80\x99t wire the funds.", REQUEST_NONE},
    {"Do not wait: now is the time to wire the funds.", REQUEST_MONEY},
    {"We never ask you to confirm your password.", REQUEST_NONE},
    {"If you did not do so, confirm your password.", REQUEST_CREDENTIALS},
    {"请勿将验证码告诉我", REQUEST_NONE},
    /* the worse of both */
    {"Wire the funds. Confirm your password.", REQUEST_CREDENTIALS},
    {"Confirm your password. Wire the funds.", REQUEST_CREDENTIALS},
    /* written so that it is not found */
    {"WIRE   THE\tFUNDS", REQUEST_MONEY},
    {"w\xe2\x80\x8bire t\xc2\xadhe fun\xef\xbb\xbf"
     "ds",
	REQUEST_MONEY},
    {"w\xd1\x96re the funds", REQUEST_MONEY},
    {"\xd0\xa1\xd0\xbenfirm y\xce\xbfur p\xd0\xb0ssword", REQUEST_CREDENTIALS},
    {"ｗｉｒｅ　ｔｈｅ　ｆｕｎｄｓ", REQUEST_MONEY},
    {"\xf0\x9d\x90\xb0\xf0\x9d\x90\xa2\xf0\x9d\x90\xab\xf0\x9d\x90\x9e the "
     "funds",
	REQUEST_MONEY},
    {"w\xc3\xacr\xc3\xa9 the f\xc3\xbcnds", REQUEST_MONEY},
    {"wi\xcc\x81re the funds", REQUEST_MONEY},
    /* what another one wrote */
    {"> wire the funds\r\nNo, I will not.", REQUEST_NONE},
    {"No.\n>> confirm your password", REQUEST_NONE},
};

static void
sentences_are_read_as_people_read_them(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT = expect_exact(span_str(cases[i].text));
		enum request got = request_of_text(text, NULL);
		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].text, (int)got,
			    (int)cases[i].want);
	}
}

/* As many sentences as there is text, and one that never ends. */
static void
a_long_sentence_is_read_to_its_end(void **state)
{
	struct buf text BUF_OWNED = BUF(ROOM);

	for (int i = 0; i < 3000; i++) {
		assert_ok(buf_add_str(&text, "word and ", NULL));
		if (i % 7 != 0)
			continue;
		size_t before = text.len;
		assert_ok(buf_add_str(&text, WIRE, NULL));
		if (request_of_text(buf_span(&text), NULL) != REQUEST_MONEY)
			fail_msg("not found at %zu", before);
		buf_cut(&text, before);
		if (i > 500)
			i += 20;
	}
}

/* --- letters ------------------------------------------------------------------------ */

static enum request
read_letter(struct span letter, size_t piece)
{
	struct request_scan *scan OWNED(request_free) = NULL;

	assert_done(request_new(false, &scan, &err), err);
	for (size_t at = 0; at < letter.len; at += piece) {
		struct span bytes EXACT =
		    expect_exact(span_first(span_after(letter, at), piece));
		assert_done(request_push(scan, bytes, &err), err);
	}
	assert_done(request_finish(scan, &err), err);
	return request_found(scan);
}

#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n"
#define HTML "Content-Type: text/html; charset=utf-8\r\n"
#define MIXED                                                            \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" PLAIN \
	"\r\nHello.\r\n--b\r\n"

static const struct {
	const char *name, *letter;
	enum request want;
} letters[] = {
    {"no MIME at all", "\r\n" WIRE "\r\n", REQUEST_MONEY},
    {"its header is no text", "X-Note: " WIRE "\r\n\r\nHello.\r\n",
	REQUEST_NONE},
    {"quoted-printable",
	PLAIN "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	      "Please wi=\r\nre the f=75nds.\r\n",
	REQUEST_MONEY},
    {"base64",
	PLAIN "Content-Transfer-Encoding: base64\r\n\r\n"
	      "UGxlYXNlIHdpcmUg\r\ndGhlIGZ1bmRzLg==\r\n",
	REQUEST_MONEY},
    {"base64 that is cut off",
	PLAIN "Content-Transfer-Encoding: base64\r\n\r\n"
	      "UGxlYXNlIHdpcmUgdGhlIGZ1bmRzLiAg!\r\n",
	REQUEST_MONEY},
    {"GB 18030, said to be less",
	"Content-Type: text/plain; charset=gb2312\r\n\r\n"
	"\xb0\xd1\xd1\xe9\xd6\xa4\xc2\xeb\xb7\xa2\xb8\xf8\xce\xd2\r\n",
	REQUEST_CREDENTIALS},
    {"Big 5",
	"Content-Type: text/plain; charset=big5\r\n\r\n"
	"\xa7\xe2\xc5\xe7\xc3\xd2\xbd\x58\xb5\x6f\xb5\xb9\xa7\xda\r\n",
	REQUEST_CREDENTIALS},
    {"a byte that its charset does not have",
	"Content-Type: text/plain; charset=gb18030\r\n\r\n"
	"\xff Wire the funds.\r\n",
	REQUEST_MONEY},
    {"a charset that nobody knows",
	"Content-Type: text/plain; charset=x-mine\r\n\r\nWire the funds.\r\n",
	REQUEST_MONEY},
    {"UTF-16",
	"Content-Type: text/plain; charset=utf-16le\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n"
	"VwBpAHIAZQAgAHQAaABlACAAZgB1AG4AZABzAC4A\r\n",
	REQUEST_MONEY},
    {"HTML",
	HTML "\r\n<p>Wire <b>the</b>\r\n fun<span class=\"a>b\">ds</span></p>",
	REQUEST_MONEY},
    {"HTML, of two paragraphs", HTML "\r\n<p>Wire</p><p>the funds</p>",
	REQUEST_NONE},
    {"HTML, of two lines", HTML "\r\nWire<br>the funds", REQUEST_MONEY},
    {"HTML with entities", HTML "\r\nW&#105;re&nbsp;t&#x68;e f&shy;un&#8203;ds",
	REQUEST_MONEY},
    {"HTML's style and title are not shown",
	HTML "\r\n<title>Wire the funds.</title><style>wire the "
	     "funds</style><!-- wire the funds -->Hello",
	REQUEST_NONE},
    {"HTML behind a style",
	HTML "\r\n<style>p > a {}</style >Wire <!-- x -->the funds",
	REQUEST_MONEY},
    {"HTML that only has a sign", HTML "\r\n1 < 2 & wire the funds",
	REQUEST_MONEY},
    {"a second part", MIXED PLAIN "\r\n" WIRE "\r\n--b--\r\n", REQUEST_MONEY},
    {"an alternative",
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n" PLAIN
	"\r\nHello.\r\n--b\r\n" HTML "\r\nWire the funds\r\n--b--\r\n",
	REQUEST_MONEY},
    {"what is no text",
	MIXED "Content-Type: application/pdf\r\n\r\n" WIRE "\r\n--b--\r\n",
	REQUEST_NONE},
    {"a file that is attached",
	MIXED PLAIN "Content-Disposition: attachment\r\n\r\n" WIRE
		    "\r\n--b--\r\n",
	REQUEST_NONE},
    {"a letter cannot be attached to itself",
	PLAIN "Content-Disposition: attachment\r\n\r\n" WIRE "\r\n",
	REQUEST_MONEY},
    {"a letter that is passed on",
	MIXED "Content-Type: message/rfc822\r\n\r\n" PLAIN "\r\n" WIRE
	      "\r\n--b--\r\n",
	REQUEST_NONE},
    {"what stands behind one",
	MIXED "Content-Type: message/rfc822\r\n\r\n" PLAIN
	      "\r\nHello.\r\n--b\r\n" PLAIN "\r\n" WIRE "\r\n--b--\r\n",
	REQUEST_MONEY},
    {"a letter in nothing else",
	"Content-Type: message/rfc822\r\n\r\n" PLAIN "\r\n" WIRE "\r\n",
	REQUEST_MONEY},
};

static void
letters_are_read_as_they_are_shown(void **state)
{
	for (size_t i = 0; i < COUNT(letters); i++) {
		enum request got =
		    read_letter(span_str(letters[i].letter), ROOM);
		if (got != letters[i].want)
			fail_msg("%s: got %d", letters[i].name, (int)got);
	}
}

static void
any_split_gives_the_same(void **state)
{
	for (size_t i = 0; i < COUNT(letters); i++)
		for (size_t piece = 1; piece < 20; piece += 6)
			if (read_letter(span_str(letters[i].letter), piece) !=
			    letters[i].want)
				fail_msg("%s in pieces of %zu", letters[i].name,
				    piece);
}

static void
the_subject_counts(void **state)
{
	struct request_scan *scan OWNED(request_free) = NULL;

	assert_ok(request_new(true, &scan, &err));
	assert_done(request_subject(scan,
			span_str("=?utf-8?q?Wire?= the\r\n funds, now"), &err),
	    err);
	assert_ok(request_finish(scan, &err));
	assert_int_equal(request_found(scan), REQUEST_MONEY);
}

/* --- limits ------------------------------------------------------------------------- */

/* Without its last letter it is no request. */
#define LATE "Wire the funds"

/* A letter whose request ends behind that many bytes of text. */
static enum request
read_late(size_t end, const char *encoding)
{
	struct buf text BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);

	while (text.len < end - strlen(LATE))
		assert_ok(buf_add_str(&text, "\n", NULL));
	assert_ok(buf_add_str(&text, LATE, NULL));
	assert_int_equal(text.len, end);
	assert_ok(buf_add_str(&text, "\n\n", NULL));
	assert_ok(buf_add_format(&letter, NULL,
	    PLAIN "Content-Transfer-Encoding: %s\r\n\r\n", encoding));
	if (!strcmp(encoding, "base64"))
		assert_ok(base64_encode(buf_span(&text), 76, &letter, NULL));
	else
		assert_ok(buf_add(&letter, buf_span(&text), NULL));
	return read_letter(buf_span(&letter), ROOM);
}

static void
so_much_text_is_looked_at_and_no_more(void **state)
{
	static const char *const encodings[] = {
	    "8bit", "base64", "quoted-printable"};

	for (size_t i = 0; i < COUNT(encodings); i++) {
		assert_int_equal(
		    read_late(REQUEST_TEXT_MAX, encodings[i]), REQUEST_MONEY);
		assert_int_equal(read_late(REQUEST_TEXT_MAX + 1, encodings[i]),
		    REQUEST_NONE);
	}
}

static void
it_is_done_when_nothing_can_change_the_answer(void **state)
{
	struct request_scan *scan OWNED(request_free) = NULL;
	struct request_scan *full OWNED(request_free) = NULL;
	static uint8_t text[REQUEST_TEXT_MAX + 100];

	assert_ok(request_new(false, &scan, &err));
	assert_ok(request_push(scan, span_str("\r\n"), &err));
	assert_false(request_is_done(scan));
	assert_ok(
	    request_subject(scan, span_str("Confirm your password"), &err));
	assert_true(request_is_done(scan));
	assert_ok(request_new(false, &full, &err));
	memset(text, 'x', sizeof(text));
	assert_ok(request_push(full, span_str(MIXED PLAIN "\r\n"), &err));
	assert_ok(request_push(full, span_of(text, sizeof(text)), &err));
	assert_false(request_is_done(full));
	assert_ok(request_push(full, span_str("\r\n--b\r\n" PLAIN), &err));
	assert_true(request_is_done(full));
}

/* Text made of the rules' own words, and tags that never end. */
static void
hostile_text_takes_no_time_to_speak_of(void **state)
{
	static const char *const seeds[] = {"wire your the please ", "% ",
	    "send pay ", "<a href=\"", "<", "</style", "<style>", "&#", "<!--",
	    "\xe8\xaf\xb7\xe4\xbb\x98", "\xff", "verify your a "};

	for (size_t i = 0; i < COUNT(seeds); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		assert_ok(buf_add_str(&letter, HTML "\r\n", NULL));
		while (letter.len < 2 * REQUEST_TEXT_MAX)
			assert_ok(buf_add_str(&letter, seeds[i], NULL));
		clock_t begin = clock();
		(void)read_letter(buf_span(&letter), ROOM);
		double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
		print_message("%s: %.3f s\n", seeds[i], seconds);
		assert_true(seconds < 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_asks_is_found),
	    cmocka_unit_test(what_is_ordinary_asks_for_nothing),
	    cmocka_unit_test(every_rule_has_a_sentence_here),
	    cmocka_unit_test(sentences_are_read_as_people_read_them),
	    cmocka_unit_test(a_long_sentence_is_read_to_its_end),
	    cmocka_unit_test(letters_are_read_as_they_are_shown),
	    cmocka_unit_test(any_split_gives_the_same),
	    cmocka_unit_test(the_subject_counts),
	    cmocka_unit_test(so_much_text_is_looked_at_and_no_more),
	    cmocka_unit_test(it_is_done_when_nothing_can_change_the_answer),
	    cmocka_unit_test(hostile_text_takes_no_time_to_speak_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
