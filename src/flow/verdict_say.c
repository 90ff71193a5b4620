#include "flow/verdict.h"

#include <string.h>

/* An authority can write any name: what it says beyond an address counts only
 * where somebody made that its business. */
static bool
is_vouched_for(const struct facts *f)
{
	return f->sig.state == SIGNED_VALID && f->sig.unfit == NULL &&
	       f->sig.chain == CHAIN_VALID && f->sig.level_allowed &&
	       f->sig.domain_allowed;
}

bool
verdict_names_organisation(const struct facts *f)
{
	return is_vouched_for(f) &&
	       (f->sig.level == LEVEL_V3 || f->sig.level == LEVEL_V4);
}

bool
verdict_names_person(const struct facts *f)
{
	return verdict_names_organisation(f) ||
	       (is_vouched_for(f) && f->sig.level == LEVEL_V2);
}

/* Of a verified letter nothing has to be told but who. */
static const char *
code_of_verified(const struct facts *f)
{
	bool first = f->acquaintance == ACQUAINTANCE_FIRST;

	if (verdict_names_organisation(f) && f->sig.organization[0] != '\0')
		return first ? "verified.organisation-first"
			     : "verified.organisation";
	return first ? "verified.first" : "verified";
}

/* "Try again when you are online" is no advice to who said: ask nobody; and
 * where there is no letter it was no sender who did something wrong. */
static const char *
variant_of(const struct facts *f, const struct verdict *v, const char *code)
{
	if (f->sig.unasked && !strcmp(code, "cert.status-unknown"))
		return "unasked";
	if (f->headless && !strcmp(code, "letter.unreadable"))
		return "headless";
	return verdict_name(v->level);
}

static const struct words *
words_of(const struct facts *f, const struct verdict *v)
{
	const char *code =
	    v->level == VERDICT_VERIFIED ? code_of_verified(f) : v->reason[0];
	const struct words *words = words_find(code, variant_of(f, v, code));

	return words != NULL ? words : words_find("sig.unproven", "");
}

static bool
is_request(const char *reason)
{
	return !strncmp(reason, "ask.", strlen("ask."));
}

/* What it asks for is said beside; and what to do about that is more pressing
 * than about a signature, but not than about a danger. */
static void
say_request(enum language language, struct verdict *v)
{
	v->extra = "";
	for (size_t i = 0; i < v->reasons; i++) {
		if (!is_request(v->reason[i]))
			continue;
		const struct words *words = words_find(v->reason[i], "");
		if (words == NULL)
			continue;
		v->extra = words->says[language];
		if (v->level != VERDICT_DANGER)
			v->advice = words->advice[language];
	}
}

/* Whom the sentence is about: From may have several, or not be readable. */
static const char *
sender_of(const struct facts *f, const struct verdict *v)
{
	bool habit =
	    v->reasons > 0 && strcmp(v->reason[0], "key.always-signed") == 0;

	return habit && f->history.who[0] != '\0' ? f->history.who : f->from;
}

void
verdict_say(
    const struct facts *f, enum language language, struct verdict *verdict)
{
	const struct words *words = words_of(f, verdict);
	const struct words_names names = {
	    .from = sender_of(f, verdict),
	    .signer = f->sig.by,
	    .imitated = f->lookalike.of,
	    .organisation = f->sig.organization,
	    .part = f->sig.part,
	};

	words_fill(words->says[language], &names, language, verdict->sentence);
	verdict->advice = words->advice[language];
	say_request(language, verdict);
}
