#include "cms/recipientkit_priv.h"

static void
what_we_print_we_read(void **state)
{
	static const size_t lens[] = {16, 24, 32};

	for (size_t i = 0; i < FORMS * 3; i++) {
		const struct form *form = &forms[i / 3];
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf cek BUF_OWNED = BUF_SECRET(64);
		size_t len = lens[i % 3];
		assert_ok(buf_add_str(&der, "before", &kit_err));
		print_form(form, len, &der);
		if (unwrap(span_after(buf_span(&der), 6), form->own, len,
			&cek) != RC_OK)
			fail_msg("%s: %s", form->name, kit_err.text);
		assert_true(span_is(buf_span(&cek), span_of(content_key, len)));
		assert_true(span_starts(buf_span(&der), "before"));
	}
}

static void
a_full_buffer_is_left_as_it_was(void **state)
{
	for (size_t i = 0; i < FORMS; i++) {
		struct buf whole BUF_OWNED = BUF_SMALL;
		print_form(&forms[i], 16, &whole);
		for (size_t max = 3; max < whole.len; max += 7) {
			struct buf der BUF_OWNED = BUF(max);
			int unused;
			assert_ok(buf_add_str(&der, "abc", &kit_err));
			enum rc rc =
			    forms[i].own->cert == NULL
				? recipient_print_kek(forms[i].own->key_id,
				      forms[i].own->kek,
				      span_of(content_key, 16), &der, &unused,
				      &kit_err)
				: recipient_print(forms[i].own->cert,
				      &forms[i].way, span_of(content_key, 16),
				      &der, &unused, &kit_err);
			assert_rc(rc, RC_LIMIT);
			assert_true(span_is(buf_span(&der), span_str("abc")));
		}
	}
}

/* --- broken ones ------------------------------------------------------------ */

/* Whatever it is: never another key for a right one, but with v1.5, whose
 * failures nobody may see. */
static void
never_another_key(
    const struct form *form, bool rsa_form, struct span der, size_t at)
{
	struct buf cek BUF_OWNED = BUF_SECRET(64);

	enum rc rc = unwrap(der, form->own, 32, &cek);
	if (rc == RC_OK && cek.len != 32)
		fail_msg("%s, byte %zu: a key of %zu bytes", form->name, at,
		    cek.len);
	if (rc == RC_OK && !rsa_form &&
	    !span_is(buf_span(&cek), span_of(content_key, 32)))
		fail_msg("%s, byte %zu: another key", form->name, at);
	if (rc != RC_OK && cek.len > 0)
		fail_msg("%s, byte %zu: a key and a failure", form->name, at);
}

static void
any_byte_changed_yields_no_other_key(void **state)
{
	static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};

	for (size_t i = 0; i < FORMS; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		print_form(&forms[i], 32, &der);
		for (size_t at = 0; at < 4 * der.len; at++) {
			der.data[at / 4] ^= masks[at % 4];
			never_another_key(
			    &forms[i], i < RSA_FORMS, buf_span(&der), at / 4);
			der.data[at / 4] ^= masks[at % 4];
		}
	}
}

static void
cut_off_anywhere_it_is_broken(void **state)
{
	for (size_t i = 0; i < FORMS; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		print_form(&forms[i], 32, &der);
		for (size_t len = 0; len < der.len; len++) {
			struct buf cek BUF_OWNED = BUF_SECRET(64);
			assert_rc(unwrap(span_first(buf_span(&der), len),
				      forms[i].own, 32, &cek),
			    RC_SYNTAX);
		}
	}
}

static void
bytes_behind_it_are_refused(void **state)
{
	for (size_t i = 0; i < FORMS; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf cek BUF_OWNED = BUF_SECRET(64);
		print_form(&forms[i], 32, &der);
		assert_ok(buf_add_byte(&der, 0, &kit_err));
		assert_rc(
		    unwrap(buf_span(&der), forms[i].own, 32, &cek), RC_SYNTAX);
	}
}

/* The same in BER: all that is constructed of indefinite length, strings in
 * pieces. */
static void
add_ber(struct span der, struct buf *out)
{
	struct tlv tlv;

	while (der.len > 0) {
		assert_ok(tlv_next(&der, &tlv, &kit_err));
		if (tlv.tag & TLV_CONSTRUCTED) {
			assert_ok(print_begin_endless(out, tlv.tag, &kit_err));
			add_ber(tlv.value, out);
			assert_ok(print_end_endless(out, &kit_err));
		} else if (tlv.tag == TLV_OCTETS || tlv.tag == TLV_CONTEXT(0)) {
			assert_ok(print_begin_endless(
			    out, tlv.tag | TLV_CONSTRUCTED, &kit_err));
			assert_ok(print_bytes(out, TLV_OCTETS,
			    span_first(tlv.value, 5), &kit_err));
			assert_ok(print_begin_endless(
			    out, TLV_OCTETS | TLV_CONSTRUCTED, &kit_err));
			assert_ok(print_bytes(out, TLV_OCTETS,
			    span_after(tlv.value, 5), &kit_err));
			assert_ok(print_end_endless(out, &kit_err));
			assert_ok(print_end_endless(out, &kit_err));
		} else {
			assert_ok(buf_add(out, tlv.whole, &kit_err));
		}
	}
}

static void
ber_is_read_as_der_is(void **state)
{
	for (size_t i = 0; i < FORMS; i++) {
		struct buf der BUF_OWNED = BUF_SMALL, ber BUF_OWNED = BUF_SMALL;
		struct buf cek BUF_OWNED = BUF_SECRET(64);
		print_form(&forms[i], 32, &der);
		add_ber(buf_span(&der), &ber);
		assert_true(ber.len > der.len + 10);
		if (unwrap(buf_span(&ber), forms[i].own, 32, &cek) != RC_OK)
			fail_msg("%s: %s", forms[i].name, kit_err.text);
		assert_true(span_is(buf_span(&cek), span_of(content_key, 32)));
	}
}

/* --- looking ---------------------------------------------------------------- */

static void
it_names_nobody_else(void **state)
{
	const struct recipient_own *all[] = {
		&own_alice,
		&own_rsa,
		&own_p384,
		&own_p521,
		&own_x25519,
		&own_x448,
		&own_kek,
#if HAS_ML_KEM
		&own_kem768,
		&own_kem1024,
#endif
	};

	for (size_t i = 0; i < FORMS; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		print_form(&forms[i], 32, &der);
		for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++) {
			struct buf cek BUF_OWNED = BUF_SECRET(64);
			assert_rc(unwrap(buf_span(&der), all[k], 32, &cek),
			    all[k] == forms[i].own ? RC_OK : RC_ABSENT);
		}
	}
}

/* How often `der` names Alice, and how many it stands for. */
static enum rc
look(const char *der, size_t len, size_t *ret_count, size_t *ret_matches)
{
	struct span exact EXACT = exact_copy(span_of(der, len));
	struct recipient_matches matches RECIPIENT_MATCHES_OWNED =
	    RECIPIENT_MATCHES_NONE;

	TRY(recipient_look(
	    exact, &own_alice, 1, &matches, ret_count, &kit_err));
	*ret_matches = matches.len;
	return RC_OK;
}

static void
what_we_do_not_know_is_no_error(void **state)
{
	static const struct {
		const char *name, *der;
		size_t len;
	} table[] = {
	    {"another type of ori", "\xa4\x06\x06\x02\x2a\x03\x05\x00", 8},
	    {"ori with primitive value", "\xa4\x07\x06\x02\x2a\x03\x04\x01x",
		9},
	    {"ktri of version 9", "\x30\x05\x02\x01\x09\x05\x00", 7},
	    {"kari of version 4", "\xa1\x03\x02\x01\x04", 5},
	    {"kekri of version 0", "\xa2\x03\x02\x01\x00", 5},
	    {"pwri of version 1", "\xa3\x03\x02\x01\x01", 5},
	    {"KEMRecipientInfo of version 1",
		"\xa4\x12\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x0d\x03"
		"\x30\x03\x02\x01\x01",
		20},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t count = 5, matches = 9;
		print_message("  %s\n", table[i].name);
		assert_ok(look(table[i].der, table[i].len, &count, &matches));
		assert_int_equal(count, 6);
		assert_int_equal(matches, 0);
	}
}

static void
what_is_none_is_an_error(void **state)
{
	static const struct {
		const char *name, *der;
		size_t len;
	} table[] = {
	    {"nothing", "", 0},
	    {"a number", "\x02\x01\x00", 3},
	    {"an empty ktri", "\x30\x00", 2},
	    {"an empty kari", "\xa1\x00", 2},
	    {"an empty ori", "\xa4\x00", 2},
	    {"ori without value", "\xa4\x04\x06\x02\x2a\x03", 6},
	    {"a negative version", "\x30\x03\x02\x01\x80", 5},
	    {"a version without bytes", "\x30\x02\x02\x00", 4},
	    {"a tag number of its own", "\xbf\x20\x00", 3},
	    {"ends of contents", "\x00\x00", 2},
	    {"a length of 16 EiB", "\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff",
		10},
	    {"a length of nine bytes",
		"\x30\x89\x00\x00\x00\x00\x00\x00\x00\x00\x00", 11},
	    {"an endless primitive", "\xa1\x80\x02\x80\x00\x00\x00\x00", 8},
	    {"an end that never comes", "\x30\x80\x02\x01\x00", 5},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t count = 0, matches = 0;
		print_message("  %s\n", table[i].name);
		assert_rc(look(table[i].der, table[i].len, &count, &matches),
		    RC_SYNTAX);
	}
}

static void
towers_are_refused(void **state)
{
	char deep[4000];
	size_t count = 0, matches = 0;

	for (size_t i = 0; i < sizeof(deep); i += 2) {
		deep[i] = 0x30;
		deep[i + 1] = (char)0x80;
	}
	assert_rc(look(deep, sizeof(deep), &count, &matches), RC_SYNTAX);
	/* one that ends, as the value of another kind: 16 levels are read */
	for (size_t levels = 15; levels <= 18; levels++) {
		struct buf tower BUF_OWNED = BUF_SMALL;
		size_t outer;
		assert_ok(
		    print_begin(&tower, PRINT_CONTEXT_OF(4), &outer, &kit_err));
		assert_ok(print_bytes(
		    &tower, PRINT_OID, span_of("\x2a\x03", 2), &kit_err));
		for (size_t i = 0; i < levels; i++)
			assert_ok(print_begin_endless(
			    &tower, PRINT_SEQUENCE, &kit_err));
		for (size_t i = 0; i < levels; i++)
			assert_ok(print_end_endless(&tower, &kit_err));
		assert_ok(print_end(&tower, outer, &kit_err));
		assert_rc(look((char *)tower.data, tower.len, &count, &matches),
		    levels <= 16 ? RC_OK : RC_SYNTAX);
	}
}

/* A KeyTransRecipientInfo whose identifier is in pieces of pieces. */
static void
print_pieces(size_t levels, struct buf *der)
{
	size_t at, id, piece[40];

	assert_ok(print_begin(der, PRINT_SEQUENCE, &at, &kit_err));
	assert_ok(print_number(der, 2, &kit_err));
	assert_ok(print_begin(der, PRINT_CONTEXT_OF(0), &id, &kit_err));
	for (size_t i = 0; i < levels; i++)
		assert_ok(print_begin(der, 0x24, &piece[i], &kit_err));
	for (size_t i = levels; i-- > 0;)
		assert_ok(print_end(der, piece[i], &kit_err));
	assert_ok(print_end(der, id, &kit_err));
	assert_ok(print_algorithm(der, span_of("\x2a\x03", 2), false, &kit_err));
	assert_ok(print_bytes(der, PRINT_OCTETS, span_str("key"), &kit_err));
	assert_ok(print_end(der, at, &kit_err));
}

static void
pieces_of_pieces_have_a_limit(void **state)
{
	for (size_t levels = 0; levels <= 40; levels++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		size_t count = 0, matches = 0;
		print_pieces(levels, &der);
		assert_rc(look((char *)der.data, der.len, &count, &matches),
		    levels < 16 ? RC_OK : RC_SYNTAX);
	}
}

/* A KeyAgreeRecipientInfo for Alice with her key `times` times. */
static void
make_many(size_t times, struct buf *out)
{
	struct buf one BUF_OWNED = BUF_SMALL;
	struct tlv all, keys;
	size_t at, list;

	print_form(&forms[4], 32, &one);
	struct span in = buf_span(&one), before;
	assert_ok(tlv_expect(&in, 0xa1, &all, &kit_err));
	in = all.value;
	for (int i = 0; i < 3; i++)
		assert_ok(tlv_next(&in, &keys, &kit_err));
	before = span_first(all.value, all.value.len - in.len);
	assert_ok(tlv_expect(&in, TLV_SEQUENCE, &keys, &kit_err));
	assert_ok(print_begin(out, 0xa1, &at, &kit_err));
	assert_ok(buf_add(out, before, &kit_err));
	assert_ok(print_begin(out, PRINT_SEQUENCE, &list, &kit_err));
	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add(out, keys.value, &kit_err));
	assert_ok(print_end(out, list, &kit_err));
	assert_ok(print_end(out, at, &kit_err));
}

static void
many_keys_are_counted_and_sixteen_kept(void **state)
{
	static const struct {
		size_t times, count, matches;
		enum rc rc;
	} table[] = {
	    {0, 1, 0, RC_OK}, /* else millions of them would be none */
	    {1, 1, 1, RC_OK},
	    {15, 15, 15, RC_OK},
	    {17, 17, 16, RC_OK},
	    {10000, 10000, 16, RC_OK},
	    {10001, 10001, 0, RC_LIMIT},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF((size_t)8 << 20);
		size_t count = 0, matches = 0;
		make_many(table[i].times, &der);
		assert_rc(look((char *)der.data, der.len, &count, &matches),
		    table[i].rc);
		assert_int_equal(count, table[i].count);
		assert_int_equal(matches, table[i].matches);
	}
}

/* With a ukm of this length. */
static enum rc
unwrap_with_ukm(size_t len, struct buf *cek)
{
	struct buf one BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	uint8_t *ukm = calloc(1, len + 1);
	struct tlv all, tlv;
	size_t at, inner;

	print_form(&forms[4], 32, &one);
	struct span in = buf_span(&one);
	assert_ok(tlv_expect(&in, 0xa1, &all, &kit_err));
	in = all.value;
	assert_ok(tlv_next(&in, &tlv, &kit_err));
	assert_ok(tlv_next(&in, &tlv, &kit_err));
	assert_ok(print_begin(&der, 0xa1, &at, &kit_err));
	assert_ok(buf_add(
	    &der, span_first(all.value, all.value.len - in.len), &kit_err));
	assert_ok(print_begin(&der, 0xa1, &inner, &kit_err));
	assert_ok(print_bytes(&der, PRINT_OCTETS, span_of(ukm, len), &kit_err));
	assert_ok(print_end(&der, inner, &kit_err));
	assert_ok(buf_add(&der, in, &kit_err));
	assert_ok(print_end(&der, at, &kit_err));
	free(ukm);
	return unwrap(buf_span(&der), &own_alice, 32, cek);
}

static void
what_is_kept_has_a_limit(void **state)
{
	struct buf cek BUF_OWNED = BUF_SECRET(64);

	/* it goes into the derivation, so that the key is another */
	assert_rc(unwrap_with_ukm(0, &cek), RC_CRYPTO);
	assert_rc(unwrap_with_ukm(16, &cek), RC_CRYPTO);
	assert_rc(unwrap_with_ukm(65000, &cek), RC_CRYPTO);
	assert_rc(unwrap_with_ukm(66000, &cek), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_we_print_we_read),
	    cmocka_unit_test(a_full_buffer_is_left_as_it_was),
	    cmocka_unit_test(any_byte_changed_yields_no_other_key),
	    cmocka_unit_test(cut_off_anywhere_it_is_broken),
	    cmocka_unit_test(bytes_behind_it_are_refused),
	    cmocka_unit_test(ber_is_read_as_der_is),
	    cmocka_unit_test(it_names_nobody_else),
	    cmocka_unit_test(what_we_do_not_know_is_no_error),
	    cmocka_unit_test(what_is_none_is_an_error),
	    cmocka_unit_test(towers_are_refused),
	    cmocka_unit_test(pieces_of_pieces_have_a_limit),
	    cmocka_unit_test(many_keys_are_counted_and_sixteen_kept),
	    cmocka_unit_test(what_is_kept_has_a_limit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
