/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of cms, pki, mime, codec and base without their tests,
 * -lcmocka -lcrypto: every request gets an answer, and nobody's token is taken for ours. */
#include "cms/testkit_priv.h"

#include "cms/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct person root, tsa;

static enum rc
sign(void *context, struct span bytes, struct buf *signature, struct err *err)
{
	return buf_add_str(signature, "no signature is looked at here", err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct stamp_nonce nonce = {{1, 2, 3}};
	static const uint8_t serial[16] = {1}, imprint[32] = {4};
	struct span bytes = span_of(data, len);
	struct buf out BUF_OWNED = BUF_SMALL;
	struct stamp_result result = {.chain = CHAIN_RESULT};
	struct certs none = CERTS_NONE;

	if (root.pkey == NULL) {
		person_init(&root, kit_ec("P-256"), "Root", KIT_CA, NULL);
		person_init(&tsa, kit_ec("P-256"), "Clock", KIT_TSA, &root);
	}
	if (stamp_response(bytes, imprint, &nonce, 0, &out, NULL) == RC_OK)
		abort();
	if (stamp_verify(bytes, span_str("x"), &none, &result, NULL) == RC_OK)
		stamp_result_done(&result);
	struct stamp_authority authority = {tsa.cert, NULL, sign, tsa.pkey};
	if (stamp_answer(&authority, bytes, 1795292280, serial, &out, NULL) !=
		RC_OK ||
	    out.len == 0)
		abort();
	return 0;
}
