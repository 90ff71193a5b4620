#include "edge/imap_items.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct entity, entity_free);

static enum rc
parse(const char *text, struct imap_items *items, struct err *err)
{
	struct span exact EXACT = expect_exact(span_str(text));
	struct imap_walk walk = {exact};

	imap_items_init(items);
	return imap_items_parse(&walk, items, err);
}

static void
lists_and_macros_are_read(void **state)
{
	static const struct {
		const char *text, *want;
		bool sees, letter;
	} cases[] = {
	    {"FLAGS", "FLAGS ", false, false},
	    {"(uid flags internaldate)", "UID FLAGS INTERNALDATE ", false,
		false},
	    {"fast", "FLAGS INTERNALDATE RFC822.SIZE ", false, true},
	    {"ALL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE ", false, true},
	    {"FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY ", false,
		true},
	    {"BODYSTRUCTURE", "BODYSTRUCTURE ", false, true},
	    {"RFC822", "RFC822 ", true, true},
	    {"RFC822.HEADER", "RFC822.HEADER ", false, true},
	    {"(RFC822.TEXT UID)", "RFC822.TEXT UID ", true, true},
	    {"BODY[]", "BODY[] ", true, true},
	    {"body.peek[]", "BODY[] ", false, true},
	    {"BODY.PEEK[1.2.mime]<5.7>", "BODY[1.2.MIME]<5> ", false, true},
	    {"(BODY[HEADER.FIELDS (From \"to\")] BODY)",
		"BODY[HEADER.FIELDS (From to)] BODY ", true, true},
	    {"BODY[TEXT]<0.1>", "BODY[TEXT]<0> ", true, true},
	    {"(BINARY[1] binary.size[2.3])", "BINARY[1] BINARY.SIZE[2.3] ",
		true, true},
	    {"BINARY.PEEK[1]<2.3>", "BINARY[1]<2> ", false, true},
	    {"BINARY.SIZE[]", "BINARY.SIZE[] ", false, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct imap_items items IMAP_ITEMS_OWNED;
		struct buf got BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_done(parse(cases[i].text, &items, &err), err);
		for (size_t n = 0; n < items.len; n++)
			assert_ok(buf_add_format(
			    &got, &err, "%s ", items.item[n].name));
		assert_span(buf_span(&got), cases[i].want);
		assert_int_equal(items.sees, cases[i].sees);
		assert_int_equal(
		    imap_items_need_letter(&items), cases[i].letter);
	}
}

static void
what_is_no_list_is_refused(void **state)
{
	static const char *const cases[] = {"", "()", "(FLAGS", "FLAGS UID",
	    "(ALL)", "(FLAGS) x", "NONSENSE", "\"FLAGS\"", "BODY[", "BODY[]x",
	    "BODY[]<", "BODY[]<1>", "BODY[]<1.0>", "BODY[]<.1>", "BODY[]<1.>",
	    "BODY[]<1.2", "BODY[]<4294967296.1>", "BODY[]<-1.1>",
	    "BINARY[TEXT]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.1>", "BINARY",
	    "BINARYX[1]", "BODY.PEEK", "RFC822.PEEK", "((FLAGS))", "FLAGS[]",
	    "FLAGS (CHANGEDSINCE)", "FLAGS (CHANGEDSINCE x)",
	    "FLAGS (VANISHED)", "FLAGS (CHANGEDSINCE 1", "MODSEQ[]"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct imap_items items IMAP_ITEMS_OWNED;
		struct err err = ERR_NONE;
		assert_rc(parse(cases[i], &items, &err), RC_SYNTAX);
	}
}

static void
modifiers_are_read(void **state)
{
	static const struct {
		const char *text, *since;
		bool vanished;
	} cases[] = {
	    {"FLAGS", "", false},
	    {"(FLAGS UID) (CHANGEDSINCE 12345)", "12345", false},
	    {"ALL (changedsince 9223372036854775807 vanished)",
		"9223372036854775807", true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct imap_items items IMAP_ITEMS_OWNED;
		struct err err = ERR_NONE;
		assert_done(parse(cases[i].text, &items, &err), err);
		assert_string_equal(items.changed_since, cases[i].since);
		assert_int_equal(items.vanished, cases[i].vanished);
		assert_int_equal(imap_items_have(&items, IMAP_ITEM_MODSEQ),
		    cases[i].since[0] != '\0');
	}
}

static void
as_many_items_as_the_limit_and_no_more(void **state)
{
	for (size_t count = IMAP_ITEMS_MAX; count <= IMAP_ITEMS_MAX + 1;
	     count++) {
		struct imap_items items IMAP_ITEMS_OWNED;
		struct buf text BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		const char *list;
		assert_ok(buf_add_str(&text, "(", &err));
		for (size_t i = 0; i < count; i++)
			assert_ok(buf_add_str(&text, "FLAGS ", &err));
		assert_ok(buf_add_str(&text, ")", &err));
		assert_ok(buf_str(&text, &list, &err));
		assert_rc(parse(list, &items, &err),
		    count == IMAP_ITEMS_MAX ? RC_OK : RC_LIMIT);
	}
}

static void
what_every_answer_needs_is_put_in_front_once(void **state)
{
	struct imap_items items IMAP_ITEMS_OWNED;
	struct err err = ERR_NONE;

	assert_ok(parse("(BODY[1] FLAGS)", &items, &err));
	assert_ok(imap_items_add(&items, IMAP_ITEM_UID, &err));
	assert_ok(imap_items_add(&items, IMAP_ITEM_UID, &err));
	assert_ok(imap_items_add(&items, IMAP_ITEM_FLAGS, &err));
	assert_int_equal(items.len, 3);
	assert_string_equal(items.item[0].name, "UID");
	assert_string_equal(items.item[1].name, "BODY[1]");
	assert_string_equal(items.item[2].name, "FLAGS");
}

/* --- values ---------------------------------------------------------------- */

/* What the letter answers to an item. */
static enum rc
print(const char *bytes, const char *item, struct buf *out, struct err *err)
{
	struct span exact EXACT = expect_exact(span_str(bytes));
	struct entity *letter OWNED(entity_free) = NULL;
	struct imap_items items IMAP_ITEMS_OWNED;

	assert_ok(entity_parse(exact, ENTITY_LIMITS, &letter, err));
	assert_done(parse(item, &items, err), *err);
	return imap_item_print(&items.item[0], letter, out, err);
}

static void
expect_answer(const char *bytes, const char *item, const char *want)
{
	struct buf got BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_done(print(bytes, item, &got, &err), err);
	assert_span(buf_span(&got), want);
}

static void
a_part_is_cut_out_of_the_bytes(void **state)
{
	static const struct {
		const char *item, *want;
	} cases[] = {
	    {"BODY[]", "{15}\r\nA: 1\r\n\r\n1234567"},
	    {"BODY[TEXT]<0.3>", "{3}\r\n123"},
	    {"BODY[TEXT]<2.3>", "{3}\r\n345"},
	    {"BODY[TEXT]<5.100>", "{2}\r\n67"},
	    {"BODY[TEXT]<7.1>", "{0}\r\n"},
	    {"BODY[TEXT]<4294967295.4294967295>", "{0}\r\n"},
	    {"BODY[7]", "{0}\r\n"},
	    {"RFC822.SIZE", "15"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		expect_answer(
		    "A: 1\r\n\r\n1234567", cases[i].item, cases[i].want);
}

static const char encoded[] =
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n"
    "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41=\r\nB\r\n"
    "--b\r\nContent-Transfer-Encoding: x-odd\r\n\r\nx\r\n"
    "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n"
    "--b--\r\n";

/* RFC 3516 section 4.2 */
static void
a_part_is_given_without_its_encoding(void **state)
{
	static const struct {
		const char *item, *want;
		size_t len;
	} cases[] = {
	    {"BINARY[1]", "~{3}\r\na\0b", 9},
	    {"BINARY.SIZE[1]", "3", 1},
	    {"BINARY.PEEK[1]<1.1>", "~{1}\r\n\0", 7},
	    {"BINARY.PEEK[1]<2.9>", "{1}\r\nb", 6},
	    {"BINARY.PEEK[1]<3.9>", "{0}\r\n", 5},
	    {"BINARY[2]", "{2}\r\nAB", 7},
	    {"BINARY.SIZE[7]", "0", 1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf got BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_done(print(encoded, cases[i].item, &got, &err), err);
		assert_bytes(
		    buf_span(&got), span_of(cases[i].want, cases[i].len));
	}
}

static void
an_encoding_that_cannot_be_undone_is_said_to_be_one(void **state)
{
	static const char *const cases[] = {
	    "BINARY[3]", "BINARY.SIZE[3]", "BINARY[4]", "BINARY.SIZE[4]"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf got BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_rc(print(encoded, cases[i], &got, &err), RC_UNFIT);
		assert_true(span_starts(span_str(err.text), "[UNKNOWN-CTE] "));
		assert_int_equal(got.len, 0);
	}
}

static void
addresses_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *to, *want;
	} cases[] = {
	    {"a@b.c", "((NIL NIL \"a\" \"b.c\"))"},
	    {"A B <a@b>", "((\"A B\" NIL \"a\" \"b\"))"},
	    {"\"A, \\\"B\\\"\" <a@b>", "((\"A, \\\"B\\\"\" NIL \"a\" \"b\"))"},
	    {"a@b (Name (in) it)", "((\"Name (in) it\" NIL \"a\" \"b\"))"},
	    {"=?utf-8?Q?x?= <a@b>", "((\"=?utf-8?Q?x?=\" NIL \"a\" \"b\"))"},
	    {"a . b @ c . d", "((NIL NIL \"a.b\" \"c.d\"))"},
	    {"\"a b\"@c", "((NIL NIL \"a b\" \"c\"))"},
	    {"J. Doe <j@d>", "((\"J. Doe\" NIL \"j\" \"d\"))"},
	    {"<@r1,@r2:a@b>", "((NIL \"@r1,@r2\" \"a\" \"b\"))"},
	    {"a@[1.2.3.4]", "((NIL NIL \"a\" \"[1.2.3.4]\"))"},
	    {"G: a@b, c@d;", "((NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")"
			     "(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL))"},
	    {"G:;", "((NIL NIL \"G\" NIL)(NIL NIL NIL NIL))"},
	    {"G: a@b", "((NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")"
		       "(NIL NIL NIL NIL))"},
	    {"a@b,,c@d,", "((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
	    {"nobody", "((NIL NIL \"nobody\" \"MISSING_DOMAIN\"))"},
	    {"<a>", "((NIL NIL \"a\" \"MISSING_DOMAIN\"))"},
	    {"<>", "((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\"))"},
	    {"@b", "((NIL NIL \"MISSING_MAILBOX\" \"b\"))"},
	    {"\"open <a@b>", "((NIL NIL \"open <a@b>\" \"MISSING_DOMAIN\"))"},
	    {"a@b (open", "((\"open\" NIL \"a\" \"b\"))"},
	    {"(only)", "NIL"},
	    {"", "NIL"},
	    {",;:", "((NIL NIL \"\" NIL)(NIL NIL NIL NIL))"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct buf want BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		const char *bytes, *text;
		assert_ok(buf_add_format(
		    &letter, &err, "To: %s\r\n\r\n", cases[i].to));
		assert_ok(buf_add_format(&want, &err,
		    "(NIL NIL NIL NIL NIL %s NIL NIL NIL NIL)", cases[i].want));
		assert_ok(buf_str(&letter, &bytes, &err));
		assert_ok(buf_str(&want, &text, &err));
		expect_answer(bytes, "ENVELOPE", text);
	}
}

static void
structures_are_what_the_grammar_allows(void **state)
{
	static const struct {
		const char *letter, *want;
	} cases[] = {
	    {"\r\nx\r\n",
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		"\"7bit\" 3 1 NIL NIL NIL NIL)"},
	    /* no boundary: a multipart that cannot be divided */
	    {"Content-Type: multipart/mixed\r\n\r\nx\r\n",
		"((\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) \"mixed\" "
		"NIL NIL NIL NIL)"},
	    /* a message that cannot be looked into */
	    {"Content-Type: message/rfc822\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
		"(\"message\" \"rfc822\" NIL NIL NIL \"base64\" 6 (NIL NIL NIL "
		"NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" NIL NIL NIL "
		"\"7bit\" 0 0) 1 NIL NIL NIL NIL)"},
	    {"Content-Type: message/global\r\n\r\nSubject: x\r\n\r\ny",
		"(\"message\" \"global\" NIL NIL NIL \"7bit\" 15 NIL NIL NIL "
		"NIL)"},
	    {"Content-Type: image/png; name*=utf-8''%C3%A4%20b\r\n"
	     "Content-Transfer-Encoding: x-odd\r\n"
	     "Content-Disposition: ???\r\nContent-Language: ,\r\n\r\n",
		"(\"image\" \"png\" (\"name*\" \"utf-8''%C3%A4%20b\") NIL NIL "
		"\"x-odd\" 0 NIL NIL NIL NIL)"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		expect_answer(cases[i].letter, "BODYSTRUCTURE", cases[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_and_macros_are_read),
	    cmocka_unit_test(what_is_no_list_is_refused),
	    cmocka_unit_test(modifiers_are_read),
	    cmocka_unit_test(as_many_items_as_the_limit_and_no_more),
	    cmocka_unit_test(what_every_answer_needs_is_put_in_front_once),
	    cmocka_unit_test(a_part_is_cut_out_of_the_bytes),
	    cmocka_unit_test(a_part_is_given_without_its_encoding),
	    cmocka_unit_test(
		an_encoding_that_cannot_be_undone_is_said_to_be_one),
	    cmocka_unit_test(addresses_are_read_as_people_write_them),
	    cmocka_unit_test(structures_are_what_the_grammar_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
