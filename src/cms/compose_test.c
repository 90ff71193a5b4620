#include "cms/testkit_priv.h"

#include "cms/compose.h"
#include "cms/smime.h"

OWNER(struct compose, compose_free);

#define ALL ((size_t)1 << 30)
#define ROOM ((size_t)8 << 20)
#define BOUNDARY "a-boundary-that-is-random"
#define WHEN 1795292280
#define PART "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"

static struct person root, alice, rsa, p384;

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&p384, kit_ec("P-384"), "Tres", KIT_MAIL, &root);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("root", &root);
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	kit_leave();
	return 0;
}

/* Everybody whom the letters here are for. */
static void
add_recipients(struct certs *to)
{
	assert_ok(certs_add(to, alice.cert, &kit_err));
	assert_ok(certs_add(to, rsa.cert, &kit_err));
}

static enum rc
compose_all(const struct compose_options *options, struct span entity,
    size_t size, struct buf *out)
{
	struct compose *compose OWNED(compose_free) = NULL;

	TRY(compose_new(options, &compose, &kit_err));
	for (; entity.len > 0; entity = span_after(entity, size))
		TRY(compose_push(
		    compose, span_first(entity, size), out, &kit_err));
	TRY(compose_close(compose, out, &kit_err));
	return compose_finish(compose, out, &kit_err);
}

static struct compose_options
options_for(const struct person *signer, const struct certs *to)
{
	return (struct compose_options){
	    .signer = signer == NULL ? NULL : &signer->identity,
	    .signing_time = WHEN,
	    .boundary = BOUNDARY,
	    .seal = to != NULL,
	    .cipher = SEAL_AES256_GCM,
	    .to = to,
	};
}

/* A file as mail is: with a MIME-Version before what was composed. */
static void
write_letter(const char *name, const struct buf *entity)
{
	struct buf letter BUF_OWNED = BUF(ROOM);

	assert_ok(buf_add_str(&letter, "MIME-Version: 1.0\r\n", &kit_err));
	assert_ok(buf_add(&letter, buf_span(entity), &kit_err));
	kit_write(name, buf_span(&letter));
}

static void
expect_file(const char *name, struct span want)
{
	struct buf got BUF_OWNED = BUF(ROOM);

	kit_read(name, &got);
	assert_true(span_is(buf_span(&got), want));
}

/* Text in lines, of a length that fits no block and no line. */
static void
make_long(struct buf *out)
{
	assert_ok(buf_add_str(out, PART, &kit_err));
	for (unsigned i = 0; out->len < 300001; i++)
		assert_ok(
		    buf_add_format(out, &kit_err, "line %u of many\r\n", i));
}

static void
openssl_verifies_what_was_signed(void **state)
{
	const struct person *const signers[] = {&alice, &rsa, &p384};
	static const char *const micalg[] = {"sha-256", "sha-256", "sha-384"};
	struct buf entity BUF_OWNED = BUF(ROOM);

	make_long(&entity);
	for (unsigned i = 0; i < 3; i++) {
		struct compose_options options = options_for(signers[i], NULL);
		struct buf out BUF_OWNED = BUF(ROOM);
		assert_ok(compose_all(&options, buf_span(&entity), 1000, &out));
		write_letter("letter", &out);
		for (unsigned smime = 0; smime <= 1; smime++) {
			assert_int_equal(
			    kit_openssl("%s -verify -in letter -CAfile "
					"root.crt -purpose any -out out",
				smime ? "smime" : "cms"),
			    0);
			expect_file("out", buf_span(&entity));
		}
		assert_true(kit_has("letter", micalg[i]));
	}
}

static void
openssl_opens_and_verifies_what_was_sealed(void **state)
{
	static const enum seal_cipher ciphers[] = {
	    SEAL_AES256_GCM, SEAL_AES128_GCM, SEAL_AES256_CBC, SEAL_AES128_CBC};
	static const char *const readers[] = {"alice", "rsa"};
	struct certs to CERTS_OWNED = CERTS_NONE;
	struct buf entity BUF_OWNED = BUF(ROOM);

	make_long(&entity);
	add_recipients(&to);
	for (unsigned i = 0; i < 8; i++) {
		struct compose_options options = options_for(&alice, &to);
		struct buf out BUF_OWNED = BUF(ROOM);
		options.cipher = ciphers[i / 2];
		assert_ok(compose_all(&options, buf_span(&entity), 4099, &out));
		write_letter("letter", &out);
		assert_int_equal(
		    kit_openssl("cms -decrypt -in letter -recip %s.crt "
				"-inkey %s.key -out inner",
			readers[i % 2], readers[i % 2]),
		    0);
		assert_int_equal(
		    kit_openssl("cms -verify -in inner -CAfile root.crt "
				"-purpose any -out out"),
		    0);
		expect_file("out", buf_span(&entity));
		assert_true(kit_has("letter",
		    i / 2 < 2 ? "authEnveloped-data" : "enveloped-data"));
	}
}

static void
without_a_signature_the_entity_itself_is_sealed(void **state)
{
	struct certs to CERTS_OWNED = CERTS_NONE;
	struct buf out BUF_OWNED = BUF(ROOM);

	add_recipients(&to);
	struct compose_options options = options_for(NULL, &to);
	assert_ok(compose_all(&options, span_str(PART), 1, &out));
	write_letter("letter", &out);
	assert_int_equal(kit_openssl("cms -decrypt -in letter -recip alice.crt "
				     "-inkey alice.key -out out"),
	    0);
	expect_file("out", span_str(PART));
}

/* Signatures and keys are random; all that can be compared is the length and
 * what is around them. */
static void
an_empty_entity_is_signed_and_sealed(void **state)
{
	struct certs to CERTS_OWNED = CERTS_NONE;

	add_recipients(&to);
	for (unsigned seal = 0; seal <= 1; seal++) {
		struct compose_options options =
		    options_for(&alice, seal ? &to : NULL);
		struct buf out BUF_OWNED = BUF(ROOM);
		assert_ok(compose_all(&options, SPAN_NONE, 1, &out));
		write_letter("letter", &out);
		if (seal)
			assert_int_equal(
			    kit_openssl("cms -decrypt -in letter -recip "
					"alice.crt -inkey alice.key -out "
					"letter2 && mv letter2 letter"),
			    0);
		assert_int_equal(kit_openssl("cms -verify -in letter -CAfile "
					     "root.crt -purpose any -out out"),
		    0);
		expect_file("out", SPAN_NONE);
	}
}

/* RFC 2045 section 6.8: no line of more than 76 characters, and all of them
 * full but the last. */
static void
sealed_letters_are_lines_of_base64(void **state)
{
	struct certs to CERTS_OWNED = CERTS_NONE;
	struct buf entity BUF_OWNED = BUF(ROOM), out BUF_OWNED = BUF(ROOM);

	make_long(&entity);
	add_recipients(&to);
	struct compose_options options = options_for(&alice, &to);
	assert_ok(compose_all(&options, buf_span(&entity), 17, &out));
	struct span rest = buf_span(&out);
	rest =
	    span_after(rest, (size_t)span_find(rest, span_str("\r\n\r\n")) + 4);
	assert_true(rest.len > 400000);
	while (rest.len > 0) {
		ptrdiff_t len = span_find(rest, span_str("\r\n"));
		assert_true(len == 76 || (len > 0 && len < 76 &&
					     rest.len == (size_t)len + 2));
		rest = span_after(rest, (size_t)len + 2);
	}
}

static void
what_is_ready_comes_out_at_once(void **state)
{
	struct certs to CERTS_OWNED = CERTS_NONE;
	struct compose *compose OWNED(compose_free) = NULL;
	struct buf out BUF_OWNED = BUF(ROOM);
	uint8_t zeros[4096] = {0};
	size_t in = 0, passed = 0;

	add_recipients(&to);
	struct compose_options options = options_for(&alice, &to);
	assert_ok(compose_new(&options, &compose, &kit_err));
	for (unsigned i = 0; i < 1000; i++) {
		assert_ok(compose_push(
		    compose, span_of(zeros, sizeof(zeros)), &out, &kit_err));
		in += sizeof(zeros);
		passed += out.len;
		out.len = 0;
		/* what is kept back is less than two of cms/seal's pieces */
		assert_true(passed * 3 / 4 + 2 * 65536 > in);
	}
}

static void
what_cannot_be_composed_is_refused(void **state)
{
	static const char *const boundaries[] = {NULL, "too-short-by-on",
	    "just-long-enough", "a boundary with blanks in it",
	    "123456789012345678901234567890123456789012345678901234567890"
	    "12345678901"};
	struct certs nobody = CERTS_NONE;
	struct compose *compose = NULL;

	for (unsigned i = 0; i < 5; i++) {
		struct compose_options options = options_for(&alice, NULL);
		options.boundary = boundaries[i];
		assert_rc(compose_new(&options, &compose, &kit_err),
		    i == 2 ? RC_OK : RC_UNFIT);
		compose_free(compose);
		compose = NULL;
	}
	struct compose_options options = options_for(&alice, &nobody);
	assert_rc(compose_new(&options, &compose, &kit_err), RC_ABSENT);
	options.to = NULL;
	assert_rc(compose_new(&options, &compose, &kit_err), RC_ABSENT);
	options = options_for(NULL, NULL);
	assert_rc(compose_new(&options, &compose, &kit_err), RC_UNFIT);
	options = options_for(&root, NULL);
	assert_rc(compose_new(&options, &compose, &kit_err), RC_UNFIT);
	assert_null(compose);
}

static void
only_signed_letters_have_timestamps(void **state)
{
	struct certs to CERTS_OWNED = CERTS_NONE;
	uint8_t imprint[32];

	add_recipients(&to);
	for (unsigned sign = 0; sign <= 1; sign++) {
		struct compose *compose OWNED(compose_free) = NULL;
		struct buf out BUF_OWNED = BUF(ROOM);
		struct compose_options options =
		    options_for(sign ? &alice : NULL, &to);
		assert_ok(compose_new(&options, &compose, &kit_err));
		assert_ok(
		    compose_push(compose, span_str(PART), &out, &kit_err));
		assert_ok(compose_close(compose, &out, &kit_err));
		assert_rc(compose_imprint(compose, imprint, &kit_err),
		    sign ? RC_OK : RC_UNFIT);
		assert_rc(compose_add_token(compose, span_str("x"), &kit_err),
		    sign ? RC_SYNTAX : RC_UNFIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_verifies_what_was_signed),
	    cmocka_unit_test(openssl_opens_and_verifies_what_was_sealed),
	    cmocka_unit_test(without_a_signature_the_entity_itself_is_sealed),
	    cmocka_unit_test(an_empty_entity_is_signed_and_sealed),
	    cmocka_unit_test(sealed_letters_are_lines_of_base64),
	    cmocka_unit_test(what_is_ready_comes_out_at_once),
	    cmocka_unit_test(what_cannot_be_composed_is_refused),
	    cmocka_unit_test(only_signed_letters_have_timestamps),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
