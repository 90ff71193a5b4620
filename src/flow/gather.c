#include "flow/gather_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cms/stamp.h"
#include "codec/crlf.h"
#include "mime/scan.h"

/* Of a letter, or of what is inside of it: enough for two headers, its own and
 * that of the message in it. */
#define START_MAX (2 * FIELD_SECTION_MAX + (16 << 10))
#define VIEW_MAX (SIZE_MAX / 4)

OWNER(struct scan, scan_free);
OWNER(struct protect_view, protect_view_free);

void
gathered_init(struct gathered *gathered)
{
	memset(gathered, 0, sizeof(*gathered));
	gathered->outer_start = BUF(START_MAX);
	gathered->payload_start = BUF_SECRET(START_MAX);
	gathered->lines.piece = BUF_SECRET(SIZE_MAX / 4);
}

void
gathered_done(struct gathered *gathered)
{
	gather_rest_done(gathered);
	if (gathered->payload != gathered->outer)
		entity_free(gathered->payload);
	entity_free(gathered->outer);
	letter_free(gathered->letter);
	buf_done(&gathered->outer_start);
	buf_done(&gathered->payload_start);
	evidence_done(&gathered->evidence);
	buf_done(&gathered->lines.piece);
	gathered->outer = gathered->payload = NULL;
	gathered->letter = NULL;
}

/* --- letters of which each line ends in LF ------------------------------------- */

/* What is signed has CRLF (RFC 8551 section 3.1.1), and so it came; a file may
 * have lost the CR of every line. */
static enum rc
as_crlf_next(void *self, struct span *ret, struct err *err)
{
	struct as_crlf *a = self;
	struct span piece;

	a->piece.len = 0;
	do {
		TRY(a->from.next(a->from.self, &piece, err));
		TRY(crlf_write(&a->writer, piece, &a->piece, err));
	} while (piece.len > 0 && a->piece.len == 0);
	*ret = buf_span(&a->piece);
	return RC_OK;
}

static enum rc
as_crlf_rewind(void *self, struct err *err)
{
	struct as_crlf *a = self;

	a->writer = CRLF_WRITER;
	return a->from.rewind(a->from.self, err);
}

struct source
gather_source(struct gathered *g, const struct source *from)
{
	g->lines.from = *from;
	return g->as_crlf
		   ? (struct source){as_crlf_next, as_crlf_rewind, &g->lines}
		   : *from;
}

/* --- headers ---------------------------------------------------------------- */

static void
place(struct entity *entity, struct span bytes, size_t at)
{
	entity->whole = span_after(bytes, at);
	entity->header = span_first(entity->whole, entity->header.len);
	entity->body = span_after(entity->whole, entity->header.len);
}

/* The message in a message/rfc822 is the next entity. */
static enum rc
read_child(struct scan *scan, struct span bytes, struct span rest,
    struct entity *parent, struct err *err)
{
	struct scan_event event;

	do {
		TRY(scan_next(scan, &rest, true, &event, err));
	} while (event.what == SCAN_BYTES);
	if (event.what != SCAN_BEGIN)
		return RC_OK;
	parent->child = scan_take(scan);
	parent->child->parent = parent;
	place(parent->child, bytes, event.at);
	return RC_OK;
}

/* `bytes`: how it begins.  Lent as long as the entity lives. */
static enum rc
read_header(
    struct span bytes, bool of_part, struct entity **ret, struct err *err)
{
	struct scan *scan OWNED(scan_free) = NULL;
	struct scan_event event;
	struct span rest = bytes;

	TRY(scan_new(ENTITY_LIMITS, &scan, err));
	if (of_part)
		scan_part(scan);
	TRY(scan_next(scan, &rest, true, &event, err));
	if (event.what != SCAN_BEGIN)
		bug("gather: an entity that does not begin");
	*ret = scan_take(scan);
	place(*ret, bytes, 0);
	return entity_is(*ret, "message", "rfc822")
		   ? read_child(scan, bytes, rest, *ret, err)
		   : RC_OK;
}

/* What stands in front of a header that a person might have saved so. */
static enum rc
no_message(struct span start, struct err *err)
{
	static const struct {
		const char *begin, *why;
	} kinds[] = {
	    {"From ",
		"it begins with a mailbox file's \"From \" line: give one "
		"letter alone, without that line"},
	    {"\xef\xbb\xbf", "it begins with a byte order mark (UTF-8 BOM): "
			     "take that off"},
	    {"-----BEGIN ", "it is PEM, and no letter"},
	    {"\r\n", "it begins with an empty line, and has no header"},
	    {"\n", "it begins with an empty line, and has no header"},
	};

	if (start.len == 0)
		return err_set(
		    err, RC_SYNTAX, "there is no letter: it is empty");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_starts(start, kinds[i].begin))
			return err_set(err, RC_SYNTAX, "%s", kinds[i].why);
	return err_set(err, RC_SYNTAX,
	    "it is no letter: its first line is no header field");
}

static enum rc
check_message(struct gathered *g, struct err *err)
{
	g->facts.headless = g->outer->fields.len == 0;
	return g->facts.headless ? no_message(buf_span(&g->outer_start), err)
				 : RC_OK;
}

static enum rc
read_outer(struct gathered *g, struct err *err)
{
	entity_free(take(g->outer));
	TRY(read_header(buf_span(&g->outer_start), false, &g->outer, err));
	g->facts.ambiguous = gather_is_ambiguous(g->outer);
	gather_from(g); /* the outer From chooses among several signers */
	return RC_OK;
}

static enum rc
keep_start(void *self, struct span bytes, struct err *err)
{
	struct buf *start = self;

	return buf_add(start, span_first(bytes, START_MAX - start->len), err);
}

/* --- the passes -------------------------------------------------------------- */

static enum rc
add_keys(struct letter *letter, const struct reader *reader, struct err *err)
{
	for (size_t i = 0; i < reader->keys_len; i++)
		TRY(letter_add(
		    letter, reader->keys[i].cert, reader->keys[i].key, err));
	return RC_OK;
}

static enum rc
judge_all(struct reading *r, struct err *err)
{
	struct gathered *g = r->out;
	const struct source source = gather_source(g, r->source);
	struct span piece;

	TRY(source.rewind(source.self, err));
	for (;;) {
		TRY(source.next(source.self, &piece, err));
		if (piece.len == 0)
			break;
		TRY(keep_start(&g->outer_start, piece, err));
		TRY(letter_push(g->letter, piece, err));
	}
	return letter_finish(g->letter, &r->layers, err);
}

static enum rc
judge(struct reading *r, bool trust_micalg, struct err *err)
{
	struct gathered *g = r->out;

	letter_result_done(&r->layers);
	letter_free(take(g->letter));
	buf_clear(&g->outer_start);
	TRY(letter_new(&g->letter, err));
	letter_know(g->letter, r->reader->seen);
	TRY(add_keys(g->letter, r->reader, err));
	if (!trust_micalg)
		letter_distrust_micalg(g->letter);
	return judge_all(r, err);
}

static bool
has_fault(const struct letter_layer *layer, const char *reason)
{
	const struct verify_result *v = layer->verified;

	for (size_t i = 0; v != NULL && i < v->signers; i++)
		if (!v->signer[i].valid && !strcmp(v->signer[i].reason, reason))
			return true;
	return false;
}

static bool
any_layer(const struct reading *r, const char *fault)
{
	for (size_t i = 0; i < r->layers.layers; i++)
		if (has_fault(&r->layers.layer[i], fault))
			return true;
	return false;
}

/* Its first line ends in LF alone. */
static bool
is_unix_text(const struct gathered *g)
{
	struct span start = buf_span(&g->outer_start);
	ptrdiff_t end = span_find_byte(start, '\n');

	return end == 0 || (end > 0 && start.data[end - 1] != '\r');
}

/* What stands in front of a signed part about its signature is signed by
 * nobody, and some programs write nonsense there: then once more, without. */
static enum rc
judge_once(struct reading *r, struct err *err)
{
	TRY(judge(r, true, err));
	return any_layer(r, "sig.micalg") ? judge(r, false, err) : RC_OK;
}

static enum rc
read_as_crlf(struct reading *r, struct err *err)
{
	r->out->as_crlf = true;
	return judge_once(r, err);
}

static enum rc
read_layers(struct reading *r, struct err *err)
{
	TRY(judge_once(r, err));
	if (any_layer(r, "sig.digest-mismatch") && is_unix_text(r->out))
		TRY(read_as_crlf(r, err));
	const struct letter_layer *first = &r->layers.layer[0];
	if (r->layers.layers > 0 && first->kind == LETTER_OTHER)
		return err_set(err, first->rc, "%s", first->why.text);
	return RC_OK;
}

/* What is inside of the outer `layers`; no more than `enough` bytes of it, or a
 * little more.  NULL: all. */
static enum rc
release(struct gathered *g, const struct source *letter, const struct sink *to,
    const struct buf *enough, struct err *err)
{
	const struct source source = gather_source(g, letter);
	struct span piece;

	TRY(letter_rewind_unverified(g->letter, g->layers, err));
	TRY(source.rewind(source.self, err));
	for (;;) {
		TRY(source.next(source.self, &piece, err));
		if (piece.len == 0)
			return letter_release_to_finish(g->letter, to, err);
		TRY(letter_release_to(g->letter, piece, to, err));
		if (enough != NULL && enough->len == START_MAX)
			return RC_OK;
	}
}

static enum rc
read_payload(struct reading *r, struct err *err)
{
	struct gathered *g = r->out;
	struct buf *start = &g->payload_start;
	const struct sink to = {keep_start, start};

	if (r->closed)
		return RC_OK;
	if (g->layers == 0) {
		g->payload = g->outer;
		return RC_OK;
	}
	TRY(release(g, r->source, &to, start, err));
	bool of_part = r->layers.layer[g->layers - 1].kind == LETTER_SIGNED;
	return read_header(buf_span(start), of_part, &g->payload, err);
}

static enum rc
check_part(struct reading *r, struct letter_layer *ret, struct err *err)
{
	struct letter *letter = r->out->letter;
	const struct source source = gather_source(r->out, r->source);
	struct span piece;

	TRY(letter_rewind_part(letter, err));
	TRY(source.rewind(source.self, err));
	for (;;) {
		TRY(source.next(source.self, &piece, err));
		if (piece.len == 0)
			return letter_check_part_finish(letter, ret, err);
		TRY(letter_check_part(letter, piece, err));
	}
}

/* --- layers ------------------------------------------------------------------ */

/* Who has no key cannot say that the sender forgot him. */
static const char *
closed_reason(const struct reader *reader, enum rc rc)
{
	if (rc == RC_ABSENT)
		return reader->keys_len > 0 ? "enc.not-for-us" : "enc.no-key";
	return rc == RC_UNFIT ? "enc.unsupported" : "enc.undecryptable";
}

static void
cannot_open(struct reading *r, enum rc rc)
{
	struct facts *f = &r->out->facts;

	f->encrypted.state = ENCRYPTED_UNDECRYPTABLE;
	f->encrypted.reason = closed_reason(r->reader, rc);
	r->closed = true;
}

static void
take_opened(struct reading *r, const struct open_result *result)
{
	struct facts *f = &r->out->facts;

	r->out->opened = true;
	r->signature_before_opening = r->signature_seen;
	gather_copy_text(
	    f->encrypted.cipher, sizeof(f->encrypted.cipher), result->cipher);
	/* two layers: as good as the better one would be a claim nobody
	 * checked, so as good as the weaker */
	if (f->encrypted.state != ENCRYPTED_MALLEABLE)
		f->encrypted.state = result->authenticated
					 ? ENCRYPTED_INTACT
					 : ENCRYPTED_MALLEABLE;
}

/* The signer to speak of: a valid one whose certificate names From, else a
 * valid one, else the first. */
static size_t
choose_signer(const struct verify_result *result, const char *from)
{
	size_t best = 0;
	int score = -1;

	for (size_t i = 0; i < result->signers; i++) {
		const struct verify_signer *s = &result->signer[i];
		int now = s->valid + (s->valid && gather_names(s->cert, from));
		if (now > score) {
			score = now;
			best = i;
		}
	}
	return best;
}

/* It says nothing of who wrote the letter that it is of a kind we do not check,
 * or no longer believe: one key of each kind is how programs change over. */
static bool
is_outdated(const struct verify_signer *s)
{
	return !strcmp(s->reason, "sig.unsupported") ||
	       !strcmp(s->reason, "sig.alg-weak");
}

/* One that anybody can have added, and that others may show as the signer. */
static bool
has_invalid_signer(const struct verify_result *result)
{
	for (size_t i = 0; i < result->signers; i++)
		if (!result->signer[i].valid &&
		    !is_outdated(&result->signer[i]))
			return true;
	return false;
}

static void
drop_tokens(struct reading *r)
{
	for (size_t i = 0; i < r->tokens; i++)
		buf_done(&r->token[i]);
	r->tokens = 0;
}

static void
take_tokens(struct reading *r, struct verify_signer *s)
{
	drop_tokens(r);
	memcpy(r->token, s->token, sizeof(r->token));
	r->tokens = s->tokens;
	r->tokens_found = s->tokens_found;
	s->tokens = 0;
}

/* What stands in for a signer now has none of the signature outside of it. */
static void
forget_signer(struct reading *r)
{
	cert_free(r->signer);
	r->signer = NULL;
	r->claimed = 0;
	drop_tokens(r);
	r->tokens_found = 0;
	r->out->said = (struct correspondent){0, 0};
}

/* A list that cannot be read says nothing. */
static void
take_capabilities(struct reading *r, const struct verify_signer *s)
{
	unsigned ciphers = 0;
	struct err ignored = ERR_NONE;

	if (s->valid && s->capabilities.len > 0)
		(void)capabilities_parse(
		    buf_span(&s->capabilities), &ciphers, &ignored);
	r->out->said = (struct correspondent){ciphers, s->claimed_time};
}

static enum rc
keep_signer(struct reading *r, struct verify_result *result, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct verify_signer *s = NULL;

	r->signature_seen = true;
	r->signature_before_opening = false;
	f->sig.state = SIGNED_INVALID;
	f->sig.reason = "sig.none";
	forget_signer(r);
	if (result->signers == 0)
		return RC_OK;
	s = &result->signer[choose_signer(result, f->from)];
	f->sig.state = s->valid ? SIGNED_VALID : SIGNED_INVALID;
	f->sig.reason = s->valid ? NULL : s->reason;
	f->sig.other_invalid = s->valid && has_invalid_signer(result);
	cert_free(r->signer);
	r->signer = take(s->cert);
	r->claimed = s->claimed_time;
	certs_done(&r->certs);
	r->certs = result->certs;
	result->certs = CERTS_NONE;
	crls_done(&r->known.crls);
	r->known.crls = result->crls;
	result->crls = CRLS_NONE;
	ocsps_done(&r->known.ocsps);
	r->known.ocsps = result->ocsps;
	result->ocsps = OCSPS_NONE;
	take_capabilities(r, s);
	take_tokens(r, s);
	buf_clear(&r->signature);
	return buf_add(&r->signature, buf_span(&s->signature), err);
}

static void
signature_unreadable(struct reading *r)
{
	forget_signer(r);
	r->signature_seen = true;
	r->signature_before_opening = false;
	r->out->facts.sig.state = SIGNED_INVALID;
	r->out->facts.sig.reason = "sig.unreadable";
}

/* Was it read, and is what is inside of it a message? */
static bool
is_good(const struct letter_result *layers, size_t i)
{
	return layers->layer[i].rc == RC_OK &&
	       (i + 1 == layers->layers ||
		   layers->layer[i + 1].kind != LETTER_OTHER);
}

/* False: this is as far as it goes. */
static enum rc
take_layer(struct reading *r, size_t i, bool *ret_on, struct err *err)
{
	struct letter_layer *layer = &r->layers.layer[i];
	bool good = is_good(&r->layers, i);

	*ret_on = good;
	switch (layer->kind) {
	case LETTER_ENVELOPED:
	case LETTER_AUTH_ENVELOPED:
		if (good)
			take_opened(r, &layer->opened);
		else
			cannot_open(r, layer->rc);
		return RC_OK;
	case LETTER_SIGNED:
	case LETTER_OPAQUE:
		if (good)
			return keep_signer(r, layer->verified, err);
		/* a broken signature is none; what it was around is still
		 * shown */
		signature_unreadable(r);
		return RC_OK;
	case LETTER_COMPRESSED:
		return RC_OK;
	case LETTER_OTHER:
		break;
	}
	bug("gather: no such layer");
}

static enum rc
take_layers(struct reading *r, struct err *err)
{
	bool on = true;
	size_t i = 0;

	while (i < r->layers.layers) {
		TRY(take_layer(r, i, &on, err));
		if (!on)
			break;
		i++;
	}
	r->out->layers = i;
	return RC_OK;
}

static enum rc
check_part_once(struct reading *r, struct letter_layer *ret, struct err *err)
{
	TRY(check_part(r, ret, err));
	if (!has_fault(ret, "sig.micalg"))
		return RC_OK;
	verify_result_free(take(ret->verified));
	letter_distrust_micalg(r->out->letter);
	return check_part(r, ret, err);
}

/* A signature that is not around the whole. */
static enum rc
take_part(struct reading *r, struct err *err)
{
	struct letter_layer layer = {.verified = NULL};

	if (r->layers.part == 0)
		return RC_OK;
	TRY(check_part_once(r, &layer, err));
	if (has_fault(&layer, "sig.digest-mismatch") && is_unix_text(r->out)) {
		verify_result_free(take(layer.verified));
		TRY(read_as_crlf(r, err));
		TRY(read_outer(r->out, err));
		TRY(check_part_once(r, &layer, err));
	}
	enum rc rc = RC_OK;
	if (layer.rc == RC_OK)
		rc = keep_signer(r, layer.verified, err);
	else
		signature_unreadable(r);
	verify_result_free(layer.verified);
	(void)snprintf(
	    r->out->facts.sig.part, FACTS_PART_MAX, "part %u", r->layers.part);
	return rc;
}

/* CBC proves nothing by itself; a valid signature around all of the plaintext
 * does. */
static void
settle(struct reading *r)
{
	struct facts *f = &r->out->facts;

	f->encrypted.part_inside = r->layers.sealed_part;
	f->sig.outside_only =
	    r->signature_before_opening && f->sig.state != SIGNED_NONE;
	if (f->encrypted.state == ENCRYPTED_MALLEABLE &&
	    f->sig.state == SIGNED_VALID && f->sig.part[0] == '\0' &&
	    !f->sig.outside_only)
		f->encrypted.state = ENCRYPTED_INTACT;
}

/* --- all of it ---------------------------------------------------------------- */

static void
reading_done(struct reading *r)
{
	letter_result_done(&r->layers);
	certs_done(&r->certs);
	drop_tokens(r);
	buf_done(&r->signature);
	cert_free(r->signer);
	evidence_done(&r->known);
	evidence_done(&r->own);
}

static enum rc
read_all(struct reading *r, struct err *err)
{
	struct gathered *g = r->out;

	TRY(read_layers(r, err));
	TRY(read_outer(g, err));
	TRY(check_message(g, err));
	TRY(take_layers(r, err));
	TRY(take_part(r, err));
	TRY(read_payload(r, err));
	settle(r);
	TRY(gather_rest(r, err));
	if (g->rest == REST_KEPT)
		return gather_kept(r, err);
	return g->inside != NULL ? RC_OK : gather_facts(r, err);
}

enum rc
gather(const struct source *letter, const struct reader *reader,
    struct gathered *ret, struct err *err)
{
	__attribute__((cleanup(reading_done))) struct reading r = {
	    .reader = reader,
	    .source = letter,
	    .out = ret,
	    .certs = CERTS_NONE,
	    .signature = BUF(STAMP_MAX),
	};

	enum rc rc = read_all(&r, err);
	if (rc == RC_SYNTAX || rc == RC_LIMIT)
		ret->facts = (struct facts){
		    .unreadable = true, .headless = ret->facts.headless};
	return rc;
}

/* --- showing it ---------------------------------------------------------------- */

struct showing {
	struct protect_view *view;
	const struct sink *to;
	struct buf out; /* what it made of one piece */
};

static enum rc
show_out(struct showing *s, struct err *err)
{
	enum rc rc = RC_OK;

	if (s->out.len > 0)
		rc = s->to->put(s->to->self, buf_span(&s->out), err);
	/* not buf_clear(), which wipes: the next piece overwrites it */
	s->out.len = 0;
	return rc;
}

static enum rc
show_piece(void *self, struct span bytes, struct err *err)
{
	struct showing *s = self;

	TRY(protect_view_push(s->view, bytes, &s->out, err));
	return show_out(s, err);
}

static enum rc
show_all(struct gathered *g, const struct source *letter, struct showing *s,
    struct err *err)
{
	const struct sink inside = {show_piece, s};

	TRY(release(g, letter, &inside, NULL, err));
	TRY(protect_view_end(s->view, &s->out, err));
	return show_out(s, err);
}

enum rc
gathered_show(struct gathered *g, const struct source *letter,
    const struct sink *to, struct err *err)
{
	struct protect_view *view OWNED(protect_view_free) = NULL;
	const struct protect_letter inside = gathered_letter(g);

	if (g->inside != NULL)
		return gather_rest_show(g, letter, to, err);
	if (g->payload == NULL)
		return err_set(err, RC_UNFIT, "the letter cannot be opened");
	TRY(protect_view_new(&inside, &view, err));
	struct showing s = {view, to, BUF_SECRET(VIEW_MAX)};
	enum rc rc = show_all(g, letter, &s, err);
	buf_done(&s.out);
	return rc;
}
