/* A letter of any bytes, and one with any bytes inside: there are facts, the
 * same ones however it comes in pieces, and what is verified is what Alice has
 * signed and shows nothing else.
 *
 * The first byte of the input says what is put around the rest, and into which
 * pieces it is cut. */
#include <stdio.h>
#include <stdlib.h>

#include "flow/gatherkit_priv.h"
#include "flow/verdict.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define CANARY "The canary sings at noon."
#define PROTECTED                                                      \
	FROM "Subject: real\r\nContent-Type: text/plain; hp=\"clear\"" \
	     "\r\n\r\n" CANARY "\r\n"
#define WRAPPED                                                         \
	"Content-Type: message/rfc822\r\n\r\n" FROM "Subject: real\r\n" \
	"\r\n" CANARY "\r\n"

/* Alice is the reader as well. */
#define AT_REST \
	"Content-Type: message/rfc822; letterlock=at-rest\r\n\r\n" FROM TEXT

static struct strlist me, known;

static void
must(bool good, const char *what)
{
	if (!good)
		bug(what);
}

/* --- seeds --- */

static void
write_seed(
    const char *folder, size_t number, const char *layers, const char *text)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	char path[300];

	must(buf_add_byte(&letter, 0, &err) == RC_OK, "gather: no seed");
	make_letter(layers, text, &letter);
	(void)snprintf(
	    path, sizeof(path), "%s/seed-%zu-%s", folder, number, layers);
	FILE *file = fopen(path, "wb");
	must(file != NULL, "gather: no room for seeds");
	(void)fwrite(letter.data, 1, letter.len, file);
	(void)fclose(file);
}

/* The keys are new each time, and so are the seeds. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const layers[] = {
	    "s", "o", "g", "c", "gs", "cs", "sg", "sgs", "zs", "ss"};
	static const char *const texts[] = {TEXT, PROTECTED, WRAPPED, AT_REST,
	    MIXED NEXT TEXT NEXT BROKEN LAST};
	const char *folder = getenv("FUZZ_SEEDS");

	(void)kit_setup(NULL);
	must(
	    strlist_add(&me, span_str("bob@beta.test"), &err) == RC_OK &&
		strlist_add(&known, span_str("mallory@mu.test"), &err) == RC_OK,
	    "gather: no reader");
	for (size_t i = 0; folder && i < COUNT_OF(layers); i++)
		for (size_t k = 0; k < COUNT_OF(texts); k++)
			write_seed(folder, k, layers[i], texts[k]);
	return 0;
}

/* --- readings --- */

static enum rc
read_so(struct pieces *pieces, struct gathered *ret)
{
	const struct reader_key key = {alice.fixture.cert, &alice.key};
	const struct reader reader = {.keys = &key,
	    .keys_len = 1,
	    .roots = &roots,
	    .me = &me,
	    .known = &known,
	    .now = FIXTURE_NOW};
	const struct source source = pieces_source(pieces);

	gathered_init(ret);
	return gather(&source, &reader, ret, &err);
}

static void
check_verified(struct gathered *g, struct span letter)
{
	const struct facts *f = &g->facts;
	struct buf out BUF_OWNED = BUF(ROOM);

	must(f->sig.state == SIGNED_VALID && f->sig.part[0] == '\0' &&
		 f->sig.chain == CHAIN_VALID && !f->from_unclear,
	    "gather: verified without proof");
	must(span_is_nocase(span_str(f->from), ALICE) &&
		 span_is_nocase(span_str(f->sig.by), ALICE),
	    "gather: verified as somebody else");
	must(show_bytes(g, letter, &out) == RC_OK, "gather: not shown");
	must(span_find(buf_span(&out), span_str(CANARY)) >= 0,
	    "gather: verified, and another text");
}

static void
check_one(enum rc rc, struct gathered *g, struct span letter)
{
	struct verdict verdict;

	must(rc == RC_OK || rc == RC_SYNTAX || rc == RC_LIMIT,
	    "gather: no answer");
	must((rc != RC_OK) == g->facts.unreadable,
	    "gather: what cannot be read, and facts");
	verdict_decide(&g->facts, &verdict);
	must(verdict.sentence[0] != '\0', "gather: a verdict without words");
	if (verdict.level == VERDICT_VERIFIED)
		check_verified(g, letter);
}

/* Text is compared: what lies behind the ends of strings is nobody's. */
static void
check_same(const struct facts *a, const struct facts *b)
{
	struct verdict one, two;

	verdict_decide(a, &one);
	verdict_decide(b, &two);
	must(one.level == two.level && one.reasons == two.reasons &&
		 strcmp(one.sentence, two.sentence) == 0,
	    "gather: two splits, two verdicts");
	must(strcmp(a->from, b->from) == 0 &&
		 strcmp(a->outer_from, b->outer_from) == 0 &&
		 strcmp(a->sig.by, b->sig.by) == 0 &&
		 strcmp(a->sig.part, b->sig.part) == 0 &&
		 a->encrypted.state == b->encrypted.state &&
		 a->encrypted.part_inside == b->encrypted.part_inside &&
		 a->ambiguous == b->ambiguous,
	    "gather: two splits, two facts");
}

static void
try_letter(size_t way, struct span bytes)
{
	static const char *const around[] = {"", "g", "z", "c"};
	static const size_t sizes[] = {2, 7, 64, 1000};
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered whole GATHERED_OWNED, cut GATHERED_OWNED;

	must(buf_add(&letter, bytes, &err) == RC_OK, "gather: no letter");
	wrap(around[way % COUNT_OF(around)], &letter);
	size_t size = sizes[way / COUNT_OF(around) % COUNT_OF(sizes)];
	struct pieces all = {.bytes = buf_span(&letter), .size = ROOM};
	struct pieces some = {.bytes = buf_span(&letter), .size = size};
	enum rc rc = read_so(&all, &whole);
	check_one(rc, &whole, buf_span(&letter));
	must(read_so(&some, &cut) == rc, "gather: two splits, two answers");
	check_same(&whole.facts, &cut.facts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 0)
		try_letter(data[0], span_of(data + 1, len - 1));
	return 0;
}
