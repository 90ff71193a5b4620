#include "cms/testkit_priv.h"

#include <sys/resource.h>
#include <sys/time.h>

#include "cms/openkit_priv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"
#define PIECE ((size_t)64 << 10)

/* The sanitizer keeps what was freed and makes everything slow. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static struct person root, alice, rsa;

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	alice.key.ops = rsa.key.ops = &made_ops;
	return 0;
}

static int
teardown(void **state)
{
	made_forget();
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	kit_leave();
	return 0;
}

/* In KiB, at its highest. */
static long
resident(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

static struct open *
opener(const struct person *who)
{
	struct open *open = NULL;

	assert_ok(open_new(&open, &kit_err));
	assert_ok(open_add(open, who->cert, &who->key, &kit_err));
	return open;
}

/* --- long letters ---------------------------------------------------------- */

/* `pieces` times 64 KiB of text, sealed, opened and compared as they come. */
static void
stream(int nid, const struct person *who, size_t pieces)
{
	static uint8_t text[PIECE], room[PIECE + 32];
	struct made made = {.nid = nid};
	struct buf recipient BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct buf plain BUF_OWNED = BUF_SECRET(2 * PIECE);
	struct open *open OWNED(open_free) = opener(who);
	struct open_result result = {0};
	uint8_t tag[16] = {0};
	size_t got = 0;
	int len = 0;

	made_forget();
	memset(text, 'x', sizeof(text));
	made_for(who, nid, &recipient);
	made.recipients = buf_span(&recipient);
	made_head(&made, &out);
	MADE_ADD(&out, "\xa0\x80");
	EVP_CIPHER_CTX *ctx = made_cipher(&made);
	for (size_t i = 0; i <= pieces; i++) {
		if (i < pieces)
			assert_true_ssl(EVP_EncryptUpdate(
			    ctx, room, &len, text, sizeof(text)));
		else
			assert_true_ssl(EVP_EncryptFinal_ex(ctx, room, &len));
		made_element(&out, 4, span_of(room, (size_t)len));
		assert_ok(open_push(open, buf_span(&out), &plain, &kit_err));
		got += plain.len;
		if (plain.len >= PIECE)
			assert_memory_equal(plain.data, text, PIECE);
		buf_clear(&plain);
		buf_clear(&out);
	}
	if (made_is_auth(nid))
		assert_true_ssl(
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	EVP_CIPHER_CTX_free(ctx);
	MADE_ADD(&out, "\0\0");
	made_tail(&made, span_of(tag, 16), &out);
	assert_ok(open_push(open, buf_span(&out), &plain, &kit_err));
	assert_ok(open_finish(open, &plain, &result, &kit_err));
	assert_int_equal(got + plain.len, pieces * PIECE);
	assert_int_equal(result.authenticated, made_is_auth(nid));
}

static void
memory_does_not_grow_with_the_letter(void **state)
{
	const int nids[] = {NID_aes_256_gcm, NID_aes_128_cbc};
	const size_t pieces = SANITIZED ? 100 : 300 * 16;

	for (size_t i = 0; i < COUNT(nids); i++) {
		stream(nids[i], &alice, 2);
		long before = resident();
		stream(nids[i], &alice, pieces); /* 300 MiB */
		long grown = resident() - before;
		if (!SANITIZED && grown >= 1024)
			fail_msg("grown by %ld KiB", grown);
	}
}

/* --- many recipients ------------------------------------------------------- */

/* Push a head and then `one` again and again: how many went in. */
static size_t
push_many(const char *one, size_t len, size_t max, enum rc *ret_rc)
{
	static const char head[] =
	    "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80"
	    "\x30\x80\x02\x01\x02\x31\x80";
	struct open *open OWNED(open_free) = opener(&alice);
	struct buf plain BUF_OWNED = BUF_SECRET(2 * PIECE);
	size_t count = 0;

	assert_ok(
	    open_push(open, span_of(head, sizeof(head) - 1), &plain, &kit_err));
	for (*ret_rc = RC_OK; count < max; count++) {
		*ret_rc = open_push(open, span_of(one, len), &plain, &kit_err);
		if (*ret_rc != RC_OK)
			break;
	}
	return count;
}

static void
ten_million_recipients_end_at_the_limit(void **state)
{
	enum rc rc = RC_OK;
	const size_t len = sizeof(MADE_OTHER) - 1;

	assert_int_equal(push_many(MADE_OTHER, len, 100, &rc), 100);
	long before = resident();
	assert_int_equal(push_many(MADE_OTHER, len, 10000000, &rc), 10000);
	assert_rc(rc, RC_LIMIT);
	assert_int_equal(push_many(MADE_OTHER, len, 10000, &rc), 10000);
	assert_rc(rc, RC_OK);
	/* with nothing in them */
	size_t count = push_many("\x30\x00", 2, 10000000, &rc);
	assert_in_range(count, 0, 10000);
	assert_true(rc == RC_SYNTAX || rc == RC_LIMIT);
	count = push_many("\xa4\x00", 2, 10000000, &rc);
	assert_in_range(count, 0, 10000);
	assert_true(rc == RC_SYNTAX || rc == RC_LIMIT);
	if (!SANITIZED)
		assert_in_range(resident() - before, 0, 1023);
}

static void
a_recipient_has_at_most_64_kib(void **state)
{
	static const uint8_t big[65536 + 1] = {0xa4, 0x82, 0xff, 0xfc, 0x06,
	    0x02, 0x2a, 0x03, 0x04, 0x82, 0xff, 0xf4};
	uint8_t bigger[sizeof(big)];
	enum rc rc = RC_OK;

	assert_int_equal(push_many((const char *)big, 65536, 1, &rc), 1);
	memcpy(bigger, big, sizeof(big));
	bigger[3] = 0xfd;
	bigger[11] = 0xf5;
	assert_int_equal(
	    push_many((const char *)bigger, sizeof(bigger), 1, &rc), 0);
	assert_rc(rc, RC_LIMIT);
}

/* --- a second pass --------------------------------------------------------- */

static void
make(int nid, const char *text, const struct person *who, struct buf *ret)
{
	struct buf recipient BUF_OWNED = BUF_SMALL;
	struct made made = {.nid = nid, .text = span_str(text), .piece = 9};

	made_for(who, nid, &recipient);
	made.recipients = buf_span(&recipient);
	made_letter(&made, ret);
}

static enum rc
pass(struct open *open, struct span der, struct buf *plain)
{
	struct open_result result = {0};

	TRY(made_push(open, der, 5, 11, plain));
	TRY(open_finish(open, plain, &result, &kit_err));
	assert_int_equal(result.recipients, 1);
	return RC_OK;
}

static void
a_second_pass_opens_the_same_without_the_key(void **state)
{
	const struct {
		int nid;
		const struct person *who;
	} table[] = {
	    {NID_aes_128_gcm, &alice},
	    {NID_aes_256_gcm, &rsa},
	    {NID_chacha20_poly1305, &rsa},
	    {NID_aes_256_cbc, &alice},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct open *open OWNED(open_free) = opener(table[i].who);
		make(table[i].nid, LETTER, table[i].who, &der);
		made_forget();
		for (int n = 0; n < 3; n++) {
			struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
			assert_ok(pass(open, buf_span(&der), &plain));
			assert_true(
			    span_is(buf_span(&plain), span_str(LETTER)));
			assert_ok(open_rewind(open, &kit_err));
		}
		assert_int_equal(made_memo.uses, 1);
	}
}

static void
a_second_pass_over_other_bytes_fails(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, twin BUF_OWNED = BUF_SMALL;
	struct buf cbc BUF_OWNED = BUF_SMALL,
		       plain BUF_OWNED = BUF_SECRET(1 << 20);

	make(NID_aes_128_gcm, LETTER, &alice, &der);
	/* one that the same key opens: whoever has the key can make it */
	make(NID_aes_128_gcm, "Pay the attacker.", &alice, &twin);
	make(NID_aes_128_cbc, LETTER, &alice, &cbc);
	const struct {
		struct span bytes;
		enum rc want;
	} table[] = {
	    {buf_span(&der), RC_OK},
	    {buf_span(&twin), RC_CRYPTO},
	    {buf_span(&cbc), RC_CRYPTO},
	    {span_first(buf_span(&der), der.len - 2), RC_SYNTAX},
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		struct open *open OWNED(open_free) = opener(&alice);
		made_forget();
		assert_ok(pass(open, buf_span(&der), &plain));
		assert_ok(open_rewind(open, &kit_err));
		assert_rc(pass(open, table[i].bytes, &plain), table[i].want);
		if (table[i].want == RC_CRYPTO)
			assert_string_equal(kit_err.text, CLOSED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory_does_not_grow_with_the_letter),
	    cmocka_unit_test(ten_million_recipients_end_at_the_limit),
	    cmocka_unit_test(a_recipient_has_at_most_64_kib),
	    cmocka_unit_test(a_second_pass_opens_the_same_without_the_key),
	    cmocka_unit_test(a_second_pass_over_other_bytes_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
