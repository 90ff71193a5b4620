#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "flow/lookalike_priv.h"

/* --- a name that turns the text --------------------------------------------*/

/* Overrides write text backwards.  Marks and isolates are left alone: Hebrew
 * and Arabic names have them for good reasons. */
static bool
has_override(struct span name)
{
	for (size_t i = 0; i < name.len;) {
		UChar32 c = 0;
		U8_NEXT(name.data, i, name.len, c);
		if (c == 0x202d || c == 0x202e)
			return true;
	}
	return false;
}

/* --- a name that is an address ---------------------------------------------*/

static bool
is_in_address(uint8_t c)
{
	return c > ' ' && strchr("<>()[]\",;:'", c) == NULL;
}

/* Blanks, brackets and quotation marks of all scripts: no address goes on
 * behind them, and sixty no-break blanks push the real one out of sight. */
static bool
is_break(UChar32 c)
{
	const uint32_t breaks = U_GC_Z_MASK | U_GC_CC_MASK | U_GC_PS_MASK |
				U_GC_PE_MASK | U_GC_PI_MASK | U_GC_PF_MASK;

	/* the wide ones of ASCII, from "(" to "," and ":" to ">" */
	bool wide =
	    (c >= 0xff08 && c <= 0xff0c) || (c >= 0xff1a && c <= 0xff1e);

	return c >= 0x80 && (wide || (U_GET_GC_MASK(c) & breaks) != 0);
}

/* The name with a blank for each of them. */
static enum rc
add_broken(struct span name, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < name.len;) {
		size_t from = i;
		UChar32 c = 0;
		U8_NEXT(name.data, i, name.len, c);
		TRY(is_break(c)
			? buf_add_byte(out, ' ', err)
			: buf_add(
			      out, span_of(name.data + from, i - from), err));
	}
	return RC_OK;
}

/* How long the sign at the front is that a reader takes for "@": also the wide
 * and the small one of Unicode.  0: it is none. */
static size_t
at_sign_len(struct span text)
{
	if (span_starts(text, "@"))
		return 1;
	return span_starts(text, "\xef\xbc\xa0") ||
		       span_starts(text, "\xef\xb9\xab")
		   ? 3
		   : 0;
}

/* The word around `at`. */
static struct span
word_around(struct span text, size_t at)
{
	size_t from = at, to = at;

	while (from > 0 && is_in_address(text.data[from - 1]))
		from--;
	while (to < text.len && is_in_address(text.data[to]))
		to++;
	return span_of(text.data + from, to - from);
}

static bool
is_senders(const struct inquiry *q, struct span local, const struct domain *d)
{
	return q->has_domain &&
	       (strcmp(d->ascii, q->domain.ascii) == 0 ||
		   strcmp(domain_registrable(d),
		       domain_registrable(&q->domain)) == 0) &&
	       (q->owners == 0 || (q->owner[0]->flags & IMITATED_OPEN) == 0 ||
		   span_equal_nocase(local, q->sender->local));
}

/* Words that say that somebody else writes for the one who is named. */
static bool
has_between(const struct inquiry *q, const struct words *words)
{
	for (size_t i = 0; i < words->len; i++)
		if (lookup_has(&q->l->between, words->word[i]))
			return true;
	return false;
}

/* Somebody whom the reader may trust is named: known, own, imitated. */
static const struct party *
owner_of_named(
    const struct inquiry *q, struct span local, const struct domain *d)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	const struct party *owner = NULL;
	size_t at = LOOKUP_NONE, number = 0;

	if (lookalike_address(local, d, &key, NULL) == RC_OK &&
	    lookup_next(&q->l->addresses, buf_span(&key), &at, &number))
		return &q->l->party[number];
	at = LOOKUP_NONE;
	if (lookalike_next_owner(
		q->l, span_str(domain_registrable(d)), &at, &owner) &&
	    owner->kind != LOOKALIKE_NOBODY)
		return owner;
	return NULL;
}

static enum rc
offer_address(struct inquiry *q, struct span local, struct span name,
    const struct words *words, struct err *err)
{
	struct domain domain;

	enum rc rc = domain_parse(q->l->reader, name, &domain, err);
	if (rc == RC_SYNTAX)
		return RC_OK; /* no address: an "@" in a nickname */
	TRY(rc);
	if (domain.labels < 2 || is_senders(q, local, &domain))
		return RC_OK;
	const struct party *owner = owner_of_named(q, local, &domain);
	lookalike_offer(q, LOOKALIKE_ADDRESS, owner,
	    owner != NULL && !has_between(q, words));
	return RC_OK;
}

/* "alice@alpha.test" <eve@evil.test> */
static enum rc
ask_address(struct inquiry *q, struct span name, const struct words *words,
    struct err *err)
{
	for (size_t i = 0; i < name.len; i++) {
		size_t sign = at_sign_len(span_after(name, i));
		if (sign == 0)
			continue;
		struct span word = word_around(name, i);
		size_t at = (size_t)(name.data + i - word.data);
		struct span behind = span_after(word, at + sign);
		if (at > 0 && behind.len > 0)
			TRY(offer_address(
			    q, span_first(word, at), behind, words, err));
	}
	return RC_OK;
}

static enum rc
ask_dotted(struct inquiry *q, struct span word, bool first,
    const struct words *words, struct err *err)
{
	struct buf lower BUF_OWNED = BUF_SMALL;
	const struct party *owner = NULL;
	size_t at = 0;

	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = word.data[i];
		c = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
		TRY(buf_add_byte(&lower, c == '/' ? '.' : c, err));
	}
	TRY(lookalike_inside(q, buf_span(&lower), &at, &owner, err));
	if (owner != NULL && owner->kind != LOOKALIKE_KNOWN)
		lookalike_offer(q, LOOKALIKE_ADDRESS, owner,
		    first && !has_between(q, words));
	return RC_OK;
}

/* "www.hsbc.com" <eve@evil.test> */
static enum rc
ask_domain(struct inquiry *q, struct span name, const struct words *words,
    struct err *err)
{
	for (size_t i = 0; i < name.len; i++) {
		struct span word = word_around(name, i);
		if (word.len == 0)
			continue;
		if (span_find_byte(word, '.') >= 0 &&
		    span_find_byte(word, '@') < 0)
			TRY(ask_dotted(q, word, i == 0, words, err));
		i += word.len;
	}
	return RC_OK;
}

/* --- a name that is an organisation's --------------------------------------*/

/* What an authority has proven is no imitation. */
static enum rc
is_proven(const struct inquiry *q, struct span key, bool *ret, struct err *err)
{
	struct words words = {0};
	struct buf all BUF_OWNED = BUF_SMALL;
	struct buf whole BUF_OWNED = BUF_SMALL;

	enum rc rc = words_split(q->l, q->sender->organisation, &words, err);
	for (size_t i = 0; rc == RC_OK && i < words.len; i++)
		rc = buf_add_format(
		    &all, err, " %.*s", SPAN_ARGS(words.word[i]));
	words_done(&words);
	TRY(rc);
	/* whole words: PayPalace is not PayPal.  Chinese has no blanks. */
	bool latin = key.data[0] < 0x80;
	TRY(buf_add_byte(&all, ' ', err));
	TRY(buf_add_format(
	    &whole, err, latin ? " %.*s " : "%.*s", SPAN_ARGS(key)));
	*ret = span_find(buf_span(&all), buf_span(&whole)) >= 0;
	return RC_OK;
}

/* "Alice Cooper (Alpha Trading)": a word out of the person's own domain. */
static bool
is_of_domain(
    const struct inquiry *q, struct span word, const struct party *party)
{
	struct buf domain BUF_OWNED = BUF_SMALL;
	const char *at = strrchr(party->of, '@');

	return party->kind == LOOKALIKE_KNOWN && at != NULL && word.len >= 3 &&
	       lookalike_loose_label(q->l, span_str(at + 1), &domain, NULL) ==
		   RC_OK &&
	       span_find(buf_span(&domain), word) >= 0;
}

static bool
rest_is_lures(const struct inquiry *q, const struct words *words, size_t from,
    size_t to, const struct party *party)
{
	for (size_t i = 0; i < words->len; i++) {
		struct span word = words->word[i];
		if ((i < from || i >= to) && !lookup_has(&q->l->titles, word) &&
		    !lookup_has(&q->l->places, word) &&
		    !is_of_domain(q, word, party) &&
		    !lookalike_all_lures(q->l, word, false))
			return false;
	}
	return true;
}

/* "HSBC Security", "HSBC Hong Kong" and "HSBC" are its name; "Amazon River
 * Tours" and "Friends of HSBC" may be another's.  A name that is also a word
 * or a person's first name needs words that go with it: "Chase Bank", not
 * "Chase" and not "Chase Miller". */
static void
offer_brand(struct inquiry *q, const struct words *words, size_t from,
    size_t to, const struct party *party)
{
	bool lures = rest_is_lures(q, words, from, to, party);
	bool alone = from == 0 && to == words->len;
	/* "Google Support" from gmail.com, where anybody gets an address */
	bool theirs = lookalike_is_theirs(q, party);

	if ((theirs || (party->flags & IMITATED_WORD) != 0) &&
	    (!lures || alone))
		return;
	lookalike_offer(q, LOOKALIKE_ORGANISATION, party,
	    lures && !theirs && !has_between(q, words));
}

static enum rc
ask_brand(struct inquiry *q, const struct words *words, size_t from, size_t to,
    struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;
	bool proven = false;

	for (size_t i = from; i < to; i++) {
		if (i > from)
			TRY(buf_add_byte(&key, ' ', err));
		TRY(buf_add(&key, words->word[i], err));
	}
	while (lookup_next(&q->l->brands, buf_span(&key), &at, &number)) {
		const struct party *party = &q->l->party[number];
		TRY(is_proven(q, buf_span(&key), &proven, err));
		if (!proven)
			offer_brand(q, words, from, to, party);
	}
	return RC_OK;
}

/* Chinese names have no blanks: they are looked for anywhere. */
static enum rc
ask_scripts(struct inquiry *q, const struct words *words, struct err *err)
{
	const struct lookup *names = &q->l->scripts;
	struct span text = buf_span(&words->text);
	bool proven = false;

	for (size_t i = 0; i < names->len; i++) {
		const struct lookup_entry *e = &names->entry[i];
		const struct party *party = &q->l->party[e->value];
		struct span key = span_of(e->text, e->len);
		ptrdiff_t at = span_find(text, key);
		if (at < 0)
			continue;
		TRY(is_proven(q, key, &proven, err));
		if (!proven && !lookalike_is_theirs(q, party))
			lookalike_offer(
			    q, LOOKALIKE_ORGANISATION, party, at == 0);
	}
	return RC_OK;
}

#define BRAND_WORDS_MAX 5

static enum rc
ask_brands(struct inquiry *q, const struct words *words, struct err *err)
{
	for (size_t from = 0; from < words->len; from++)
		for (size_t to = from + 1;
		     to <= words->len && to - from <= BRAND_WORDS_MAX; to++)
			TRY(ask_brand(q, words, from, to, err));
	return ask_scripts(q, words, err);
}

/* --- a name that is somebody's ---------------------------------------------*/

/* At the person's own domain it may be another mailbox of theirs, and its
 * owner sees to names. */
static bool
is_persons_domain(const struct inquiry *q, const struct party *person)
{
	const char *at = strrchr(person->of, '@');
	const char *mine = domain_registrable(&q->domain);

	if (!q->has_domain || at == NULL || q->owners == 0 ||
	    (q->owner[0]->flags & IMITATED_OPEN) != 0)
		return false;
	size_t len = strlen(at + 1), want = strlen(mine);
	return len >= want && strcmp(at + 1 + len - want, mine) == 0 &&
	       (len == want || at[len - want] == '.');
}

static enum rc
ask_person(struct inquiry *q, const struct words *words, size_t from, size_t to,
    struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;

	TRY(words_key(words->word + from, to - from, &key, err));
	while (lookup_next(&q->l->names, buf_span(&key), &at, &number)) {
		const struct party *person = &q->l->party[number];
		if (is_persons_domain(q, person) ||
		    lookalike_is_same_mailbox(q, person))
			continue;
		lookalike_offer(q, LOOKALIKE_PERSON, person,
		    rest_is_lures(q, words, from, to, person) &&
			!has_between(q, words));
	}
	return RC_OK;
}

#define PERSON_WORDS_MAX 6

static enum rc
ask_people(struct inquiry *q, struct words *words, struct err *err)
{
	words_strip(words, &q->l->titles);
	for (size_t from = 0; from < words->len; from++)
		for (size_t to = from + 1;
		     to <= words->len && to - from <= PERSON_WORDS_MAX; to++)
			TRY(ask_person(q, words, from, to, err));
	return RC_OK;
}

/* --- a name with its blanks elsewhere --------------------------------------*/

static void
offer_solid(struct inquiry *q, const struct party *party)
{
	bool known = party->kind == LOOKALIKE_KNOWN;

	if (known ? is_persons_domain(q, party) ||
			lookalike_is_same_mailbox(q, party)
		  : lookalike_is_theirs(q, party) ||
			q->sender->organisation.len > 0)
		return;
	lookalike_offer(
	    q, known ? LOOKALIKE_PERSON : LOOKALIKE_ORGANISATION, party, true);
}

static enum rc
ask_solid(struct inquiry *q, const struct words *words, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	size_t at = LOOKUP_NONE, number = 0;

	TRY(words_solid(words, 0, &key, err));
	while (lookup_next(&q->l->solid, buf_span(&key), &at, &number))
		offer_solid(q, &q->l->party[number]);
	return RC_OK;
}

/* --- all of it -------------------------------------------------------------*/

/* The addresses of an organisation that gives none to strangers are its own
 * business: "Alice Cooper" <notifications@github.com> is how it tells of
 * Alice.  Its domain stands in the sentence. */
static bool
is_service(const struct inquiry *q)
{
	return q->real && !q->open && q->owner[0]->kind == LOOKALIKE_IMITATED;
}

static enum rc
ask_words(struct inquiry *q, struct words *words, struct err *err)
{
	struct buf broken BUF_OWNED = BUF_SMALL;

	TRY(words_split(q->l, q->sender->name, words, err));
	TRY(add_broken(q->sender->name, &broken, err));
	TRY(ask_address(q, buf_span(&broken), words, err));
	if (is_service(q))
		return RC_OK;
	TRY(ask_domain(q, buf_span(&broken), words, err));
	TRY(ask_brands(q, words, err));
	TRY(ask_solid(q, words, err));
	return ask_people(q, words, err);
}

enum rc
lookalike_ask_name(struct inquiry *inquiry, struct err *err)
{
	struct words words = {0};

	if (inquiry->sender->name.len == 0)
		return RC_OK;
	if (has_override(inquiry->sender->name))
		lookalike_offer(inquiry, LOOKALIKE_TURNED, NULL, true);
	enum rc rc = ask_words(inquiry, &words, err);
	words_done(&words);
	return rc;
}
