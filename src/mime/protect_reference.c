#include "mime/protect_reference_priv.h"

#include <stdlib.h>

#include "codec/word.h"
#include "mime/address.h"
#include "mime/protect_outside_priv.h"
#include "mime/protect_owner_priv.h"

#define TEXT_MAX (4 * FIELD_SECTION_MAX)
#define COLUMNS 4

static const char *const kind_names[] = {
    [REFERENCE_TEXT] = "text",
    [REFERENCE_ADDRESS] = "address",
    [REFERENCE_NAME] = "name",
    [REFERENCE_LIST] = "list",
    [REFERENCE_ID] = "id",
};

/* ---- how fields are read --------------------------------------------------- */

enum reference_form
reference_form_of(struct span name)
{
	static const struct {
		const char *name;
		enum reference_form form;
	} forms[] = {
	    {"From", FORM_OWN_ADDRESS},
	    {"Sender", FORM_OWN_ADDRESS},
	    {"Resent-From", FORM_OWN_ADDRESS},
	    {"Resent-Sender", FORM_OWN_ADDRESS},
	    {"Reply-To", FORM_ADDRESSES},
	    {"To", FORM_ADDRESSES},
	    {"Cc", FORM_ADDRESSES},
	    {"Bcc", FORM_ADDRESSES},
	    {"Resent-To", FORM_ADDRESSES},
	    {"Resent-Cc", FORM_ADDRESSES},
	    {"Resent-Bcc", FORM_ADDRESSES},
	    {"Mail-Followup-To", FORM_ADDRESSES},
	    {"Mail-Reply-To", FORM_ADDRESSES},
	    {"Disposition-Notification-To", FORM_ADDRESSES},
	    {"Return-Receipt-To", FORM_ADDRESSES},
	    {"Errors-To", FORM_ADDRESSES},
	    {"Message-ID", FORM_IDS},
	    {"Resent-Message-ID", FORM_IDS},
	    {"In-Reply-To", FORM_IDS},
	    {"References", FORM_IDS},
	    {"Subject", FORM_SUBJECT},
	    {"Date", FORM_OWN_TEXT},
	    {"Resent-Date", FORM_OWN_TEXT},
	    {"User-Agent", FORM_OWN_TEXT},
	    {"X-Mailer", FORM_OWN_TEXT},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (span_is_nocase(name, forms[i].name))
			return forms[i].form;
	return FORM_TEXT;
}

/* The length of "Re:" or "AW[2]: " at the front, 0 if there is none. */
static size_t
prefix_len(struct span subject, const char **ret_prefix)
{
	static const struct {
		const char *word, *prefix;
	} words[] = {{"Re", "Re: "}, {"Aw", "Re: "}, {"Antw", "Re: "},
	    {"Sv", "Re: "}, {"Vs", "Re: "}, {"Odp", "Re: "}, {"Rif", "Re: "},
	    {"Res", "Re: "}, {"Ynt", "Re: "}, {"Fwd", "Fwd: "}, {"Fw", "Fwd: "},
	    {"Wg", "Fwd: "}, {"Tr", "Fwd: "}, {"Rv", "Fwd: "}, {"Enc", "Fwd: "},
	    {"Vb", "Fwd: "}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t at = strlen(words[i].word);
		if (!span_starts_nocase(subject, words[i].word))
			continue;
		struct span rest = span_after(subject, at);
		ptrdiff_t end = span_find_byte(span_first(rest, 6), ']');
		if (span_starts(rest, "[") && end > 0)
			rest = span_after(rest, (size_t)end + 1);
		if (!span_starts(rest, ":"))
			continue;
		rest = span_trim(span_after(rest, 1));
		*ret_prefix = words[i].prefix;
		return (size_t)(rest.data - subject.data);
	}
	return 0;
}

struct span
reference_base(struct span subject, const char **ret_prefix)
{
	const char *prefix, *first = "";
	size_t len;

	subject = span_trim(subject);
	while ((len = prefix_len(subject, &prefix)) > 0) {
		if (first[0] == '\0')
			first = prefix;
		subject = span_after(subject, len);
	}
	if (ret_prefix != NULL)
		*ret_prefix = first;
	return subject;
}

bool
reference_next_id(struct span value, size_t *at, struct span *ret)
{
	for (; *at < value.len; (*at)++) {
		size_t end = *at + 1;
		if (value.data[*at] != '<')
			continue;
		while (end < value.len && value.data[end] > ' ' &&
		       value.data[end] != '<' && value.data[end] != '>')
			end++;
		if (end == value.len || value.data[end] != '>')
			continue;
		*ret = span_after(span_first(value, end + 1), *at);
		*at = end + 1;
		return true;
	}
	return false;
}

/* ---- the list --------------------------------------------------------------- */

static void
wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void
secret_done(struct reference_secret *secret)
{
	wipe(secret->field);
	wipe(secret->text);
	wipe(secret->instead);
}

static void
cut(struct protect_reference *reference, size_t len)
{
	while (reference->len > len)
		secret_done(&reference->item[--reference->len]);
}

void
protect_reference_done(struct protect_reference *reference)
{
	cut(reference, 0);
	free(reference->item);
	*reference = REFERENCE_NONE;
}

static enum rc
make_room(struct protect_reference *reference, struct err *err)
{
	if (reference->len >= REFERENCE_MAX)
		return err_set(err, RC_LIMIT,
		    "a letter hides more than %d things in its header",
		    REFERENCE_MAX);
	if (reference->len < reference->cap)
		return RC_OK;
	size_t cap = reference->cap * 2 + 8;
	struct reference_secret *item =
	    reallocarray(reference->item, cap, sizeof(*item));
	if (item == NULL)
		return err_nomem(err, "reference");
	reference->item = item;
	reference->cap = cap;
	return RC_OK;
}

/* `instead` may be SPAN_NONE: nothing. */
static enum rc
add_secret(struct protect_reference *reference, enum reference_kind kind,
    struct span field, struct span text, struct span instead, struct err *err)
{
	struct reference_secret secret
	    __attribute__((cleanup(secret_done))) = {kind, NULL, NULL, NULL};

	TRY(make_room(reference, err));
	TRY(span_dup(field, &secret.field, err));
	TRY(span_dup(text, &secret.text, err));
	if (instead.data != NULL)
		TRY(span_dup(instead, &secret.instead, err));
	reference->item[reference->len++] = secret;
	secret = (struct reference_secret){kind, NULL, NULL, NULL};
	return RC_OK;
}

/* ---- a letter ---------------------------------------------------------------- */

struct reading {
	struct protect_reference *reference;
	const struct entity *header;
	struct outside outside;
	struct mailboxes seen; /* outside, in any field of addresses */
	struct err *err;
};

/* What stands in its place outside: the first of that name. */
static struct span
find_instead(const struct reading *reading, struct span name)
{
	struct outside_field other;

	for (size_t at = 0; outside_next(&reading->outside, &at, &other);)
		if (span_equal_nocase(other.name, name))
			return other.value.data != NULL ? other.value
							: span_str("");
	return SPAN_NONE;
}

/* Append as people see it, trimmed. */
static enum rc
add_text(struct span value, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(TEXT_MAX);

	TRY(word_decode(value, &text, err));
	return buf_add(out, span_trim(buf_span(&text)), err);
}

static enum rc
read_text(const struct reading *reading, const struct field *field,
    enum reference_form form)
{
	struct buf text BUF_OWNED = BUF_SECRET(TEXT_MAX);
	struct buf other BUF_OWNED = BUF_SECRET(TEXT_MAX);
	struct span instead = find_instead(reading, field->name);

	TRY(add_text(field->value, &text, reading->err));
	struct span base = buf_span(&text);
	if (form == FORM_SUBJECT)
		base = reference_base(base, NULL);
	if (instead.data != NULL) {
		TRY(add_text(instead, &other, reading->err));
		instead = other.len > 0 ? buf_span(&other) : span_str("");
	}
	return add_secret(reading->reference, REFERENCE_TEXT, field->name, base,
	    instead, reading->err);
}

static bool
name_is_seen(const struct reading *reading, const char *name)
{
	for (size_t i = 0; i < reading->seen.len; i++)
		if (strcmp(reading->seen.item[i].name, name) == 0)
			return true;
	return false;
}

static enum rc
read_mailbox(const struct reading *reading, const struct field *field,
    const struct mailbox *mailbox)
{
	if (!mailboxes_have(&reading->seen, mailbox->address))
		TRY(add_secret(reading->reference, REFERENCE_ADDRESS,
		    field->name, span_str(mailbox->address), SPAN_NONE,
		    reading->err));
	if (mailbox->name[0] == '\0' || name_is_seen(reading, mailbox->name))
		return RC_OK;
	return add_secret(reading->reference, REFERENCE_NAME, field->name,
	    span_str(mailbox->name), SPAN_NONE, reading->err);
}

static enum rc
read_addresses(const struct reading *reading, const struct field *field)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	enum rc rc = mailboxes_parse(field->value, &list, reading->err);

	if (rc == RC_SYNTAX)
		return read_text(reading, field, FORM_TEXT);
	TRY(rc);
	TRY(add_secret(reading->reference, REFERENCE_LIST, field->name,
	    span_str(""), SPAN_NONE, reading->err));
	for (size_t i = 0; i < list.len; i++)
		TRY(read_mailbox(reading, field, &list.item[i]));
	return RC_OK;
}

static bool
id_is_seen(const struct reading *reading, struct span id)
{
	struct outside_field other;

	for (size_t at = 0; outside_next(&reading->outside, &at, &other);)
		if (reference_form_of(other.name) == FORM_IDS &&
		    span_find(other.value, id) >= 0)
			return true;
	return false;
}

/* An answer is to the letter's own identifier: another one may have stood in
 * its place. */
static struct span
find_other_id(const struct reading *reading, const struct field *field)
{
	struct span instead = SPAN_NONE, id = SPAN_NONE;
	size_t at = 0;

	if (span_is_nocase(field->name, "Message-ID"))
		instead = find_instead(reading, field->name);
	return reference_next_id(instead, &at, &id) ? id : SPAN_NONE;
}

static enum rc
read_ids(const struct reading *reading, const struct field *field)
{
	struct span other = find_other_id(reading, field), id;

	for (size_t at = 0; reference_next_id(field->value, &at, &id);)
		if (!id_is_seen(reading, id))
			TRY(add_secret(reading->reference, REFERENCE_ID,
			    field->name, id, other, reading->err));
	return RC_OK;
}

static enum rc
read_field(const struct reading *reading, const struct field *field)
{
	enum reference_form form = reference_form_of(field->name);

	if (!protect_is_protected(field) ||
	    outside_has(&reading->outside, field))
		return RC_OK;
	switch (form) {
	case FORM_ADDRESSES:
	case FORM_OWN_ADDRESS:
		return read_addresses(reading, field);
	case FORM_IDS:
		return read_ids(reading, field);
	case FORM_TEXT:
	case FORM_OWN_TEXT:
	case FORM_SUBJECT:
	default:
		return read_text(reading, field, form);
	}
}

/* What cannot be read is seen by nobody, and stays secret. */
static enum rc
read_seen(struct reading *reading)
{
	struct outside_field other;

	for (size_t at = 0; outside_next(&reading->outside, &at, &other);) {
		enum reference_form form = reference_form_of(other.name);
		if (form != FORM_ADDRESSES && form != FORM_OWN_ADDRESS)
			continue;
		enum rc rc =
		    mailboxes_parse(other.value, &reading->seen, reading->err);
		if (rc != RC_SYNTAX)
			TRY(rc);
	}
	return RC_OK;
}

static enum rc
read_letter(struct reading *reading)
{
	const struct fields *fields = &reading->header->fields;

	TRY(read_seen(reading));
	for (size_t i = 0; i < fields->len; i++)
		TRY(read_field(reading, &fields->item[i]));
	return RC_OK;
}

enum rc
protect_reference_add(struct protect_reference *reference,
    const struct protect_letter *letter, struct err *err)
{
	enum protect_form form = protect_form_of(letter);
	size_t before = reference->len;

	if (!letter->encrypted ||
	    (form != PROTECT_FORM_CIPHER && form != PROTECT_FORM_WRAPPED))
		return RC_OK;
	struct reading reading = {reference, protect_header_of(letter),
	    outside_of(letter), MAILBOXES_NONE, err};
	enum rc rc = read_letter(&reading);
	mailboxes_done(&reading.seen);
	if (rc != RC_OK)
		cut(reference, before);
	return rc;
}

/* ---- print and parse --------------------------------------------------------- */

/* Columns with tabs between; none of the texts holds a control character. */
static enum rc
print_secret(
    const struct reference_secret *secret, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "%s\t%s\t%s", kind_names[secret->kind],
	    secret->field, secret->text));
	if (secret->instead != NULL)
		TRY(buf_add_format(out, err, "\t%s", secret->instead));
	return buf_add_str(out, "\n", err);
}

enum rc
protect_reference_print(
    const struct protect_reference *reference, struct buf *out, struct err *err)
{
	size_t before = out->len;

	for (size_t i = 0; i < reference->len; i++) {
		enum rc rc = print_secret(&reference->item[i], out, err);
		if (rc != RC_OK) {
			buf_cut(out, before);
			return rc;
		}
	}
	return RC_OK;
}

/* Cut at the tabs; the number of columns, COLUMNS + 1 if there are more. */
static size_t
split(struct span line, struct span column[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++) {
		ptrdiff_t tab = span_find_byte(line, '\t');
		if (tab < 0) {
			column[i] = line;
			return i + 1;
		}
		column[i] = span_first(line, (size_t)tab);
		line = span_after(line, (size_t)tab + 1);
	}
	return COLUMNS + 1;
}

static enum rc
parse_line(
    struct protect_reference *reference, struct span line, struct err *err)
{
	struct span column[COLUMNS] = {SPAN_NONE};
	size_t count = split(line, column);
	size_t kind = 0, kinds = sizeof(kind_names) / sizeof(kind_names[0]);

	while (kind < kinds && !span_is(column[0], span_str(kind_names[kind])))
		kind++;
	if (count < COLUMNS - 1 || count > COLUMNS || kind == kinds)
		return err_set(err, RC_SYNTAX, "not a reference");
	return add_secret(reference, (enum reference_kind)kind, column[1],
	    column[2], count == COLUMNS ? column[3] : SPAN_NONE, err);
}

enum rc
protect_reference_parse(
    struct protect_reference *reference, struct span text, struct err *err)
{
	size_t before = reference->len;

	while (text.len > 0) {
		ptrdiff_t end = span_find_byte(text, '\n');
		enum rc rc = end < 0
				 ? err_set(err, RC_SYNTAX, "reference cut off")
				 : parse_line(reference,
				       span_first(text, (size_t)end), err);
		if (rc != RC_OK) {
			cut(reference, before);
			return rc;
		}
		text = span_after(text, (size_t)end + 1);
	}
	return RC_OK;
}
