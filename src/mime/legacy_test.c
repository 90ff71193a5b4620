#include <time.h>

#include "mime/protect_testkit_priv.h"

static void
reveal(const char *outer, const char *payload, struct buf *out)
{
	struct received got RECEIVED_OWNED;
	struct err err = ERR_NONE;

	receive(outer, payload, &got);
	assert_done(view_letter(&got.letter, out, &err), err);
}

/* ---- taken away ------------------------------------------------------------ */

#define HEAD "MIME-Version: 1.0\r\n"

/* The first two are RFC 9788 appendix E. */
static const struct {
	const char *name, *payload, *want;
} legacy[] = {
    {"text",
	"Content-Type: text/plain; charset=\"us-ascii\"; "
	"hp-legacy-display=\"1\";\r\n hp=\"cipher\"\r\n\r\n"
	"Subject: Dinner plans\r\n\r\n"
	"Let's meet at Rama's Roti Shop at 8pm and go to the park\r\n"
	"from there.\r\n",
	HEAD "Content-Type: text/plain; charset=\"us-ascii\"\r\n\r\n"
	     "Let's meet at Rama's Roti Shop at 8pm and go to the park\r\n"
	     "from there.\r\n"},
    {"HTML",
	"Content-Type: text/html; hp-legacy-display=\"1\"; hp=\"cipher\""
	"\r\n\r\n"
	"<html><head><title></title></head><body>\r\n"
	"<div class=\"header-protection-legacy-display\">\r\n"
	"<pre>Subject: Dinner plans</pre>\r\n</div>\r\n<p>\r\n",
	HEAD "Content-Type: text/html\r\n\r\n"
	     "<html><head><title></title></head><body>\r\n\r\n<p>\r\n"},
    {"a division in it",
	"Content-Type: text/html; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"<DIV>a</DIV><Div CLASS='x header-protection-legacy-display'>"
	"<div><div>b</div></div></div ><div>c</div>",
	HEAD "Content-Type: text/html\r\n\r\n<DIV>a</DIV><div>c</div>"},
    {"not ended: stays",
	"Content-Type: text/html; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"<div class=\"header-protection-legacy-display\"><div></div>b",
	HEAD "Content-Type: text/html\r\n\r\n"
	     "<div class=\"header-protection-legacy-display\"><div></div>b"},
    {"no blank line: stays",
	"Content-Type: text/plain; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"Subject: x\r\n",
	HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n"},
    {"not said: stays",
	"Content-Type: text/plain; hp=cipher\r\n\r\nSubject: x\r\n\r\nhi",
	HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n\r\nhi"},
    {"not meant to be encrypted: stays",
	"Content-Type: text/plain; hp-legacy-display=1; hp=clear\r\n\r\n"
	"Subject: x\r\n\r\nhi",
	HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n\r\nhi"},
    {"the class of another element",
	"Content-Type: text/html; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"<p class=\"header-protection-legacy-display\">a</p>"
	"<div class=\"x-header-protection-legacy-display\">b</div>",
	HEAD "Content-Type: text/html\r\n\r\n"
	     "<p class=\"header-protection-legacy-display\">a</p>"
	     "<div class=\"x-header-protection-legacy-display\">b</div>"},
    {"in a comment, an attribute, a script: none",
	"Content-Type: text/html; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"<!--<div class=header-protection-legacy-display>--><p title=\""
	"<div class=header-protection-legacy-display>\"><script>'<div "
	"class=header-protection-legacy-display>'</script><div class="
	"header-protection-legacy-display>a</div >b",
	HEAD "Content-Type: text/html\r\n\r\n"
	     "<!--<div class=header-protection-legacy-display>--><p title=\""
	     "<div class=header-protection-legacy-display>\"><script>'<div "
	     "class=header-protection-legacy-display>'</script>b"},
    {"UTF-16",
	"Content-Type: text/plain; charset=utf-16be; hp-legacy-display=1;"
	" hp=cipher\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	"AHgADQAKAA0ACgDk\r\n",
	HEAD "Content-Type: text/plain; charset=\"utf-16be\"\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\nAOQ=\r\n"},
    {"a charset that nobody knows is like ASCII",
	"Content-Type: text/plain; charset=x-no; hp-legacy-display=1;"
	" hp=cipher\r\n\r\nx\r\n\r\n\xe4",
	HEAD "Content-Type: text/plain; charset=\"x-no\"\r\n\r\n\xe4"},
    {"bytes that are no UTF-16: stays",
	"Content-Type: text/plain; charset=utf-16be; hp-legacy-display=1;"
	" hp=cipher\r\n\r\nx\r\n\r\nabcd",
	HEAD "Content-Type: text/plain; charset=\"utf-16be\"\r\n\r\n"
	     "x\r\n\r\nabcd"},
    {"in parts, encoded",
	"Content-Type: multipart/alternative; boundary=b; hp=cipher\r\n\r\n"
	"--b\r\nContent-Type: text/plain; hp-legacy-display=1\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n"
	"U3ViamVjdDogeAoKaGk=\r\n"
	"--b\r\nContent-Type: text/plain; hp-legacy-display=1\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"Subject: =C3=A4\r\n \r\n=C3=B6\r\n--b\r\n"
	"Content-Type: message/rfc822\r\n\r\n"
	"Content-Type: text/plain; hp-legacy-display=1\r\n\r\n"
	"Subject: x\r\n\r\nhi\r\n--b--\r\n",
	HEAD "Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n"
	     "--b\r\nContent-Type: text/plain\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\naGk=\r\n"
	     "--b\r\nContent-Type: text/plain\r\n"
	     "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=B6\r\n"
	     "--b\r\nContent-Type: message/rfc822\r\n\r\n"
	     "Content-Type: text/plain; hp-legacy-display=1\r\n\r\n"
	     "Subject: x\r\n\r\nhi\r\n--b--\r\n"},
    {"behind parts that stay",
	"Content-Type: multipart/mixed; boundary=b; hp=cipher\r\n\r\n"
	"--b\r\nContent-Type: message/rfc822\r\n\r\n"
	"Content-Type: multipart/mixed; boundary=c\r\n\r\n"
	"--c\r\nContent-Type: text/plain; hp-legacy-display=1\r\n\r\n"
	"x\r\n\r\nhi\r\n--c--\r\n"
	"--b\nContent-Type: text/plain; hp-legacy-display=1\n"
	"Content-Transfer-Encoding: base64\n\n!\n"
	"--b\nX: y\nContent-Type: text/html; hp-legacy-display=1\nX: z\n\n"
	"<div class=header-protection-legacy-display></div>\n\n"
	"--b\nContent-Type: text/plain; hp-legacy-display=1\n\n--b--\n",
	HEAD "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"
	     "--b\r\nContent-Type: message/rfc822\r\n\r\n"
	     "Content-Type: multipart/mixed; boundary=c\r\n\r\n"
	     "--c\r\nContent-Type: text/plain; hp-legacy-display=1\r\n\r\n"
	     "x\r\n\r\nhi\r\n--c--\r\n"
	     "--b\r\nContent-Type: text/plain; hp-legacy-display=1\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\n!\r\n"
	     "--b\r\nX: y\r\nContent-Type: text/html\r\nX: z\r\n\r\n\r\n\r\n"
	     "--b\r\nContent-Type: text/plain\r\n\r\n--b--\r\n"},
};

#define HP "HP-Outer: Subject: [...]\r\n"

static void
the_copy_for_legacy_readers_is_taken_away(void **state)
{
	for (size_t i = 0; i < COUNT(legacy); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		reveal(ENVELOPED, legacy[i].payload, &out);
		if (!span_is(buf_span(&out), span_str(legacy[i].want)))
			print_error("%s:\n", legacy[i].name);
		assert_span(buf_span(&out), legacy[i].want);
	}
}

static void
a_letter_that_was_not_encrypted_loses_no_text(void **state)
{
	struct received got RECEIVED_OWNED;
	struct buf out BUF_OWNED = BUF_SMALL;

	receive(ENVELOPED,
	    "Content-Type: text/plain; hp-legacy-display=1; hp=cipher\r\n\r\n"
	    "Subject: x\r\n\r\nhi",
	    &got);
	got.letter.encrypted = false;
	assert_ok(view_letter(&got.letter, &out, NULL));
	assert_span(buf_span(&out),
	    HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n\r\nhi");
}

/* Text with an element, and a body of `len` bytes. */
static void
add_display_of(size_t len, const char *type, struct buf *out)
{
	assert_ok(buf_add_format(
	    out, NULL, "%s; hp-legacy-display=1\r\n\r\nS: x\r\n\r\n", type));
	for (size_t at = 8; at < len; at++)
		assert_ok(buf_add_byte(
		    out, (uint8_t)(at % 64 == 0 ? '\n' : 'x'), NULL));
}

/* Does the element of a part with a body of `len` bytes go? */
static bool
is_taken_away(size_t len, bool in_part, size_t steps)
{
	struct buf in BUF_OWNED = BIG, out BUF_OWNED = BIG;
	struct protect_view *view VIEW_OWNED = NULL;
	struct received got RECEIVED_OWNED;

	if (in_part)
		assert_ok(buf_add_str(&in,
		    "Content-Type: multipart/mixed; boundary=b; hp=cipher\r\n"
		    "\r\n--b\r\n",
		    NULL));
	add_display_of(len,
	    in_part ? "Content-Type: text/plain"
		    : "Content-Type: text/plain; hp=cipher",
	    &in);
	if (in_part)
		assert_ok(buf_add_str(&in, "\r\n--b--\r\n", NULL));
	receive_spans(span_str(ENVELOPED), buf_span(&in), true, true, &got);
	assert_ok(protect_view_new(&got.letter, &view, NULL));
	assert_ok(
	    view_in_steps(view, buf_span(&in), view_steps[steps], &out, NULL));
	bool gone = !has(&out, "S: x");
	assert_int_equal(has(&out, "hp-legacy-display"), in_part && !gone);
	struct entity *shown ENTITY_OWNED = NULL;
	assert_ok(entity_parse(buf_span(&out), ENTITY_LIMITS, &shown, NULL));
	const struct entity *part = in_part ? shown->child : shown;
	assert_int_equal(part->body.len, len + (len - 1) / 64 - (gone ? 8 : 0));
	return gone;
}

static void
a_part_that_is_too_long_to_be_held_is_shown_as_it_is(void **state)
{
	for (size_t steps = 0; steps < COUNT(view_steps); steps += 7) {
		size_t max = PROTECT_DISPLAY_MAX;
		assert_true(is_taken_away(max, false, steps));
		assert_false(is_taken_away(max + 1, false, steps));
		assert_true(is_taken_away(max, true, steps));
		assert_false(is_taken_away(max + 1, true, steps));
	}
}

static void
hostile_html_takes_linear_time(void **state)
{
	static const char *const fills[] = {"<div ", "<div>", "</div>",
	    "<div><", "<", "<div class=header-protection-legacy-display>",
	    "<!--", "<title>", "<script></", "<a b=\"", "<div class=\"x\" ",
	    "<!doctype "};

	for (size_t i = 0; i < COUNT(fills); i++) {
		struct buf in BUF_OWNED = BIG, out BUF_OWNED = BIG;
		struct received got RECEIVED_OWNED;
		clock_t start = clock();
		assert_ok(buf_add_str(&in,
		    "Content-Type: text/html; hp-legacy-display=1; "
		    "hp=cipher\r\n\r\n",
		    NULL));
		while (in.len < 1000000)
			assert_ok(buf_add_str(&in, fills[i], NULL));
		receive_spans(
		    span_str(ENVELOPED), buf_span(&in), true, true, &got);
		assert_ok(view_whole(&got.letter, &out, NULL));
		if (clock() - start > 3 * CLOCKS_PER_SEC)
			fail_msg("slow: %s", fills[i]);
	}
}

/* ---- written ---------------------------------------------------------------- */

static const struct protect_options displaying = {
    .policy = PROTECT_BASELINE, .encrypting = true, .legacy = true};

#define SUBJECT "Subject: D <&>'\" p\r\n"
#define ELEMENT                                                 \
	"<div class=\"header-protection-legacy-display\"><pre>" \
	"Subject: D &lt;&amp;&gt;&apos;&quot; p</pre></div>"
#define PLAIN_ELEMENT SUBJECT "\r\n"

/* Behind "Subject: ...", and what of it stands in the payload behind that. */
static const struct {
	const char *name, *input, *want;
} writes[] = {
    {"text", "\r\nhi\r\n",
	"Content-Type: text/plain; charset=\"us-ascii\"; "
	"hp-legacy-display=\"1\";\r\n hp=\"cipher\"\r\n" HP "\r\n" PLAIN_ELEMENT
	"hi\r\n"},
    {"HTML",
	"Content-Type: text/html\r\n\r\n<html><head><title>a</title></head>"
	"<body onload=\"a>b\">x</body>",
	"Content-Type: text/html; hp-legacy-display=\"1\"; hp=\"cipher\""
	"\r\n" HP "\r\n<html><head><title>a</title></head>"
	"<body onload=\"a>b\">" ELEMENT "x</body>"},
    {"HTML without a body",
	"Content-Type: text/html\r\n\r\n<html><head><!--<body>--></head>x",
	"Content-Type: text/html; hp-legacy-display=\"1\"; hp=\"cipher\""
	"\r\n" HP "\r\n<html><head><!--<body>--></head>" ELEMENT "x"},
    {"HTML with its type only",
	"Content-Type: text/html\r\n\r\n <!DOCTYPE html>x",
	"Content-Type: text/html; hp-legacy-display=\"1\"; hp=\"cipher\""
	"\r\n" HP "\r\n <!DOCTYPE html>" ELEMENT "x"},
    {"a piece of HTML", "Content-Type: text/html\r\n\r\nx",
	"Content-Type: text/html; hp-legacy-display=\"1\"; hp=\"cipher\""
	"\r\n" HP "\r\n" ELEMENT "x"},
    {"no text", "Content-Type: a/b\r\n\r\nx",
	"Content-Type: a/b; hp=\"cipher\"\r\n" HP "\r\nx"},
    {"an attachment",
	"Content-Type: text/plain\r\nContent-Disposition: ATTACHMENT\r\n"
	"\r\nx",
	"Content-Disposition: ATTACHMENT\r\n"
	"Content-Type: text/plain; hp=\"cipher\"\r\n" HP "\r\nx"},
    {"the main body parts and no others",
	"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
	"--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
	"--b\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n"
	"--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n"
	"--c\r\nContent-Type: text/html\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n"
	"--c\r\n\r\nx\r\n--c--\r\n--b--\r\n--a\r\n\r\nx\r\n--a--\r\n",
	"Content-Type: multipart/mixed; boundary=a; hp=\"cipher\"\r\n" HP "\r\n"
	"--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
	"--b\r\nContent-Transfer-Encoding: base64\r\n"
	"Content-Type: text/plain; charset=\"us-ascii\"; "
	"hp-legacy-display=\"1\"\r\n\r\n"
	"U3ViamVjdDogRCA8Jj4nIiBwDQoNCng=\r\n"
	"--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n"
	"--c\r\nContent-Type: text/html; hp-legacy-display=\"1\"\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"<div class=3D\"header-protection-legacy-display\"><pre>Subject: D "
	"&lt;&amp;&g=\r\nt;&apos;&quot; p</pre></div>=C3=A4\r\n"
	"--c\r\n\r\nx\r\n--c--\r\n--b--\r\n--a\r\n\r\nx\r\n--a--\r\n"},
};

static void
hidden_fields_are_written_into_the_main_body_parts(void **state)
{
	for (size_t i = 0; i < COUNT(writes); i++) {
		struct composed got COMPOSED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL, want BUF_OWNED = BUF_SMALL;
		const char *text;
		assert_ok(
		    buf_add_format(&in, NULL, SUBJECT "%s", writes[i].input));
		assert_ok(
		    buf_add_format(&want, NULL, SUBJECT "%s", writes[i].want));
		assert_ok(buf_str(&in, &text, NULL));
		compose_ok(text, &displaying, &got);
		if (!span_is(buf_span(&got.payload), buf_span(&want)))
			print_error("%s:\n", writes[i].name);
		assert_bytes(buf_span(&got.payload), buf_span(&want));
	}
}

static void
only_what_people_read_and_is_hidden_is_written(void **state)
{
	static const struct {
		const char *header, *want;
		enum protect_policy policy;
	} cases[] = {
	    {"From: A <a@b.test>\r\nSubject: x\r\n y\r\nKeywords: =?utf-8?Q?z?="
	     "\r\nThread-Topic: x\r\n",
		"\r\n\r\nSubject: x y\r\nKeywords: z\r\n\r\nhi",
		PROTECT_BASELINE},
	    {"From: A <a@b.test>\r\nTo: b@b.test\r\n",
		"\r\n\r\nFrom: A <a@b.test>\r\n\r\nhi", PROTECT_SHY},
	    {"From: A <a@b.test>\r\nSubject: x\r\n", "\r\n\r\nhi",
		PROTECT_NONE},
	    {"From: a@b.test\r\n", "\r\n\r\nhi", PROTECT_BASELINE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct protect_options options = displaying;
		struct composed got COMPOSED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL;
		const char *text;
		options.policy = cases[i].policy;
		assert_ok(
		    buf_add_format(&in, NULL, "%s\r\nhi", cases[i].header));
		assert_ok(buf_str(&in, &text, NULL));
		compose_ok(text, &options, &got);
		assert_true(has(&got.payload, cases[i].want));
		assert_int_equal(has(&got.payload, "hp-legacy-display"),
		    cases[i].want[4] != 'h');
	}
}

static void
a_letter_that_is_signed_only_has_no_display(void **state)
{
	struct protect_options options = displaying;
	struct composed got COMPOSED_OWNED;

	options.encrypting = false;
	compose_ok("Subject: x\r\n\r\nhi", &options, &got);
	assert_span(buf_span(&got.payload),
	    "Subject: x\r\nContent-Type: text/plain; charset=utf-8; "
	    "hp=\"clear\"\r\n\r\nhi");
}

/* Every charset, what a part in it becomes, and that the way back is right. */
static const struct {
	const char *name, *input, *python;
} charsets[] = {
    {"ASCII becomes UTF-8", "Content-Type: text/plain\r\n\r\nhi\r\n",
	"assert t == \"hi\\n\", repr(t)\n"},
    {"UTF-8",
	"Content-Type: text/plain; charset=UTF-8\r\n"
	"Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n",
	"assert t == \"\\u00e4\\n\", repr(t)\n"},
    {"Latin-1 holds it",
	"Content-Type: text/plain; charset=iso-8859-1\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n",
	"assert t == \"\\u00e4\\n\", repr(t)\n"
	"assert m.get_content_charset() == \"iso-8859-1\"\n"},
    {"KOI8-R does not",
	"Content-Type: text/plain; charset=koi8-r\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\nwQ0K\r\n",
	"assert t == \"\\u0430\\n\", repr(t)\n"
	"assert m.get_content_charset() == \"utf-8\"\n"},
    {"UTF-16",
	"Content-Type: text/plain; charset=utf-16le\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n5AANAAoA\r\n",
	"assert t == \"\\u00e4\\n\", repr(t)\n"
	"assert m.get_content_charset() == \"utf-8\"\n"},
    {"ISO-2022-JP",
	"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
	"\x1b$B\x24\x22\x1b(B\r\n",
	"assert t == \"\\u3042\\n\", repr(t)\n"
	"assert m.get_content_charset() == \"utf-8\"\n"},
    {"HTML in Latin-1",
	"Content-Type: text/html; charset=iso-8859-1\r\n"
	"Content-Transfer-Encoding: 8bit\r\n\r\n<body>\xe4</body>\r\n",
	"assert t == \"<body>\\u00e4</body>\\n\", repr(t)\n"
	"assert m.get_content_charset() == \"iso-8859-1\"\n"},
};

static void
python_reads_the_display_and_the_text_in_every_charset(void **state)
{
	for (size_t i = 0; i < COUNT(charsets); i++) {
		struct composed got COMPOSED_OWNED;
		struct received back RECEIVED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		struct buf script BUF_OWNED = BUF_SMALL;
		const char *text;
		assert_ok(buf_add_format(&in, NULL,
		    "Subject: =?utf-8?Q?=C3=B6?= x\r\n%s", charsets[i].input));
		assert_ok(buf_str(&in, &text, NULL));
		compose_ok(text, &displaying, &got);
		assert_ok(buf_add_format(&script, NULL,
		    "import html\n"
		    "t = html.unescape(m.get_content())\n"
		    "t = t.replace(\"\\r\", \"\")\n"
		    "l = \"Subject: \\u00f6 x\"\n"
		    "e = l + \"\\n\\n\"\n"
		    "if m.get_content_subtype() == \"html\":\n"
		    "    e = \"<div class=\\\"header-protection-legacy-display"
		    "\\\"><pre>\" + l + \"</pre></div>\"\n"
		    "assert e in t, repr(t)\n"
		    "assert m[\"content-type\"].params["
		    "\"hp-legacy-display\"] == \"1\"\n"
		    "t = t.replace(e, \"\")\n%s",
		    charsets[i].python));
		assert_ok(buf_str(&script, &text, NULL));
		ask_python(text, buf_span(&got.payload));
		receive_composed(&got, &back);
		assert_ok(view_letter(&back.letter, &out, NULL));
		buf_clear(&script);
		assert_ok(buf_add_format(&script, NULL,
		    "t = m.get_content().replace(\"\\r\", \"\")\n%s",
		    charsets[i].python));
		assert_ok(buf_str(&script, &text, NULL));
		ask_python(text, buf_span(&out));
	}
}

static void
a_part_that_cannot_hold_it_goes_without(void **state)
{
	static const char *const letters[] = {
	    "Content-Type: text/plain; charset=x-no\r\n\r\n\xe4",
	    "Content-Type: text/plain\r\n\r\n\xe4",
	    "Content-Type: text/plain; charset=utf-16\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n",
	    "Content-Type: text/plain\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n!\r\n",
	    "Content-Type: text/plain; charset=\"utf-8//IGNORE\"\r\n\r\n\xe4",
	};

	for (size_t i = 0; i < COUNT(letters); i++) {
		struct composed got COMPOSED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL;
		const char *text;
		assert_ok(buf_add_format(&in, NULL,
		    "Subject: =?utf-8?Q?=C3=B6?=\r\n%s", letters[i]));
		assert_ok(buf_str(&in, &text, NULL));
		compose_ok(text, &displaying, &got);
		if (has(&got.payload, "hp-legacy-display"))
			fail_msg("letter %zu has it", i);
	}
}

/* ---- RFC 9788 appendix E, from the letters that its payloads are made of ---- */

#define RFC_HEAD(kind)                                               \
	"Date: Fri, 21 Jan 2022 20:40:48 -0500\r\n"                  \
	"From: Alice <alice@example.net>\r\n"                        \
	"To: Bob <bob@example.net>\r\n"                              \
	"Subject: Dinner plans\r\n"                                  \
	"Message-ID: <text-" kind "-legacy-display@lhp.example>\r\n" \
	"MIME-Version: 1.0\r\n"
#define RFC_OUTER(kind)                                       \
	"HP-Outer: Date: Fri, 21 Jan 2022 20:40:48 -0500\r\n" \
	"HP-Outer: From: Alice <alice@example.net>\r\n"       \
	"HP-Outer: To: Bob <bob@example.net>\r\n"             \
	"HP-Outer: Subject: [...]\r\n"                        \
	"HP-Outer: Message-ID: <text-" kind                   \
	"-legacy-display@lhp.example>\r\n\r\n"
#define RFC_TEXT                                                       \
	"Let's meet at Rama's Roti Shop at 8pm and go to the park\r\n" \
	"from there.\r\n"

static void
the_letters_of_the_rfc_are_composed_as_it_prints_them(void **state)
{
	struct composed got COMPOSED_OWNED;

	compose_ok(RFC_HEAD("plain") "Content-Type: text/plain; "
				     "charset=\"us-ascii\"\r\n\r\n" RFC_TEXT,
	    &displaying, &got);
	assert_span(buf_span(&got.payload),
	    RFC_HEAD(
		"plain") "Content-Type: text/plain; charset=\"us-ascii\"; "
			 "hp-legacy-display=\"1\";\r\n "
			 "hp=\"cipher\"\r\n" RFC_OUTER(
			     "plain") "Subject: Dinner plans\r\n\r\n" RFC_TEXT);
}

/* The element stands there with line ends of its own. */
static void
html_as_the_rfc_prints_it_is_read(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	reveal("Subject: [...]\r\n" ENVELOPED,
	    RFC_HEAD("html") "Content-Type: text/html; charset=\"us-ascii\"; "
			     "hp-legacy-display=\"1\";\r\n "
			     "hp=\"cipher\"\r\n" RFC_OUTER(
				 "html") "<html><head><title></title></"
					 "head><body>\r\n"
					 "<div "
					 "class=\"header-protection-legacy-"
					 "display\">"
					 "\r\n<pre>Subject: Dinner "
					 "plans</pre>\r\n</div>"
					 "\r\n<p>\r\n" RFC_TEXT
					 "</p>\r\n</body>\r\n</html>\r\n",
	    &out);
	assert_span(buf_span(&out),
	    RFC_HEAD("html") "Content-Type: text/html; charset=\"us-ascii\"\r\n"
			     "\r\n<html><head><title></title></head><body>\r\n"
			     "\r\n<p>\r\n" RFC_TEXT
			     "</p>\r\n</body>\r\n</html>\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_copy_for_legacy_readers_is_taken_away),
	    cmocka_unit_test(a_letter_that_was_not_encrypted_loses_no_text),
	    cmocka_unit_test(
		a_part_that_is_too_long_to_be_held_is_shown_as_it_is),
	    cmocka_unit_test(hostile_html_takes_linear_time),
	    cmocka_unit_test(
		hidden_fields_are_written_into_the_main_body_parts),
	    cmocka_unit_test(only_what_people_read_and_is_hidden_is_written),
	    cmocka_unit_test(a_letter_that_is_signed_only_has_no_display),
	    cmocka_unit_test(
		python_reads_the_display_and_the_text_in_every_charset),
	    cmocka_unit_test(a_part_that_cannot_hold_it_goes_without),
	    cmocka_unit_test(
		the_letters_of_the_rfc_are_composed_as_it_prints_them),
	    cmocka_unit_test(html_as_the_rfc_prints_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
