#include "edge/imap_fetched.h"

#include "edge/imap_set.h"

enum rc
imap_numbered_parse(struct imap_walk *walk, uint32_t *ret,
    struct span *ret_word, struct err *err)
{
	struct imap_walk at = *walk;
	struct imap_token number, word;

	if (at.rest.len == 0 || at.rest.data[0] < '0' || at.rest.data[0] > '9')
		return RC_ABSENT;
	TRY(imap_walk_next(&at, &number, err));
	TRY(imap_walk_next(&at, &word, err));
	TRY(imap_number_parse(number.value, ret, err));
	if (word.kind != IMAP_ATOM)
		return err_set(err, RC_SYNTAX, "a number alone");
	*ret_word = word.value;
	*walk = at;
	return RC_OK;
}

/* One value: a word, or a list with all that is in it, as it stands. */
static enum rc
take_value(struct imap_walk *walk, struct imap_token *ret,
    struct span *ret_whole, struct err *err)
{
	size_t depth = 0;
	struct imap_token token;

	TRY(imap_walk_next(walk, ret, err));
	token = *ret;
	for (;;) {
		depth += token.kind == IMAP_OPEN;
		if (token.kind == IMAP_END ||
		    (token.kind == IMAP_CLOSE && depth-- == 0))
			return err_set(err, RC_SYNTAX, "FETCH is cut short");
		if (depth == 0)
			break;
		TRY(imap_walk_next(walk, &token, err));
	}
	size_t len = (size_t)(walk->rest.data - ret->whole.data);
	*ret_whole = span_of(ret->whole.data, len);
	return RC_OK;
}

/* Flags and mod-sequences are lists, a date is a string. */
static bool
is_shaped(enum imap_item_kind kind, const struct imap_token *value)
{
	switch (kind) {
	case IMAP_ITEM_FLAGS:
	case IMAP_ITEM_MODSEQ:
		return value->kind == IMAP_OPEN;
	case IMAP_ITEM_DATE:
		return span_starts(value->whole, "\"");
	default:
		return true;
	}
}

static enum rc
take_item(struct span name, const struct imap_token *value, struct span whole,
    struct imap_fetched *ret, struct err *err)
{
	if (span_is_nocase(name, "UID")) {
		TRY(imap_number_parse(value->value, &ret->uid, err));
		return ret->uid != 0
			   ? RC_OK
			   : err_set(err, RC_SYNTAX, "a letter with UID 0");
	}
	if (span_is_nocase(name, "RFC822.SIZE"))
		return imap_number_parse(value->value, &ret->size, err);
	for (enum imap_item_kind kind = IMAP_ITEM_FLAGS; kind < IMAP_ITEM_SIZE;
	     kind++)
		if (span_is_nocase(name, imap_item_word(kind)) &&
		    is_shaped(kind, value))
			ret->told[kind] = whole;
	if (span_is_nocase(name, "BODY[]"))
		ret->body = *value;
	if (span_is_nocase(name, "BODY[HEADER]"))
		ret->header = *value;
	return RC_OK;
}

static enum rc
take_items(struct imap_walk *walk, struct imap_fetched *ret, struct err *err)
{
	for (;;) {
		struct imap_token name, value;
		struct span whole = SPAN_NONE;
		TRY(imap_walk_next(walk, &name, err));
		if (name.kind == IMAP_CLOSE)
			return RC_OK;
		if (name.kind != IMAP_ATOM)
			return err_set(err, RC_SYNTAX, "bad FETCH answer");
		TRY(take_value(walk, &value, &whole, err));
		TRY(take_item(name.value, &value, whole, ret, err));
	}
}

enum rc
imap_fetched_parse(struct span line, struct imap_fetched *ret, struct err *err)
{
	static const struct imap_token none = {
	    IMAP_END, SPAN_NONE, SPAN_NONE, false};
	struct imap_fetched fetched = {.body = none, .header = none};
	struct imap_walk walk = {line};
	struct imap_token open;
	struct span word;

	TRY(imap_numbered_parse(&walk, &fetched.number, &word, err));
	if (!span_is_nocase(word, "FETCH"))
		return RC_ABSENT;
	TRY(imap_walk_next(&walk, &open, err));
	if (open.kind != IMAP_OPEN)
		return err_set(err, RC_SYNTAX, "FETCH without a list");
	TRY(take_items(&walk, &fetched, err));
	*ret = fetched;
	return RC_OK;
}
