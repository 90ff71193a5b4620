#include "keydir/history.h"

#include <stdio.h>
#include <string.h>

#include "keydir/person.h"
#include "mime/address.h"

#define ENDING ".seen"

/* --- what it says of a letter ------------------------------------------------*/

static bool
same(const uint8_t a[CERT_DIGEST_LEN], const uint8_t b[CERT_DIGEST_LEN])
{
	return span_is(
	    span_of(a, CERT_DIGEST_LEN), span_of(b, CERT_DIGEST_LEN));
}

/* All keys of one root. */
struct use {
	bool seen, fine;
	int64_t first, last;
};

static void
use_add(struct use *use, int64_t first, int64_t last)
{
	if (!use->seen || first < use->first)
		use->first = first;
	if (!use->seen || last > use->last)
		use->last = last;
	use->seen = true;
}

static struct use
use_of(const struct history *h, const uint8_t root[CERT_DIGEST_LEN])
{
	struct use use = {false, false, 0, 0};

	for (size_t i = 0; i < h->keys; i++) {
		if (!same(h->key[i].root, root))
			continue;
		use_add(&use, h->key[i].first, h->key[i].last);
		use.fine = use.fine || h->key[i].fine;
	}
	return use;
}

/* The time between a letter and the nearest use of another root, as far as it
 * is remembered. */
static int64_t
distance(int64_t when, const struct history *h, const uint8_t *root)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < h->keys; i++) {
		const struct history_key *key = &h->key[i];
		if (!same(key->root, root))
			continue;
		int64_t away = when > key->last    ? when - key->last
			       : when < key->first ? key->first - when
						   : 0;
		least = away < least ? away : least;
	}
	return least;
}

/* What one other root says of a letter under `mine`. */
static void
compare(const struct history *h, const struct history_letter *letter,
    const struct use *mine, const uint8_t *root, struct history_opinion *ret)
{
	struct use other = use_of(h, root);
	bool near = distance(letter->when, h, root) <= HISTORY_WINDOW;
	bool overlap = mine->first <= other.last && other.first <= mine->last;

	if (mine->fine && other.fine)
		return;
	if (overlap && near)
		ret->conflict = true;
	if (!mine->fine && other.first < mine->first &&
	    (near || letter->when - mine->first < HISTORY_WINDOW))
		ret->new_root = true;
}

static void
judge_signed(const struct history *h, const struct history_letter *letter,
    struct history_opinion *ret)
{
	struct use mine = use_of(h, letter->root);

	use_add(&mine, letter->when, letter->when);
	for (size_t i = 0; i < h->keys; i++)
		if (!same(h->key[i].root, letter->root))
			compare(h, letter, &mine, h->key[i].root, ret);
	ret->accepted = h->fine != 0 && mine.fine;
}

void
history_judge(const struct history *history,
    const struct history_letter *letter, struct history_opinion *ret)
{
	*ret = (struct history_opinion){.always_signed = false};
	if (letter->is_signed) {
		judge_signed(history, letter, ret);
		return;
	}
	ret->accepted = history->fine != 0 && history->fine_unsigned;
	/* one that came before the habit is no break of it */
	ret->always_signed = history->steady != 0 && !ret->accepted &&
			     letter->seen >= history->steady;
}

bool
history_is_known(const struct history *history)
{
	return history_is_meant(history) || history->letters > 0;
}

bool
history_is_meant(const struct history *history)
{
	return history->fine != 0 ||
	       (history->wrote != 0 && !history->imitates);
}

/* --- in the state ------------------------------------------------------------*/

static enum rc
load(const struct state *state, const char *name, struct history *ret,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF(HISTORY_ITEM_MAX);

	TRY(state_load(state, name, &text, err));
	return history_parse(buf_span(&text), ret, err);
}

enum rc
history_recall(const struct state *state, const char *address,
    struct history *ret, struct err *err)
{
	char name[PERSON_NAME_MAX];

	TRY(person_item(state, address, ENDING, name, err));
	return load(state, name, ret, err);
}

static void
begin(const char *address, struct history *ret)
{
	*ret = (struct history){.keys = 0};
	(void)snprintf(ret->address, sizeof(ret->address), "%s", address);
}

/* One address while it is changed. */
struct change {
	struct file_guard guard;
	char name[PERSON_NAME_MAX];
	struct history history;
};

#define CHANGE_OWNED __attribute__((cleanup(change_done)))

static void
change_done(struct change *change)
{
	file_guard_done(&change->guard);
}

static enum rc
change_begin(const struct state *state, const char *address, struct change *ret,
    struct err *err)
{
	struct buf form BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	struct err why = ERR_NONE;

	ret->guard = FILE_GUARD_NONE;
	TRY(address_canonical(address, &form, err));
	TRY(buf_str(&form, &text, err));
	if (text[0] == '\0' || strlen(text) >= HISTORY_ADDRESS_MAX)
		return err_set(err, RC_SYNTAX, "no address to remember");
	TRY(person_item(state, address, ENDING, ret->name, err));
	TRY(state_guard_take(state, &ret->guard, err));
	enum rc rc = load(state, ret->name, &ret->history, &why);
	if (rc == RC_OK)
		return RC_OK;
	/* one that was damaged is begun anew; anything else is a failure */
	if (rc != RC_ABSENT && rc != RC_SYNTAX && rc != RC_CRYPTO)
		return err_set(err, rc, "%s", why.text);
	begin(text, &ret->history);
	return RC_OK;
}

static enum rc
change_save(
    const struct state *state, const struct change *change, struct err *err)
{
	struct buf text BUF_OWNED = BUF(HISTORY_ITEM_MAX);

	TRY(history_print(&change->history, &text, err));
	return state_save(state, change->name, buf_span(&text), err);
}

/* --- letters -----------------------------------------------------------------*/

static bool
has_mark(const struct history *h, uint64_t mark)
{
	for (size_t i = 0; i < h->marks; i++)
		if (h->mark[i] == mark)
			return true;
	return false;
}

static void
add_mark(struct history *h, uint64_t mark)
{
	if (h->marks == HISTORY_MARKS)
		memmove(h->mark, h->mark + 1, --h->marks * sizeof(h->mark[0]));
	h->mark[h->marks++] = mark;
}

static struct history_key *
find_key(struct history *h, const struct history_letter *letter)
{
	for (size_t i = 0; i < h->keys; i++)
		if (same(h->key[i].key, letter->key) &&
		    same(h->key[i].root, letter->root))
			return &h->key[i];
	return NULL;
}

/* What root `at` has keeps its times when one of its keys is forgotten. */
static bool
merge(struct history *h, size_t at)
{
	for (size_t i = 0; i < h->keys; i++) {
		struct history_key *into = &h->key[i], *from = &h->key[at];
		if (i == at || !same(into->root, from->root))
			continue;
		into->first =
		    from->first < into->first ? from->first : into->first;
		into->last = from->last > into->last ? from->last : into->last;
		into->letters += from->letters;
		into->fine = into->fine || from->fine;
		*from = h->key[--h->keys];
		return true;
	}
	return false;
}

/* The key that was used least lately, of a root that has another one. */
static enum rc
make_room(struct history *h, struct err *err)
{
	bool tried[HISTORY_KEYS] = {false};

	if (h->keys < HISTORY_KEYS)
		return RC_OK;
	for (size_t n = 0; n < HISTORY_KEYS; n++) {
		size_t oldest = HISTORY_KEYS;
		for (size_t i = 0; i < HISTORY_KEYS; i++)
			if (!tried[i] &&
			    (oldest == HISTORY_KEYS ||
				h->key[i].last < h->key[oldest].last))
				oldest = i;
		if (merge(h, oldest))
			return RC_OK;
		tried[oldest] = true;
	}
	return err_set(err, RC_LIMIT, "%.100s has keys of %d roots", h->address,
	    HISTORY_KEYS);
}

static enum rc
note_key(
    struct history *h, const struct history_letter *letter, struct err *err)
{
	struct history_key *key = find_key(h, letter);

	if (key == NULL) {
		struct use root = use_of(h, letter->root);
		TRY(make_room(h, err));
		key = &h->key[h->keys++];
		*key = (struct history_key){.first = letter->when,
		    .last = letter->when,
		    .fine = root.fine};
		memcpy(key->key, letter->key, sizeof(key->key));
		memcpy(key->root, letter->root, sizeof(key->root));
	}
	key->first = letter->when < key->first ? letter->when : key->first;
	key->last = letter->when > key->last ? letter->when : key->last;
	key->letters++;
	return RC_OK;
}

static void
note_name(struct history *h, const char *name)
{
	if (name != NULL && h->name[0] == '\0' &&
	    strlen(name) < sizeof(h->name))
		(void)snprintf(h->name, sizeof(h->name), "%s", name);
}

static enum rc
note_signed(
    struct history *h, const struct history_letter *letter, struct err *err)
{
	TRY(note_key(h, letter, err));
	note_name(h, letter->name);
	h->letters++;
	if (h->since == 0 || letter->when < h->since)
		h->since = letter->when;
	if (letter->when > h->last)
		h->last = letter->when;
	if (h->letters == HISTORY_STEADY)
		h->steady = letter->seen;
	return RC_OK;
}

enum rc
history_note(const struct state *state, const char *address,
    const struct history_letter *letter, struct err *err)
{
	struct change change CHANGE_OWNED;
	struct history *h = &change.history;

	TRY(change_begin(state, address, &change, err));
	if (has_mark(h, letter->mark) ||
	    (!letter->is_signed && h->letters == 0))
		return RC_OK;
	if (letter->is_signed)
		TRY(note_signed(h, letter, err));
	else
		h->unsigned_too++;
	add_mark(h, letter->mark);
	return change_save(state, &change, err);
}

/* --- the reader --------------------------------------------------------------*/

enum rc
history_wrote(const struct state *state, const char *address, const char *name,
    bool imitates, int64_t now, bool *ret_new, struct err *err)
{
	struct change change CHANGE_OWNED;
	struct history *h = &change.history;

	TRY(change_begin(state, address, &change, err));
	bool meant = history_is_meant(h);
	bool told = name != NULL && name[0] != '\0' &&
		    strlen(name) < sizeof(h->name) &&
		    strcmp(name, h->name) != 0;
	/* who was meant once does not become an impostor by a later rule */
	h->imitates = imitates && !meant;
	h->wrote = now;
	if (told)
		(void)snprintf(h->name, sizeof(h->name), "%s", name);
	TRY(change_save(state, &change, err));
	*ret_new = history_is_meant(h) && (!meant || told);
	return RC_OK;
}

enum rc
history_accept(const struct state *state, const char *address,
    bool unsigned_too, int64_t now, struct err *err)
{
	struct change change CHANGE_OWNED;
	struct history *h = &change.history;

	TRY(change_begin(state, address, &change, err));
	h->fine = now;
	h->fine_unsigned = h->fine_unsigned || unsigned_too;
	for (size_t i = 0; i < h->keys; i++)
		h->key[i].fine = true;
	return change_save(state, &change, err);
}

enum rc
history_undo(const struct state *state, const char *address, struct err *err)
{
	struct change change CHANGE_OWNED;
	struct history *h = &change.history;

	TRY(change_begin(state, address, &change, err));
	if (h->fine == 0)
		return err_set(
		    err, RC_ABSENT, "nobody said that %.200s is fine", address);
	h->fine = 0;
	h->fine_unsigned = false;
	for (size_t i = 0; i < h->keys; i++)
		h->key[i].fine = false;
	return change_save(state, &change, err);
}

/* --- all of them -------------------------------------------------------------*/

struct every {
	const struct state *state;
	enum rc (*each)(
	    void *self, const struct history *history, struct err *err);
	void *self;
};

static enum rc
give_one(void *self, const char *name, struct err *err)
{
	const struct every *every = self;
	struct history history;
	struct err ignored = ERR_NONE;
	size_t len = strlen(name);

	if (len < strlen(ENDING) ||
	    strcmp(name + len - strlen(ENDING), ENDING) != 0)
		return RC_OK;
	enum rc rc = load(every->state, name, &history, &ignored);
	if (rc == RC_NOMEM)
		return err_nomem(err, "people");
	return rc == RC_OK ? every->each(every->self, &history, err) : RC_OK;
}

enum rc
history_each(const struct state *state,
    enum rc (*each)(void *self, const struct history *history, struct err *err),
    void *self, struct err *err)
{
	struct every every = {state, each, self};

	return state_each(state, PERSON_FOLDER, give_one, &every, err);
}
