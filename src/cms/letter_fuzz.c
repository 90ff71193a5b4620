/* A letter of any bytes, and one with any bytes inside: however it is cut, it
 * is the same letter, and nothing is released but what was authenticated.
 *
 * The first byte of the input says what is put around the rest, and into which
 * pieces it is cut. */
#include "cms/testkit_priv.h"

#include "cms/letterkit_priv.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SEED_WHOLE 0
#define AROUND 4 /* the input's first byte: so many ways */

static void
must(bool good, const char *what)
{
	if (!good)
		bug(what);
}

static void
write_seed(const char *folder, const char *layers)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	char path[300];

	assert_ok(buf_add_byte(&letter, SEED_WHOLE, &kit_err));
	make_letter(layers, PART, &letter);
	snprintf(path, sizeof(path), "%s/seed-%s", folder, layers);
	FILE *file = fopen(path, "wb");
	must(file != NULL, "letter: no room for seeds");
	(void)fwrite(letter.data, 1, letter.len, file);
	(void)fclose(file);
}

/* The keys are new each time, and so are the seeds. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = {"s", "o", "g", "c", "z", "gs", "cs",
	    "go", "sgs", "zs", "gzs", "ss"};
	const char *folder = getenv("FUZZ_SEEDS");

	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	for (size_t i = 0; folder && i < sizeof(seeds) / sizeof(*seeds); i++)
		write_seed(folder, seeds[i]);
	return 0;
}

static void
check_one(const struct seen *seen)
{
	const struct letter_result *result = &seen->result;

	if (seen->rc != RC_OK)
		return;
	must(
	    result->layers <= LETTER_LAYERS_MAX + 1, "letter: too many layers");
	must(!(result->closed && result->authenticated), "letter: closed");
	if (!result->authenticated)
		must(seen->released == RC_UNFIT && seen->out.len == 0,
		    "letter: released what nobody vouched for");
	else
		must(seen->released == RC_OK, "letter: not released");
	/* nobody here can sign anything else */
	if (result->signed_whole && result->authenticated)
		must(span_is(buf_span(&seen->out), span_str(PART)),
		    "letter: a signature over something else");
}

static void
check_same(const struct seen *a, const struct seen *b)
{
	must(a->rc == b->rc, "letter: two splits, two answers");
	if (a->rc != RC_OK)
		return;
	must(a->result.layers == b->result.layers &&
		 a->result.closed == b->result.closed &&
		 a->result.authenticated == b->result.authenticated &&
		 a->result.signed_whole == b->result.signed_whole,
	    "letter: two splits, two results");
	for (size_t i = 0; i < a->result.layers; i++)
		must(a->result.layer[i].kind == b->result.layer[i].kind &&
			 a->result.layer[i].rc == b->result.layer[i].rc,
		    "letter: two splits, two layers");
	must(span_is(buf_span(&a->out), buf_span(&b->out)),
	    "letter: two splits, two texts");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const around[AROUND] = {"", "g", "z", "c"};
	static const size_t sizes[] = {2, 7, 64, 1000};
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct seen whole SEEN_OWNED = {0}, cut SEEN_OWNED = {0};
	struct seen shown SEEN_OWNED = {0};

	if (len == 0)
		return 0;
	unsigned way = data[0];
	assert_ok(buf_add(&letter, span_of(data + 1, len - 1), &kit_err));
	wrap(around[way % AROUND], &letter);
	size_t size = sizes[way / AROUND % (sizeof(sizes) / sizeof(*sizes))];
	read_letter(&alice, buf_span(&letter), ALL, &whole);
	check_one(&whole);
	read_letter(&alice, buf_span(&letter), size, &cut);
	check_same(&whole, &cut);
	read_unverified(&alice, buf_span(&letter), size, &shown);
	if (shown.rc == RC_OK)
		must(!shown.result.signed_whole || whole.result.signed_whole,
		    "letter: one pass believes what two do not");
	return 0;
}
