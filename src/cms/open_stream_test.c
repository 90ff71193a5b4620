#include "cms/testkit_priv.h"

#include <sys/resource.h>

#include "cms/ber_priv.h"
#include "cms/openkit_priv.h"
#include "pki/der.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LETTER "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"

static struct person root, alice, rsa, eve;

static int
setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&eve, kit_ec("P-256"), "Eve", KIT_MAIL, &root);
	kit_write_person("alice", &alice);
	kit_write("letter", span_str(LETTER));
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
	person_done(&eve);
	kit_leave();
	return 0;
}

/* LETTER for one person; more can be said in *made before. */
static void
make(struct made *made, const struct person *who, struct buf *ret)
{
	struct buf recipient BUF_OWNED = BUF_SMALL;

	made_forget();
	if (made->recipients.len == 0) {
		made_for(who, made->nid, &recipient);
		made->recipients = buf_span(&recipient);
	}
	if (made->text.data == NULL)
		made->text = span_str(LETTER);
	made_letter(made, ret);
	made->recipients = SPAN_NONE;
}

static void
opens(const struct person *who, struct span der, size_t first, size_t step,
    int nid)
{
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};

	assert_ok(made_open(who, der, first, step, &plain, &result));
	assert_true(span_is(buf_span(&plain), span_str(LETTER)));
	assert_int_equal(result.authenticated, made_is_auth(nid));
}

static void
fails(const struct person *who, struct span der, enum rc want)
{
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};

	assert_rc(made_open(who, der, 100, 100, &plain, &result), want);
	if (want == RC_CRYPTO)
		assert_string_equal(kit_err.text, CLOSED);
}

static const struct {
	struct person *who;
	int nid;
	size_t piece;
} samples[] = {
    {&alice, NID_aes_128_gcm, 0},
    {&alice, NID_aes_128_gcm, 7},
    {&rsa, NID_aes_256_gcm, 16},
    {&alice, NID_aes_192_gcm, 1},
    {&alice, NID_aes_128_cbc, 0},
    {&alice, NID_aes_192_cbc, 5},
    {&rsa, NID_aes_256_cbc, 16},
    {&alice, NID_chacha20_poly1305, 9},
};

static void
every_split_opens_the_same(void **state)
{
	const size_t steps[] = {1, 2, 13, 10000};

	for (size_t i = 0; i < COUNT(samples); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct made made = {
		    .nid = samples[i].nid, .piece = samples[i].piece};
		make(&made, samples[i].who, &der);
		for (size_t first = 1; first <= der.len; first++)
			opens(samples[i].who, buf_span(&der), first,
			    steps[first % COUNT(steps)], made.nid);
	}
}

static void
cut_off_anywhere_it_never_opens(void **state)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct made made = {
		    .nid = samples[i].nid, .piece = samples[i].piece};
		make(&made, samples[i].who, &der);
		for (size_t len = 0; len < der.len; len++)
			fails(samples[i].who, span_first(buf_span(&der), len),
			    RC_SYNTAX);
	}
}

/* An AEAD opens to the same or not at all (a byte of a name in another case
 * is the same name); CBC may open to something else, and says that nobody
 * vouches for it. */
static void
try_changed(const struct person *who, struct span der, int nid, size_t at)
{
	struct buf plain BUF_OWNED = BUF_SECRET(1 << 20);
	struct open_result result = {0};

	enum rc rc = made_open(who, der, der.len, 1, &plain, &result);
	if (rc == RC_CRYPTO)
		assert_string_equal(kit_err.text, CLOSED);
	if (rc != RC_OK)
		return;
	if (result.authenticated != made_is_auth(nid))
		fail_msg("byte %zu makes a letter of another kind", at);
	if (result.authenticated &&
	    !span_is(buf_span(&plain), span_str(LETTER)))
		fail_msg("byte %zu changes the text", at);
}

static void
any_bit_changed_it_opens_to_nothing_else(void **state)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct made made = {
		    .nid = samples[i].nid, .piece = samples[i].piece};
		make(&made, samples[i].who, &der);
		opens(samples[i].who, buf_span(&der), 1000, 1000, made.nid);
		for (size_t bit = 0; bit < 8 * der.len; bit++) {
			der.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			try_changed(
			    samples[i].who, buf_span(&der), made.nid, bit / 8);
			der.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* --- every form of BER ----------------------------------------------------- */

static unsigned long turn = 1;

static unsigned
draw(unsigned below)
{
	turn = turn * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(turn >> 33) % below;
}

static void
add_either(struct buf *out, uint8_t tag, struct span contents)
{
	if ((tag & 0x20) && draw(2)) {
		made_add(out, (uint8_t[]){tag, 0x80}, 2);
		made_add(out, contents.data, contents.len);
		MADE_ADD(out, "\0\0");
	} else if (contents.len < 0x80 && draw(2)) {
		made_add(out, (uint8_t[]){tag, (uint8_t)contents.len}, 2);
		made_add(out, contents.data, contents.len);
	} else {
		made_element(out, tag, contents);
	}
}

static void
add_string(struct buf *out, uint8_t tag, struct span contents)
{
	struct buf pieces BUF_OWNED = BUF_SMALL;

	if (draw(2)) {
		add_either(out, tag, contents);
		return;
	}
	while (contents.len > 0) {
		size_t len = draw(20);
		add_string(&pieces, DER_OCTETS, span_first(contents, len));
		contents = span_after(contents, len);
	}
	add_either(out, tag | 0x20, buf_span(&pieces));
}

/* The same letter in other clothes.  [0] primitive is the content, long. */
static void
disguise(struct span der, struct buf *out)
{
	struct der element = {0};

	while (der.len > 0) {
		struct buf inner BUF_OWNED = BUF_SMALL;
		assert_ok(der_next(&der, &element, &kit_err));
		if (element.tag == DER_OCTETS || element.tag == 0x80) {
			add_string(out, element.tag, element.value);
			continue;
		}
		if (element.tag & 0x20)
			disguise(element.value, &inner);
		else
			made_add(&inner, element.value.data, element.value.len);
		add_either(out, element.tag, buf_span(&inner));
	}
}

static void
every_form_of_ber_opens_the_same(void **state)
{
	for (size_t i = 0; i < 60 * COUNT(samples); i++) {
		const struct person *who = samples[i % COUNT(samples)].who;
		struct made made = {.nid = samples[i % COUNT(samples)].nid};
		struct buf ber BUF_OWNED = BUF_SMALL,
			       copy BUF_OWNED = BUF_SMALL;
		struct buf other BUF_OWNED = BUF_SMALL;
		struct span der = SPAN_NONE;
		make(&made, who, &ber);
		assert_ok(ber_der(buf_span(&ber), &copy, &der, &kit_err));
		opens(who, der, 1 + draw(500), 1 + draw(100), made.nid);
		disguise(der, &other);
		opens(who, buf_span(&other), 1 + draw(500), 1 + draw(100),
		    made.nid);
	}
}

static void
towers_end_in_an_error(void **state)
{
	/* in the content, in a RecipientInfo, in what is skipped */
	struct made made = {.nid = NID_aes_128_gcm, .text = span_of("", 0)};
	struct buf tower BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;

	for (int i = 0; i < 5000; i++)
		MADE_ADD(&tower, "\xa0\x80");
	made.originator = buf_span(&tower);
	make(&made, &alice, &der);
	fails(&alice, buf_span(&der), RC_LIMIT);
	buf_clear(&der);
	made.originator = SPAN_NONE;
	made.recipients = buf_span(&tower);
	make(&made, &alice, &der);
	fails(&alice, buf_span(&der), RC_LIMIT);
	tower.data[0] = 0x24;
	for (size_t i = 0; i < tower.len; i += 2)
		tower.data[i] = i == 0 ? 0xa0 : 0x24;
	buf_clear(&der);
	made.recipients = SPAN_NONE;
	make(&made, &alice, &der);
	const uint8_t content[] = {0x80, 0x84, 0, 0, 0, 0};
	ptrdiff_t at = span_find(buf_span(&der), span_of(content, 6));
	assert_true(at > 0);
	buf_cut(&der, (size_t)at);
	made_add(&der, tower.data, tower.len);
	fails(&alice, buf_span(&der), RC_LIMIT);
}

/* --- attributes, and what is not looked at --------------------------------- */

/* contentType, messageDigest: in the order of a SET OF in DER. */
#define ATTRIBUTE_1                                                \
	"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03\x31" \
	"\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define ATTRIBUTE_2                                                        \
	"\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x0d\x04" \
	"\x0b"                                                             \
	"12345678901"

static void
attributes_are_authenticated_in_der(void **state)
{
	static const struct {
		const char *sent;
		enum rc want;
	} table[] = {
	    {ATTRIBUTE_1 ATTRIBUTE_2, RC_OK},
	    {ATTRIBUTE_2 ATTRIBUTE_1, RC_OK}, /* unsorted */
	    {ATTRIBUTE_1, RC_CRYPTO},
	    {ATTRIBUTE_1 ATTRIBUTE_2 ATTRIBUTE_2, RC_CRYPTO},
	    {"\x05\x01"
	     "1",
		RC_SYNTAX},
	};
	const struct span der = span_of(
	    ATTRIBUTE_1 ATTRIBUTE_2, sizeof(ATTRIBUTE_1 ATTRIBUTE_2) - 1);

	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf ber BUF_OWNED = BUF_SMALL;
		struct made made = {.nid = NID_aes_256_gcm,
		    .attributes = der,
		    .sent = span_str(table[i].sent)};
		make(&made, &alice, &ber);
		if (table[i].want == RC_OK)
			opens(&alice, buf_span(&ber), 9, 9, made.nid);
		else
			fails(&alice, buf_span(&ber), table[i].want);
	}
}

static void
attributes_in_ber_are_authenticated_in_der(void **state)
{
	struct buf sent BUF_OWNED = BUF_SMALL, ber BUF_OWNED = BUF_SMALL;
	struct made made = {.nid = NID_aes_192_gcm,
	    .attributes = span_of(
		ATTRIBUTE_1 ATTRIBUTE_2, sizeof(ATTRIBUTE_1 ATTRIBUTE_2) - 1)};

	disguise(made.attributes, &sent);
	made.sent = buf_span(&sent);
	make(&made, &alice, &ber);
	opens(&alice, buf_span(&ber), 9, 9, made.nid);
}

static void
attributes_with_chacha20_are_named(void **state)
{
	struct buf ber BUF_OWNED = BUF_SMALL;
	struct made made = {.nid = NID_chacha20_poly1305,
	    .attributes = span_of(ATTRIBUTE_1, sizeof(ATTRIBUTE_1) - 1)};

	make(&made, &alice, &ber);
	fails(&alice, buf_span(&ber), RC_UNFIT);
	assert_non_null(strstr(kit_err.text, "chacha20-poly1305"));
}

static void
what_nobody_authenticates_is_passed_over(void **state)
{
	struct buf gcm BUF_OWNED = BUF_SMALL, cbc BUF_OWNED = BUF_SMALL;
	struct made made = {.nid = NID_aes_128_gcm,
	    .originator = span_of("\xa0\x80\xa0\x02\x05\x00\0\0", 8),
	    .behind = span_of("\xa2\x03"
			      "???",
		5)};

	make(&made, &alice, &gcm);
	opens(&alice, buf_span(&gcm), 9, 9, made.nid);
	made.nid = NID_aes_128_cbc;
	made.behind = span_of("\xa1\x03"
			      "???",
	    5);
	make(&made, &alice, &cbc);
	opens(&alice, buf_span(&cbc), 9, 9, made.nid);
}

static void
content_that_is_none_of_ours_is_named(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct made made = {.nid = NID_aes_128_cbc, .absent = true};

	make(&made, &alice, &der);
	fails(&alice, buf_span(&der), RC_SYNTAX);
	assert_string_equal(kit_err.text, "encrypted CMS without content");
	buf_clear(&der);
	made = (struct made){.nid = NID_aes_128_cbc, .inner = "\x2a\x03"};
	make(&made, &alice, &der);
	fails(&alice, buf_span(&der), RC_UNFIT);
	assert_non_null(strstr(kit_err.text, "id-data"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_split_opens_the_same),
	    cmocka_unit_test(cut_off_anywhere_it_never_opens),
	    cmocka_unit_test(any_bit_changed_it_opens_to_nothing_else),
	    cmocka_unit_test(every_form_of_ber_opens_the_same),
	    cmocka_unit_test(towers_end_in_an_error),
	    cmocka_unit_test(attributes_are_authenticated_in_der),
	    cmocka_unit_test(attributes_in_ber_are_authenticated_in_der),
	    cmocka_unit_test(attributes_with_chacha20_are_named),
	    cmocka_unit_test(what_nobody_authenticates_is_passed_over),
	    cmocka_unit_test(content_that_is_none_of_ours_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
