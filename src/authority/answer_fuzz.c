/* libFuzzer: whatever letter comes to a challenge address, it decides nothing
 * unless its signature was asked about, and only the digest proves. */
#include "authority/answer.h"

#include <stdlib.h>

#define FROM "alice@alpha.test"
#define TO "acme-challenge+00ff@authority.test"
#define TOKEN1 "AAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define TOKEN2 "BBBBBBBBBBBBBBBBBBBBBBBBBBB"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool asked;

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

static enum rc
say_yes(const void *context, struct span letter, struct err *err)
{
	asked = true;
	return RC_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char address[] = FROM, token1[] = TOKEN1, token2[] = TOKEN2;
	char before[] = "before";
	struct authorization a = {.address = address,
	    .token1 = token1,
	    .token2 = token2,
	    .thumbprint = before};
	const struct answer_check check = {.authorization = &a,
	    .recipient = TO,
	    .thumbprint = "now",
	    .check_dkim = say_yes};
	struct span letter = span_of(data, size);

	asked = false;
	enum rc rc = answer_check(&check, letter, NULL);
	if (rc != RC_OK && rc != RC_CRYPTO)
		return 0;
	demand(asked);
	/* the fuzzer does not know the digest of either key */
	demand(rc == RC_CRYPTO);
	demand(span_find(letter, span_str("@")) >= 0);
	return 0;
}
