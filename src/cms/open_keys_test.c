#include "cms/testkit_priv.h"

#include "cms/openkit_priv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"
#define KEK "an AES-128 key.."

static struct person root, alice, rsa, other;

static size_t uses; /* of a private key */

static enum rc
count_agree(
    const struct key *key, struct span point, struct buf *out, struct err *err)
{
	uses++;
	return kit_agree(key, point, out, err);
}

static enum rc
count_unwrap(const struct key *key, struct span wrapped,
    const struct key_oaep *oaep, size_t want, struct buf *out, struct err *err)
{
	uses++;
	return kit_unwrap(key, wrapped, oaep, want, out, err);
}

static enum rc
away(const struct key *key, struct span point, struct buf *out, struct err *err)
{
	return err_set(err, RC_IO, "the vault is away");
}

static const struct key_ops count_ops = {
    .agree = count_agree, .unwrap = count_unwrap};
static const struct key_ops away_ops = {.agree = away};

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&other, kit_rsa(2048), "Otto", KIT_MAIL_RSA, &root);
	kit_write("letter", span_str(LETTER));
	kit_write_person("rsa", &rsa);
	alice.key.ops = rsa.key.ops = other.key.ops = &count_ops;
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&other);
	kit_leave();
	return 0;
}

/* LETTER, AES-128-GCM. */
static void
make(const struct buf *recipients, struct buf *ret)
{
	const struct made made = {.nid = NID_aes_128_gcm,
	    .text = span_str(LETTER),
	    .recipients = buf_span(recipients)};

	made_letter(&made, ret);
}

static enum rc
open_all(struct open *open, const struct buf *der, size_t *ret_recipients)
{
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};

	TRY(open_push(open, buf_span(der), &plain, &kit_err));
	TRY(open_finish(open, &plain, &result, &kit_err));
	assert_true(span_is(buf_span(&plain), span_str(LETTER)));
	if (ret_recipients != NULL)
		*ret_recipients = result.recipients;
	return RC_OK;
}

/* A RecipientInfo for each letter of `plan`: A and R for alice and rsa, O with
 * OAEP for rsa, Q for rsa with a letter of its own; small ones wrap another
 * content key, s one of another size. */
static void
add_recipients(const char *plan, struct buf *out)
{
	const struct span right = span_of(made_key, 16);
	const struct span wrong = span_str("another key ....");
	const struct recipient_way oaep = {.rsa = RECIPIENT_RSA_OAEP_SHA256};
	int version = 0;

	for (; *plan != '\0'; plan++) {
		switch (*plan) {
		case 'A':
		case 'a':
			made_recipient(
			    &alice, *plan == 'A' ? right : wrong, out);
			break;
		case 'R':
		case 'r':
			made_recipient(&rsa, *plan == 'R' ? right : wrong, out);
			break;
		case 's':
			made_recipient(&alice, span_of(made_key, 32), out);
			break;
		case 'O':
			assert_ok(recipient_print(
			    rsa.cert, &oaep, right, out, &version, &kit_err));
			break;
		default:
			fail();
		}
	}
}

static enum rc
open_plan(const char *plan, bool with_alice, bool with_rsa)
{
	struct buf recipients BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct open *open OWNED(open_free) = NULL;

	add_recipients(plan, &recipients);
	make(&recipients, &der);
	assert_ok(open_new(&open, &kit_err));
	if (with_alice)
		assert_ok(open_add(open, alice.cert, &alice.key, &kit_err));
	if (with_rsa)
		assert_ok(open_add(open, rsa.cert, &rsa.key, &kit_err));
	uses = 0;
	return open_all(open, &der, NULL);
}

static void
which_key_counts(void **state)
{
	static const struct {
		const char *plan;
		bool alice, rsa;
		enum rc want;
		size_t uses;
	} table[] = {
	    {"A", true, false, RC_OK, 1},
	    {"AR", true, true, RC_OK, 1},
	    {"RA", true, true, RC_OK, 1}, /* not RSA, though it is first */
	    {"rA", true, true, RC_OK, 1},
	    {"sA", true, false, RC_OK, 2}, /* a key of another size is wrong */
	    {"sR", true, true, RC_OK, 2},
	    {"sO", true, true, RC_OK, 2},
	    {"rO", false, true, RC_OK, 1}, /* OAEP tells */
	    {"R", false, true, RC_OK, 1},
	    {"RR", false, true, RC_OK, 1},
	    {"Rr", false, true, RC_OK, 1},
	    /* nothing told that it was wrong */
	    {"rR", false, true, RC_CRYPTO, 1},
	    {"aA", true, false, RC_CRYPTO, 1},
	    {"s", true, false, RC_CRYPTO, 1},
	    {"ssssssssssssssss", true, false, RC_CRYPTO, 16},
	    /* sixteen places are looked at */
	    {"sssssssssssssssA", true, false, RC_OK, 16},
	    {"ssssssssssssssssA", true, false, RC_CRYPTO, 16},
	    {"R", true, false, RC_ABSENT, 0},
	    {"A", false, false, RC_ABSENT, 0},
	    {"", true, true, RC_ABSENT, 0},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		enum rc rc =
		    open_plan(table[i].plan, table[i].alice, table[i].rsa);
		if (rc != table[i].want)
			fail_msg("%s: %s", table[i].plan, rc_name(rc));
		if (rc == RC_CRYPTO)
			assert_string_equal(kit_err.text, CLOSED);
		if (uses != table[i].uses)
			fail_msg("%s: %zu uses", table[i].plan, uses);
	}
}

static void
a_vault_that_is_away_says_nothing_about_the_letter(void **state)
{
	struct buf recipients BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct open *open OWNED(open_free) = NULL;
	struct key key = alice.key;

	key.ops = &away_ops;
	add_recipients("A", &recipients);
	make(&recipients, &der);
	assert_ok(open_new(&open, &kit_err));
	assert_ok(open_add(open, alice.cert, &key, &kit_err));
	assert_rc(open_all(open, &der, NULL), RC_IO);
	assert_string_equal(kit_err.text, "the vault is away");
}

static void
after_a_failure_every_call_fails(void **state)
{
	struct open *open OWNED(open_free) = NULL;
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result;
	struct err err = ERR_NONE;

	assert_ok(open_new(&open, &kit_err));
	assert_rc(
	    open_push(open, span_str("Good"), &plain, &kit_err), RC_SYNTAX);
	assert_rc(open_push(open, span_str("0"), &plain, &err), RC_SYNTAX);
	assert_string_equal(err.text, kit_err.text);
	assert_rc(open_finish(open, &plain, &result, &err), RC_SYNTAX);
	assert_rc(open_finish(open, &plain, &result, NULL), RC_SYNTAX);
	assert_null(open_cipher(open));
}

static void
a_call_that_fails_gives_nothing_out(void **state)
{
	struct buf recipients BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open *open OWNED(open_free) = NULL;

	add_recipients("A", &recipients);
	make(&recipients, &der);
	assert_ok(buf_add_str(&der, "x", &kit_err));
	assert_ok(open_new(&open, &kit_err));
	assert_ok(open_add(open, alice.cert, &alice.key, &kit_err));
	assert_ok(buf_add_str(&plain, "before", &kit_err));
	assert_rc(open_push(open, buf_span(&der), &plain, &kit_err), RC_SYNTAX);
	assert_true(span_is(buf_span(&plain), span_str("before")));
}

/* With CBC a random key finds a right padding once in 256 times. */
static void
a_random_key_never_opens(void **state)
{
	struct buf recipients BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct made made = {.nid = NID_aes_128_cbc, .text = span_str(LETTER)};
	int version = 0;

	assert_ok(recipient_print_kek(span_str("K1"), span_str(KEK),
	    span_of(made_key, 16), &recipients, &version, &kit_err));
	made.recipients = buf_span(&recipients);
	made_letter(&made, &der);
	for (int i = 0; i < 3000; i++) {
		struct open *open OWNED(open_free) = NULL;
		struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
		struct open_result result;
		assert_ok(open_new(&open, &kit_err));
		assert_ok(open_add_kek(open, span_str("K1"),
		    span_str("another AES key."), &kit_err));
		assert_ok(open_push(open, buf_span(&der), &plain, &kit_err));
		assert_rc(
		    open_finish(open, &plain, &result, &kit_err), RC_CRYPTO);
	}
}

static void
the_cipher_is_known_before_the_end(void **state)
{
	struct buf recipients BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct open *open OWNED(open_free) = NULL;
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);

	add_recipients("A", &recipients);
	make(&recipients, &der);
	assert_ok(open_new(&open, &kit_err));
	assert_ok(open_add(open, alice.cert, &alice.key, &kit_err));
	assert_ok(
	    open_push(open, span_first(buf_span(&der), 20), &plain, &kit_err));
	assert_null(open_cipher(open));
	assert_ok(open_push(
	    open, span_of(der.data + 20, der.len - 20 - 40), &plain, &kit_err));
	assert_string_equal(open_cipher(open), "aes-128-gcm");
}

/* --- symmetric keys and passwords ------------------------------------------ */

static void
a_symmetric_key_opens(void **state)
{
	const struct {
		struct span id, kek;
		enum rc want;
	} table[] = {
	    {span_str("K1"), span_str(KEK), RC_OK},
	    {span_str("K1"), span_str("another AES key."), RC_CRYPTO},
	    {span_str("K1"), span_str(KEK KEK), RC_CRYPTO},
	    {span_str("K2"), span_str(KEK), RC_ABSENT},
	};
	struct buf recipients BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	size_t count = 0;
	int version = 0;

	assert_ok(recipient_print_kek(span_str("K1"), span_str(KEK),
	    span_of(made_key, 16), &recipients, &version, &kit_err));
	make(&recipients, &der);
	for (size_t i = 0; i < COUNT(table); i++) {
		struct open *open OWNED(open_free) = NULL;
		assert_ok(open_new(&open, &kit_err));
		assert_ok(
		    open_add_kek(open, table[i].id, table[i].kek, &kit_err));
		assert_rc(open_all(open, &der, &count), table[i].want);
	}
	assert_int_equal(count, 1);
}

static void
a_password_opens(void **state)
{
	struct buf recipients BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	const char *const passwords[] = {"wrong", "right"};
	int version = 0;

	assert_ok(recipient_print_password(span_str("right"),
	    span_of(made_key, 16), &recipients, &version, &kit_err));
	make(&recipients, &der);
	for (size_t i = 0; i < 2; i++) {
		struct open *open OWNED(open_free) = NULL;
		assert_ok(open_new(&open, &kit_err));
		assert_ok(
		    open_add_password(open, span_str(passwords[i]), &kit_err));
		assert_rc(
		    open_all(open, &der, NULL), i == 0 ? RC_CRYPTO : RC_OK);
	}
}

static void
what_openssl_seals_with_them_opens(void **state)
{
	static const struct {
		const char *options;
		bool kek;
	} table[] = {
	    {"-secretkey 616e204145532d313238206b65792e2e -secretkeyid 4b31 "
	     "-aes128",
		true},
	    {"-secretkey 616e204145532d313238206b65792e2e -secretkeyid 4b31 "
	     "-aes-256-gcm",
		true},
	    {"-pwri_password right -aes256", false},
	    /* openssl cannot do GCM with a password */
	    {"-pwri_password right -aes128", false},
	    {"-pwri_password right -aes128 -recip rsa.crt", false},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct open *open OWNED(open_free) = NULL;
		assert_int_equal(
		    kit_openssl("cms -encrypt -binary -in letter -outform DER "
				"-out sealed %s",
			table[i].options),
		    0);
		kit_read("sealed", &der);
		assert_ok(open_new(&open, &kit_err));
		if (table[i].kek)
			assert_ok(open_add_kek(
			    open, span_str("K1"), span_str(KEK), &kit_err));
		else
			assert_ok(open_add_password(
			    open, span_str("right"), &kit_err));
		assert_ok(open_all(open, &der, NULL));
	}
}

static void
what_we_have_has_limits(void **state)
{
	struct open *open OWNED(open_free) = NULL;
	static const uint8_t long_one[1025] = {1};

	assert_ok(open_new(&open, &kit_err));
	assert_rc(open_add_password(open, SPAN_NONE, &kit_err), RC_UNFIT);
	assert_rc(open_add_password(open, span_of(long_one, 1025), &kit_err),
	    RC_UNFIT);
	assert_ok(open_add_password(open, span_of(long_one, 1024), &kit_err));
	assert_rc(
	    open_add_kek(open, SPAN_NONE, span_str(KEK), &kit_err), RC_UNFIT);
	assert_rc(open_add_kek(
		      open, span_of(long_one, 1025), span_str(KEK), &kit_err),
	    RC_UNFIT);
	for (size_t len = 0; len <= 33; len++)
		assert_rc(open_add_kek(open, span_str("K"),
			      span_of(long_one, len), &kit_err),
		    len == 16 || len == 24 || len == 32 ? RC_OK : RC_UNFIT);
	size_t added = 0;
	while (open_add(open, alice.cert, &alice.key, &kit_err) == RC_OK)
		added++;
	assert_rc(open_add(open, alice.cert, &alice.key, &kit_err), RC_LIMIT);
	assert_int_equal(added, 1000 - 1 - 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(which_key_counts),
	    cmocka_unit_test(
		a_vault_that_is_away_says_nothing_about_the_letter),
	    cmocka_unit_test(after_a_failure_every_call_fails),
	    cmocka_unit_test(a_call_that_fails_gives_nothing_out),
	    cmocka_unit_test(a_random_key_never_opens),
	    cmocka_unit_test(the_cipher_is_known_before_the_end),
	    cmocka_unit_test(a_symmetric_key_opens),
	    cmocka_unit_test(a_password_opens),
	    cmocka_unit_test(what_openssl_seals_with_them_opens),
	    cmocka_unit_test(what_we_have_has_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
