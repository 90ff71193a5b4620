#include "authority/ocsp_query.h"

#include <openssl/ocsp.h>

#include "base/expect.h"
#include "base/own.h"
#include "pki/der_write.h"

OWNER(OCSP_REQUEST, OCSP_REQUEST_free);

#define BYTES(text) span_of((text), sizeof(text) - 1)
#define ID_SHA1                                            \
	"\x30\x1c\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05" \
	"\x00\x04\x04name\x04\x04keyh\x02\x03\x12\x34\x56"
#define REQUEST "\x30\x1e" ID_SHA1

/* SEQUENCE { SEQUENCE { before, SEQUENCE { one... }, behind }, end } */
struct shape {
	struct span before, one, behind, end;
};

static void
print(const struct shape *shape, struct buf *out)
{
	size_t all, tbs, list;

	assert_ok(der_write_begin(out, DER_SEQUENCE, &all, NULL));
	assert_ok(der_write_begin(out, DER_SEQUENCE, &tbs, NULL));
	assert_ok(buf_add(out, shape->before, NULL));
	assert_ok(der_write_begin(out, DER_SEQUENCE, &list, NULL));
	assert_ok(buf_add(out, shape->one, NULL));
	assert_ok(der_write_end(out, list, NULL));
	assert_ok(buf_add(out, shape->behind, NULL));
	assert_ok(der_write_end(out, tbs, NULL));
	assert_ok(buf_add(out, shape->end, NULL));
	assert_ok(der_write_end(out, all, NULL));
}

static enum rc
parse(const struct shape *shape, struct ocsp_query *ret)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	print(shape, &out);
	struct span exact EXACT = expect_exact(buf_span(&out));
	return ocsp_query_parse(exact, ret, &err);
}

static void
what_openssl_asks_is_read(void **state)
{
	struct ocsp_query query;
	struct err err = ERR_NONE;
	uint8_t *der = NULL;
	OCSP_REQUEST *request OWNED(OCSP_REQUEST_free) = OCSP_REQUEST_new();
	const uint8_t *at = BYTES(ID_SHA1).data;
	OCSP_CERTID *id = d2i_OCSP_CERTID(NULL, &at, (long)sizeof(ID_SHA1) - 1);

	assert_non_null(OCSP_request_add0_id(request, id));
	assert_int_equal(OCSP_request_add1_nonce(request, NULL, 32), 1);
	int len = i2d_OCSP_REQUEST(request, &der);
	struct span exact EXACT = expect_exact(span_of(der, (size_t)len));
	OPENSSL_free(der);
	assert_done(ocsp_query_parse(exact, &query, &err), err);
	assert_int_equal(query.len, 1);
	assert_bytes(query.cert[0].id, BYTES(ID_SHA1));
	assert_int_equal(query.cert[0].digest, OCSP_SHA1);
	assert_true(query.cert[0].usual);
	assert_span(query.cert[0].name_hash, "name");
	assert_span(query.cert[0].key_hash, "keyh");
	assert_span(query.cert[0].serial, "\x12\x34\x56");
	assert_int_equal(query.nonce.len, 32);
}

#define NONCE "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02"
#define VERSION "\xa0\x03\x02\x01"
#define NAME "\xa1\x04\x82\x02\x61\x2e"
#define OTHER "\x06\x02\x2a\x03"

static void
every_shape_is_taken_or_refused(void **state)
{
	const struct {
		const char *name;
		struct shape shape;
		enum rc want;
	} cases[] = {
	    {"plain", {.one = BYTES(REQUEST)}, RC_OK},
	    {"version 1 said",
		{.before = BYTES(VERSION "\x00"), .one = BYTES(REQUEST)},
		RC_OK},
	    {"version 2",
		{.before = BYTES(VERSION "\x01"), .one = BYTES(REQUEST)},
		RC_SYNTAX},
	    {"a requestor", {.before = BYTES(NAME), .one = BYTES(REQUEST)},
		RC_OK},
	    {"both",
		{.before = BYTES(VERSION "\x00" NAME), .one = BYTES(REQUEST)},
		RC_OK},
	    {"a signature",
		{.one = BYTES(REQUEST), .end = BYTES("\xa0\x02\x30\x00")},
		RC_OK},
	    {"no certificate", {.one = SPAN_NONE}, RC_SYNTAX},
	    {"behind the end",
		{.one = BYTES(REQUEST), .end = BYTES("\x05\x00")}, RC_SYNTAX},
	    {"behind the list",
		{.one = BYTES(REQUEST), .behind = BYTES("\x05\x00")},
		RC_SYNTAX},
	    {"a nonce",
		{.one = BYTES(REQUEST),
		    .behind = BYTES(
			"\xa2\x14\x30\x12\x30\x10" NONCE "\x04\x03\x04\x01n")},
		RC_OK},
	    {"an empty nonce",
		{.one = BYTES(REQUEST),
		    .behind = BYTES(
			"\xa2\x13\x30\x11\x30\x0f" NONCE "\x04\x02\x04\x00")},
		RC_SYNTAX},
	    {"a nonce without its own tag",
		{.one = BYTES(REQUEST),
		    .behind =
			BYTES("\xa2\x14\x30\x12\x30\x10" NONCE "\x04\x03nnn")},
		RC_SYNTAX},
	    {"two nonces",
		{.one = BYTES(REQUEST),
		    .behind = BYTES(
			"\xa2\x26\x30\x24\x30\x10" NONCE
			"\x04\x03\x04\x01n\x30\x10" NONCE "\x04\x03\x04\x01n")},
		RC_SYNTAX},
	    {"an unknown extension",
		{.one = BYTES(REQUEST),
		    .behind =
			BYTES("\xa2\x0a\x30\x08\x30\x06" OTHER "\x04\x00")},
		RC_OK},
	    {"a critical one",
		{.one = BYTES(REQUEST),
		    .behind = BYTES("\xa2\x0d\x30\x0b\x30\x09" OTHER
				    "\x01\x01\xff\x04\x00")},
		RC_SYNTAX},
	    {"not critical said",
		{.one = BYTES(REQUEST),
		    .behind = BYTES("\xa2\x0d\x30\x0b\x30\x09" OTHER
				    "\x01\x01\x00\x04\x00")},
		RC_SYNTAX},
	    {"an extension of one certificate",
		{.one = BYTES("\x30\x2a" ID_SHA1
			      "\xa0\x0a\x30\x08\x30\x06" OTHER "\x04\x00")},
		RC_OK},
	    {"a critical one of one",
		{.one = BYTES(
		     "\x30\x2d" ID_SHA1 "\xa0\x0d\x30\x0b\x30\x09" OTHER
		     "\x01\x01\xff\x04\x00")},
		RC_SYNTAX},
	    {"behind a certificate",
		{.one = BYTES("\x30\x20" ID_SHA1 "\x05\x00")}, RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocsp_query query;
		enum rc got = parse(&cases[i].shape, &query);
		if (got != cases[i].want)
			fail_msg("%s: got %s, want %s", cases[i].name,
			    rc_name(got), rc_name(cases[i].want));
	}
}

static void
so_many_certificates_and_not_one_more(void **state)
{
	struct buf list BUF_OWNED = BUF_SMALL;
	struct ocsp_query query;

	for (size_t i = 0; i < OCSP_QUERY_CERTS_MAX; i++)
		assert_ok(buf_add(&list, BYTES(REQUEST), NULL));
	struct shape shape = {.one = buf_span(&list)};
	assert_ok(parse(&shape, &query));
	assert_int_equal(query.len, OCSP_QUERY_CERTS_MAX);
	assert_ok(buf_add(&list, BYTES(REQUEST), NULL));
	shape.one = buf_span(&list);
	assert_rc(parse(&shape, &query), RC_LIMIT);
}

static void
a_question_cut_off_or_continued_is_none(void **state)
{
	const struct shape shape = {.one = BYTES(REQUEST)};
	struct buf out BUF_OWNED = BUF_SMALL;
	struct ocsp_query query;

	print(&shape, &out);
	assert_ok(buf_add_byte(&out, 0, NULL));
	for (size_t len = 0; len <= out.len; len++) {
		struct span exact EXACT =
		    expect_exact(span_first(buf_span(&out), len));
		assert_rc(ocsp_query_parse(exact, &query, NULL),
		    len == out.len - 1 ? RC_OK : RC_SYNTAX);
	}
}

static void
it_has_a_limit(void **state)
{
	static const uint8_t zeros[OCSP_QUERY_MAX + 1];
	struct ocsp_query query;

	assert_rc(
	    ocsp_query_parse(span_of(zeros, OCSP_QUERY_MAX), &query, NULL),
	    RC_SYNTAX);
	assert_rc(ocsp_query_parse(span_of(zeros, sizeof(zeros)), &query, NULL),
	    RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_openssl_asks_is_read),
	    cmocka_unit_test(every_shape_is_taken_or_refused),
	    cmocka_unit_test(so_many_certificates_and_not_one_more),
	    cmocka_unit_test(a_question_cut_off_or_continued_is_none),
	    cmocka_unit_test(it_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
