/* Whatever is sent, it is one question whose parts lie in it, or it is refused
 * with a reason; its filter can be walked through, and matches or does not. */
#include "authority/ldap_query.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_inside(struct span all, struct span part)
{
	if (part.len > 0 &&
	    (part.data < all.data || part.data + part.len > all.data + all.len))
		abort();
}

static void
check_search(struct span all, const struct ldap_search *search)
{
	static const struct span address[] = {{(const uint8_t *)"a@b.c", 5}};
	const struct ldap_entry entry = {.attribute = {{.name = "mail",
					     .oid = "0.9.2342",
					     .value = address,
					     .len = 1}},
	    .len = 1};
	struct ldap_mails mails = {.len = 0};
	struct span rest = search->attributes, one;

	check_inside(all, search->base);
	check_inside(all, search->filter);
	while (ldap_query_next(&rest, &one))
		check_inside(all, one);
	if (rest.len > 0)
		abort();
	enum rc rc = ldap_filter_mails(search->filter, &mails, NULL);
	if ((rc != RC_OK && rc != RC_LIMIT) || mails.len > LDAP_MAILS_MAX)
		abort();
	for (size_t i = 0; i < mails.len; i++)
		check_inside(all, mails.item[i]);
	(void)ldap_filter_match(search->filter, &entry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span in = span_of(data, len);
	struct ldap_query query;
	struct err err = ERR_NONE;
	size_t size = 0;

	enum rc framed = ldap_query_size(in, &size, NULL);
	enum rc rc = ldap_query_parse(in, &query, &err);
	if (rc != RC_OK && err.text[0] == '\0')
		abort();
	/* who takes messages off a stream finds the same ones */
	if (rc == RC_OK && (framed != RC_OK || size != len))
		abort();
	if (rc == RC_OK && query.op == LDAP_SEARCH)
		check_search(in, &query.search);
	return 0;
}
