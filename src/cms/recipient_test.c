#include "cms/testkit_priv.h"

#include "base/own.h"
#include "cms/open.h"
#include "cms/print_priv.h"
#include "cms/recipient_judge_priv.h"
#include "cms/recipient_priv.h"
#include "cms/tlv_priv.h"

OWNER(struct open, open_free);

/* A copy in a block of exactly its size, so that the sanitizer sees one byte
 * too many. */
#define EXACT __attribute__((cleanup(exact_free)))
static struct span
exact_copy(struct span bytes)
{
	uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);

	assert_non_null(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return span_of(copy, bytes.len);
}

static void
exact_free(struct span *exact)
{
	free((void *)(uintptr_t)exact->data);
}

#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"
#define KEK "0123456789abcdef0123456789abcdef"
#define PASSWORD "correct horse"

static const uint8_t content_key[32] = "a content key of exactly 32 byte";

static struct person root, alice, rsa, p384, p521, x25519, x448;
static struct recipient_own own_alice, own_rsa, own_p384, own_p521, own_x25519,
    own_x448;
static const struct recipient_own own_kek = {
    .key_id = {(const uint8_t *)"\1\2", 2}, .kek = {(const uint8_t *)KEK, 32}};
static const struct recipient_own own_password = {
    .password = {(const uint8_t *)PASSWORD, sizeof(PASSWORD) - 1}};

static void
make_person(struct person *person, struct recipient_own *own, EVP_PKEY *key,
    const char *name, const struct kit_extension *list)
{
	person_init(person, key, name, list, &root);
	*own =
	    (struct recipient_own){.cert = person->cert, .key = &person->key};
}

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	make_person(&alice, &own_alice, kit_ec("P-256"), "Alice", KIT_MAIL);
	make_person(&rsa, &own_rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA);
	make_person(&p384, &own_p384, kit_ec("P-384"), "Tres", KIT_MAIL);
	make_person(&p521, &own_p521, kit_ec("P-521"), "Quinta", KIT_MAIL);
	make_person(&x25519, &own_x25519,
	    EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "Xenia", KIT_MAIL);
	make_person(&x448, &own_x448, EVP_PKEY_Q_keygen(NULL, NULL, "X448"),
	    "Xaver", KIT_MAIL);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	kit_write_person("p384", &p384);
	kit_write_person("p521", &p521);
	kit_write_person("x25519", &x25519);
	kit_write_person("x448", &x448);
	kit_write("letter", span_str(LETTER));
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&p384);
	person_done(&p521);
	person_done(&x25519);
	person_done(&x448);
	kit_leave();
	return 0;
}

/* --- one RecipientInfo, there and back -------------------------------------- */

struct form {
	const char *name;
	const struct recipient_own *own;
	struct recipient_way way;
};

static const struct form forms[] = {
    {"RSA v1.5", &own_rsa, {0}},
    {"RSA v1.5, SKI", &own_rsa, {.by_key_id = true}},
    {"OAEP SHA-1", &own_rsa, {RECIPIENT_RSA_OAEP_SHA1, NULL, false}},
    {"OAEP SHA-512", &own_rsa, {RECIPIENT_RSA_OAEP_SHA512, NULL, true}},
    {"P-256", &own_alice, {0}},
    {"P-256, SKI", &own_alice, {.by_key_id = true}},
    {"P-384, SHA-1", &own_p384, {.kdf = "SHA1"}},
    {"P-521, HKDF", &own_p521, {.kdf = "HKDF-SHA384"}},
    {"X25519", &own_x25519, {0}},
    {"X25519, SKI, X9.63", &own_x25519, {0, "SHA384", true}},
    {"X448", &own_x448, {0}},
    {"a symmetric key", &own_kek, {0}},
};
#define FORMS (sizeof(forms) / sizeof(*forms))
#define RSA_FORMS 2 /* the first: a wrong key cannot be told from a right one */

static void
print_form(const struct form *form, size_t key_len, struct buf *der)
{
	struct span cek = span_of(content_key, key_len);
	int version = -1;

	if (form->own->cert != NULL)
		assert_ok(recipient_print(
		    form->own->cert, &form->way, cek, der, &version, &kit_err));
	else if (form->own->kek.len > 0)
		assert_ok(recipient_print_kek(form->own->key_id, form->own->kek,
		    cek, der, &version, &kit_err));
	else
		assert_ok(recipient_print_password(
		    form->own->password, cek, der, &version, &kit_err));
}

/* RC_ABSENT: it does not name us. */
static enum rc
unwrap(struct span der, const struct recipient_own *own, size_t want,
    struct buf *cek)
{
	struct span exact EXACT = exact_copy(der);
	struct recipient_matches matches RECIPIENT_MATCHES_OWNED =
	    RECIPIENT_MATCHES_NONE;
	size_t count = 0;

	TRY(recipient_look(exact, own, 1, &matches, &count, &kit_err));
	if (matches.len == 0)
		return RC_ABSENT;
	TRY(recipient_check(&matches.item[0], &kit_err));
	return recipient_unwrap(&matches.item[0], want, cek, &kit_err);
}

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
a_password_opens_and_another_does_not(void **state)
{
	static const struct form form = {"password", &own_password, {0}};
	struct recipient_own other = {.password = span_str("correct horsE")};
	struct buf der BUF_OWNED = BUF_SMALL;
	struct buf cek BUF_OWNED = BUF_SECRET(64);

	print_form(&form, 24, &der);
	assert_ok(unwrap(buf_span(&der), &own_password, 24, &cek));
	assert_true(span_is(buf_span(&cek), span_of(content_key, 24)));
	buf_clear(&cek);
	assert_rc(unwrap(buf_span(&der), &other, 24, &cek), RC_CRYPTO);
	assert_int_equal(cek.len, 0);
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
	const struct recipient_own *all[] = {&own_alice, &own_rsa, &own_p384,
	    &own_p521, &own_x25519, &own_x448, &own_kek};

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
	/* pieces of pieces of an identifier, all of them ended */
	struct buf der BUF_OWNED = BUF_SMALL;
	size_t at, id, piece[40];
	assert_ok(print_begin(&der, PRINT_SEQUENCE, &at, &kit_err));
	assert_ok(print_number(&der, 2, &kit_err));
	assert_ok(print_begin(&der, PRINT_CONTEXT_OF(0), &id, &kit_err));
	for (size_t i = 0; i < 40; i++)
		assert_ok(print_begin(&der, 0x24, &piece[i], &kit_err));
	for (size_t i = 40; i-- > 0;)
		assert_ok(print_end(&der, piece[i], &kit_err));
	assert_ok(print_end(&der, id, &kit_err));
	assert_ok(print_end(&der, at, &kit_err));
	assert_rc(look((char *)der.data, der.len, &count, &matches), RC_SYNTAX);
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

/* --- letters of others ------------------------------------------------------ */

static void
open_sealed(const struct recipient_own *own, enum rc want, const char *name)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open *open OWNED(open_free) = NULL;
	struct open_result result = {0};

	kit_read("sealed", &der);
	assert_ok(open_new(&open, &kit_err));
	if (own->cert != NULL)
		assert_ok(open_add(open, own->cert, own->key, &kit_err));
	if (own->kek.len > 0)
		assert_ok(open_add_kek(open, own->key_id, own->kek, &kit_err));
	if (own->password.len > 0)
		assert_ok(open_add_password(open, own->password, &kit_err));
	enum rc rc = open_push(open, buf_span(&der), &plain, &kit_err);
	if (rc == RC_OK)
		rc = open_finish(open, &plain, &result, &kit_err);
	if (rc != want)
		fail_msg("%s: %s (%s)", name, rc_name(rc), kit_err.text);
	if (rc == RC_OK)
		assert_true(span_is(buf_span(&plain), span_str(LETTER)));
}

static void
what_openssl_seals_we_open(void **state)
{
	static const struct {
		const char *options;
		const struct recipient_own *own;
	} table[] = {
	    {"-recip rsa.crt", &own_rsa},
	    {"-keyid -recip rsa.crt", &own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep", &own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep "
	     "-keyopt rsa_oaep_md:sha384",
		&own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep "
	     "-keyopt rsa_oaep_md:sha512 -keyopt rsa_mgf1_md:sha1",
		&own_rsa},
	    {"-recip rsa.crt -keyopt rsa_padding_mode:oaep "
	     "-keyopt rsa_oaep_md:sha256 -keyopt rsa_oaep_label:0102030405",
		&own_rsa},
	    {"-recip alice.crt", &own_alice},
	    {"-keyid -recip alice.crt", &own_alice},
	    {"-recip alice.crt -des3-wrap", &own_alice},
	    {"-recip alice.crt -aes128-wrap", &own_alice},
	    {"-recip alice.crt -aes192-wrap", &own_alice},
	    {"-recip p384.crt -keyopt ecdh_kdf_md:sha384", &own_p384},
	    {"-recip p384.crt -keyopt ecdh_kdf_md:sha512 "
	     "-keyopt ecdh_cofactor_mode:1",
		&own_p384},
	    {"-recip p521.crt -keyopt ecdh_kdf_md:sha512", &own_p521},
	    {"-recip p521.crt -keyopt ecdh_kdf_md:sha1", &own_p521},
	    {"-secretkeyid 0102 -secretkey 3031323334353637383961626364656630"
	     "313233343536373839616263646566",
		&own_kek},
	    {"-pwri_password 'correct horse'", &own_password},
	};

	/* openssl cannot write a password beside GCM: that one is the last */
	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(*table) - 1; i++) {
		if (kit_openssl("cms -encrypt -binary -in letter -outform DER "
				"-out sealed %s %s",
			i % 2 == 0 ? "-aes256" : "-aes-256-gcm -stream",
			table[i / 2].options) != 0)
			fail_msg("openssl: %s", table[i / 2].options);
		open_sealed(table[i / 2].own, RC_OK, table[i / 2].options);
	}
}

static void
what_python_seals_we_open(void **state)
{
	static const char *const ways[] = {
	    "x963-sha1 16 raw -",
	    "x963-sha256 32 raw -",
	    "x963-sha384 32 raw 00112233445566778899aabbccddeeff",
	    "x963-sha512 32 octets -",
	    "cofactor-sha256 32 raw -",
	    "hkdf-sha256 32 raw -",
	    "hkdf-sha256 16 octets 0011",
	    "hkdf-sha384 32 raw 00112233445566778899aabbccddeeff",
	    "hkdf-sha512 32 raw -",
	};

	for (size_t i = 0; i < 2 * sizeof(ways) / sizeof(*ways); i++) {
		bool small = i % 2 == 0;
		if (judge("seal sealed %s.crt %s letter",
			small ? "x25519" : "x448", ways[i / 2]) != 0)
			fail_msg("judge: %s", ways[i / 2]);
		open_sealed(
		    small ? &own_x25519 : &own_x448, RC_OK, ways[i / 2]);
	}
}

static void
an_all_zero_secret_opens_nothing(void **state)
{
	assert_int_equal(
	    judge("seal sealed x25519.crt hkdf-sha256 32 zero - letter"), 0);
	open_sealed(&own_x25519, RC_CRYPTO, "X25519");
	assert_int_equal(
	    judge("seal sealed x448.crt hkdf-sha512 32 zero - letter"), 0);
	open_sealed(&own_x448, RC_CRYPTO, "X448");
}

static void
a_senders_static_key_is_named(void **state)
{
	assert_int_equal(
	    judge("seal sealed x25519.crt hkdf-sha256 32 static - letter"), 0);
	open_sealed(&own_x25519, RC_UNFIT, "static");
	assert_non_null(strstr(kit_err.text, "static key"));
}

/* --- passwords -------------------------------------------------------------- */

/* Replace the number of rounds in what openssl wrote. */
static void
a_password_that_takes_too_long_is_refused(void **state)
{
	static const struct {
		const char *rounds; /* in two bytes, as 2048 is */
		enum rc want;
	} table[] = {{"\x08\x00", RC_OK}, {"\x08\x01", RC_CRYPTO},
	    {"\x00\x00", RC_SYNTAX}};
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_int_equal(
	    kit_openssl("cms -encrypt -binary -in letter -outform DER -out "
			"first -aes256 -pwri_password 'correct horse'"),
	    0);
	kit_read("first", &der);
	ptrdiff_t at =
	    span_find(buf_span(&der), span_of("\x02\x02\x08\x00", 4));
	assert_true(at > 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		memcpy(der.data + at + 2, table[i].rounds, 2);
		kit_write("sealed", buf_span(&der));
		open_sealed(&own_password, table[i].want, "rounds");
	}
}

/* A PasswordRecipientInfo with this PBKDF2-params. */
static enum rc
check_password(const char *parameters, size_t len)
{
	static const char scheme[] =
	    "\x30\x2c\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x09\x30"
	    "\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x10"
	    "0123456789abcdef\x04\x20" KEK;
	struct buf der BUF_OWNED = BUF_SMALL, cek BUF_OWNED = BUF_SECRET(64);
	size_t all, derive;

	assert_ok(print_begin(&der, PRINT_CONTEXT_OF(3), &all, &kit_err));
	assert_ok(print_number(&der, 0, &kit_err));
	assert_ok(print_begin(&der, PRINT_CONTEXT_OF(0), &derive, &kit_err));
	assert_ok(print_bytes(&der, PRINT_OID,
	    span_of("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c", 9), &kit_err));
	assert_ok(buf_add(&der, span_of(parameters, len), &kit_err));
	assert_ok(print_end(&der, derive, &kit_err));
	assert_ok(buf_add(&der, span_of(scheme, sizeof(scheme) - 1), &kit_err));
	assert_ok(print_end(&der, all, &kit_err));
	return unwrap(buf_span(&der), &own_password, 32, &cek);
}

static void
the_parameters_of_a_password_have_limits(void **state)
{
#define HMAC "\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02"
	static const struct {
		const char *name, *parameters;
		size_t len;
		enum rc want;
	} table[] = {
	    {"as it should be", "\x30\x0a\x04\x04salt\x02\x02\x01\x00", 12,
		RC_CRYPTO},
	    {"a million rounds", "\x30\x0b\x04\x04salt\x02\x03\x0f\x42\x40", 13,
		RC_CRYPTO},
	    {"one more", "\x30\x0b\x04\x04salt\x02\x03\x0f\x42\x41", 13,
		RC_LIMIT},
	    {"2^40 rounds",
		"\x30\x0e\x04\x04salt\x02\x06\x01\x00\x00\x00\x00\x00", 16,
		RC_SYNTAX},
	    {"less than no round", "\x30\x09\x04\x04salt\x02\x01\xff", 11,
		RC_SYNTAX},
	    {"the key's length",
		"\x30\x0d\x04\x04salt\x02\x02\x01\x00\x02\x01\x20", 15,
		RC_CRYPTO},
	    {"another length",
		"\x30\x0d\x04\x04salt\x02\x02\x01\x00\x02\x01\x10", 15,
		RC_SYNTAX},
	    {"HMAC-SHA-512",
		"\x30\x18\x04\x04salt\x02\x02\x01\x00\x30\x0c" HMAC
		"\x0b\x05\x00",
		26, RC_CRYPTO},
	    {"HMAC-MD5",
		"\x30\x18\x04\x04salt\x02\x02\x01\x00\x30\x0c" HMAC
		"\x06\x05\x00",
		26, RC_UNFIT},
	    {"salt from elsewhere",
		"\x30\x0a\x30\x04\x06\x02\x2a\x03\x02\x02\x01\x00", 12,
		RC_SYNTAX},
	    {"nothing", "\x30\x00", 2, RC_SYNTAX},
	    {"absent", "", 0, RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		enum rc rc = check_password(table[i].parameters, table[i].len);
		if (rc != table[i].want)
			fail_msg("%s: %s (%s)", table[i].name, rc_name(rc),
			    kit_err.text);
	}
}

/* --- kinds we cannot open --------------------------------------------------- */

static void
what_we_cannot_open_is_named(void **state)
{
	static const struct {
		const struct form *form;
		const char *from, *to; /* of an OID: the same length */
		size_t len;
		const char *name;
	} table[] = {
	    {&forms[0], "\x0d\x01\x01\x01", "\x0d\x01\x01\x63", 4,
		"1.2.840.113549.1.1.99"},
	    {&forms[3], "\x03\x04\x02\x03", "\x03\x04\x02\x07", 4, "OAEP"},
	    {&forms[4], "\x81\x04\x01\x0b\x01", "\x81\x04\x01\x0b\x00", 5,
		"sha224kdf"},
	    {&forms[4], "\x65\x03\x04\x01\x2d", "\x65\x03\x04\x01\x30", 5,
		"wrap-pad"},
	    {&forms[8], "\x2b\x65\x6e", "\x2b\x65\x70", 3, "ED25519"},
	    {&forms[11], "\x65\x03\x04\x01\x2d", "\x65\x03\x04\x01\x30", 5,
		"wrap-pad"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf cek BUF_OWNED = BUF_SECRET(64);
		print_form(table[i].form, 32, &der);
		ptrdiff_t at = span_find(
		    buf_span(&der), span_of(table[i].from, table[i].len));
		assert_true(at > 0);
		memcpy(der.data + at, table[i].to, table[i].len);
		assert_rc(unwrap(buf_span(&der), table[i].form->own, 32, &cek),
		    RC_UNFIT);
		if (strstr(kit_err.text, table[i].name) == NULL)
			fail_msg("%s: %s", table[i].name, kit_err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_we_print_we_read),
	    cmocka_unit_test(a_password_opens_and_another_does_not),
	    cmocka_unit_test(a_full_buffer_is_left_as_it_was),
	    cmocka_unit_test(any_byte_changed_yields_no_other_key),
	    cmocka_unit_test(cut_off_anywhere_it_is_broken),
	    cmocka_unit_test(bytes_behind_it_are_refused),
	    cmocka_unit_test(ber_is_read_as_der_is),
	    cmocka_unit_test(it_names_nobody_else),
	    cmocka_unit_test(what_we_do_not_know_is_no_error),
	    cmocka_unit_test(what_is_none_is_an_error),
	    cmocka_unit_test(towers_are_refused),
	    cmocka_unit_test(many_keys_are_counted_and_sixteen_kept),
	    cmocka_unit_test(what_is_kept_has_a_limit),
	    cmocka_unit_test(what_openssl_seals_we_open),
	    cmocka_unit_test(what_python_seals_we_open),
	    cmocka_unit_test(an_all_zero_secret_opens_nothing),
	    cmocka_unit_test(a_senders_static_key_is_named),
	    cmocka_unit_test(a_password_that_takes_too_long_is_refused),
	    cmocka_unit_test(the_parameters_of_a_password_have_limits),
	    cmocka_unit_test(what_we_cannot_open_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
