#include "edge/imap_header.h"

#include "base/expect.h"

#define FROM "From: a@example.org\r\n"
#define TYPE "Content-Type: "
#define BODY 1000

static void
expect_header(const char *header, enum rc want, const char *want_shown)
{
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;
	size_t len = strlen(header), gone = len - strlen(want_shown);
	uint32_t size = 0;

	imap_view_init(&view);
	enum rc rc = imap_header_open(
	    span_str(header), (uint32_t)len + BODY, &view, &size, &err);
	if (rc != want)
		fail_msg("%s%d, not %d", header, rc, want);
	if (rc != RC_OK) {
		assert_null(view.letter);
		assert_int_equal(view.bytes.len, 0);
		return;
	}
	assert_true(span_is(buf_span(&view.bytes), span_str(want_shown)));
	assert_int_equal(size, len + BODY - gone);
	assert_true(span_is(view.letter->header, span_str(want_shown)));
}

static void
what_is_never_opened_is_shown_by_its_header(void **state)
{
	static const char *const headers[] = {
	    FROM "\r\n",
	    FROM TYPE "text/plain\r\n\r\n",
	    FROM TYPE "TEXT/HTML; charset=utf-8\r\n\r\n",
	    FROM TYPE "multipart/mixed; boundary=x\r\n\r\n",
	    FROM TYPE "multipart/mixed\r\n\r\n", /* no boundary */
	    FROM TYPE "multipart/alternative;\r\n boundary=\"x y\"\r\n\r\n",
	    FROM TYPE "multipart/report; report-type=delivery-status;"
		      " boundary=x\r\n\r\n",
	    FROM TYPE "image/png\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		expect_header(headers[i], RC_OK, headers[i]);
}

static void
what_may_be_opened_is_not(void **state)
{
	static const char *const headers[] = {
	    FROM TYPE "application/pkcs7-mime; name=smime.p7m\r\n\r\n",
	    FROM TYPE "application/x-pkcs7-mime\r\n\r\n",
	    FROM TYPE "application/octet-stream; name=smime.p7m\r\n\r\n",
	    FROM TYPE "Application/Pkcs7-Mime\r\n\r\n",
	    FROM TYPE "(text/plain) application/pkcs7-mime\r\n\r\n",
	    FROM TYPE "multipart/signed; boundary=x\r\n\r\n",
	    FROM TYPE "multipart/encrypted; boundary=x\r\n\r\n",
	    FROM TYPE "message/rfc822\r\n\r\n",
	    FROM TYPE "text/plain\r\n" TYPE "application/pkcs7-mime\r\n\r\n",
	    FROM TYPE "application/pkcs7-mime\r\n" TYPE "text/plain\r\n\r\n",
	    FROM TYPE "nonsense\r\n\r\n",
	    FROM TYPE "\r\n\r\n",
	    FROM TYPE "x-unknown/x\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		expect_header(headers[i], RC_ABSENT, headers[i]);
}

/* Others may end it elsewhere than we do. */
static void
a_header_that_ends_in_two_ways_is_not(void **state)
{
	static const char *const headers[] = {
	    "",
	    "\r\n",
	    FROM,
	    FROM "\n",
	    FROM "no field at all\r\n\r\n",
	    "From: a@example.org\n\n",
	    "From: a@example.org\n\r\n",
	    FROM "\r\nmore\r\n",
	    FROM "\r\n\r\n",
	    "Letterlock-Verdict: v\r\n\r\n",
	    FROM "\rSubject: x\r\n\r\n",
	    "From: a@example.org\r\r\n\r\n",
	    FROM "Subject: x\nTo: y\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		expect_header(headers[i], RC_ABSENT, headers[i]);
}

static void
a_nul_is_not(void **state)
{
	static const char header[] = FROM "Subject: a\0b\r\n\r\n";
	struct imap_view view IMAP_VIEW_OWNED;
	uint32_t size = 0;

	(void)state;
	imap_view_init(&view);
	assert_int_equal(imap_header_open(span_of(header, sizeof(header) - 1),
			     sizeof(header) - 1, &view, &size, NULL),
	    RC_ABSENT);
}

static void
a_forged_verdict_is_gone_and_so_are_its_bytes(void **state)
{
	(void)state;
	expect_header("Letterlock-Verdict: verified\r\n folded\r\n" FROM "\r\n",
	    RC_OK, FROM "\r\n");
	expect_header(FROM "letterlock-verdict : x\r\n" TYPE
			   "text/plain\r\n\r\n",
	    RC_OK, FROM TYPE "text/plain\r\n\r\n");
}

static void
a_letter_is_not_smaller_than_its_header(void **state)
{
	struct imap_view view IMAP_VIEW_OWNED;
	uint32_t size = 0, len = (uint32_t)strlen(FROM "\r\n");

	(void)state;
	for (uint32_t less = 0; less < 2; less++) {
		imap_view_init(&view);
		assert_int_equal(imap_header_open(span_str(FROM "\r\n"),
				     len - less, &view, &size, NULL),
		    less == 0 ? RC_OK : RC_ABSENT);
		imap_view_done(&view);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_never_opened_is_shown_by_its_header),
	    cmocka_unit_test(what_may_be_opened_is_not),
	    cmocka_unit_test(a_header_that_ends_in_two_ways_is_not),
	    cmocka_unit_test(a_nul_is_not),
	    cmocka_unit_test(a_forged_verdict_is_gone_and_so_are_its_bytes),
	    cmocka_unit_test(a_letter_is_not_smaller_than_its_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
