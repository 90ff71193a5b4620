#include "flow/answering.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "codec/word.h"
#include "mime/address.h"

#define TEXT_MAX (2 * FIELD_SECTION_MAX)
#define CALENDAR_LOOK ((size_t)64 * 1024)

OWNER(struct entity, entity_free);

/* A letter being looked at. */
struct looking {
	const struct answering *by;
	const struct entity *letter;
	struct answered_list known;
	size_t named; /* the first of them: it says so itself */
	unsigned ids;
	struct err *err;
};

static const struct entity *
next_part(const struct entity *root, const struct entity *part)
{
	if (part->child != NULL)
		return part->child;
	while (part != root && part->next == NULL)
		part = part->parent;
	return part == root ? NULL : part->next;
}

/* --- of what kind --------------------------------------------------------------- */

static bool
has_field(const struct entity *letter, const char *name)
{
	return span_trim(fields_value(&letter->fields, name)).len > 0;
}

static bool
is_resent(const struct entity *letter)
{
	for (size_t i = 0; i < letter->fields.len; i++)
		if (span_starts_nocase(letter->fields.item[i].name, "Resent-"))
			return true;
	return false;
}

static bool
param_is(const struct entity *part, const char *name, const char *value)
{
	const char *got = content_param(&part->type, name);

	return got != NULL && span_is_nocase(span_str(got), value);
}

static bool
is_report(const struct entity *letter, const char *type)
{
	return entity_is(letter, "multipart", "report") &&
	       param_is(letter, "report-type", type);
}

/* RFC 5546 section 3: "METHOD:REPLY", also where only the part's text says
 * it. */
static bool
says_reply(const struct entity *part)
{
	struct buf text BUF_OWNED = BUF_SECRET(part->body.len + 1);
	struct err ignored = ERR_NONE;

	if (entity_decode(part, &text, &ignored) != RC_OK)
		return false;
	struct span rest = span_first(buf_span(&text), CALENDAR_LOOK);
	while (rest.len > 0) {
		ptrdiff_t end = span_find_byte(rest, '\n');
		struct span line =
		    span_first(rest, end < 0 ? rest.len : (size_t)end);
		if (span_is_nocase(span_trim(line), "METHOD:REPLY"))
			return true;
		rest = span_after(rest, line.len + 1);
	}
	return false;
}

static bool
is_calendar_reply(const struct entity *letter)
{
	for (const struct entity *part = letter; part != NULL;
	     part = next_part(letter, part))
		if (entity_is(part, "text", "calendar") &&
		    (param_is(part, "method", "REPLY") || says_reply(part)))
			return true;
	return false;
}

/* RFC 3834 section 5: anything but "no". */
static bool
is_automatic(const struct entity *letter, const struct answering *by)
{
	struct span said =
	    span_trim(fields_value(&letter->fields, "Auto-Submitted"));

	return by->from_nobody || has_field(letter, "X-Autoreply") ||
	       (said.len > 0 && !(span_starts_nocase(said, "no") &&
				    (said.len == 2 || said.data[2] == ';' ||
					said.data[2] == ' ')));
}

static bool
has_letter_inside(const struct entity *letter)
{
	for (const struct entity *part = letter; part != NULL;
	     part = next_part(letter, part))
		if (content_is(&part->type, "message", NULL) &&
		    part->child != NULL)
			return true;
	return false;
}

/* Whoever answers a letter of somebody who calls it "Fwd:" has "Re:" in front
 * of that; so nobody else can make an answer pass for a forward. */
static bool
begins_as_forward(const struct entity *letter)
{
	static const char *const words[] = {"Fwd:", "Fw:", "WG:", "TR:", "RV:",
	    "Enc:", "VB:", "I:", "Doorst:", "\xe8\xbd\xac\xe5\x8f\x91:",
	    "\xe8\xbd\xac\xe5\x8f\x91\xef\xbc\x9a"};
	struct buf text BUF_OWNED = BUF_SECRET(TEXT_MAX);
	struct err ignored = ERR_NONE;

	if (word_decode(fields_value(&letter->fields, "Subject"), &text,
		&ignored) != RC_OK)
		return false;
	struct span subject = span_trim(buf_span(&text));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_starts_nocase(subject, words[i]))
			return true;
	return span_starts(subject, "[Fwd:");
}

static bool
is_forward(const struct entity *letter)
{
	bool answers =
	    has_field(letter, "In-Reply-To") || has_field(letter, "References");

	return has_field(letter, "X-Forwarded-Message-Id") ||
	       begins_as_forward(letter) ||
	       (!answers && has_letter_inside(letter));
}

static enum answer_kind
kind_of(const struct entity *letter, const struct answering *by)
{
	if (is_resent(letter))
		return ANSWER_RESENT;
	if (is_report(letter, "delivery-status"))
		return ANSWER_DELIVERY_REPORT;
	if (is_report(letter, "disposition-notification"))
		return ANSWER_READ_REPORT;
	if (is_automatic(letter, by))
		return ANSWER_AUTOMATIC;
	if (is_calendar_reply(letter))
		return ANSWER_CALENDAR;
	if (has_field(letter, "List-Id"))
		return ANSWER_LIST;
	if (is_forward(letter))
		return has_letter_inside(letter) ? ANSWER_ATTACHED
						 : ANSWER_FORWARD;
	return has_field(letter, "In-Reply-To") ||
		       has_field(letter, "References")
		   ? ANSWER_REPLY
		   : ANSWER_NEW;
}

/* --- what it names --------------------------------------------------------------- */

static bool
is_known(const struct looking *l, const struct answered *record)
{
	for (size_t i = 0; i < l->known.len; i++)
		if (strcmp(l->known.item[i].letter, record->letter) == 0 &&
		    strcmp(l->known.item[i].id, record->id) == 0)
			return true;
	return false;
}

/* Twice the same counts once, by the list's own look. */
static enum rc
look_up(struct looking *l, struct span id)
{
	struct answered_list found ANSWERED_LIST_OWNED = ANSWERED_LIST_NONE;

	if (l->ids >= ANSWERING_IDS)
		return RC_OK;
	l->ids++;
	TRY(answered_find(l->by->state, id, l->by->now, &found, l->err));
	if (found.len == 0 || is_known(l, &found.item[0]))
		return RC_OK;
	return answered_list_take(&l->known, &found, l->err);
}

/* The last of References is the letter that is answered: from there on. */
static enum rc
look_up_all(struct looking *l, struct span value)
{
	struct span ids[ANSWERING_IDS];
	size_t count = 0;

	for (struct span id; answered_next_id(&value, &id); count++)
		ids[count % ANSWERING_IDS] = id;
	size_t len = count < ANSWERING_IDS ? count : ANSWERING_IDS;
	for (size_t i = 1; i <= len; i++)
		TRY(look_up(l, ids[(count - i) % ANSWERING_IDS]));
	return RC_OK;
}

static enum rc
look_up_field(struct looking *l, const struct fields *fields, const char *name)
{
	struct buf value BUF_OWNED = BUF(TEXT_MAX);

	TRY(field_unfold(fields_value(fields, name), &value, l->err));
	return look_up_all(l, buf_span(&value));
}

static enum rc
look_up_header(struct looking *l)
{
	const struct fields *fields = &l->letter->fields;

	TRY(look_up_field(l, fields, "In-Reply-To"));
	return look_up_field(l, fields, "X-Forwarded-Message-Id");
}

/* RFC 8098 section 3.2.5: Original-Message-ID; a delivery report holds the
 * letter, or its header (text/rfc822-headers), as a text of fields. */
static enum rc
look_up_text(struct looking *l, const struct entity *part)
{
	static const char *const names[] = {
	    "Original-Message-ID", "Message-ID"};
	struct buf text BUF_OWNED = BUF_SECRET(part->body.len + 1);
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct err ignored = ERR_NONE;
	size_t body = 0;

	if (entity_decode(part, &text, &ignored) != RC_OK ||
	    fields_parse(buf_span(&text), &fields, &body, &ignored) != RC_OK)
		return RC_OK;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		TRY(look_up_field(l, &fields, names[i]));
	return RC_OK;
}

static enum rc
look_up_parts(struct looking *l)
{
	for (const struct entity *part = l->letter; part != NULL;
	     part = next_part(l->letter, part)) {
		bool inside = part->parent != NULL &&
			      content_is(&part->parent->type, "message", NULL);
		if (inside)
			TRY(look_up_field(l, &part->fields, "Message-ID"));
		if (content_is(&part->type, "message", NULL) &&
		    part->child == NULL)
			TRY(look_up_text(l, part));
		if (entity_is(part, "text", "rfc822-headers"))
			TRY(look_up_text(l, part));
	}
	return RC_OK;
}

/* --- what follows ------------------------------------------------------------------ */

/* A recipient whom the signer of that letter did not name. */
static bool
strays(const struct looking *l, const struct answered *record)
{
	const struct recipients *to = l->by->to;

	for (size_t i = 0; to != NULL && i < to->len; i++)
		if (!address_equal(to->item[i].address, l->by->own) &&
		    !strlist_has_nocase(&record->named, to->item[i].address))
			return true;
	return false;
}

/* Whoever names a letter and has some words of it quotes it; without that it
 * takes more, for some words in a row are in many letters. */
static bool
quotes(const struct looking *l, size_t i, const struct fingerprint *text)
{
	const struct fingerprint *kept = &l->known.item[i].text;
	size_t common = fingerprint_common(kept, text);

	if (text->cut)
		return true; /* behind the end nobody looked */
	if (i < l->named)
		return common > 0;
	return common >= ANSWERING_MARKS ||
	       (kept->len > 0 && kept->len < ANSWERING_MARKS &&
		   common == kept->len);
}

static enum answer_about
about_of(const struct answered *record)
{
	static const enum answer_about abouts[] = {
	    [ANSWERED_SIGNED] = ANSWER_ABOUT_SIGNED,
	    [ANSWERED_UNSIGNED] = ANSWER_ABOUT_UNSIGNED,
	    [ANSWERED_MALLEABLE] = ANSWER_ABOUT_MALLEABLE,
	};

	return abouts[record->seal];
}

/* Of several letters the one with the worst decision is the one that counts. */
static void
judge(const struct looking *l, const struct fingerprint *text,
    struct answer_facts *facts)
{
	struct answer_decision decision;

	for (size_t i = 0; i < l->known.len; i++) {
		const struct answered *record = &l->known.item[i];
		struct answer_facts one = *facts;
		one.quotes = quotes(l, i, text);
		if (i >= l->named && !one.quotes)
			continue;
		one.about = about_of(record);
		one.strays = strays(l, record);
		one.crowded = i < l->named && record->crowded;
		answer_decide(&one, &decision);
		if (facts->about == ANSWER_ABOUT_NOTHING ||
		    decision.way == ANSWER_REFUSED)
			*facts = one;
		if (decision.way == ANSWER_REFUSED)
			return;
	}
}

/* From of a letter that cannot be read is nobody's. */
static bool
is_of_another(const struct looking *l)
{
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	struct err ignored = ERR_NONE;

	return mailboxes_parse(fields_value(&l->letter->fields, "From"), &from,
		   &ignored) != RC_OK ||
	       from.len != 1 ||
	       !address_equal(from.item[0].address, l->by->own);
}

static enum rc
hide(const struct looking *l, struct protect_reference *secrets)
{
	for (size_t i = 0; i < l->named; i++) {
		struct buf text BUF_OWNED = BUF_SECRET((size_t)4 << 20);
		TRY(protect_reference_print(
		    &l->known.item[i].secrets, &text, l->err));
		TRY(protect_reference_parse(secrets, buf_span(&text), l->err));
	}
	return RC_OK;
}

/* References last: a stranger's letter can have as many as it likes, and they
 * are in every answer to it. */
static enum rc
look_up_named(struct looking *l, struct protect_reference *secrets)
{
	TRY(look_up_header(l));
	TRY(look_up_parts(l));
	TRY(look_up_field(l, &l->letter->fields, "References"));
	l->named = l->known.len;
	return hide(l, secrets);
}

static enum rc
look(struct looking *l, struct answer_facts *facts,
    struct protect_reference *secrets)
{
	const struct state *state = l->by->state;
	struct fingerprint text FINGERPRINT_OWNED = FINGERPRINT_NONE;

	TRY(look_up_named(l, secrets));
	TRY(answered_unproven(state, l->by->now, &l->known, l->err));
	if (l->known.len == 0)
		return RC_OK;
	TRY(fingerprint_compare(l->letter, state_key(state), &text, l->err));
	judge(l, &text, facts);
	return RC_OK;
}

enum rc
answering_facts(struct span letter, const struct answering *by,
    struct answer_facts *ret, struct protect_reference *secrets,
    struct err *err)
{
	struct entity *parsed OWNED(entity_free) = NULL;
	struct looking l = {.by = by, .known = ANSWERED_LIST_NONE, .err = err};
	struct answer_facts facts = {.about = ANSWER_ABOUT_NOTHING};

	TRY(entity_parse(letter, ENTITY_LIMITS, &parsed, err));
	l.letter = parsed;
	facts.kind = kind_of(parsed, by);
	facts.of_another = is_of_another(&l);
	enum rc rc = by->state != NULL ? look(&l, &facts, secrets) : RC_OK;
	answered_list_done(&l.known);
	if (rc == RC_OK)
		*ret = facts;
	return rc;
}

enum rc
answering_secrets(struct span letter, const struct answering *by,
    struct protect_reference *secrets, struct err *err)
{
	struct entity *parsed OWNED(entity_free) = NULL;
	struct looking l = {.by = by, .known = ANSWERED_LIST_NONE, .err = err};

	TRY(entity_parse(letter, ENTITY_LIMITS, &parsed, err));
	l.letter = parsed;
	enum rc rc = look_up_named(&l, secrets);
	answered_list_done(&l.known);
	return rc;
}

enum rc
answering_check(struct span letter, const struct answering *by,
    struct protect_reference *secrets, struct err *err)
{
	struct answer_facts facts;
	struct answer_decision decision;

	TRY(answering_facts(letter, by, &facts, secrets, err));
	answer_decide(&facts, &decision);
	return decision.way == ANSWER_REFUSED
		   ? err_set(err, RC_UNFIT, "%s", decision.why)
		   : RC_OK;
}
