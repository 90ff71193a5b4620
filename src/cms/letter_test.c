#include "cms/testkit_priv.h"

#include "cms/letterkit_priv.h"
#include "pki/seen.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const enum letter_kind kinds[256] = {
    ['s'] = LETTER_SIGNED,
    ['o'] = LETTER_OPAQUE,
    ['g'] = LETTER_AUTH_ENVELOPED,
    ['c'] = LETTER_ENVELOPED,
    ['z'] = LETTER_COMPRESSED,
};

static void
expect_layers(const char *layers, const struct letter_result *got)
{
	assert_int_equal(got->layers, strlen(layers));
	for (size_t i = 0; i < got->layers; i++) {
		const struct letter_layer *layer = &got->layer[i];
		if (layer->rc != RC_OK)
			fail_msg("%s: %s", layers, layer->why.text);
		assert_int_equal(layer->kind, kinds[(uint8_t)layers[i]]);
		if (layer->kind == LETTER_SIGNED ||
		    layer->kind == LETTER_OPAQUE) {
			assert_int_equal(layer->verified->signers, 1);
			assert_true(layer->verified->signer[0].valid);
		}
	}
	assert_false(got->closed);
}

/* --- every kind ------------------------------------------------------------- */

static const struct {
	const char *layers;
	bool authenticated, signed_whole;
} letters[] = {
    {"", true, false},
    {"s", true, true},
    {"o", true, true},
    {"g", true, false},
    {"c", false, false},
    {"z", true, false},
    {"gs", true, true},
    {"go", true, true},
    {"cs", true, true},
    {"co", true, true},
    {"sc", false, true},
    {"sg", true, true},
    {"gc", false, false},
    {"cg", false, false},
    {"cgs", true, true},
    {"scs", true, true},
    {"sgs", true, true},
    {"ogo", true, true},
    {"csc", false, true},
    {"gz", true, false},
    {"gsz", true, true},
    {"gzs", true, true},
    {"zgs", true, true},
    {"zz", true, false},
    {"cz", false, false},
    {"czs", true, true},
    {"ssssssss", true, true},
    {"gsgogscs", true, true},
};

static void
letters_of_every_kind_are_read_and_released(void **state)
{
	for (size_t i = 0; i < COUNT(letters); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct seen got SEEN_OWNED = {0};
		bool good = letters[i].authenticated;
		make_letter(letters[i].layers, PART, &letter);
		read_letter(&alice, buf_span(&letter), ALL, &got);
		if (got.rc != RC_OK)
			fail_msg("%s: %s", letters[i].layers, got.err.text);
		expect_layers(letters[i].layers, &got.result);
		assert_int_equal(got.result.authenticated, good);
		assert_int_equal(
		    got.result.signed_whole, letters[i].signed_whole);
		assert_rc(got.released, good ? RC_OK : RC_UNFIT);
		if (i == 0)
			assert_true(
			    span_is(buf_span(&got.out), buf_span(&letter)));
		else
			assert_true(span_is(buf_span(&got.out),
			    good ? span_str(PART) : SPAN_NONE));
	}
}

static void
in_one_pass_they_come_out_unverified(void **state)
{
	for (size_t i = 1; i < COUNT(letters); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct seen got SEEN_OWNED = {0};
		make_letter(letters[i].layers, PART, &letter);
		read_unverified(&alice, buf_span(&letter), ALL, &got);
		assert_rc(got.rc, RC_OK);
		expect_layers(letters[i].layers, &got.result);
		assert_int_equal(
		    got.result.authenticated, letters[i].authenticated);
		assert_true(span_is(buf_span(&got.out), span_str(PART)));
	}
}

static void
any_split_gives_the_same(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 7, 64, 4096};
	static const char *const kind[] = {
	    "gs", "cs", "sgs", "go", "gzs", "sc"};

	for (size_t i = 0; i < COUNT(sizes) * COUNT(kind); i++) {
		const char *layers = kind[i / COUNT(sizes)];
		size_t size = sizes[i % COUNT(sizes)];
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct seen got SEEN_OWNED = {0}, shown SEEN_OWNED = {0};
		make_letter(layers, PART, &letter);
		read_letter(&rsa, buf_span(&letter), size, &got);
		assert_rc(got.rc, RC_OK);
		expect_layers(layers, &got.result);
		assert_rc(
		    got.released, strcmp(layers, "sc") == 0 ? RC_UNFIT : RC_OK);
		if (got.released == RC_OK)
			assert_true(
			    span_is(buf_span(&got.out), span_str(PART)));
		read_unverified(&rsa, buf_span(&letter), size, &shown);
		assert_rc(shown.rc, RC_OK);
		expect_layers(layers, &shown.result);
		assert_true(span_is(buf_span(&shown.out), span_str(PART)));
	}
}

static void
the_first_pass_gives_nothing_out_and_progress_is_told(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
	struct buf out BUF_OWNED = BUF(ROOM);

	make_letter("gs", PART, &letter);
	struct letter *reader OWNED(letter_free) = new_reader(&alice);
	assert_int_equal(letter_consumed(reader), 0);
	assert_rc(letter_rewind(reader, &kit_err), RC_UNFIT);
	assert_ok(
	    letter_push(reader, span_first(buf_span(&letter), 100), &kit_err));
	assert_int_equal(letter_consumed(reader), 100);
	assert_rc(letter_rewind(reader, &kit_err), RC_UNFIT);
	assert_ok(
	    letter_push(reader, span_after(buf_span(&letter), 100), &kit_err));
	assert_int_equal(letter_consumed(reader), letter.len);
	assert_ok(letter_finish(reader, &result, &kit_err));
	/* as often as one likes */
	for (unsigned i = 0; i < 2; i++) {
		out.len = 0;
		assert_ok(letter_rewind(reader, &kit_err));
		assert_int_equal(letter_consumed(reader), 0);
		assert_ok(
		    letter_release(reader, buf_span(&letter), &out, &kit_err));
		assert_ok(letter_release_finish(reader, &out, &kit_err));
		assert_true(span_is(buf_span(&out), span_str(PART)));
	}
}

static void
certificates_that_are_known_are_not_parsed_again(void **state)
{
	struct seen *seen OWNED(seen_free) = NULL;
	struct cert *known OWNED(cert_free) = NULL;
	struct buf letter BUF_OWNED = BUF(ROOM);

	assert_ok(seen_new(&seen, &kit_err));
	assert_ok(seen_cert(seen, cert_der(alice.cert), &known, &kit_err));
	make_letter("gs", PART, &letter);
	for (unsigned know = 0; know <= 1; know++) {
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		struct letter *reader OWNED(letter_free) = new_reader(&alice);
		if (know)
			letter_know(reader, seen);
		assert_ok(letter_push(reader, buf_span(&letter), &kit_err));
		assert_ok(letter_finish(reader, &result, &kit_err));
		expect_layers("gs", &result);
		bool same = result.layer[1].verified->signer[0].cert == known;
		assert_int_equal(same, know);
	}
}

/* --- limits ----------------------------------------------------------------- */

static void
layers_have_a_limit(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct seen got SEEN_OWNED = {0}, shown SEEN_OWNED = {0};

	make_letter("sssssssss", PART, &letter);
	read_letter(&alice, buf_span(&letter), ALL, &got);
	assert_rc(got.rc, RC_LIMIT);
	assert_string_equal(got.err.text, "more than 8 nested layers");
	read_unverified(&alice, buf_span(&letter), ALL, &shown);
	assert_rc(shown.rc, RC_LIMIT);
}

static void
compressed_layers_have_a_limit(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct seen got SEEN_OWNED = {0};

	make_letter("zzz", PART, &letter);
	read_letter(&alice, buf_span(&letter), ALL, &got);
	assert_rc(got.rc, RC_OK);
	assert_int_equal(got.result.layers, 3);
	assert_true(got.result.closed);
	assert_rc(got.result.layer[2].rc, RC_LIMIT);
	assert_rc(got.released, RC_UNFIT);
}

/* What goes wrong with the caller's own buf says nothing about the letter. */
static void
a_full_buf_is_no_fault_of_the_letter(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM), out BUF_OWNED = BUF(10);
	char text[9999];

	/* of a short one everything comes at its end */
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "A: b\r\n\r\n", 8);
	text[sizeof(text) - 1] = '\0';
	make_letter("gs", text, &letter);
	struct letter *reader OWNED(letter_free) = new_reader(&alice);
	assert_rc(
	    letter_push_unverified(reader, buf_span(&letter), &out, &kit_err),
	    RC_LIMIT);
	assert_rc(
	    letter_push_unverified(reader, buf_span(&letter), &out, &kit_err),
	    RC_SYNTAX);
}

/* --- what is no letter of ours ---------------------------------------------- */

static void
a_letter_for_others_stays_closed(void **state)
{
	static const char *const kind[] = {"gs", "cs", "sgs", "zc"};

	for (size_t i = 0; i < COUNT(kind); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct seen got SEEN_OWNED = {0}, shown SEEN_OWNED = {0};
		make_letter(kind[i], PART, &letter);
		read_letter(&mallory, buf_span(&letter), 100, &got);
		assert_rc(got.rc, RC_OK);
		assert_true(got.result.closed);
		assert_false(got.result.authenticated);
		/* what is around it was read all the same */
		size_t last = i < 2 ? 0 : 1;
		assert_int_equal(got.result.layers, last + 1);
		assert_rc(got.result.layer[last].rc, RC_ABSENT);
		assert_int_equal(got.result.signed_whole, i == 2);
		assert_rc(got.released, RC_UNFIT);
		read_unverified(&mallory, buf_span(&letter), 100, &shown);
		assert_rc(shown.rc, RC_OK);
		assert_true(shown.result.closed);
		assert_int_equal(shown.out.len, 0);
	}
}

static void
what_is_no_message_is_refused(void **state)
{
	struct seen got SEEN_OWNED = {0};

	read_letter(&alice, span_str("A: x\ry\r\n\r\n"), 1, &got);
	assert_rc(got.rc, RC_SYNTAX);
	assert_non_null(strstr(got.err.text, "bare CR"));
}

/* It opens, but what is inside has no header that could be read. */
static void
what_holds_no_message_is_closed(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct seen got SEEN_OWNED = {0};

	make_letter("g", "A: x\ry\r\n\r\n", &letter);
	read_letter(&alice, buf_span(&letter), ALL, &got);
	assert_rc(got.rc, RC_OK);
	assert_true(got.result.closed);
	assert_int_equal(got.result.layers, 2);
	assert_int_equal(got.result.layer[1].kind, LETTER_OTHER);
	assert_rc(got.result.layer[1].rc, RC_SYNTAX);
}

/* In a part it is part of the text, as mime/entity says. */
static void
what_is_signed_may_be_anything(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct seen got SEEN_OWNED = {0};

	make_letter("s", "A: x\ry\r\n\r\n", &letter);
	read_letter(&alice, buf_span(&letter), ALL, &got);
	assert_rc(got.rc, RC_OK);
	expect_layers("s", &got.result);
	assert_true(span_is(buf_span(&got.out), span_str("A: x\ry\r\n\r\n")));
}

#define PGP                                                               \
	"Content-Type: multipart/signed; boundary=b; micalg=pgp-sha256; " \
	"protocol=\"application/pgp-signature\"\r\n\r\n--b\r\n" PART      \
	"\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx"     \
	"\r\n--b--\r\n"
#define CERTS_ONLY                                                        \
	"Content-Type: application/pkcs7-mime; smime-type=certs-only\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\n"                       \
	"MCMGCSqGSIb3DQEHAqAWMBQCAQExADALBgkqhkiG9w0BBwExAA==\r\n"

/* Also as it comes, but for certs-only, which shows at its end. */
static void
what_is_no_layer_is_released_as_it_is(void **state)
{
	static const char *const entities[] = {PGP, CERTS_ONLY, PART,
	    "Content-Type: application/pkcs7-mime\r\n\r\nno CMS"};

	for (size_t i = 0; i < COUNT(entities) * 2; i++) {
		const char *entity = entities[i / 2];
		const char *layers = i % 2 == 0 ? "g" : "gs";
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct seen got SEEN_OWNED = {0}, shown SEEN_OWNED = {0};
		make_letter(layers, entity, &letter);
		read_letter(&alice, buf_span(&letter), 50, &got);
		assert_rc(got.rc, RC_OK);
		expect_layers(layers, &got.result);
		assert_rc(got.released, RC_OK);
		assert_true(span_is(buf_span(&got.out), span_str(entity)));
		read_unverified(&alice, buf_span(&letter), 50, &shown);
		assert_rc(shown.rc, RC_OK);
		expect_layers(layers, &shown.result);
		if (entity != entities[1])
			assert_true(
			    span_is(buf_span(&shown.out), span_str(entity)));
	}
}

/* --- signatures that are none ------------------------------------------------ */

/* Change the first place where `from` stands. */
static void
replace(struct buf *io, const char *from, const char *to)
{
	ptrdiff_t at = span_find(buf_span(io), span_str(from));

	assert_true(at >= 0);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(io->data + at, to, strlen(to));
}

static void
a_broken_signature_does_not_vouch_for_cbc(void **state)
{
	static const char seals[] = {'g', 'c'};

	for (size_t i = 0; i < 2; i++) {
		struct buf made = BUF(ROOM);
		struct seen got SEEN_OWNED = {0}, shown SEEN_OWNED = {0};
		const char layer[] = {seals[i], '\0'};
		assert_ok(buf_add_str(&made, PART, &kit_err));
		sign_around(&made);
		replace(&made, "noon", "moon");
		wrap(layer, &made);
		read_letter(&alice, buf_span(&made), ALL, &got);
		assert_rc(got.rc, RC_OK);
		assert_int_equal(got.result.layers, 2);
		assert_rc(got.result.layer[1].rc, RC_OK);
		assert_false(got.result.layer[1].verified->signer[0].valid);
		assert_false(got.result.signed_whole);
		assert_int_equal(got.result.authenticated, i == 0);
		assert_rc(got.released, i == 0 ? RC_OK : RC_UNFIT);
		read_unverified(&alice, buf_span(&made), ALL, &shown);
		assert_int_equal(shown.result.authenticated, i == 0);
		assert_true(
		    span_find(buf_span(&shown.out), span_str("moon")) >= 0);
		buf_done(&made);
	}
}

#define THREE                                                           \
	"Content-Type: multipart/signed; boundary=b; micalg=sha-256; "  \
	"protocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n" PART  \
	"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx" \
	"\r\n--b\r\n\r\nthird\r\n--b--\r\n"
#define NO_SIGNATURE                                                    \
	"Content-Type: multipart/signed; boundary=b; micalg=sha-256; "  \
	"protocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n" PART  \
	"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx" \
	"\r\n--b--\r\n"

/* As flow shows it today: the whole multipart, unsigned. */
static void
what_an_unreadable_signature_is_on_is_released_with_it(void **state)
{
	static const char *const entities[] = {THREE, NO_SIGNATURE};

	for (size_t i = 0; i < COUNT(entities); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct seen got SEEN_OWNED = {0};
		make_letter("g", entities[i], &letter);
		read_letter(&alice, buf_span(&letter), 20, &got);
		assert_rc(got.rc, RC_OK);
		assert_int_equal(got.result.layers, 2);
		assert_int_equal(got.result.layer[1].kind, LETTER_SIGNED);
		assert_rc(got.result.layer[1].rc, RC_SYNTAX);
		assert_false(got.result.closed);
		assert_false(got.result.signed_whole);
		assert_true(got.result.authenticated);
		assert_rc(got.released, RC_OK);
		assert_true(span_is(buf_span(&got.out), span_str(entities[i])));
	}
}

/* --- changed on the way ------------------------------------------------------ */

/* A letter that says it is all right has the text it was written with. */
static void
expect_not_fooled(const char *layers, struct span bytes, size_t at)
{
	struct seen got SEEN_OWNED = {0};

	read_letter(&alice, bytes, ALL, &got);
	if (got.rc != RC_OK)
		return;
	bool all = got.result.layers == strlen(layers) && !got.result.closed &&
		   got.result.signed_whole && got.result.authenticated;
	if (got.result.closed || !got.result.authenticated)
		assert_int_equal(got.out.len, 0);
	if (all && !span_is(buf_span(&got.out), span_str(PART)))
		fail_msg("%s, byte %zu: released \"%.*s\"", layers, at,
		    SPAN_ARGS(buf_span(&got.out)));
	/* outside of all layers nothing was secret, or signed */
	if (!all && got.result.layers > 0 && !got.result.closed &&
	    got.result.layer[0].kind != LETTER_SIGNED)
		assert_false(got.result.signed_whole);
}

static void
no_truncation_is_read_as_the_letter(void **state)
{
	static const char *const kind[] = {"gs", "cs", "sg", "go"};

	for (size_t i = 0; i < COUNT(kind); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		make_letter(kind[i], PART, &letter);
		/* the last line end may be missing */
		for (size_t len = 0; len + 2 < letter.len; len++) {
			struct seen got SEEN_OWNED = {0};
			read_letter(&alice, span_first(buf_span(&letter), len),
			    ALL, &got);
			if (got.rc == RC_OK)
				assert_true(got.result.layers < 2 ||
					    got.result.closed ||
					    !got.result.signed_whole);
		}
	}
}

static void
no_flipped_bit_is_read_as_another_letter(void **state)
{
	static const char *const kind[] = {"gs", "cs", "sg", "go"};

	for (size_t i = 0; i < COUNT(kind); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		make_letter(kind[i], PART, &letter);
		for (size_t at = 0; at < letter.len; at++) {
			uint8_t was = letter.data[at];
			letter.data[at] ^= (uint8_t)(1U << (at % 7));
			expect_not_fooled(kind[i], buf_span(&letter), at);
			letter.data[at] = was;
		}
	}
}

/* Between the passes somebody else changed the file. */
static void
another_letter_in_the_second_pass_fails(void **state)
{
	static const char *const kind[] = {"gs", "cs", "g", "sgs", "gz", "o"};

	for (size_t i = 0; i < COUNT(kind); i++) {
		struct buf one BUF_OWNED = BUF(ROOM), two BUF_OWNED = BUF(ROOM);
		struct buf out BUF_OWNED = BUF(ROOM);
		struct letter_result result LETTER_RESULT_OWNED = {.layers = 0};
		make_letter(kind[i], PART, &one);
		make_letter(i % 2 == 0 ? "zz" : "ss", PART, &two);
		struct letter *reader OWNED(letter_free) = new_reader(&alice);
		assert_ok(letter_push(reader, buf_span(&one), &kit_err));
		assert_ok(letter_finish(reader, &result, &kit_err));
		assert_ok(letter_rewind(reader, &kit_err));
		enum rc rc =
		    letter_release(reader, buf_span(&two), &out, &kit_err);
		if (rc == RC_OK)
			rc = letter_release_finish(reader, &out, &kit_err);
		assert_true(rc != RC_OK);
	}
}

/* --- other people's letters --------------------------------------------------- */

static void
expect_from_openssl(const char *layers, const char *name)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct seen got SEEN_OWNED = {0};

	kit_read(name, &letter);
	read_letter(&alice, buf_span(&letter), 1000, &got);
	if (got.rc != RC_OK)
		fail_msg("%s: %s", layers, got.err.text);
	expect_layers(layers, &got.result);
	if (got.result.authenticated)
		assert_true(span_is(buf_span(&got.out), span_str(PART)));
}

#define SIGN \
	"-sign -md sha256 -in %s -signer alice.crt -inkey alice.key -out %s"

static void
what_openssl_wrote_is_read(void **state)
{
	static const struct {
		const char *program, *options;
	} sign[] = {
	    {"cms", "-binary"},
	    {"cms", "-binary -nodetach"},
	    {"smime", "-binary"},
	    {"smime", "-binary -nodetach"},
	    {"cms", "-binary -nodetach -stream"},
	};
	static const struct {
		const char *options, *layer;
	} seal[] = {
	    {"-aes-256-gcm", "g"},
	    {"-aes128", "c"},
	    {"-aes256 -stream", "c"},
	    {"-des3", "c"},
	};

	kit_write("text", span_str(PART));
	for (size_t i = 0; i < COUNT(sign) * COUNT(seal); i++) {
		char layers[3] = "";
		size_t k = i / COUNT(sign), s = i % COUNT(sign);
		assert_int_equal(kit_openssl("%s %s " SIGN, sign[s].program,
				     sign[s].options, "text", "signed"),
		    0);
		assert_int_equal(kit_openssl("cms -encrypt -binary %s -in "
					     "signed -out sealed alice.crt",
				     seal[k].options),
		    0);
		snprintf(layers, sizeof(layers), "%s%s", seal[k].layer,
		    strstr(sign[s].options, "nodetach") ? "o" : "s");
		expect_from_openssl(layers + 1, "signed");
		expect_from_openssl(layers, "sealed");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(letters_of_every_kind_are_read_and_released),
	    cmocka_unit_test(in_one_pass_they_come_out_unverified),
	    cmocka_unit_test(any_split_gives_the_same),
	    cmocka_unit_test(
		the_first_pass_gives_nothing_out_and_progress_is_told),
	    cmocka_unit_test(certificates_that_are_known_are_not_parsed_again),
	    cmocka_unit_test(layers_have_a_limit),
	    cmocka_unit_test(compressed_layers_have_a_limit),
	    cmocka_unit_test(a_full_buf_is_no_fault_of_the_letter),
	    cmocka_unit_test(a_letter_for_others_stays_closed),
	    cmocka_unit_test(what_is_no_message_is_refused),
	    cmocka_unit_test(what_holds_no_message_is_closed),
	    cmocka_unit_test(what_is_signed_may_be_anything),
	    cmocka_unit_test(what_is_no_layer_is_released_as_it_is),
	    cmocka_unit_test(a_broken_signature_does_not_vouch_for_cbc),
	    cmocka_unit_test(
		what_an_unreadable_signature_is_on_is_released_with_it),
	    cmocka_unit_test(no_truncation_is_read_as_the_letter),
	    cmocka_unit_test(no_flipped_bit_is_read_as_another_letter),
	    cmocka_unit_test(another_letter_in_the_second_pass_fails),
	    cmocka_unit_test(what_openssl_wrote_is_read),
	};

	return cmocka_run_group_tests(
	    tests, letterkit_setup, letterkit_teardown);
}
