#include "authority/nonce.h"

#include "authority/schema.h"
#include "authority/testkit_priv.h"

static const char long_one[] =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#define NOW ((int64_t)1800000000)

static struct sql *
open_store(void **state)
{
	const struct kit *kit = *state;
	struct sql *sql = NULL;
	struct err err = ERR_NONE;

	assert_done(schema_open(kit->folder, &kit->settings, &sql, &err), err);
	return sql;
}

static void
make(struct nonces *nonces, struct buf *out, const char **text)
{
	struct err err = ERR_NONE;

	assert_ok(nonces_make(nonces, NOW, out, &err));
	assert_ok(buf_str(out, text, &err));
}

static void
a_nonce_is_good_once(void **state)
{
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct buf first BUF_OWNED = BUF_SMALL;
	struct buf second BUF_OWNED = BUF_SMALL;
	const char *a = NULL, *b = NULL;
	struct err err = ERR_NONE;

	assert_ok(nonces_new(sql, &nonces, &err));
	make(nonces, &first, &a);
	make(nonces, &second, &b);
	assert_string_not_equal(a, b);
	assert_ok(nonces_use(nonces, b, NOW, &err));
	assert_ok(nonces_use(nonces, a, NOW, &err));
	assert_rc(nonces_use(nonces, a, NOW, &err), RC_REFUSED);
	assert_rc(nonces_use(nonces, b, NOW, &err), RC_REFUSED);
	assert_has(err.text, "nonce");
}

static void
nonces_that_are_not_ours_are_refused(void **state)
{
	static const char *const bad[] = {"", "A", "AAAA", "x=", "+/",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", long_one};
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct err err = ERR_NONE;

	assert_ok(nonces_new(sql, &nonces, &err));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_rc(nonces_use(nonces, bad[i], NOW, &err), RC_REFUSED);
}

static void
in_memory_those_of_another_run_are_refused(void **state)
{
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct nonces *others OWNED(nonces_free) = NULL;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	const char *text = NULL;

	assert_ok(nonces_new(sql, &nonces, &err));
	assert_ok(nonces_new(sql, &others, &err));
	make(others, &out, &text);
	assert_rc(nonces_use(nonces, text, NOW, &err), RC_REFUSED);
	assert_ok(nonces_use(others, text, NOW, &err));
}

static void
no_character_can_be_changed(void **state)
{
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	const char *text = NULL;

	assert_ok(nonces_new(sql, &nonces, &err));
	make(nonces, &out, &text);
	for (size_t i = 0; text[i] != '\0'; i++) {
		char changed[100];
		(void)snprintf(changed, sizeof(changed), "%s", text);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_rc(nonces_use(nonces, changed, NOW, &err), RC_REFUSED);
	}
	assert_ok(nonces_use(nonces, text, NOW, &err));
}

static void
the_oldest_of_the_window_is_good_and_the_one_before_is_not(void **state)
{
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct buf first BUF_OWNED = BUF_SMALL;
	struct buf second BUF_OWNED = BUF_SMALL;
	const char *a = NULL, *b = NULL;
	struct err err = ERR_NONE;

	assert_ok(nonces_new(sql, &nonces, &err));
	make(nonces, &first, &a);
	make(nonces, &second, &b);
	for (uint64_t i = 0; i < NONCE_WINDOW - 1; i++) {
		struct buf more BUF_OWNED = BUF(100);
		assert_ok(nonces_make(nonces, NOW, &more, &err));
	}
	assert_rc(nonces_use(nonces, a, NOW, &err), RC_REFUSED);
	assert_ok(nonces_use(nonces, b, NOW, &err));
}

/* Two processes, as two connections to one server. */
static void
any_process_takes_the_nonces_of_all_and_each_once(void **state)
{
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct sql *other_sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct nonces *others OWNED(nonces_free) = NULL;
	struct buf first BUF_OWNED = BUF_SMALL;
	struct buf second BUF_OWNED = BUF_SMALL;
	const char *a = NULL, *b = NULL;
	struct err err = ERR_NONE;

	assert_done(nonces_new(sql, &nonces, &err), err);
	assert_done(nonces_new(other_sql, &others, &err), err);
	make(nonces, &first, &a);
	make(others, &second, &b);
	assert_ok(nonces_use(others, a, NOW, &err));
	assert_rc(nonces_use(nonces, a, NOW, &err), RC_REFUSED);
	assert_ok(nonces_use(nonces, b, NOW, &err));
	assert_rc(nonces_use(others, b, NOW, &err), RC_REFUSED);
}

static void
a_shared_nonce_has_its_time(void **state)
{
	static const struct {
		int64_t after;
		enum rc want;
	} cases[] = {{-61, RC_REFUSED}, {-60, RC_OK},
	    {NONCE_SECONDS + 1, RC_REFUSED}, {NONCE_SECONDS, RC_OK}};
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct err err = ERR_NONE;

	assert_ok(nonces_new(sql, &nonces, &err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		const char *text = NULL;
		make(nonces, &out, &text);
		assert_rc(nonces_use(nonces, text, NOW + cases[i].after, &err),
		    cases[i].want);
	}
}

static void
what_is_forgotten_cannot_be_used_again(void **state)
{
	struct sql *sql OWNED(sql_free) = open_store(state);
	struct nonces *nonces OWNED(nonces_free) = NULL;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	const char *text = NULL;
	int64_t left = -1;

	assert_ok(nonces_new(sql, &nonces, &err));
	make(nonces, &out, &text);
	assert_ok(nonces_use(nonces, text, NOW, &err));
	for (int64_t later = 0; later < 2 * NONCE_SECONDS; later += 60) {
		assert_ok(nonces_forget(NULL, sql, NOW + later, &err));
		assert_rc(
		    nonces_use(nonces, text, NOW + later, &err), RC_REFUSED);
	}
	assert_ok(sql_number(
	    sql, "SELECT count(*) FROM nonce", SQL_NONE, &left, &err));
	assert_int_equal(left, 0);
}

#define OF_BOTH                                                     \
	cmocka_unit_test(a_nonce_is_good_once),                     \
	    cmocka_unit_test(nonces_that_are_not_ours_are_refused), \
	    cmocka_unit_test(no_character_can_be_changed)

int
main(void)
{
	const struct CMUnitTest alone[] = {
	    OF_BOTH,
	    cmocka_unit_test(in_memory_those_of_another_run_are_refused),
	    cmocka_unit_test(
		the_oldest_of_the_window_is_good_and_the_one_before_is_not),
	};
	const struct CMUnitTest shared[] = {
	    OF_BOTH,
	    cmocka_unit_test(any_process_takes_the_nonces_of_all_and_each_once),
	    cmocka_unit_test(a_shared_nonce_has_its_time),
	    cmocka_unit_test(what_is_forgotten_cannot_be_used_again),
	};
	int failed = cmocka_run_group_tests(alone, kit_make, kit_remove);

	return failed +
	       cmocka_run_group_tests(shared, kit_make_postgres, kit_remove);
}
