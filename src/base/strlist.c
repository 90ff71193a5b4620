#include "base/strlist.h"

#include <stdlib.h>

#include "base/buf.h"

void
strlist_done(struct strlist *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->item[i]);
	free(list->item);
	*list = STRLIST_NONE;
}

static enum rc
make_room(struct strlist *list, struct err *err)
{
	if (list->len >= STRLIST_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d entries", STRLIST_MAX);
	if (list->len < list->cap)
		return RC_OK;
	size_t cap = list->cap == 0 ? 8 : list->cap * 2;
	char **item = reallocarray(list->item, cap, sizeof(*item));
	if (item == NULL)
		return err_nomem(err, "list");
	list->item = item;
	list->cap = cap;
	return RC_OK;
}

enum rc
strlist_add(struct strlist *list, struct span text, struct err *err)
{
	TRY(make_room(list, err));
	TRY(span_dup(text, &list->item[list->len], err));
	list->len++;
	return RC_OK;
}

enum rc
strlist_add_str(struct strlist *list, const char *text, struct err *err)
{
	return strlist_add(list, span_str(text), err);
}

bool
strlist_has_nocase(const struct strlist *list, const char *text)
{
	for (size_t i = 0; i < list->len; i++)
		if (span_is_nocase(span_str(list->item[i]), text))
			return true;
	return false;
}

bool
strlist_has(const struct strlist *list, const char *text)
{
	for (size_t i = 0; i < list->len; i++)
		if (!strcmp(list->item[i], text))
			return true;
	return false;
}
