/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of cms, pki, mime, codec and base without their tests,
 * -lcmocka -lcrypto: nothing crashes, and what fails gives no content out. */
#include <stdlib.h>

#include "base/own.h"
#include "cms/verify.h"

OWNER(struct verify, verify_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first byte says in what pieces it comes, and whether a content came
 * before it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct verify *verify OWNED(verify_free) = NULL;
	struct buf content BUF_OWNED = BUF((size_t)1 << 20);
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	uint8_t way = len > 0 ? data[0] : 0;
	struct span rest = span_after(span_of(data, len), 1);
	size_t step = (way & 0x7f) + 1U;
	enum rc rc;

	if (verify_new(&verify, NULL) != RC_OK)
		abort();
	rc = way & 0x80 ? verify_push_content(verify, span_str("x"), NULL)
			: RC_OK;
	for (; rc == RC_OK && rest.len > 0; rest = span_after(rest, step))
		rc = verify_push_cms(
		    verify, span_first(rest, step), &content, NULL);
	if (rc == RC_OK)
		rc = verify_finish(verify, &result, NULL);
	if (rc != RC_OK && result.signers != 0)
		abort();
	for (size_t i = 0; i < result.signers; i++)
		if (result.signer[i].valid != (result.signer[i].reason == NULL))
			abort();
	return 0;
}
