#include "flow/incoming.h"

#include <string.h>

#include "base/own.h"
#include "flow/answered.h"
#include "flow/report.h"
#include "flow/text_only.h"
#include "net/clamd.h"

#define VIEW_MAX ((size_t)80 << 20)

OWNER(struct entity, entity_free);

void
incoming_init(struct incoming *incoming)
{
	*incoming = (struct incoming){.view = BUF_SECRET(VIEW_MAX),
	    .wrote_to = MAILBOXES_NONE,
	    .evidence = BUF(INCOMING_EVIDENCE_MAX)};
}

void
incoming_done(struct incoming *incoming)
{
	buf_done(&incoming->view);
	mailboxes_done(&incoming->wrote_to);
	buf_done(&incoming->evidence);
}

/* Opened, and what came out is proven to be what somebody sealed. */
static bool
may_show_inside(const struct gathered *g)
{
	return g->opened && g->payload != NULL &&
	       (g->facts.encrypted.state == ENCRYPTED_INTACT ||
		   g->facts.encrypted.state == ENCRYPTED_AT_REST);
}

static bool
is_malleable(const struct gathered *g)
{
	return g->opened && g->payload != NULL &&
	       g->facts.encrypted.state == ENCRYPTED_MALLEABLE;
}

/* Whoever made its first block into what is no header has changed the text, and
 * no more. */
static enum rc
parse_inside(struct span inside, struct entity **ret, struct err *err)
{
	struct err ignored = ERR_NONE;

	enum rc rc = entity_parse(inside, ENTITY_LIMITS, ret, &ignored);
	if (rc == RC_OK || rc == RC_NOMEM)
		return rc == RC_OK ? rc : err_nomem(err, "letter");
	return err_set(err, RC_LIMIT, "%s", ignored.text);
}

static enum rc
rebuild_text(struct gathered *g, const struct source *letter,
    enum language language, struct buf *inside, struct buf *out,
    struct err *err)
{
	struct entity *parsed OWNED(entity_free) = NULL;
	const struct sink to = sink_buf(inside);

	TRY(gathered_show(g, letter, &to, err));
	TRY(parse_inside(buf_span(inside), &parsed, err));
	return text_only_show(g->outer->header, parsed,
	    words_label("label.text-only", language), out, err);
}

/* `inside`: where it is not shown as it is, what was in it. */
static enum rc
rebuild(struct gathered *g, const struct source *letter,
    const struct reader *reader, struct buf *inside, struct incoming *ret,
    struct err *err)
{
	const struct sink to = sink_buf(&ret->view);

	/* what came in the clear, or was written here, is shown byte for byte,
	 * like every letter that was not sealed on its way */
	if (g->inside == NULL || g->inside->opened)
		TRY(report_field(&ret->verdict, reader->now, &ret->view, err));
	return is_malleable(g) ? rebuild_text(g, letter, reader->language,
				     inside, &ret->view, err)
			       : gathered_show(g, letter, &to, err);
}

/* --- what it tells of its sender ---------------------------------------------*/

/* RFC 8551 section 2.7.1: only from a signature that holds, by whom it says.
 * A failure is no reason not to show the letter: the next one says it again. */
static void
learn_ciphers(const struct gathered *g, const struct verdict *verdict,
    const struct reader *reader)
{
	struct err ignored = ERR_NONE;

	if (verdict->level == VERDICT_VERIFIED && g->said.ciphers != 0)
		(void)correspondent_learn(reader->state, g->facts.from,
		    &g->said, reader->now, &ignored);
}

/* Would it be verified, were nothing remembered?  Else a new root could never
 * be remembered, and be new for ever. */
static bool
is_worth_noting(const struct gathered *g)
{
	struct facts alone = g->facts;
	struct verdict verdict;

	memset(&alone.history, 0, sizeof(alone.history));
	verdict_decide(&alone, &verdict);
	return verdict.level == VERDICT_VERIFIED;
}

static bool
note(const struct gathered *g, bool proven, const struct reader *reader)
{
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	const struct protect_letter letter = gathered_letter(g);
	const struct fields *fields = &protect_header_of(&letter)->fields;
	struct history_letter seen = g->seen;
	struct err ignored = ERR_NONE;

	seen.is_signed = proven;
	if (mailboxes_parse(fields_value(fields, "From"), &from, &ignored) ==
		RC_OK &&
	    from.len == 1)
		seen.name = from.item[0].name;
	return history_note(reader->state, g->facts.from, &seen, &ignored) ==
	       RC_OK;
}

/* The reader's own letter, in a folder of sent ones: these are people the
 * reader writes to. */
static void
learn_recipients(const struct gathered *g, struct mailboxes *ret)
{
	static const char *const names[] = {"To", "Cc", "Bcc"};
	const struct protect_letter letter = gathered_letter(g);
	const struct fields *fields = &protect_header_of(&letter)->fields;
	struct err ignored = ERR_NONE;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fields_count(fields, names[i]) == 1)
			(void)mailboxes_parse(
			    fields_value(fields, names[i]), ret, &ignored);
}

static bool
is_own(const struct gathered *g, const struct reader *reader)
{
	return reader->me != NULL &&
	       strlist_has_nocase(reader->me, g->facts.from);
}

/* As gather_history measures it; what the reader says is fine covers it then. */
static bool
is_as_good_as_unsigned(const struct facts *f)
{
	return f->encrypted.state != ENCRYPTED_UNDECRYPTABLE &&
	       !(f->sig.state == SIGNED_VALID &&
		   f->sig.binding == BINDING_FROM &&
		   f->sig.chain == CHAIN_VALID);
}

static void
learn(
    const struct gathered *g, const struct reader *reader, struct incoming *ret)
{
	if (reader->state == NULL)
		return;
	learn_ciphers(g, &ret->verdict, reader);
	if (ret->noted)
		return;
	bool proven = is_worth_noting(g);
	ret->noted = proven;
	if (is_own(g, reader) && proven)
		learn_recipients(g, &ret->wrote_to);
	else if (!is_own(g, reader) &&
		 (proven || is_as_good_as_unsigned(&g->facts)))
		ret->noted = note(g, proven, reader);
}

/* --- what is shown -----------------------------------------------------------*/

/* Not a message we can read: a mail program may still want to try. */
static enum rc
show_as_it_is(struct span letter, const struct reader *reader, bool headless,
    struct incoming *ret, struct err *err)
{
	const struct facts nothing = {
	    .from_unclear = true, .unreadable = true, .headless = headless};

	verdict_decide(&nothing, &ret->verdict);
	verdict_say(&nothing, reader->language, &ret->verdict);
	return protect_strip_verdict(letter, &ret->view, err);
}

static void
decide(
    const struct gathered *g, const struct reader *reader, struct incoming *ret)
{
	verdict_decide(&g->facts, &ret->verdict);
	verdict_say(&g->facts, reader->language, &ret->verdict);
	ret->unchecked = g->facts.sig.state == SIGNED_VALID &&
			 (g->facts.sig.revocation == REVOCATION_UNKNOWN ||
			     g->facts.time.token_unchecked);
	learn(g, reader, ret);
}

/* --- what proves it ----------------------------------------------------------*/

/* What cannot be read is not there: the letter is judged without. */
static struct reader
reader_with(
    const struct reader *reader, struct span packed, struct evidence *kept)
{
	struct reader with = *reader;
	struct err ignored = ERR_NONE;

	if (evidence_unpack(packed, kept, &ignored) == RC_OK)
		with.kept = kept;
	return with;
}

/* What does not fit may be asked for again. */
static void
pack(const struct gathered *g, struct incoming *ret)
{
	const struct gathered *about = g->rest == REST_CAME ? g->inside : g;
	struct err ignored = ERR_NONE;

	if (evidence_pack(&about->evidence, &ret->evidence, &ignored) !=
		RC_OK ||
	    span_is(buf_span(&ret->evidence), ret->kept))
		buf_clear(&ret->evidence);
}

/* --- what a virus scanner says -------------------------------------------------*/

/* Nothing of an infected letter is shown, and of one that was not looked at no
 * more than its text. */
static enum rc
withhold(struct gathered *g, const struct reader *reader, struct incoming *ret,
    struct err *err)
{
	struct entity *parsed OWNED(entity_free) = NULL;
	struct buf whole BUF_OWNED = ret->view;
	bool infected = !strcmp(g->facts.scan, "scan.infected");
	const char *why = infected ? "label.infected" : "label.too-large";

	ret->view = BUF_SECRET(VIEW_MAX);
	verdict_decide(&g->facts, &ret->verdict);
	verdict_say(&g->facts, reader->language, &ret->verdict);
	TRY(parse_inside(buf_span(&whole), &parsed, err));
	TRY(report_field(&ret->verdict, reader->now, &ret->view, err));
	return text_only_show(parsed->header, infected ? NULL : parsed,
	    words_label(why, reader->language), &ret->view, err);
}

/* RC_IO: nobody says whether it may be shown; it is asked for again. */
static enum rc
scan(struct gathered *g, const struct reader *reader, struct span inside,
    struct incoming *ret, struct err *err)
{
	char found[CLAMD_NAME_MAX];
	struct err why = ERR_NONE;

	if (reader->scanner == NULL)
		return RC_OK;
	switch (clamd_scan(reader->scanner, inside, found, &why)) {
	case RC_OK:
		return RC_OK;
	case RC_REFUSED:
		g->facts.scan = "scan.infected";
		return withhold(g, reader, ret, err);
	case RC_LIMIT:
		g->facts.scan = "scan.too-large";
		return withhold(g, reader, ret, err);
	case RC_NOMEM:
	case RC_IO:
	case RC_AGAIN:
	case RC_SYNTAX:
	case RC_ABSENT:
	case RC_UNFIT:
	case RC_CRYPTO:
	default:
		break;
	}
	memcpy(ret->unscanned, why.text, sizeof(why.text));
	return reader->scanner->away_is_fine
		   ? RC_OK
		   : err_set(
			 err, RC_IO, "not scanned for viruses: %s", why.text);
}

/* --- what an answer must know ---------------------------------------------------*/

/* False: it may not be shown. */
static bool
remember(const struct gathered *g, const struct reader *reader,
    struct span letter, const struct buf *inside, struct incoming *ret)
{
	const struct buf *text = inside->len > 0 ? inside : &ret->view;
	struct err why = ERR_NONE;

	if (reader->state == NULL ||
	    answered_note(reader->state, g, ret->verdict.level, letter,
		buf_span(text), reader->now, &why) == RC_OK)
		return true;
	memcpy(ret->forgotten, why.text, sizeof(why.text));
	return !is_malleable(g) &&
	       (g->inside != NULL || gathered_letter(g).signature_valid);
}

/* --- all of it ------------------------------------------------------------------*/

static enum rc
show(struct gathered *g, const struct source *source,
    const struct reader *reader, struct span letter, struct incoming *ret,
    struct err *err)
{
	struct buf inside BUF_OWNED = BUF_SECRET(VIEW_MAX);
	struct err why = ERR_NONE;

	if (!may_show_inside(g) && !is_malleable(g))
		return protect_strip_verdict(letter, &ret->view, err);
	enum rc rc = rebuild(g, source, reader, &inside, ret, &why);
	if (rc == RC_LIMIT || (rc == RC_SYNTAX && is_malleable(g))) {
		/* compressed, and too much of it; or changed into nothing */
		buf_clear(&ret->view);
		return show_as_it_is(letter, reader, false, ret, err);
	}
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	ret->rebuilt = remember(g, reader, letter, &inside, ret);
	if (ret->rebuilt)
		return scan(g, reader,
		    inside.len > 0 ? buf_span(&inside) : buf_span(&ret->view),
		    ret, err);
	buf_clear(&ret->view);
	return protect_strip_verdict(letter, &ret->view, err);
}

/* It was shown before this was remembered, or is forgotten since. */
static enum rc
show_again(struct gathered *g, const struct source *source,
    const struct reader *reader, struct span letter, struct incoming *ret,
    struct err *err)
{
	struct reader remembering = *reader;

	if (reader->state == NULL || !may_show_inside(g) ||
	    answered_knows(reader->state, g, letter, reader->now))
		return RC_OK;
	remembering.scanner = NULL; /* what is shown stays */
	enum rc rc = show(g, source, &remembering, letter, ret, err);
	buf_clear(&ret->view);
	ret->rebuilt = false;
	return rc;
}

static enum rc
read_letter(struct span letter, const struct reader *reader, bool shown,
    struct incoming *ret, struct err *err)
{
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	struct gathered g GATHERED_OWNED;
	struct evidence kept EVIDENCE_OWNED = EVIDENCE_NONE;
	struct err why = ERR_NONE;

	gathered_init(&g);
	const struct reader with = reader_with(reader, ret->kept, &kept);
	enum rc rc = gather(&source, &with, &g, &why);
	if (rc == RC_NOMEM) {
		*err = why;
		return rc;
	}
	if (rc != RC_OK)
		return show_as_it_is(
		    letter, reader, g.facts.headless, ret, err);
	g.facts.scan = ret->scan;
	decide(&g, reader, ret);
	pack(&g, ret);
	return (shown ? show : show_again)(
	    &g, &source, reader, letter, ret, err);
}

enum rc
incoming_read(struct span letter, const struct reader *reader,
    struct incoming *ret, struct err *err)
{
	return read_letter(letter, reader, true, ret, err);
}

enum rc
incoming_judge(struct span letter, const struct reader *reader,
    struct incoming *ret, struct err *err)
{
	return read_letter(letter, reader, false, ret, err);
}
