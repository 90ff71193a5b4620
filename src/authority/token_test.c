/* SoftHSM is the token, pkcs11-tool and the openssl program the judges. */
#include "authority/token.h"

#include <stdlib.h>

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>
#include <pthread.h>

#include "authority/testkit_priv.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define PIN "PIN of 14 char"
#define TOKEN "pkcs11:token=Letterlock%20test?module-path=" MODULE
#define TOOL "pkcs11-tool --module " MODULE " --token-label 'Letterlock test' "

static const uint8_t tbs[] = {0x30, 0x03, 0x02, 0x01, 0x2a};

static int
setup(void **state)
{
	if (kit_make(state) != 0)
		return -1;
	const struct kit *kit = *state;
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/softhsm.conf", kit->folder);
	(void)setenv("SOFTHSM2_CONF", path, 1);
	return kit_run(kit,
	    "mkdir tokens && printf 'directories.tokendir = %%s/tokens\\n"
	    "objectstore.backend = file\\nlog.level = ERROR\\n' \"$PWD\" > "
	    "softhsm.conf && for name in 'Letterlock test' Other; do "
	    "softhsm2-util --init-token --free --label \"$name\" "
	    "--so-pin 12345678 --pin '" PIN "'; done");
}

static void
make(const char *label, const char *curve, struct buf *uri, const char **ret)
{
	struct err err = ERR_NONE;

	assert_done(
	    token_key_make(TOKEN, span_str(PIN), label, curve, uri, &err), err);
	assert_done(buf_str(uri, ret, &err), err);
}

static void
write_public(const struct kit *kit, const struct signer *signer)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	assert_true(PEM_write_bio_PUBKEY(out, signer_public(signer)));
	long len = BIO_get_mem_data(out, &bytes);
	kit_write(kit, "public.pem", span_of(bytes, (size_t)len));
	BIO_free(out);
}

static void
verify(const struct kit *kit, struct signer *signer, const char *digest)
{
	struct buf signature BUF_OWNED = BUF_SMALL;
	struct span message = span_of(tbs, sizeof(tbs));
	struct err err = ERR_NONE;

	assert_done(signer_sign(signer, message, &signature, &err), err);
	kit_write(kit, "tbs", message);
	kit_write(kit, "signature", buf_span(&signature));
	write_public(kit, signer);
	assert_run(kit,
	    "openssl pkeyutl -verify -pubin -inkey public.pem -rawin "
	    "-digest %s -in tbs -sigfile signature",
	    digest);
}

static void
openssl_verifies_what_a_token_signed(void **state)
{
	static const char *const cases[][2] = {
	    {"P-256", "sha256"}, {"P-384", "sha384"}};
	struct err err = ERR_NONE;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf uri BUF_OWNED = BUF_SMALL;
		struct signer *signer OWNED(signer_free) = NULL;
		const char *text;
		make(cases[i][0], cases[i][0], &uri, &text);
		assert_done(
		    signer_token(text, span_str(PIN), &signer, &err), err);
		/* both halves of 2^-8 begin with a zero octet now and then */
		for (int k = 0; k < 20; k++)
			verify(*state, signer, cases[i][1]);
	}
}

static void
openssl_verifies_what_an_rsa_key_signed(void **state)
{
	struct signer *signer OWNED(signer_free) = NULL;
	struct err err = ERR_NONE;

	assert_run(*state, TOOL "--login --pin '" PIN "' --keypairgen "
				"--key-type rsa:2048 --label rsa --id 77");
	assert_done(signer_token("pkcs11:token=Letterlock%20test;object=rsa"
				 "?module-path=" MODULE,
			span_str(PIN), &signer, &err),
	    err);
	verify(*state, signer, "sha256");
}

static void
a_key_that_was_made_never_leaves_the_token(void **state)
{
	struct buf uri BUF_OWNED = BUF_SMALL;
	const char *text;
	char said[5000];

	make("stays", "P-256", &uri, &text);
	assert_has(text, "pkcs11:token=Letterlock%20test;");
	assert_has(text, "object=stays");
	assert_has(text, "module-path=%2Fusr%2Flib%2Fsofthsm%2Flibsofthsm2.so");
	assert_null(strstr(text, "PIN"));
	assert_run(*state, TOOL "--login --pin '" PIN "' --list-objects "
				"--type privkey");
	kit_output(*state, said, sizeof(said));
	assert_has(said, "label:      stays");
	assert_has(
	    said, "sensitive, always sensitive, never extractable, local");
	assert_null(strstr(said, "Access:     none"));
}

static void
p11_kit_finds_the_token_by_its_own_configuration(void **state)
{
	struct buf uri BUF_OWNED = BUF_SMALL;
	struct token_key *key OWNED(token_key_free) = NULL;
	struct err err = ERR_NONE;
	const char *text;

	assert_done(token_key_make("pkcs11:token=Letterlock%20test",
			span_str(PIN), "configured", "P-256", &uri, &err),
	    err);
	assert_done(buf_str(&uri, &text, &err), err);
	assert_null(strstr(text, "module-path"));
	assert_done(token_key_open(text, span_str(PIN), &key, &err), err);
}

static void
what_cannot_be_opened_says_why(void **state)
{
	static const struct {
		const char *uri;
		const char *pin;
		enum rc want;
		const char *says;
	} cases[] = {
	    {TOKEN, "wrong", RC_REFUSED, "PIN"},
	    {TOKEN, "", RC_ABSENT, "--pin-file"},
	    {TOKEN "&pin-value="
		   "1234",
		PIN, RC_SYNTAX, "--pin-file"},
	    {"https://token", PIN, RC_SYNTAX, "pkcs11:token="},
	    {"pkcs11:token=x;colour=red", PIN, RC_SYNTAX, "pkcs11:token="},
	    {"pkcs11:token=Nobody?module-path=" MODULE, PIN, RC_ABSENT,
		"no PKCS#11 token"},
	    {"pkcs11:?module-path=" MODULE, PIN, RC_UNFIT, "2 PKCS#11 tokens"},
	    {"pkcs11:token=x?module-path=/nowhere.so", PIN, RC_ABSENT,
		"/nowhere.so"},
	    {"pkcs11:token=Letterlock%20test;object=none?module-path=" MODULE,
		PIN, RC_ABSENT, "no key"},
	    {TOKEN, PIN, RC_UNFIT, "several keys"},
	};
	struct buf one BUF_OWNED = BUF_SMALL, two BUF_OWNED = BUF_SMALL;
	const char *text;

	make("one", "P-256", &one, &text);
	make("two", "P-256", &two, &text);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct token_key *key = NULL;
		struct err err = ERR_NONE;
		assert_rc(token_key_open(
			      cases[i].uri, span_str(cases[i].pin), &key, &err),
		    cases[i].want);
		assert_null(key);
		assert_has(err.text, cases[i].says);
	}
}

static void
a_uri_and_a_pin_have_a_limit(void **state)
{
	struct buf uri BUF_OWNED = BUF_SMALL, pin BUF_OWNED = BUF_SMALL;
	struct token_key *key = NULL;
	struct err err = ERR_NONE;
	const char *text;

	assert_done(buf_add_str(&uri, TOKEN "&x-a=", &err), err);
	while (uri.len < TOKEN_URI_MAX)
		assert_done(buf_add_byte(&uri, 'a', &err), err);
	assert_done(buf_str(&uri, &text, &err), err);
	assert_rc(token_key_open(text, span_str(PIN), &key, &err), RC_UNFIT);
	assert_done(buf_add_byte(&uri, 'a', &err), err);
	assert_done(buf_str(&uri, &text, &err), err);
	assert_rc(token_key_open(text, span_str(PIN), &key, &err), RC_SYNTAX);
	while (pin.len <= TOKEN_PIN_MAX)
		assert_done(buf_add_byte(&pin, 'a', &err), err);
	assert_rc(token_key_open(TOKEN, buf_span(&pin), &key, &err), RC_LIMIT);
}

/* Behind the back of p11-kit: what happens when a token is pulled out. */
static void
lose_all_sessions(void)
{
	void *library = dlopen(MODULE, RTLD_NOW | RTLD_NOLOAD);
	CK_FUNCTION_LIST *functions = NULL;
	CK_SLOT_ID slots[8];
	CK_ULONG len = 8;

	assert_non_null(library);
	CK_RV(*get)
	(CK_FUNCTION_LIST **) = (CK_RV(*)(CK_FUNCTION_LIST **))(uintptr_t)dlsym(
	    library, "C_GetFunctionList");
	assert_int_equal(get(&functions), CKR_OK);
	assert_int_equal(
	    functions->C_GetSlotList(CK_TRUE, slots, &len), CKR_OK);
	for (CK_ULONG i = 0; i < len; i++)
		(void)functions->C_CloseAllSessions(slots[i]);
	(void)dlclose(library);
}

static void
a_lost_session_is_opened_anew(void **state)
{
	struct buf uri BUF_OWNED = BUF_SMALL;
	struct signer *signer OWNED(signer_free) = NULL;
	struct err err = ERR_NONE;
	const char *text;

	make("pulled", "P-256", &uri, &text);
	assert_done(signer_token(text, span_str(PIN), &signer, &err), err);
	for (int i = 0; i < 3; i++) {
		verify(*state, signer, "sha256");
		lose_all_sessions();
	}
	verify(*state, signer, "sha256");
}

#define THREADS 4
#define TIMES 50

static void *
sign_often(void *context)
{
	struct err err = ERR_NONE;

	for (int i = 0; i < TIMES; i++) {
		struct buf signature BUF_OWNED = BUF_SMALL;
		if (signer_sign(context, span_of(tbs, sizeof(tbs)), &signature,
			&err) != RC_OK)
			return "failed";
	}
	return NULL;
}

static void
several_threads_sign_with_one_key(void **state)
{
	struct buf uri BUF_OWNED = BUF_SMALL;
	struct signer *signer OWNED(signer_free) = NULL;
	struct err err = ERR_NONE;
	pthread_t thread[THREADS];
	const char *text;

	make("shared", "P-256", &uri, &text);
	assert_done(signer_token(text, span_str(PIN), &signer, &err), err);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, sign_often, signer), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *said = NULL;
		assert_int_equal(pthread_join(thread[i], &said), 0);
		assert_null(said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_verifies_what_a_token_signed),
	    cmocka_unit_test(openssl_verifies_what_an_rsa_key_signed),
	    cmocka_unit_test(a_key_that_was_made_never_leaves_the_token),
	    cmocka_unit_test(p11_kit_finds_the_token_by_its_own_configuration),
	    cmocka_unit_test(what_cannot_be_opened_says_why),
	    cmocka_unit_test(a_uri_and_a_pin_have_a_limit),
	    cmocka_unit_test(a_lost_session_is_opened_anew),
	    cmocka_unit_test(several_threads_sign_with_one_key),
	};

	return cmocka_run_group_tests(tests, setup, kit_remove);
}
