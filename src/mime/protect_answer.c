/* What an answer may say outside: mime/protect_reference in use. */
#include <strings.h>

#include "codec/word.h"
#include "mime/address.h"
#include "mime/protect_reference_priv.h"

#define TEXT_MAX (4 * FIELD_SECTION_MAX)
/* Shorter ones are in every other text by chance. */
#define PART_MIN 4

struct answer {
	const struct protect_reference *reference;
	const struct field *field;
	struct span value;
	struct buf *out;
	bool gone;
	struct err *err;
};

/* ---- is it in there? --------------------------------------------------------- */

/* Append for comparison: decoded, ASCII in lower case, without quotes, no two
 * blanks. */
static enum rc
add_folded(struct span value, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(TEXT_MAX);
	uint8_t last = ' ';

	TRY(word_decode(value, &text, err));
	struct span trimmed = span_trim(buf_span(&text));
	for (size_t i = 0; i < trimmed.len; i++) {
		uint8_t c = trimmed.data[i];
		if (c == '"' || c == '\\' || (c == ' ' && last == ' '))
			continue;
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		TRY(buf_add_byte(out, c, err));
		last = c;
	}
	return RC_OK;
}

static enum rc
is_in(const char *secret, struct span folded, bool *ret, struct err *err)
{
	struct buf wanted BUF_OWNED = BUF_SECRET(TEXT_MAX);

	TRY(add_folded(span_str(secret), &wanted, err));
	*ret = wanted.len >= PART_MIN
		   ? span_find(folded, buf_span(&wanted)) >= 0
		   : wanted.len > 0 && span_is(folded, buf_span(&wanted));
	return RC_OK;
}

/* Does a text tell any secret at all? */
static enum rc
tells(const struct answer *answer, struct span text, bool *ret)
{
	struct buf folded BUF_OWNED = BUF_SECRET(TEXT_MAX);

	*ret = false;
	TRY(add_folded(text, &folded, answer->err));
	for (size_t i = 0; i < answer->reference->len && !*ret; i++)
		TRY(is_in(answer->reference->item[i].text, buf_span(&folded),
		    ret, answer->err));
	return RC_OK;
}

static const struct reference_secret *
find(const struct answer *answer, enum reference_kind kind, const char *text)
{
	for (size_t i = 0; i < answer->reference->len; i++) {
		const struct reference_secret *secret =
		    &answer->reference->item[i];
		if (secret->kind == kind &&
		    (text == NULL || strcasecmp(secret->text, text) == 0))
			return secret;
	}
	return NULL;
}

static enum rc
keep(const struct answer *answer)
{
	return buf_add(answer->out, answer->value, answer->err);
}

/* ---- texts --------------------------------------------------------------------- */

static const struct reference_secret *
find_same_field(const struct answer *answer)
{
	for (size_t i = 0; i < answer->reference->len; i++) {
		const struct reference_secret *secret =
		    &answer->reference->item[i];
		if (secret->kind == REFERENCE_TEXT &&
		    span_is_nocase(answer->field->name, secret->field))
			return secret;
	}
	return NULL;
}

/* What stood outside of the letter that is answered, behind "Re: " where the
 * answer has it: RFC 9788 section 6.1's respond(refouter). */
static enum rc
put_instead(struct answer *answer, const char *instead)
{
	struct buf text BUF_OWNED = BUF_SECRET(TEXT_MAX);
	struct buf said BUF_OWNED = BUF_SECRET(TEXT_MAX);
	const char *prefix = "";

	if (instead == NULL) {
		answer->gone = true;
		return RC_OK;
	}
	if (reference_form_of(answer->field->name) == FORM_SUBJECT) {
		TRY(word_decode(answer->value, &said, answer->err));
		(void)reference_base(buf_span(&said), &prefix);
	}
	if (!span_starts_nocase(span_str(instead), prefix))
		TRY(buf_add_str(&text, prefix, answer->err));
	TRY(buf_add_str(&text, instead, answer->err));
	return word_encode(buf_span(&text), answer->out, answer->err);
}

/* A field that was secret stays so, whatever it says now, but for those that
 * every letter has anew. */
static enum rc
hide_text(struct answer *answer, enum reference_form form)
{
	const struct reference_secret *same = find_same_field(answer);
	bool told = same != NULL && form != FORM_OWN_TEXT;

	if (!told)
		TRY(tells(answer, answer->value, &told));
	if (!told)
		return keep(answer);
	if (same != NULL)
		return put_instead(answer, same->instead);
	return put_instead(answer, form == FORM_SUBJECT ? "[...]" : NULL);
}

/* ---- message identifiers ------------------------------------------------------- */

static const struct reference_secret *
find_id(const struct answer *answer, struct span id)
{
	for (size_t i = 0; i < answer->reference->len; i++) {
		const struct reference_secret *secret =
		    &answer->reference->item[i];
		if (secret->kind == REFERENCE_ID &&
		    span_is(id, span_str(secret->text)))
			return secret;
	}
	return NULL;
}

static enum rc
put_ids(struct answer *answer)
{
	size_t before = answer->out->len;
	struct span id;

	for (size_t at = 0; reference_next_id(answer->value, &at, &id);) {
		const struct reference_secret *secret = find_id(answer, id);
		if (secret != NULL && secret->instead == NULL)
			continue;
		if (answer->out->len > before)
			TRY(buf_add_byte(answer->out, ' ', answer->err));
		TRY(secret == NULL ? buf_add(answer->out, id, answer->err)
				   : buf_add_str(answer->out, secret->instead,
					 answer->err));
	}
	answer->gone = answer->out->len == before;
	return RC_OK;
}

/* Old programs wrote "Your letter of Monday about ..." there. */
static enum rc
hide_ids(struct answer *answer)
{
	bool told = false;

	TRY(tells(answer, answer->value, &told));
	return told ? put_ids(answer) : keep(answer);
}

/* ---- addresses ------------------------------------------------------------------ */

static bool
is_plain_phrase(const char *name)
{
	for (; *name != '\0'; name++)
		if (*name < ' ' || *name > '~' ||
		    strchr("()<>[]:;@\\,.\"=", *name) != NULL)
			return false;
	return true;
}

static bool
is_printable(const char *name)
{
	for (; *name != '\0'; name++)
		if (*name < ' ' || *name > '~')
			return false;
	return true;
}

static enum rc
put_quoted(const struct answer *answer, const char *name)
{
	TRY(buf_add_byte(answer->out, '"', answer->err));
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			TRY(buf_add_byte(answer->out, '\\', answer->err));
		TRY(buf_add_byte(answer->out, (uint8_t)*name, answer->err));
	}
	return buf_add_byte(answer->out, '"', answer->err);
}

static enum rc
put_name(const struct answer *answer, const char *name)
{
	if (is_plain_phrase(name))
		return buf_add_str(answer->out, name, answer->err);
	if (is_printable(name))
		return put_quoted(answer, name);
	return word_encode(span_str(name), answer->out, answer->err);
}

static enum rc
put_mailbox(const struct answer *answer, const struct mailbox *mailbox)
{
	bool secret = mailbox->name[0] == '\0';

	if (!secret)
		TRY(tells(answer, span_str(mailbox->name), &secret));
	if (secret)
		return buf_add_str(answer->out, mailbox->address, answer->err);
	TRY(put_name(answer, mailbox->name));
	return buf_add_format(
	    answer->out, answer->err, " <%s>", mailbox->address);
}

/* Who writes stands outside in any case. */
static enum rc
put_mailboxes(struct answer *answer, const struct mailboxes *list, bool own)
{
	size_t before = answer->out->len;

	for (size_t i = 0; i < list->len; i++) {
		const struct mailbox *mailbox = &list->item[i];
		if (!own && find(answer, REFERENCE_ADDRESS, mailbox->address))
			continue;
		if (answer->out->len > before)
			TRY(buf_add_str(answer->out, ", ", answer->err));
		TRY(put_mailbox(answer, mailbox));
	}
	answer->gone = answer->out->len == before;
	return RC_OK;
}

/* A group's name or a comment may tell, too, where a list was hidden. */
static enum rc
hide_addresses(struct answer *answer, bool own)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	bool told = false;

	enum rc rc = mailboxes_parse(answer->value, &list, answer->err);
	if (rc != RC_OK && rc != RC_SYNTAX)
		return rc;
	TRY(tells(answer, answer->value, &told));
	told |= find(answer, REFERENCE_LIST, NULL) != NULL &&
		(rc != RC_OK || list.has_group ||
		    span_find_byte(answer->value, '(') >= 0);
	for (size_t i = 0; i < list.len && !told; i++)
		TRY(tells(answer, span_str(list.item[i].name), &told));
	for (size_t i = 0; i < list.len && !told; i++)
		told = find(answer, REFERENCE_ADDRESS, list.item[i].address) !=
		       NULL;
	if (!told)
		return keep(answer);
	return put_mailboxes(answer, &list, own);
}

static enum rc
hide(struct answer *answer)
{
	enum reference_form form = reference_form_of(answer->field->name);

	if (answer->reference->len == 0)
		return keep(answer);
	switch (form) {
	case FORM_ADDRESSES:
	case FORM_OWN_ADDRESS:
		return hide_addresses(answer, form == FORM_OWN_ADDRESS);
	case FORM_IDS:
		return hide_ids(answer);
	case FORM_TEXT:
	case FORM_OWN_TEXT:
	case FORM_SUBJECT:
	default:
		return hide_text(answer, form);
	}
}

enum rc
protect_reference_hide(const struct protect_reference *reference,
    const struct field *field, struct span value, struct buf *out,
    bool *ret_gone, struct err *err)
{
	struct answer answer = {reference, field, value, out, false, err};
	size_t before = out->len;
	enum rc rc = hide(&answer);

	if (rc != RC_OK) {
		buf_cut(out, before);
		return rc;
	}
	*ret_gone = answer.gone;
	return RC_OK;
}
