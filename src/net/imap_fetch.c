#include "net/imap_fetch_priv.h"

#include <stdio.h>

static enum rc
read_number(const struct imap_token *token, uint32_t *ret)
{
	uint64_t number = 0;

	if (token->kind != IMAP_ATOM || token->value.len > 10)
		return RC_SYNTAX;
	for (size_t i = 0; i < token->value.len; i++) {
		uint8_t c = token->value.data[i];
		if (c < '0' || c > '9')
			return RC_SYNTAX;
		number = number * 10 + (unsigned)(c - '0');
	}
	*ret = (uint32_t)number;
	return number > UINT32_MAX ? RC_SYNTAX : RC_OK;
}

/* Step over one value: a word, or a list with all that is in it. */
static enum rc
skip_value(struct imap_walk *walk, struct imap_token *ret, struct err *err)
{
	size_t depth = 0;

	TRY(imap_walk_next(walk, ret, err));
	struct imap_token token = *ret;
	for (;;) {
		depth += token.kind == IMAP_OPEN;
		if (token.kind == IMAP_END ||
		    (token.kind == IMAP_CLOSE && depth-- == 0))
			return err_set(err, RC_SYNTAX, "IMAP: FETCH is cut");
		if (depth == 0)
			return RC_OK;
		TRY(imap_walk_next(walk, &token, err));
	}
}

static enum rc
read_items(struct imap_walk *walk, struct imap_fetch *ret, struct err *err)
{
	for (;;) {
		struct imap_token name, value;
		TRY(imap_walk_next(walk, &name, err));
		if (name.kind == IMAP_CLOSE)
			return RC_OK;
		if (name.kind != IMAP_ATOM)
			return err_set(err, RC_SYNTAX, "IMAP: FETCH is cut");
		TRY(skip_value(walk, &value, err));
		if (span_is_nocase(name.value, "BODY[]"))
			ret->body = value;
		if (span_is_nocase(name.value, "UID") &&
		    read_number(&value, &ret->uid) != RC_OK)
			return err_set(err, RC_SYNTAX, "IMAP: wrong UID");
	}
}

enum rc
imap_fetch_parse(struct span line, struct imap_fetch *ret, struct err *err)
{
	struct imap_walk walk = {line};
	struct imap_token number, word, open;

	*ret = (struct imap_fetch){0, {IMAP_END, SPAN_NONE, SPAN_NONE, false}};
	if (line.len == 0 || line.data[0] < '0' || line.data[0] > '9')
		return RC_OK;
	TRY(imap_walk_next(&walk, &number, err));
	TRY(imap_walk_next(&walk, &word, err));
	if (word.kind != IMAP_ATOM || !span_is_nocase(word.value, "FETCH"))
		return RC_OK;
	TRY(imap_walk_next(&walk, &open, err));
	if (open.kind != IMAP_OPEN)
		return err_set(err, RC_SYNTAX, "IMAP: FETCH without a list");
	return read_items(&walk, ret, err);
}

/* A letter that does not fit is an error only at the command's end: what
 * comes before must be read, or the next command would meet it. */
static enum rc
recv_letter(
    struct imap_link *link, uint32_t uid, struct buf *letter, struct err *err)
{
	enum rc rc =
	    err_set(err, RC_ABSENT, "there is no letter with UID %u", uid);

	for (;;) {
		enum imap_answer answer;
		struct imap_fetch fetch;
		struct span line;
		TRY(imap_link_expect(link, &answer, &line, err));
		if (answer == IMAP_OK)
			return rc;
		if (answer != IMAP_UNTAGGED)
			continue;
		TRY(imap_fetch_parse(line, &fetch, err));
		if (fetch.uid == uid && fetch.body.kind == IMAP_STRING &&
		    rc == RC_ABSENT)
			rc = imap_token_value(&fetch.body, letter, err);
	}
}

enum rc
imap_link_fetch(
    struct imap_link *link, uint32_t uid, struct buf *letter, struct err *err)
{
	char command[64];
	size_t was = letter->len;

	(void)snprintf(
	    command, sizeof(command), "UID FETCH %u (UID BODY.PEEK[])", uid);
	TRY(imap_link_command(link, span_str(command), err));
	enum rc rc = recv_letter(link, uid, letter, err);
	if (rc != RC_OK)
		buf_cut(letter, was);
	return rc;
}
