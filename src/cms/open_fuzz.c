/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of cms, pki, mime, codec and base without their tests,
 * -lcmocka -lcrypto: what was not sealed for us by seal never opens as
 * authenticated, and a call that fails gives nothing out. */
#include "cms/testkit_priv.h"

#include "cms/open.h"

OWNER(struct open, open_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct person root, alice, rsa;

static void
make_people(void)
{
	if (root.pkey != NULL)
		return;
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct open *open OWNED(open_free) = NULL;
	struct buf plain BUF_OWNED = BUF_SECRET((size_t)1 << 20);
	struct open_result result = {0};

	make_people();
	if (len < 2 || open_new(&open, NULL) != RC_OK ||
	    open_add(open, alice.cert, &alice.key, NULL) != RC_OK ||
	    open_add(open, rsa.cert, &rsa.key, NULL) != RC_OK)
		return 0;
	/* the first two bytes say how the rest is cut into pieces */
	size_t step = 1 + (size_t)(data[0] << 8 | data[1]);
	struct span rest = span_of(data + 2, len - 2);
	enum rc rc = RC_OK;
	for (; rest.len > 0; rest = span_after(rest, step)) {
		size_t before = plain.len;
		rc = open_push(open, span_first(rest, step), &plain, NULL);
		if (rc != RC_OK && plain.len != before)
			abort();
	}
	size_t before = plain.len;
	rc = open_finish(open, &plain, &result, NULL);
	if (rc != RC_OK && plain.len != before)
		abort();
	if (rc == RC_OK && result.authenticated)
		abort();
	return 0;
}
