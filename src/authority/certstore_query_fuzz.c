/* Whatever is asked, it names one attribute and a value that lies in the
 * question, or it is refused with a reason. */
#include "authority/certstore_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct certstore_query query CERTSTORE_QUERY_OWNED = CERTSTORE_QUERY;
	struct err err = ERR_NONE;

	enum rc rc = certstore_query_parse(span_of(data, len), &query, &err);
	if (rc != RC_OK && err.text[0] == '\0')
		bug("certstore: refused without a reason");
	if (rc == RC_OK && query.text.len == 0)
		bug("certstore: an empty value was taken");
	if (query.text.len > len + 1 || (rc == RC_OK && len < 5))
		bug("certstore: more was read than there is");
	return 0;
}
