#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "codec/base64.h"
#include "flow/gather_priv.h"
#include "flow/rest.h"
#include "pki/crypto.h"

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
static enum rest_kind
kind_of(const struct entity *payload)
{
	const char *name = content_param(&payload->type, "letterlock");

	if (payload->malformed || payload->child == NULL || name == NULL ||
	    !entity_is(payload, "message", "rfc822"))
		return REST_NONE;
	for (size_t i = 0; i < payload->fields.len; i++)
		if (!span_starts_nocase(
			payload->fields.item[i].name, "Content-"))
			return REST_NONE;
	return rest_kind_of(name);
}

/* Sealed, and inside of that signed whole. */
static bool
is_frame(const struct reading *r)
{
	const struct gathered *g = r->out;
	const struct facts *f = &g->facts;

	return g->payload != NULL && g->layers == 2 && g->opened &&
	       f->encrypted.state == ENCRYPTED_INTACT &&
	       f->sig.state == SIGNED_VALID && f->sig.part[0] == '\0' &&
	       !f->sig.outside_only && r->signer != NULL &&
	       kind_of(g->payload) != REST_NONE;
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

/* --- whose is it? ------------------------------------------------------------*/

static enum rc
digest_inside(const struct reading *r, uint8_t ret[32], struct err *err)
{
	struct inside in = inside_of(r->out, r->source);
	EVP_MD_CTX *hash OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	struct span piece = SPAN_NONE;
	enum rc rc = inside_rewind(&in, err);
	bool good = hash != NULL &&
		    EVP_DigestInit_ex(hash, crypto_sha2(256), NULL) == 1;

	do {
		if (rc == RC_OK)
			rc = inside_next(&in, &piece, err);
		if (rc == RC_OK && good)
			good =
			    EVP_DigestUpdate(hash, piece.data, piece.len) == 1;
	} while (rc == RC_OK && piece.len > 0);
	buf_done(&in.piece);
	TRY(rc);
	return good && EVP_DigestFinal_ex(hash, ret, NULL) == 1
		   ? RC_OK
		   : crypto_failed(err, "SHA-256");
}

/* Another device of the reader, with the same keys to open letters, has signed
 * it by a key of its own; only one that has them makes the mark. */
static bool
has_mark(const struct reading *r, const uint8_t digest[32])
{
	const struct entity *payload = r->out->payload;
	const char *text = content_param(&payload->type, "mark");
	struct buf mark BUF_OWNED = BUF(64);
	struct err ignored = ERR_NONE;
	uint8_t want[REST_MARK_LEN];

	if (text == NULL ||
	    base64url_decode(span_str(text), &mark, &ignored) != RC_OK ||
	    mark.len != REST_MARK_LEN)
		return false;
	for (size_t i = 0; i < r->reader->keys_len; i++)
		if (rest_mark(&r->reader->keys[i],
			rest_kind_name(kind_of(payload)), span_of(digest, 32),
			want, &ignored) == RC_OK &&
		    CRYPTO_memcmp(want, mark.data, sizeof(want)) == 0)
			return true;
	return false;
}

/* Whether the signer's certificate is still good does not matter: the reader's
 * own key is the reader's own key, and letters lie for years. */
static enum rc
is_ours(const struct reading *r, bool *ret, struct err *err)
{
	uint8_t digest[32];

	r->out->rest_own = is_key_of_reader(r->reader, r->signer);
	*ret = r->out->rest_own;
	if (*ret)
		return RC_OK;
	TRY(digest_inside(r, digest, err));
	*ret = has_mark(r, digest);
	return RC_OK;
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
	bool ours = false;

	if (g->is_inside || !is_frame(r))
		return RC_OK;
	TRY(is_ours(r, &ours, err));
	if (!ours)
		return RC_OK;
	g->inside = malloc(sizeof(*g->inside));
	if (g->inside == NULL)
		return err_nomem(err, "letter");
	gathered_init(g->inside);
	g->inside->is_inside = true;
	enum rc rc = gather(&source, &reader, g->inside, err);
	buf_done(&in.piece);
	if (rc == RC_OK)
		g->rest = kind_of(g->payload);
	if (g->rest == REST_CAME)
		take_facts(g);
	if (rc != RC_SYNTAX && rc != RC_LIMIT)
		return rc;
	gather_rest_done(g); /* no message: the wrapper is what it is */
	return RC_OK;
}

/* What was written here is worth what the signature of the reader's own agent
 * is worth, which is around all of it, header and all. */
enum rc
gather_kept(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;

	TRY(gather_facts(r, err));
	f->headers.subject = PROTECT_SIGNED_AND_ENCRYPTED;
	f->headers.from = PROTECT_SIGNED_AND_ENCRYPTED;
	f->headers.to = PROTECT_SIGNED_AND_ENCRYPTED;
	f->headers.cc = PROTECT_SIGNED_AND_ENCRYPTED;
	f->headers.date = PROTECT_SIGNED_AND_ENCRYPTED;
	return RC_OK;
}

void
gather_rest_done(struct gathered *g)
{
	if (g->inside != NULL)
		gathered_done(g->inside);
	free(g->inside);
	g->inside = NULL;
	g->rest = REST_NONE;
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

enum rc
rest_read(struct gathered *g, const struct source *letter,
    const struct sink *to, struct err *err)
{
	struct inside in = inside_of(g, letter);
	const struct source source = {inside_next, inside_rewind, &in};

	if (g->inside == NULL)
		return err_set(err, RC_UNFIT, "it does not lie at rest");
	enum rc rc = source_send(&source, to, err);
	buf_done(&in.piece);
	return rc;
}
