#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/fixture.h"
#include "vault/vault_priv.h"

static const struct wrap_key wrap_key = {{1, 2, 3}}, other_key = {{1, 2, 4}};

OWNER(struct vault, vault_free);

static void
fill(struct vault *vault)
{
	const struct key *key;
	EVP_PKEY *rsa OWNED(EVP_PKEY_free) = EVP_RSA_gen(2048);

	assert_int_equal(vault_make(vault, KEY_SIGN, &key, NULL), RC_OK);
	assert_int_equal(vault_make(vault, KEY_DECRYPT, &key, NULL), RC_OK);
	assert_int_equal(vault_add(vault, rsa, KEY_BOTH, &key, NULL), RC_OK);
}

static void
a_saved_vault_comes_back_with_purposes_and_keys(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct vault *back OWNED(vault_free) = NULL;
	struct buf bytes BUF_OWNED = BUF_SMALL;

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(vault_new(&back, NULL), RC_OK);
	fill(vault);
	assert_int_equal(vault_save(vault, &wrap_key, &bytes, NULL), RC_OK);
	assert_int_equal(
	    vault_load(back, &wrap_key, buf_span(&bytes), NULL), RC_OK);
	assert_int_equal(back->len, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    back->entry[i]->key.purpose, vault->entry[i]->key.purpose);
		assert_int_equal(EVP_PKEY_eq(back->entry[i]->private_key,
				     vault->entry[i]->private_key),
		    1);
	}
	/* loading adds, and what is there is not doubled */
	assert_int_equal(
	    vault_load(back, &wrap_key, buf_span(&bytes), NULL), RC_OK);
	assert_int_equal(back->len, 3);
}

static void
the_public_key_that_is_lent_has_no_private_part(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	BIGNUM *secret = NULL;

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	fill(vault);
	for (size_t i = 0; i < vault->len; i++) {
		const EVP_PKEY *lent = vault->entry[i]->key.public_key;
		assert_int_equal(
		    EVP_PKEY_get_bn_param(lent, i == 2 ? "d" : "priv", &secret),
		    0);
		assert_null(secret);
	}
}

static void
another_key_or_a_changed_byte_opens_nothing(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct vault *back OWNED(vault_free) = NULL;
	struct buf bytes BUF_OWNED = BUF_SMALL;

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(vault_new(&back, NULL), RC_OK);
	fill(vault);
	assert_int_equal(vault_save(vault, &wrap_key, &bytes, NULL), RC_OK);
	assert_int_equal(
	    vault_load(back, &other_key, buf_span(&bytes), NULL), RC_CRYPTO);
	bytes.data[bytes.len / 2] ^= 1;
	assert_int_equal(
	    vault_load(back, &wrap_key, buf_span(&bytes), NULL), RC_CRYPTO);
	assert_int_equal(back->len, 0);
}

/* What the wrapping holds is ours, but a disk may give back an old version,
 * and a half-written one must not become half a vault. */
static void
what_is_inside_is_read_strictly(void **state)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct buf bytes BUF_OWNED = BUF_SMALL;
	struct buf plain BUF_OWNED = BUF_SECRET(100000);

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	fill(vault);
	assert_int_equal(vault_save(vault, &wrap_key, &bytes, NULL), RC_OK);
	assert_int_equal(
	    wrap_decode(&wrap_key, "vault", buf_span(&bytes), &plain, NULL),
	    RC_OK);
	const struct {
		const char *name;
		size_t at, cut; /* which byte is changed, how much cut off */
		enum rc want;
	} cases[] = {
	    {"the version", 0, 0, RC_SYNTAX},
	    {"a purpose", 1, 0, RC_SYNTAX},
	    {"a length", 2, 0, RC_SYNTAX},
	    {"a key", 6, 0, RC_CRYPTO},
	    {"the last byte missing", SIZE_MAX, 1, RC_SYNTAX},
	    {"the last key but its head missing", SIZE_MAX, 1200, RC_SYNTAX},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vault *back OWNED(vault_free) = NULL;
		struct buf wrapped BUF_OWNED = BUF_SMALL;
		assert_int_equal(vault_new(&back, NULL), RC_OK);
		if (cases[i].at != SIZE_MAX)
			plain.data[cases[i].at] ^= 0x55;
		assert_int_equal(
		    wrap_encode(&wrap_key, "vault",
			span_first(buf_span(&plain), plain.len - cases[i].cut),
			&wrapped, NULL),
		    RC_OK);
		if (cases[i].at != SIZE_MAX)
			plain.data[cases[i].at] ^= 0x55;
		enum rc got =
		    vault_load(back, &wrap_key, buf_span(&wrapped), NULL);
		if (got != cases[i].want)
			fail_msg("%s: got %s", cases[i].name, rc_name(got));
		assert_int_equal(back->len, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_saved_vault_comes_back_with_purposes_and_keys),
	    cmocka_unit_test(the_public_key_that_is_lent_has_no_private_part),
	    cmocka_unit_test(another_key_or_a_changed_byte_opens_nothing),
	    cmocka_unit_test(what_is_inside_is_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
