#include "authority/nonce.h"

#include <stdio.h>

#include "base/expect.h"

static const char long_one[] =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static void
make(struct nonces *nonces, struct buf *out, const char **text)
{
	struct err err = ERR_NONE;

	assert_ok(nonces_make(nonces, out, &err));
	assert_ok(buf_str(out, text, &err));
}

static void
a_nonce_is_good_once(void **state)
{
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct buf first BUF_OWNED = BUF_SMALL;
	struct buf second BUF_OWNED = BUF_SMALL;
	const char *a = NULL, *b = NULL;
	struct err err = ERR_NONE;

	assert_ok(nonces_new(&nonces, &err));
	make(nonces, &first, &a);
	make(nonces, &second, &b);
	assert_string_not_equal(a, b);
	assert_ok(nonces_use(nonces, b, &err));
	assert_ok(nonces_use(nonces, a, &err));
	assert_rc(nonces_use(nonces, a, &err), RC_REFUSED);
	assert_rc(nonces_use(nonces, b, &err), RC_REFUSED);
	assert_has(err.text, "nonce");
}

static void
nonces_that_are_not_ours_are_refused(void **state)
{
	static const char *const bad[] = {"", "A", "AAAA", "x=", "+/",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", long_one};
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct nonces *others OWNED(nonces_free) = NULL;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	const char *text = NULL;

	assert_ok(nonces_new(&nonces, &err));
	assert_ok(nonces_new(&others, &err));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_rc(nonces_use(nonces, bad[i], &err), RC_REFUSED);
	make(others, &out, &text);
	assert_rc(nonces_use(nonces, text, &err), RC_REFUSED);
}

static void
no_character_can_be_changed(void **state)
{
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	const char *text = NULL;

	assert_ok(nonces_new(&nonces, &err));
	make(nonces, &out, &text);
	for (size_t i = 0; text[i] != '\0'; i++) {
		char changed[100];
		(void)snprintf(changed, sizeof(changed), "%s", text);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_rc(nonces_use(nonces, changed, &err), RC_REFUSED);
	}
	assert_ok(nonces_use(nonces, text, &err));
}

static void
the_oldest_of_the_window_is_good_and_the_one_before_is_not(void **state)
{
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct buf first BUF_OWNED = BUF_SMALL;
	struct buf second BUF_OWNED = BUF_SMALL;
	const char *a = NULL, *b = NULL;
	struct err err = ERR_NONE;

	assert_ok(nonces_new(&nonces, &err));
	make(nonces, &first, &a);
	make(nonces, &second, &b);
	for (uint64_t i = 0; i < NONCE_WINDOW - 1; i++) {
		struct buf more BUF_OWNED = BUF(100);
		assert_ok(nonces_make(nonces, &more, &err));
	}
	assert_rc(nonces_use(nonces, a, &err), RC_REFUSED);
	assert_ok(nonces_use(nonces, b, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_nonce_is_good_once),
	    cmocka_unit_test(nonces_that_are_not_ours_are_refused),
	    cmocka_unit_test(no_character_can_be_changed),
	    cmocka_unit_test(
		the_oldest_of_the_window_is_good_and_the_one_before_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
