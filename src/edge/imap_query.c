#include "edge/imap_query.h"

#include <stdlib.h>

#include "codec/when.h"
#include "edge/imap_flags.h"
#include "edge/imap_set.h"
#include "flow/search_text.h"

#define DAY ((int64_t)24 * 60 * 60)

static void
query_free(struct imap_query *query)
{
	while (query != NULL) {
		struct imap_query *next = query->next;
		query_free(query->child);
		buf_done(&query->text);
		free(query->name);
		free(query->hits);
		free(query);
		query = next;
	}
}

void
imap_searching_done(struct imap_searching *searching)
{
	query_free(searching->query);
	searching->query = NULL;
}

/* --- the keys --- */

enum shape {
	BARE,    /* nothing behind it */
	DATE,    /* a date, for the mail server */
	WORD,    /* one word, for the mail server */
	UIDS,    /* a set */
	KEYWORD, /* a flag */
	MODSEQ,  /* a number, or the name and kind of an entry before it */
	ONE,     /* one key */
	TWO,     /* two keys */
	STRING,  /* text, for us */
	NAMED,   /* the name of a field, and text */
	NUMBER,  /* for us */
	SENT,    /* a date, for us */
};

static const struct key {
	const char *name;
	enum shape shape;
	enum imap_query_kind kind;
	const char *field;
} keys[] = {
    {"ALL", BARE, IMAP_QUERY_SERVER, NULL},
    {"ANSWERED", BARE, IMAP_QUERY_SERVER, NULL},
    {"DELETED", BARE, IMAP_QUERY_SERVER, NULL},
    {"DRAFT", BARE, IMAP_QUERY_SERVER, NULL},
    {"FLAGGED", BARE, IMAP_QUERY_SERVER, NULL},
    {"NEW", BARE, IMAP_QUERY_SERVER, NULL},
    {"OLD", BARE, IMAP_QUERY_SERVER, NULL},
    {"RECENT", BARE, IMAP_QUERY_SERVER, NULL},
    {"SEEN", BARE, IMAP_QUERY_SERVER, NULL},
    {"UNANSWERED", BARE, IMAP_QUERY_SERVER, NULL},
    {"UNDELETED", BARE, IMAP_QUERY_SERVER, NULL},
    {"UNDRAFT", BARE, IMAP_QUERY_SERVER, NULL},
    {"UNFLAGGED", BARE, IMAP_QUERY_SERVER, NULL},
    {"UNSEEN", BARE, IMAP_QUERY_SERVER, NULL},
    {"SAVEDATESUPPORTED", BARE, IMAP_QUERY_SERVER, NULL},
    {"BEFORE", DATE, IMAP_QUERY_SERVER, NULL},
    {"ON", DATE, IMAP_QUERY_SERVER, NULL},
    {"SINCE", DATE, IMAP_QUERY_SERVER, NULL},
    {"SAVEDBEFORE", DATE, IMAP_QUERY_SERVER, NULL},
    {"SAVEDON", DATE, IMAP_QUERY_SERVER, NULL},
    {"SAVEDSINCE", DATE, IMAP_QUERY_SERVER, NULL},
    {"OLDER", WORD, IMAP_QUERY_SERVER, NULL},
    {"YOUNGER", WORD, IMAP_QUERY_SERVER, NULL},
    {"EMAILID", WORD, IMAP_QUERY_SERVER, NULL},
    {"THREADID", WORD, IMAP_QUERY_SERVER, NULL},
    {"UID", UIDS, IMAP_QUERY_SERVER, NULL},
    {"KEYWORD", KEYWORD, IMAP_QUERY_KEYWORD, NULL},
    {"UNKEYWORD", KEYWORD, IMAP_QUERY_NOT, NULL},
    {"MODSEQ", MODSEQ, IMAP_QUERY_SERVER, NULL},
    {"NOT", ONE, IMAP_QUERY_NOT, NULL},
    {"OR", TWO, IMAP_QUERY_OR, NULL},
    {"BCC", STRING, IMAP_QUERY_FIELD, "Bcc"},
    {"BODY", STRING, IMAP_QUERY_BODY, NULL},
    {"CC", STRING, IMAP_QUERY_FIELD, "Cc"},
    {"FROM", STRING, IMAP_QUERY_FIELD, "From"},
    {"SUBJECT", STRING, IMAP_QUERY_FIELD, "Subject"},
    {"TEXT", STRING, IMAP_QUERY_TEXT, NULL},
    {"TO", STRING, IMAP_QUERY_FIELD, "To"},
    {"HEADER", NAMED, IMAP_QUERY_FIELD, NULL},
    {"LARGER", NUMBER, IMAP_QUERY_LARGER, NULL},
    {"SMALLER", NUMBER, IMAP_QUERY_SMALLER, NULL},
    {"SENTBEFORE", SENT, IMAP_QUERY_SENT_BEFORE, NULL},
    {"SENTON", SENT, IMAP_QUERY_SENT_ON, NULL},
    {"SENTSINCE", SENT, IMAP_QUERY_SENT_SINCE, NULL},
};

struct parse {
	struct imap_walk *walk;
	struct imap_searching *ret;
	unsigned depth;
	unsigned nodes;
	struct err *err;
};

static enum rc
wrong(const struct parse *p)
{
	return err_set(p->err, RC_SYNTAX, "this is no search");
}

static enum rc
node_new(struct parse *p, enum imap_query_kind kind, struct imap_query **ret)
{
	if (++p->nodes > IMAP_QUERY_NODES)
		return err_set(p->err, RC_SYNTAX, "more than %d search keys",
		    IMAP_QUERY_NODES);
	struct imap_query *node = calloc(1, sizeof(*node));
	if (node == NULL)
		return err_nomem(p->err, "search");
	node->kind = kind;
	node->text = BUF_SECRET(SEARCH_FOLDED_MAX);
	*ret = node;
	return RC_OK;
}

static enum rc
take_word(struct parse *p, struct imap_token *ret)
{
	TRY(imap_walk_next(p->walk, ret, p->err));
	return ret->kind == IMAP_ATOM || ret->kind == IMAP_STRING ? RC_OK
								  : wrong(p);
}

static enum rc
take_atom(struct parse *p, struct imap_token *ret)
{
	TRY(take_word(p, ret));
	return ret->kind == IMAP_ATOM ? RC_OK : wrong(p);
}

/* --- what the mail server is asked --- */

static enum rc
add_word(
    struct parse *p, struct imap_query *node, const struct imap_token *word)
{
	struct buf value BUF_OWNED = BUF(4096);

	TRY(buf_add_str(&node->text, " ", p->err));
	if (word->kind == IMAP_ATOM)
		return buf_add(&node->text, word->whole, p->err);
	TRY(imap_token_value(word, &value, p->err));
	return imap_print_string(buf_span(&value), &node->text, p->err);
}

static enum rc
read_modseq(struct parse *p, struct imap_query *node)
{
	struct imap_token word;

	p->ret->modseq = true;
	TRY(take_word(p, &word));
	if (word.kind == IMAP_STRING) {
		TRY(add_word(p, node, &word));
		TRY(take_atom(p, &word));
		TRY(add_word(p, node, &word));
		TRY(take_atom(p, &word));
	}
	TRY(imap_modseq_check(word.value, p->err));
	return add_word(p, node, &word);
}

/* RFC 3501 section 9: date is an atom, or quoted. */
static enum rc
read_server_word(struct parse *p, struct imap_query *node)
{
	struct imap_token word;

	TRY(take_word(p, &word));
	return add_word(p, node, &word);
}

static enum rc
read_uids(struct parse *p, struct imap_query *node)
{
	struct imap_token set;

	TRY(take_atom(p, &set));
	TRY(imap_set_check(set.value, p->err));
	return add_word(p, node, &set);
}

/* A keyword of ours is never the mail server's to know. */
static enum rc
read_keyword(struct parse *p, const struct key *key, struct imap_query *node)
{
	bool not = key->kind == IMAP_QUERY_NOT;
	struct imap_token flag;

	TRY(take_atom(p, &flag));
	if (!imap_flag_is_ours(flag.value)) {
		node->kind = IMAP_QUERY_SERVER;
		TRY(buf_add_str(&node->text, key->name, p->err));
		return add_word(p, node, &flag);
	}
	struct imap_query *keyword = node;
	if (not ) {
		TRY(node_new(p, IMAP_QUERY_KEYWORD, &node->child));
		keyword = node->child;
	}
	return buf_add(&keyword->text, flag.value, p->err);
}

/* --- what we are asked --- */

static enum rc
read_text(struct parse *p, struct imap_query *node)
{
	struct buf value BUF_OWNED = BUF_SECRET((size_t)1 << 20);
	struct imap_token word;

	TRY(take_word(p, &word));
	TRY(imap_token_value(&word, &value, p->err));
	return search_fold(buf_span(&value), &node->text, p->err);
}

static enum rc
read_named(struct parse *p, struct imap_query *node)
{
	struct buf name BUF_OWNED = BUF(1000);
	struct imap_token word;

	TRY(take_word(p, &word));
	TRY(imap_token_value(&word, &name, p->err));
	TRY(span_dup(buf_span(&name), &node->name, p->err));
	return read_text(p, node);
}

static enum rc
read_number(struct parse *p, struct imap_query *node)
{
	struct imap_token word;
	uint32_t number = 0;

	TRY(take_atom(p, &word));
	TRY(imap_number_parse(word.value, &number, p->err));
	node->number = number;
	return RC_OK;
}

/* RFC 3501 section 9: "1-Feb-1994"; section 6.4.4: "disregarding time and
 * timezone". */
static enum rc
read_day(struct parse *p, struct imap_query *node)
{
	struct buf date BUF_OWNED = BUF(64);
	struct imap_token word;
	int64_t when = 0;

	TRY(take_word(p, &word));
	if (imap_token_value(&word, &date, p->err) != RC_OK)
		return wrong(p);
	for (size_t i = 0; i < date.len; i++)
		if (date.data[i] == '-')
			date.data[i] = ' ';
	if (buf_add_str(&date, " 00:00:00 +0000", p->err) != RC_OK ||
	    when_parse_mail(buf_span(&date), &when, p->err) != RC_OK)
		return wrong(p);
	node->number = when / DAY - (when % DAY < 0);
	return RC_OK;
}

/* --- the tree --- */

static enum rc read_key(
    struct parse *p, const struct imap_token *token, struct imap_query **ret);

static enum rc
read_children(struct parse *p, size_t count, struct imap_query *node)
{
	struct imap_query **at = &node->child;
	struct imap_token token;

	for (; count > 0; count--, at = &(*at)->next) {
		TRY(imap_walk_next(p->walk, &token, p->err));
		TRY(read_key(p, &token, at));
	}
	return RC_OK;
}

static enum rc
read_arguments(struct parse *p, const struct key *key, struct imap_query *node)
{
	switch (key->shape) {
	case KEYWORD:
		return read_keyword(p, key, node);
	case ONE:
		return read_children(p, 1, node);
	case TWO:
		return read_children(p, 2, node);
	case NAMED:
		return read_named(p, node);
	case STRING:
		if (key->field != NULL)
			TRY(span_dup(
			    span_str(key->field), &node->name, p->err));
		return read_text(p, node);
	case NUMBER:
		return read_number(p, node);
	case SENT:
		return read_day(p, node);
	default:
		break;
	}
	TRY(buf_add_str(&node->text, key->name, p->err));
	if (key->shape == MODSEQ)
		return read_modseq(p, node);
	if (key->shape == UIDS)
		return read_uids(p, node);
	return key->shape == BARE ? RC_OK : read_server_word(p, node);
}

static enum rc
read_set(struct parse *p, struct span set, struct imap_query *node)
{
	struct err ignored;

	if (span_is(set, span_str("$"))) {
		node->kind = IMAP_QUERY_SAVED;
		return RC_OK;
	}
	if (imap_set_check(set, &ignored) != RC_OK)
		return err_set(p->err, RC_SYNTAX, "unknown search key");
	return buf_add(&node->text, set, p->err);
}

static enum rc
read_atom(struct parse *p, struct span name, struct imap_query **ret)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!span_is_nocase(name, keys[i].name))
			continue;
		TRY(node_new(p, keys[i].kind, ret));
		return read_arguments(p, &keys[i], *ret);
	}
	TRY(node_new(p, IMAP_QUERY_SERVER, ret));
	return read_set(p, name, *ret);
}

static enum rc
read_list(struct parse *p, struct imap_query **ret)
{
	struct imap_token token;

	TRY(node_new(p, IMAP_QUERY_AND, ret));
	for (struct imap_query **at = &(*ret)->child;; at = &(*at)->next) {
		TRY(imap_walk_next(p->walk, &token, p->err));
		if (token.kind == IMAP_CLOSE)
			return (*ret)->child != NULL ? RC_OK : wrong(p);
		TRY(read_key(p, &token, at));
	}
}

static enum rc
read_key(
    struct parse *p, const struct imap_token *token, struct imap_query **ret)
{
	if (++p->depth > IMAP_QUERY_DEPTH)
		return err_set(p->err, RC_SYNTAX,
		    "search keys nested deeper than %d", IMAP_QUERY_DEPTH);
	if (token->kind != IMAP_OPEN && token->kind != IMAP_ATOM)
		return wrong(p);
	enum rc rc = token->kind == IMAP_OPEN ? read_list(p, ret)
					      : read_atom(p, token->value, ret);
	p->depth--;
	return rc;
}

/* --- the mail server's part as large as it can be --- */

static enum rc
print_children(struct parse *p, struct imap_query *node)
{
	TRY(buf_add_str(&node->text,
	    node->kind == IMAP_QUERY_OR    ? "OR "
	    : node->kind == IMAP_QUERY_NOT ? "NOT "
					   : "(",
	    p->err));
	for (struct imap_query *c = node->child; c != NULL; c = c->next) {
		TRY(buf_add(&node->text, buf_span(&c->text), p->err));
		if (c->next != NULL)
			TRY(buf_add_str(&node->text, " ", p->err));
	}
	if (node->kind == IMAP_QUERY_AND)
		TRY(buf_add_str(&node->text, ")", p->err));
	query_free(node->child);
	node->child = NULL;
	node->kind = IMAP_QUERY_SERVER;
	return RC_OK;
}

/* Of several keys that all have to hold, the mail server's are one. */
static enum rc
join_servers(struct parse *p, struct imap_query *node)
{
	struct imap_query *first = NULL;

	for (struct imap_query **at = &node->child; *at != NULL;) {
		struct imap_query *c = *at;
		if (c->kind != IMAP_QUERY_SERVER || first == NULL) {
			if (c->kind == IMAP_QUERY_SERVER)
				first = c;
			at = &c->next;
			continue;
		}
		TRY(buf_add_str(&first->text, " ", p->err));
		TRY(buf_add(&first->text, buf_span(&c->text), p->err));
		*at = c->next;
		c->next = NULL;
		query_free(c);
	}
	return RC_OK;
}

static enum rc
simplify(struct parse *p, struct imap_query *node)
{
	bool all = node->child != NULL;

	for (struct imap_query *c = node->child; c != NULL; c = c->next) {
		TRY(simplify(p, c));
		all = all && c->kind == IMAP_QUERY_SERVER;
	}
	if (all)
		return print_children(p, node);
	return node->kind == IMAP_QUERY_AND ? join_servers(p, node) : RC_OK;
}

/* --- what stands before the keys --- */

/* RFC 4731 section 3.1, RFC 5182. */
static enum rc
read_return(struct parse *p)
{
	static const struct {
		const char *name;
		unsigned bit;
	} options[] = {{"MIN", IMAP_RETURN_MIN}, {"MAX", IMAP_RETURN_MAX},
	    {"ALL", IMAP_RETURN_ALL}, {"COUNT", IMAP_RETURN_COUNT},
	    {"SAVE", IMAP_RETURN_SAVE}};
	struct imap_token token;

	p->ret->extended = true;
	TRY(imap_walk_next(p->walk, &token, p->err));
	if (token.kind != IMAP_OPEN)
		return wrong(p);
	for (;;) {
		unsigned bit = 0;
		TRY(imap_walk_next(p->walk, &token, p->err));
		if (token.kind == IMAP_CLOSE)
			break;
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]);
		     i++)
			if (token.kind == IMAP_ATOM &&
			    span_is_nocase(token.value, options[i].name))
				bit = options[i].bit;
		if (bit == 0)
			return err_set(
			    p->err, RC_SYNTAX, "unknown RETURN option");
		p->ret->wanted |= bit;
	}
	/* RFC 4731 section 3.1: "()" is ALL */
	if (p->ret->wanted == 0)
		p->ret->wanted = IMAP_RETURN_ALL;
	return RC_OK;
}

static enum rc
read_charset(struct parse *p)
{
	struct buf name BUF_OWNED = BUF(100);
	struct imap_token word;

	TRY(take_word(p, &word));
	if (imap_token_value(&word, &name, p->err) != RC_OK)
		return wrong(p);
	if (span_is_nocase(buf_span(&name), "UTF-8") ||
	    span_is_nocase(buf_span(&name), "US-ASCII"))
		return RC_OK;
	return err_set(p->err, RC_REFUSED, "UTF-8 is the charset of searches");
}

/* All keys up to the end, in a list of their own; `token` is the first. */
static enum rc
read_all(struct parse *p, struct imap_token token)
{
	TRY(node_new(p, IMAP_QUERY_AND, &p->ret->query));
	for (struct imap_query **at = &p->ret->query->child;;
	     at = &(*at)->next) {
		if (token.kind == IMAP_END)
			break;
		TRY(read_key(p, &token, at));
		TRY(imap_walk_next(p->walk, &token, p->err));
	}
	if (p->ret->query->child == NULL)
		return wrong(p);
	return simplify(p, p->ret->query);
}

static enum rc
read_search(struct parse *p)
{
	struct imap_token token;

	TRY(imap_walk_next(p->walk, &token, p->err));
	if (token.kind == IMAP_ATOM && span_is_nocase(token.value, "RETURN")) {
		TRY(read_return(p));
		TRY(imap_walk_next(p->walk, &token, p->err));
	}
	if (token.kind == IMAP_ATOM && span_is_nocase(token.value, "CHARSET")) {
		TRY(read_charset(p));
		TRY(imap_walk_next(p->walk, &token, p->err));
	}
	return read_all(p, token);
}

enum rc
imap_query_parse(
    struct imap_walk *args, struct imap_searching *ret, struct err *err)
{
	struct imap_searching searching IMAP_SEARCHING_OWNED = {0};
	struct parse p = {args, &searching, 0, 0, err};

	TRY(read_search(&p));
	*ret = searching;
	searching.query = NULL;
	return RC_OK;
}

enum rc
imap_query_parse_bare(
    struct imap_walk *args, struct imap_searching *ret, struct err *err)
{
	struct imap_searching searching IMAP_SEARCHING_OWNED = {0};
	struct parse p = {args, &searching, 0, 0, err};
	struct imap_token token;

	TRY(read_charset(&p));
	TRY(imap_walk_next(args, &token, err));
	TRY(read_all(&p, token));
	*ret = searching;
	searching.query = NULL;
	return RC_OK;
}
