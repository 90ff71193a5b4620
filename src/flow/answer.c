#include "flow/answer.h"

#include <stddef.h>

/* What a rule asks of a fact. */
enum asks { ANY, NO, YES };

#define KIND(kind) (1U << (kind))
#define ABOUT(about) (1U << (about))
#define EVERY (KIND(ANSWER_KINDS) - 1)
/* Nobody looked whom it goes to, or what is in it. */
#define BY_ITSELF                                                \
	(KIND(ANSWER_AUTOMATIC) | KIND(ANSWER_DELIVERY_REPORT) | \
	    KIND(ANSWER_READ_REPORT))
/* The person chose every recipient: an answer's are filled in. */
#define FORWARDS (KIND(ANSWER_FORWARD) | KIND(ANSWER_ATTACHED))
#define UNPROVEN (ABOUT(ANSWER_ABOUT_UNSIGNED) | ABOUT(ANSWER_ABOUT_MALLEABLE))

/* clang-format off */
static const struct rule {
	const char *name;
	unsigned kinds, abouts;
	enum asks of_another, no_certificate, crowded, quotes, strays;
	enum answer_way way;
	const char *why;
} rules[] = {
	{"draft", KIND(ANSWER_DRAFT), EVERY, ANY, ANY, ANY, ANY, ANY,
	    ANSWER_SEALED_TO_SELF, NULL},
	{"resent", KIND(ANSWER_RESENT), EVERY, YES, ANY, ANY, ANY, ANY,
	    ANSWER_REFUSED,
	    "a resent letter bears somebody else's From, which this account "
	    "cannot sign; forward it instead"},
	{"another's", EVERY, EVERY, YES, ANY, ANY, ANY, ANY, ANSWER_REFUSED,
	    "From is not this account's address: it cannot sign that"},
	{"no-certificate", EVERY, EVERY, ANY, YES, ANY, ANY, ANY, ANSWER_REFUSED,
	    "a recipient has no certificate, and nothing goes in the clear; "
	    "leave that recipient out"},
	{"crowded", EVERY, EVERY, ANY, ANY, YES, ANY, ANY, ANSWER_REFUSED,
	    "several sealed letters bear the Message-ID that it answers, too "
	    "many to tell whose text may go to whom; write a new letter "
	    "instead of an answer"},
	{"by-itself-unproven", BY_ITSELF, UNPROVEN, ANY, ANY, ANY, ANY, ANY,
	    ANSWER_REFUSED,
	    "nothing is answered by itself to a sealed letter that was not "
	    "signed: the answer would tell a stranger that it was opened; "
	    "write to its sender yourself"},
	{"by-itself-strays", BY_ITSELF, ABOUT(ANSWER_ABOUT_SIGNED), ANY, ANY,
	    ANY, ANY, YES, ANSWER_REFUSED,
	    "nothing is answered by itself to somebody whom the sealed "
	    "letter's signed header does not name; write yourself"},
	{"quotes-malleable", EVERY, ABOUT(ANSWER_ABOUT_MALLEABLE), ANY, ANY,
	    ANY, YES, ANY, ANSWER_REFUSED,
	    "it quotes a sealed letter that anybody could have changed, "
	    "perhaps to get its text by your answer; take the quoted text and "
	    "attachments out, then send it again"},
	{"quotes-unsigned", EVERY, ABOUT(ANSWER_ABOUT_UNSIGNED), ANY, ANY,
	    ANY, YES, ANY, ANSWER_REFUSED,
	    "it quotes a sealed letter that nobody signed, perhaps sent to get "
	    "its text by your answer; take the quoted text and attachments "
	    "out, then send it again"},
	{"forwards", FORWARDS, ABOUT(ANSWER_ABOUT_SIGNED), ANY, ANY, ANY, ANY,
	    ANY,
	    ANSWER_SEALED, NULL},
	{"quotes-strays", EVERY, ABOUT(ANSWER_ABOUT_SIGNED), ANY, ANY, ANY,
	    YES, YES, ANSWER_REFUSED,
	    "it quotes a sealed letter to somebody whom that letter's signed "
	    "header does not name; take the quoted text out or that recipient, "
	    "or forward the letter instead"},
	{"sealed", EVERY, EVERY, ANY, ANY, ANY, ANY, ANY, ANSWER_SEALED, NULL},
};
/* clang-format on */

static bool
asks_for(enum asks asks, bool fact)
{
	return asks == ANY || (asks == YES) == fact;
}

static bool
holds(const struct rule *rule, const struct answer_facts *f)
{
	return (rule->kinds & KIND(f->kind)) != 0 &&
	       (rule->abouts & ABOUT(f->about)) != 0 &&
	       asks_for(rule->of_another, f->of_another) &&
	       asks_for(rule->no_certificate, f->no_certificate) &&
	       asks_for(rule->crowded, f->crowded) &&
	       asks_for(rule->quotes, f->quotes) &&
	       asks_for(rule->strays, f->strays);
}

void
answer_decide(const struct answer_facts *facts, struct answer_decision *ret)
{
	*ret = (struct answer_decision){
	    ANSWER_REFUSED, "none", "it is of no kind that is known here"};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!holds(&rules[i], facts))
			continue;
		*ret = (struct answer_decision){
		    rules[i].way, rules[i].name, rules[i].why};
		return;
	}
}

const char *
answer_kind_name(enum answer_kind kind)
{
	static const char *const names[ANSWER_KINDS] = {
	    [ANSWER_NEW] = "new",
	    [ANSWER_REPLY] = "reply",
	    [ANSWER_FORWARD] = "forward",
	    [ANSWER_ATTACHED] = "attached",
	    [ANSWER_DRAFT] = "draft",
	    [ANSWER_AUTOMATIC] = "automatic",
	    [ANSWER_CALENDAR] = "calendar",
	    [ANSWER_DELIVERY_REPORT] = "delivery-report",
	    [ANSWER_READ_REPORT] = "read-report",
	    [ANSWER_LIST] = "list",
	    [ANSWER_RESENT] = "resent",
	};

	return (unsigned)kind < ANSWER_KINDS ? names[kind] : "unknown";
}
