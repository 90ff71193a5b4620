#include "cms/testkit_priv.h"

#include "cms/seal.h"
#include "cms/sign.h"
#include "cms/smime.h"
#include "cms/smimekit_priv.h"

OWNER(struct sign, sign_free);
OWNER(struct seal, seal_free);
OWNER(struct entity, entity_free);

#define PART "Content-Type: text/plain\r\n\r\nGood morning.\r\n"

static struct person root, alice;
static struct buf signature = BUF_SMALL, sealed = BUF_SMALL;

static void
make_signature(void)
{
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(sign_new(&alice.identity, 1795292280, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str(PART), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, &signature, &kit_err));
}

static void
make_envelope(void)
{
	struct seal *seal OWNED(seal_free) = NULL;

	assert_ok(seal_new(SEAL_AES256_GCM, &seal, &kit_err));
	assert_ok(seal_add(seal, alice.cert, &kit_err));
	assert_ok(seal_push(seal, span_str(PART), &sealed, &kit_err));
	assert_ok(seal_finish(seal, &sealed, &kit_err));
}

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	kit_write_person("root", &root);
	kit_write_person("alice", &alice);
	make_signature();
	make_envelope();
	return 0;
}

static int
teardown(void **state)
{
	buf_done(&signature);
	buf_done(&sealed);
	person_done(&root);
	person_done(&alice);
	kit_leave();
	return 0;
}

static void
print_signed_letter(struct buf *out)
{
	assert_ok(buf_add_str(out, "MIME-Version: 1.0\r\n", &kit_err));
	assert_ok(smime_print_signed(
	    span_str(PART), buf_span(&signature), "a-boundary", out, &kit_err));
}

static struct entity *
parse(const struct buf *letter)
{
	struct entity *entity = NULL;

	assert_ok(
	    entity_parse(buf_span(letter), ENTITY_LIMITS, &entity, &kit_err));
	return entity;
}

static void
openssl_reads_our_multipart_signed(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL;

	print_signed_letter(&letter);
	kit_write("letter", buf_span(&letter));
	assert_int_equal(
	    kit_openssl("cms -verify -in letter -CAfile root.crt -purpose any"),
	    0);
	assert_true(kit_has("letter", "micalg=sha-256"));
}

static void
openssl_reads_our_pkcs7_mime(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_str(&letter, "MIME-Version: 1.0\r\n", &kit_err));
	assert_ok(smime_print(
	    SMIME_AUTH_ENVELOPED, buf_span(&sealed), &letter, &kit_err));
	kit_write("letter", buf_span(&letter));
	assert_int_equal(kit_openssl("cms -decrypt -in letter -recip alice.crt "
				     "-inkey alice.key -out out"),
	    0);
	kit_read("out", &out);
	assert_true(span_is(buf_span(&out), span_str(PART)));
}

static void
what_is_split_is_what_was_signed(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	const struct entity *part = NULL;

	print_signed_letter(&letter);
	struct entity *entity OWNED(entity_free) = parse(&letter);
	assert_int_equal(smime_kind_of(entity), SMIME_SIGNED);
	assert_ok(smime_split(entity, &part, &der, &kit_err));
	assert_true(span_is(part->whole, span_str(PART)));
	assert_true(span_is(buf_span(&der), buf_span(&signature)));
}

struct broken {
	const char *name;
	const char *letter;
};

static void
a_multipart_signed_of_any_other_form_is_refused(void **state)
{
#define TOP                                           \
	"Content-Type: multipart/signed; boundary=b;" \
	" protocol=\"application/pkcs7-signature\"\r\n\r\n"
#define TEXT "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
#define SIG "--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n"
	const struct broken table[] = {
	    {"one part", TOP TEXT "--b--\r\n"},
	    {"three parts", TOP TEXT SIG TEXT "--b--\r\n"},
	    {"no signature", TOP TEXT TEXT "--b--\r\n"},
	    {"signature first", TOP SIG TEXT "--b--\r\n"},
	    {"no end", TOP TEXT SIG},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct buf der BUF_OWNED = BUF_SMALL;
		const struct entity *part = NULL;
		assert_ok(buf_add_str(&letter, table[i].letter, &kit_err));
		struct entity *entity OWNED(entity_free) = parse(&letter);
		assert_int_equal(smime_kind_of(entity), SMIME_SIGNED);
		if (smime_split(entity, &part, &der, &kit_err) != RC_SYNTAX)
			fail_msg("%s was split", table[i].name);
		assert_int_equal(der.len, 0);
		assert_null(part);
	}
}

struct kind_case {
	const char *name;
	const char *header;
	const struct buf *der;
	enum smime_kind want;
};

static void
the_content_decides_what_kind_it_is(void **state)
{
#define B64 "Content-Transfer-Encoding: base64\r\n\r\n"
#define P7 "Content-Type: application/pkcs7-mime"
#define OCT "Content-Type: application/octet-stream"
	struct buf nothing = BUF_SMALL;
	const struct kind_case table[] = {
	    {"plain", P7 "\r\n" B64, &sealed, SMIME_AUTH_ENVELOPED},
	    {"lying type", P7 "; smime-type=signed-data\r\n" B64, &sealed,
		SMIME_AUTH_ENVELOPED},
	    {"old name", "Content-Type: Application/X-PKCS7-MIME\r\n" B64,
		&sealed, SMIME_AUTH_ENVELOPED},
	    {"lying certs-only", P7 "; smime-type=certs-only\r\n" B64,
		&signature, SMIME_OPAQUE},
	    {"file name", OCT "; name=\"Smime.P7M\"\r\n" B64, &sealed,
		SMIME_AUTH_ENVELOPED},
	    {"disposition",
		OCT "\r\nContent-Disposition: attachment; "
		    "filename=smime.p7m\r\n" B64,
		&sealed, SMIME_AUTH_ENVELOPED},
	    {"no name", OCT "\r\n" B64, &sealed, SMIME_NONE},
	    {"name only", OCT "; name=smime.p7m\r\n" B64, &nothing, SMIME_NONE},
	    {"garbage", P7 "\r\n" B64, &nothing, SMIME_OTHER},
	    {"text", "Content-Type: text/plain; name=smime.p7m\r\n" B64,
		&sealed, SMIME_NONE},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		uint8_t text[16384];
		assert_ok(buf_add_str(&letter, table[i].header, &kit_err));
		int len = EVP_EncodeBlock(
		    text, table[i].der->data, (int)table[i].der->len);
		assert_ok(
		    buf_add(&letter, span_of(text, (size_t)len), &kit_err));
		struct entity *entity OWNED(entity_free) = parse(&letter);
		if (smime_kind_of(entity) != table[i].want)
			fail_msg("%s: got %d, want %d", table[i].name,
			    (int)smime_kind_of(entity), (int)table[i].want);
	}
}

static void
certificates_alone_are_no_signature(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;

	assert_int_equal(kit_openssl("crl2pkcs7 -nocrl -certfile alice.crt "
				     "-outform DER -out certs"),
	    0);
	kit_read("certs", &der);
	assert_ok(smime_print(SMIME_OPAQUE, buf_span(&der), &letter, &kit_err));
	struct entity *entity OWNED(entity_free) = parse(&letter);
	assert_int_equal(smime_kind_of(entity), SMIME_OTHER);
}

static void
a_boundary_that_occurs_or_cannot_be_written_is_refused(void **state)
{
	char too_long[72];
	const char *bad[] = {
	    "morning", "", "a b", "a\"b", "a\r\nX: y", too_long};
	struct buf out BUF_OWNED = BUF_SMALL;

	memset(too_long, 'a', sizeof(too_long));
	too_long[71] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_rc(smime_print_signed(span_str(PART),
			      buf_span(&signature), bad[i], &out, &kit_err),
		    RC_UNFIT);
	too_long[70] = '\0'; /* RFC 2046: 70 is the most there may be */
	assert_ok(smime_print_signed(
	    span_str(PART), buf_span(&signature), too_long, &out, &kit_err));
	buf_clear(&out);
	assert_int_equal(out.len, 0);
}

static void
the_der_comes_back(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;

	assert_ok(smime_print(
	    SMIME_AUTH_ENVELOPED, buf_span(&sealed), &letter, &kit_err));
	struct entity *entity OWNED(entity_free) = parse(&letter);
	assert_ok(smime_der(entity, &der, &kit_err));
	assert_true(span_is(buf_span(&der), buf_span(&sealed)));
}

static void
a_full_output_buffer_leaves_it_as_it_was(void **state)
{
	struct buf out BUF_OWNED = BUF(300);

	assert_rc(
	    smime_print(SMIME_ENVELOPED, buf_span(&sealed), &out, &kit_err),
	    RC_LIMIT);
	assert_rc(smime_print_signed(span_str(PART), buf_span(&signature),
		      "b-b", &out, &kit_err),
	    RC_LIMIT);
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_reads_our_multipart_signed),
	    cmocka_unit_test(openssl_reads_our_pkcs7_mime),
	    cmocka_unit_test(what_is_split_is_what_was_signed),
	    cmocka_unit_test(a_multipart_signed_of_any_other_form_is_refused),
	    cmocka_unit_test(the_content_decides_what_kind_it_is),
	    cmocka_unit_test(certificates_alone_are_no_signature),
	    cmocka_unit_test(
		a_boundary_that_occurs_or_cannot_be_written_is_refused),
	    cmocka_unit_test(the_der_comes_back),
	    cmocka_unit_test(a_full_output_buffer_leaves_it_as_it_was),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
