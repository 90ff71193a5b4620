#include "edge/imap_items.h"

#include <stdio.h>
#include <stdlib.h>

#include "edge/imap_envelope.h"
#include "edge/imap_set.h"
#include "edge/imap_structure.h"

void
imap_items_init(struct imap_items *items)
{
	items->len = 0;
	items->sees = false;
	items->changed_since[0] = '\0';
	items->vanished = false;
}

static void
item_done(struct imap_item *item)
{
	free(item->name);
	imap_section_done(&item->section);
}

void
imap_items_done(struct imap_items *items)
{
	for (size_t i = 0; i < items->len; i++)
		item_done(&items->item[i]);
	imap_items_init(items);
}

bool
imap_items_have(const struct imap_items *items, enum imap_item_kind kind)
{
	for (size_t i = 0; i < items->len; i++)
		if (items->item[i].kind == kind)
			return true;
	return false;
}

bool
imap_items_need_letter(const struct imap_items *items)
{
	for (size_t i = 0; i < items->len; i++)
		if (items->item[i].kind >= IMAP_ITEM_SIZE)
			return true;
	return false;
}

static bool
is_of_header(const struct imap_item *item)
{
	const struct imap_section *section = &item->section;

	if (item->kind == IMAP_ITEM_SECTION)
		return section->depth == 0 &&
		       (section->text == IMAP_TEXT_HEADER ||
			   section->text == IMAP_TEXT_FIELDS ||
			   section->text == IMAP_TEXT_FIELDS_NOT);
	return item->kind <= IMAP_ITEM_ENVELOPE;
}

bool
imap_items_need_header_only(const struct imap_items *items)
{
	for (size_t i = 0; i < items->len; i++)
		if (!is_of_header(&items->item[i]))
			return false;
	return true;
}

/* --- parsing --- */

/* The words that are no section, and those that are one by another name. */
static const struct {
	const char *name;
	const char *section;
	enum imap_item_kind kind;
	bool sees;
} words[] = {
    {"UID", NULL, IMAP_ITEM_UID, false},
    {"FLAGS", NULL, IMAP_ITEM_FLAGS, false},
    {"INTERNALDATE", NULL, IMAP_ITEM_DATE, false},
    {"MODSEQ", NULL, IMAP_ITEM_MODSEQ, false},
    {"EMAILID", NULL, IMAP_ITEM_EMAILID, false},
    {"THREADID", NULL, IMAP_ITEM_THREADID, false},
    {"SAVEDATE", NULL, IMAP_ITEM_SAVEDATE, false},
    {"RFC822.SIZE", NULL, IMAP_ITEM_SIZE, false},
    {"ENVELOPE", NULL, IMAP_ITEM_ENVELOPE, false},
    {"BODY", NULL, IMAP_ITEM_BODY, false},
    {"BODYSTRUCTURE", NULL, IMAP_ITEM_STRUCTURE, false},
    {"RFC822", "", IMAP_ITEM_SECTION, true},
    {"RFC822.HEADER", "HEADER", IMAP_ITEM_SECTION, false},
    {"RFC822.TEXT", "TEXT", IMAP_ITEM_SECTION, true},
};

const char *
imap_item_word(enum imap_item_kind kind)
{
	return words[kind].name; /* they are in the order of the kinds */
}

const char *
imap_item_needs(enum imap_item_kind kind)
{
	switch (kind) {
	case IMAP_ITEM_MODSEQ:
		return "CONDSTORE";
	case IMAP_ITEM_EMAILID:
	case IMAP_ITEM_THREADID:
		return "OBJECTID";
	case IMAP_ITEM_SAVEDATE:
		return "SAVEDATE";
	case IMAP_ITEM_BINARY:
	case IMAP_ITEM_BINARY_SIZE:
		return "BINARY";
	default:
		return NULL;
	}
}

static const struct {
	const char *name;
	enum imap_item_kind item[6];
	size_t len;
} macros[] = {
    {"FAST", {IMAP_ITEM_FLAGS, IMAP_ITEM_DATE, IMAP_ITEM_SIZE}, 3},
    {"ALL",
	{IMAP_ITEM_FLAGS, IMAP_ITEM_DATE, IMAP_ITEM_SIZE, IMAP_ITEM_ENVELOPE},
	4},
    {"FULL",
	{IMAP_ITEM_FLAGS, IMAP_ITEM_DATE, IMAP_ITEM_SIZE, IMAP_ITEM_ENVELOPE,
	    IMAP_ITEM_BODY},
	5},
};

/* A fresh item at the end; it is the list's at once. */
static enum rc
new_item(struct imap_items *items, enum imap_item_kind kind, const char *name,
    struct imap_item **ret, struct err *err)
{
	struct imap_item item = {kind, NULL, IMAP_SECTION_NONE, false, 0, 0};

	if (items->len == IMAP_ITEMS_MAX)
		return err_set(err, RC_LIMIT,
		    "more than %d items are asked for", IMAP_ITEMS_MAX);
	TRY(span_dup(span_str(name), &item.name, err));
	items->item[items->len] = item;
	*ret = &items->item[items->len++];
	return RC_OK;
}

enum rc
imap_items_add(
    struct imap_items *items, enum imap_item_kind kind, struct err *err)
{
	struct imap_item *added = NULL;

	if (imap_items_have(items, kind))
		return RC_OK;
	TRY(new_item(items, kind, words[kind].name, &added, err));
	struct imap_item item = *added;
	memmove(
	    &items->item[1], &items->item[0], (items->len - 1) * sizeof(item));
	items->item[0] = item;
	return RC_OK;
}

/* "<0.100>" */
static enum rc
parse_partial(struct span text, struct imap_item *item, struct err *err)
{
	ptrdiff_t dot = span_find_byte(text, '.');

	if (text.len == 0)
		return RC_OK;
	if (text.data[0] != '<' || text.data[text.len - 1] != '>' || dot < 0)
		return err_set(err, RC_SYNTAX, "bad end of a section");
	struct span from = span_after(span_first(text, (size_t)dot), 1);
	struct span len =
	    span_after(span_first(text, text.len - 1), (size_t)dot + 1);
	TRY(imap_number_parse(from, &item->from, err));
	TRY(imap_number_parse(len, &item->len, err));
	if (item->len == 0)
		return err_set(err, RC_SYNTAX, "a part of no bytes");
	item->partial = true;
	return RC_OK;
}

/* How a section can be asked for, and what its answer is called. */
struct way {
	const char *name;
	const char *answer;
	enum imap_item_kind kind;
	bool sees;
};

static const struct way ways[] = {
    {"BODY", "BODY", IMAP_ITEM_SECTION, true},
    {"BODY.PEEK", "BODY", IMAP_ITEM_SECTION, false},
    {"BINARY", "BINARY", IMAP_ITEM_BINARY, true},
    {"BINARY.PEEK", "BINARY", IMAP_ITEM_BINARY, false},
    {"BINARY.SIZE", "BINARY.SIZE", IMAP_ITEM_BINARY_SIZE, false},
};

static enum rc
find_way(struct span name, const struct way **ret, struct err *err)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!span_is_nocase(name, ways[i].name))
			continue;
		*ret = &ways[i];
		return RC_OK;
	}
	return err_set(err, RC_SYNTAX, "unknown FETCH item");
}

static enum rc
name_section(struct imap_item *item, const char *answer, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SMALL;
	char *text = NULL;

	TRY(buf_add_format(&name, err, "%s[", answer));
	TRY(imap_section_print(&item->section, &name, err));
	TRY(buf_add_str(&name, "]", err));
	if (item->partial)
		TRY(buf_add_format(&name, err, "<%u>", item->from));
	TRY(span_dup(buf_span(&name), &text, err));
	free(item->name);
	item->name = text;
	return RC_OK;
}

/* RFC 3516 section 4.2: section-binary = "[" [section-part] "]"; a size has no
 * part of it. */
static enum rc
check_binary(const struct imap_item *item, struct err *err)
{
	if (item->kind == IMAP_ITEM_SECTION)
		return RC_OK;
	if (item->section.text != IMAP_TEXT_ALL ||
	    (item->kind == IMAP_ITEM_BINARY_SIZE && item->partial))
		return err_set(err, RC_SYNTAX, "BINARY is of whole parts");
	return RC_OK;
}

/* "BODY[...]<..>", or another way to ask for one */
static enum rc
parse_section(struct span word, struct imap_items *items, struct err *err)
{
	ptrdiff_t open = span_find_byte(word, '[');
	size_t close = word.len;
	const struct way *way = NULL;
	struct imap_item *item;

	while (close > 0 && word.data[close - 1] != ']')
		close--;
	if (open < 0 || close <= (size_t)open)
		return err_set(err, RC_SYNTAX, "unknown FETCH item");
	TRY(find_way(span_first(word, (size_t)open), &way, err));
	TRY(new_item(items, way->kind, "", &item, err));
	TRY(imap_section_parse(
	    span_after(span_first(word, close - 1), (size_t)open + 1),
	    &item->section, err));
	TRY(parse_partial(span_after(word, close), item, err));
	TRY(check_binary(item, err));
	items->sees |= way->sees;
	return name_section(item, way->answer, err);
}

static enum rc
parse_word(struct span word, struct imap_items *items, struct err *err)
{
	struct imap_item *item;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_is_nocase(word, words[i].name))
			continue;
		TRY(new_item(items, words[i].kind, words[i].name, &item, err));
		items->sees |= words[i].sees;
		if (words[i].section == NULL)
			return RC_OK;
		return imap_section_parse(
		    span_str(words[i].section), &item->section, err);
	}
	return parse_section(word, items, err);
}

static enum rc
parse_macro(struct span word, struct imap_items *items, struct err *err)
{
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (!span_is_nocase(word, macros[i].name))
			continue;
		for (size_t n = 0; n < macros[i].len; n++)
			TRY(parse_word(span_str(words[macros[i].item[n]].name),
			    items, err));
		return RC_OK;
	}
	return RC_ABSENT;
}

static enum rc
parse_list(struct imap_walk *walk, struct imap_items *items, struct err *err)
{
	struct imap_token token;

	for (;;) {
		TRY(imap_walk_next(walk, &token, err));
		if (token.kind == IMAP_CLOSE && items->len > 0)
			return RC_OK;
		if (token.kind != IMAP_ATOM)
			return err_set(err, RC_SYNTAX, "bad list of items");
		TRY(parse_word(token.value, items, err));
	}
}

static enum rc
parse_changed_since(
    struct imap_walk *walk, struct imap_items *items, struct err *err)
{
	struct imap_token number;

	TRY(imap_walk_next(walk, &number, err));
	if (number.kind != IMAP_ATOM || items->changed_since[0] != '\0')
		return err_set(err, RC_SYNTAX, "bad CHANGEDSINCE");
	TRY(imap_modseq_check(number.value, err));
	(void)snprintf(items->changed_since, sizeof(items->changed_since),
	    "%.*s", SPAN_ARGS(number.value));
	/* RFC 7162 section 3.1.4.1: "MUST be returned" with it */
	return imap_items_add(items, IMAP_ITEM_MODSEQ, err);
}

/* RFC 4466 section 2.4: fetch-modifiers; "(" is read already. */
static enum rc
parse_modifiers(
    struct imap_walk *walk, struct imap_items *items, struct err *err)
{
	struct imap_token token;

	for (;;) {
		TRY(imap_walk_next(walk, &token, err));
		if (token.kind == IMAP_CLOSE)
			break;
		if (token.kind == IMAP_ATOM &&
		    span_is_nocase(token.value, "CHANGEDSINCE"))
			TRY(parse_changed_since(walk, items, err));
		else if (token.kind == IMAP_ATOM &&
			 span_is_nocase(token.value, "VANISHED"))
			items->vanished = true;
		else
			return err_set(
			    err, RC_SYNTAX, "unknown FETCH modifier");
	}
	/* RFC 7162 section 3.2.6 */
	if (items->vanished && items->changed_since[0] == '\0')
		return err_set(
		    err, RC_SYNTAX, "VANISHED goes with CHANGEDSINCE only");
	return RC_OK;
}

static enum rc
parse_rest(struct imap_walk *walk, struct imap_items *items, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(walk, &token, err));
	if (token.kind == IMAP_OPEN) {
		TRY(parse_modifiers(walk, items, err));
		TRY(imap_walk_next(walk, &token, err));
	}
	if (token.kind != IMAP_END)
		return err_set(err, RC_SYNTAX, "too many arguments");
	return RC_OK;
}

enum rc
imap_items_parse(
    struct imap_walk *walk, struct imap_items *ret, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(walk, &token, err));
	if (token.kind == IMAP_OPEN) {
		TRY(parse_list(walk, ret, err));
	} else if (token.kind == IMAP_ATOM) {
		enum rc rc = parse_macro(token.value, ret, err);
		TRY(rc == RC_ABSENT ? parse_word(token.value, ret, err) : rc);
	} else {
		return err_set(err, RC_SYNTAX, "nothing is asked for");
	}
	return parse_rest(walk, ret, err);
}

/* --- printing --- */

static enum rc
print_section(const struct imap_item *item, const struct entity *letter,
    struct buf *out, struct err *err)
{
	struct buf made BUF_OWNED = BUF_SECRET(FIELD_SECTION_MAX + 2);
	struct err ignored;
	struct span bytes;

	enum rc rc =
	    imap_section_find(&item->section, letter, &made, &bytes, &ignored);
	/* RFC 3501 allows NIL too; mail programs are used to this */
	if (rc == RC_ABSENT)
		return buf_add_str(out, "{0}\r\n", err);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", ignored.text);
	/* beyond the end: the empty string */
	if (item->partial)
		bytes = span_first(span_after(bytes, item->from), item->len);
	TRY(buf_add_format(out, err, "{%zu}\r\n", bytes.len));
	return buf_add(out, bytes, err);
}

/* The part without its transfer encoding.  What has parts of its own is not
 * encoded as a whole (RFC 2045 section 6.4), and passes as it is. */
static enum rc
undo_encoding(const struct imap_item *item, const struct entity *letter,
    struct buf *out, struct err *err)
{
	const struct entity *part = imap_section_part(&item->section, letter);
	struct err ignored;

	if (item->section.depth == 0)
		return buf_add(out, letter->whole, err);
	if (part == NULL)
		return RC_OK;
	if (part->child != NULL)
		return buf_add(out, part->body, err);
	if (part->encoding != ENCODING_UNKNOWN &&
	    entity_decode(part, out, &ignored) == RC_OK)
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "[UNKNOWN-CTE] the transfer encoding cannot be undone");
}

static enum rc
print_binary(const struct imap_item *item, const struct entity *letter,
    struct buf *out, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(letter->whole.len);

	TRY(undo_encoding(item, letter, &bytes, err));
	if (item->kind == IMAP_ITEM_BINARY_SIZE)
		return buf_add_format(out, err, "%zu", bytes.len);
	struct span part = buf_span(&bytes);
	if (item->partial)
		part = span_first(span_after(part, item->from), item->len);
	/* RFC 3516 section 4.2: NUL is in a literal8 only */
	TRY(buf_add_format(out, err, "%s{%zu}\r\n",
	    span_find_byte(part, 0) >= 0 ? "~" : "", part.len));
	return buf_add(out, part, err);
}

enum rc
imap_item_print(const struct imap_item *item, const struct entity *letter,
    struct buf *out, struct err *err)
{
	switch (item->kind) {
	case IMAP_ITEM_SIZE:
		return buf_add_format(out, err, "%zu", letter->whole.len);
	case IMAP_ITEM_ENVELOPE:
		return imap_envelope_print(&letter->fields, out, err);
	case IMAP_ITEM_BODY:
		return imap_structure_print(letter, false, out, err);
	case IMAP_ITEM_STRUCTURE:
		return imap_structure_print(letter, true, out, err);
	case IMAP_ITEM_SECTION:
		return print_section(item, letter, out, err);
	case IMAP_ITEM_BINARY:
	case IMAP_ITEM_BINARY_SIZE:
		return print_binary(item, letter, out, err);
	case IMAP_ITEM_UID:
	case IMAP_ITEM_FLAGS:
	case IMAP_ITEM_DATE:
	case IMAP_ITEM_MODSEQ:
	case IMAP_ITEM_EMAILID:
	case IMAP_ITEM_THREADID:
	case IMAP_ITEM_SAVEDATE:
		break;
	}
	bug("imap_item_print: the letter does not answer this");
}
