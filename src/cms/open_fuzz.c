/* A letter that was changed opens to the same text or not at all, unless it
 * says that nobody vouches for it; and a call that fails gives nothing out. */
#include "cms/testkit_priv.h"

#include "cms/openkit_priv.h"

#define TEXT "The canary sings at noon."
#define ATTRIBUTES                                                 \
	"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03\x31" \
	"\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct person root, alice, rsa;

static void
make_people(void)
{
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
}

/* In front of a letter: in pieces of how many bytes, less one, it comes. */
static void
write_seed(const char *folder, int number, const struct made *made)
{
	char path[512];
	struct buf letter BUF_OWNED = BUF_SMALL;

	MADE_ADD(&letter, "\xff\xff");
	made_letter(made, &letter);
	snprintf(path, sizeof(path), "%s/letter-%d", folder, number);
	FILE *file = fopen(path, "wb");
	if (file == NULL ||
	    fwrite(letter.data, 1, letter.len, file) != letter.len)
		abort();
	fclose(file);
}

/* The keys are new in each run, so that what an earlier one found does not
 * open any more. */
static void
write_seeds(const char *folder)
{
	const int nids[] = {NID_aes_128_gcm, NID_aes_192_gcm,
	    NID_chacha20_poly1305, NID_aes_256_cbc};

	for (int i = 0; i < 16; i++) {
		struct buf recipient BUF_OWNED = BUF_SMALL;
		struct made made = {.nid = nids[i % 4],
		    .text = span_str(TEXT),
		    .piece = (unsigned)i / 8 * 9};
		made_for(i / 4 % 2 ? &alice : &rsa, made.nid, &recipient);
		made.recipients = buf_span(&recipient);
		if (made.nid == NID_aes_192_gcm)
			made.attributes =
			    span_of(ATTRIBUTES, sizeof(ATTRIBUTES) - 1);
		write_seed(folder, i, &made);
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	make_people();
	if (folder != NULL)
		write_seeds(folder);
	return 0;
}

static enum rc
push(struct open *open, struct span der, size_t step, struct buf *plain)
{
	enum rc rc = RC_OK;

	for (; der.len > 0; der = span_after(der, step)) {
		size_t before = plain->len;
		enum rc was = rc;
		rc = open_push(open, span_first(der, step), plain, NULL);
		if (rc != RC_OK && plain->len != before)
			abort();
		if (was != RC_OK && rc != was)
			abort();
	}
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct open *open OWNED(open_free) = NULL;
	struct buf plain BUF_OWNED = BUF_SECRET((size_t)1 << 20);
	struct open_result result = {0};

	if (len < 2)
		return 0;
	if (open_new(&open, NULL) != RC_OK ||
	    open_add(open, alice.cert, &alice.key, NULL) != RC_OK ||
	    open_add(open, rsa.cert, &rsa.key, NULL) != RC_OK)
		abort();
	size_t step = 1 + (size_t)(data[0] << 8 | data[1]);
	enum rc pushed = push(open, span_of(data + 2, len - 2), step, &plain);
	size_t before = plain.len;
	enum rc rc = open_finish(open, &plain, &result, NULL);
	if (rc != RC_OK && plain.len != before)
		abort();
	if (pushed != RC_OK && rc != pushed)
		abort();
	if (rc == RC_OK && result.authenticated &&
	    !span_is(buf_span(&plain), span_str(TEXT)))
		abort();
	return 0;
}
