#include "cmd/imitations.h"

#include <string.h>

static enum rc
find(const void *self, const struct lookalike_sender *sender,
    struct lookalike_finding *ret, struct err *err)
{
	return lookalike_find(self, sender, ret, err);
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
