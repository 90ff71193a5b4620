#include "flow/distance.h"
#include "flow/lookalike_priv.h"

const struct party *
lookalike_party(const struct inquiry *q, const struct target *target)
{
	return &q->l->party[target->party];
}

bool
lookalike_is_same_local(const struct inquiry *q, const struct target *target)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	struct span local = q->sender->local;

	if (target->domain[0] == '\0' || lookup_has(&q->l->generic, local))
		return false;
	if (lookalike_loose_local(q->l, local, &key, NULL) != RC_OK ||
	    buf_add_byte(&key, '@', NULL) != RC_OK ||
	    buf_add_str(&key, target->domain, NULL) != RC_OK)
		return false;
	return lookup_has(&q->l->locals, buf_span(&key));
}

/* The people one writes to are many, one's own domains few; and where the
 * mailbox's name is that of somebody known as well, little is chance. */
static const struct lookalike_least least_of[LOOKALIKE_IMITATED + 1] = {
    [LOOKALIKE_IMITATED] = {.digits = 3,
	.hyphen = 4,
	.words = 3,
	.glued = 4,
	.ending = 3,
	.joined = 4,
	.one_slip = 6,
	.two_slips = 9},
    [LOOKALIKE_OWN] = {.digits = 3,
	.hyphen = 3,
	.words = 3,
	.glued = 3,
	.ending = 3,
	.joined = 4,
	.one_slip = 4,
	.two_slips = 9},
    [LOOKALIKE_KNOWN] = {.digits = 4,
	.hyphen = 4,
	.words = 4,
	.glued = 5,
	.ending = 5,
	.joined = 6,
	.one_slip = 5,
	.two_slips = 10},
};
static const struct lookalike_least least_of_same_local = {.digits = 3,
    .hyphen = 3,
    .words = 3,
    .glued = 3,
    .ending = 3,
    .joined = 3,
    .one_slip = 3,
    .two_slips = 8};

const struct lookalike_least *
lookalike_least(const struct inquiry *q, const struct target *target)
{
	if (lookalike_is_same_local(q, target))
		return &least_of_same_local;
	return &least_of[lookalike_party(q, target)->kind];
}

/* --- slips of the finger ---------------------------------------------------*/

#define SLIPS_MAX 2

static size_t
slips_allowed(const struct lookalike_least *least, const struct target *t)
{
	if ((t->flags & LOOKALIKE_A_WORD) != 0)
		return 0;
	if (t->loose_len >= least->two_slips)
		return 2;
	return t->loose_len >= least->one_slip ? 1 : 0;
}

/* paypaal, appple: a letter that is struck twice.  Seldom another word. */
#define STUTTER_LEAST 4

static bool
is_stutter(struct span mine, const struct target *t)
{
	struct span other = span_str(t->label);
	size_t same = 0;

	if (mine.len != other.len + 1 || other.len < STUTTER_LEAST ||
	    (t->flags & IMITATED_LETTERS) != 0)
		return false;
	while (same < other.len && mine.data[same] == other.data[same])
		same++;
	return same > 0 && mine.data[same] == mine.data[same - 1] &&
	       span_is(span_after(mine, same + 1), span_after(other, same));
}

static size_t
without_digits(struct span text, char *ret)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len && i < DISTANCE_MAX; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			ret[len++] = (char)text.data[i];
	return len;
}

/* server12 and server14 belong together; one of them imitates nobody. */
static bool
differ_in_numbers(struct span a, struct span b)
{
	char one[DISTANCE_MAX], two[DISTANCE_MAX];
	size_t one_len = without_digits(a, one);
	size_t two_len = without_digits(b, two);

	return one_len < a.len && two_len < b.len &&
	       span_is(span_of(one, one_len), span_of(two, two_len));
}

/* One more s, or one less: two words as often as a slip. */
static bool
differ_in_plural(struct span a, struct span b)
{
	struct span longer = a.len > b.len ? a : b;
	struct span shorter = a.len > b.len ? b : a;

	return longer.len == shorter.len + 1 &&
	       longer.data[longer.len - 1] == 's' &&
	       span_is(span_first(longer, shorter.len), shorter);
}

/* hbsc, ebya: two neighbours exchanged. */
static bool
is_exchange(struct span mine, const struct target *t)
{
	struct span other = span_str(t->label);
	size_t same = 0;

	if (mine.len != other.len || other.len < STUTTER_LEAST ||
	    (t->flags & LOOKALIKE_A_WORD) != 0)
		return false;
	while (same < other.len && mine.data[same] == other.data[same])
		same++;
	return same + 2 <= other.len &&
	       mine.data[same] == other.data[same + 1] &&
	       mine.data[same + 1] == other.data[same] &&
	       span_is(span_after(mine, same + 2), span_after(other, same + 2));
}

static bool
is_other_ending(const struct inquiry *q, const struct target *t)
{
	return strcmp(domain_suffix(&q->domain),
		   t->domain + strcspn(t->domain, ".") + 1) != 0;
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

/* A person's domain is one of many, and nobody chose it for being famous:
 * there the letters themselves must be near, not only what they look like, and
 * a short name only under the same ending.  Letters that are not ASCII's and
 * look as if they were are no chance. */
static bool
is_chance(const struct inquiry *q, const struct label *label,
    const struct target *t, size_t slips)
{
	struct span mine = label->text, other = span_str(t->label);
	enum lookalike_kind kind = lookalike_party(q, t)->kind;
	size_t allowed = slips_allowed(lookalike_least(q, t), t);

	/* pcgames is no epicgames, nor vnexpress sfexpress */
	if (slips > 1 && t->loose_len < 11 && is_ascii(mine) &&
	    mine.data[0] != other.data[0])
		return true;
	if ((kind == LOOKALIKE_KNOWN || t->loose_len < 8) && is_ascii(mine) &&
	    distance_between(mine, other, allowed) > allowed)
		return true;
	/* bithub and vcloud are other things than GitHub and iCloud */
	if ((t->flags & IMITATED_HOST) != 0 && t->loose_len < 8 &&
	    mine.data[0] != other.data[0])
		return true;
	if (kind == LOOKALIKE_OWN && t->loose_len < 6)
		return is_other_ending(q, t);
	if (kind != LOOKALIKE_KNOWN)
		return false;
	return differ_in_plural(mine, other) ||
	       (t->loose_len < 9 && is_other_ending(q, t));
}

static bool
is_slip(const struct inquiry *q, const struct label *label,
    const struct target *t, size_t slips)
{
	const struct lookalike_least *least = lookalike_least(q, t);
	size_t allowed = slips_allowed(least, t);

	if (slips == 1 && lookalike_is_same_local(q, t) &&
	    t->loose_len >= least->one_slip)
		return true;
	if (lookup_has(&q->l->near, label->text) ||
	    differ_in_numbers(label->text, span_str(t->label)))
		return false;
	return is_stutter(label->text, t) || is_exchange(label->text, t) ||
	       (slips <= allowed && !is_chance(q, label, t, slips));
}

static void
offer_slip(struct inquiry *q, const struct label *label, const struct target *t)
{
	struct span loose = buf_span(&label->loose);
	struct span other = span_of(t->loose, t->loose_len);
	size_t slips = distance_between(loose, other, SLIPS_MAX);

	if (slips <= SLIPS_MAX && is_slip(q, label, t, slips))
		lookalike_offer(q, LOOKALIKE_SLIP, lookalike_party(q, t), true);
}

void
lookalike_ask_slips(struct inquiry *q, const struct label *label)
{
	struct span loose = buf_span(&label->loose);
	uint64_t bag = distance_bag(loose);

	for (size_t i = 0; i < q->l->targets; i++) {
		const struct target *t = &q->l->target[i];
		if (t->loose_len + 2 < loose.len ||
		    loose.len + 2 < t->loose_len || !t->ascii)
			continue;
		if (__builtin_popcountll(bag ^ t->bag) > 4 ||
		    (loose.len == t->loose_len &&
			span_is(loose, span_of(t->loose, t->loose_len))))
			continue;
		offer_slip(q, label, t);
	}
}
