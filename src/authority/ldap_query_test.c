#include "authority/ldap_query.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/expect.h"
#include "pki/der_write.h"

/* (mail=a@b.c) */
#define MAIL                           \
	"\xa3\x0d\x04\x04mail\x04\x05" \
	"a@b.c"
/* A search of everything below "", whatever the filter. */
#define BEFORE                                                     \
	"\x04\x00\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00" \
	"\x01\x01\x00"

#define BYTES(text) ((struct span){(const uint8_t *)"" text, sizeof(text) - 1})

/* Append a whole message around an operation, and perhaps controls. */
static void
wrap(uint8_t op, struct span content, struct span behind, struct buf *out)
{
	size_t whole = 0, inner = 0;

	assert_ok(der_write_begin(out, DER_SEQUENCE, &whole, NULL));
	assert_ok(der_write_number(out, DER_INTEGER, 7, NULL));
	assert_ok(der_write_begin(out, op, &inner, NULL));
	assert_ok(buf_add(out, content, NULL));
	assert_ok(der_write_end(out, inner, NULL));
	assert_ok(buf_add(out, behind, NULL));
	assert_ok(der_write_end(out, whole, NULL));
}

static void
wrap_search(struct span filter, struct span attributes, struct buf *out)
{
	struct buf content BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add(&content, BYTES(BEFORE), NULL));
	assert_ok(buf_add(&content, filter, NULL));
	assert_ok(der_write_bytes(&content, DER_SEQUENCE, attributes, NULL));
	wrap(LDAP_SEARCH, buf_span(&content), SPAN_NONE, out);
}

static void
a_search_is_read(void **state)
{
	struct buf message BUF_OWNED = BUF_SMALL;
	struct ldap_mails mails = {.len = 0};
	struct ldap_query query;
	struct span rest, one;
	size_t size = 0;

	wrap_search(BYTES(MAIL),
	    BYTES("\x04\x02"
		  "cn\x04\x01*"),
	    &message);
	assert_ok(ldap_query_size(buf_span(&message), &size, NULL));
	assert_int_equal(size, message.len);
	assert_ok(ldap_query_parse(buf_span(&message), &query, NULL));
	assert_int_equal(query.id, 7);
	assert_int_equal(query.op, LDAP_SEARCH);
	assert_int_equal(query.search.scope, LDAP_SUB);
	assert_ok(ldap_filter_mails(query.search.filter, &mails, NULL));
	assert_int_equal(mails.len, 1);
	assert_span(mails.item[0], "a@b.c");
	rest = query.search.attributes;
	assert_true(ldap_query_next(&rest, &one));
	assert_span(one, "cn");
	assert_true(ldap_query_next(&rest, &one));
	assert_span(one, "*");
	assert_false(ldap_query_next(&rest, &one));
}

/* From a block of exactly its size; every cut of a message is none, and to who
 * reads a stream more to come. */
static void
a_part_of_a_message_is_none(void **state)
{
	struct buf message BUF_OWNED = BUF_SMALL;
	struct ldap_query query;
	size_t size = 0;

	wrap_search(BYTES(MAIL), SPAN_NONE, &message);
	for (size_t len = 0; len < message.len; len++) {
		uint8_t *block = malloc(len > 0 ? len : 1);
		assert_non_null(block);
		memcpy(block, message.data, len);
		struct span part = span_of(block, len);
		assert_rc(ldap_query_parse(part, &query, NULL), RC_SYNTAX);
		assert_rc(ldap_query_size(part, &size, NULL), RC_AGAIN);
		free(block);
	}
}

/* As Windows writes them. */
static void
lengths_may_be_longer_than_needed(void **state)
{
	static const char unbind[] =
	    "\x30\x84\x00\x00\x00\x0b\x02\x84\x00\x00\x00\x01\x07\x42\x82\x00"
	    "\x00";
	struct ldap_query query;

	assert_ok(ldap_query_parse(
	    span_of(unbind, sizeof(unbind) - 1), &query, NULL));
	assert_int_equal(query.id, 7);
	assert_int_equal(query.op, LDAP_UNBIND);
}

static void
what_is_no_message_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct span in;
	} cases[] = {
	    {"empty", {NULL, 0}},
	    {"a set", BYTES("\x31\x05\x02\x01\x07\x42\x00")},
	    {"indefinite", BYTES("\x30\x80\x02\x01\x07\x42\x00\x00\x00")},
	    {"five octets of length",
		BYTES("\x30\x85\x00\x00\x00\x00\x05\x02\x01\x07\x42\x00")},
	    {"a long tag", BYTES("\x30\x06\x02\x01\x07\x5f\x42\x00")},
	    {"a negative number", BYTES("\x30\x05\x02\x01\x87\x42\x00")},
	    {"no number", BYTES("\x30\x04\x02\x00\x42\x00")},
	    {"a number too large",
		BYTES("\x30\x09\x02\x05\x00\x80\x00\x00\x00\x42\x00")},
	    {"an unknown operation", BYTES("\x30\x05\x02\x01\x07\x7e\x00")},
	    {"something behind", BYTES("\x30\x05\x02\x01\x07\x42\x00\x00")},
	    {"an inner length over the end",
		BYTES("\x30\x05\x02\x01\x07\x42\x01")},
	};
	struct ldap_query query;

	for (size_t i = 0; i < COUNT(cases); i++)
		if (ldap_query_parse(cases[i].in, &query, NULL) != RC_SYNTAX)
			fail_msg("%s was taken", cases[i].name);
}

static enum rc
parse_filter(struct span filter)
{
	struct buf message BUF_OWNED = BUF_SMALL;
	struct ldap_query query;

	wrap_search(filter, SPAN_NONE, &message);
	return ldap_query_parse(buf_span(&message), &query, NULL);
}

static void
what_is_no_filter_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct span in;
	} cases[] = {
	    {"none", {NULL, 0}},
	    {"two", BYTES(MAIL MAIL)},
	    {"unknown", BYTES("\xaa\x00")},
	    {"one side", BYTES("\xa3\x06\x04\x04mail")},
	    {"three sides", BYTES("\xa3\x07\x04\x01"
				  "a\x04\x00\x04\x00")},
	    {"not of nothing", BYTES("\xa2\x00")},
	    {"not of two", BYTES("\xa2\x06\x87\x01"
				 "a\x87\x01"
				 "b")},
	    {"no substrings", BYTES("\xa4\x05\x04\x01"
				    "a\x30\x00")},
	    {"odd substrings", BYTES("\xa4\x08\x04\x01"
				     "a\x30\x03\x83\x01"
				     "b")},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (parse_filter(cases[i].in) != RC_SYNTAX)
			fail_msg("%s was taken", cases[i].name);
}

/* So many "not" around (a=*). */
static void
nest(size_t levels, struct buf *out)
{
	struct buf inner BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add(&inner,
	    BYTES("\x87\x01"
		  "a"),
	    NULL));
	for (size_t i = 0; i < levels; i++) {
		buf_clear(out);
		assert_ok(der_write_bytes(out, 0xa2, buf_span(&inner), NULL));
		buf_clear(&inner);
		assert_ok(buf_add(&inner, buf_span(out), NULL));
	}
}

static void
filters_have_limits(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		enum rc want = more == 0 ? RC_OK : RC_LIMIT;
		struct buf deep BUF_OWNED = BUF_SMALL;
		struct buf parts BUF_OWNED = BUF_SMALL;
		struct buf wide BUF_OWNED = BUF_SMALL;
		nest(LDAP_FILTER_DEPTH - 1 + more, &deep);
		assert_rc(parse_filter(buf_span(&deep)), want);
		for (size_t i = 1; i < LDAP_FILTER_PARTS + more; i++)
			assert_ok(buf_add(&parts,
			    BYTES("\x87\x01"
				  "a"),
			    NULL));
		assert_ok(der_write_bytes(&wide, 0xa0, buf_span(&parts), NULL));
		assert_rc(parse_filter(buf_span(&wide)), want);
	}
}

static void
addresses_have_a_limit_and_count_once(void **state)
{
	struct buf all BUF_OWNED = BUF_SMALL;

	for (size_t more = 0; more < 2; more++) {
		struct ldap_mails mails = {.len = 0};
		buf_clear(&all);
		for (size_t i = 0; i < LDAP_MAILS_MAX + more; i++)
			for (int twice = 0; twice < 2; twice++)
				assert_ok(buf_add_format(&all, NULL,
				    "\xa3\x0d\x04\x04%s\x04\x05%c@b.c",
				    twice ? "MAIL" : "mail", (int)('a' + i)));
		assert_rc(ldap_filter_mails(buf_span(&all), &mails, NULL),
		    more == 0 ? RC_OK : RC_LIMIT);
		assert_int_equal(mails.len, LDAP_MAILS_MAX);
	}
}

static void
a_message_has_a_limit(void **state)
{
	size_t size = 0;

	assert_rc(ldap_query_size(BYTES("\x30\x83\x00\xff\xfb"), &size, NULL),
	    RC_AGAIN);
	assert_int_equal(size, LDAP_QUERY_MAX);
	assert_rc(ldap_query_size(BYTES("\x30\x83\x00\xff\xfc"), &size, NULL),
	    RC_LIMIT);
	assert_rc(
	    ldap_query_size(BYTES("\x30\x84\xff\xff\xff\xff"), &size, NULL),
	    RC_LIMIT);
}

/* Beside addresses that are looked up, a filter says more. */
static void
filters_match_as_they_say(void **state)
{
	static const struct span mail[] = {{(const uint8_t *)"a@b.c", 5}};
	static const struct span classes[] = {{(const uint8_t *)"top", 3},
	    {(const uint8_t *)"inetOrgPerson", 13}};
	static const struct ldap_entry entry = {
	    .attribute = {{.name = "objectClass",
			      .oid = "2.5.4.0",
			      .value = classes,
			      .len = 2},
		{.name = "mail",
		    .oid = "0.9.2342.19200300.100.1.3",
		    .value = mail,
		    .len = 1},
		{.name = "userCertificate",
		    .oid = "2.5.4.36",
		    .binary = true,
		    .value = mail,
		    .len = 1}},
	    .len = 3};
	static const struct {
		struct span filter;
		bool want;
	} cases[] = {
	    {BYTES(MAIL), true},
	    {BYTES("\xa3\x0d\x04\x04MAIL\x04\x05"
		   "A@B.C"),
		true},
	    {BYTES("\xa3\x0d\x04\x04mail\x04\x05"
		   "b@b.c"),
		false},
	    {BYTES("\xa8\x0d\x04\x04mail\x04\x05"
		   "a@b.c"),
		true},
	    {BYTES("\xa2\x0f" MAIL), false},
	    {BYTES("\xa0\x00"), true},
	    {BYTES("\xa1\x00"), false},
	    {BYTES("\xa0\x14" MAIL "\x87\x03x-y"), false},
	    {BYTES("\xa1\x14" MAIL "\x87\x03x-y"), true},
	    {BYTES("\x87\x0bOBJECTCLASS"), true},
	    {BYTES("\x87\x16userCertificate;binary"), true},
	    {BYTES("\x87\x08"
		   "2.5.4.36"),
		true},
	    {BYTES("\xa3\x18\x04\x0fuserCertificate\x04\x05"
		   "a@b.c"),
		false},
	    /* Outlook: not hidden from its address lists */
	    {BYTES("\xa2\x0a\xa3\x08\x04\x03hid\x04\x01T"), true},
	    /* mail=a*b*c, mail=a*, mail=*@b*, mail=*c*c */
	    {BYTES("\xa4\x11\x04\x04mail\x30\x09\x80\x01"
		   "a\x81\x01"
		   "b\x82\x01"
		   "c"),
		true},
	    {BYTES("\xa4\x0b\x04\x04mail\x30\x03\x80\x01"
		   "b"),
		false},
	    {BYTES("\xa4\x0c\x04\x04mail\x30\x04\x81\x02@B"), true},
	    {BYTES("\xa4\x0e\x04\x04mail\x30\x06\x81\x01"
		   "c\x82\x01"
		   "c"),
		false},
	    {BYTES("\xa5\x0d\x04\x04mail\x04\x05"
		   "a@b.c"),
		false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (ldap_filter_match(cases[i].filter, &entry) != cases[i].want)
			fail_msg("case %zu", i);
}

static void
critical_controls_that_nobody_knows_are_seen(void **state)
{
	static const struct {
		struct span controls;
		bool want;
	} cases[] = {
	    {{NULL, 0}, false},
	    {BYTES("\xa0\x07\x30\x05\x04\x03"
		   "1.2"),
		false},
	    {BYTES("\xa0\x0a\x30\x08\x04\x03"
		   "1.2\x01\x01\x00"),
		false},
	    {BYTES("\xa0\x0a\x30\x08\x04\x03"
		   "1.2\x01\x01\xff"),
		true},
	    {BYTES("\xa0\x1e\x30\x1c\x04\x17"
		   "2.16.840.1.113730.3.4.2"
		   "\x01\x01\xff"),
		false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf message BUF_OWNED = BUF_SMALL;
		struct ldap_query query;
		wrap(LDAP_UNBIND, SPAN_NONE, cases[i].controls, &message);
		enum rc rc = ldap_query_parse(buf_span(&message), &query, NULL);
		if (rc != RC_OK || query.critical != cases[i].want)
			fail_msg("case %zu: %s", i, rc_name(rc));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_search_is_read),
	    cmocka_unit_test(a_part_of_a_message_is_none),
	    cmocka_unit_test(lengths_may_be_longer_than_needed),
	    cmocka_unit_test(what_is_no_message_is_refused),
	    cmocka_unit_test(what_is_no_filter_is_refused),
	    cmocka_unit_test(filters_have_limits),
	    cmocka_unit_test(addresses_have_a_limit_and_count_once),
	    cmocka_unit_test(a_message_has_a_limit),
	    cmocka_unit_test(filters_match_as_they_say),
	    cmocka_unit_test(critical_controls_that_nobody_knows_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
