#include <stdlib.h>

#include "flow/gather_priv.h"

#define PIECE_MAX ((size_t)16 << 20)

/* --- is it one of ours? ------------------------------------------------------*/

static bool
is_key_of_reader(const struct reader *reader, const struct cert *signer)
{
	uint8_t own[CERT_DIGEST_LEN], other[CERT_DIGEST_LEN];
	struct err ignored = ERR_NONE;

	if (cert_key_digest(signer, other, &ignored) != RC_OK)
		return false;
	for (size_t i = 0; i < reader->keys_len; i++)
		if (cert_key_digest(reader->keys[i].cert, own, &ignored) ==
			RC_OK &&
		    span_is(span_of(own, sizeof(own)),
			span_of(other, sizeof(other))))
			return true;
	return false;
}

/* Exactly the form that flow/rest writes.  A letter that the reader sent, and
 * that somebody sends back, has fields of its own inside. */
static bool
is_marked(const struct entity *payload)
{
	const char *mark = content_param(&payload->type, "letterlock");

	if (payload->malformed || payload->child == NULL || mark == NULL ||
	    strcmp(mark, "at-rest") != 0)
		return false;
	for (size_t i = 0; i < payload->fields.len; i++)
		if (!span_starts_nocase(
			payload->fields.item[i].name, "Content-"))
			return false;
	return entity_is(payload, "message", "rfc822");
}

/* Sealed, and inside of that signed whole.  Whether the certificate is still
 * good does not matter: the reader's own key is the reader's own key, and
 * letters lie for years. */
static bool
is_at_rest(const struct reading *r)
{
	const struct gathered *g = r->out;
	const struct facts *f = &g->facts;

	return g->payload != NULL && g->layers == 2 && g->opened &&
	       f->encrypted.state == ENCRYPTED_INTACT &&
	       f->sig.state == SIGNED_VALID && f->sig.part[0] == '\0' &&
	       !f->sig.outside_only && r->signer != NULL &&
	       is_marked(g->payload) && is_key_of_reader(r->reader, r->signer);
}

/* --- the letter inside, as a source ------------------------------------------*/

struct inside {
	const struct gathered *wrapper;
	const struct source *source; /* of the wrapper */
	size_t skip; /* what is left of the wrapper's inner header */
	bool over;
	struct buf piece;
};

static enum rc
inside_put(void *self, struct span bytes, struct err *err)
{
	struct inside *in = self;
	size_t skip = in->skip < bytes.len ? in->skip : bytes.len;

	in->skip -= skip;
	return buf_add(&in->piece, span_after(bytes, skip), err);
}

static enum rc
inside_rewind(void *self, struct err *err)
{
	struct inside *in = self;
	const struct gathered *g = in->wrapper;

	in->skip = g->payload->header.len;
	in->over = false;
	TRY(letter_rewind_unverified(g->letter, g->layers, err));
	return in->source->rewind(in->source->self, err);
}

static enum rc
inside_next(void *self, struct span *ret, struct err *err)
{
	struct inside *in = self;
	const struct sink to = {inside_put, in};
	struct letter *letter = in->wrapper->letter;
	struct span piece;

	/* not buf_clear(), which wipes: the next piece overwrites it */
	in->piece.len = 0;
	while (in->piece.len == 0 && !in->over) {
		TRY(in->source->next(in->source->self, &piece, err));
		in->over = piece.len == 0;
		TRY(in->over ? letter_release_to_finish(letter, &to, err)
			     : letter_release_to(letter, piece, &to, err));
	}
	*ret = buf_span(&in->piece);
	return RC_OK;
}

static struct inside
inside_of(const struct gathered *wrapper, const struct source *source)
{
	return (struct inside){.wrapper = wrapper,
	    .source = source,
	    .piece = BUF_SECRET(PIECE_MAX)};
}

/* --- reading it --------------------------------------------------------------*/

/* The reader's own agent saw it then, and signed that. */
static struct reader
reader_then(const struct reading *r)
{
	struct reader reader = *r->reader;

	if (r->claimed > 0 && r->claimed <= reader.now &&
	    (reader.first_seen == 0 || r->claimed < reader.first_seen))
		reader.first_seen = r->claimed;
	return reader;
}

/* What is said of it is said of the letter inside, but for how it lies. */
static void
take_facts(struct gathered *g)
{
	const struct facts wrapper = g->facts;
	struct facts *f = &g->facts;

	*f = g->inside->facts;
	g->said = g->inside->said;
	g->seen = g->inside->seen;
	if (f->encrypted.state != ENCRYPTED_NONE)
		return;
	f->encrypted = wrapper.encrypted;
	f->encrypted.state = ENCRYPTED_AT_REST;
}

enum rc
gather_rest(struct reading *r, struct err *err)
{
	struct gathered *g = r->out;
	struct inside in = inside_of(g, r->source);
	const struct source source = {inside_next, inside_rewind, &in};
	const struct reader reader = reader_then(r);

	if (g->is_inside || !is_at_rest(r))
		return RC_OK;
	g->inside = malloc(sizeof(*g->inside));
	if (g->inside == NULL)
		return err_nomem(err, "letter");
	gathered_init(g->inside);
	g->inside->is_inside = true;
	enum rc rc = gather(&source, &reader, g->inside, err);
	buf_done(&in.piece);
	if (rc == RC_OK)
		take_facts(g);
	if (rc != RC_SYNTAX && rc != RC_LIMIT)
		return rc;
	gather_rest_done(g); /* no message: the wrapper is what it is */
	return RC_OK;
}

void
gather_rest_done(struct gathered *g)
{
	if (g->inside != NULL)
		gathered_done(g->inside);
	free(g->inside);
	g->inside = NULL;
}

/* --- showing it --------------------------------------------------------------*/

/* As it came, but for forged verdicts. */
static enum rc
show_plain(const struct gathered *inside, const struct source *source,
    const struct sink *to, struct err *err)
{
	struct buf header BUF_OWNED = BUF(FIELD_SECTION_MAX * 2);
	size_t skip = inside->outer->header.len;
	struct span piece;

	TRY(protect_strip_verdict(inside->outer->header, &header, err));
	TRY(to->put(to->self, buf_span(&header), err));
	TRY(source->rewind(source->self, err));
	do {
		TRY(source->next(source->self, &piece, err));
		size_t cut = skip < piece.len ? skip : piece.len;
		skip -= cut;
		if (piece.len > cut)
			TRY(to->put(to->self, span_after(piece, cut), err));
	} while (piece.len > 0);
	return RC_OK;
}

enum rc
gather_rest_show(struct gathered *g, const struct source *letter,
    const struct sink *to, struct err *err)
{
	struct inside in = inside_of(g, letter);
	const struct source source = {inside_next, inside_rewind, &in};

	enum rc rc = g->inside->opened
			 ? gathered_show(g->inside, &source, to, err)
			 : show_plain(g->inside, &source, to, err);
	buf_done(&in.piece);
	return rc;
}
