#include "mime/address.h"

#include <stdlib.h>
#include <strings.h>

#include "codec/word.h"
#include "mime/cursor_priv.h"
#include "codec/utf8.h"

#define LOCAL_MAX 64   /* RFC 5321 section 4.5.3.1.1 */
#define DOMAIN_MAX 255 /* RFC 5321 section 4.5.3.1.2 */
#define LABEL_MAX 63   /* RFC 1035 section 2.3.4 */
#define TEXT_MAX ((size_t)256 * 1024)

/* The words before "<", "@" or ":": only then it is known what they are. */
struct words {
	struct buf name;  /* as a phrase */
	struct buf local; /* as a local part, unquoted */
	bool is_local;    /* words with single dots between */
};

static void
words_done(struct words *words)
{
	buf_done(&words->name);
	buf_done(&words->local);
}

#define WORDS_OWNED __attribute__((cleanup(words_done)))
#define WORDS_NONE ((struct words){BUF(TEXT_MAX), BUF(TEXT_MAX), false})

/* RFC 5322 section 3.2.3, and RFC 6532 for what is not ASCII. */
static bool
is_atom_byte(int c)
{
	return c > 0x20 && c != 0x7f && strchr("()<>[]:;@\\,.\"", c) == NULL;
}

static enum rc
take_quoted(struct cursor *at, struct words *words)
{
	cursor_skip(at, 1);
	for (;;) {
		int c = cursor_peek(at);
		if (c == '"') {
			cursor_skip(at, 1);
			return RC_OK;
		}
		if (c == '\\') {
			cursor_skip(at, 1);
			c = cursor_peek(at);
		}
		if (c == -1)
			return err_set(at->err, RC_SYNTAX,
			    "quotation without end in an address field");
		cursor_skip(at, 1);
		if (c == '\r' || c == '\n')
			continue;
		TRY(buf_add_byte(&words->name, (uint8_t)c, at->err));
		TRY(buf_add_byte(&words->local, (uint8_t)c, at->err));
	}
}

static struct span
take_atom(struct cursor *at)
{
	struct span all = at->rest;

	while (is_atom_byte(cursor_peek(at)))
		cursor_skip(at, 1);
	return span_first(all, all.len - at->rest.len);
}

static enum rc
take_word(struct cursor *at, struct words *words)
{
	if (cursor_peek(at) == '"')
		return take_quoted(at, words);
	struct span atom = take_atom(at);
	TRY(buf_add(&words->name, atom, at->err));
	return buf_add(&words->local, atom, at->err);
}

static enum rc
take_dot(struct cursor *at, struct words *words)
{
	cursor_skip(at, 1);
	TRY(buf_add_byte(&words->name, '.', at->err));
	return buf_add_byte(&words->local, '.', at->err);
}

static enum rc
take_words(struct cursor *at, struct words *words)
{
	bool want_word = true, any = false;

	words->is_local = true;
	for (;; any = true) {
		size_t before = at->rest.len;
		TRY(cursor_skip_blanks(at));
		int c = cursor_peek(at);
		bool is_word = c == '"' || is_atom_byte(c);
		if (!is_word && c != '.')
			break;
		if (any && at->rest.len < before)
			TRY(buf_add_byte(&words->name, ' ', at->err));
		if (is_word != want_word)
			words->is_local = false;
		want_word = !is_word;
		TRY(is_word ? take_word(at, words) : take_dot(at, words));
	}
	if (want_word)
		words->is_local = false;
	return RC_OK;
}

/* Could it stand unquoted?  (dot-atom) */
static bool
is_dot_atom(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		bool dot = text.data[i] == '.';
		if (!dot && !is_atom_byte(text.data[i]))
			return false;
		if (dot &&
		    (i == 0 || i + 1 == text.len || text.data[i - 1] == '.'))
			return false;
	}
	return text.len > 0;
}

static enum rc
print_local(struct span local, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < local.len; i++)
		if (local.data[i] < 0x20 || local.data[i] == 0x7f)
			return err_set(
			    err, RC_SYNTAX, "control character in an address");
	if (is_dot_atom(local))
		return buf_add(out, local, err);
	TRY(buf_add_byte(out, '"', err));
	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '"' || local.data[i] == '\\')
			TRY(buf_add_byte(out, '\\', err));
		TRY(buf_add_byte(out, local.data[i], err));
	}
	return buf_add_byte(out, '"', err);
}

static enum rc
take_literal(struct cursor *at, struct buf *out)
{
	ptrdiff_t end = span_find_byte(at->rest, ']');
	struct span literal = span_first(at->rest, (size_t)end + 1);

	if (end < 0)
		return err_set(at->err, RC_SYNTAX,
		    "domain literal without end in an address");
	for (size_t i = 1; i + 1 < literal.len; i++)
		if (!is_atom_byte(literal.data[i]) && literal.data[i] != '.' &&
		    literal.data[i] != ':')
			return err_set(at->err, RC_SYNTAX,
			    "bad domain literal in an address");
	TRY(buf_add(out, literal, at->err));
	cursor_skip(at, literal.len);
	return cursor_skip_blanks(at);
}

static enum rc
take_domain(struct cursor *at, struct buf *out)
{
	TRY(cursor_skip_blanks(at));
	if (cursor_peek(at) == '[')
		return take_literal(at, out);
	for (;;) {
		struct span atom = take_atom(at);
		if (atom.len == 0)
			return err_set(at->err, RC_SYNTAX,
			    "address without a proper domain");
		for (size_t i = 0; i < atom.len; i++) {
			uint8_t c = atom.data[i];
			bool upper = c >= 'A' && c <= 'Z';
			TRY(buf_add_byte(
			    out, upper ? (uint8_t)(c | 0x20) : c, at->err));
		}
		TRY(cursor_skip_blanks(at));
		if (cursor_peek(at) != '.')
			return RC_OK;
		TRY(buf_add_byte(out, '.', at->err));
		cursor_skip(at, 1);
		TRY(cursor_skip_blanks(at));
	}
}

/* What follows the local part in `words`, from the "@" on. */
static enum rc
take_address(struct cursor *at, const struct words *words, struct buf *out)
{
	if (cursor_peek(at) != '@' || !words->is_local)
		return err_set(
		    at->err, RC_SYNTAX, "not an address: want local@domain");
	cursor_skip(at, 1);
	TRY(print_local(buf_span(&words->local), out, at->err));
	TRY(buf_add_byte(out, '@', at->err));
	TRY(take_domain(at, out));
	if (out->len > ADDRESS_LEN_MAX)
		return err_set(at->err, RC_LIMIT,
		    "address longer than %d bytes", ADDRESS_LEN_MAX);
	if (!utf8_ok(buf_span(out)))
		return err_set(at->err, RC_SYNTAX, "address is not UTF-8");
	return RC_OK;
}

/* "@a,@b:", the route nobody follows any more (RFC 5322 section 4.4). */
static enum rc
skip_route(struct cursor *at, bool *ret_has)
{
	TRY(cursor_skip_blanks(at));
	if (cursor_peek(at) != '@')
		return RC_OK;
	*ret_has = true;
	while (cursor_peek(at) == '@') {
		struct buf domain BUF_OWNED = BUF(TEXT_MAX);
		cursor_skip(at, 1);
		TRY(take_domain(at, &domain));
		/* "@alice@alpha.test:" is read as Alice's by some */
		if (cursor_peek(at) == '@')
			break;
		while (cursor_peek(at) == ',') {
			cursor_skip(at, 1);
			TRY(cursor_skip_blanks(at));
		}
	}
	if (cursor_peek(at) != ':')
		return err_set(
		    at->err, RC_SYNTAX, "bad source route in an address");
	cursor_skip(at, 1);
	return RC_OK;
}

static enum rc
take_angle(struct cursor *at, struct buf *out, bool *ret_has_route)
{
	struct words words WORDS_OWNED = WORDS_NONE;

	cursor_skip(at, 1);
	TRY(skip_route(at, ret_has_route));
	TRY(take_words(at, &words));
	TRY(take_address(at, &words, out));
	if (cursor_peek(at) != '>')
		return err_set(at->err, RC_SYNTAX, "address without \">\"");
	cursor_skip(at, 1);
	return cursor_skip_blanks(at);
}

static void
mailbox_done(struct mailbox *mailbox)
{
	free(mailbox->address);
	free(mailbox->name);
}

static enum rc
make_room(struct mailboxes *list, struct err *err)
{
	if (list->len >= ADDRESS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d addresses", ADDRESS_MAX);
	/* grow when a power of two is reached */
	if ((list->len & (list->len - 1)) != 0)
		return RC_OK;
	size_t cap = list->len == 0 ? 1 : list->len * 2;
	struct mailbox *item = reallocarray(list->item, cap, sizeof(*item));
	if (item == NULL)
		return err_nomem(err, "addresses");
	list->item = item;
	return RC_OK;
}

static enum rc
add(struct mailboxes *list, struct span address, struct span name,
    struct err *err)
{
	struct mailbox mailbox
	    __attribute__((cleanup(mailbox_done))) = {NULL, NULL};

	TRY(make_room(list, err));
	TRY(span_dup(address, &mailbox.address, err));
	TRY(span_dup(span_trim(name), &mailbox.name, err));
	list->item[list->len++] = mailbox;
	mailbox = (struct mailbox){NULL, NULL};
	return RC_OK;
}

static enum rc
take_mailbox(struct cursor *at, struct words *words, struct mailboxes *list)
{
	struct buf address BUF_OWNED = BUF(TEXT_MAX);
	struct buf name BUF_OWNED = BUF(4 * TEXT_MAX);

	if (cursor_peek(at) == '<') {
		TRY(take_angle(at, &address, &list->has_route));
		TRY(word_decode(buf_span(&words->name), &name, at->err));
	} else {
		TRY(take_address(at, words, &address));
	}
	return add(list, buf_span(&address), buf_span(&name), at->err);
}

/* One element between commas, which may be empty (RFC 5322 section 4.4), and
 * the beginning of a group before it. */
static enum rc
take_element(struct cursor *at, struct mailboxes *list, bool *in_group)
{
	struct words words WORDS_OWNED = WORDS_NONE;

	TRY(take_words(at, &words));
	int c = cursor_peek(at);
	if (c == ':' && !*in_group && words.name.len > 0) {
		cursor_skip(at, 1);
		*in_group = list->has_group = true;
		return take_element(at, list, in_group);
	}
	if (c == '<' || c == '@')
		return take_mailbox(at, &words, list);
	if (words.name.len > 0 || (c != -1 && c != ',' && c != ';'))
		return err_set(
		    at->err, RC_SYNTAX, "not an address: want local@domain");
	return RC_OK;
}

static enum rc
parse_list(struct cursor *at, struct mailboxes *list)
{
	bool in_group = false;

	for (;;) {
		TRY(take_element(at, list, &in_group));
		if (in_group && cursor_peek(at) == ';') {
			in_group = false;
			cursor_skip(at, 1);
			TRY(cursor_skip_blanks(at));
		}
		if (cursor_peek(at) == -1)
			break;
		if (cursor_peek(at) != ',')
			return err_set(at->err, RC_SYNTAX,
			    "addresses without a comma between them");
		cursor_skip(at, 1);
	}
	if (in_group)
		return err_set(
		    at->err, RC_SYNTAX, "address group without \";\"");
	return RC_OK;
}

static void
cut(struct mailboxes *list, size_t len)
{
	while (list->len > len)
		mailbox_done(&list->item[--list->len]);
}

static enum rc
keep_comments(
    struct mailboxes *list, const struct buf *comments, struct err *err)
{
	struct buf text BUF_OWNED = BUF(4 * TEXT_MAX);

	if (comments->len == 0)
		return RC_OK;
	TRY(word_decode(buf_span(comments), &text, err));
	free(list->comments);
	list->comments = NULL;
	return span_dup(span_trim(buf_span(&text)), &list->comments, err);
}

enum rc
mailboxes_parse(struct span value, struct mailboxes *list, struct err *err)
{
	struct buf comments BUF_OWNED = BUF(2 * TEXT_MAX);
	struct cursor at = {value, "an address field", err, &comments};
	size_t len = list->len;
	bool has_group = list->has_group, has_route = list->has_route;

	if (value.len > TEXT_MAX)
		return err_set(err, RC_LIMIT,
		    "address field larger than %zu bytes", TEXT_MAX);
	enum rc rc = parse_list(&at, list);
	if (rc == RC_OK)
		rc = keep_comments(list, &comments, err);
	if (rc == RC_OK)
		return RC_OK;
	cut(list, len);
	list->has_group = has_group;
	list->has_route = has_route;
	return rc;
}

void
mailboxes_done(struct mailboxes *list)
{
	cut(list, 0);
	free(list->item);
	free(list->comments);
	*list = MAILBOXES_NONE;
}

bool
mailboxes_have(const struct mailboxes *list, const char *address)
{
	for (size_t i = 0; i < list->len; i++)
		if (address_equal(list->item[i].address, address))
			return true;
	return false;
}

static enum rc
check_label(struct span label, struct err *err)
{
	if (label.len == 0 || label.len > LABEL_MAX)
		return err_set(err, RC_SYNTAX,
		    "address with an empty or too long domain label");
	for (size_t i = 0; i < label.len; i++) {
		uint8_t c = label.data[i], low = c | 0x20;
		bool alnum =
		    (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z');
		bool inner = i > 0 && i + 1 < label.len;
		if (!alnum && !(c == '-' && inner))
			return err_set(err, RC_SYNTAX,
			    "address with a bad character in its domain");
	}
	return RC_OK;
}

/* RFC 5321 section 4.1.2; no address literals: nobody certifies them. */
static enum rc
check_domain(struct span domain, struct err *err)
{
	if (domain.len > DOMAIN_MAX)
		return err_set(err, RC_LIMIT,
		    "address with a domain longer than %d", DOMAIN_MAX);
	for (;;) {
		ptrdiff_t dot = span_find_byte(domain, '.');
		if (dot < 0)
			return check_label(domain, err);
		TRY(check_label(span_first(domain, (size_t)dot), err));
		domain = span_after(domain, (size_t)dot + 1);
	}
}

/* The inside of a Quoted-string. */
static enum rc
check_quoted(struct span text, struct err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' ||
		    (text.data[i] == '\\' && ++i == text.len))
			return err_set(err, RC_SYNTAX,
			    "address with a badly quoted local part");
	}
	return RC_OK;
}

static enum rc
check_local(struct span local, struct err *err)
{
	size_t len = local.len;

	if (len > LOCAL_MAX)
		return err_set(err, RC_LIMIT,
		    "address with a local part longer than %d", LOCAL_MAX);
	for (size_t i = 0; i < len; i++)
		if (local.data[i] < 0x20 || local.data[i] >= 0x7f)
			return err_set(err, RC_SYNTAX,
			    "address with a character that is not "
			    "printable ASCII");
	if (len >= 2 && local.data[0] == '"' && local.data[len - 1] == '"')
		return check_quoted(
		    span_after(span_first(local, len - 1), 1), err);
	if (!is_dot_atom(local))
		return err_set(err, RC_SYNTAX, "address with a bad local part");
	return RC_OK;
}

enum rc
address_check(struct span address, struct err *err)
{
	size_t at = address.len;

	while (at > 0 && address.data[at - 1] != '@')
		at--;
	if (at == 0)
		return err_set(err, RC_SYNTAX, "address without \"@\"");
	TRY(check_local(span_first(address, at - 1), err));
	return check_domain(span_after(address, at), err);
}

bool
address_equal(const char *a, const char *b)
{
	return span_is_nocase(span_str(a), b);
}

const char *
address_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? "" : at + 1;
}
