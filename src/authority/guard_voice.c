#include "authority/guard_voice.h"

#include <stdio.h>

#include "authority/authorization.h"

void
guard_voice_print(const struct guard_voice *voice, bool as_operator,
    char text[GUARD_VOICE_MAX])
{
	const struct person *person = voice->person;

	if (as_operator)
		(void)snprintf(
		    text, GUARD_VOICE_MAX, "operator %s", person->address);
	else
		(void)snprintf(text, GUARD_VOICE_MAX, "device %s of %s",
		    person->serial, person->address);
}

enum rc
guard_voice_is_own(const struct guard_voice *voice, const struct guard *guard,
    bool *ret, struct err *err)
{
	struct buf mine BUF_OWNED = BUF_SMALL;
	struct buf asked BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(voice->person->address, &mine, err));
	TRY(authorization_fold(guard->address, &asked, err));
	*ret = span_is(buf_span(&mine), buf_span(&asked));
	return RC_OK;
}

enum rc
guard_voice_can(const struct guard_voice *voice, const struct guard *guard,
    bool *ret, struct err *err)
{
	bool own = false;

	TRY(guard_voice_is_own(voice, guard, &own, err));
	*ret = guard->state == GUARD_OPEN &&
	       (own ? guard->kind != GUARD_UNDO : voice->person->is_operator);
	return RC_OK;
}

static enum rc
too_late(const struct guard *guard, struct err *err)
{
	return err_set(err, RC_REFUSED, "this is %s already",
	    guard_state_name(guard->state));
}

static enum rc
decide(const struct guard_voice *voice, const struct guard *guard,
    bool approves, bool as_operator, struct err *err)
{
	char by[GUARD_VOICE_MAX];
	const struct guard_word word = {
	    .approves = approves, .by = by, .now = voice->now};

	guard_voice_print(voice, as_operator, by);
	enum rc rc = guard_decide(voice->sql, guard, &word, err);
	return rc == RC_REFUSED ? too_late(guard, err) : rc;
}

static enum rc
second(
    const struct guard_voice *voice, const struct guard *guard, struct err *err)
{
	bool done = false;

	if (guard->state != GUARD_OPEN)
		return too_late(guard, err);
	return guard_second(
	    voice->sql, guard, voice->person->address, voice->now, &done, err);
}

enum rc
guard_voice_say(const struct guard_voice *voice, const struct guard *guard,
    bool approves, struct err *err)
{
	bool own = false;

	TRY(guard_voice_is_own(voice, guard, &own, err));
	if (own && guard->kind != GUARD_UNDO)
		return decide(voice, guard, approves, false, err);
	if (!voice->person->is_operator)
		return err_set(err, RC_UNFIT,
		    "this is about another mailbox than yours, and you are no "
		    "operator");
	if (approves)
		return second(voice, guard, err);
	if (own)
		return err_set(err, RC_UNFIT,
		    "an operator does not decide on their own mailbox");
	return decide(voice, guard, false, true, err);
}

enum rc
guard_voice_undo(const struct guard_voice *voice, const char *address,
    struct guard *ret, struct err *err)
{
	enum guard_place place = GUARD_NOBODY;
	char actor[GUARD_VOICE_MAX];
	const struct guard_wish wish = {.kind = GUARD_UNDO,
	    .address = address,
	    .actor = actor,
	    .now = voice->now};

	if (!voice->person->is_operator)
		return err_set(err, RC_UNFIT, "this is for operators");
	guard_voice_print(voice, true, actor);
	TRY(guard_place(voice->sql, address, 0, voice->now, &place, err));
	if (place == GUARD_NOBODY)
		return err_set(err, RC_ABSENT,
		    "no certificate of this mailbox is in force");
	TRY(guard_ask(voice->sql, &wish, ret, err));
	return second(voice, ret, err);
}
