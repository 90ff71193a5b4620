#include "edge/imap_fetched.h"
#include "edge/imap_flags.h"
#include "edge/imap_session_priv.h"
#include "edge/imap_set.h"

/* What the mail server says without being asked, or besides: each kind has its
 * row; what has none is for nobody. */

static enum rc
pass(struct imap_session *s, struct span line, struct err *err)
{
	TRY(buf_add_str(&s->out, "* ", err));
	TRY(buf_add(&s->out, line, err));
	TRY(buf_add_str(&s->out, "\r\n", err));
	return imap_flush_much(s, err);
}

/* Data: it must be words, lest it means something else to the mail program. */
static enum rc
pass_words(struct imap_session *s, struct span line, struct err *err)
{
	struct imap_walk walk = {line};
	struct imap_token token;

	do {
		TRY(imap_walk_next(&walk, &token, err));
	} while (token.kind != IMAP_END);
	return pass(s, line, err);
}

static enum rc
drop(struct imap_session *s, struct span line, struct err *err)
{
	(void)s, (void)line, (void)err;
	return RC_OK;
}

/* "FLAGS (...)": those that letters of this mailbox can have. */
static enum rc
pass_flags(struct imap_session *s, struct span line, struct err *err)
{
	struct imap_walk walk = {span_after(line, strlen("FLAGS"))};
	struct strlist levels STRLIST_OWNED = STRLIST_NONE;

	TRY(imap_flags_levels(&levels, err));
	TRY(buf_add_str(&s->out, "* FLAGS ", err));
	TRY(imap_flags_print(&walk, &levels, &s->out, err));
	return buf_add_str(&s->out, "\r\n", err);
}

/* --- status responses --- */

static enum rc
note_validity(struct imap_session *s, struct span value, struct err *err)
{
	uint32_t validity = 0;

	TRY(imap_number_parse(value, &validity, err));
	if (validity == 0 ||
	    (s->box.validity != 0 && s->box.validity != validity))
		return err_set(err, RC_SYNTAX,
		    "the mail server changes UIDVALIDITY in the middle");
	s->box.validity = validity;
	return RC_OK;
}

/* The first one, which belongs to what SELECT says of the mailbox. */
static void
note_next(struct imap_session *s, struct span value)
{
	uint32_t next = 0;

	if (s->box.uid_next == 0 &&
	    imap_number_parse(value, &next, NULL) == RC_OK)
		s->box.uid_next = next;
}

static enum rc
pass_permanent(struct imap_session *s, struct span value, struct err *err)
{
	struct imap_walk walk = {value};

	TRY(buf_add_str(&s->out, "* OK [PERMANENTFLAGS ", err));
	TRY(imap_flags_print(&walk, NULL, &s->out, err));
	return buf_add_str(&s->out, "] flags that stay\r\n", err);
}

/* "[NAME value] text" */
static enum rc
pass_code(
    struct imap_session *s, struct span line, struct span code, struct err *err)
{
	ptrdiff_t space = span_find_byte(code, ' ');
	struct span name = space < 0 ? code : span_first(code, (size_t)space);
	struct span value = span_trim(span_after(code, name.len));

	if (span_is_nocase(name, "CAPABILITY"))
		return RC_OK;
	imap_copied(s, code);
	if (span_is_nocase(name, "PERMANENTFLAGS"))
		return pass_permanent(s, value, err);
	if (span_is_nocase(name, "UIDVALIDITY") && s->state == IMAP_SELECTED)
		TRY(note_validity(s, value, err));
	if (span_is_nocase(name, "UIDNEXT") && s->state == IMAP_SELECTED)
		note_next(s, value);
	return pass(s, line, err);
}

static enum rc
pass_status(struct imap_session *s, struct span line, struct err *err)
{
	ptrdiff_t space = span_find_byte(line, ' ');
	struct span text =
	    space < 0 ? SPAN_NONE : span_after(line, (size_t)space + 1);
	ptrdiff_t end = span_find_byte(text, ']');

	if (!span_starts(text, "[") || end < 0)
		return pass(s, line, err);
	return pass_code(
	    s, line, span_after(span_first(text, (size_t)end), 1), err);
}

static enum rc
hear_bye(struct imap_session *s, struct span line, struct err *err)
{
	(void)s;
	return err_set(err, RC_IO, "the mail server ends the connection: %.*s",
	    SPAN_ARGS(span_first(line, 200)));
}

/* --- one letter --- */

static enum rc
note_exists(
    struct imap_session *s, uint32_t number, struct span line, struct err *err)
{
	TRY(imap_uids_grow(&s->box.uids, number, err));
	return pass(s, line, err);
}

static enum rc
note_expunge(
    struct imap_session *s, uint32_t number, struct span line, struct err *err)
{
	imap_sweep_one(s, number);
	TRY(imap_uids_remove(&s->box.uids, number, err));
	return pass(s, line, err);
}

/* The keywords are told with every change, so they must be known. */
static bool
find_keywords(const struct imap_session *s, uint32_t uid, struct imap_view *ret)
{
	struct err ignored;

	return uid != 0 && s->box.views.name[0] != '\0' &&
	       imap_view_find(s->agent, &s->box.views, uid, ret, &ignored) ==
		   RC_OK;
}

/* "* 2 FETCH (UID 7 MODSEQ (9) FLAGS (...))"; RFC 7162 section 3.2.4: with
 * MODSEQ the UID is told too. */
static enum rc
print_change(struct imap_session *s, const struct imap_fetched *fetched,
    const struct imap_view *view, struct err *err)
{
	uint32_t uid = s->box.uids.place[fetched->number - 1].uid;
	struct imap_walk flags = {fetched->told[IMAP_ITEM_FLAGS]};
	struct span modseq = fetched->told[IMAP_ITEM_MODSEQ];
	const char *blank = "";

	TRY(buf_add_format(&s->out, err, "* %u FETCH (", fetched->number));
	if ((s->by_uid || modseq.len > 0) && uid != 0) {
		TRY(buf_add_format(&s->out, err, "UID %u", uid));
		blank = " ";
	}
	if (modseq.len > 0) {
		TRY(buf_add_format(
		    &s->out, err, "%sMODSEQ %.*s", blank, SPAN_ARGS(modseq)));
		blank = " ";
	}
	if (flags.rest.len > 0) {
		TRY(buf_add_format(&s->out, err, "%sFLAGS ", blank));
		TRY(imap_flags_print(&flags, &view->keywords, &s->out, err));
	}
	TRY(buf_add_str(&s->out, ")\r\n", err));
	return imap_flush_much(s, err);
}

/* If the letter was not judged yet, that is done after the command in work. */
static enum rc
tell_change(
    struct imap_session *s, const struct imap_fetched *fetched, struct err *err)
{
	struct imap_view view IMAP_VIEW_OWNED;
	struct imap_place *place = &s->box.uids.place[fetched->number - 1];

	imap_view_init(&view);
	if (fetched->told[IMAP_ITEM_FLAGS].len > 0 &&
	    !find_keywords(s, place->uid, &view)) {
		place->stale = true;
		return RC_OK;
	}
	return print_change(s, fetched, &view, err);
}

static enum rc
note_fetch(
    struct imap_session *s, uint32_t number, struct span line, struct err *err)
{
	struct imap_fetched fetched;

	TRY(imap_fetched_parse(line, &fetched, err));
	if (number == 0 || number > s->box.uids.len)
		return err_set(err, RC_SYNTAX,
		    "the mail server speaks of a letter that is not there");
	if (fetched.uid != 0)
		TRY(imap_uids_set(&s->box.uids, number, fetched.uid, err));
	bool modseq = fetched.told[IMAP_ITEM_MODSEQ].len > 0;
	s->modseq |= modseq;
	return modseq || fetched.told[IMAP_ITEM_FLAGS].len > 0
		   ? tell_change(s, &fetched, err)
		   : RC_OK;
}

static enum rc
pass_number(
    struct imap_session *s, uint32_t number, struct span line, struct err *err)
{
	(void)number;
	return pass(s, line, err);
}

static const struct {
	const char *word;
	enum rc (*note)(struct imap_session *s, uint32_t number,
	    struct span line, struct err *err);
} numbered[] = {
    {"EXISTS", note_exists},
    {"EXPUNGE", note_expunge},
    {"RECENT", pass_number},
    {"FETCH", note_fetch},
};

static enum rc
hear_numbered(struct imap_session *s, uint32_t number, struct span word,
    struct span line, struct err *err)
{
	if (s->state != IMAP_SELECTED)
		return RC_OK;
	for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++)
		if (span_is_nocase(word, numbered[i].word))
			return numbered[i].note(s, number, line, err);
	return RC_OK;
}

/* --- all --- */

static const struct {
	const char *word;
	enum rc (*hear)(
	    struct imap_session *s, struct span line, struct err *err);
} worded[] = {
    {"OK", pass_status},
    {"NO", pass_status},
    {"BAD", pass_status},
    {"BYE", hear_bye},
    {"FLAGS", pass_flags},
    {"LIST", pass_words},
    {"LSUB", pass_words},
    {"STATUS", pass_words},
    {"SEARCH", pass_words},
    {"NAMESPACE", pass_words},
    {"QUOTA", pass_words},
    {"QUOTAROOT", pass_words},
    {"VANISHED", imap_hear_vanished},
    {"CAPABILITY", drop},
    {"ENABLED", imap_hear_enabled},
    {"ID", drop},
};

enum rc
imap_untagged(struct imap_session *s, struct span line, struct err *err)
{
	struct imap_walk walk = {line};
	struct span word;
	uint32_t number = 0;

	enum rc rc = imap_numbered_parse(&walk, &number, &word, err);
	if (rc == RC_OK)
		return hear_numbered(s, number, word, line, err);
	if (rc != RC_ABSENT)
		return rc;
	ptrdiff_t space = span_find_byte(line, ' ');
	word = space < 0 ? line : span_first(line, (size_t)space);
	for (size_t i = 0; i < sizeof(worded) / sizeof(worded[0]); i++)
		if (span_is_nocase(word, worded[i].word))
			return worded[i].hear(s, line, err);
	return RC_OK;
}
