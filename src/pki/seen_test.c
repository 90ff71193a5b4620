#include "base/expect.h"
#include "pki/fixture.h"
#include "pki/seen.h"

static struct fixture root;

static int
setup(void **state)
{
	root = fixture_make(&(struct fixture_spec){.name = "Root"});
	return 0;
}

static int
teardown(void **state)
{
	fixture_done(&root);
	return 0;
}

static struct seen *
new_seen(void)
{
	struct seen *seen = NULL;

	assert_ok(seen_new(&seen, NULL));
	return seen;
}

/* A certificate of about so many bytes. */
static struct fixture
make_long(size_t comment)
{
	char text[2 * SEEN_DER_MAX];

	memset(text, 'x', comment);
	text[comment] = '\0';
	return fixture_make(&(struct fixture_spec){
	    .name = "Long", .issuer = &root, .more = {{"nsComment", text}}});
}

/* Of exactly so many: a signature may be a byte longer or shorter. */
static struct fixture
make_of_size(size_t want)
{
	for (size_t comment = want - 400;;) {
		struct fixture made = make_long(comment);
		size_t got = cert_der(made.cert).len;
		if (got == want)
			return made;
		comment = comment + want - got;
		fixture_done(&made);
	}
}

/* Is it the very same when it comes again? */
static bool
is_kept(struct seen *seen, const struct cert *cert)
{
	struct cert *first OWNED(cert_free) = NULL;
	struct cert *again OWNED(cert_free) = NULL;

	assert_ok(seen_cert(seen, cert_der(cert), &first, NULL));
	assert_ok(seen_cert(seen, cert_der(cert), &again, NULL));
	assert_bytes(cert_der(again), cert_der(cert));
	return first == again;
}

static void
the_same_bytes_are_the_same_certificate(void **state)
{
	struct seen *seen OWNED(seen_free) = new_seen();
	struct cert *cert OWNED(cert_free) = NULL;

	assert_true(is_kept(seen, root.cert));
	assert_false(is_kept(NULL, root.cert));
	assert_rc(
	    seen_cert(seen, span_str("0 nonsense"), &cert, NULL), RC_SYNTAX);
	assert_null(cert);
}

static void
a_long_certificate_is_parsed_each_time(void **state)
{
	struct seen *seen OWNED(seen_free) = new_seen();
	struct fixture kept FIXTURE_OWNED = make_of_size(SEEN_DER_MAX);
	struct fixture other FIXTURE_OWNED = make_of_size(SEEN_DER_MAX + 1);

	assert_true(is_kept(seen, kept.cert));
	assert_false(is_kept(seen, other.cert));
}

static void
what_comes_later_takes_the_place_of_what_came_before(void **state)
{
	struct seen *seen OWNED(seen_free) = new_seen();
	struct cert *first OWNED(cert_free) = NULL;
	struct cert *again OWNED(cert_free) = NULL;

	assert_ok(seen_cert(seen, cert_der(root.cert), &first, NULL));
	for (int i = 0; i < 4 * SEEN_CERTS; i++) {
		struct fixture other FIXTURE_OWNED = make_long(1);
		assert_true(is_kept(seen, other.cert));
	}
	assert_ok(seen_cert(seen, cert_der(root.cert), &again, NULL));
	assert_ptr_not_equal(again, first);
}

static void
a_signature_is_known_by_what_and_by_whom(void **state)
{
	struct seen *seen OWNED(seen_free) = new_seen();
	struct fixture other FIXTURE_OWNED = make_long(1);
	struct span what = span_str("signed");

	assert_false(seen_has_signature(seen, what, root.cert));
	seen_add_signature(seen, what, root.cert);
	assert_true(seen_has_signature(seen, what, root.cert));
	assert_false(seen_has_signature(seen, what, other.cert));
	assert_false(seen_has_signature(seen, span_str("signee"), root.cert));
	assert_false(seen_has_signature(NULL, what, root.cert));
}

static void
signatures_have_a_limit(void **state)
{
	struct seen *seen OWNED(seen_free) = new_seen();
	int left = 0;

	for (int i = 0; i < 16 * SEEN_SIGNATURES; i++)
		seen_add_signature(seen, span_of(&i, sizeof(i)), root.cert);
	for (int i = 0; i < 16 * SEEN_SIGNATURES; i++)
		left +=
		    seen_has_signature(seen, span_of(&i, sizeof(i)), root.cert);
	assert_int_equal(left, SEEN_SIGNATURES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_bytes_are_the_same_certificate),
	    cmocka_unit_test(a_long_certificate_is_parsed_each_time),
	    cmocka_unit_test(
		what_comes_later_takes_the_place_of_what_came_before),
	    cmocka_unit_test(a_signature_is_known_by_what_and_by_whom),
	    cmocka_unit_test(signatures_have_a_limit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
