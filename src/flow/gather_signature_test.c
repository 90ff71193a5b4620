/* Whose signature, on what, and which header it is about. */
#include "flow/gatherkit_priv.h"

/* --- signatures ------------------------------------------------------------------- */

/* What it was on is shown with it, and who signed outside of it does not speak
 * for it. */
static void
a_signature_that_cannot_be_read_is_none(void **state)
{
	static const char *const layers[] = {"", "g", "c", "s", "o"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct buf out BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		const struct facts *f = &g.facts;
		make_letter(layers[i], BROKEN, &letter);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		assert_int_equal(f->sig.state, SIGNED_INVALID);
		assert_string_equal(f->sig.reason, "sig.unreadable");
		assert_string_equal(f->sig.by, "");
		assert_string_equal(f->sig.part, "");
		assert_int_equal(f->time.source, TIME_NONE);
		assert_int_equal(g.said.ciphers, 0);
		if (i == 2)
			assert_int_equal(
			    f->encrypted.state, ENCRYPTED_MALLEABLE);
		assert_true(entity_is(g.payload, "multipart", "signed"));
		assert_done(show_bytes(&g, buf_span(&letter), &out), err);
		assert_true(span_find(buf_span(&out), span_str("canary")) > 0);
	}
}

static void
a_signature_of_nobody_is_none(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter(
	    "s", SIGNED_HEAD TEXT SIGNATURE_HEAD NOBODYS "\r\n--b--", &letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_int_equal(g.facts.sig.state, SIGNED_INVALID);
	assert_string_equal(g.facts.sig.reason, "sig.none");
	assert_string_equal(g.facts.sig.by, "");
	assert_int_equal(g.said.ciphers, 0);
	/* it was read: the text is the payload */
	assert_true(entity_is(g.payload, "text", "plain"));
}

static void
certificates_alone_are_no_signature(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("g", CERTS_ONLY, &letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_int_equal(g.facts.sig.state, SIGNED_NONE);
	assert_true(entity_is(g.payload, "application", "pkcs7-mime"));
}

static void
a_changed_text_has_a_signer_and_no_valid_signature(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;
	const struct facts *f = &g.facts;

	make_letter("s", TEXT, &letter);
	replace(&letter, "noon", "moon");
	wrap("c", &letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_int_equal(f->sig.state, SIGNED_INVALID);
	assert_string_equal(f->sig.reason, "sig.digest-mismatch");
	assert_string_equal(f->sig.by, ALICE);
	assert_int_equal(f->encrypted.state, ENCRYPTED_MALLEABLE);
	/* nothing is proven of when, and nobody said what they read */
	assert_int_equal(f->time.source, TIME_NONE);
	assert_int_equal(g.said.ciphers, 0);
}

/* What stands in front is signed by nobody: RFC 1847's micalg is a hint. */
static void
a_wrong_micalg_does_no_harm(void **state)
{
	static const char *const layers[] = {"s", "gs", "ss"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		put(&letter, TEXT);
		wrap("s", &letter);
		replace(&letter, "micalg=sha-256", "micalg=sha-512");
		wrap(i == 1 ? "g" : i == 2 ? "s" : "", &letter);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		assert_int_equal(g.facts.sig.state, SIGNED_VALID);
		assert_int_equal(g.layers, strlen(layers[i]));
	}
}

static void
read_signed_by_two(const char *header, const struct person *one,
    const struct person *two, struct gathered *ret)
{
	struct buf letter BUF_OWNED = BUF(ROOM), made BUF_OWNED = BUF(ROOM);

	put(&made, TEXT);
	opaque_around(one, two, &made);
	put(&letter, header);
	assert_done(buf_add(&letter, buf_span(&made), &err), err);
	assert_done(read_bytes(buf_span(&letter), ret), err);
}

/* The one whom From names, if it is valid. */
static void
of_several_signers_the_one_in_from_counts(void **state)
{
	const struct person *both[] = {&alice, &carol};
	struct person impostor = alice;

	impostor.key.handle = carol.fixture.key;
	impostor.identity.key = &impostor.key;
	for (int i = 0; i < 2; i++) {
		struct gathered named GATHERED_OWNED, other GATHERED_OWNED;
		struct gathered false_one GATHERED_OWNED;
		read_signed_by_two(FROM, both[i], both[1 - i], &named);
		assert_string_equal(named.facts.sig.by, ALICE);
		assert_int_equal(named.facts.sig.binding, BINDING_FROM);
		read_signed_by_two(
		    "From: x@y.test\r\n", both[i], both[1 - i], &other);
		assert_int_equal(other.facts.sig.state, SIGNED_VALID);
		assert_int_equal(other.facts.sig.binding, BINDING_OTHER);
		read_signed_by_two(FROM, i == 0 ? &impostor : &carol,
		    i == 0 ? &carol : &impostor, &false_one);
		assert_int_equal(false_one.facts.sig.state, SIGNED_VALID);
		assert_string_equal(false_one.facts.sig.by, "carol@gamma.test");
		/* and that there is another is said */
		assert_true(false_one.facts.sig.other_invalid);
		assert_false(named.facts.sig.other_invalid);
	}
}

/* Each replaces the one outside of it. */
static void
the_innermost_signature_counts(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	put(&letter, TEXT);
	sign_around(&mallory, &letter);
	wrap("s", &letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_string_equal(g.facts.sig.by, "mallory@mu.test");
}

/* --- a signature on a part ----------------------------------------------------------- */

static void
expect_part(const char *const parts[], const char *layers, const char *part,
    const char *reason)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;
	const struct facts *f = &g.facts;

	put_multipart(&letter, parts, layers);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_string_equal(f->sig.part, part);
	if (part[0] == '\0') {
		assert_int_equal(f->sig.state, SIGNED_NONE);
	} else if (reason != NULL) {
		assert_int_equal(f->sig.state, SIGNED_INVALID);
		assert_string_equal(f->sig.reason, reason);
	} else {
		assert_int_equal(f->sig.state, SIGNED_VALID);
		assert_string_equal(f->sig.by, ALICE);
		assert_int_equal(f->time.value, SIGNED_AT);
	}
	assert_true(entity_is(g.payload, "multipart", "mixed"));
	/* it is around none of the rest */
	if (layers[0] == 'c')
		assert_int_equal(f->encrypted.state, ENCRYPTED_MALLEABLE);
	assert_false(f->sig.outside_only);
}

/* A multipart whose parts are made as above, as a part. */
static void
make_inner(const char *text, char *ret, size_t size)
{
	struct buf made BUF_OWNED = BUF(ROOM);
	struct buf all BUF_OWNED = BUF(ROOM);

	put(&made, text);
	wrap("s", &made);
	put(&all, "Content-Type: multipart/mixed; boundary=Y\r\n\r\n"
		  "\r\n--Y\r\n" TEXT "\r\n--Y\r\n");
	assert_done(buf_add(&all, buf_span(&made), &err), err);
	put(&all, "\r\n--Y--\r\n");
	(void)snprintf(ret, size, "%.*s", (int)all.len, (const char *)all.data);
}

static void
a_part_that_is_signed_is_named(void **state)
{
	static const char *const layers[] = {"", "g", "c", "z", "cz"};
	char inner[8000], forwarded[8100];

	make_inner(TEXT, inner, sizeof(inner));
	(void)snprintf(forwarded, sizeof(forwarded),
	    "Content-Type: message/rfc822\r\n\r\nFrom: x@y.test\r\n%s", inner);
	for (size_t i = 0; i < COUNT(layers); i++) {
		const char *around = layers[i];
#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})
		expect_part(PARTS(TEXT, "*"), around, "part 2", NULL);
		expect_part(PARTS("*", "*"), around, "part 1", NULL);
		/* among its own siblings */
		expect_part(PARTS(TEXT, TEXT, inner), around, "part 2", NULL);
		/* those that lie beside each other come first */
		expect_part(PARTS(inner, TEXT, "*"), around, "part 3", NULL);
		/* broken, and no other is looked for */
		expect_part(PARTS(TEXT, BROKEN, "*"), around, "part 2",
		    "sig.unreadable");
		/* somebody else's letter */
		expect_part(PARTS(TEXT, forwarded), around, "", NULL);
		expect_part(PARTS(forwarded, inner), around, "part 2", NULL);
		expect_part(PARTS(TEXT, TEXT), around, "", NULL);
	}
}

static void
a_part_is_not_looked_for_where_there_is_a_signature(void **state)
{
	static const char *const layers[] = {"s", "gs", "sg", "o"};
	static const char *const parts[] = {TEXT, BROKEN, NULL};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		put_multipart(&letter, parts, layers[i]);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		assert_string_equal(g.facts.sig.part, "");
		assert_int_equal(g.facts.sig.state, SIGNED_VALID);
	}
}

static void
a_signed_part_with_a_wrong_micalg_is_read(void **state)
{
	struct buf part BUF_OWNED = BUF(ROOM), letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	put(&part, TEXT);
	wrap("s", &part);
	replace(&part, "micalg=sha-256", "micalg=sha-384");
	put(&letter, MIXED NEXT);
	assert_done(buf_add(&letter, buf_span(&part), &err), err);
	put(&letter, LAST);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_int_equal(g.facts.sig.state, SIGNED_VALID);
	assert_string_equal(g.facts.sig.part, "part 1");
}

/* --- lists that put themselves into From ---------------------------------------------- */

#define VIA_LIST "From: Alice via Talk <talk@lists.test>\r\n"
#define REPLY_TO "Reply-To: Alice <alice@alpha.test>\r\n"
#define LIST_POST "List-Post: <mailto:Talk@lists.test>\r\n"

/* Of the list and of Carol. */
static void
read_by_friend(struct span letter, struct gathered *ret)
{
	struct strlist known = STRLIST_NONE;
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	const struct reader reader = {
	    .roots = &roots, .known = &known, .now = FIXTURE_NOW};

	assert_ok(strlist_add(&known, span_str("talk@lists.test"), &err));
	assert_ok(strlist_add(&known, span_str("carol@gamma.test"), &err));
	gathered_init(ret);
	assert_done(gather(&source, &reader, ret, &err), err);
	strlist_done(&known);
}

static void
who_knows_a_list_does_not_know_who_writes_there(void **state)
{
	static const struct {
		const char *head;
		enum acquaintance want;
	} cases[] = {
	    {VIA_LIST REPLY_TO LIST_POST, ACQUAINTANCE_UNSAID},
	    {VIA_LIST "Cc: x@y.test, alice@alpha.test\r\n" LIST_POST,
		ACQUAINTANCE_UNSAID},
	    {VIA_LIST REPLY_TO, ACQUAINTANCE_KNOWN},
	    {VIA_LIST LIST_POST, ACQUAINTANCE_KNOWN},
	    {VIA_LIST "Reply-To: x@y.test\r\n" LIST_POST, ACQUAINTANCE_KNOWN},
	    {VIA_LIST REPLY_TO LIST_POST LIST_POST, ACQUAINTANCE_KNOWN},
	    /* the list is another */
	    {"From: carol@gamma.test\r\n" REPLY_TO LIST_POST,
		ACQUAINTANCE_KNOWN},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM),
				  made BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		put(&letter, cases[i].head);
		put(&made, TEXT);
		wrap("s", &made);
		assert_done(buf_add(&letter, buf_span(&made), &err), err);
		read_by_friend(buf_span(&letter), &g);
		assert_int_equal(g.facts.sig.binding, BINDING_OTHER);
		assert_int_equal(g.facts.acquaintance, cases[i].want);
	}
}

/* --- what other programs read otherwise ----------------------------------------------- */

#define TYPE "Content-Type: multipart/mixed; "

static void
mime_that_not_all_understand_is_told(void **state)
{
	static const struct {
		const char *head;
		bool want;
	} cases[] = {
	    {"", false},
	    {TYPE "boundary=X\r\n", false},
	    {TYPE "\r\n boundary=\"X\"\r\n", false},
	    {"Content-Type: text/plain; name=\"a\\\"b\"\r\n", false},
	    {"Content-Type: text/plain; name*=utf-8''a\r\n", false},
	    {"Subject: a\r\n \r\n b\r\n", false},
	    {TYPE "boundary*=us-ascii''X\r\n", true},
	    {TYPE "boundary*0=X\r\n", true},
	    {TYPE "boundary=\"\\X\"\r\n", true},
	    {TYPE "\r\n \r\n boundary=X\r\n", true},
	    {TYPE "boundary=X\r\nContent-Type: text/plain\r\n", true},
	    {"Content-Transfer-Encoding:\r\n\t\r\n 7bit\r\n", true},
	    {"Content-Transfer-Encoding: x-own\r\n", true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		put(&letter, FROM);
		put(&letter, cases[i].head);
		put(&letter, "\r\n--X\r\n\r\nhello\r\n--X--\r\n");
		assert_done(read_bytes(buf_span(&letter), &g), err);
		if (g.facts.ambiguous != cases[i].want)
			fail_msg("%s", cases[i].head);
	}
}

/* --- domains in two forms ------------------------------------------------------------- */

#define A_LABEL "bob@xn--bcher-kva.test"
#define U_LABEL         \
	"bob@b\xc3\xbc" \
	"cher.test"

static void
read_as_bob(const char *to, const char *from, struct gathered *ret)
{
	struct buf letter BUF_OWNED = BUF(ROOM), text BUF_OWNED = BUF(ROOM);
	struct strlist me = STRLIST_NONE;
	const char *payload = NULL;

	assert_done(buf_add_format(&text, &err,
			"From: %s\r\nTo: %s\r\n"
			"Content-Type: text/plain; hp=\"clear\"\r\n\r\nx\r\n",
			from, to),
	    err);
	assert_done(buf_str(&text, &payload, &err), err);
	make_letter("s", payload, &letter);
	struct source_memory memory = {.bytes = buf_span(&letter)};
	const struct source source = source_memory(&memory);
	const struct reader reader = {
	    .roots = &roots, .me = &me, .known = &me, .now = FIXTURE_NOW};
	assert_ok(strlist_add(&me, span_str(A_LABEL), &err));
	gathered_init(ret);
	assert_done(gather(&source, &reader, ret, &err), err);
	strlist_done(&me);
}

static void
a_domain_in_either_form_is_the_readers(void **state)
{
	static const struct {
		const char *to, *from;
		bool not_for_reader;
		enum acquaintance acquaintance;
	} cases[] = {
	    {A_LABEL, ALICE, false, ACQUAINTANCE_FIRST},
	    {U_LABEL, ALICE, false, ACQUAINTANCE_FIRST},
	    {"Bob@XN--bcher-kva.test", ALICE, false, ACQUAINTANCE_FIRST},
	    {"bob@bucher.test", ALICE, true, ACQUAINTANCE_FIRST},
	    {ALICE, U_LABEL, false, ACQUAINTANCE_KNOWN},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct gathered g GATHERED_OWNED;
		read_as_bob(cases[i].to, cases[i].from, &g);
		assert_int_equal(
		    g.facts.not_for_reader, cases[i].not_for_reader);
		assert_int_equal(g.facts.acquaintance, cases[i].acquaintance);
	}
}

#define LIST "talk@lists.test"

/* Anybody can write outside that an address is a list's: of Carol's, and send
 * Bob what Alice wrote to her.  Which lists he reads, the reader says. */
static void
what_was_written_to_a_list_is_for_who_says_to_read_it(void **state)
{
	for (int reads = 0; reads < 2; reads++) {
		struct buf signed_to BUF_OWNED = BUF(ROOM);
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct strlist me STRLIST_OWNED = STRLIST_NONE;
		struct gathered g GATHERED_OWNED;
		make_letter("s",
		    FROM "To: " LIST "\r\nContent-Type: text/plain; "
			 "hp=\"clear\"\r\n\r\nx\r\n",
		    &signed_to);
		put(&letter, "List-Id: <talk.lists.test>\r\n"
			     "List-Post: <mailto:" LIST ">\r\n");
		assert_done(buf_add(&letter, buf_span(&signed_to), &err), err);
		struct source_memory memory = {.bytes = buf_span(&letter)};
		const struct source source = source_memory(&memory);
		const struct reader reader = {
		    .roots = &roots, .me = &me, .now = FIXTURE_NOW};
		assert_ok(strlist_add_str(&me, A_LABEL, &err));
		if (reads)
			assert_ok(strlist_add_str(&me, LIST, &err));
		gathered_init(&g);
		assert_done(gather(&source, &reader, &g, &err), err);
		assert_int_equal(g.facts.sig.state, SIGNED_VALID);
		assert_int_equal(g.facts.not_for_reader, !reads);
	}
}

/* --- a part that is encrypted -------------------------------------------------------- */

#define P7M "Content-Type: application/pkcs7-mime"

static void
a_part_that_is_encrypted_is_told_and_not_opened(void **state)
{
	static const struct {
		const char *part;
		bool want;
	} cases[] = {
	    {TEXT, false},
	    {P7M "; smime-type=enveloped-data\r\n\r\nMAAA\r\n", true},
	    {P7M "; smime-type=authEnveloped-data\r\n\r\nMAAA\r\n", true},
	    {P7M "\r\n\r\nMAAA\r\n", true},
	    {P7M "; smime-type=Signed-Data\r\n\r\nMAAA\r\n", false},
	    {P7M "; smime-type=certs-only\r\n\r\nMAAA\r\n", false},
	    {"Content-Type: multipart/encrypted; boundary=E\r\n\r\n--E--\r\n",
		true},
	    /* somebody else's letter */
	    {"Content-Type: message/rfc822\r\n\r\n" P7M "\r\n\r\nMAAA\r\n",
		false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const parts[] = {TEXT, cases[i].part, NULL};
		for (int sealed = 0; sealed < 2; sealed++) {
			struct buf letter BUF_OWNED = BUF(ROOM);
			struct gathered g GATHERED_OWNED;
			put_multipart(&letter, parts, sealed ? "g" : "");
			assert_done(read_bytes(buf_span(&letter), &g), err);
			assert_int_equal(
			    g.facts.encrypted.part_inside, cases[i].want);
			assert_int_equal(g.opened, sealed);
		}
	}
}

/* --- line ends ----------------------------------------------------------------------- */

static void
lose_cr(struct buf *letter)
{
	size_t len = 0;

	for (size_t i = 0; i < letter->len; i++)
		if (letter->data[i] != '\r')
			letter->data[len++] = letter->data[i];
	buf_cut(letter, len);
}

static void
a_file_that_lost_every_cr_is_read_as_it_was(void **state)
{
	static const char *const layers[] = {"s", "o", "gs", "ss"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM),
				  out BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		make_letter(layers[i], TEXT, &letter);
		lose_cr(&letter);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		assert_int_equal(g.facts.sig.state, SIGNED_VALID);
		assert_done(show_bytes(&g, buf_span(&letter), &out), err);
		assert_true(span_find(buf_span(&out), span_str("\r\n")) > 0);
	}
}

static void
a_part_that_lost_every_cr_is_read_as_it_was(void **state)
{
	static const char *const parts[] = {TEXT, "*", NULL};
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	put_multipart(&letter, parts, "");
	lose_cr(&letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_int_equal(g.facts.sig.state, SIGNED_VALID);
	assert_string_equal(g.facts.sig.part, "part 2");
	assert_true(entity_is(g.outer, "multipart", "mixed"));
}

static void
a_changed_text_is_not_read_otherwise(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("s", TEXT, &letter);
	replace(&letter, "canary", "Canary");
	lose_cr(&letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_string_equal(g.facts.sig.reason, "sig.digest-mismatch");
}

/* --- which header -------------------------------------------------------------------- */

static void
read_protected(const char *payload, const char *layers, struct gathered *ret)
{
	struct buf letter BUF_OWNED = BUF(ROOM);

	make_letter(layers, payload, &letter);
	assert_done(read_bytes(buf_span(&letter), ret), err);
}

static void
the_protected_from_counts(void **state)
{
	struct gathered g GATHERED_OWNED;

	read_protected("From: carol@gamma.test\r\nSubject: real\r\n"
		       "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nx\r\n",
	    "gs", &g);
	assert_string_equal(g.facts.from, "carol@gamma.test");
	assert_string_equal(g.facts.outer_from, ALICE);
	assert_true(g.facts.from_mismatch);
	assert_int_equal(g.facts.headers.subject, PROTECT_SIGNED_AND_ENCRYPTED);
}

static void
a_wrapped_message_has_a_header_of_its_own(void **state)
{
	struct gathered g GATHERED_OWNED;

	read_protected("Content-Type: message/rfc822\r\n\r\n" FROM
		       "Subject: real\r\n\r\nx\r\n",
	    "gs", &g);
	assert_non_null(g.payload->child);
	assert_false(g.facts.from_unclear);
	assert_int_equal(g.facts.headers.subject, PROTECT_SIGNED_AND_ENCRYPTED);
}

/* Other readers pass over the line that is no field. */
static void
a_header_that_is_cut_short_names_nobody_for_sure(void **state)
{
	struct gathered g GATHERED_OWNED;

	read_protected("From: alice@alpha.test\r\n"
		       "Content-Type: text/plain; hp=\"cipher\"\r\n"
		       "no field\r\nFrom: carol@gamma.test\r\n\r\nx\r\n",
	    "gs", &g);
	assert_true(g.facts.from_unclear);
}

/* As long as headers may be, and the message's own behind it. */
static void
long_headers_are_read_whole(void **state)
{
	struct buf payload BUF_OWNED = BUF(ROOM);
	const char *text = NULL;
	struct gathered g GATHERED_OWNED;

	for (int part = 0; part < 2; part++) {
		if (part == 1)
			put(&payload,
			    "Content-Type: message/rfc822\r\n\r\n" FROM);
		for (int i = 0; i < 250; i++)
			assert_done(buf_add_format(&payload, &err,
					"X-Long: %0950d\r\n", i),
			    err);
	}
	put(&payload, "Subject: real\r\n\r\nx\r\n");
	assert_done(buf_str(&payload, &text, &err), err);
	read_protected(text, "gs", &g);
	assert_int_equal(g.facts.headers.subject, PROTECT_SIGNED_AND_ENCRYPTED);
	assert_int_equal(g.payload->child->body.len, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_signature_that_cannot_be_read_is_none),
	    cmocka_unit_test(a_signature_of_nobody_is_none),
	    cmocka_unit_test(certificates_alone_are_no_signature),
	    cmocka_unit_test(
		a_changed_text_has_a_signer_and_no_valid_signature),
	    cmocka_unit_test(a_wrong_micalg_does_no_harm),
	    cmocka_unit_test(of_several_signers_the_one_in_from_counts),
	    cmocka_unit_test(the_innermost_signature_counts),
	    cmocka_unit_test(a_part_that_is_signed_is_named),
	    cmocka_unit_test(
		a_part_is_not_looked_for_where_there_is_a_signature),
	    cmocka_unit_test(a_signed_part_with_a_wrong_micalg_is_read),
	    cmocka_unit_test(who_knows_a_list_does_not_know_who_writes_there),
	    cmocka_unit_test(mime_that_not_all_understand_is_told),
	    cmocka_unit_test(a_domain_in_either_form_is_the_readers),
	    cmocka_unit_test(
		what_was_written_to_a_list_is_for_who_says_to_read_it),
	    cmocka_unit_test(a_part_that_is_encrypted_is_told_and_not_opened),
	    cmocka_unit_test(a_file_that_lost_every_cr_is_read_as_it_was),
	    cmocka_unit_test(a_part_that_lost_every_cr_is_read_as_it_was),
	    cmocka_unit_test(a_changed_text_is_not_read_otherwise),
	    cmocka_unit_test(the_protected_from_counts),
	    cmocka_unit_test(a_wrapped_message_has_a_header_of_its_own),
	    cmocka_unit_test(a_header_that_is_cut_short_names_nobody_for_sure),
	    cmocka_unit_test(long_headers_are_read_whole),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
