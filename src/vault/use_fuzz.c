/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of vault, os, pki, codec and base without their tests,
 * -lcrypto: no bytes are signed by two kinds of call. */
#include "base/own.h"
#include "vault/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct key *key;

static void
make_key(void)
{
	static struct vault *vault;

	if (vault_new(&vault, NULL) != RC_OK ||
	    vault_make(vault, KEY_BOTH, &key, NULL) != RC_OK)
		bug("no key");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf out BUF_OWNED = BUF_SECRET(4096);
	struct span in = span_of(data, len);
	int signed_by = 0;

	if (key == NULL)
		make_key();
	signed_by += key->ops->sign_attributes(key, in, &out, NULL) == RC_OK;
	signed_by += key->ops->sign_tls(key, in, &out, NULL) == RC_OK;
	signed_by += key->ops->sign_request(key, in, &out, NULL) == RC_OK;
	if (signed_by > 1)
		bug("signed by two kinds of call");
	if (signed_by == 0 && out.len > 0)
		bug("a signature and a refusal");
	(void)(key->ops->agree(key, in, &out, NULL) == RC_OK);
	return 0;
}
