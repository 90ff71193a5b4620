#include "cms/peel_priv.h"

#include <stdlib.h>

#include "base/own.h"
#include "mime/scan.h"
#include "mime/transfer.h"

/* What is kept until it is known whether it is a CMS object: header and
 * enough of the body.  Beyond it the body is looked at in one piece. */
#define KEPT_MAX (FIELD_SECTION_MAX + SMIME_PEEK_BODY)

enum peel_state {
	PEEL_AT_KIND, /* may hold a CMS object: some of its body is needed */
	PEEL_IN_ENTITY,
	PEEL_IN_PARTS,
	PEEL_IN_CMS,
	PEEL_OVER,
};

struct peel {
	struct scan *scan;
	unsigned way;
	enum peel_state state;
	enum smime_kind kind;
	struct entity *head;    /* without its fields */
	size_t header_left;     /* of the header that is passing by */
	struct transfer body;   /* of the CMS object or the signature */
	struct buf kept;        /* header and body, while the kind is open */
	struct span kept_left;  /* of it, to be passed on */
	struct span bytes_left; /* of the last SCAN_BYTES, behind it */
	bool ended;             /* nothing comes behind those two */
	size_t only;            /* the entity that is read: 1, the letter */
	size_t entities;        /* that began */
	size_t depth;           /* of it, since it began */
	bool over;              /* it has ended */
	struct partial partial;
	struct buf decoded; /* lent with an event */
	/* multipart/signed */
	char *micalg;
	size_t parts;
	bool in_part; /* of depth 1 */
	bool malformed;
	bool second_is_signature;
	struct buf signature;
	enum rc signature_rc; /* why it could not be read */
	struct err signature_err;
};

OWNER(struct peel, peel_free);

enum rc
peel_new(unsigned way, struct peel **ret, struct err *err)
{
	struct peel *peel OWNED(peel_free) = calloc(1, sizeof(*peel));

	if (peel == NULL)
		return err_nomem(err, "letter");
	peel->way = way;
	peel->only = 1;
	peel->kept = BUF_SECRET(KEPT_MAX);
	peel->decoded = BUF_SECRET(SIZE_MAX / 4);
	peel->signature = BUF(PEEL_SIGNATURE_MAX);
	TRY(scan_new(ENTITY_LIMITS, &peel->scan, err));
	if (way & PEEL_OF_PART)
		scan_part(peel->scan);
	*ret = take(peel);
	return RC_OK;
}

void
peel_free(struct peel *peel)
{
	if (peel == NULL)
		return;
	scan_free(peel->scan);
	entity_free(peel->head);
	buf_done(&peel->kept);
	buf_done(&peel->decoded);
	buf_done(&peel->signature);
	free(peel->micalg);
	free(peel);
}

void
peel_only(struct peel *peel, size_t entity)
{
	peel->only = entity;
	peel->state = PEEL_IN_PARTS;
}

/* --- what it is ------------------------------------------------------------ */

static enum rc
begin_parts(struct peel *peel, const struct entity *root, struct err *err)
{
	const char *micalg = content_param(&root->type, "micalg");

	peel->state = PEEL_IN_PARTS;
	peel->kind = SMIME_SIGNED;
	peel->malformed = root->malformed;
	return span_dup(
	    span_str(micalg == NULL ? "" : micalg), &peel->micalg, err);
}

static bool
may_be_signed(const struct peel *peel, const struct entity *root)
{
	return entity_is(root, "multipart", "signed") &&
	       (!(peel->way & PEEL_NAMED) || smime_names_protocol(root));
}

static enum rc
begin_letter(struct peel *peel, const struct entity *root, struct err *err)
{
	peel->header_left = root->header.len;
	peel->state = PEEL_IN_ENTITY;
	if (!(peel->way & PEEL_FLAT) && may_be_signed(peel, root))
		TRY(begin_parts(peel, root, err));
	else if (!(peel->way & PEEL_FLAT) && smime_is_cms(root))
		peel->state = PEEL_AT_KIND;
	if (peel->state != PEEL_IN_PARTS &&
	    (peel->state == PEEL_AT_KIND || !(peel->way & PEEL_DEEP)))
		scan_flat(peel->scan);
	peel->head = scan_take(peel->scan);
	fields_done(&peel->head->fields);
	return RC_OK;
}

/* Enough was kept, or it has ended: now it shows. */
static void
decide_kind(struct peel *peel)
{
	struct span kept = buf_span(&peel->kept);

	peel->kind =
	    smime_peek(peel->head, span_after(kept, peel->header_left));
	peel->state = peel->kind == SMIME_NONE || peel->kind == SMIME_OTHER
			  ? PEEL_IN_ENTITY
			  : PEEL_IN_CMS;
	peel->kept_left = kept;
	transfer_init(&peel->body, peel->head->encoding);
}

static enum rc
keep(struct peel *peel, struct err *err)
{
	size_t want = peel->header_left + SMIME_PEEK_BODY - peel->kept.len;
	struct span part = span_first(peel->bytes_left, want);

	TRY(buf_add(&peel->kept, part, err));
	peel->bytes_left = span_after(peel->bytes_left, part.len);
	if (part.len == want)
		decide_kind(peel);
	return RC_OK;
}

/* --- the parts of a multipart/signed --------------------------------------- */

static void
read_signature(struct peel *peel, struct span bytes)
{
	if (peel->signature_rc == RC_OK)
		peel->signature_rc = transfer_read(
		    &peel->body, bytes, &peel->signature, &peel->signature_err);
}

static void
begin_part(struct peel *peel, const struct entity *part)
{
	peel->in_part = true;
	peel->parts++;
	peel->header_left = part->header.len;
	if (peel->parts != 2)
		return;
	peel->second_is_signature = smime_is_signature(part);
	transfer_init(&peel->body, part->encoding);
	if (peel->second_is_signature)
		read_signature(peel, SPAN_NONE);
}

static void
end_part(struct peel *peel)
{
	peel->in_part = false;
	if (peel->parts != 2 || peel->signature_rc != RC_OK ||
	    !peel->second_is_signature)
		return;
	peel->signature_rc =
	    transfer_end(&peel->body, &peel->signature, &peel->signature_err);
}

/* --- bytes ----------------------------------------------------------------- */

/* Takes what is behind the header. */
static struct span
take_body(struct peel *peel, struct span *from)
{
	size_t header = span_first(*from, peel->header_left).len;
	struct span body = span_after(*from, header);

	peel->header_left -= header;
	*from = SPAN_NONE;
	return body;
}

static void
pass_parts(struct peel *peel, struct peel_event *ret)
{
	struct span bytes = peel->bytes_left;

	peel->bytes_left = SPAN_NONE;
	if (!peel->in_part)
		return;
	if (peel->parts == 1)
		*ret = (struct peel_event){PEEL_PART, bytes};
	else if (peel->parts == 2 && peel->second_is_signature)
		read_signature(peel, take_body(peel, &bytes));
}

static void
give_decoded(struct peel *peel, struct peel_event *ret)
{
	if (peel->decoded.len > 0)
		*ret = (struct peel_event){PEEL_CMS, buf_span(&peel->decoded)};
}

static enum rc
pass_cms(struct peel *peel, struct span *from, struct peel_event *ret,
    struct err *err)
{
	struct span body = take_body(peel, from);

	if (transfer_is_identity(&peel->body)) {
		if (body.len > 0)
			*ret = (struct peel_event){PEEL_CMS, body};
		return RC_OK;
	}
	/* not buf_clear(), which wipes: the next piece overwrites it */
	peel->decoded.len = 0;
	TRY(transfer_read(&peel->body, body, &peel->decoded, err));
	give_decoded(peel, ret);
	return RC_OK;
}

static enum rc
pass(struct peel *peel, struct peel_event *ret, struct err *err)
{
	struct span *from =
	    peel->kept_left.len > 0 ? &peel->kept_left : &peel->bytes_left;

	switch (peel->state) {
	case PEEL_AT_KIND:
		return keep(peel, err);
	case PEEL_IN_PARTS:
		pass_parts(peel, ret);
		return RC_OK;
	case PEEL_IN_CMS:
		return pass_cms(peel, from, ret, err);
	case PEEL_IN_ENTITY:
	case PEEL_OVER:
		break;
	}
	*ret = (struct peel_event){PEEL_ENTITY, *from};
	*from = SPAN_NONE;
	return RC_OK;
}

/* --- all of it ------------------------------------------------------------- */

static enum rc
begin_only(struct peel *peel, const struct entity *entity, struct err *err)
{
	if (!entity_is(entity, "multipart", "signed"))
		return err_set(
		    err, RC_CRYPTO, "the letter is not the one of before");
	TRY(begin_parts(peel, entity, err));
	peel->head = scan_take(peel->scan);
	fields_done(&peel->head->fields);
	return RC_OK;
}

/* Of the multipart/signed that is read. */
static bool
is_in_parts(const struct peel *peel)
{
	return peel->state == PEEL_IN_PARTS && peel->head != NULL &&
	       !peel->over;
}

static enum rc
begin_entity(struct peel *peel, const struct scan_event *event, struct err *err)
{
	if (++peel->entities == peel->only) {
		peel->depth = event->depth;
		return peel->only == 1 ? begin_letter(peel, event->entity, err)
				       : begin_only(peel, event->entity, err);
	}
	if (is_in_parts(peel) && event->depth == peel->depth + 1)
		begin_part(peel, event->entity);
	return RC_OK;
}

static void
end_entity(struct peel *peel, const struct scan_event *event)
{
	if (is_in_parts(peel) && event->depth == peel->depth + 1)
		end_part(peel);
	if (is_in_parts(peel) && event->depth == peel->depth) {
		peel->malformed = peel->malformed || event->malformed;
		peel->over = true;
	}
	if (event->depth > 0)
		return;
	peel->ended = true;
	if (peel->state == PEEL_AT_KIND)
		decide_kind(peel);
}

static enum rc
take_event(struct peel *peel, const struct scan_event *event, struct err *err)
{
	if (peel->way & PEEL_DEEP)
		partial_take(&peel->partial, event);
	switch (event->what) {
	case SCAN_BEGIN:
		return begin_entity(peel, event, err);
	case SCAN_BYTES:
		peel->bytes_left = event->bytes;
		return RC_OK;
	case SCAN_END:
		end_entity(peel, event);
		return RC_OK;
	case SCAN_MORE:
		break;
	}
	return RC_OK;
}

static enum rc
finish(struct peel *peel, struct peel_event *ret, struct err *err)
{
	bool cms = peel->state == PEEL_IN_CMS;

	peel->state = PEEL_OVER;
	if (!cms)
		return RC_OK;
	peel->decoded.len = 0;
	TRY(transfer_end(&peel->body, &peel->decoded, err));
	give_decoded(peel, ret);
	return RC_OK;
}

enum rc
peel_next(struct peel *peel, struct span *in, bool last, struct peel_event *ret,
    struct err *err)
{
	struct peel_event got = {PEEL_MORE, SPAN_NONE};
	struct scan_event event = {.what = SCAN_BYTES};

	while (got.what == PEEL_MORE && event.what != SCAN_MORE) {
		if (peel->kept_left.len > 0 || peel->bytes_left.len > 0) {
			TRY(pass(peel, &got, err));
			continue;
		}
		if (peel->ended && peel->state != PEEL_OVER) {
			TRY(finish(peel, &got, err));
			continue;
		}
		TRY(scan_next(peel->scan, in, last, &event, err));
		TRY(take_event(peel, &event, err));
	}
	*ret = got;
	return RC_OK;
}

enum smime_kind
peel_kind(const struct peel *peel)
{
	return peel->kind;
}

bool
peel_has_header(const struct peel *peel)
{
	return peel->head != NULL;
}

struct partial_find
peel_partial(const struct peel *peel)
{
	return peel->partial.found;
}

const char *
peel_micalg(const struct peel *peel)
{
	return peel->micalg == NULL ? "" : peel->micalg;
}

bool
peel_is_signed(const struct peel *peel)
{
	return peel->kind == SMIME_SIGNED &&
	       (smime_names_protocol(peel->head) || peel->second_is_signature);
}

enum rc
peel_signature(const struct peel *peel, struct span *ret, struct err *err)
{
	TRY(smime_check_parts(peel->malformed, peel->parts,
	    peel->parts == 2 && peel->second_is_signature, err));
	if (peel->signature_rc != RC_OK)
		return err_set(
		    err, peel->signature_rc, "%s", peel->signature_err.text);
	*ret = buf_span(&peel->signature);
	return RC_OK;
}
