#include <stdlib.h>

#include "flow/distance.h"
#include "flow/lookalike_priv.h"

/* --- the same name, written otherwise --------------------------------------*/

static bool
is_same_without_hyphens(struct span a, struct span b)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < a.len && a.data[i] == '-')
			i++;
		while (j < b.len && b.data[j] == '-')
			j++;
		if (i == a.len || j == b.len)
			return i == a.len && j == b.len;
		if (a.data[i++] != b.data[j++])
			return false;
	}
}

/* An ending that goes with fraud, for names that are words as well. */
static bool
is_bad_ending(const struct inquiry *q)
{
	const char *suffix = domain_suffix(&q->domain);
	const char *last = strrchr(suffix, '.');

	return lookup_has(
	    &q->l->endings, span_str(last != NULL ? last + 1 : suffix));
}

/* webshop.mx and webshop.hk: one firm in two countries far more often than a
 * fraud.  Organisations on the list have theirs listed. */
static bool
is_in_another_country(const struct inquiry *q, const struct target *target)
{
	size_t name = strcspn(target->domain, ".");

	return lookalike_party(q, target)->kind == LOOKALIKE_KNOWN &&
	       target->domain[name] == '.' &&
	       lookalike_is_countrys(q->l, domain_suffix(&q->domain)) &&
	       lookalike_is_countrys(q->l, target->domain + name + 1);
}

static bool
is_kept_for_manuals(const char *suffix)
{
	return !strcmp(suffix, "com") || !strcmp(suffix, "net") ||
	       !strcmp(suffix, "org");
}

/* RFC 2606 section 3: nobody can buy example.com, example.net or example.org,
 * and manuals let people of one write to those of the other. */
static bool
is_of_manuals(const struct inquiry *q, const struct target *target)
{
	return !strncmp(target->domain, "example.", 8) &&
	       is_kept_for_manuals(target->domain + 8) &&
	       is_kept_for_manuals(domain_suffix(&q->domain));
}

/* The very name, bought under another ending. */
#define BAD_ENDING_LEAST 6

static void
offer_ending(struct inquiry *q, const struct target *target)
{
	const struct party *party = lookalike_party(q, target);

	if (is_of_manuals(q, target))
		return;
	if ((target->flags & LOOKALIKE_A_WORD) != 0 && !is_bad_ending(q))
		return;
	if (lookalike_is_same_local(q, target))
		lookalike_offer(q, LOOKALIKE_ENDING, party, true);
	else if (target->loose_len >= lookalike_least(q, target)->ending &&
		 !is_in_another_country(q, target))
		lookalike_offer(q, LOOKALIKE_ENDING, party,
		    party->kind != LOOKALIKE_KNOWN ||
			(is_bad_ending(q) &&
			    target->loose_len >= BAD_ENDING_LEAST));
}

/* ourfirm.evil.test: a help desk that the firm hired has such a host, too; but
 * nobody there is called as somebody at the firm is. */
#define BELOW_LEAST 6

static void
offer_below(
    struct inquiry *q, const struct label *label, const struct target *target)
{
	const struct party *party = lookalike_party(q, target);
	bool same = !q->real && lookalike_is_same_local(q, target);

	if ((party->kind == LOOKALIKE_OWN || same) &&
	    target->loose_len >= BELOW_LEAST &&
	    span_is(label->text, span_str(target->label)) &&
	    !lookalike_all_lures(q->l, buf_span(&label->loose), false))
		lookalike_offer(
		    q, LOOKALIKE_SUBDOMAIN, party, label->among_lures || same);
}

static void
offer_same(
    struct inquiry *q, const struct label *label, const struct target *target)
{
	const struct party *party = lookalike_party(q, target);
	struct span other = span_str(target->label);

	/* below somebody's domain hosts are called anything: "mail" is no
	 * imitation of mall.test, nor "our" of our.test */
	if (!label->bought && party->kind != LOOKALIKE_IMITATED) {
		offer_below(q, label, target);
		return;
	}
	if (span_is(label->text, other)) {
		if (label->bought)
			offer_ending(q, target);
		else if ((target->flags & LOOKALIKE_NOT_ALONE) == 0 &&
			 party->kind == LOOKALIKE_IMITATED)
			lookalike_offer(
			    q, LOOKALIKE_SUBDOMAIN, party, label->among_lures);
		return;
	}
	if (span_is(buf_span(&label->strict), span_str(target->strict)))
		lookalike_offer(q, LOOKALIKE_CONFUSABLE, party, true);
	else if (is_same_without_hyphens(label->text, other)) {
		if (target->loose_len >= lookalike_least(q, target)->hyphen)
			lookalike_offer(q, LOOKALIKE_HYPHEN, party, true);
	} else if (target->loose_len >= lookalike_least(q, target)->digits) {
		lookalike_offer(q, LOOKALIKE_DIGITS, party, true);
	}
}

/* cl is read as d, and d may have been meant for cl. */
static enum rc
with_d(struct span loose, struct buf *ret, struct err *err)
{
	for (size_t i = 0; i < loose.len; i++) {
		bool pair = i + 1 < loose.len && loose.data[i] == 'c' &&
			    loose.data[i + 1] == 'l';
		TRY(buf_add_byte(ret, pair ? 'd' : loose.data[i], err));
		i += pair;
	}
	return RC_OK;
}

static enum rc
ask_same(struct inquiry *q, const struct label *label, struct err *err)
{
	struct buf other BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;
	struct span loose = buf_span(&label->loose);

	while (lookup_next(&q->l->by_loose, loose, &at, &number))
		offer_same(q, label, &q->l->target[number]);
	if (span_find(label->text, span_str("cl")) < 0)
		return RC_OK;
	TRY(with_d(loose, &other, err));
	at = LOOKUP_NONE;
	while (lookup_next(&q->l->by_loose, buf_span(&other), &at, &number))
		offer_same(q, label, &q->l->target[number]);
	return RC_OK;
}

/* --- a name among words ----------------------------------------------------*/

/* From each place that words reach, by one more word. */
static bool
is_lure(const struct lookalike *l, struct span loose, bool sharp)
{
	size_t at = LOOKUP_NONE, flags = 0;

	return lookup_next(&l->lures, loose, &at, &flags) &&
	       !(sharp && (flags & IMITATED_WORD) != 0);
}

bool
lookalike_all_lures(const struct lookalike *l, struct span loose, bool sharp)
{
	bool reached[DISTANCE_MAX + 1] = {true};

	if (loose.len == 0 || loose.len > DISTANCE_MAX)
		return false;
	for (size_t i = 0; i < loose.len; i++)
		for (size_t len = 1; reached[i] && len <= loose.len - i; len++)
			if (is_lure(l, span_first(span_after(loose, i), len),
				sharp))
				reached[i + len] = true;
	return reached[loose.len];
}

/* Short words stand in other words by chance: only hyphens set them apart, or
 * a name that is long. */
#define GLUED_LURE_LEAST 3
#define GLUED_NAME_LONG 7

static void
offer_words(struct inquiry *q, const struct target *target, bool strong)
{
	if ((target->flags & IMITATED_LETTERS) == 0)
		lookalike_offer(
		    q, LOOKALIKE_WORDS, lookalike_party(q, target), strong);
}

/* Is the name written as it is, not only readable so?  Short names are read
 * out of other words too easily ("1cloud" is no iCloud). */
static bool
is_plainly(const struct label *label, const struct target *target)
{
	return target->loose_len >= 7 ||
	       span_find(label->text, span_str(target->label)) >= 0;
}

/* A name in `text` from `from` to `to`, and words around it. */
struct glued {
	struct span name, before, behind;
};

static bool
are_lures(const struct inquiry *q, const struct glued *glued, bool sharp)
{
	return (glued->before.len == 0 ||
		   lookalike_all_lures(q->l, glued->before, sharp)) &&
	       (glued->behind.len == 0 ||
		   lookalike_all_lures(q->l, glued->behind, sharp));
}

static void
offer_glued(
    struct inquiry *q, const struct label *label, const struct glued *glued)
{
	size_t rest = glued->before.len + glued->behind.len;
	size_t at = LOOKUP_NONE, number = 0;

	if (!lookup_has(&q->l->by_loose, glued->name) ||
	    !are_lures(q, glued, false))
		return;
	bool sharp = are_lures(q, glued, true);
	while (lookup_next(&q->l->by_loose, glued->name, &at, &number)) {
		const struct target *t = &q->l->target[number];
		if (t->loose_len < lookalike_least(q, t)->glued ||
		    !is_plainly(label, t) ||
		    (rest < GLUED_LURE_LEAST && t->loose_len < GLUED_NAME_LONG))
			continue;
		if (sharp || (t->flags & LOOKALIKE_NOT_ALONE) == 0)
			offer_words(q, t, true);
	}
}

/* paypalsecure, securepaypal, securepaypallogin */
static void
ask_glued(struct inquiry *q, const struct label *label)
{
	struct span loose = buf_span(&label->loose);

	for (size_t from = 0; from < loose.len; from++)
		for (size_t to = from + 1; to <= loose.len; to++) {
			struct glued glued = {
			    span_first(span_after(loose, from), to - from),
			    span_first(loose, from), span_after(loose, to)};
			if (to - from + 1 < loose.len)
				offer_glued(q, label, &glued);
		}
}

/* The words between hyphens; run [from, to) of them may be a name. */
struct parts {
	struct span text[DISTANCE_MAX];
	size_t len;
};

static void
split_parts(struct span label, struct parts *ret)
{
	size_t from = 0;

	ret->len = 0;
	for (size_t i = 0; i <= label.len; i++) {
		if (i < label.len && label.data[i] != '-')
			continue;
		if (i > from && ret->len < DISTANCE_MAX)
			ret->text[ret->len++] =
			    span_of(label.data + from, i - from);
		from = i + 1;
	}
}

/* What stands outside of a run: nothing but words that go with fraud? */
struct others {
	bool lures, sharp;
};

static enum rc
look_at_others(const struct inquiry *q, const struct parts *parts, size_t from,
    size_t to, struct others *ret)
{
	*ret = (struct others){true, true};
	for (size_t i = 0; i < parts->len && ret->lures; i++) {
		struct buf loose BUF_OWNED = BUF_SMALL;
		if (i >= from && i < to)
			continue;
		TRY(lookalike_loose_label(q->l, parts->text[i], &loose, NULL));
		ret->lures = lookalike_all_lures(q->l, buf_span(&loose), false);
		ret->sharp = ret->sharp &&
			     lookalike_all_lures(q->l, buf_span(&loose), true);
	}
	return RC_OK;
}

static void
offer_part(struct inquiry *q, const struct target *target, struct span part,
    const struct others *others)
{
	const struct party *party = lookalike_party(q, target);

	if (target->loose_len < lookalike_least(q, target)->words)
		return;
	/* micr0soft-anything: nobody writes so by chance */
	if (!is_same_without_hyphens(part, span_str(target->label)) &&
	    target->loose_len >= lookalike_least(q, target)->glued)
		lookalike_offer(q, LOOKALIKE_DIGITS, party, true);
	else if ((target->flags & LOOKALIKE_A_WORD) != 0 ? others->sharp
							 : others->lures)
		offer_words(q, target, true);
	else if ((target->flags & LOOKALIKE_NOT_ALONE) == 0 &&
		 party->kind != LOOKALIKE_KNOWN &&
		 target->loose_len >= lookalike_least(q, target)->glued)
		offer_words(q, target, false);
}

static enum rc
ask_run(struct inquiry *q, const struct parts *parts, size_t from, size_t to,
    struct err *err)
{
	const struct span *last = &parts->text[to - 1];
	struct span run = span_of(parts->text[from].data,
	    (size_t)(last->data + last->len - parts->text[from].data));
	struct buf loose BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;
	struct others others;

	TRY(lookalike_loose_label(q->l, run, &loose, err));
	TRY(look_at_others(q, parts, from, to, &others));
	/* mircosoft-support */
	if (others.sharp)
		lookalike_ask_slips(
		    q, &(struct label){.text = run, .loose = loose});
	while (lookup_next(&q->l->by_loose, buf_span(&loose), &at, &number))
		offer_part(q, &q->l->target[number], run, &others);
	return RC_OK;
}

/* paypal-secure, secure-credit-agricole */
#define RUN_MAX 4

static enum rc
ask_parts(struct inquiry *q, const struct label *label, struct err *err)
{
	struct parts parts;

	split_parts(label->text, &parts);
	if (parts.len < 2)
		return RC_OK;
	for (size_t from = 0; from < parts.len; from++)
		for (size_t to = from + 1;
		     to <= parts.len && to - from <= RUN_MAX; to++)
			if (to - from < parts.len)
				TRY(ask_run(q, &parts, from, to, err));
	return RC_OK;
}

/* --- a name with a number --------------------------------------------------*/

/* hsbc24, 2024hsbc: the number is a word like "secure". */
static enum rc
ask_numbered(struct inquiry *q, const struct label *label, struct err *err)
{
	struct span text = label->text;
	struct buf loose BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;

	while (text.len > 0 && strchr("0123456789-", text.data[0]) != NULL)
		text = span_after(text, 1);
	while (text.len > 0 &&
	       strchr("0123456789-", text.data[text.len - 1]) != NULL)
		text = span_first(text, text.len - 1);
	if (text.len == label->text.len || text.len < 4)
		return RC_OK;
	TRY(lookalike_loose_label(q->l, text, &loose, err));
	while (lookup_next(&q->l->by_loose, buf_span(&loose), &at, &number)) {
		const struct target *t = &q->l->target[number];
		if (span_is(text, span_str(t->label)) &&
		    (t->flags & LOOKALIKE_NOT_ALONE) == 0 &&
		    lookalike_party(q, t)->kind != LOOKALIKE_KNOWN)
			offer_words(q, t, true);
	}
	return RC_OK;
}

/* --- a whole domain inside another -----------------------------------------*/

/* The shortest name whose domain means something inside another: t.co and
 * x.com stand in many by chance. */
#define INSIDE_NAME_LEAST 3
#define INSIDE_SEPARATORS ".-"

/* The owner of the domain that [from, to) of `text` is, with hyphens as they
 * are or for dots. */
static enum rc
owner_of(const struct inquiry *q, struct span text, const struct party **ret,
    struct err *err)
{
	struct buf dotted BUF_OWNED = BUF_SMALL;
	const struct party *owner = NULL;
	size_t at = LOOKUP_NONE;

	for (size_t i = 0; i < text.len; i++)
		TRY(buf_add_byte(
		    &dotted, text.data[i] == '-' ? '.' : text.data[i], err));
	if (!lookalike_next_owner(q->l, text, &at, &owner)) {
		at = LOOKUP_NONE;
		if (!lookalike_next_owner(q->l, buf_span(&dotted), &at, &owner))
			return RC_OK;
	}
	if (owner->kind != LOOKALIKE_NOBODY &&
	    owner->name_len >= INSIDE_NAME_LEAST &&
	    !lookalike_is_theirs(q, owner))
		*ret = owner;
	return RC_OK;
}

static bool
is_separator(struct span text, size_t at)
{
	return at >= text.len ||
	       (text.data[at] != 0 &&
		   strchr(INSIDE_SEPARATORS, text.data[at]) != NULL);
}

enum rc
lookalike_inside(const struct inquiry *q, struct span text, size_t *ret_at,
    const struct party **ret, struct err *err)
{
	*ret = NULL;
	for (size_t from = 0; from < text.len; from++) {
		size_t parts = 0;
		if (is_separator(text, from) ||
		    (from > 0 && !is_separator(text, from - 1)))
			continue;
		for (size_t to = from + 1; to <= text.len && parts < 5; to++) {
			if (!is_separator(text, to) || ++parts < 2)
				continue;
			TRY(owner_of(q,
			    span_first(span_after(text, from), to - from), ret,
			    err));
			*ret_at = from;
			if (*ret != NULL)
				return RC_OK;
		}
	}
	return RC_OK;
}

/* hsbc.com.evil.test, hsbc-com.test, www.paypal.com-secure.test; not what
 * reaches into the suffix: hsbc.com.hk is not hsbc.com in com.hk. */
static enum rc
ask_inside(struct inquiry *q, struct err *err)
{
	const struct domain *d = &q->domain;
	struct span text = span_str(d->ascii);
	const struct party *owner = NULL;
	size_t at = 0;

	if (d->name + 1 < d->labels)
		text = span_first(text, d->at[d->name + 1] - 1);
	TRY(lookalike_inside(q, text, &at, &owner, err));
	if (owner != NULL)
		lookalike_offer(q, LOOKALIKE_SUBDOMAIN, owner, true);
	return RC_OK;
}

/* --- all of it -------------------------------------------------------------*/

static enum rc
ask_script(struct inquiry *q, const struct label *label, struct err *err)
{
	unsigned flaws = 0;

	TRY(skeleton_check(q->l->skeleton, label->text, &flaws, err));
	if ((flaws & SKELETON_SCRIPTS) != 0)
		lookalike_offer(q, LOOKALIKE_SCRIPTS, NULL, true);
	return RC_OK;
}

static enum rc
ask_label(struct inquiry *q, struct label *label, struct err *err)
{
	struct span text = label->text;

	TRY(skeleton_strict(q->l->skeleton, text, &label->strict, err));
	TRY(lookalike_loose_label(q->l, text, &label->loose, err));
	TRY(ask_script(q, label, err));
	TRY(ask_same(q, label, err));
	TRY(ask_parts(q, label, err));
	TRY(ask_numbered(q, label, err));
	ask_glued(q, label);
	if (label->bought)
		lookalike_ask_slips(q, label);
	return RC_OK;
}

/* A label other than `but` is nothing but words that go with fraud. */
static enum rc
has_lure_label(const struct inquiry *q, size_t but, bool *ret, struct err *err)
{
	*ret = false;
	for (size_t i = 0; i <= q->domain.name && !*ret; i++) {
		struct buf loose BUF_OWNED = BUF_SMALL;
		if (i == but)
			continue;
		TRY(lookalike_loose_label(
		    q->l, domain_label(&q->domain, i), &loose, err));
		*ret = lookalike_all_lures(q->l, buf_span(&loose), true);
	}
	return RC_OK;
}

/* pay.pal.test: labels that are a name once the dots are gone. */
static enum rc
ask_joined(struct inquiry *q, struct err *err)
{
	const struct domain *d = &q->domain;
	struct buf joined BUF_OWNED = BUF_SMALL;
	struct buf loose BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;

	for (size_t i = 0; i <= d->name; i++)
		TRY(buf_add(&joined, domain_label(d, i), err));
	if (d->name == 0 || joined.len > DISTANCE_MAX)
		return RC_OK;
	TRY(lookalike_loose_label(q->l, buf_span(&joined), &loose, err));
	while (lookup_next(&q->l->by_loose, buf_span(&loose), &at, &number)) {
		const struct target *t = &q->l->target[number];
		if (t->loose_len >= lookalike_least(q, t)->joined &&
		    (t->flags & LOOKALIKE_A_WORD) == 0)
			lookalike_offer(q, LOOKALIKE_SUBDOMAIN,
			    lookalike_party(q, t), true);
	}
	return RC_OK;
}

enum rc
lookalike_ask_domain(struct inquiry *inquiry, struct err *err)
{
	const struct domain *d = &inquiry->domain;

	/* what is below a domain where strangers get theirs is a stranger's */
	size_t labels = inquiry->real ? d->name : d->name + 1;
	for (size_t i = 0; i < labels; i++) {
		struct label label = {.text = domain_label(d, i),
		    .strict = BUF_SMALL,
		    .loose = BUF_SMALL,
		    .bought = i == d->name};
		enum rc rc =
		    has_lure_label(inquiry, i, &label.among_lures, err);
		if (rc == RC_OK)
			rc = ask_label(inquiry, &label, err);
		buf_done(&label.strict);
		buf_done(&label.loose);
		TRY(rc);
	}
	if (inquiry->real)
		return RC_OK;
	TRY(ask_joined(inquiry, err));
	return ask_inside(inquiry, err);
}
