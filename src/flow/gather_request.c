/* flow/gather -- what the text asks for. */
#include "base/own.h"
#include "flow/gather_priv.h"
#include "flow/request.h"
#include "flow/verdict.h"

OWNER(struct request_scan, request_free);

/* What the text of a proven sender asks for is between the two: all but what is
 * verified is looked at.  What came out of CBC alone is anybody's, and nothing
 * is concluded from it (EFAIL). */
static bool
is_asked_for(const struct reading *r)
{
	const struct facts *f = &r->out->facts;
	struct verdict verdict;

	if (!r->reader->requests || r->out->payload == NULL ||
	    f->encrypted.state == ENCRYPTED_MALLEABLE)
		return false;
	verdict_decide(f, &verdict);
	return verdict.level != VERDICT_VERIFIED;
}

struct looking {
	struct request_scan *scan;
	bool over; /* no more is to be found, or it is no message */
};

static enum rc
look(void *self, struct span bytes, struct err *err)
{
	struct looking *looking = self;
	struct err why = ERR_NONE;

	if (looking->over)
		return RC_OK;
	enum rc rc = request_push(looking->scan, bytes, &why);
	looking->over = rc != RC_OK || request_is_done(looking->scan);
	return rc == RC_NOMEM ? err_set(err, rc, "%s", why.text) : RC_OK;
}

/* What is inside of the layers, or the letter itself, as far as it takes. */
static enum rc
look_through(struct reading *r, struct looking *looking, struct err *err)
{
	struct gathered *g = r->out;
	const struct source source = gather_source(g, r->source);
	const struct sink to = {look, looking};
	struct span piece;

	if (g->layers > 0)
		TRY(letter_rewind_unverified(g->letter, g->layers, err));
	TRY(source.rewind(source.self, err));
	while (!looking->over) {
		TRY(source.next(source.self, &piece, err));
		if (piece.len == 0)
			break;
		TRY(g->layers > 0
			? letter_release_to(g->letter, piece, &to, err)
			: look(looking, piece, err));
	}
	if (looking->over || g->layers == 0)
		return RC_OK;
	return letter_release_to_finish(g->letter, &to, err);
}

enum rc
gather_request(struct reading *r, struct err *err)
{
	struct gathered *g = r->out;
	struct request_scan *scan OWNED(request_free) = NULL;
	const struct protect_letter letter = gathered_letter(g);
	const struct entity *header = protect_header_of(&letter);
	struct err ignored = ERR_NONE;

	if (!is_asked_for(r))
		return RC_OK;
	TRY(request_new(g->layers > 0, &scan, err));
	TRY(request_subject(
	    scan, fields_value(&header->fields, "Subject"), err));
	struct looking looking = {scan, request_is_done(scan)};
	TRY(look_through(r, &looking, err));
	if (!looking.over && request_finish(scan, &ignored) == RC_NOMEM)
		return err_nomem(err, "letter");
	g->facts.request = request_found(scan);
	return RC_OK;
}
