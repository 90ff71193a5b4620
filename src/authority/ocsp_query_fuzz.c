/* Whatever is asked: no byte beyond the question is read, and all that is
 * found lies in it. */
#include <stdlib.h>

#include "authority/ocsp_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must_lie_in(struct span part, struct span all)
{
	if (part.len > 0 &&
	    (part.data < all.data || part.data + part.len > all.data + all.len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span bytes = span_of(data, len);
	struct ocsp_query query;

	if (ocsp_query_parse(bytes, &query, NULL) != RC_OK)
		return 0;
	if (query.len == 0 || query.len > OCSP_QUERY_CERTS_MAX)
		abort();
	must_lie_in(query.nonce, bytes);
	for (size_t i = 0; i < query.len; i++) {
		must_lie_in(query.cert[i].id, bytes);
		must_lie_in(query.cert[i].name_hash, bytes);
		must_lie_in(query.cert[i].key_hash, bytes);
		must_lie_in(query.cert[i].serial, bytes);
	}
	return 0;
}
