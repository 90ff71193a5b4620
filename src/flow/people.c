#include "flow/people.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keydir/history.h"
#include "keydir/own.h"
#include "mime/address.h"
#include "mime/field.h"

OWNER(struct lookalike, lookalike_free);

struct people {
	const struct state *state; /* borrowed */
	struct strlist me;
	/* Held by who changes what is remembered, from the disk to memory; so
	 * that nobody who is added meanwhile is lost. */
	pthread_mutex_t changing;
	/* of what is below */
	pthread_rwlock_t lock;
	struct lookalike *lookalike;
	uint64_t stamp;
};

/* --- filling -----------------------------------------------------------------*/

static enum rc
add_me(struct lookalike *lookalike, const struct strlist *me, struct err *err)
{
	for (size_t i = 0; i < me->len; i++) {
		TRY(lookalike_add_own(
		    lookalike, span_str(address_domain(me->item[i])), err));
		TRY(lookalike_add_known(
		    lookalike, span_str(me->item[i]), SPAN_NONE, err));
	}
	return RC_OK;
}

/* One that cannot be read, or is too many, is no reason to know nobody. */
static enum rc
but_for(enum rc rc, const struct err *why, struct err *err)
{
	if (rc == RC_OK || rc == RC_SYNTAX || rc == RC_LIMIT)
		return RC_OK;
	return err_set(err, rc, "%s", why->text);
}

static enum rc
add_own(const struct state *state, struct lookalike *lookalike, struct err *err)
{
	struct strlist own STRLIST_OWNED = STRLIST_NONE;

	TRY(own_list(state, &own, err));
	for (size_t i = 0; i < own.len; i++) {
		struct err why = ERR_NONE;
		enum rc rc =
		    lookalike_add_own(lookalike, span_str(own.item[i]), &why);
		TRY(but_for(rc, &why, err));
	}
	return RC_OK;
}

static enum rc
add_meant(void *self, const struct history *history, struct err *err)
{
	struct err why = ERR_NONE;

	if (!history_is_meant(history))
		return RC_OK;
	enum rc rc = lookalike_add_known(
	    self, span_str(history->address), span_str(history->name), &why);
	return but_for(rc, &why, err);
}

static enum rc
fill(const struct people *people, struct lookalike **ret, struct err *err)
{
	struct lookalike *lookalike OWNED(lookalike_free) = NULL;

	TRY(lookalike_new(&lookalike, err));
	TRY(add_me(lookalike, &people->me, err));
	TRY(add_own(people->state, lookalike, err));
	TRY(history_each(people->state, add_meant, lookalike, err));
	*ret = take(lookalike);
	return RC_OK;
}

/* The stamp first: what changes meanwhile is read once more. */
static enum rc
fill_anew(struct people *people, struct err *err)
{
	uint64_t stamp = own_stamp(people->state);
	struct lookalike *lookalike = NULL;

	TRY(fill(people, &lookalike, err));
	pthread_rwlock_wrlock(&people->lock);
	struct lookalike *old = people->lookalike;
	people->lookalike = lookalike;
	people->stamp = stamp;
	pthread_rwlock_unlock(&people->lock);
	lookalike_free(old);
	return RC_OK;
}

enum rc
people_new(const struct state *state, const struct strlist *me,
    struct people **ret, struct err *err)
{
	struct people *people OWNED(people_free) = calloc(1, sizeof(*people));

	if (people == NULL)
		return err_nomem(err, "people");
	people->state = state;
	pthread_mutex_init(&people->changing, NULL);
	pthread_rwlock_init(&people->lock, NULL);
	for (size_t i = 0; i < me->len; i++)
		TRY(strlist_add_str(&people->me, me->item[i], err));
	TRY(fill_anew(people, err));
	*ret = take(people);
	return RC_OK;
}

void
people_free(struct people *people)
{
	if (people == NULL)
		return;
	lookalike_free(people->lookalike);
	pthread_rwlock_destroy(&people->lock);
	pthread_mutex_destroy(&people->changing);
	strlist_done(&people->me);
	free(people);
}

/* --- asking ------------------------------------------------------------------*/

static bool
is_old(struct people *people)
{
	pthread_rwlock_rdlock(&people->lock);
	uint64_t stamp = people->stamp;
	pthread_rwlock_unlock(&people->lock);
	return own_stamp(people->state) != stamp;
}

/* What another process said.  If it cannot be read now, what was known is
 * better than nothing. */
static enum rc
follow(struct people *people, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = RC_OK;

	if (!is_old(people))
		return RC_OK;
	pthread_mutex_lock(&people->changing);
	if (is_old(people))
		rc = fill_anew(people, &why);
	pthread_mutex_unlock(&people->changing);
	return rc == RC_NOMEM ? err_nomem(err, "people") : RC_OK;
}

static enum rc
ask(struct people *people, const struct lookalike_sender *sender,
    struct lookalike_finding *ret, struct err *err)
{
	/* the one it is lent from may be replaced any moment */
	static _Thread_local char of[FACTS_ADDRESS_MAX];

	pthread_rwlock_rdlock(&people->lock);
	enum rc rc = lookalike_find(people->lookalike, sender, ret, err);
	if (rc == RC_OK) {
		(void)snprintf(of, sizeof(of), "%s", ret->of);
		ret->of = of;
	}
	pthread_rwlock_unlock(&people->lock);
	return rc;
}

static enum rc
find(const void *self, const struct lookalike_sender *sender,
    struct lookalike_finding *ret, struct err *err)
{
	/* what it says is constant, how it is held is not */
	struct people *people = (struct people *)(uintptr_t)self;

	TRY(follow(people, err));
	return ask(people, sender, ret, err);
}

struct imitations
people_imitations(const struct people *people)
{
	return (struct imitations){find, people};
}

/* --- writing -----------------------------------------------------------------*/

static enum rc
imitates(struct people *people, const char *address, bool *ret, struct err *err)
{
	const char *domain = address_domain(address);
	struct lookalike_finding found;

	*ret = false;
	if (domain[0] == '\0')
		return RC_OK;
	size_t local = strlen(address) - strlen(domain) - 1;
	const struct lookalike_sender sender = {
	    .local = span_of(address, local),
	    .domain = span_str(domain),
	};
	enum rc rc = ask(people, &sender, &found, err);
	if (rc == RC_OK)
		*ret = found.strong;
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
add_new(struct people *people, const char *address, const char *name,
    struct err *err)
{
	struct err why = ERR_NONE;

	pthread_rwlock_wrlock(&people->lock);
	enum rc rc = lookalike_add_known(
	    people->lookalike, span_str(address), span_str(name), &why);
	pthread_rwlock_unlock(&people->lock);
	return but_for(rc, &why, err);
}

static enum rc
write_to(struct people *people, const char *address, const char *name,
    int64_t now, struct err *err)
{
	bool impostor = false, is_new = false;

	TRY(imitates(people, address, &impostor, err));
	TRY(history_wrote(
	    people->state, address, name, impostor, now, &is_new, err));
	return is_new ? add_new(people, address, name, err) : RC_OK;
}

enum rc
people_wrote(struct people *people, const char *address, const char *name,
    int64_t now, struct err *err)
{
	if (strlist_has_nocase(&people->me, address))
		return RC_OK;
	TRY(follow(people, err));
	pthread_mutex_lock(&people->changing);
	enum rc rc = write_to(people, address, name, now, err);
	pthread_mutex_unlock(&people->changing);
	return rc;
}

/* --- a letter that was sent --------------------------------------------------*/

/* Names are worth having, and not worth failing for. */
static void
read_names(struct span letter, struct mailboxes *ret)
{
	static const char *const names[] = {"To", "Cc", "Bcc"};
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct err ignored = ERR_NONE;
	size_t body = 0;

	if (fields_parse(letter, &fields, &body, &ignored) != RC_OK)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fields_count(&fields, names[i]) == 1)
			(void)mailboxes_parse(
			    fields_value(&fields, names[i]), ret, &ignored);
}

static const char *
name_of(const struct mailboxes *list, const char *address)
{
	for (size_t i = 0; i < list->len; i++)
		if (address_equal(list->item[i].address, address))
			return list->item[i].name;
	return "";
}

enum rc
people_sent(struct people *people, struct span letter,
    const struct recipients *to, int64_t now, struct err *err)
{
	struct mailboxes names MAILBOXES_OWNED = MAILBOXES_NONE;

	read_names(letter, &names);
	for (size_t i = 0; i < to->len; i++) {
		const char *address = to->item[i].address;
		TRY(people_wrote(
		    people, address, name_of(&names, address), now, err));
	}
	return RC_OK;
}
