/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of cms, pki, mime, codec and base without their tests,
 * -lcmocka -lcrypto: nothing crashes, and what fails gives no content out. */
#include <stdlib.h>

#include "base/own.h"
#include "cms/verify.h"

OWNER(struct verify, verify_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct verify *verify OWNED(verify_free) = NULL;
	struct buf content BUF_OWNED = BUF((size_t)1 << 20);
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};

	if (verify_new(&verify, NULL) != RC_OK ||
	    verify_push_cms(verify, span_of(data, len), NULL) != RC_OK)
		abort();
	if (verify_finish(verify, &content, &result, NULL) != RC_OK &&
	    (content.len != 0 || result.signers != 0))
		abort();
	for (size_t i = 0; i < result.signers; i++)
		if (result.signer[i].valid != (result.signer[i].reason == NULL))
			abort();
	return 0;
}
