#include "authority/page_form.h"

#include "authority/schema.h"
#include "authority/testkit_priv.h"

#define NOW ((int64_t)1800000000)
#define FORM "application/x-www-form-urlencoded"

static const struct page_form_key key = {{1, 2, 3}};

static struct http_request
request_of(const char *person)
{
	return (struct http_request){.method = "POST",
	    .path = "/desk/x",
	    .query = "",
	    .content_type = FORM,
	    .host = "desk.test:8444",
	    .origin = "",
	    .fetch_site = "",
	    .peer = "127.0.0.1",
	    .desk = true,
	    .person = span_str(person)};
}

/* What a browser sends back of a form that alice was given at NOW. */
static void
make_body(struct buf *body)
{
	struct http_request request = request_of("alice");
	const struct page_visit visit = {&key, &request, NOW};
	struct buf html BUF_OWNED = PAGE_BUF;
	struct err err = ERR_NONE;

	assert_ok(page_form_begin(&html, &visit, "/desk/x", &err));
	struct span all = buf_span(&html);
	ptrdiff_t at = span_find(all, span_str("value=\""));
	assert_true(at > 0);
	all = span_after(all, (size_t)at + 7);
	ptrdiff_t end = span_find_byte(all, '"');
	assert_true(end > 40);
	assert_ok(buf_add_str(body, "word=check&token=", &err));
	assert_ok(buf_add(body, span_first(all, (size_t)end), &err));
}

static enum rc
check(const struct http_request *request, const struct page_form_key *with,
    int64_t now)
{
	const struct page_visit visit = {with, request, now};
	struct err err = ERR_NONE;

	return page_form_check(&visit, &err);
}

static void
a_form_comes_back_from_whom_it_was_given_to(void **state)
{
	struct http_request request = request_of("alice");
	struct buf body BUF_OWNED = BUF_SMALL;

	make_body(&body);
	request.body = buf_span(&body);
	assert_rc(check(&request, &key, NOW), RC_OK);
	assert_rc(check(&request, &key, NOW + PAGE_FORM_SECONDS), RC_OK);
	request.fetch_site = "same-origin";
	request.origin = "https://desk.test:8444";
	assert_rc(check(&request, &key, NOW), RC_OK);
}

static void
nobody_else_can_send_it(void **state)
{
	const struct page_form_key other = {{9}};
	struct buf body BUF_OWNED = BUF_SMALL;

	make_body(&body);
	for (int i = 0; i < 9; i++) {
		struct http_request request =
		    request_of(i == 0 ? "mallory" : "alice");
		request.body = buf_span(&body);
		if (i == 1)
			request.path = "/desk/y";
		if (i == 2)
			request.fetch_site = "cross-site";
		if (i == 3)
			request.fetch_site = "same-site";
		if (i == 4)
			request.origin = "https://evil.test";
		if (i == 5)
			request.origin = "null";
		if (i == 6)
			request.content_type = "text/plain";
		if (i == 7)
			request.method = "GET";
		if (i == 8)
			request.body = span_str("word=check");
		assert_rc(check(&request, &key, NOW), RC_REFUSED);
	}
	struct http_request request = request_of("alice");
	request.body = buf_span(&body);
	assert_rc(check(&request, &other, NOW), RC_REFUSED);
	assert_rc(
	    check(&request, &key, NOW + 2 * PAGE_FORM_SECONDS), RC_REFUSED);
	body.data[body.len - 1] ^= 1;
	assert_rc(check(&request, &key, NOW), RC_REFUSED);
}

static void
a_field_is_decoded_as_browsers_write_it(void **state)
{
	static const struct {
		const char *body;
		enum rc want;
		const char *value;
	} cases[] = {
	    {"a=1&why=not+seen%2C+%C3%BC&b=", RC_OK, "not seen, \xc3\xbc"},
	    {"why=1%2B1", RC_OK, "1+1"},
	    {"why=++x++", RC_OK, "x"},
	    {"why=", RC_OK, ""},
	    {"why=%4", RC_SYNTAX, ""},
	    {"why=%00", RC_SYNTAX, ""},
	    {"whyx=1", RC_ABSENT, ""},
	    {"why=1&why=2", RC_ABSENT, ""},
	    {"", RC_ABSENT, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_request request = {.body = span_str(cases[i].body)};
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_rc(page_form_value(&request, "why", &out, &err),
		    cases[i].want);
		assert_span(buf_span(&out), cases[i].value);
	}
}

static void
every_process_has_the_same_key(void **state)
{
	const struct kit *kit = *state;
	struct page_form_key one = {{0}}, two = {{1}};
	struct sql *sql OWNED(sql_free) = NULL;
	struct sql *other OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;

	kit_forget(kit);
	assert_done(schema_open(kit->folder, &kit->settings, &sql, &err), err);
	assert_done(
	    schema_open(kit->folder, &kit->settings, &other, &err), err);
	assert_done(page_form_key(sql, &one, &err), err);
	assert_done(page_form_key(other, &two, &err), err);
	assert_memory_equal(one.bytes, two.bytes, sizeof(one.bytes));
	kit_forget(kit);
	sql_free(take(other));
	assert_done(
	    schema_open(kit->folder, &kit->settings, &other, &err), err);
	assert_done(page_form_key(other, &two, &err), err);
	assert_memory_not_equal(one.bytes, two.bytes, sizeof(one.bytes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_form_comes_back_from_whom_it_was_given_to),
	    cmocka_unit_test(nobody_else_can_send_it),
	    cmocka_unit_test(a_field_is_decoded_as_browsers_write_it),
	    cmocka_unit_test(every_process_has_the_same_key),
	};

	return kit_test_both(tests, COUNT(tests));
}
