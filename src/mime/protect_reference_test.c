#include "codec/word.h"
#include "mime/protect_testkit_priv.h"

static void
reference_of(const char *payload, struct protect_reference *ret)
{
	struct received got RECEIVED_OWNED;
	struct err err = ERR_NONE;

	receive("Subject: [...]\r\n" ENVELOPED, payload, &got);
	assert_done(protect_reference_add(ret, &got.letter, &err), err);
}

#define CIPHER "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nhi\r\n"

/* RFC 9788 section 6.1's example, by both ways to hide the subject. */
static void
the_answer_has_outside_what_stood_outside_of_its_letter(void **state)
{
	struct protect_reference reference REFERENCE_OWNED = REFERENCE_NONE;
	struct protect_options options = hide_nothing;
	struct composed plain COMPOSED_OWNED, hidden COMPOSED_OWNED;
	static const char answer[] = "Subject: Re: Contract\r\n\r\nyes\r\n";

	reference_of("Subject: Contract\r\nHP-Outer: Subject: [...]\r\n" CIPHER,
	    &reference);
	options.reference = &reference;
	compose_ok(answer, &options, &plain);
	assert_span(buf_span(&plain.outer), "Subject: Re: [...]\r\n");
	assert_true(
	    has(&plain.payload, "\r\nHP-Outer: Subject: Re: [...]\r\n"));
	assert_true(has(&plain.payload, "Subject: Re: Contract\r\n"));
	options.policy = PROTECT_BASELINE;
	compose_ok(answer, &options, &hidden);
	assert_span(buf_span(&hidden.outer), "Subject: [...]\r\n");
}

#define REFERENCE                                                             \
	"Subject: Re: Contract\r\n"                                           \
	"From: Alice Doe <alice@a.test>\r\n"                                  \
	"To: Me <me@m.test>, =?utf-8?Q?J=C3=B6rg?= <j@b.test>\r\n"            \
	"Cc: Hidden <hidden@c.test>\r\n"                                      \
	"Message-ID: <real@a.test>\r\nReferences: <first@a.test> <two@a.test" \
	">\r\nDate: Sat, 20 Feb 2021 10:09:02 -0500\r\n"                      \
	"Keywords: kiwi\r\nX-Case: 17\r\nX-Seen: open\r\n"                    \
	"HP-Outer: From: alice@a.test\r\nHP-Outer: To: me@m.test, j@b.test"   \
	"\r\nHP-Outer: Message-ID: <other@a.test>\r\n"                        \
	"HP-Outer: References: <first@a.test>\r\n"                            \
	"HP-Outer: Date: Sat, 20 Feb 2021 15:09:02 +0000\r\n"                 \
	"HP-Outer: X-Seen: open\r\n" CIPHER

/* What an answer says, and what of it may stand outside. */
static const struct {
	const char *name, *inside, *outside;
} answers[] = {
    {"a subject that was taken away", "Subject: Re: Contract", ""},
    {"another subject, too", "Subject: Lunch", ""},
    {"names", "To: Alice Doe <alice@a.test>, Zoe <z@z.test>",
	"To: alice@a.test, Zoe <z@z.test>\r\n"},
    {"a name in other words", "To: =?us-ascii?Q?ALICE?= \"doe\" <x@z.test>",
	"To: x@z.test\r\n"},
    {"a name within a name", "To: \"Dr. Alice Doe, MD\" <x@z.test>",
	"To: x@z.test\r\n"},
    {"a name that is no ASCII", "To: =?iso-8859-1?Q?J=F6rg?= <j@b.test>",
	"To: j@b.test\r\n"},
    {"addresses", "Cc: z@z.test, HIDDEN@c.test", "Cc: z@z.test\r\n"},
    {"only such", "Cc: X <hidden@C.TEST>", ""},
    {"an address as a name", "To: \"hidden@c.test\" <z@z.test>",
	"To: z@z.test\r\n"},
    {"other names are quoted as they must be",
	"To: \"Z, Y\" <z@z.test>, Hidden <y@z.test>, =?utf-8?Q?=C3=A4?= "
	"<x@z.test>",
	"To: \"Z, Y\" <z@z.test>, y@z.test, =?UTF-8?B?w6Q=?= <x@z.test>\r\n"},
    {"a group and a comment", "To: Kiwi: z@z.test (Alice);",
	"To: z@z.test\r\n"},
    {"what is no address", "To: who knows", ""},
    {"who writes", "From: Me <me@m.test>", "From: me@m.test\r\n"},
    {"who writes, from a hidden address", "From: X <hidden@c.test>",
	"From: X <hidden@c.test>\r\n"},
    {"identifiers", "In-Reply-To: <real@a.test>",
	"In-Reply-To: <other@a.test>\r\n"},
    {"all of them", "References: <first@a.test> <two@a.test>\r\n <real@a.test>",
	"References: <first@a.test> <other@a.test>\r\n"},
    {"only secret ones", "References: <two@a.test>", ""},
    {"identifiers of others", "In-Reply-To: <x@x.test> (Kiw)",
	"In-Reply-To: <x@x.test> (Kiw)\r\n"},
    {"an old In-Reply-To", "In-Reply-To: Your Kiwi of <x@x.test>",
	"In-Reply-To: <x@x.test>\r\n"},
    {"a field of that name", "Keywords: apple", ""},
    {"a secret in another field", "X-Thread: the   CONTRACT again", ""},
    {"encoded", "X-Thread: =?utf-8?B?a2l3aQ==?=", ""},
    {"a short one only as a whole", "X-Other: 17", ""},
    {"and not as a part", "X-Other: 170", "X-Other: 170\r\n"},
    {"a date of its own", "Date: Sun, 21 Feb 2021 10:09:02 -0500",
	"Date: Sun, 21 Feb 2021 10:09:02 -0500\r\n"},
    {"the same date", "Date: Sat, 20 Feb 2021 10:09:02 -0500",
	"Date: Sat, 20 Feb 2021 15:09:02 +0000\r\n"},
    {"what was no secret", "X-Seen: open", "X-Seen: open\r\n"},
};

static void
what_was_secret_stands_in_no_field_of_an_answer(void **state)
{
	struct protect_reference reference REFERENCE_OWNED = REFERENCE_NONE;
	struct protect_options options = hide_nothing;

	reference_of(REFERENCE, &reference);
	options.reference = &reference;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct composed got COMPOSED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL;
		const char *text;
		assert_ok(buf_add_format(
		    &in, NULL, "%s\r\n\r\nhi\r\n", answers[i].inside));
		assert_ok(buf_str(&in, &text, NULL));
		compose_ok(text, &options, &got);
		if (!span_is(
			buf_span(&got.outer), span_str(answers[i].outside)))
			print_error("%s:\n", answers[i].name);
		assert_span(buf_span(&got.outer), answers[i].outside);
		assert_true(has(&got.payload, answers[i].inside));
	}
}

static void
an_answer_in_clear_is_refused_if_it_tells(void **state)
{
	struct protect_reference reference REFERENCE_OWNED = REFERENCE_NONE;
	struct protect_options options = signing;

	reference_of(REFERENCE, &reference);
	options.reference = &reference;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct composed got COMPOSED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL;
		struct buf same BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		const char *text;
		assert_ok(buf_add_format(
		    &in, NULL, "%s\r\n\r\nhi\r\n", answers[i].inside));
		assert_ok(
		    buf_add_format(&same, NULL, "%s\r\n", answers[i].inside));
		assert_ok(buf_str(&in, &text, NULL));
		bool tells =
		    !span_is(buf_span(&same), span_str(answers[i].outside));
		assert_rc(compose(text, &options, &got, &err),
		    tells ? RC_UNFIT : RC_OK);
		if (tells)
			assert_has(err.text, "this answer is not encrypted");
		assert_int_equal(got.outer.len > 0, !tells);
	}
}

static void
every_prefix_of_an_answer_counts(void **state)
{
	static const struct {
		const char *subject, *want;
	} cases[] = {
	    {"Re: Contract", "Re: [...]"},
	    {"RE[2]: Contract", "Re: [...]"},
	    {"AW: WG: Contract", "Re: [...]"},
	    {"Fwd: Re: Contract", "Fwd: [...]"},
	    {"Contract", "[...]"},
	    {"Revision: Contract", "[...]"},
	    {"Re[: Contract", "[...]"},
	    {"", "[...]"},
	};
	struct protect_reference reference REFERENCE_OWNED = REFERENCE_NONE;
	struct protect_options options = hide_nothing;

	reference_of("Subject: Contract\r\nHP-Outer: Subject: [...]\r\n" CIPHER,
	    &reference);
	options.reference = &reference;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct composed got COMPOSED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL, want BUF_OWNED = BUF_SMALL;
		const char *text;
		assert_ok(buf_add_format(
		    &in, NULL, "Subject: %s\r\n\r\nhi", cases[i].subject));
		assert_ok(buf_add_format(
		    &want, NULL, "Subject: %s\r\n", cases[i].want));
		assert_ok(buf_str(&in, &text, NULL));
		compose_ok(text, &options, &got);
		assert_bytes(buf_span(&got.outer), buf_span(&want));
	}
}

static void
a_letter_that_hid_nothing_makes_no_reference(void **state)
{
	static const struct {
		const char *payload;
		bool encrypted;
		size_t want;
	} cases[] = {
	    {"Subject: x\r\nHP-Outer: Subject: [...]\r\n" CIPHER, true, 1},
	    {"Subject: x\r\nHP-Outer: Subject: [...]\r\n" CIPHER, false, 0},
	    {"Subject: x\r\nHP-Outer: subject: x\r\n" CIPHER, true, 0},
	    {"Subject: x\r\nContent-Type: a/b; hp=clear\r\n\r\n", true, 0},
	    {"Subject: x\r\nContent-Type: a/b\r\n\r\n", true, 0},
	    /* the wrapped form: the real header outside is all there is */
	    {"Content-Type: message/rfc822\r\n\r\nFrom: a@b.test\r\n"
	     "Subject: x\r\nX-Out: side\r\n\r\nhi",
		true, 1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct protect_reference reference REFERENCE_OWNED =
		    REFERENCE_NONE;
		struct received got RECEIVED_OWNED;
		receive_spans(
		    span_str(
			"From: a@b.test\r\nX-Out: side\r\nSubject: [...]\r\n"
			"Content-Type: application/pkcs7-mime\r\n\r\n"),
		    span_str(cases[i].payload), cases[i].encrypted, false,
		    &got);
		assert_ok(protect_reference_add(&reference, &got.letter, NULL));
		if (reference.len != cases[i].want)
			fail_msg("case %zu: %zu", i, reference.len);
	}
}

static void
a_reference_is_printed_and_parsed_back(void **state)
{
	struct protect_reference reference REFERENCE_OWNED = REFERENCE_NONE;
	struct protect_reference back REFERENCE_OWNED = REFERENCE_NONE;
	struct buf text BUF_OWNED = BUF_SMALL, again BUF_OWNED = BUF_SMALL;

	reference_of(REFERENCE, &reference);
	assert_ok(protect_reference_print(&reference, &text, NULL));
	assert_span(buf_span(&text),
	    "text\tSubject\tContract\n"
	    "list\tFrom\t\n"
	    "name\tFrom\tAlice Doe\n"
	    "list\tTo\t\n"
	    "name\tTo\tMe\n"
	    "name\tTo\tJ\xc3\xb6rg\n"
	    "list\tCc\t\n"
	    "address\tCc\thidden@c.test\n"
	    "name\tCc\tHidden\n"
	    "id\tMessage-ID\t<real@a.test>\t<other@a.test>\n"
	    "id\tReferences\t<two@a.test>\n"
	    "text\tDate\tSat, 20 Feb 2021 10:09:02 -0500\t"
	    "Sat, 20 Feb 2021 15:09:02 +0000\n"
	    "text\tKeywords\tkiwi\n"
	    "text\tX-Case\t17\n");
	struct span exact EXACT = expect_exact(buf_span(&text));
	assert_ok(protect_reference_parse(&back, exact, NULL));
	assert_ok(protect_reference_print(&back, &again, NULL));
	assert_bytes(buf_span(&again), buf_span(&text));
	/* and one more letter's to it */
	assert_ok(protect_reference_parse(&back, exact, NULL));
	assert_int_equal(back.len, 2 * reference.len);
}

static void
what_is_no_reference_is_refused_and_nothing_added(void **state)
{
	static const char *const texts[] = {"x", "text\tSubject\tx",
	    "text\tSubject\n", "text\n", "\n", "Text\tSubject\tx\n",
	    "text\tSubject\tx\ty\tz\n", "text\tSubject\tx\nid\n"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct protect_reference back REFERENCE_OWNED = REFERENCE_NONE;
		struct span exact EXACT = expect_exact(span_str(texts[i]));
		assert_rc(
		    protect_reference_parse(&back, exact, NULL), RC_SYNTAX);
		assert_int_equal(back.len, 0);
	}
}

static void
a_reference_holds_so_many_secrets_and_not_one_more(void **state)
{
	for (size_t more = 0; more <= 1; more++) {
		struct protect_reference reference REFERENCE_OWNED =
		    REFERENCE_NONE;
		struct buf text BUF_OWNED = BUF_SMALL;
		for (size_t i = 0; i < REFERENCE_MAX + more; i++)
			assert_ok(buf_add_str(&text, "id\tX\t<a@b>\n", NULL));
		assert_rc(
		    protect_reference_parse(&reference, buf_span(&text), NULL),
		    more == 0 ? RC_OK : RC_LIMIT);
		assert_int_equal(reference.len, more == 0 ? REFERENCE_MAX : 0);
	}
}

/* ---- never, in many combinations ------------------------------------------- */

static uint32_t seed;

static size_t
pick(size_t count)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % count;
}

/* Words that are nowhere by chance. */
#define WORDS 12
static const char *const words[WORDS] = {"amberq", "birchx", "cedarz", "denimj",
    "ebonyk", "fjordw", "gypsum", "hazelv", "indigo", "jasper", "khakiy",
    "lilacp"};

static void
add(struct buf *out, const char *text)
{
	assert_ok(buf_add_str(out, text, NULL));
}

enum sort { SORT_NAME, SORT_TEXT, SORT_ADDRESS, SORT_ID, SORTS };

/* The secret of that sort that is made of a word. */
static void
add_secret(struct buf *out, enum sort sort, size_t word)
{
	static const char *const forms[SORTS] = {
	    "n%s", "t%s", "a%s@x.test", "<i%s@i.test>"};

	assert_ok(buf_add_format(out, NULL, forms[sort], words[word % WORDS]));
}

/* The same in quotes or encoded, as it may be. */
static void
add_text(struct buf *out, enum sort sort, size_t word)
{
	static const char *const around[][2] = {{"", ""}, {"=?utf-8?Q?", "?="},
	    {"\"", "\""}, {"=?us-ascii?q?", "?="}};
	size_t form = sort == SORT_NAME || sort == SORT_TEXT ? pick(4) : 2;

	add(out, around[form][0]);
	add_secret(out, sort, word);
	add(out, around[form][1]);
}

static void
add_mailbox(struct buf *out, enum sort sort, size_t word)
{
	add_text(out, sort, word);
	add(out, " <");
	add_secret(out, SORT_ADDRESS, word + pick(3));
	add(out, ">");
}

/* The value of a field; `any`: also with what has no place there. */
static void
add_value(struct buf *out, size_t field, bool any)
{
	size_t word = pick(WORDS);
	bool again = pick(2) == 0;
	enum sort sort = any ? (enum sort)pick(SORTS) : SORT_TEXT;

	switch (field) {
	case 0: /* Subject */
		add(out, again ? "Re: " : "");
		add_text(out, sort, word);
		return;
	case 1: /* From, To, Cc, Reply-To */
	case 2:
	case 3:
	case 4:
		add_mailbox(out, any ? sort : SORT_NAME, word);
		add(out, again ? ",\r\n " : "");
		if (again)
			add_mailbox(out, SORT_NAME, pick(WORDS));
		return;
	case 5: /* Message-ID, In-Reply-To, References */
	case 6:
	case 7:
		add_secret(out, SORT_ID, word);
		add(out, again ? "\r\n " : "");
		if (again)
			add_secret(out, SORT_ID, pick(WORDS));
		return;
	default: /* Comments, Keywords, X-Any */
		add_text(out, sort, word);
	}
}

static const char *const names[] = {"Subject", "From", "To", "Cc", "Reply-To",
    "Message-ID", "In-Reply-To", "References", "Comments", "Keywords", "X-Any"};

/* A letter, of whose fields some stood outside as they are, some in part and
 * some not at all. */
static void
make_letter(struct buf *payload, struct buf *outside)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		struct buf value BUF_OWNED = BUF_SMALL;
		add_value(&value, i, false);
		assert_ok(buf_add_format(payload, NULL, "%s: %.*s\r\n",
		    names[i], SPAN_ARGS(buf_span(&value))));
		size_t how = pick(4);
		if (how == 0)
			continue;
		if (how == 1) {
			buf_clear(&value);
			add_value(&value, i, false);
		}
		assert_ok(
		    buf_add_format(outside, NULL, "HP-Outer: %s: %.*s\r\n",
			names[i], SPAN_ARGS(buf_span(&value))));
	}
	assert_ok(buf_add(payload, buf_span(outside), NULL));
	add(payload, CIPHER);
}

static void
make_answer(struct buf *out)
{
	add(out, "From: Me <me@m.test>\r\n");
	for (size_t i = 0; i < COUNT(names) + 2; i++) {
		size_t field = pick(COUNT(names));
		if (field == 1 || field == 5)
			continue;
		assert_ok(buf_add_format(out, NULL, "%s: ", names[field]));
		add_value(out, field, true);
		add(out, "\r\n");
	}
	add(out, "\r\nhi\r\n");
}

static void
decode(struct span header, struct buf *out)
{
	assert_ok(word_decode(header, out, NULL));
}

static bool
tells(const struct buf *text, const struct buf *secret)
{
	return span_find(buf_span(text), buf_span(secret)) >= 0;
}

static void
expect_no_secret(struct span payload, struct span outside, struct span outer)
{
	struct buf inside BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct buf seen BUF_OWNED = BUF_SMALL;

	decode(payload, &inside);
	decode(outside, &seen);
	decode(outer, &out);
	for (size_t i = 0; i < WORDS * SORTS; i++) {
		struct buf secret BUF_OWNED = BUF_SMALL;
		add_secret(&secret, (enum sort)(i % SORTS), i / SORTS);
		if (!tells(&out, &secret) || !tells(&inside, &secret) ||
		    tells(&seen, &secret))
			continue;
		print_error("%.*s in\n%.*s---\n%.*s",
		    SPAN_ARGS(buf_span(&secret)), SPAN_ARGS(outer),
		    SPAN_ARGS(payload));
		fail();
	}
}

static void
an_answer_never_tells(void **state)
{
	for (seed = 1; seed < 3000; seed++) {
		uint32_t start = seed;
		struct protect_reference made REFERENCE_OWNED = REFERENCE_NONE;
		struct protect_reference used REFERENCE_OWNED = REFERENCE_NONE;
		struct protect_options options = {.encrypting = true,
		    .reference = &used,
		    .policy = (enum protect_policy)pick(3)};
		struct buf payload BUF_OWNED = BUF_SMALL;
		struct buf outside BUF_OWNED = BUF_SMALL;
		struct buf answer BUF_OWNED = BUF_SMALL;
		struct buf kept BUF_OWNED = BUF_SMALL;
		struct composed got COMPOSED_OWNED;
		const char *text;

		make_letter(&payload, &outside);
		make_answer(&answer);
		assert_ok(buf_str(&payload, &text, NULL));
		reference_of(text, &made);
		assert_ok(protect_reference_print(&made, &kept, NULL));
		assert_ok(
		    protect_reference_parse(&used, buf_span(&kept), NULL));
		assert_ok(buf_str(&answer, &text, NULL));
		compose_ok(text, &options, &got);
		expect_no_secret(buf_span(&payload), buf_span(&outside),
		    buf_span(&got.outer));
		seed = start;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		the_answer_has_outside_what_stood_outside_of_its_letter),
	    cmocka_unit_test(what_was_secret_stands_in_no_field_of_an_answer),
	    cmocka_unit_test(an_answer_in_clear_is_refused_if_it_tells),
	    cmocka_unit_test(every_prefix_of_an_answer_counts),
	    cmocka_unit_test(a_letter_that_hid_nothing_makes_no_reference),
	    cmocka_unit_test(a_reference_is_printed_and_parsed_back),
	    cmocka_unit_test(what_is_no_reference_is_refused_and_nothing_added),
	    cmocka_unit_test(
		a_reference_holds_so_many_secrets_and_not_one_more),
	    cmocka_unit_test(an_answer_never_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
