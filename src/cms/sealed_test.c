/* What can be read on a mail server, and what only says that it cannot. */
#include "cms/sealed.h"

#include "cms/sealkit_priv.h"
#include "cms/smime.h"

#define ROOM ((size_t)1 << 20)
#define HEADER "From: a@b.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
#define LINE "The canary sings at noon, as it does on every day.\r\n"

static void
make_der(enum seal_cipher cipher, struct buf *der)
{
	struct seal *seal OWNED(seal_free) = NULL;
	struct buf plain BUF_OWNED = BUF(ROOM);

	for (int i = 0; i < 100; i++)
		assert_ok(buf_add_str(&plain, LINE, &kit_err));
	assert_ok(seal_new(cipher, &seal, &kit_err));
	assert_ok(seal_add(seal, alice.cert, &kit_err));
	assert_ok(seal_push(seal, buf_span(&plain), der, &kit_err));
	assert_ok(seal_finish(seal, der, &kit_err));
}

static void
make_letter(enum smime_kind kind, struct span der, struct buf *letter)
{
	assert_ok(buf_add_str(letter, HEADER, &kit_err));
	assert_ok(smime_print(kind, der, letter, &kit_err));
}

/* In pieces of `step`. */
static bool
is_sealed(struct span letter, size_t step)
{
	struct sealed *sealed OWNED(sealed_free) = NULL;
	bool yes = false;

	assert_ok(sealed_new(&sealed, &kit_err));
	for (size_t at = 0; at < letter.len; at += step)
		assert_ok(sealed_push(sealed,
		    span_first(span_after(letter, at),
			letter.len - at < step ? letter.len - at : step),
		    &kit_err));
	assert_ok(sealed_finish(sealed, &yes, &kit_err));
	return yes;
}

static void
what_is_sealed_is_found_so_in_any_pieces(void **state)
{
	static const enum seal_cipher ciphers[] = {
	    SEAL_AES256_CBC, SEAL_AES256_GCM};
	static const enum smime_kind kinds[] = {
	    SMIME_ENVELOPED, SMIME_AUTH_ENVELOPED};

	for (size_t i = 0; i < 2; i++) {
		struct buf der BUF_OWNED = BUF(ROOM);
		struct buf letter BUF_OWNED = BUF(ROOM);
		make_der(ciphers[i], &der);
		make_letter(kinds[i], buf_span(&der), &letter);
		assert_true(is_sealed(buf_span(&letter), 1));
		assert_true(is_sealed(buf_span(&letter), 61));
		assert_true(is_sealed(buf_span(&letter), ROOM));
	}
}

static void
what_is_only_called_sealed_is_readable(void **state)
{
	static const char *const letters[] = {
	    "",
	    HEADER "\r\n" LINE,
	    HEADER,
	    HEADER "Content-Type: application/pkcs7-mime; "
		   "smime-type=enveloped-data\r\n\r\n" LINE,
	    HEADER "Content-Type: application/pkcs7-mime; "
		   "smime-type=enveloped-data\r\n"
		   "Content-Transfer-Encoding: base64\r\n\r\n"
		   "MIIBIAYJKoZIhvcNAQcDoIIBETCCAQ0CAQAxgckwgcYCAQAw\r\n",
	    HEADER "Content-Type: multipart/signed; "
		   "protocol=\"application/pkcs7-signature\"; "
		   "boundary=X\r\n\r\n--X\r\n\r\n" LINE "--X--\r\n",
	};

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (is_sealed(span_str(letters[i]), ROOM))
			fail_msg("taken for sealed: %s", letters[i]);
}

static void
a_sealed_letter_that_ends_early_is_readable(void **state)
{
	struct buf der BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);

	make_der(SEAL_AES256_GCM, &der);
	make_letter(SMIME_AUTH_ENVELOPED,
	    span_first(buf_span(&der), der.len - 1), &letter);
	assert_false(is_sealed(buf_span(&letter), ROOM));
}

static void
text_behind_the_sealed_part_is_readable(void **state)
{
	struct buf der BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);

	make_der(SEAL_AES256_CBC, &der);
	make_letter(SMIME_ENVELOPED, buf_span(&der), &letter);
	for (int i = 0; i < 200; i++)
		assert_ok(buf_add_str(&letter, LINE, &kit_err));
	assert_false(is_sealed(buf_span(&letter), ROOM));
	assert_false(is_sealed(buf_span(&letter), 100));
}

static void
a_part_among_others_that_is_sealed_leaves_the_letter_readable(void **state)
{
	struct buf der BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);

	make_der(SEAL_AES256_CBC, &der);
	assert_ok(buf_add_str(&letter,
	    HEADER "Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n",
	    &kit_err));
	assert_ok(
	    smime_print(SMIME_ENVELOPED, buf_span(&der), &letter, &kit_err));
	assert_ok(
	    buf_add_str(&letter, "\r\n--X\r\n\r\n" LINE "--X--\r\n", &kit_err));
	assert_false(is_sealed(buf_span(&letter), ROOM));
}

/* The frame of an EnvelopedData with the text itself where the ciphertext
 * should be. */
static void
text_in_the_place_of_the_ciphertext_is_readable(void **state)
{
	struct buf der BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);
	const size_t line = sizeof(LINE) - 1, from = der.len + 600;

	make_der(SEAL_AES256_CBC, &der);
	assert_true(der.len > from + 70 * line);
	for (size_t i = 0; i < 70; i++)
		memcpy(der.data + from + i * line, LINE, line);
	make_letter(SMIME_ENVELOPED, buf_span(&der), &letter);
	assert_false(is_sealed(buf_span(&letter), ROOM));
}

static void
what_openssl_sealed_is_sealed(void **state)
{
	struct buf plain BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);

	for (int i = 0; i < 40; i++)
		assert_ok(buf_add_str(&plain, LINE, &kit_err));
	kit_write("plain", buf_span(&plain));
	assert_int_equal(
	    kit_openssl("cms -encrypt -aes256 -binary -stream -in plain "
			"-out letter alice.crt"),
	    0);
	kit_read("letter", &letter);
	assert_true(is_sealed(buf_span(&letter), ROOM));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_sealed_is_found_so_in_any_pieces),
	    cmocka_unit_test(what_is_only_called_sealed_is_readable),
	    cmocka_unit_test(a_sealed_letter_that_ends_early_is_readable),
	    cmocka_unit_test(text_behind_the_sealed_part_is_readable),
	    cmocka_unit_test(
		a_part_among_others_that_is_sealed_leaves_the_letter_readable),
	    cmocka_unit_test(text_in_the_place_of_the_ciphertext_is_readable),
	    cmocka_unit_test(what_openssl_sealed_is_sealed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
