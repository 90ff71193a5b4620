/* A RecipientInfo that was changed yields the key that was in it or none, but
 * with RSA v1.5, whose failures nobody may see; and what fails gives nothing
 * out. */
#include "cms/recipientkit_priv.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first byte says as whom it is read. */
static void
write_seed(const char *folder, size_t form)
{
	char path[512];
	struct buf seed BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_byte(&seed, (uint8_t)form, &kit_err));
	print_form(&forms[form], 32, &seed);
	snprintf(path, sizeof(path), "%s/form-%zu", folder, form);
	FILE *file = fopen(path, "wb");
	if (file == NULL || fwrite(seed.data, 1, seed.len, file) != seed.len)
		abort();
	fclose(file);
}

/* The keys are new in each run. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	(void)setup(NULL);
	kit_leave();
	for (size_t i = 0; folder != NULL && i < FORMS; i++)
		write_seed(folder, i);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf cek BUF_OWNED = BUF_SECRET(64);

	if (len < 1)
		return 0;
	size_t form = data[0] % FORMS;
	enum rc rc =
	    unwrap(span_of(data + 1, len - 1), forms[form].own, 32, &cek);
	if (rc != RC_OK && cek.len > 0)
		abort();
	/* its second form is read with the same key */
	if (rc == RC_OK && forms[form].own != &own_rsa &&
	    !span_is(buf_span(&cek), span_of(content_key, 32)))
		abort();
	return 0;
}
