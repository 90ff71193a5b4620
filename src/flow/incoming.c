#include "flow/incoming.h"

#include "flow/report.h"

#define VIEW_MAX ((size_t)80 << 20)

void
incoming_init(struct incoming *incoming)
{
	*incoming = (struct incoming){.view = BUF_SECRET(VIEW_MAX)};
}

void
incoming_done(struct incoming *incoming)
{
	buf_done(&incoming->view);
}

/* Opened, and what came out is proven to be what somebody sealed. */
static bool
may_show_inside(const struct gathered *g)
{
	return g->opened && g->payload != NULL &&
	       g->facts.encrypted.state == ENCRYPTED_INTACT;
}

static enum rc
rebuild(struct gathered *g, const struct source *letter, int64_t now,
    struct incoming *ret, struct err *err)
{
	const struct sink to = sink_buf(&ret->view);

	TRY(report_field(&ret->verdict, now, &ret->view, err));
	TRY(gathered_show(g, letter, &to, err));
	ret->rebuilt = true;
	return RC_OK;
}

/* RFC 8551 section 2.7.1: only from a signature that holds, by whom it says.
 * A failure is no reason not to show the letter: the next one says it again. */
static void
learn(const struct gathered *g, const struct verdict *verdict,
    const struct reader *reader)
{
	struct err ignored = ERR_NONE;

	if (reader->state != NULL && verdict->level == VERDICT_VERIFIED &&
	    g->said.ciphers != 0)
		(void)correspondent_learn(reader->state, g->facts.from,
		    &g->said, reader->now, &ignored);
}

/* Not a message we can read: a mail program may still want to try. */
static enum rc
show_as_it_is(struct span letter, struct incoming *ret, struct err *err)
{
	const struct facts nothing = {.from_unclear = true};

	verdict_decide(&nothing, &ret->verdict);
	return protect_strip_verdict(letter, &ret->view, err);
}

enum rc
incoming_read(struct span letter, const struct reader *reader,
    struct incoming *ret, struct err *err)
{
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	struct gathered g GATHERED_OWNED;
	struct err why = ERR_NONE;

	gathered_init(&g);
	enum rc rc = gather(&source, reader, &g, &why);
	if (rc == RC_NOMEM) {
		*err = why;
		return rc;
	}
	if (rc != RC_OK)
		return show_as_it_is(letter, ret, err);
	verdict_decide(&g.facts, &ret->verdict);
	learn(&g, &ret->verdict, reader);
	if (!may_show_inside(&g))
		return protect_strip_verdict(letter, &ret->view, err);
	rc = rebuild(&g, &source, reader->now, ret, &why);
	if (rc == RC_LIMIT) { /* compressed, and too much of it */
		buf_clear(&ret->view);
		return show_as_it_is(letter, ret, err);
	}
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why.text);
}
