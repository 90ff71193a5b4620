/* The copy of what is hidden for readers that know nothing of this:
 * mime/protect. */
#include "codec/word.h"
#include "mime/legacy_priv.h"
#include "mime/protect_head_priv.h"
#include "mime/protect_owner_priv.h"

#define HEADER_MAX PROTECT_HEADER_MAX

static enum rc
add_line(const struct field *field, enum protect_policy policy,
    struct buf *lines, struct err *err)
{
	enum protect_hide hide = protect_hide_of(policy, field);
	struct buf flat BUF_OWNED = BUF_SECRET(HEADER_MAX);
	struct buf hidden BUF_OWNED = BUF_SECRET(HEADER_MAX);
	struct buf text BUF_OWNED = BUF_SECRET(HEADER_MAX);

	TRY(field_unfold(field->value, &flat, err));
	TRY(protect_hide_value(field, hide, &hidden, err));
	if (!protect_is_user_facing(field) ||
	    (hide != HIDE_ALL && span_is(buf_span(&flat), buf_span(&hidden))))
		return RC_OK;
	/* no line end is in it: one would end the element in a value */
	TRY(word_decode(field->value, &text, err));
	TRY(buf_add(lines, field->name, err));
	TRY(buf_add_str(lines, ": ", err));
	TRY(buf_add(lines, span_trim(buf_span(&text)), err));
	return buf_add_str(lines, "\n", err);
}

enum rc
protect_add_display(const struct entity *letter, enum protect_policy policy,
    struct buf *out, bool *ret_added, struct err *err)
{
	struct edits edits EDITS_OWNED = EDITS_NONE;
	struct buf lines BUF_OWNED = BUF_SECRET(HEADER_MAX);

	for (size_t i = 0; i < letter->fields.len; i++)
		TRY(add_line(&letter->fields.item[i], policy, &lines, err));
	if (lines.len > 0)
		TRY(legacy_add(letter, buf_span(&lines), &edits, err));
	if (edits.len > 0)
		TRY(edits_print(&edits, letter->whole, false, out, err));
	*ret_added = edits.len > 0;
	return RC_OK;
}
