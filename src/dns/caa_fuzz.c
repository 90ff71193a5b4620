/* libFuzzer: whatever records a domain has, they let us issue only if one of
 * them names us, or none of them is about mailboxes. */
#include "dns/caa_priv.h"

#include <stdlib.h>

#define ISSUER "ca.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

/* Without regard to case, and one octet at a time: unlike what is tested. */
static bool
mentions(struct span all, const char *text)
{
	for (size_t i = 0; i < all.len; i++)
		if (span_starts_nocase(span_after(all, i), text))
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct caa_question question = {.issuer = ISSUER,
	    .account = "https://ca.example/acme/account/a",
	    .method = "email-reply-00"};
	bool about_mail = false, named = false;

	enum rc rc =
	    caa_judge(&question, "beta.test", span_of(data, size), NULL);
	demand(rc == RC_OK || rc == RC_REFUSED);
	/* those that were taken are well formed: two octets of length, flags,
	 * length of the tag, tag, value */
	for (size_t at = 0; rc == RC_OK && at < size;) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];
		demand(len >= 2 && at + 2 + len <= size);
		struct span record = span_of(data + at + 2, len);
		if (span_starts_nocase(span_after(record, 1), "\tissuemail")) {
			about_mail = true;
			named = named || mentions(record, ISSUER);
		}
		at += 2 + len;
	}
	demand(!about_mail || named);
	return 0;
}
