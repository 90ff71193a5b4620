/* However it comes, and however long it is. */
#define _GNU_SOURCE
#include "cms/signerkit_priv.h"
#include "pki/seen.h"

#define MIB ((size_t)1 << 20)

static void
sign_opaque(const struct person *who, struct span text, struct buf *out)
{
	struct sign *sign OWNED(sign_free) = NULL;

	assert_ok(sign_new(&who->identity, WHEN, &sign, &kit_err));
	assert_ok(sign_start_opaque(sign, out, &kit_err));
	assert_ok(sign_push_opaque(sign, text, out, &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, out, &kit_err));
}

/* --- every split */

/* The first piece of `first` bytes, then of `step`. */
static enum rc
verify_split(struct span der, size_t first, size_t step, struct buf *out,
    struct verify_result *ret)
{
	struct verify *verify OWNED(verify_free) = NULL;
	size_t len = first;

	assert_ok(verify_new(&verify, &kit_err));
	for (; der.len > 0; der = span_after(der, len), len = step) {
		/* in memory of its own, gone when the next one comes */
		struct span piece = span_first(der, len);
		uint8_t *copy = malloc(piece.len + 1);
		if (piece.len > 0)
			memcpy(copy, piece.data, piece.len);
		enum rc rc = verify_push_cms(
		    verify, span_of(copy, piece.len), out, &kit_err);
		free(copy);
		TRY(rc);
	}
	return verify_finish(verify, ret, &kit_err);
}

static void
every_split_of_an_opaque_letter_reads_the_same(void **state)
{
	const char *const ways[] = {"ours", "DER", "BER"};

	for (size_t way = 0; way < 3; way++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		if (way == 0) {
			sign_opaque(&rsa, span_str(LETTER), &der);
		} else {
			assert_int_equal(
			    kit_openssl("cms -sign -binary -nodetach -in "
					"letter -outform DER -out sig %s %s",
				way == 2 ? "-stream" : "", BY("rsa")),
			    0);
			kit_read("sig", &der);
		}
		print_message("  %s\n", ways[way]);
		for (size_t first = 0; first <= der.len; first++) {
			struct buf out BUF_OWNED = BUF_SMALL;
			struct verify_result got VERIFY_RESULT_OWNED = {
			    .signers = 0};
			size_t step = first % 5 == 0 ? 1 + first % 31 : der.len;
			assert_ok(verify_split(
			    buf_span(&der), first, step, &out, &got));
			assert_int_equal(got.signers, 1);
			assert_true(got.signer[0].valid && got.opaque);
			assert_true(span_is(buf_span(&out), span_str(LETTER)));
		}
	}
}

static void
content_and_signature_may_come_mixed(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct span text = span_str(LETTER);

	sign_letter(&p384, &der);
	for (size_t before = 0; before <= text.len; before += 5)
		for (size_t at = 0; at <= der.len; at += 97) {
			struct verify *verify OWNED(verify_free) = NULL;
			struct verify_result got VERIFY_RESULT_OWNED = {
			    .signers = 0};
			struct span all = buf_span(&der);
			assert_ok(verify_new(&verify, &kit_err));
			assert_ok(verify_push_cms(
			    verify, span_first(all, at), NULL, &kit_err));
			assert_ok(verify_push_content(
			    verify, span_first(text, before), &kit_err));
			assert_ok(verify_push_cms(
			    verify, span_after(all, at), NULL, &kit_err));
			assert_ok(verify_push_content(
			    verify, span_after(text, before), &kit_err));
			assert_ok(verify_finish(verify, &got, &kit_err));
			assert_true(got.signer[0].valid);
		}
}

/* --- never by chance */

static void
never_verifies(struct span der, size_t at)
{
	struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
	struct buf out BUF_OWNED = BUF_SMALL;

	if (verify_split(der, der.len, 1, &out, &got) != RC_OK)
		return;
	/* the same content with another shape around it is the same letter */
	if (span_is(buf_span(&out), span_str(LETTER)))
		return;
	for (size_t i = 0; i < got.signers; i++)
		if (got.signer[i].valid)
			fail_msg("byte %zu changed and valid", at);
}

static void
an_opaque_letter_changed_anywhere_never_verifies_as_another(void **state)
{
	const uint8_t masks[] = {0x01, 0x04, 0x20, 0x80, 0xff};
	struct buf der BUF_OWNED = BUF_SMALL;

	sign_opaque(&alice, span_str(LETTER), &der);
	for (size_t len = 0; len < der.len; len++) {
		struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_rc(verify_split(span_first(buf_span(&der), len), len, 1,
			      &out, &got),
		    RC_SYNTAX);
	}
	for (size_t at = 0; at < 5 * der.len; at++) {
		der.data[at / 5] ^= masks[at % 5];
		never_verifies(buf_span(&der), at / 5);
		der.data[at / 5] ^= masks[at % 5];
	}
}

/* --- which digests */

static void
micalg_says_which_digests_are_run(void **state)
{
	const struct {
		const char *micalg;
		const struct person *who; /* alice: SHA-256, p384: SHA-384 */
		const char *want;
	} table[] = {
	    {NULL, &alice, NULL},
	    {NULL, &p384, NULL},
	    {NULL, &ed448, "sig.micalg"},
	    {"sha-256", &alice, NULL},
	    {"SHA-256", &alice, NULL},
	    {"sha256", &alice, NULL},
	    {"sha-256", &p384, "sig.micalg"},
	    {"sha-384", &alice, "sig.micalg"},
	    {"sha-512, sha-384", &p384, NULL},
	    {" sha-384 ,sha1", &p384, NULL},
	    {"sha-256,,sha-512", &ed, NULL},
	    {"sha1", &p384, NULL},
	    {"md5", &alice, NULL},
	    {"", &ed, NULL},
	    {"unknown", &ed, NULL},
	    {"sha1,sha-256", &p384, "sig.micalg"},
	    {"shake256", &ed448, NULL},
	    {"shake256", &alice, "sig.micalg"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct verify *verify OWNED(verify_free) = NULL;
		struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
		sign_letter(table[i].who, &der);
		assert_ok(verify_new(&verify, &kit_err));
		assert_ok(verify_expect(verify, table[i].micalg, &kit_err));
		assert_ok(
		    verify_push_content(verify, span_str(LETTER), &kit_err));
		assert_ok(
		    verify_push_cms(verify, buf_span(&der), NULL, &kit_err));
		assert_ok(verify_finish(verify, &got, &kit_err));
		const char *reason = got.signer[0].reason;
		if ((reason == NULL) != (table[i].want == NULL) ||
		    (reason != NULL && strcmp(reason, table[i].want) != 0))
			fail_msg("micalg %s: got %s", table[i].micalg, reason);
	}
}

static void
a_signature_that_comes_first_needs_no_micalg(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};

	sign_letter(&ed448, &der);
	assert_ok(verify_new(&verify, &kit_err));
	assert_ok(verify_expect(verify, "sha-256", &kit_err));
	assert_ok(verify_push_cms(verify, buf_span(&der), NULL, &kit_err));
	assert_ok(verify_push_content(verify, span_str(LETTER), &kit_err));
	assert_ok(verify_finish(verify, &got, &kit_err));
	assert_true(got.signer[0].valid);
}

/* Whatever they are, one of them is the signer's. */
static void
all_digests_fit_every_signer(void **state)
{
	const struct person *const people[] = {&alice, &p384, &ed, &ed448};

	for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct verify *verify OWNED(verify_free) = NULL;
		struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
		sign_letter(people[i], &der);
		assert_ok(verify_new(&verify, &kit_err));
		assert_ok(verify_expect_all(verify, &kit_err));
		assert_ok(
		    verify_push_content(verify, span_str(LETTER), &kit_err));
		assert_ok(
		    verify_push_cms(verify, buf_span(&der), NULL, &kit_err));
		assert_ok(verify_finish(verify, &got, &kit_err));
		assert_true(got.signer[0].valid);
	}
}

/* --- certificates that are known */

static void
a_known_certificate_is_not_parsed_again(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, other BUF_OWNED = BUF_SMALL;
	struct seen *seen OWNED(seen_free) = NULL;
	const struct cert *first = NULL;

	sign_letter(&alice, &der);
	sign_letter(&p384, &other);
	assert_ok(seen_new(&seen, &kit_err));
	for (int i = 0; i < 3; i++) {
		struct verify *verify OWNED(verify_free) = NULL;
		struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
		assert_ok(verify_new(&verify, &kit_err));
		verify_know(verify, seen);
		assert_ok(verify_push_cms(verify,
		    i == 1 ? buf_span(&other) : buf_span(&der), NULL,
		    &kit_err));
		assert_ok(
		    verify_push_content(verify, span_str(LETTER), &kit_err));
		assert_ok(verify_finish(verify, &got, &kit_err));
		assert_true(got.signer[0].valid);
		if (i == 0)
			first = got.signer[0].cert;
		assert_int_equal(got.signer[0].cert == first, i != 1);
	}
}

/* --- limits */

/* `body` with more behind its certificates: CRLs. */
static void
add_crls(struct buf *der, size_t len)
{
	struct shape_signed_info *info OWNED(shape_signed_info_free) =
	    take_apart(der);
	struct buf crl BUF_OWNED = BUF(len + 100);
	uint8_t *room;

	assert_ok(buf_add(&crl, span_of("\xa1\x84", 2), &kit_err));
	for (int shift = 24; shift >= 0; shift -= 8)
		assert_ok(buf_add_byte(
		    &crl, (uint8_t)((len + 6) >> shift), &kit_err));
	assert_ok(buf_add(&crl, span_of("\x30\x84", 2), &kit_err));
	for (int shift = 24; shift >= 0; shift -= 8)
		assert_ok(
		    buf_add_byte(&crl, (uint8_t)(len >> shift), &kit_err));
	assert_ok(buf_reserve(&crl, len, &room, &kit_err));
	memset(room, 5, len);
	buf_grown(&crl, len);
	info->body->crls = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_STRING_set(info->body->crls, crl.data, (int)crl.len);
	buf_clear(der);
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), info, der, &kit_err));
}

static void
crls_are_passed_over_up_to_a_limit(void **state)
{
	for (int more = 0; more < 2; more++) {
		struct buf der BUF_OWNED = BUF(3 * MIB);
		struct buf out BUF_OWNED = BUF_SMALL;
		struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
		sign_letter(&rsa, &der);
		add_crls(&der, MIB / 2);
		size_t around = der.len - MIB / 2;
		buf_clear(&der);
		sign_letter(&rsa, &der);
		/* one MiB in all, and one byte more */
		add_crls(&der, MIB - around + (size_t)more);
		assert_int_equal(der.len, MIB + (size_t)more);
		enum rc rc =
		    verify_bytes(buf_span(&der), LETTER, false, &out, &got);
		assert_rc(rc, more == 0 ? RC_OK : RC_LIMIT);
		if (more == 0)
			assert_true(got.signer[0].valid);
	}
}

static void
a_certificate_over_the_limit_is_refused(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF_SMALL;
		struct buf cert BUF_OWNED = BUF_SMALL;
		struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
		size_t len = CERT_DER_MAX - 5 + more;
		uint8_t *room;
		sign_letter(&alice, &der);
		struct shape_signed_info *info OWNED(shape_signed_info_free) =
		    take_apart(&der);
		/* not one that can be read, which is passed over */
		const uint8_t head[] = {0x30, 0x83, (uint8_t)(len >> 16),
		    (uint8_t)(len >> 8), (uint8_t)len};
		assert_ok(buf_add(&cert, span_of(head, 5), &kit_err));
		assert_ok(buf_reserve(&cert, len, &room, &kit_err));
		memset(room, 0, len);
		buf_grown(&cert, len);
		ASN1_STRING *raw = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
		ASN1_TYPE *item = ASN1_TYPE_new();
		ASN1_STRING_set(raw, cert.data, (int)cert.len);
		ASN1_TYPE_set(item, V_ASN1_SEQUENCE, raw);
		sk_ASN1_TYPE_push(info->body->certificates, item);
		put_together(info, &der);
		enum rc rc =
		    verify_bytes(buf_span(&der), LETTER, false, &out, &got);
		assert_rc(rc, more == 0 ? RC_OK : RC_LIMIT);
	}
}

static void
a_failure_is_for_good(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};

	sign_letter(&alice, &der);
	assert_ok(verify_new(&verify, &kit_err));
	assert_rc(verify_push_cms(verify, span_of("\x30\x03\x02\x01\x01", 5),
		      &out, &kit_err),
	    RC_SYNTAX);
	assert_rc(
	    verify_push_cms(verify, buf_span(&der), &out, &kit_err), RC_SYNTAX);
	assert_rc(
	    verify_push_content(verify, span_str(LETTER), &kit_err), RC_SYNTAX);
	assert_rc(verify_finish(verify, &got, &kit_err), RC_SYNTAX);
}

static void
without_a_quarantine_there_is_no_content(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct verify *verify OWNED(verify_free) = NULL;

	sign_opaque(&alice, span_str(LETTER), &der);
	assert_ok(verify_new(&verify, &kit_err));
	assert_rc(
	    verify_push_cms(verify, buf_span(&der), NULL, &kit_err), RC_SYNTAX);
}

/* --- memory */

/* "VmRSS:" or "VmHWM:" of this process, in KiB. */
static long
memory(const char *what)
{
	char line[200];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, what, strlen(what)) == 0)
			kib = strtol(line + strlen(what), NULL, 10);
	fclose(file);
	assert_true(kib > 0);
	return kib;
}

/* The highest so far is forgotten: it begins again at what is used now. */
static void
forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

	assert_non_null(file);
	fputs("5", file);
	assert_int_equal(fclose(file), 0);
}

/* 300 MiB of content from our writer into our reader, through bufs that are
 * emptied as they fill. */
static void
pass_300_mib(void)
{
	struct buf pipe BUF_OWNED = BUF(4 * MIB), out BUF_OWNED = BUF(4 * MIB);
	static uint8_t block[48 * 1024];
	struct sign *sign OWNED(sign_free) = NULL;
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};
	size_t total = 0;

	assert_ok(sign_new(&alice.identity, WHEN, &sign, &kit_err));
	assert_ok(verify_new(&verify, &kit_err));
	assert_ok(sign_start_opaque(sign, &pipe, &kit_err));
	for (size_t sent = 0; sent < 300 * MIB; sent += sizeof(block)) {
		assert_ok(sign_push_opaque(
		    sign, span_of(block, sizeof(block)), &pipe, &kit_err));
		assert_ok(
		    verify_push_cms(verify, buf_span(&pipe), &out, &kit_err));
		total += out.len;
		buf_clear(&pipe);
		buf_clear(&out);
	}
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, &pipe, &kit_err));
	assert_ok(verify_push_cms(verify, buf_span(&pipe), &out, &kit_err));
	total += out.len;
	assert_ok(verify_finish(verify, &got, &kit_err));
	assert_true(got.signer[0].valid);
	assert_true(total >= 300 * MIB);
}

static void
three_hundred_mib_need_no_more_memory_than_three_bytes(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct verify_result got VERIFY_RESULT_OWNED = {.signers = 0};

	sign_opaque(&alice, span_str("abc"), &der);
	assert_ok(verify_bytes(buf_span(&der), NULL, false, &out, &got));
	forget_peak();
	long before = memory("VmRSS:");
	pass_300_mib();
	long grown = memory("VmHWM:") - before;
	print_message("  %ld KiB more\n", grown);
	assert_true(grown < 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_split_of_an_opaque_letter_reads_the_same),
	    cmocka_unit_test(content_and_signature_may_come_mixed),
	    cmocka_unit_test(
		an_opaque_letter_changed_anywhere_never_verifies_as_another),
	    cmocka_unit_test(micalg_says_which_digests_are_run),
	    cmocka_unit_test(a_signature_that_comes_first_needs_no_micalg),
	    cmocka_unit_test(all_digests_fit_every_signer),
	    cmocka_unit_test(a_known_certificate_is_not_parsed_again),
	    cmocka_unit_test(crls_are_passed_over_up_to_a_limit),
	    cmocka_unit_test(a_certificate_over_the_limit_is_refused),
	    cmocka_unit_test(a_failure_is_for_good),
	    cmocka_unit_test(without_a_quarantine_there_is_no_content),
	    cmocka_unit_test(
		three_hundred_mib_need_no_more_memory_than_three_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
