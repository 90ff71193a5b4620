#include "flow/lookalike_priv.h"

/* security.hsbc.com@evil.test, alice_alpha.test@evil.test.  Where "=" stands
 * in it, it is the way lists and bounces write an address
 * (alice=alpha.test@lists.test), and behind "+" it is the reader's own note. */
static enum rc
ask_inside(struct inquiry *q, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct span local = q->sender->local;
	const struct party *owner = NULL;
	ptrdiff_t plus = span_find_byte(local, '+');
	size_t at = 0;

	if (plus >= 0)
		local = span_first(local, (size_t)plus);
	if (span_find_byte(local, '=') >= 0)
		return RC_OK;
	for (size_t i = 0; i < local.len; i++) {
		uint8_t c = local.data[i];
		c = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
		TRY(buf_add_byte(&text,
		    c == '_' || c == '@' || c == ' ' || c == 0 ? '-' : c, err));
	}
	TRY(lookalike_inside(q, buf_span(&text), &at, &owner, err));
	if (owner != NULL)
		lookalike_offer(q, LOOKALIKE_LOCAL, owner, true);
	return RC_OK;
}

/* Where strangers get addresses, the local part is who somebody is: digits,
 * dots and letters that look alike make another person.  Everywhere else the
 * domain's owner sees to it, and only what cannot be told apart counts. */
static enum rc
offer_local(struct inquiry *q, const struct party *party, struct err *err)
{
	struct buf mine BUF_OWNED = BUF_SMALL;
	struct buf theirs BUF_OWNED = BUF_SMALL;
	struct span other = span_str(party->of);
	size_t len = 0;

	while (len < other.len && other.data[len] != '@')
		len++;
	other = span_first(other, len);
	TRY(skeleton_strict(q->l->skeleton, q->sender->local, &mine, err));
	TRY(skeleton_strict(q->l->skeleton, other, &theirs, err));
	if (span_is(buf_span(&mine), buf_span(&theirs)))
		lookalike_offer(q, LOOKALIKE_LOCAL, party, true);
	else if ((q->owner[0]->flags & IMITATED_OPEN) != 0)
		lookalike_offer(q, LOOKALIKE_LOCAL, party, true);
	return RC_OK;
}

/* Google's mailboxes have the dots one likes: they are one person. */
bool
lookalike_is_same_mailbox(const struct inquiry *q, const struct party *party)
{
	struct span a = q->sender->local, b = span_str(party->of);
	size_t i = 0, j = 0;

	if (strcmp(domain_registrable(&q->domain), "gmail.com") != 0 &&
	    strcmp(domain_registrable(&q->domain), "googlemail.com") != 0)
		return false;
	for (;;) {
		while (i < a.len && a.data[i] == '.')
			i++;
		while (j < b.len && b.data[j] == '.')
			j++;
		bool end = j >= b.len || b.data[j] == '@';
		if (i >= a.len || end)
			return i >= a.len && end;
		if ((a.data[i++] | 0x20) != (b.data[j++] | 0x20))
			return false;
	}
}

static enum rc
ask_near(struct inquiry *q, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;

	if (q->owners == 0)
		return RC_OK;
	TRY(lookalike_loose_local(q->l, q->sender->local, &key, err));
	TRY(buf_add_byte(&key, '@', err));
	TRY(buf_add_str(&key, domain_registrable(&q->domain), err));
	while (lookup_next(&q->l->locals, buf_span(&key), &at, &number)) {
		const struct party *party = &q->l->party[number];
		if (!lookalike_is_same_mailbox(q, party))
			TRY(offer_local(q, party, err));
	}
	return RC_OK;
}

/* paypal-service@gmail.com: an organisation's name, alone or with words that
 * go with fraud, where strangers get addresses. */
static enum rc
offer_word(
    struct inquiry *q, const struct words *words, size_t i, struct err *err)
{
	size_t at = LOOKUP_NONE, number = 0;

	for (size_t j = 0; j < words->len; j++)
		if (j != i && !lookalike_all_lures(q->l, words->word[j], false))
			return RC_OK;
	while (lookup_next(&q->l->by_loose, words->word[i], &at, &number)) {
		const struct target *t = &q->l->target[number];
		const struct party *party = &q->l->party[t->party];
		if ((t->flags & LOOKALIKE_NOT_ALONE) == 0 &&
		    party->kind == LOOKALIKE_IMITATED && t->loose_len >= 4 &&
		    !lookalike_is_theirs(q, party))
			lookalike_offer(q, LOOKALIKE_LOCAL, party, true);
	}
	return RC_OK;
}

static enum rc
ask_words(struct inquiry *q, struct err *err)
{
	struct words words = {0};

	if (q->owners == 0 || (q->owner[0]->flags & IMITATED_OPEN) == 0)
		return RC_OK;
	enum rc rc = words_split(q->l, q->sender->local, &words, err);
	for (size_t i = 0; rc == RC_OK && i < words.len; i++)
		rc = offer_word(q, &words, i, err);
	words_done(&words);
	return rc;
}

/* A local part that is no text is refused where addresses are parsed; here it
 * is one more thing that nobody sends. */
enum rc
lookalike_ask_local(struct inquiry *inquiry, struct err *err)
{
	unsigned flaws = 0;
	enum rc rc = skeleton_check(
	    inquiry->l->skeleton, inquiry->sender->local, &flaws, err);

	if (rc == RC_SYNTAX || rc == RC_LIMIT) {
		lookalike_offer(inquiry, LOOKALIKE_UNREADABLE, NULL, true);
		return RC_OK;
	}
	TRY(rc);
	if ((flaws & (SKELETON_INVISIBLE | SKELETON_BIDI)) != 0)
		lookalike_offer(inquiry, LOOKALIKE_INVISIBLE, NULL, true);
	if (inquiry->open)
		TRY(ask_inside(inquiry, err));
	TRY(ask_near(inquiry, err));
	return ask_words(inquiry, err);
}
