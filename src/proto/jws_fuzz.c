/* libFuzzer: whatever is posted, the JWS reader stays in its bounds, and what
 * it accepts has what RFC 8555 section 6.2 wants.
 *
 * The first byte says what the rest is read as. */
#include "proto/jws.h"

#include <stdlib.h>

#define MAC_KEY "0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

/* A key that may be wrong in any way: it is refused or it verifies nothing
 * that its owner did not sign, and it never has two thumbprints. */
static void
try_key(const struct jws *jws)
{
	struct buf first BUF_OWNED = BUF_SMALL;
	struct buf second BUF_OWNED = BUF_SMALL;

	if (jws_thumbprint(jws->jwk, &first, NULL) == RC_OK) {
		demand(jws_thumbprint(jws->jwk, &second, NULL) == RC_OK);
		demand(span_is(buf_span(&first), buf_span(&second)));
		demand(first.len == 43);
	}
	if (jws_verify(jws, jws->jwk, NULL) == RC_OK)
		demand(first.len > 0);
}

static enum rc
parse(size_t form, struct span text, struct jws *ret)
{
	switch (form) {
	case 0:
		return jws_parse(text, ret, NULL);
	case 1:
		return jws_parse_inner(text, ret, NULL);
	default:
		return jws_parse_binding(text, ret, NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jws jws JWS_OWNED = {0};

	if (size == 0)
		return 0;
	size_t form = data[0] % 3;
	if (parse(form, span_of(data + 1, size - 1), &jws) != RC_OK)
		return 0;
	demand(jws.url[0] != '\0' && (jws.nonce != NULL) == (form == 0));
	demand((jws.kid != NULL) != (jws.jwk != NULL));
	demand(form != 1 || jws.jwk != NULL);
	demand(form != 2 || jws.kid != NULL);
	if (jws.jwk != NULL)
		try_key(&jws);
	/* nobody makes a MAC by chance, and nothing else is one */
	demand(jws_verify_mac(&jws, span_str(MAC_KEY), NULL) != RC_OK);
	return 0;
}
