#include "flow/incoming.h"

#include <string.h>

#include "flow/report.h"

#define VIEW_MAX ((size_t)80 << 20)

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

static enum rc
rebuild(struct gathered *g, const struct source *letter, int64_t now,
    struct incoming *ret, struct err *err)
{
	const struct sink to = sink_buf(&ret->view);

	/* what came in the clear, or was written here, is shown byte for byte,
	 * like every letter that was not sealed on its way */
	if (g->inside == NULL || g->inside->opened)
		TRY(report_field(&ret->verdict, now, &ret->view, err));
	TRY(gathered_show(g, letter, &to, err));
	ret->rebuilt = true;
	return RC_OK;
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

static enum rc
show(struct gathered *g, const struct source *source,
    const struct reader *reader, struct span letter, struct incoming *ret,
    struct err *err)
{
	struct err why = ERR_NONE;

	if (!may_show_inside(g))
		return protect_strip_verdict(letter, &ret->view, err);
	enum rc rc = rebuild(g, source, reader->now, ret, &why);
	if (rc == RC_LIMIT) { /* compressed, and too much of it */
		buf_clear(&ret->view);
		return show_as_it_is(letter, reader, false, ret, err);
	}
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why.text);
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
	decide(&g, reader, ret);
	pack(&g, ret);
	return shown ? show(&g, &source, reader, letter, ret, err) : RC_OK;
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
