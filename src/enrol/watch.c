#include "enrol/watch.h"

#include <stdlib.h>

#include <jansson.h>

#include "enrol/session.h"
#include "os/clock.h"

#define ITEM "guard"
#define ITEM_MAX ((size_t)4096)
#define LOOK_TIMEOUT 5000 /* the agent's stop may have to wait for it */
#define NAME_MAX_LEN (ACME_URL_MAX + 20)

OWNER(json_t, json_decref);

void
watch_done(struct watch *watch)
{
	strlist_done(&watch->told);
}

/* -- the item -- */

static enum rc
save(const struct state *state, size_t open, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);

	TRY(buf_add_format(&text, err, "{\"open\":%zu,\"at\":%lld}", open,
	    (long long)clock_now()));
	return state_save(state, ITEM, buf_span(&text), err);
}

enum rc
watch_load(const struct state *state, struct watch_seen *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);

	TRY(state_load(state, ITEM, &text, err));
	json_t *json OWNED(json_decref) =
	    json_loadb((const char *)text.data, text.len, 0, NULL);
	const json_t *open = json_object_get(json, "open");
	const json_t *at = json_object_get(json, "at");
	if (!json_is_integer(open) || json_integer_value(open) < 0 ||
	    !json_is_integer(at))
		return err_set(
		    err, RC_SYNTAX, "the saved item \"" ITEM "\" is damaged");
	*ret = (struct watch_seen){.open = (size_t)json_integer_value(open),
	    .at = json_integer_value(at)};
	return RC_OK;
}

/* -- looking -- */

static enum rc
print_name(const struct acme_wish *wish, struct buf *name, const char **ret,
    struct err *err)
{
	TRY(buf_add_format(name, err, "%s %s", wish->status, wish->url));
	return buf_str(name, ret, err);
}

/* Move what is new to the front of the list, and remember all of it: what is
 * not told any more may be forgotten. */
static enum rc
keep_new(struct watch *watch, struct acme_wishes *wishes, struct err *err)
{
	struct strlist now STRLIST_OWNED = STRLIST_NONE;
	size_t len = 0;

	for (size_t i = 0; i < wishes->len; i++) {
		struct buf name BUF_OWNED = BUF(NAME_MAX_LEN);
		const char *text = NULL;
		TRY(print_name(&wishes->item[i], &name, &text, err));
		TRY(strlist_add_str(&now, text, err));
		if (!strlist_has(&watch->told, text))
			wishes->item[len++] = wishes->item[i];
	}
	wishes->len = len;
	strlist_done(&watch->told);
	watch->told = now;
	now = STRLIST_NONE;
	return RC_OK;
}

static size_t
count_open(const struct acme_wishes *wishes)
{
	size_t count = 0;

	for (size_t i = 0; i < wishes->len; i++)
		count += acme_wish_is_open(&wishes->item[i]);
	return count;
}

enum rc
watch_look(struct watch *watch, struct acme_wishes *ret, struct err *err)
{
	struct acme_wishes wishes ACME_WISHES_OWNED = {0};
	struct session session SESSION_OWNED = SESSION;

	session.timeout = LOOK_TIMEOUT;
	TRY(session_open(&session, watch->enrol, err));
	TRY(acme_wishes_get(session.acme, &wishes, err));
	TRY(save(watch->enrol->state, count_open(&wishes), err));
	TRY(keep_new(watch, &wishes, err));
	acme_wishes_done(ret);
	*ret = wishes;
	wishes = (struct acme_wishes){0};
	return RC_OK;
}
