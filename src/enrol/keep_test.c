#include "enrol/keep.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "os/clock.h"
#include "pki/fixture.h"

#define ADDRESS "alice@example.org"
#define DAY ((int64_t)86400)

struct context {
	char root[64];
	struct state *state;
	struct vault *vault;
	struct account account;
	struct enrol enrol;
	struct fixture ca;
};

static struct state *
open_state(const struct context *context)
{
	struct state *state = NULL;
	char path[100];
	char key[100];

	(void)snprintf(path, sizeof(path), "%s/state", context->root);
	(void)snprintf(key, sizeof(key), "%s/key", context->root);
	assert_int_equal(state_open(path, key, true, &state, NULL), RC_OK);
	return state;
}

static int
set_up(void **context_at)
{
	static struct context context;

	(void)snprintf(
	    context.root, sizeof(context.root), "/tmp/keep-test-XXXXXX");
	assert_non_null(mkdtemp(context.root));
	context.state = open_state(&context);
	assert_int_equal(vault_new(&context.vault, NULL), RC_OK);
	account_init(&context.account);
	memcpy(context.account.address, ADDRESS, sizeof(ADDRESS));
	context.enrol = (struct enrol){.account = &context.account,
	    .state = context.state,
	    .vault = context.vault};
	context.ca = fixture_root("Test root");
	*context_at = &context;
	return 0;
}

static int
tear_down(void **context_at)
{
	struct context *context = *context_at;
	char command[100];

	fixture_done(&context->ca);
	account_done(&context->account);
	vault_free(context->vault);
	state_free(context->state);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", context->root);
	return system(command);
}

static size_t
count_keys(const struct vault *vault)
{
	size_t count = 0;
	const struct key *key = NULL;

	while (vault_get(vault, count, &key, NULL) == RC_OK)
		count++;
	return count;
}

/* A certificate for the fresh key of a purpose, as PEM with its root. */
static void
issue(struct context *context, const struct keep *keep,
    enum key_purpose purpose, struct fixture_spec spec, struct buf *pem)
{
	const struct key *key = NULL;
	struct certs chain CERTS_OWNED = CERTS_NONE;

	assert_int_equal(keep_find_fresh_key(keep, purpose, &key, NULL), RC_OK);
	assert_true(EVP_PKEY_up_ref(key->public_key));
	spec.key = key->public_key;
	spec.issuer = &context->ca;
	spec.extended = "emailProtection";
	if (spec.mail == NULL)
		spec.mail = ADDRESS;
	if (spec.usage == NULL)
		spec.usage = purpose == KEY_SIGN ? "critical,digitalSignature"
						 : "critical,keyAgreement";
	if (spec.end == 0)
		spec.end = clock_now() + 80 * DAY;
	if (spec.start == 0)
		spec.start = clock_now() - 10 * DAY;
	struct fixture made FIXTURE_OWNED = fixture_make(&spec);
	assert_int_equal(certs_add(&chain, made.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&chain, context->ca.cert, NULL), RC_OK);
	assert_int_equal(certs_print(&chain, pem, NULL), RC_OK);
}

static void
add(struct context *context, struct keep *keep, enum key_purpose purpose,
    struct fixture_spec spec, enum rc want)
{
	struct buf pem BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	issue(context, keep, purpose, spec, &pem);
	enum rc rc = keep_add_certificate(keep, purpose, buf_span(&pem), &err);
	if (rc != want)
		fail_msg("got %s \"%s\"", rc_name(rc), err.text);
}

static void
begin(struct context *context, struct keep *keep)
{
	assert_int_equal(keep_load(keep, &context->enrol, NULL), RC_OK);
	assert_int_equal(keep_make_keys(keep, NULL), RC_OK);
}

/* The state as another process finds it. */
static void
reopen(struct context *context)
{
	vault_free(context->vault);
	state_free(context->state);
	context->state = open_state(context);
	assert_int_equal(vault_new(&context->vault, NULL), RC_OK);
	context->enrol.state = context->state;
	context->enrol.vault = context->vault;
}

static void
keys_are_saved_before_anybody_hears_of_them(void **context_at)
{
	struct context *context = *context_at;
	struct keep keep KEEP_OWNED = KEEP_NONE;
	struct keep again KEEP_OWNED = KEEP_NONE;
	const struct key *key = NULL;

	begin(context, &keep);
	assert_true(keep_needs(&keep, KEY_SIGN));
	assert_true(keep_needs(&keep, KEY_DECRYPT));
	assert_int_equal(count_keys(context->vault), 2);
	assert_int_equal(
	    keep_find_fresh_key(&keep, KEY_SIGN, &key, NULL), RC_OK);
	assert_int_equal(key->purpose, KEY_SIGN);
	EVP_PKEY *before = EVP_PKEY_dup(key->public_key);

	/* After a crash the same keys are used, no more are made. */
	reopen(context);
	begin(context, &again);
	assert_int_equal(count_keys(context->vault), 2);
	assert_int_equal(
	    keep_find_fresh_key(&again, KEY_SIGN, &key, NULL), RC_OK);
	assert_int_equal(EVP_PKEY_eq(before, key->public_key), 1);
	EVP_PKEY_free(before);
}

static void
keys_that_the_caller_loaded_are_there_once(void **context_at)
{
	struct context *context = *context_at;
	struct keep keep KEEP_OWNED = KEEP_NONE;
	struct keep again KEEP_OWNED = KEEP_NONE;

	begin(context, &keep);
	assert_int_equal(keep_load(&again, &context->enrol, NULL), RC_OK);
	assert_int_equal(count_keys(context->vault), 2);
}

static void
certificates_are_kept_in_their_order(void **context_at)
{
	struct context *context = *context_at;
	struct keep keep KEEP_OWNED = KEEP_NONE;
	struct keep again KEEP_OWNED = KEEP_NONE;
	struct certs got CERTS_OWNED = CERTS_NONE;

	begin(context, &keep);
	/* The encrypting one first: in the item it is the second. */
	add(context, &keep, KEY_DECRYPT, (struct fixture_spec){0}, RC_OK);
	assert_false(keep_needs(&keep, KEY_DECRYPT));
	assert_true(keep_needs(&keep, KEY_SIGN));
	add(context, &keep, KEY_SIGN, (struct fixture_spec){0}, RC_OK);
	reopen(context);
	assert_int_equal(keep_load(&again, &context->enrol, NULL), RC_OK);
	assert_false(keep_needs(&again, KEY_SIGN));
	assert_false(keep_needs(&again, KEY_DECRYPT));
	assert_int_equal(keep_give(&again, &got, NULL), RC_OK);
	assert_int_equal(keep_give(&again, &got, NULL), RC_OK);
	assert_int_equal(got.len, 3);
	assert_int_equal(cert_can_sign(got.item[0], NULL), RC_OK);
	assert_int_equal(cert_can_receive(got.item[1], NULL), RC_OK);
	assert_string_equal(cert_name(got.item[2]), "Test root");
}

static void
a_certificate_in_its_last_third_is_renewed_with_a_new_key(void **context_at)
{
	struct context *context = *context_at;
	struct keep keep KEEP_OWNED = KEEP_NONE;
	int64_t now = clock_now();
	struct fixture_spec early = {
	    .start = now - 59 * DAY, .end = now + 31 * DAY};
	struct fixture_spec late = {
	    .start = now - 61 * DAY, .end = now + 29 * DAY};

	begin(context, &keep);
	add(context, &keep, KEY_SIGN, early, RC_OK);
	add(context, &keep, KEY_DECRYPT, late, RC_OK);
	assert_false(keep_needs(&keep, KEY_SIGN));
	assert_true(keep_needs(&keep, KEY_DECRYPT));
	assert_int_equal(keep_make_keys(&keep, NULL), RC_OK);
	assert_int_equal(count_keys(context->vault), 3);
	add(context, &keep, KEY_DECRYPT, (struct fixture_spec){0}, RC_OK);
	assert_false(keep_needs(&keep, KEY_DECRYPT));
	/* The old one stays: old letters want it. */
	assert_int_equal(keep.certs.len, 4);
}

static void
a_certificate_for_something_else_is_refused(void **context_at)
{
	struct context *context = *context_at;
	struct keep keep KEEP_OWNED = KEEP_NONE;
	struct buf foreign BUF_OWNED = BUF_SMALL;
	struct certs chain CERTS_OWNED = CERTS_NONE;

	begin(context, &keep);
	add(context, &keep, KEY_SIGN,
	    (struct fixture_spec){.mail = "eve@example.org"}, RC_UNFIT);
	add(context, &keep, KEY_SIGN,
	    (struct fixture_spec){.usage = "critical,keyAgreement"}, RC_UNFIT);
	struct fixture other FIXTURE_OWNED =
	    fixture_signer(&context->ca, ADDRESS);
	assert_int_equal(certs_add(&chain, other.cert, NULL), RC_OK);
	assert_int_equal(certs_print(&chain, &foreign, NULL), RC_OK);
	assert_int_equal(
	    keep_add_certificate(&keep, KEY_SIGN, buf_span(&foreign), NULL),
	    RC_UNFIT);
	assert_int_equal(
	    keep_add_certificate(&keep, KEY_SIGN, span_str("no PEM"), NULL),
	    RC_SYNTAX);
	assert_int_equal(keep.certs.len, 0);
	assert_true(keep_needs(&keep, KEY_SIGN));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keys_are_saved_before_anybody_hears_of_them),
	    TEST(keys_that_the_caller_loaded_are_there_once),
	    TEST(certificates_are_kept_in_their_order),
	    TEST(a_certificate_in_its_last_third_is_renewed_with_a_new_key),
	    TEST(a_certificate_for_something_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
