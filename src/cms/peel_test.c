#include "cms/testkit_priv.h"

#include "base/own.h"
#include "cms/peel_priv.h"
#include "cms/smimekit_priv.h"
#include "codec/base64.h"

OWNER(struct peel, peel_free);
OWNER(struct entity, entity_free);

#define ALL ((size_t)1 << 30)
#define ROOM ((size_t)1 << 22)

/* ContentInfo with a content type; what is behind it does not matter here. */
#define DATA "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
#define ENVELOPED DATA "\x03"
#define AUTH "\x30\x80\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"
#define COMPRESSED \
	"\x30\x80\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09"
#define REST "\xa0\x80 and so on, and so on, and so on, until it is enough"

/* What a reader makes of a letter. */
struct seen {
	enum smime_kind kind;
	struct buf bytes; /* the part, the CMS or all of it */
	struct buf der;   /* of a detached signature */
	enum rc rc;
	struct err err;
};

#define SEEN ((struct seen){.bytes = BUF(ROOM), .der = BUF(ROOM)})

static void
seen_done(struct seen *seen)
{
	buf_done(&seen->bytes);
	buf_done(&seen->der);
}
#define SEEN_OWNED __attribute__((cleanup(seen_done)))

static void
see_tree(struct span letter, struct seen *ret)
{
	struct entity *root OWNED(entity_free) = NULL;
	const struct entity *part = NULL;

	ret->rc = entity_parse(letter, ENTITY_LIMITS, &root, &ret->err);
	if (ret->rc != RC_OK)
		return;
	ret->kind = smime_kind_of(root);
	switch (ret->kind) {
	case SMIME_SIGNED:
		ret->rc = smime_split(root, &part, &ret->der, &ret->err);
		if (ret->rc == RC_OK)
			assert_ok(buf_add(&ret->bytes, part->whole, NULL));
		break;
	case SMIME_NONE:
	case SMIME_OTHER:
		assert_ok(buf_add(&ret->bytes, root->whole, NULL));
		break;
	case SMIME_OPAQUE:
	case SMIME_ENVELOPED:
	case SMIME_AUTH_ENVELOPED:
	case SMIME_COMPRESSED:
		ret->rc = smime_der(root, &ret->bytes, &ret->err);
		break;
	}
}

static enum rc
peel_pieces(
    struct peel *peel, struct span letter, size_t size, struct seen *ret)
{
	struct peel_event event;

	do {
		struct span piece = span_first(letter, size);
		uint8_t *exact = malloc(piece.len + 1);
		if (piece.len > 0)
			memcpy(exact, piece.data, piece.len);
		struct span in = span_of(exact, piece.len);
		letter = span_after(letter, size);
		enum rc rc = RC_OK;
		do {
			rc = peel_next(
			    peel, &in, letter.len == 0, &event, &ret->err);
			if (rc == RC_OK)
				assert_ok(buf_add(
				    &ret->bytes, event.bytes, &kit_err));
		} while (rc == RC_OK && event.what != PEEL_MORE);
		free(exact);
		TRY(rc);
	} while (letter.len > 0);
	return RC_OK;
}

static void
see_stream(struct span letter, size_t size, struct seen *ret)
{
	struct peel *peel OWNED(peel_free) = NULL;
	struct span der = SPAN_NONE;

	assert_ok(peel_new(PEEL_PLAIN, &peel, &kit_err));
	ret->rc = peel_pieces(peel, letter, size, ret);
	ret->kind = peel_kind(peel);
	if (ret->kind != SMIME_SIGNED || ret->rc != RC_OK)
		return;
	/* who finds out at the end that it is no signature has to read it
	 * again, flat */
	if (!peel_is_signed(peel)) {
		ret->kind = SMIME_NONE;
		ret->bytes.len = 0;
		assert_ok(buf_add(&ret->bytes, letter, &kit_err));
		return;
	}
	ret->rc = peel_signature(peel, &der, &ret->err);
	if (ret->rc == RC_OK)
		assert_ok(buf_add(&ret->der, der, &kit_err));
}

static void
expect_same(const char *name, struct span letter)
{
	static const size_t sizes[] = {ALL, 1, 2, 3, 7, 64, 4096};
	struct seen want SEEN_OWNED = SEEN;

	see_tree(letter, &want);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct seen got SEEN_OWNED = SEEN;
		see_stream(letter, sizes[i], &got);
		bool same = got.rc == want.rc;
		if (got.rc == RC_OK)
			same = same && got.kind == want.kind &&
			       span_is(buf_span(&got.bytes),
				   buf_span(&want.bytes)) &&
			       span_is(buf_span(&got.der), buf_span(&want.der));
		if (!same)
			fail_msg("%s in pieces of %zu: got %s (%s) %d %zu %zu, "
				 "want %s (%s) %d %zu %zu\n%.*s",
			    name, sizes[i], rc_name(got.rc), got.err.text,
			    (int)got.kind, got.bytes.len, got.der.len,
			    rc_name(want.rc), want.err.text, (int)want.kind,
			    want.bytes.len, want.der.len, SPAN_ARGS(letter));
	}
}

#define SIGNED                                                            \
	"Content-Type: multipart/signed; boundary=b; micalg=sha-256;\r\n" \
	" protocol=\"application/pkcs7-signature\"\r\n\r\n"
#define PART "--b\r\nContent-Type: text/plain\r\n\r\nhello \r\n\r\n"
#define SIGNATURE                                              \
	"--b\r\nContent-Type: application/pkcs7-signature\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\n"
#define P7 "Content-Type: application/pkcs7-mime\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n\r\n"
/* the same as ENVELOPED above */
#define TEXT "MIAGCSqGSIb3DQEHA6CAIGFuZCBzbyBvbi\r\nBhbmQgc28gb24gYW5k\r\n"

static const char *const letters[] = {
    "Subject: x\r\n\r\nhello",
    "",
    SIGNED PART SIGNATURE "AAAA\r\n--b--\r\n",
    SIGNED PART SIGNATURE "AAAA\r\n--b--\r\nepilogue",
    SIGNED "preamble\r\n" PART SIGNATURE "AA==\r\n--b--\r\n",
    SIGNED PART SIGNATURE "AAA\r\n--b--\r\n",
    SIGNED PART SIGNATURE "A!AA\r\n--b--\r\n",
    SIGNED PART SIGNATURE "AAAA\r\n",
    SIGNED PART SIGNATURE "AAAA\r\n--b\r\n\r\nthird\r\n--b--\r\n",
    SIGNED PART "--b--\r\n",
    SIGNED "--b--\r\n",
    SIGNED "--b\r\n--b\r\n--b--\r\n",
    SIGNED PART "--b\r\nContent-Type: text/plain\r\n\r\nAAAA\r\n--b--\r\n",
    SIGNED PART "--b\r\nContent-Type: application/x-pkcs7-signature\r\n\r\n"
		"AAAA\r\n--b--\r\n",
    SIGNED PART
    "--b\r\nContent-Type: application/pkcs7-signature\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nA=41A=\r\n\r\n--b--",
    SIGNED PART "--b\r\nContent-Type: application/pkcs7-signature\r\n"
		"Content-Transfer-Encoding: x\r\n\r\nA\r\n--b--",
    SIGNED PART "--b\r\nContent-Type: application/pkcs7-signature\r\n"
		"Content-Transfer-Encoding: x\r\n\r\n\r\n--b--",
    SIGNED "--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n"
	   "--bb\r\n\r\n1\r\n--bb--\r\n" SIGNATURE "AAAA\r\n--b--\r\n",
    SIGNED "--b\r\nContent-Type: message/rfc822\r\n\r\n" SIGNATURE
	   "AAAA\r\n--b--\r\n",
    SIGNED "--b\r\n\r\n--bx\r\n" SIGNATURE "AAAA\r\n--b--\r\n",
    /* no protocol, or another one: the second part tells */
    "Content-Type: multipart/signed; boundary=b\r\n\r\n" PART SIGNATURE
    "AAAA\r\n--b--\r\n",
    "Content-Type: multipart/signed; boundary=b; "
    "protocol=\"application/pgp-signature\"\r\n\r\n" PART SIGNATURE
    "AAAA\r\n--b--\r\n",
    "Content-Type: multipart/signed; boundary=b; "
    "protocol=\"application/pgp-signature\"\r\n\r\n" PART
    "--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n",
    "Content-Type: multipart/signed; "
    "protocol=\"application/pkcs7-signature\"\r\n\r\n" PART,
    "Content-Type: multipart/signed; boundary=b; "
    "protocol=\"application/pkcs7-signature\"\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n" PART SIGNATURE
    "AAAA\r\n--b--\r\n",
    P7 B64 TEXT,
    P7 B64 TEXT "!",
    P7 B64 "!" TEXT,
    P7 B64 "MIAG!" TEXT,
    P7 B64,
    P7 "\r\n" ENVELOPED,
    P7 "Content-Transfer-Encoding: x\r\n\r\n" ENVELOPED,
    P7 "\r\nno CMS",
    "Content-Type: application/x-pkcs7-mime\r\n" B64 TEXT,
    "Content-Type: application/octet-stream; name=x.p7m\r\n" B64 TEXT,
    "Content-Type: application/octet-stream\r\n"
    "Content-Disposition: attachment; filename=SMIME.P7M\r\n" B64 TEXT,
    "Content-Type: application/octet-stream; name=x.p7m\r\n\r\nno CMS",
    "Content-Type: application/octet-stream; name=x.bin\r\n" B64 TEXT,
    "A: x\ry\r\n\r\n",
};

static void
the_stream_decides_as_the_tree_does(void **state)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		expect_same(letters[i], span_str(letters[i]));
}

static void
the_kind_is_that_of_the_cms(void **state)
{
	static const struct {
		struct span cms;
		enum smime_kind want;
	} cases[] = {
	    {{(const uint8_t *)ENVELOPED REST, sizeof(ENVELOPED REST) - 1},
		SMIME_ENVELOPED},
	    {{(const uint8_t *)AUTH REST, sizeof(AUTH REST) - 1},
		SMIME_AUTH_ENVELOPED},
	    {{(const uint8_t *)COMPRESSED REST, sizeof(COMPRESSED REST) - 1},
		SMIME_COMPRESSED},
	    {{(const uint8_t *)DATA "\x06" REST, sizeof(DATA "\x06" REST) - 1},
		SMIME_OTHER},
	};
	static const char *const encodings[] = {"base64", "binary"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			struct buf letter BUF_OWNED = BUF_SMALL;
			struct seen got SEEN_OWNED = SEEN;
			assert_ok(buf_add_format(&letter, &kit_err,
			    P7 "Content-Transfer-Encoding: %s\r\n\r\n",
			    encodings[k]));
			if (k == 0)
				assert_ok(base64_encode(
				    cases[i].cms, 76, &letter, &kit_err));
			else
				assert_ok(
				    buf_add(&letter, cases[i].cms, &kit_err));
			see_stream(buf_span(&letter), ALL, &got);
			assert_int_equal(got.kind, cases[i].want);
			if (got.kind != SMIME_OTHER)
				assert_true(span_is(
				    buf_span(&got.bytes), cases[i].cms));
			expect_same("kind", buf_span(&letter));
		}
	}
}

/* Letters out of the pieces that matter, in any order. */
static void
make_random(unsigned *seed, struct buf *out)
{
	static const char *const words[] = {PART, PART, SIGNATURE, SIGNATURE,
	    "AAAA", "AA==", "--b", "--b--", "--b--\r\n", "--bb", "\r\n", "\r\n",
	    "\r\n\r\n", "\n", "\r", "-", "x", " ", "A: b\r\n", TEXT, B64,
	    "Content-Type: multipart/mixed; boundary=bb\r\n\r\n",
	    "Content-Type: message/rfc822\r\n\r\n",
	    "Content-Transfer-Encoding: quoted-printable\r\n", "=41", "="};
	static const char *const begins[] = {SIGNED, SIGNED PART SIGNATURE,
	    "Content-Type: multipart/signed; boundary=b\r\n\r\n", SIGNED PART,
	    P7, P7 B64, "Content-Type: multipart/signed; boundary=b;\r\n"};

	assert_ok(buf_add_str(out,
	    begins[(unsigned)rand_r(seed) %
		   (sizeof(begins) / sizeof(begins[0]))],
	    &kit_err));
	unsigned count = (unsigned)rand_r(seed) % 12;
	for (unsigned i = 0; i < count; i++)
		assert_ok(buf_add_str(out,
		    words[(unsigned)rand_r(seed) %
			  (sizeof(words) / sizeof(words[0]))],
		    &kit_err));
	if (rand_r(seed) % 2 == 0)
		assert_ok(buf_add_str(out, "\r\n--b--\r\n", &kit_err));
}

static void
of_random_letters_the_stream_decides_as_the_tree_does(void **state)
{
	for (unsigned i = 0; i < 4000; i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		unsigned seed = i;
		make_random(&seed, &letter);
		expect_same("random", buf_span(&letter));
	}
}

/* Of the body so much is looked at, and no more: what begins later is none
 * that other readers would take for CMS at once. */
static void
a_kind_that_comes_late_is_no_kind(void **state)
{
	for (unsigned late = 0; late <= 1; late++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct seen got SEEN_OWNED = SEEN;
		assert_ok(buf_add_str(&letter, P7 B64, &kit_err));
		for (unsigned i = 0; i < 4096 - 20 + 24 * late; i++)
			assert_ok(buf_add_byte(&letter, '\n', &kit_err));
		assert_ok(buf_add_str(&letter, TEXT, &kit_err));
		expect_same("late", buf_span(&letter));
		see_stream(buf_span(&letter), 100, &got);
		assert_int_equal(
		    got.kind, late == 0 ? SMIME_ENVELOPED : SMIME_OTHER);
	}
}

static void
a_detached_signature_has_a_limit(void **state)
{
	for (unsigned over = 0; over <= 1; over++) {
		struct buf letter BUF_OWNED = BUF((size_t)1 << 22);
		struct buf der BUF_OWNED = BUF((size_t)1 << 22);
		struct seen got SEEN_OWNED = SEEN;
		for (size_t i = 0; i < PEEL_SIGNATURE_MAX + over; i++)
			assert_ok(buf_add_byte(&der, 'x', &kit_err));
		assert_ok(
		    buf_add_str(&letter, SIGNED PART SIGNATURE, &kit_err));
		assert_ok(base64_encode(buf_span(&der), 76, &letter, &kit_err));
		assert_ok(buf_add_str(&letter, "\r\n--b--\r\n", &kit_err));
		see_stream(buf_span(&letter), 4096, &got);
		assert_rc(got.rc, over == 0 ? RC_OK : RC_LIMIT);
		if (over == 0)
			assert_true(
			    span_is(buf_span(&got.der), buf_span(&der)));
	}
}

static void
flat_is_all_of_it_whatever_it_is(void **state)
{
	for (size_t i = 0; i + 1 < sizeof(letters) / sizeof(letters[0]); i++) {
		struct peel *peel OWNED(peel_free) = NULL;
		struct seen got SEEN_OWNED = SEEN;
		assert_ok(peel_new(PEEL_FLAT, &peel, &kit_err));
		assert_ok(peel_pieces(peel, span_str(letters[i]), 10, &got));
		assert_int_equal(peel_kind(peel), SMIME_NONE);
		assert_true(
		    span_is(buf_span(&got.bytes), span_str(letters[i])));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_stream_decides_as_the_tree_does),
	    cmocka_unit_test(the_kind_is_that_of_the_cms),
	    cmocka_unit_test(
		of_random_letters_the_stream_decides_as_the_tree_does),
	    cmocka_unit_test(a_kind_that_comes_late_is_no_kind),
	    cmocka_unit_test(a_detached_signature_has_a_limit),
	    cmocka_unit_test(flat_is_all_of_it_whatever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
