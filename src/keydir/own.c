#include "keydir/own.h"

#include <stdlib.h>

#include "base/buf.h"
#include "keydir/person.h"

#define ITEM PERSON_FOLDER "/own"
#define ITEM_MAX ((size_t)256 << 10)
#define MAGIC "letterlock-own 1\n"
#define DOMAIN_MAX 253

static enum rc
no_domain(struct span text, struct err *err)
{
	return err_set(err, RC_SYNTAX, "%.*s is no domain",
	    SPAN_ARGS(span_first(text, DOMAIN_MAX)));
}

/* A-labels, or UTF-8 as people write it; what it means is for who reads it. */
static enum rc
check(struct span domain, struct err *err)
{
	bool dot = false;

	if (domain.len == 0 || domain.len > DOMAIN_MAX ||
	    domain.data[0] == '.' || domain.data[domain.len - 1] == '.')
		return no_domain(domain, err);
	for (size_t i = 0; i < domain.len; i++) {
		uint8_t c = domain.data[i];
		if (c <= ' ' || c == 0x7f || c == '@' || c == '/')
			return no_domain(domain, err);
		dot = dot || c == '.';
	}
	return dot ? RC_OK : no_domain(domain, err);
}

enum rc
own_parse(struct span text, struct strlist *ret, struct err *err)
{
	if (!span_starts(text, MAGIC))
		return err_set(
		    err, RC_SYNTAX, "the own domains cannot be read");
	text = span_after(text, strlen(MAGIC));
	while (text.len > 0) {
		ptrdiff_t end = span_find_byte(text, '\n');
		if (end < 0 || ret->len >= OWN_MAX)
			return err_set(
			    err, RC_SYNTAX, "the own domains cannot be read");
		struct span line = span_first(text, (size_t)end);
		TRY(check(line, err));
		TRY(strlist_add(ret, line, err));
		text = span_after(text, (size_t)end + 1);
	}
	return RC_OK;
}

enum rc
own_list(const struct state *state, struct strlist *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct err why = ERR_NONE;

	enum rc rc = state_load(state, ITEM, &text, &why);
	if (rc == RC_ABSENT)
		return RC_OK;
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	return own_parse(buf_span(&text), ret, err);
}

static enum rc
save(const struct state *state, const struct strlist *list, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);

	TRY(buf_add_str(&text, MAGIC, err));
	for (size_t i = 0; i < list->len; i++)
		TRY(buf_add_format(&text, err, "%s\n", list->item[i]));
	return state_save(state, ITEM, buf_span(&text), err);
}

enum rc
own_add(const struct state *state, const char *domain, struct err *err)
{
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;
	struct strlist list STRLIST_OWNED = STRLIST_NONE;

	TRY(check(span_str(domain), err));
	TRY(state_guard_take(state, &guard, err));
	TRY(own_list(state, &list, err));
	if (strlist_has_nocase(&list, domain))
		return RC_OK;
	if (list.len >= OWN_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d own domains", OWN_MAX);
	TRY(strlist_add_str(&list, domain, err));
	return save(state, &list, err);
}

static bool
take_out(struct strlist *list, const char *domain)
{
	for (size_t i = 0; i < list->len; i++) {
		if (!span_is_nocase(span_str(list->item[i]), domain))
			continue;
		free(list->item[i]);
		list->len--;
		memmove(&list->item[i], &list->item[i + 1],
		    (list->len - i) * sizeof(list->item[0]));
		return true;
	}
	return false;
}

enum rc
own_remove(const struct state *state, const char *domain, struct err *err)
{
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;
	struct strlist list STRLIST_OWNED = STRLIST_NONE;

	TRY(state_guard_take(state, &guard, err));
	TRY(own_list(state, &list, err));
	if (!take_out(&list, domain))
		return err_set(err, RC_ABSENT,
		    "%.200s was not named as an own domain", domain);
	return save(state, &list, err);
}

enum rc
own_touch(const struct state *state, struct err *err)
{
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;
	struct strlist list STRLIST_OWNED = STRLIST_NONE;

	TRY(state_guard_take(state, &guard, err));
	TRY(own_list(state, &list, err));
	return save(state, &list, err);
}

uint64_t
own_stamp(const struct state *state)
{
	return state_stamp(state, ITEM);
}
