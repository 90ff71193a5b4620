#include "base/expect.h"
#include "pki/ready.h"

static EVP_PKEY *key;

static int
make_key(void **state)
{
	key = EVP_EC_gen("P-256");
	return key == NULL;
}

static int
free_key(void **state)
{
	EVP_PKEY_free(key);
	return 0;
}

static EVP_PKEY_CTX *
new_context(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	assert_non_null(ctx);
	return ctx;
}

static void
what_was_given_is_taken_once(void **state)
{
	struct ready ready = {NULL};
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = new_context();

	assert_null(ready_take(&ready, "sign"));
	ready_give(&ready, key, ctx);
	assert_ptr_equal(ready_take(&ready, key), ctx);
	assert_null(ready_take(&ready, key));
	ready_done(&ready);
}

/* A context set up for one digest would verify with it whatever is asked. */
static void
one_for_something_else_is_not_handed_out(void **state)
{
	static const char sha256, sha512;
	struct ready ready = {NULL};

	ready_give(&ready, &sha256, new_context());
	assert_null(ready_take(&ready, &sha512));
	/* the sanitizer sees that it was freed */
	assert_null(ready_take(&ready, &sha256));
}

static void
of_two_the_later_stays(void **state)
{
	struct ready ready = {NULL};
	EVP_PKEY_CTX *later = new_context();

	ready_give(&ready, NULL, new_context());
	ready_give(&ready, NULL, later);
	assert_ptr_equal(ready_take(&ready, NULL), later);
	ready_give(&ready, NULL, later);
	ready_done(&ready);
	assert_null(ready_take(&ready, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_given_is_taken_once),
	    cmocka_unit_test(one_for_something_else_is_not_handed_out),
	    cmocka_unit_test(of_two_the_later_stays),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
