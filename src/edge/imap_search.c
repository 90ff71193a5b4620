#include "edge/imap_search.h"

#include "edge/imap_flags.h"
#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"

enum kind {
	KEY_PLAIN, /* nothing behind it */
	KEY_DATE,
	KEY_KEYWORD,
	KEY_UIDS,
	KEY_NOT,    /* one key */
	KEY_OR,     /* two */
	KEY_INSIDE, /* only the letters know; one word behind it */
	KEY_HEADER, /* the same, two words */
};

static const struct {
	const char *name;
	enum kind kind;
} keys[] = {
    {"ALL", KEY_PLAIN},
    {"ANSWERED", KEY_PLAIN},
    {"DELETED", KEY_PLAIN},
    {"DRAFT", KEY_PLAIN},
    {"FLAGGED", KEY_PLAIN},
    {"NEW", KEY_PLAIN},
    {"OLD", KEY_PLAIN},
    {"RECENT", KEY_PLAIN},
    {"SEEN", KEY_PLAIN},
    {"UNANSWERED", KEY_PLAIN},
    {"UNDELETED", KEY_PLAIN},
    {"UNDRAFT", KEY_PLAIN},
    {"UNFLAGGED", KEY_PLAIN},
    {"UNSEEN", KEY_PLAIN},
    {"BEFORE", KEY_DATE},
    {"ON", KEY_DATE},
    {"SINCE", KEY_DATE},
    {"KEYWORD", KEY_KEYWORD},
    {"UNKEYWORD", KEY_KEYWORD},
    {"UID", KEY_UIDS},
    {"NOT", KEY_NOT},
    {"OR", KEY_OR},
    {"BCC", KEY_INSIDE},
    {"BODY", KEY_INSIDE},
    {"CC", KEY_INSIDE},
    {"FROM", KEY_INSIDE},
    {"LARGER", KEY_INSIDE},
    {"SENTBEFORE", KEY_INSIDE},
    {"SENTON", KEY_INSIDE},
    {"SENTSINCE", KEY_INSIDE},
    {"SMALLER", KEY_INSIDE},
    {"SUBJECT", KEY_INSIDE},
    {"TEXT", KEY_INSIDE},
    {"TO", KEY_INSIDE},
    {"HEADER", KEY_HEADER},
};

struct search {
	struct imap_walk walk;
	bool inside; /* a key was met that the mail server cannot answer */
	bool ours;   /* a keyword of ours */
	struct err *err;
};

static enum rc check_key(
    struct search *s, const struct imap_token *token, unsigned depth);

static enum rc
wrong(struct search *s)
{
	return err_set(s->err, RC_SYNTAX, "this is no search");
}

static enum rc
next_key(struct search *s, unsigned depth)
{
	struct imap_token token;

	TRY(imap_walk_next(&s->walk, &token, s->err));
	return check_key(s, &token, depth);
}

static enum rc
take_word(struct search *s, struct imap_token *ret)
{
	TRY(imap_walk_next(&s->walk, ret, s->err));
	if (ret->kind != IMAP_ATOM && ret->kind != IMAP_STRING)
		return wrong(s);
	return RC_OK;
}

static enum rc
check_arguments(struct search *s, enum kind kind, unsigned depth)
{
	struct imap_token word;

	if (kind == KEY_PLAIN)
		return RC_OK;
	if (kind == KEY_NOT || kind == KEY_OR) {
		TRY(next_key(s, depth + 1));
		return kind == KEY_OR ? next_key(s, depth + 1) : RC_OK;
	}
	TRY(take_word(s, &word));
	if (kind == KEY_KEYWORD && word.kind != IMAP_ATOM)
		return wrong(s);
	if (kind == KEY_UIDS)
		return imap_set_check(word.value, s->err);
	s->ours |= kind == KEY_KEYWORD && imap_flag_is_ours(word.value);
	s->inside |= kind == KEY_INSIDE || kind == KEY_HEADER;
	return kind == KEY_HEADER ? take_word(s, &word) : RC_OK;
}

static enum rc
check_list(struct search *s, unsigned depth)
{
	struct imap_token token;
	bool any = false;

	for (;;) {
		TRY(imap_walk_next(&s->walk, &token, s->err));
		if (token.kind == IMAP_CLOSE)
			return any ? RC_OK : wrong(s);
		TRY(check_key(s, &token, depth + 1));
		any = true;
	}
}

static enum rc
check_key(struct search *s, const struct imap_token *token, unsigned depth)
{
	if (depth > IMAP_SEARCH_DEPTH)
		return err_set(s->err, RC_SYNTAX,
		    "search keys nested deeper than %d", IMAP_SEARCH_DEPTH);
	if (token->kind == IMAP_OPEN)
		return check_list(s, depth);
	if (token->kind != IMAP_ATOM)
		return wrong(s);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (span_is_nocase(token->value, keys[i].name))
			return check_arguments(s, keys[i].kind, depth);
	struct err ignored;
	if (imap_set_check(token->value, &ignored) != RC_OK)
		return err_set(s->err, RC_SYNTAX, "unknown search key");
	return RC_OK;
}

/* "CHARSET UTF-8" */
static enum rc
check_start(struct search *s)
{
	struct imap_token token;

	TRY(imap_walk_next(&s->walk, &token, s->err));
	if (token.kind != IMAP_ATOM || !span_is_nocase(token.value, "CHARSET"))
		return check_key(s, &token, 0);
	TRY(take_word(s, &token));
	return next_key(s, 0);
}

static enum rc
verdict_of(const struct search *s)
{
	if (s->inside)
		return err_set(s->err, RC_REFUSED,
		    "searching inside sealed letters is not possible yet");
	if (s->ours)
		return err_set(s->err, RC_REFUSED,
		    "searching for verdicts is not possible yet");
	return RC_OK;
}

enum rc
imap_search_check(struct imap_walk args, struct err *err)
{
	struct search s = {args, false, false, err};
	struct imap_token token;

	TRY(check_start(&s));
	for (;;) {
		TRY(imap_walk_next(&s.walk, &token, err));
		if (token.kind == IMAP_END)
			return verdict_of(&s);
		TRY(check_key(&s, &token, 0));
	}
}

enum rc
imap_do_search(struct imap_session *s, struct imap_walk *args, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	enum rc rc = imap_search_check(*args, &why);
	if (rc == RC_OK)
		rc = buf_add_str(
		    &command, s->by_uid ? "UID SEARCH " : "SEARCH ", &why);
	if (rc == RC_OK)
		rc = imap_reprint(*args, &command, &why);
	if (rc == RC_REFUSED)
		return imap_reply(s, err, "NO [CANNOT] %s", why.text);
	if (rc != RC_OK)
		return imap_reply_bad(s, &why, err);
	return imap_upstream_relay(s, buf_span(&command), err);
}
