#include "mime/edit_priv.h"

#include <stdlib.h>

#include "mime/lines_priv.h"

void
edits_done(struct edits *edits)
{
	for (size_t i = 0; i < edits->len; i++)
		buf_done(&edits->item[i].text);
	free(edits->item);
	*edits = EDITS_NONE;
}

enum rc
edits_add(
    struct edits *edits, struct span old, struct buf **ret, struct err *err)
{
	if (edits->len == edits->cap) {
		size_t cap = edits->cap * 2 + 4;
		struct edit *item =
		    reallocarray(edits->item, cap, sizeof(*item));
		if (item == NULL)
			return err_nomem(err, "letter");
		edits->item = item;
		edits->cap = cap;
	}
	/* Bounded by what it is made of, and by the buf it is printed to. */
	edits->item[edits->len] = (struct edit){old, BUF_SECRET(SIZE_MAX / 2)};
	*ret = &edits->item[edits->len++].text;
	return RC_OK;
}

static enum rc
add_plain(struct span text, bool crlf, struct buf *out, struct err *err)
{
	return crlf ? lines_add(text, out, err) : buf_add(out, text, err);
}

static enum rc
print_all(const struct edits *edits, struct span whole, bool crlf,
    struct buf *out, struct err *err)
{
	size_t at = 0;

	for (size_t i = 0; i < edits->len; i++) {
		const struct edit *edit = &edits->item[i];
		size_t from = (size_t)(edit->old.data - whole.data);
		if (from < at || from + edit->old.len > whole.len)
			bug("edits_print: edits out of order");
		struct span kept = span_after(span_first(whole, from), at);
		TRY(add_plain(kept, crlf, out, err));
		TRY(buf_add(out, buf_span(&edit->text), err));
		at = from + edit->old.len;
	}
	return add_plain(span_after(whole, at), crlf, out, err);
}

enum rc
edits_print(const struct edits *edits, struct span whole, bool crlf,
    struct buf *out, struct err *err)
{
	size_t before = out->len;
	enum rc rc = print_all(edits, whole, crlf, out, err);

	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
