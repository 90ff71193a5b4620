#define _GNU_SOURCE
#include "net/tls.h"

#include <time.h>

#include "net/peer_test_priv.h"

/* The openssl program as a foreign judge. */
static void
check_command(const char *options)
{
	char command[500];

	(void)snprintf(command, sizeof(command),
	    "openssl %s %s >/dev/null 2>&1", options, peer_pem);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void
the_local_certificate_is_good_for_openssl(void **state)
{
	static const char *const names[] = {"-verify_hostname localhost",
	    "-verify_ip 127.0.0.1", "-verify_ip ::1"};

	for (size_t i = 0; i < LENGTH(names); i++) {
		char options[300];
		(void)snprintf(options, sizeof(options),
		    "verify -x509_strict -purpose sslserver -CAfile %s %s",
		    peer_pem, names[i]);
		check_command(options);
	}
	check_command("ec -check -noout -in");
	/* two years from now it is still valid */
	check_command("x509 -noout -checkend 63072000 -in");
}

static void
every_local_certificate_is_another(void **state)
{
	struct buf certificates BUF_OWNED = BUF_SMALL;
	struct buf keys BUF_OWNED = BUF_SMALL;
	struct tls *tls OWNED(tls_free) = NULL;

	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    tls_make_local(&certificates, &keys, NULL), RC_OK);
	struct span second = span_after(buf_span(&keys), keys.len / 2);
	assert_false(span_is(second, span_first(buf_span(&keys), second.len)));
	/* the first certificate, and the second key */
	assert_int_equal(
	    tls_server_new(buf_span(&certificates), second, &tls, NULL),
	    RC_UNFIT);
	assert_null(tls);
}

#define DAY ((int64_t)24 * 60 * 60)

static void
check_verifies(struct span trust, struct span certificate)
{
	peer_write_file("/tmp/letterlock-trust.pem", trust);
	peer_write_file("/tmp/letterlock-leaf.pem", certificate);
	assert_int_equal(
	    system("openssl verify -x509_strict -purpose sslserver "
		   "-verify_ip 127.0.0.1 -CAfile /tmp/letterlock-trust.pem "
		   "/tmp/letterlock-leaf.pem >/dev/null"),
	    0);
}

/* What the program believes is the CA, and it stays; the key stays, too. */
static void
a_local_certificate_is_renewed_under_the_same_ca(void **state)
{
	struct buf certificate BUF_OWNED = BUF_SMALL;
	struct buf key BUF_OWNED = BUF_SMALL;
	struct buf before BUF_OWNED = BUF_SMALL;
	struct buf trust BUF_OWNED = BUF_SMALL;
	struct tls *tls OWNED(tls_free) = NULL;
	int64_t now = (int64_t)time(NULL);
	bool renewed = true;

	assert_int_equal(tls_make_local(&certificate, &key, NULL), RC_OK);
	assert_int_equal(
	    tls_print_local_trust(buf_span(&certificate), &trust, NULL), RC_OK);
	assert_int_equal(buf_add(&before, buf_span(&certificate), NULL), RC_OK);
	assert_int_equal(tls_renew_local(&certificate, buf_span(&key),
			     now + 540 * DAY, &renewed, NULL),
	    RC_OK);
	assert_false(renewed);
	assert_true(span_is(buf_span(&certificate), buf_span(&before)));
	assert_int_equal(tls_renew_local(&certificate, buf_span(&key),
			     now + 550 * DAY, &renewed, NULL),
	    RC_OK);
	assert_true(renewed);
	assert_false(span_is(buf_span(&certificate), buf_span(&before)));
	check_verifies(buf_span(&trust), buf_span(&certificate));
	assert_int_equal(
	    tls_server_new(buf_span(&certificate), buf_span(&key), &tls, NULL),
	    RC_OK);
}

static void
what_was_made_before_there_was_a_ca_stays(void **state)
{
	struct buf certificate BUF_OWNED = BUF_SMALL;
	struct buf key BUF_OWNED = BUF_SMALL;
	bool renewed = true;

	assert_int_equal(tls_make_local(&certificate, &key, NULL), RC_OK);
	/* the leaf alone is such a one */
	ptrdiff_t end = span_find(buf_span(&certificate), span_str("-----END"));
	buf_cut(
	    &certificate, (size_t)end + strlen("-----END CERTIFICATE-----"));
	assert_int_equal(tls_renew_local(&certificate, buf_span(&key),
			     INT64_C(4000000000), &renewed, NULL),
	    RC_OK);
	assert_false(renewed);
}

static void
what_is_no_certificate_or_key_is_unfit(void **state)
{
	struct buf certificate BUF_OWNED = BUF_SMALL;
	struct buf key BUF_OWNED = BUF_SMALL;
	struct tls *tls OWNED(tls_free) = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(tls_make_local(&certificate, &key, NULL), RC_OK);
	assert_int_equal(
	    tls_server_new(span_str("x"), buf_span(&key), &tls, &err),
	    RC_UNFIT);
	assert_int_equal(
	    tls_server_new(buf_span(&certificate), SPAN_NONE, &tls, &err),
	    RC_UNFIT);
	assert_int_equal(
	    tls_client_new("/nowhere/roots.pem", &tls, &err), RC_UNFIT);
	assert_true(span_starts(span_str(err.text),
	    "/nowhere/roots.pem: no trusted certificates could be read"));
	assert_int_equal(tls_client_new("/dev/null", &tls, &err), RC_UNFIT);
	assert_null(tls);
}

static void
nothing_is_added_when_the_key_does_not_fit(void **state)
{
	struct buf certificate BUF_OWNED = BUF_SMALL;
	struct buf key BUF_OWNED = BUF(10);

	assert_int_equal(tls_make_local(&certificate, &key, NULL), RC_LIMIT);
	assert_int_equal(certificate.len, 0);
	assert_int_equal(key.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_local_certificate_is_good_for_openssl),
	    cmocka_unit_test(every_local_certificate_is_another),
	    cmocka_unit_test(a_local_certificate_is_renewed_under_the_same_ca),
	    cmocka_unit_test(what_was_made_before_there_was_a_ca_stays),
	    cmocka_unit_test(what_is_no_certificate_or_key_is_unfit),
	    cmocka_unit_test(nothing_is_added_when_the_key_does_not_fit),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
