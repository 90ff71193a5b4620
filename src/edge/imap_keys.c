#include "edge/imap_keys.h"

#include <stdlib.h>

#include "codec/when.h"
#include "codec/word.h"
#include "edge/imap_envelope.h"
#include "flow/search_text.h"
#include "proto/imap_token.h"

#define DAY ((int64_t)24 * 60 * 60)
#define NO_DATE "-"

/* --- the date --- */

int64_t
imap_keys_day(const struct entity *letter)
{
	struct span date = fields_value(&letter->fields, "Date");
	struct buf day BUF_OWNED = BUF(200);
	struct err ignored;
	ptrdiff_t colon = span_find_byte(date, ':');
	size_t end = colon < 0 ? 0 : (size_t)colon;
	int64_t when = 0;

	while (end > 0 && date.data[end - 1] != ' ')
		end--; /* the hour */
	if (buf_add(&day, span_first(date, end), &ignored) != RC_OK ||
	    buf_add_str(&day, "00:00:00 +0000", &ignored) != RC_OK ||
	    when_parse_mail(buf_span(&day), &when, &ignored) != RC_OK)
		return 0;
	return when / DAY - (when % DAY < 0);
}

static enum rc
print_date(const struct entity *letter, struct buf *out, struct err *err)
{
	struct span date = fields_value(&letter->fields, "Date");
	struct err ignored;
	int64_t when = 0;

	if (when_parse_mail(span_trim(date), &when, &ignored) != RC_OK)
		return buf_add_str(out, NO_DATE "\n", err);
	return buf_add_format(out, err, "%lld\n", (long long)when);
}

/* --- texts --- */

/* One line, ready to be compared. */
static enum rc
print_text(struct span text, struct buf *out, struct err *err)
{
	struct buf key BUF_OWNED = BUF_SECRET(64 * IMAP_KEY_MAX);

	TRY(search_collate(span_first(text, IMAP_KEY_MAX), &key, err));
	for (size_t i = 0; i < key.len; i++)
		if (key.data[i] < ' ')
			key.data[i] = ' ';
	TRY(buf_add(out, span_first(buf_span(&key), IMAP_KEY_MAX), err));
	return buf_add_byte(out, '\n', err);
}

static enum rc
print_subject(const struct entity *letter, struct buf *out, struct err *err)
{
	struct buf subject BUF_OWNED = BUF_SECRET(2 * FIELD_SECTION_MAX);
	struct buf base BUF_OWNED = BUF_SECRET(2 * FIELD_SECTION_MAX);
	bool answer;

	TRY(word_decode(
	    fields_value(&letter->fields, "Subject"), &subject, err));
	TRY(imap_base_subject(buf_span(&subject), &base, &answer, err));
	TRY(buf_add_str(out, answer ? "1\n" : "0\n", err));
	return print_text(buf_span(&base), out, err);
}

/* --- addresses --- */

/* The first address of a list of the envelope: its display name and its
 * mailbox; empty if there is none. */
struct first {
	struct buf name, mailbox;
};

#define FIRST_OWNED __attribute__((cleanup(first_done)))

static void
first_done(struct first *first)
{
	buf_done(&first->name);
	buf_done(&first->mailbox);
}

static enum rc
take_string(struct imap_walk *walk, struct buf *ret, struct err *err)
{
	struct imap_token token;

	TRY(imap_walk_next(walk, &token, err));
	return token.kind == IMAP_STRING ? imap_token_value(&token, ret, err)
					 : RC_OK;
}

/* To the end of what is open. */
static enum rc
skip_list(struct imap_walk *walk, struct err *err)
{
	struct imap_token token;

	for (int depth = 1; depth > 0;) {
		TRY(imap_walk_next(walk, &token, err));
		if (token.kind == IMAP_END)
			return err_set(err, RC_SYNTAX, "bad envelope");
		depth += token.kind == IMAP_OPEN;
		depth -= token.kind == IMAP_CLOSE;
	}
	return RC_OK;
}

/* "((name adl mailbox host) ...)", or NIL */
static enum rc
take_first(struct imap_walk *walk, struct first *ret, struct err *err)
{
	struct imap_token token;
	struct buf route BUF_OWNED = BUF_SECRET(2 * FIELD_SECTION_MAX);

	buf_clear(&ret->name);
	buf_clear(&ret->mailbox);
	TRY(imap_walk_next(walk, &token, err));
	if (token.kind != IMAP_OPEN)
		return RC_OK;
	TRY(imap_walk_next(walk, &token, err));
	if (token.kind != IMAP_OPEN)
		return RC_OK;
	TRY(take_string(walk, &ret->name, err));
	TRY(take_string(walk, &route, err));
	TRY(take_string(walk, &ret->mailbox, err));
	TRY(skip_list(walk, err));
	return skip_list(walk, err);
}

/* RFC 5957 section 3: the name that is shown, else the mailbox. */
static enum rc
print_display(const struct first *first, struct buf *out, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SECRET(2 * FIELD_SECTION_MAX);

	TRY(word_decode(buf_span(&first->name), &name, err));
	if (span_trim(buf_span(&name)).len > 0)
		return print_text(buf_span(&name), out, err);
	return print_text(buf_span(&first->mailbox), out, err);
}

static enum rc
print_addresses(struct span envelope, struct buf *out, struct err *err)
{
	struct first first FIRST_OWNED = {BUF_SECRET(2 * FIELD_SECTION_MAX),
	    BUF_SECRET(2 * FIELD_SECTION_MAX)};
	struct buf display BUF_OWNED = BUF_SECRET(IMAP_KEYS_MAX);
	struct imap_walk walk = {envelope};
	struct imap_token token;

	for (int i = 0; i < 3; i++) /* "(", date and subject */
		TRY(imap_walk_next(&walk, &token, err));
	TRY(take_first(&walk, &first, err));
	TRY(print_text(buf_span(&first.mailbox), out, err));
	TRY(print_display(&first, &display, err));
	TRY(take_first(&walk, &first, err)); /* Sender */
	TRY(take_first(&walk, &first, err)); /* Reply-To */
	TRY(take_first(&walk, &first, err));
	TRY(print_text(buf_span(&first.mailbox), out, err));
	TRY(print_display(&first, &display, err));
	TRY(take_first(&walk, &first, err));
	TRY(print_text(buf_span(&first.mailbox), out, err));
	return buf_add(out, buf_span(&display), err);
}

/* --- references --- */

/* RFC 5256 section 3: "differences in quoting" make no other id.  No blank and
 * no line end is in one. */
static enum rc
print_id(struct span id, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < id.len; i++) {
		uint8_t c = id.data[i];
		if (c > ' ' && c != '"' && c != '\\')
			TRY(buf_add_byte(out, c, err));
	}
	return buf_add_byte(out, '\n', err);
}

/* The next "<left@right>" of a value; false: there is none. */
static bool
next_id(struct span *value, struct span *ret)
{
	for (;;) {
		ptrdiff_t open = span_find_byte(*value, '<');
		if (open < 0)
			return false;
		*value = span_after(*value, (size_t)open + 1);
		ptrdiff_t end = span_find_byte(*value, '>');
		if (end < 0)
			return false;
		*ret = span_first(*value, (size_t)end);
		if (span_find_byte(*ret, '<') >= 0)
			continue; /* it begins later */
		*value = span_after(*value, (size_t)end + 1);
		if (span_find_byte(*ret, '@') > 0 && ret->len <= IMAP_KEY_MAX)
			return true;
	}
}

/* At most `most` of them. */
static enum rc
print_ids(const struct entity *letter, const char *name, size_t most,
    struct buf *out, struct err *err)
{
	struct span value = fields_value(&letter->fields, name), id;

	for (; most > 0 && next_id(&value, &id); most--) {
		if (out->len + id.len + 1 > IMAP_KEYS_MAX)
			return RC_OK;
		TRY(print_id(id, out, err));
	}
	return RC_OK;
}

/* RFC 5256 section 3: "If a message does not contain a References header line,
 * or the References header line does not contain any valid Message IDs, then
 * use the first (if any) valid Message ID found in the In-Reply-To header
 * line". */
static enum rc
print_references(const struct entity *letter, struct buf *out, struct err *err)
{
	struct span value = fields_value(&letter->fields, "Message-ID"), id;

	TRY(next_id(&value, &id) ? print_id(id, out, err)
				 : buf_add_byte(out, '\n', err));
	size_t was = out->len;
	TRY(print_ids(letter, "References", SIZE_MAX, out, err));
	return out->len == was ? print_ids(letter, "In-Reply-To", 1, out, err)
			       : RC_OK;
}

/* --- the whole --- */

enum rc
imap_keys_print(const struct entity *letter, struct buf *out, struct err *err)
{
	struct buf envelope BUF_OWNED = BUF_SECRET(64 * FIELD_SECTION_MAX);
	struct buf keys BUF_OWNED = BUF_SECRET(2 * IMAP_KEYS_MAX);

	TRY(imap_envelope_print(&letter->fields, &envelope, err));
	TRY(print_date(letter, &keys, err));
	TRY(print_subject(letter, &keys, err));
	TRY(print_addresses(buf_span(&envelope), &keys, err));
	TRY(print_references(letter, &keys, err));
	return buf_add(out, buf_span(&keys), err);
}

static bool
take_line(struct span *text, struct span *ret)
{
	ptrdiff_t end = span_find_byte(*text, '\n');

	if (end < 0)
		return false;
	*ret = span_first(*text, (size_t)end);
	*text = span_after(*text, (size_t)end + 1);
	return true;
}

enum rc
imap_keys_parse(struct span text, struct imap_keys *ret, struct err *err)
{
	struct span date, answer;
	struct imap_keys keys = {0};
	char digits[24] = "";

	if (!take_line(&text, &date) || !take_line(&text, &answer) ||
	    !take_line(&text, &keys.subject) || !take_line(&text, &keys.from) ||
	    !take_line(&text, &keys.to) || !take_line(&text, &keys.cc) ||
	    !take_line(&text, &keys.display_from) ||
	    !take_line(&text, &keys.display_to) || !take_line(&text, &keys.id))
		return err_set(err, RC_SYNTAX, "these are no keys");
	(void)memcpy(digits, date.data,
	    date.len < sizeof(digits) ? date.len : sizeof(digits) - 1);
	keys.dated = !span_is(date, span_str(NO_DATE));
	keys.date = strtoll(digits, NULL, 10);
	keys.answer = span_is(answer, span_str("1"));
	keys.references = text;
	*ret = keys;
	return RC_OK;
}
