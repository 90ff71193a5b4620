#include <stdlib.h>

#include "base/own.h"
#include "flow/distance.h"
#include "flow/lookalike_priv.h"

/* One more item in an array that we own. */
static enum rc
room_for_one(void **item, size_t len, size_t *cap, size_t size, struct err *err)
{
	if (len < *cap)
		return RC_OK;
	size_t more = *cap > 0 ? *cap * 2 : 64;
	void *bigger = reallocarray(*item, more, size);
	if (bigger == NULL)
		return err_nomem(err, "look-alikes");
	*item = bigger;
	*cap = more;
	return RC_OK;
}

static enum rc
add_party(struct lookalike *l, struct span of, const struct party *like,
    size_t *ret, struct err *err)
{
	struct party new = *like;

	TRY(room_for_one((void **)&l->party, l->parties, &l->parties_cap,
	    sizeof(*l->party), err));
	TRY(span_dup(of, &new.of, err));
	l->party[l->parties] = new;
	*ret = l->parties++;
	return RC_OK;
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

/* Loose, without the signs in `out`. */
static enum rc
loose_without(const struct lookalike *l, struct span text, const char *out,
    struct buf *ret, struct err *err)
{
	struct buf joined BUF_OWNED = BUF_SMALL;

	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == 0 || strchr(out, text.data[i]) == NULL)
			TRY(buf_add_byte(&joined, text.data[i], err));
	return skeleton_loose(l->skeleton, buf_span(&joined), ret, err);
}

enum rc
lookalike_loose_label(const struct lookalike *l, struct span label,
    struct buf *ret, struct err *err)
{
	return loose_without(l, label, "-", ret, err);
}

enum rc
lookalike_loose_local(const struct lookalike *l, struct span local,
    struct buf *ret, struct err *err)
{
	return loose_without(l, local, "-._", ret, err);
}

static void
target_done(struct target *target)
{
	free(target->label);
	free(target->domain);
	free(target->strict);
	free(target->loose);
}

static enum rc
fill_target(const struct lookalike *l, struct span label, struct span domain,
    struct target *ret, struct err *err)
{
	struct buf strict BUF_OWNED = BUF_SMALL;
	struct buf loose BUF_OWNED = BUF_SMALL;

	TRY(skeleton_strict(l->skeleton, label, &strict, err));
	TRY(lookalike_loose_label(l, label, &loose, err));
	TRY(span_dup(label, &ret->label, err));
	TRY(span_dup(domain, &ret->domain, err));
	TRY(span_dup(buf_span(&strict), &ret->strict, err));
	TRY(span_dup(buf_span(&loose), &ret->loose, err));
	ret->loose_len = loose.len;
	ret->bag = distance_bag(buf_span(&loose));
	ret->ascii = is_ascii(buf_span(&loose));
	return RC_OK;
}

static enum rc
add_target(struct lookalike *l, struct span label, struct span domain,
    size_t party, struct err *err)
{
	struct target new = {.party = party, .flags = l->party[party].flags};

	TRY(room_for_one((void **)&l->target, l->targets, &l->targets_cap,
	    sizeof(*l->target), err));
	enum rc rc = fill_target(l, label, domain, &new, err);
	if (rc == RC_OK)
		rc = lookup_add(&l->by_loose, span_of(new.loose, new.loose_len),
		    l->targets, err);
	if (rc != RC_OK) {
		target_done(&new);
		return rc;
	}
	l->target[l->targets++] = new;
	return RC_OK;
}

/* --- the shipped list ------------------------------------------------------*/

/* "paypal.*" stands for itself in the table of domains. */
static enum rc
add_domain(struct lookalike *l, const struct imitated_word *word,
    const struct party *like, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	struct party party = *like;
	size_t number = 0;

	party.flags = word->flags;
	party.name_len = strcspn(word->text, ".");
	TRY(add_party(l, span_str(like->of), &party, &number, err));
	TRY(buf_add_str(&key, word->text, err));
	if ((word->flags & IMITATED_EVERYWHERE) != 0)
		TRY(buf_add_str(&key, ".*", err));
	return lookup_add(&l->domains, buf_span(&key), number, err);
}

static enum rc
add_label(struct lookalike *l, const struct imitated_word *word,
    const struct party *like, struct err *err)
{
	struct party party = *like;
	size_t number = 0;

	party.flags = word->flags;
	TRY(add_party(l, span_str(like->of), &party, &number, err));
	return add_target(l, span_str(word->text), span_str(""), number, err);
}

/* AliceCooper, A l i c e, Pay-Pal; short ones are other words by chance. */
#define SOLID_LEAST 6

static enum rc
add_solid(struct lookalike *l, const struct words *words, size_t first,
    size_t party, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;

	TRY(words_solid(words, first, &key, err));
	if (key.len < SOLID_LEAST)
		return RC_OK;
	return lookup_add(&l->solid, buf_span(&key), party, err);
}

/* A name of Latin words is found by its words, one of Chinese anywhere. */
static enum rc
add_brand(struct lookalike *l, const struct imitated_word *word,
    const struct party *like, struct err *err)
{
	struct party party = *like;
	struct words words = {0};
	struct buf key BUF_OWNED = BUF_SMALL;
	size_t number = 0;

	party.flags = word->flags;
	TRY(add_party(l, span_str(word->text), &party, &number, err));
	enum rc rc = words_split(l, span_str(word->text), &words, err);
	for (size_t i = 0; rc == RC_OK && i < words.len; i++) {
		if (i > 0)
			rc = buf_add_byte(&key, ' ', err);
		if (rc == RC_OK)
			rc = buf_add(&key, words.word[i], err);
	}
	if (rc == RC_OK && (word->flags & IMITATED_WORD) == 0)
		rc = add_solid(l, &words, 0, number, err);
	words_done(&words);
	TRY(rc);
	if (words.len <= 1 && !is_ascii(buf_span(&key)) &&
	    (uint8_t)word->text[0] >= 0xe3)
		return lookup_add(&l->scripts, buf_span(&key), number, err);
	return lookup_add(&l->brands, buf_span(&key), number, err);
}

static enum rc
add_organisation(struct lookalike *l, const struct imitated *imitated,
    size_t group, struct err *err)
{
	/* the name is lent for the copies that are made of it */
	struct party like = {.kind = LOOKALIKE_IMITATED,
	    .of = (char *)(uintptr_t)imitated->names[0].text,
	    .group = group};

	if (like.of == NULL)
		bug("an organisation without a name");
	for (const struct imitated_word *w = imitated->names; w->text; w++)
		TRY(add_brand(l, w, &like, err));
	for (const struct imitated_word *w = imitated->labels; w->text; w++)
		TRY(add_label(l, w, &like, err));
	for (const struct imitated_word *w = imitated->domains; w->text; w++)
		TRY(add_domain(l, w, &like, err));
	return RC_OK;
}

static enum rc
add_words(const struct lookalike *l, const struct imitated_word *word,
    struct lookup *ret, struct err *err)
{
	for (; word->text != NULL; word++) {
		struct buf loose BUF_OWNED = BUF_SMALL;
		TRY(skeleton_loose(
		    l->skeleton, span_str(word->text), &loose, err));
		TRY(lookup_add(ret, buf_span(&loose), word->flags, err));
	}
	return RC_OK;
}

static enum rc
add_plain(const struct imitated_word *word, struct lookup *ret, struct err *err)
{
	for (; word->text != NULL; word++)
		TRY(lookup_add(ret, span_str(word->text), 0, err));
	return RC_OK;
}

enum rc
lookalike_fill_shipped(struct lookalike *l, struct err *err)
{
	struct party nobody = {.kind = LOOKALIKE_NOBODY,
	    .of = (char *)(uintptr_t) "",
	    .group = LOOKALIKE_NO_GROUP};

	TRY(add_words(l, imitated_lures, &l->lures, err));
	TRY(add_words(l, imitated_titles, &l->titles, err));
	TRY(add_words(l, imitated_between, &l->between, err));
	TRY(add_words(l, imitated_places, &l->places, err));
	TRY(add_words(l, imitated_generic, &l->generic, err));
	TRY(add_plain(imitated_near, &l->near, err));
	TRY(add_plain(imitated_sold, &l->sold, err));
	TRY(add_plain(imitated_endings, &l->endings, err));
	for (const struct imitated_word *w = imitated_real; w->text; w++)
		TRY(add_domain(l, w, &nobody, err));
	for (size_t i = 0; imitated_organisations[i].names != NULL; i++)
		TRY(add_organisation(l, &imitated_organisations[i], i, err));
	return RC_OK;
}

/* --- the reader's own ------------------------------------------------------*/

/* A domain that is somebody's already needs no target: an organisation's has
 * its own, and a second person at a domain adds nothing. */
static enum rc
add_readers_domain(struct lookalike *l, const struct domain *domain,
    enum lookalike_kind kind, struct err *err)
{
	struct party like = {.kind = kind, .group = LOOKALIKE_NO_GROUP};
	struct span name = span_str(domain_registrable(domain));
	struct span label = domain_label(domain, domain->name);
	const struct party *owner = NULL;
	size_t at = LOOKUP_NONE, number = 0;

	while (lookalike_next_owner(l, name, &at, &owner))
		if (owner->kind != LOOKALIKE_KNOWN || kind == LOOKALIKE_KNOWN)
			return RC_OK;
	like.name_len = strcspn((const char *)name.data, ".");
	TRY(add_party(l, name, &like, &number, err));
	TRY(add_target(l, label, name, number, err));
	return lookup_add(&l->domains, name, number, err);
}

enum rc
lookalike_add_own(struct lookalike *l, struct span text, struct err *err)
{
	struct domain domain;

	if (l->own >= LOOKALIKE_OWN_MAX)
		return err_set(err, RC_LIMIT, "more than %d own domains",
		    LOOKALIKE_OWN_MAX);
	TRY(domain_parse(l->reader, text, &domain, err));
	TRY(add_readers_domain(l, &domain, LOOKALIKE_OWN, err));
	l->own++;
	return RC_OK;
}

/* A name that is a person's or a firm's: at least two words, or one that is
 * not in Latin letters, and not only words such as "customer service". */
static bool
is_telling(const struct lookalike *l, const struct words *words)
{
	bool all_generic = true;

	for (size_t i = 0; i < words->len; i++)
		if (!lookup_has(&l->generic, words->word[i]))
			all_generic = false;
	if (words->len == 0 || all_generic)
		return false;
	return words->len > 1 ||
	       (words->word[0].len >= 6 && !is_ascii(words->word[0]));
}

static enum rc
add_name(struct lookalike *l, struct span name, size_t party, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;
	struct words words = {0};

	enum rc rc =
	    words_split(l, span_first(name, LOOKALIKE_NAME_MAX), &words, err);
	words_strip(&words, &l->titles);
	if (rc == RC_OK && is_telling(l, &words)) {
		rc = words_key(words.word, words.len, &key, err);
		if (rc == RC_OK)
			rc = lookup_add(&l->names, buf_span(&key), party, err);
		if (rc == RC_OK)
			rc = add_solid(l, &words, 0, party, err);
		if (rc == RC_OK && words.len > 1)
			rc = add_solid(l, &words, words.len - 1, party, err);
	}
	words_done(&words);
	return rc;
}

/* "local@registrable.domain", the local part without signs, loose. */
static enum rc
add_local(struct lookalike *l, struct span local, const struct domain *domain,
    size_t party, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SMALL;

	TRY(lookalike_loose_local(l, local, &key, err));
	TRY(buf_add_byte(&key, '@', err));
	TRY(buf_add_str(&key, domain_registrable(domain), err));
	return lookup_add(&l->locals, buf_span(&key), party, err);
}

/* Local parts are compared in lower case (RFC 8550 section 3). */
enum rc
lookalike_address(struct span local, const struct domain *domain,
    struct buf *ret, struct err *err)
{
	for (size_t i = 0; i < local.len; i++) {
		uint8_t c = local.data[i];
		TRY(buf_add_byte(
		    ret, c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c, err));
	}
	TRY(buf_add_byte(ret, '@', err));
	return buf_add_str(ret, domain->ascii, err);
}

static ptrdiff_t
last_at(struct span address)
{
	size_t i = address.len;

	while (i > 0 && address.data[i - 1] != '@')
		i--;
	return (ptrdiff_t)i - 1;
}

enum rc
lookalike_add_known(
    struct lookalike *l, struct span address, struct span name, struct err *err)
{
	struct party like = {
	    .kind = LOOKALIKE_KNOWN, .group = LOOKALIKE_NO_GROUP};
	struct buf key BUF_OWNED = BUF_SMALL;
	struct domain domain;
	ptrdiff_t at = last_at(address);
	size_t number = 0;

	if (l->people >= LOOKALIKE_PEOPLE_MAX)
		return err_set(err, RC_LIMIT, "more than %d known people",
		    LOOKALIKE_PEOPLE_MAX);
	if (at <= 0)
		return err_set(err, RC_SYNTAX, "no address with a domain");
	struct span local = span_first(address, (size_t)at);
	TRY(domain_parse(
	    l->reader, span_after(address, (size_t)at + 1), &domain, err));
	TRY(lookalike_address(local, &domain, &key, err));
	TRY(add_party(l, buf_span(&key), &like, &number, err));
	TRY(add_readers_domain(l, &domain, LOOKALIKE_KNOWN, err));
	TRY(lookup_add(&l->addresses, buf_span(&key), number, err));
	TRY(add_local(l, local, &domain, number, err));
	TRY(add_name(l, name, number, err));
	l->people++;
	return RC_OK;
}

void
lookalike_empty(struct lookalike *l)
{
	for (size_t i = 0; i < l->targets; i++)
		target_done(&l->target[i]);
	for (size_t i = 0; i < l->parties; i++)
		free(l->party[i].of);
	free(l->target);
	free(l->party);
}
