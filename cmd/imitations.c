#include "cmd/imitations.h"

#include <string.h>

#include "mime/address.h"

static enum rc
find(const void *self, const struct lookalike_sender *sender,
    struct lookalike_finding *ret, struct err *err)
{
	return lookalike_find(self, sender, ret, err);
}

/* What is half an address would be compared with, and be like nobody's or
 * everybody's. */
static enum rc
check_address(const char *option, const char *text, struct err *err)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	struct err ignored = ERR_NONE;

	if (mailboxes_parse(span_str(text), &list, &ignored) == RC_OK &&
	    list.len == 1 && !list.has_group && list.comments == NULL &&
	    list.item[0].name[0] == '\0' && strchr(text, '<') == NULL)
		return RC_OK;
	return err_set(err, RC_SYNTAX,
	    "%s \"%s\" is not one address: write it alone, as bob@example.net",
	    option, text);
}

static enum rc
check_addresses(const char *option, const struct strlist *list, struct err *err)
{
	for (size_t i = 0; i < list->len; i++)
		TRY(check_address(option, list->item[i], err));
	return RC_OK;
}

static enum rc
add_known(
    struct lookalike *lookalike, const struct strlist *known, struct err *err)
{
	for (size_t i = 0; i < known->len; i++)
		TRY(lookalike_add_known(
		    lookalike, span_str(known->item[i]), SPAN_NONE, err));
	return RC_OK;
}

enum rc
imitations_make(const struct strlist *me, const struct strlist *known,
    struct lookalike **ret_lookalike, struct imitations *ret, struct err *err)
{
	TRY(check_addresses("--me", me, err));
	TRY(check_addresses("--known", known, err));
	TRY(lookalike_new(ret_lookalike, err));
	for (size_t i = 0; i < me->len; i++) {
		const char *at = strrchr(me->item[i], '@');
		if (at != NULL)
			TRY(lookalike_add_own(
			    *ret_lookalike, span_str(at + 1), err));
	}
	TRY(add_known(*ret_lookalike, me, err));
	TRY(add_known(*ret_lookalike, known, err));
	*ret = (struct imitations){find, *ret_lookalike};
	return RC_OK;
}
