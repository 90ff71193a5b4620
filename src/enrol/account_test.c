#include "enrol/account.h"

#include "dns/zone_fixture.h"

struct context {
	struct zone_fixture zones;
	struct resolver *resolver;
	struct state *state;
};

static int
set_up(void **context_at)
{
	static struct context context;
	char path[200];
	char key[200];

	zone_fixture_init(&context.zones);
	zone_run(&context.zones,
	    "cat >> signed.records <<'END'\n"
	    "_imaps._tcp SRV 0 1 993 imap.hoster.example.\n"
	    "_imap._tcp SRV 0 1 143 other\n"
	    "_submission._tcp SRV 0 1 587 mail\n"
	    "END\n"
	    "cat >> open.records <<'END'\n"
	    "_imaps._tcp SRV 0 1 993 mail\n"
	    "_submissions._tcp SRV 0 1 465 smtp.hoster.example.\n"
	    "END\n");
	zone_start(&context.zones);
	zone_wait(&context.zones);
	context.resolver = zone_resolver(&context.zones);
	(void)snprintf(path, sizeof(path), "%s/state", context.zones.root);
	(void)snprintf(key, sizeof(key), "%s/key", context.zones.root);
	assert_int_equal(
	    state_open(path, key, true, &context.state, NULL), RC_OK);
	*context_at = &context;
	return 0;
}

static int
tear_down(void **context_at)
{
	struct context *context = *context_at;

	state_free(context->state);
	resolver_free(context->resolver);
	zone_fixture_done(&context->zones);
	return 0;
}

static void
set_text(char *room, const char *text)
{
	memcpy(room, text, strlen(text) + 1);
}

static void
fill(struct account *account)
{
	account_init(account);
	set_text(account->address, "alice@signed.test");
	set_text(account->user, "al\xc3\xa9");
	set_text(account->authority, "https://ca.test/acme/directory");
	set_text(account->imap.host, "imap.signed.test");
	account->imap.port = 993;
	set_text(account->smtp.host, "smtp.signed.test");
	account->smtp.port = 587;
	account->smtp.security = SMTP_STARTTLS;
	memset(account->credential, 0xa5, 32);
	/* Bytes that are no UTF-8. */
	assert_int_equal(
	    buf_add(&account->password, span_of("p\xff\0w", 4), NULL), RC_OK);
	assert_int_equal(buf_add_str(&account->roots, "PEM", NULL), RC_OK);
}

static void
an_account_comes_back_as_it_was(void **context_at)
{
	struct context *context = *context_at;
	struct account account ACCOUNT_OWNED;
	struct account got ACCOUNT_OWNED;

	fill(&account);
	account_init(&got);
	assert_int_equal(account_save(context->state, &account, NULL), RC_OK);
	assert_int_equal(account_load(context->state, &got, NULL), RC_OK);
	assert_string_equal(got.address, account.address);
	assert_string_equal(got.user, account.user);
	assert_string_equal(got.authority, account.authority);
	assert_string_equal(got.tls_trust, "");
	assert_string_equal(got.imap.host, "imap.signed.test");
	assert_int_equal(got.imap.port, 993);
	assert_int_equal(got.imap.security, SMTP_TLS);
	assert_int_equal(got.smtp.port, 587);
	assert_int_equal(got.smtp.security, SMTP_STARTTLS);
	assert_true(span_is(buf_span(&got.password), span_of("p\xff\0w", 4)));
	assert_true(got.password.secret);
	assert_true(span_is(buf_span(&got.roots), span_str("PEM")));
	assert_memory_equal(got.credential, account.credential, 32);
}

static void
an_account_that_is_not_there_or_damaged_is_told(void **context_at)
{
	struct context *context = *context_at;
	static const char *const bad[] = {
	    "", "[]", "{}", "garbage", "{\"address\":7}"};
	struct account got ACCOUNT_OWNED;

	account_init(&got);
	assert_int_equal(state_remove(context->state, "account", NULL), RC_OK);
	assert_int_equal(account_load(context->state, &got, NULL), RC_ABSENT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = ERR_NONE;
		assert_int_equal(state_save(context->state, "account",
				     span_str(bad[i]), NULL),
		    RC_OK);
		enum rc rc = account_load(context->state, &got, &err);
		if (rc != RC_SYNTAX || strstr(err.text, "setup") == NULL)
			fail_msg(
			    "%s: got %s \"%s\"", bad[i], rc_name(rc), err.text);
	}
}

static void
a_server_in_the_clear_is_never_saved(void **context_at)
{
	struct context *context = *context_at;
	struct account account ACCOUNT_OWNED;

	fill(&account);
	account.imap.security = SMTP_PLAIN;
	assert_int_equal(
	    account_save(context->state, &account, NULL), RC_UNFIT);
}

static enum rc
find(void **context_at, struct account *account, struct err *err)
{
	struct context *context = *context_at;

	return account_find_servers(account, context->resolver, err);
}

/* With DNSSEC's word a hoster elsewhere may be named; TLS from the first byte
 * is preferred, STARTTLS taken. */
static void
servers_are_found_by_proven_records(void **context_at)
{
	struct account account ACCOUNT_OWNED;

	account_init(&account);
	set_text(account.address, "alice@signed.test");
	assert_int_equal(find(context_at, &account, NULL), RC_OK);
	assert_string_equal(account.imap.host, "imap.hoster.example");
	assert_int_equal(account.imap.port, 993);
	assert_int_equal(account.imap.security, SMTP_TLS);
	assert_string_equal(account.smtp.host, "mail.signed.test");
	assert_int_equal(account.smtp.port, 587);
	assert_int_equal(account.smtp.security, SMTP_STARTTLS);
}

static void
what_is_filled_in_stays(void **context_at)
{
	struct account account ACCOUNT_OWNED;

	account_init(&account);
	set_text(account.address, "alice@open.test");
	set_text(account.smtp.host, "mine.example");
	account.smtp.port = 4650;
	assert_int_equal(find(context_at, &account, NULL), RC_OK);
	assert_string_equal(account.imap.host, "mail.open.test");
	assert_string_equal(account.smtp.host, "mine.example");
	assert_int_equal(account.smtp.port, 4650);
}

/* Whoever forges DNS must not be given the password. */
static void
a_server_elsewhere_without_proof_is_refused(void **context_at)
{
	struct account account ACCOUNT_OWNED;
	struct err err = ERR_NONE;

	account_init(&account);
	set_text(account.address, "alice@open.test");
	assert_int_equal(find(context_at, &account, &err), RC_UNFIT);
	assert_non_null(
	    strstr(err.text, "--smtp smtps://smtp.hoster.example:465"));
	assert_string_equal(account.imap.host, "");
}

static void
without_records_the_error_names_the_flag(void **context_at)
{
	struct account account ACCOUNT_OWNED;
	struct err err = ERR_NONE;

	account_init(&account);
	set_text(account.address, "joe@football.example.com");
	assert_int_equal(find(context_at, &account, &err), RC_ABSENT);
	assert_non_null(strstr(err.text, "--imap imaps://HOST:PORT"));
	set_text(account.address, "not an address");
	assert_int_equal(find(context_at, &account, &err), RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_account_comes_back_as_it_was),
	    cmocka_unit_test(an_account_that_is_not_there_or_damaged_is_told),
	    cmocka_unit_test(a_server_in_the_clear_is_never_saved),
	    cmocka_unit_test(servers_are_found_by_proven_records),
	    cmocka_unit_test(what_is_filled_in_stays),
	    cmocka_unit_test(a_server_elsewhere_without_proof_is_refused),
	    cmocka_unit_test(without_records_the_error_names_the_flag),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
