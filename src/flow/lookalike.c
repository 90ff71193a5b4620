#include "flow/lookalike.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/own.h"
#include "flow/lookalike_priv.h"

OWNER(struct lookalike, lookalike_free);

static const struct {
	const char *name;
	const char *reason;
} rules[LOOKALIKE_RULES] = {
    [LOOKALIKE_UNREADABLE] = {"unreadable", "addr.deceptive"},
    [LOOKALIKE_INVISIBLE] = {"invisible", "addr.deceptive"},
    [LOOKALIKE_CONFUSABLE] = {"confusable", "addr.confusable"},
    [LOOKALIKE_SCRIPTS] = {"scripts", "addr.deceptive"},
    [LOOKALIKE_DIGITS] = {"digits", "addr.confusable"},
    [LOOKALIKE_HYPHEN] = {"hyphen", "addr.confusable"},
    [LOOKALIKE_SUBDOMAIN] = {"subdomain", "addr.confusable"},
    [LOOKALIKE_WORDS] = {"words", "addr.confusable"},
    [LOOKALIKE_ENDING] = {"ending", "addr.confusable"},
    [LOOKALIKE_SLIP] = {"slip", "addr.confusable"},
    [LOOKALIKE_LOCAL] = {"local", "addr.confusable"},
    [LOOKALIKE_TURNED] = {"turned", "addr.deceptive"},
    [LOOKALIKE_ADDRESS] = {"address", "addr.name-is-address"},
    [LOOKALIKE_ORGANISATION] = {"organisation", "addr.name-of-organisation"},
    [LOOKALIKE_PERSON] = {"person", "addr.name-of-known"},
};

enum rc
lookalike_new(struct lookalike **ret, struct err *err)
{
	struct lookalike *l OWNED(lookalike_free) = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_nomem(err, "look-alikes");
	TRY(skeleton_new(&l->skeleton, err));
	TRY(domain_reader_new(&l->reader, err));
	TRY(lookalike_fill_shipped(l, err));
	*ret = take(l);
	return RC_OK;
}

void
lookalike_free(struct lookalike *lookalike)
{
	if (lookalike == NULL)
		return;
	lookalike_empty(lookalike);
	lookup_done(&lookalike->by_loose);
	lookup_done(&lookalike->domains);
	lookup_done(&lookalike->addresses);
	lookup_done(&lookalike->locals);
	lookup_done(&lookalike->names);
	lookup_done(&lookalike->brands);
	lookup_done(&lookalike->scripts);
	lookup_done(&lookalike->solid);
	lookup_done(&lookalike->lures);
	lookup_done(&lookalike->titles);
	lookup_done(&lookalike->between);
	lookup_done(&lookalike->generic);
	lookup_done(&lookalike->near);
	lookup_done(&lookalike->places);
	lookup_done(&lookalike->sold);
	lookup_done(&lookalike->endings);
	skeleton_free(lookalike->skeleton);
	domain_reader_free(lookalike->reader);
	free(lookalike);
}

const char *
lookalike_rule_name(enum lookalike_rule rule)
{
	return rule < LOOKALIKE_RULES ? rules[rule].name : "none";
}

/* --- findings --------------------------------------------------------------*/

static bool
is_worse(
    const struct lookalike_finding *best, enum lookalike_rule rule, bool strong)
{
	if (best->strong != strong)
		return strong;
	return rule < best->rule;
}

void
lookalike_offer(struct inquiry *inquiry, enum lookalike_rule rule,
    const struct party *party, bool strong)
{
	if (inquiry->found && !is_worse(&inquiry->best, rule, strong))
		return;
	inquiry->found = true;
	inquiry->best = (struct lookalike_finding){.rule = rule,
	    .reason = rules[rule].reason,
	    .strong = strong,
	    .kind = party != NULL ? party->kind : LOOKALIKE_NOBODY,
	    .of = party != NULL ? party->of : ""};
}

/* --- whose domain it is ----------------------------------------------------*/

bool
lookalike_next_owner(const struct lookalike *l, struct span domain, size_t *at,
    const struct party **ret)
{
	size_t number = 0;

	if (!lookup_next(&l->domains, domain, at, &number))
		return false;
	*ret = &l->party[number];
	return true;
}

bool
lookalike_is_countrys(const struct lookalike *l, const char *suffix)
{
	const char *last = strrchr(suffix, '.');

	/* com.co is Colombia's, co is anybody's; github.io no country's */
	if (last != NULL)
		return last - suffix <= 3 && strlen(last + 1) == 2;
	return strlen(suffix) == 2 &&
	       !lookup_has(&l->endings, span_str(suffix)) &&
	       !lookup_has(&l->sold, span_str(suffix));
}

/* Whose the sender's domain is: the domain itself, each domain above it down
 * to what somebody bought, that under every country's ending, and an ending
 * that is an organisation's own. */
static enum rc
owner_keys(
    const struct inquiry *q, size_t step, struct buf *ret, struct err *err)
{
	const struct domain *d = &q->domain;

	buf_clear(ret);
	if (step < d->labels)
		return buf_add_str(ret, d->ascii + d->at[step], err);
	if (!lookalike_is_countrys(q->l, domain_suffix(d)))
		return RC_OK;
	const char *name = domain_registrable(d);
	TRY(buf_add(ret, span_of(name, strcspn(name, ".")), err));
	return buf_add_str(ret, ".*", err);
}

static enum rc
find_owners(struct inquiry *q, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;

	q->open = true;
	for (size_t step = 0; step <= q->domain.labels; step++) {
		const struct party *owner = NULL;
		size_t at = LOOKUP_NONE;
		TRY(owner_keys(q, step, &key, err));
		while (
		    lookalike_next_owner(q->l, buf_span(&key), &at, &owner)) {
			/* github.io: each name below it is another's */
			if (step > q->domain.name && step < q->domain.labels &&
			    (owner->flags & IMITATED_OPEN) != 0)
				continue;
			q->real = true;
			q->open = (owner->flags & IMITATED_OPEN) != 0;
			if (q->owners < LOOKALIKE_OWNERS_MAX)
				q->owner[q->owners++] = owner;
		}
	}
	return RC_OK;
}

bool
lookalike_is_theirs(const struct inquiry *inquiry, const struct party *party)
{
	for (size_t i = 0; i < inquiry->owners; i++) {
		const struct party *owner = inquiry->owner[i];
		if (owner == party || (owner->group == party->group &&
					  party->group != LOOKALIKE_NO_GROUP))
			return true;
	}
	return false;
}

/* --- the question ----------------------------------------------------------*/

static size_t
count_ascii(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] < 0x80;
	return count;
}

/* Letters and dots of ASCII in other forms (full width, ideographic full
 * stop): IDNA makes the very domain of them, and yet nobody who has it writes
 * it so; a program that does not map them takes it for another one. */
static bool
is_disguised(const struct inquiry *q)
{
	struct span written = q->sender->domain;
	struct span read = span_str(q->domain.unicode);
	size_t ascii = count_ascii(written);

	return ascii < written.len &&
	       (count_ascii(read) > ascii || count_ascii(read) == read.len ||
		   span_find(written, span_str("xn--")) >= 0);
}

static void
offer_disguised(struct inquiry *q, struct span address)
{
	size_t at = LOOKUP_NONE, number = 0;
	const struct party *who = q->owners > 0 ? q->owner[0] : NULL;

	if (lookup_next(&q->l->addresses, address, &at, &number))
		who = &q->l->party[number];
	if (who != NULL && is_disguised(q))
		lookalike_offer(q, LOOKALIKE_CONFUSABLE, who, true);
}

/* The very address, and whose its domain is. */
static enum rc
find_parties(struct inquiry *q, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;

	TRY(lookalike_address(q->sender->local, &q->domain, &key, err));
	q->known = lookup_has(&q->l->addresses, buf_span(&key));
	TRY(find_owners(q, err));
	offer_disguised(q, buf_span(&key));
	return RC_OK;
}

/* What a domain is before it is compared.  An address literal is nobody's
 * look-alike. */
static enum rc
read_domain(struct inquiry *q, struct err *err)
{
	struct span text = q->sender->domain;
	unsigned flaws = 0;

	if (span_starts(text, "["))
		return RC_OK;
	enum rc rc = skeleton_check(q->l->skeleton, text, &flaws, err);
	if (rc == RC_OK && (flaws & ~SKELETON_SCRIPTS) != 0)
		lookalike_offer(q, LOOKALIKE_INVISIBLE, NULL, true);
	if (rc == RC_OK)
		rc = domain_parse(q->l->reader, text, &q->domain, err);
	if (rc == RC_SYNTAX || rc == RC_LIMIT) {
		lookalike_offer(q, LOOKALIKE_UNREADABLE, NULL, true);
		return RC_OK;
	}
	TRY(rc);
	q->has_domain = true;
	return find_parties(q, err);
}

enum rc
lookalike_find(const struct lookalike *lookalike,
    const struct lookalike_sender *sender, struct lookalike_finding *ret,
    struct err *err)
{
	struct lookalike_sender cut = *sender;
	struct inquiry q = {.l = lookalike, .sender = &cut};

	cut.name = span_first(sender->name, LOOKALIKE_NAME_MAX);
	cut.local = span_first(sender->local, LOOKALIKE_NAME_MAX);
	cut.organisation = span_first(sender->organisation, LOOKALIKE_NAME_MAX);
	TRY(read_domain(&q, err));
	if (q.known && !is_disguised(&q))
		return RC_ABSENT;
	if (q.has_domain && (!q.real || q.open))
		TRY(lookalike_ask_domain(&q, err));
	if (q.has_domain)
		TRY(lookalike_ask_local(&q, err));
	TRY(lookalike_ask_name(&q, err));
	if (!q.found)
		return RC_ABSENT;
	*ret = q.best;
	return RC_OK;
}
