#include "cms/print_set_priv.h"

#include "cms/print_priv.h"

/* By insertion: there are a few, and they are nearly in order. */
static void
sort(struct span *item, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		struct span moving = item[i];
		size_t at = i;
		for (; at > 0 && span_order(item[at - 1], moving) > 0; at--)
			item[at] = item[at - 1];
		item[at] = moving;
	}
}

enum rc
print_set(struct buf *der, uint8_t tag, struct span *item, size_t len,
    struct err *err)
{
	size_t all = 0, before = der->len;

	for (size_t i = 0; i < len; i++)
		if (!add_ok(all, item[i].len, &all))
			return err_set(err, RC_LIMIT, "DER: too long");
	sort(item, len);
	enum rc rc = print_header(der, tag, all, err);
	for (size_t i = 0; rc == RC_OK && i < len; i++)
		rc = buf_add(der, item[i], err);
	if (rc != RC_OK)
		buf_cut(der, before);
	return rc;
}
