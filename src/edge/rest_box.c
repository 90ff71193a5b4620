#include "edge/rest_box.h"

#include <stdio.h>
#include <stdlib.h>

#include "edge/imap_fetched.h"
#include "edge/imap_flags.h"
#include "edge/imap_uids.h"

#define COMMAND_MAX ((size_t)16 * 1024)
#define FLAGS_MAX ((size_t)64 * 1024)
#define SEALED_MAX ((size_t)80 << 20)

enum rc
rest_connect(const struct agent *agent, struct imap_link **ret, struct err *err)
{
	return upstream_imap(agent->upstream, agent->limits.upstream, ret, err);
}

/* --- a command, and what the mail server says to it ----------------------------*/

typedef enum rc hear_fn(void *self, struct span line, struct err *err);

static enum rc
refused(struct span line, struct err *err)
{
	ptrdiff_t end = span_find_byte(line, ']');

	if (!span_starts(line, "[") || end < 0)
		return err_set(err, RC_REFUSED, "the mail server says no");
	struct span code = span_first(line, (size_t)end + 1);
	ptrdiff_t space = span_find_byte(code, ' ');
	return err_set(err, RC_REFUSED, "the mail server says no: %.*s%s",
	    SPAN_ARGS(span_first(code, space < 0 ? code.len : (size_t)space)),
	    space < 0 ? "" : "]");
}

/* `ret_text`: the words of its end; may be NULL. */
static enum rc
ask(struct imap_link *link, struct span command, hear_fn *hear, void *self,
    struct buf *ret_text, struct err *err)
{
	enum imap_answer answer;
	struct span line;

	TRY(imap_link_command(link, command, err));
	for (;;) {
		enum rc rc = imap_link_answer(link, &answer, &line, err);
		if (rc != RC_OK)
			return rc == RC_AGAIN ? RC_IO : rc;
		if (answer == IMAP_NO || answer == IMAP_BAD)
			return refused(line, err);
		if (answer == IMAP_OK)
			break;
		if (answer == IMAP_UNTAGGED && hear != NULL)
			TRY(hear(self, line, err));
	}
	return ret_text == NULL ? RC_OK : buf_add(ret_text, line, err);
}

enum rc
rest_box_ask(struct rest_box *box, struct span command,
    enum rc (*hear)(void *self, struct span line, struct err *err), void *self,
    struct err *err)
{
	return ask(box->link, command, hear, self, NULL, err);
}

/* --- which mailboxes there are ---------------------------------------------------*/

static bool
is_skipped(struct span flags)
{
	static const char *const names[] = {
	    "\\Noselect", "\\NonExistent", "\\All", "\\Flagged"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (imap_flags_have(flags, names[i]))
			return true;
	return false;
}

/* "LIST (\HasNoChildren) "/" INBOX" */
static enum rc
hear_list(void *self, struct span line, struct err *err)
{
	static const char word[] = "LIST ";
	struct imap_walk walk = {span_after(line, strlen(word))};
	struct buf name BUF_OWNED = BUF_SMALL;
	struct imap_token token;

	ptrdiff_t end = span_find_byte(walk.rest, ')');
	if (!span_starts_nocase(line, word) || end < 0)
		return RC_OK;
	struct span flags = span_first(walk.rest, (size_t)end + 1);
	walk.rest = span_after(walk.rest, flags.len);
	TRY(imap_walk_next(&walk, &token, err)); /* what is between levels */
	TRY(imap_walk_next(&walk, &token, err));
	TRY(imap_token_value(&token, &name, err));
	if (is_skipped(flags))
		return RC_OK;
	return strlist_add(self, buf_span(&name), err);
}

enum rc
rest_list(struct imap_link *link, struct strlist *ret, struct err *err)
{
	return ask(
	    link, span_str("LIST \"\" \"*\""), hear_list, ret, NULL, err);
}

/* --- one of them -------------------------------------------------------------------*/

static enum rc
note_number(struct span text, const char *name, uint32_t *ret, struct err *err)
{
	struct span value = span_after(text, strlen(name));
	ptrdiff_t end = span_find_byte(value, ']');

	if (!span_starts_nocase(text, name) || end < 0)
		return RC_OK;
	return imap_number_parse(span_first(value, (size_t)end), ret, err);
}

static enum rc
hear_select(void *self, struct span line, struct err *err)
{
	struct rest_box *box = self;
	struct span text = span_after(line, strlen("OK "));

	if (!span_starts_nocase(line, "OK ["))
		return RC_OK;
	if (span_starts_nocase(text, "[PERMANENTFLAGS "))
		box->keywords = span_find(text, span_str("\\*")) >= 0;
	TRY(note_number(text, "[UIDVALIDITY ", &box->validity, err));
	return note_number(text, "[UIDNEXT ", &box->next, err);
}

enum rc
rest_box_select(struct rest_box *box, bool read_only, struct err *err)
{
	struct buf command BUF_OWNED = BUF(COMMAND_MAX);
	struct buf text BUF_OWNED = BUF(COMMAND_MAX);
	struct span name = span_str(box->mailbox);

	box->validity = box->next = 0;
	box->keywords = false;
	TRY(buf_add_str(&command, read_only ? "EXAMINE " : "SELECT ", err));
	TRY(imap_print_string(name, &command, err));
	TRY(ask(box->link, buf_span(&command), hear_select, box, &text, err));
	box->read_only = span_starts_nocase(buf_span(&text), "[READ-ONLY]");
	if (box->validity == 0)
		return err_set(
		    err, RC_SYNTAX, "the mail server says no UIDVALIDITY");
	return imap_view_folder_init(
	    box->agent, name, box->validity, &box->views, err);
}

/* --- what is in it ------------------------------------------------------------------*/

void
rest_scan_done(struct rest_scan *scan)
{
	free(scan->item);
	free(scan->copy);
	*scan = (struct rest_scan){0};
}

static enum rc
grow(void **array, size_t *cap, size_t len, size_t size, struct err *err)
{
	if (len < *cap)
		return RC_OK;
	if (len >= IMAP_UIDS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d letters", IMAP_UIDS_MAX);
	size_t more = *cap == 0 ? 256 : *cap * 2;
	void *grown = realloc(*array, more * size);
	if (grown == NULL)
		return err_nomem(err, "letters");
	*array = grown;
	*cap = more;
	return RC_OK;
}

static enum rc
add_copy(
    struct rest_scan *scan, struct span name, uint32_t uid, struct err *err)
{
	struct rest_copy copy = {.uid = uid};

	if (name.len != REST_NAME_LEN)
		return RC_OK;
	memcpy(copy.name, name.data, name.len);
	TRY(grow((void **)&scan->copy, &scan->copies_cap, scan->copies,
	    sizeof(copy), err));
	scan->copy[scan->copies++] = copy;
	return RC_OK;
}

/* One letter: "UID n RFC822.SIZE n BODY[HEADER.FIELDS (...)] {n}..." */
struct row {
	uint32_t uid, size;
	struct span header;
};

static enum rc
take_value(struct imap_walk *walk, struct imap_token *ret, struct err *err)
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
			return RC_OK;
		TRY(imap_walk_next(walk, &token, err));
	}
}

static enum rc
parse_row(struct imap_walk *walk, struct row *ret, struct err *err)
{
	struct imap_token name, value;

	TRY(imap_walk_next(walk, &name, err));
	if (name.kind != IMAP_OPEN)
		return err_set(err, RC_SYNTAX, "FETCH without a list");
	for (;;) {
		TRY(imap_walk_next(walk, &name, err));
		if (name.kind != IMAP_ATOM)
			return RC_OK;
		TRY(take_value(walk, &value, err));
		if (span_is_nocase(name.value, "UID"))
			TRY(imap_number_parse(value.value, &ret->uid, err));
		else if (span_is_nocase(name.value, "RFC822.SIZE"))
			TRY(imap_number_parse(value.value, &ret->size, err));
		else if (span_starts_nocase(name.value, "BODY[") &&
			 value.kind == IMAP_STRING)
			ret->header = value.value;
	}
}

/* What programs call CMS; whether it is, only its bytes tell. */
static bool
claims_sealed(const struct fields *fields)
{
	struct content type CONTENT_OWNED = CONTENT_NONE;
	struct err ignored = ERR_NONE;

	if (content_parse(
		fields_value(fields, "Content-Type"), &type, &ignored) != RC_OK)
		return true;
	return content_is(&type, "application", NULL);
}

static enum rc
take_row(struct rest_scan *scan, const struct row *row, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct rest_item item = {row->uid, row->size, true};
	struct err ignored = ERR_NONE;
	size_t body = 0;

	if (fields_parse(row->header, &fields, &body, &ignored) == RC_OK) {
		item.claims = claims_sealed(&fields);
		TRY(add_copy(scan,
		    span_trim(fields_value(&fields, REST_COPY_OF)), row->uid,
		    err));
	}
	TRY(grow((void **)&scan->item, &scan->items_cap, scan->items,
	    sizeof(item), err));
	scan->item[scan->items++] = item;
	return RC_OK;
}

static enum rc
hear_row(void *self, struct span line, struct err *err)
{
	struct rest_scan *scan = self;
	struct imap_walk walk = {line};
	struct row row = {0};
	struct span word;
	uint32_t number = 0;

	enum rc rc = imap_numbered_parse(&walk, &number, &word, err);
	if (rc != RC_OK || !span_is_nocase(word, "FETCH"))
		return rc == RC_ABSENT ? RC_OK : rc;
	TRY(parse_row(&walk, &row, err));
	/* "n:*" names the last letter even where its UID is below n, and what
	 * was not asked for has no header */
	if (row.uid <= scan->last || row.header.data == NULL)
		return RC_OK;
	return take_row(scan, &row, err);
}

enum rc
rest_box_scan(struct rest_box *box, struct rest_scan *scan, struct err *err)
{
	struct buf command BUF_OWNED = BUF(COMMAND_MAX);
	size_t from = scan->items;

	if (scan->last == UINT32_MAX)
		return RC_OK;
	TRY(imap_link_run(box->link, span_str("NOOP"), err));
	TRY(buf_add_format(&command, err,
	    "UID FETCH %u:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS "
	    "(CONTENT-TYPE " REST_COPY_OF ")])",
	    scan->last + 1));
	TRY(ask(box->link, buf_span(&command), hear_row, scan, NULL, err));
	for (size_t i = from; i < scan->items; i++)
		if (scan->item[i].uid > scan->last)
			scan->last = scan->item[i].uid;
	return RC_OK;
}

/* --- one letter ----------------------------------------------------------------------*/

void
rest_fetched_init(struct rest_fetched *fetched)
{
	*fetched = (struct rest_fetched){.flags = BUF(FLAGS_MAX),
	    .date = BUF_SMALL,
	    .bytes = BUF_SECRET(SEALED_MAX)};
}

void
rest_fetched_done(struct rest_fetched *fetched)
{
	buf_done(&fetched->flags);
	buf_done(&fetched->date);
	buf_done(&fetched->bytes);
}

static bool
is_dropped(struct span flag)
{
	return span_is_nocase(flag, "\\Recent") || imap_flag_is_ours(flag) ||
	       span_is_nocase(flag, REST_ADOPTED);
}

static enum rc
take_flags(struct span list, struct rest_fetched *ret, struct err *err)
{
	struct imap_walk walk = {list};
	struct imap_token token;
	const char *blank = "";

	buf_clear(&ret->flags);
	ret->deleted = imap_flags_have(list, "\\Deleted");
	ret->adopted = imap_flags_have(list, REST_ADOPTED);
	TRY(buf_add_str(&ret->flags, "(", err));
	TRY(imap_walk_next(&walk, &token, err));
	for (;;) {
		TRY(imap_walk_next(&walk, &token, err));
		if (token.kind != IMAP_ATOM)
			break;
		if (is_dropped(token.value))
			continue;
		TRY(buf_add_format(
		    &ret->flags, err, "%s%.*s", blank, SPAN_ARGS(token.value)));
		blank = " ";
	}
	return buf_add_str(&ret->flags, ")", err);
}

struct wanted {
	uint32_t uid;
	struct rest_fetched *ret;
	bool there, whole;
};

static enum rc
hear_letter(void *self, struct span line, struct err *err)
{
	struct wanted *wanted = self;
	struct imap_fetched fetched;

	enum rc rc = imap_fetched_parse(line, &fetched, err);
	if (rc != RC_OK || fetched.uid != wanted->uid)
		return rc == RC_ABSENT ? RC_OK : rc;
	struct rest_fetched *ret = wanted->ret;
	if (fetched.told[IMAP_ITEM_FLAGS].len > 0) {
		wanted->there = true;
		TRY(take_flags(fetched.told[IMAP_ITEM_FLAGS], ret, err));
	}
	if (fetched.body.kind != IMAP_STRING || wanted->whole)
		return RC_OK;
	wanted->whole = true;
	TRY(buf_add(&ret->date, fetched.told[IMAP_ITEM_DATE], err));
	return imap_token_value(&fetched.body, &ret->bytes, err);
}

static enum rc
gone(uint32_t uid, struct err *err)
{
	return err_set(err, RC_ABSENT, "letter %u is gone", uid);
}

enum rc
rest_box_fetch(struct rest_box *box, uint32_t uid, struct rest_fetched *ret,
    struct err *err)
{
	struct wanted wanted = {.uid = uid, .ret = ret};
	struct buf command BUF_OWNED = BUF_SMALL;

	TRY(buf_add_format(&command, err,
	    "UID FETCH %u (UID FLAGS INTERNALDATE BODY.PEEK[])", uid));
	TRY(ask(
	    box->link, buf_span(&command), hear_letter, &wanted, NULL, err));
	return wanted.there && wanted.whole ? RC_OK : gone(uid, err);
}

enum rc
rest_box_flags(struct rest_box *box, uint32_t uid, struct rest_fetched *ret,
    struct err *err)
{
	struct wanted wanted = {.uid = uid, .ret = ret, .whole = true};
	struct buf command BUF_OWNED = BUF_SMALL;

	TRY(buf_add_format(&command, err, "UID FETCH %u (UID FLAGS)", uid));
	TRY(ask(
	    box->link, buf_span(&command), hear_letter, &wanted, NULL, err));
	return wanted.there ? RC_OK : gone(uid, err);
}

/* --- changing it ----------------------------------------------------------------------*/

/* "[APPENDUID validity uid] ..." (RFC 4315 section 3) */
static enum rc
read_appended(const struct rest_box *box, struct span text, uint32_t *ret,
    struct err *err)
{
	static const char code[] = "[APPENDUID ";
	struct imap_walk walk = {span_after(text, strlen(code))};
	struct imap_token validity, uid;
	uint32_t number = 0;
	ptrdiff_t end = span_find_byte(text, ']');

	if (!span_starts_nocase(text, code) || end < 0)
		return err_set(err, RC_SYNTAX,
		    "the mail server does not say where it stored a letter");
	walk.rest = span_after(span_first(text, (size_t)end), strlen(code));
	TRY(imap_walk_next(&walk, &validity, err));
	TRY(imap_walk_next(&walk, &uid, err));
	TRY(imap_number_parse(validity.value, &number, err));
	if (number != box->validity)
		return err_set(
		    err, RC_SYNTAX, "the mailbox has become another one");
	return imap_number_parse(uid.value, ret, err);
}

enum rc
rest_box_append(struct rest_box *box, const struct rest_fetched *like,
    struct span bytes, uint32_t *ret, struct err *err)
{
	struct buf command BUF_OWNED = BUF(SEALED_MAX + COMMAND_MAX);
	struct buf text BUF_OWNED = BUF(COMMAND_MAX);

	TRY(buf_add_str(&command, "APPEND ", err));
	TRY(imap_print_string(span_str(box->mailbox), &command, err));
	TRY(buf_add_format(&command, err, " %.*s %.*s {%zu}\r\n",
	    SPAN_ARGS(buf_span(&like->flags)), SPAN_ARGS(buf_span(&like->date)),
	    bytes.len));
	TRY(buf_add(&command, bytes, err));
	TRY(ask(box->link, buf_span(&command), NULL, NULL, &text, err));
	return read_appended(box, buf_span(&text), ret, err);
}

enum rc
rest_box_store(struct rest_box *box, uint32_t uid, const char *how,
    const char *flags, struct rest_fetched *ret, struct err *err)
{
	struct wanted wanted = {.uid = uid, .ret = ret, .whole = true};
	struct buf command BUF_OWNED = BUF(FLAGS_MAX);

	TRY(buf_add_format(
	    &command, err, "UID STORE %u %s %s", uid, how, flags));
	TRY(ask(box->link, buf_span(&command), ret != NULL ? hear_letter : NULL,
	    &wanted, NULL, err));
	return ret == NULL || wanted.there ? RC_OK : gone(uid, err);
}

enum rc
rest_box_remove(struct rest_box *box, uint32_t uid, struct err *err)
{
	struct buf command BUF_OWNED = BUF_SMALL;

	TRY(rest_box_store(
	    box, uid, "+FLAGS.SILENT", "(\\Deleted)", NULL, err));
	TRY(buf_add_format(&command, err, "UID EXPUNGE %u", uid));
	return ask(box->link, buf_span(&command), NULL, NULL, NULL, err);
}

/* --- flags ------------------------------------------------------------------------------*/

static bool
has_all(struct span list, struct span of)
{
	struct imap_walk walk = {of};
	struct imap_token token;
	struct err ignored = ERR_NONE;
	char name[256];

	for (;;) {
		if (imap_walk_next(&walk, &token, &ignored) != RC_OK ||
		    token.kind == IMAP_END)
			return true;
		if (token.kind != IMAP_ATOM)
			continue;
		(void)snprintf(
		    name, sizeof(name), "%.*s", SPAN_ARGS(token.value));
		if (!imap_flags_have(list, name))
			return false;
	}
}

bool
rest_flags_same(const struct rest_fetched *a, const struct rest_fetched *b)
{
	return has_all(buf_span(&a->flags), buf_span(&b->flags)) &&
	       has_all(buf_span(&b->flags), buf_span(&a->flags));
}
