#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/der.h"
#include "pki/fixture.h"
#include "vault/vault_priv.h"

static void
a_made_key_is_found_by_its_certificate_and_no_other(void **state)
{
	struct vault *vault = NULL;
	const struct key *key, *found;
	struct fixture other FIXTURE_OWNED = fixture_root("other");

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	assert_int_equal(vault_make(vault, KEY_SIGN, &key, NULL), RC_OK);
	assert_int_equal(
	    EVP_PKEY_up_ref(((struct entry *)key->handle)->private_key), 1);
	struct fixture own FIXTURE_OWNED = fixture_make(&(struct fixture_spec){
	    .name = "own", .key = ((struct entry *)key->handle)->private_key});
	assert_int_equal(vault_find(vault, own.cert, &found, NULL), RC_OK);
	assert_ptr_equal(found, key);
	assert_int_equal(
	    vault_find(vault, other.cert, &found, NULL), RC_ABSENT);
	assert_int_equal(vault_get(vault, 0, &found, NULL), RC_OK);
	assert_int_equal(vault_get(vault, 1, &found, NULL), RC_ABSENT);
	vault_free(vault);
}

static void
a_vault_holds_1000_keys_and_not_one_more(void **state)
{
	struct vault *vault = NULL;
	const struct key *key;

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	for (size_t i = 0; i < VAULT_KEYS_MAX; i++)
		assert_int_equal(
		    vault_make(vault, KEY_SIGN, &key, NULL), RC_OK);
	assert_int_equal(vault_make(vault, KEY_SIGN, &key, NULL), RC_LIMIT);
	assert_int_equal(
	    vault_get(vault, VAULT_KEYS_MAX - 1, &key, NULL), RC_OK);
	vault_free(vault);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_made_key_is_found_by_its_certificate_and_no_other),
	    cmocka_unit_test(a_vault_holds_1000_keys_and_not_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
