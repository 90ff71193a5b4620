#include "flow/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/open.h"
#include "cms/smime.h"
#include "cms/stamp.h"
#include "cms/verify.h"
#include "mime/address.h"

#define DAY (24 * 60 * 60)
#define PLAIN_MAX ((size_t)80 << 20)
#define CMS_MAX ((size_t)80 << 20)

OWNER(struct open, open_free);
OWNER(struct verify, verify_free);

/* One reading in progress. */
struct reading {
	const struct reader *reader;
	struct gathered *out;
	const struct entity *at; /* the entity whose layer is next */
	size_t layers;           /* of all kinds, that were gone into */
	bool signature_seen;
	bool signature_before_opening; /* the newest one is outside */
	struct certs certs;            /* of the signature that counts */
	struct buf token[VERIFY_TOKENS_MAX];
	size_t tokens, tokens_found;
	struct buf signature;
	struct cert *signer; /* owned */
	int64_t claimed;
};

void
gathered_init(struct gathered *gathered)
{
	memset(gathered, 0, sizeof(*gathered));
	for (size_t i = 0; i < GATHER_DEPTH; i++)
		gathered->plain[i] = BUF_SECRET(PLAIN_MAX);
}

void
gathered_done(struct gathered *gathered)
{
	for (size_t i = 0; i < GATHER_DEPTH; i++) {
		entity_free(gathered->inner[i]);
		buf_done(&gathered->plain[i]);
	}
	entity_free(gathered->outer);
	gathered->outer = gathered->payload = NULL;
	gathered->layers = 0;
}

static void
copy_text(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from == NULL ? "" : from);
}

/* --- layers ---------------------------------------------------------------- */

/* What a layer held becomes the entity to go on with. */
static enum rc
descend(struct reading *r, struct err *err)
{
	struct gathered *out = r->out;
	size_t n = out->layers;

	TRY(entity_parse(
	    buf_span(&out->plain[n]), ENTITY_LIMITS, &out->inner[n], err));
	out->layers = n + 1;
	r->at = out->inner[n];
	return RC_OK;
}

static void
cannot_open(struct reading *r, enum rc rc)
{
	struct facts *f = &r->out->facts;

	f->encrypted.state = ENCRYPTED_UNDECRYPTABLE;
	f->encrypted.reason = rc == RC_ABSENT  ? "enc.not-for-us"
			      : rc == RC_UNFIT ? "enc.unsupported"
					       : "enc.undecryptable";
	r->at = NULL;
}

static enum rc
add_keys(struct open *open, const struct reader *reader, struct err *err)
{
	for (size_t i = 0; i < reader->keys_len; i++)
		TRY(open_add(
		    open, reader->keys[i].cert, reader->keys[i].key, err));
	return RC_OK;
}

static enum rc
decrypt(struct reading *r, struct open_result *ret, struct err *err)
{
	struct open *open OWNED(open_free) = NULL;
	struct buf der BUF_OWNED = BUF(CMS_MAX);
	struct buf *plain = &r->out->plain[r->out->layers];

	TRY(smime_der(r->at, &der, err));
	TRY(open_new(&open, err));
	TRY(add_keys(open, r->reader, err));
	enum rc rc = open_push(open, buf_span(&der), plain, err);
	if (rc == RC_OK)
		rc = open_finish(open, plain, ret, err);
	if (rc != RC_OK)
		buf_done(plain); /* nobody has vouched for it */
	return rc;
}

static enum rc
open_layer(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct open_result result = {0};
	struct err why = ERR_NONE;

	enum rc rc = decrypt(r, &result, &why);
	if (rc == RC_NOMEM) {
		*err = why;
		return rc;
	}
	if (rc != RC_OK || descend(r, &why) != RC_OK) {
		cannot_open(r, rc);
		return RC_OK;
	}
	r->out->opened = true;
	r->signature_before_opening = r->signature_seen;
	copy_text(
	    f->encrypted.cipher, sizeof(f->encrypted.cipher), result.cipher);
	/* two layers: as good as the better one would be a claim nobody
	 * checked, so as good as the weaker */
	if (f->encrypted.state != ENCRYPTED_MALLEABLE)
		f->encrypted.state = result.authenticated ? ENCRYPTED_INTACT
							  : ENCRYPTED_MALLEABLE;
	return RC_OK;
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
		int now =
		    s->valid + (s->valid && cert_names_address(s->cert, from));
		if (now > score) {
			score = now;
			best = i;
		}
	}
	return best;
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
	cert_free(r->signer);
	r->signer = take(s->cert);
	r->claimed = s->claimed_time;
	certs_done(&r->certs);
	r->certs = result->certs;
	result->certs = CERTS_NONE;
	take_capabilities(r, s);
	take_tokens(r, s);
	buf_clear(&r->signature);
	return buf_add(&r->signature, buf_span(&s->signature), err);
}

/* Run the check over a signature (and detached content, if `part`). */
static enum rc
verify_bytes(struct reading *r, struct span der, const struct entity *part,
    struct buf *content, struct err *err)
{
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result result VERIFY_RESULT_OWNED = {0};

	TRY(verify_new(&verify, err));
	TRY(verify_push_cms(verify, der, content, err));
	if (part != NULL)
		TRY(verify_push_content(verify, part->whole, err));
	TRY(verify_finish(verify, &result, err));
	return keep_signer(r, &result, err);
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

static enum rc
verify_detached(struct reading *r, const struct entity *entity, struct err *err)
{
	struct buf der BUF_OWNED = BUF(CMS_MAX);
	const struct entity *part = NULL;

	TRY(smime_split(entity, &part, &der, err));
	TRY(verify_bytes(r, buf_span(&der), part, NULL, err));
	r->at = part;
	return RC_OK;
}

static enum rc
verify_opaque(struct reading *r, const struct entity *entity, struct err *err)
{
	struct buf der BUF_OWNED = BUF_SECRET(CMS_MAX);

	TRY(smime_der(entity, &der, err));
	TRY(verify_bytes(
	    r, buf_span(&der), NULL, &r->out->plain[r->out->layers], err));
	return descend(r, err);
}

static enum rc
verify_layer(struct reading *r, enum smime_kind kind, struct err *err)
{
	struct err why = ERR_NONE;
	const struct entity *here = r->at;

	enum rc rc = kind == SMIME_SIGNED ? verify_detached(r, here, &why)
					  : verify_opaque(r, here, &why);
	if (rc == RC_OK)
		return RC_OK;
	if (rc == RC_NOMEM) {
		*err = why;
		return rc;
	}
	/* a broken signature is none; what it was around is still shown */
	signature_unreadable(r);
	r->out->payload = (struct entity *)here;
	r->at = NULL;
	return RC_OK;
}

/* One step inwards; r->at becomes NULL when there is no further layer. */
static enum rc
next_layer(struct reading *r, struct err *err)
{
	enum smime_kind kind = smime_kind_of(r->at);

	r->out->payload = (struct entity *)r->at;
	/* also those that hold no plaintext of their own: each signature has
	 * all that is inside of it hashed */
	if (kind != SMIME_NONE && r->layers++ >= GATHER_DEPTH)
		return err_set(
		    err, RC_LIMIT, "more than %d nested layers", GATHER_DEPTH);
	switch (kind) {
	case SMIME_ENVELOPED:
	case SMIME_AUTH_ENVELOPED:
		r->out->payload = NULL;
		return open_layer(r, err);
	case SMIME_SIGNED:
	case SMIME_OPAQUE:
		return verify_layer(r, kind, err);
	case SMIME_NONE:
	case SMIME_COMPRESSED:
	case SMIME_OTHER:
		r->at = NULL;
		return RC_OK;
	}
	bug("gather: no such kind");
}

/* A signature that is not around the whole: the first one in a multipart's
 * parts.  Forwarded messages are somebody else's letters: not looked into. */
static enum rc
find_signed_part(struct reading *r, const struct entity *in, struct err *err)
{
	unsigned n = 0;

	if (!entity_is(in, "multipart", NULL))
		return RC_OK;
	for (const struct entity *e = in->child; e != NULL; e = e->next) {
		n++;
		if (smime_kind_of(e) == SMIME_SIGNED) {
			struct err why = ERR_NONE;
			if (verify_detached(r, e, &why) != RC_OK)
				signature_unreadable(r);
			(void)snprintf(r->out->facts.sig.part, FACTS_PART_MAX,
			    "part %u", n);
			return RC_OK;
		}
	}
	for (const struct entity *e = in->child;
	     e != NULL && !r->signature_seen; e = e->next)
		TRY(find_signed_part(r, e, err));
	return RC_OK;
}

/* --- names ------------------------------------------------------------------ */

static bool
ends_with(struct span text, const char *end)
{
	size_t len = strlen(end);

	return text.len >= len &&
	       span_is(span_after(text, text.len - len), span_str(end));
}

/* A line that is no field ends the header for us; other readers skip it, and
 * see one more From behind it. */
static bool
is_cut_short(const struct entity *entity)
{
	struct span header = entity->header;

	return entity->body.len > 0 && header.len > 0 &&
	       !ends_with(header, "\n\n") && !ends_with(header, "\n\r\n");
}

static void
read_from(const struct entity *entity, struct mailboxes *list, bool *unclear)
{
	const struct fields *fields = &entity->fields;
	struct err ignored = ERR_NONE;

	*unclear = is_cut_short(entity) || fields_count(fields, "From") != 1 ||
		   mailboxes_parse(
		       fields_value(fields, "From"), list, &ignored) != RC_OK ||
		   list->len == 0 || list->has_group;
}

struct protect_letter
gathered_letter(const struct gathered *g)
{
	const struct facts *f = &g->facts;

	return (struct protect_letter){
	    .outer = g->outer,
	    .payload = g->payload,
	    .encrypted = g->opened,
	    .signature_valid = f->sig.state == SIGNED_VALID &&
			       f->sig.part[0] == '\0' && !f->sig.outside_only,
	};
}

/* The From that the verdict is about: the protected one where there is any. */
static const struct entity *
header_of(const struct gathered *g)
{
	const struct protect_letter letter = gathered_letter(g);

	return protect_header_of(&letter);
}

static void
gather_from(struct gathered *g)
{
	struct facts *f = &g->facts;
	const struct protect_letter letter = gathered_letter(g);
	struct mailboxes outer MAILBOXES_OWNED = MAILBOXES_NONE;
	struct mailboxes shown MAILBOXES_OWNED = MAILBOXES_NONE;
	bool outer_unclear = false;

	read_from(g->outer, &outer, &outer_unclear);
	read_from(header_of(g), &shown, &f->from_unclear);
	copy_text(f->from, sizeof(f->from),
	    shown.len > 0 ? shown.item[0].address : "");
	copy_text(f->outer_from, sizeof(f->outer_from),
	    outer.len > 0 ? outer.item[0].address : "");
	f->from_mismatch = header_of(g) != g->outer &&
			   (outer_unclear || !protect_from_matches(&letter));
	f->outside_differs =
	    !g->opened && header_of(g) != g->outer && !protect_agrees(&letter);
}

static bool
names_sender(const struct gathered *g, const struct cert *cert)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	struct err ignored = ERR_NONE;

	return mailboxes_parse(fields_value(&header_of(g)->fields, "Sender"),
		   &list, &ignored) == RC_OK &&
	       list.len == 1 && cert_names_address(cert, list.item[0].address);
}

static enum binding
bind_signer(const struct gathered *g, const struct cert *cert)
{
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;
	bool unclear = false;
	size_t named = 0;

	if (cert_addresses(cert)->len == 0)
		return BINDING_NO_ADDRESS;
	read_from(header_of(g), &from, &unclear);
	for (size_t i = 0; i < from.len; i++)
		named += cert_names_address(cert, from.item[i].address);
	if (named > 0)
		return from.len == 1 ? BINDING_FROM : BINDING_ONE_OF_SEVERAL;
	return names_sender(g, cert) ? BINDING_SENDER : BINDING_OTHER;
}

static void
gather_signer(struct reading *r)
{
	struct gathered *g = r->out;
	struct facts *f = &g->facts;
	const struct strlist *addresses = cert_addresses(r->signer);
	struct err why = ERR_NONE;

	f->sig.binding = bind_signer(g, r->signer);
	const char *by = addresses->len > 0 ? addresses->item[0] : "";
	if (f->sig.binding == BINDING_FROM)
		by = f->from;
	copy_text(f->sig.by, sizeof(f->sig.by), by);
	copy_text(f->sig.name, sizeof(f->sig.name), cert_name(r->signer));
	copy_text(f->sig.organization, sizeof(f->sig.organization),
	    cert_organization(r->signer));
	copy_text(f->sig.issuer, sizeof(f->sig.issuer), cert_issuer(r->signer));
	f->sig.level = cert_level(r->signer);
	if (cert_can_sign(r->signer, &why) != RC_OK)
		f->sig.unfit = "cert.ku";
}

/* --- time and chain ----------------------------------------------------------- */

/* The earliest time that one of the tokens proves; RC_ABSENT: none does. */
static enum rc
find_stamp(struct reading *r, int64_t *ret, struct err *err)
{
	const struct certs *roots = r->reader->tsa_roots != NULL
					? r->reader->tsa_roots
					: r->reader->roots;
	struct err why = ERR_NONE;
	bool found = false;

	for (size_t i = 0; i < r->tokens; i++) {
		struct stamp_result stamp STAMP_RESULT_OWNED = {
		    .chain = CHAIN_RESULT};
		enum rc rc = stamp_verify(buf_span(&r->token[i]),
		    buf_span(&r->signature), roots, &stamp, &why);
		if (rc == RC_NOMEM)
			return err_set(err, rc, "%s", why.text);
		if (rc != RC_OK || stamp.chain.state != CHAIN_VALID ||
		    (found && stamp.when >= *ret))
			continue;
		*ret = stamp.when;
		found = true;
	}
	return found ? RC_OK : RC_ABSENT;
}

static enum rc
gather_time(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	int64_t when = 0;

	if (r->claimed != 0) {
		f->time.source = TIME_CLAIMED;
		f->time.value = r->claimed;
	}
	enum rc rc = find_stamp(r, &when, err);
	if (rc == RC_ABSENT) {
		f->time.token_invalid = r->tokens_found > 0;
		return RC_OK;
	}
	TRY(rc);
	f->time.source = TIME_STAMPED;
	f->time.value = when;
	f->time.token_late = r->claimed != 0 && when - r->claimed > DAY;
	return RC_OK;
}

static enum rc
check_at(
    struct reading *r, int64_t at, struct chain_result *ret, struct err *err)
{
	const struct chain_request ask = {
	    .roots = r->reader->roots,
	    .untrusted = &r->certs,
	    .at = at,
	    .purpose = CHAIN_MAIL_SIGN,
	};

	return chain_check(r->signer, &ask, ret, err);
}

/* The certificate had to be good when the letter is proven to have existed;
 * without such a proof, now: a claimed time is anybody's. */
static enum rc
gather_chain(struct reading *r, struct err *err)
{
	struct facts *f = &r->out->facts;
	struct chain_result now CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct chain_result then CHAIN_RESULT_OWNED = CHAIN_RESULT;

	TRY(check_at(r, r->reader->now, &now, err));
	f->sig.chain = now.state;
	f->sig.chain_reason = now.reason;
	f->sig.revocation = now.revocation;
	f->sig.revoked_at = now.revoked_at;
	/* A root without limits of its own vouches for addresses only. */
	f->sig.level_allowed = f->sig.level != LEVEL_V2 &&
			       f->sig.level != LEVEL_V3 &&
			       f->sig.level != LEVEL_V4;
	if (f->time.source != TIME_STAMPED)
		return RC_OK;
	TRY(check_at(r, f->time.value, &then, err));
	bool was_revoked =
	    now.revoked_at != 0 && now.revoked_at <= f->time.value;
	f->sig.good_before = now.state != CHAIN_VALID &&
			     then.state == CHAIN_VALID && !was_revoked;
	f->sig.chain = was_revoked ? CHAIN_INVALID : then.state;
	f->sig.chain_reason = was_revoked ? "cert.revoked" : then.reason;
	return RC_OK;
}

/* --- for whom ------------------------------------------------------------------ */

static bool
field_names_me(
    const struct entity *e, const char *name, const struct strlist *me)
{
	for (size_t i = 0; i < e->fields.len; i++) {
		const struct field *field = &e->fields.item[i];
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		struct err ignored = ERR_NONE;

		if (!span_is_nocase(field->name, name) ||
		    mailboxes_parse(field->value, &list, &ignored) != RC_OK)
			continue;
		for (size_t k = 0; k < me->len; k++)
			if (mailboxes_have(&list, me->item[k]))
				return true;
	}
	return false;
}

/* Sealed again for us by somebody to whom it was written?  Only protected
 * recipients can tell.  The sender's own copy names its sender in From. */
static void
gather_recipients(struct gathered *g, const struct strlist *me)
{
	static const char *const names[] = {"To", "Cc", "Bcc", "From"};
	const struct entity *header = header_of(g);

	if (me == NULL || me->len == 0 || header == g->outer)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (field_names_me(header, names[i], me))
			return;
	g->facts.not_for_reader = true;
}

static void
gather_acquaintance(struct facts *f, const struct reader *reader)
{
	bool is_me =
	    reader->me != NULL && strlist_has_nocase(reader->me, f->from);

	if (is_me)
		f->acquaintance = ACQUAINTANCE_KNOWN;
	else if (reader->known != NULL)
		f->acquaintance = strlist_has_nocase(reader->known, f->from)
				      ? ACQUAINTANCE_KNOWN
				      : ACQUAINTANCE_FIRST;
}

static void
gather_headers(struct gathered *g)
{
	struct facts *f = &g->facts;
	const struct protect_letter letter = gathered_letter(g);

	f->headers.subject = protect_state_of(&letter, "Subject");
	f->headers.from = protect_state_of(&letter, "From");
	f->headers.to = protect_state_of(&letter, "To");
	f->headers.cc = protect_state_of(&letter, "Cc");
	f->headers.date = protect_state_of(&letter, "Date");
}

/* --- all of it ------------------------------------------------------------------ */

static enum rc
gather_layers(struct reading *r, struct err *err)
{
	r->at = r->out->outer;
	while (r->at != NULL)
		TRY(next_layer(r, err));
	if (!r->signature_seen && r->out->payload != NULL)
		TRY(find_signed_part(r, r->out->payload, err));
	struct facts *f = &r->out->facts;
	f->sig.outside_only =
	    r->signature_before_opening && f->sig.state != SIGNED_NONE;
	/* CBC proves nothing by itself; a valid signature around all of the
	 * plaintext does */
	if (f->encrypted.state == ENCRYPTED_MALLEABLE &&
	    f->sig.state == SIGNED_VALID && f->sig.part[0] == '\0' &&
	    !f->sig.outside_only)
		f->encrypted.state = ENCRYPTED_INTACT;
	return RC_OK;
}

static void
reading_done(struct reading *r)
{
	certs_done(&r->certs);
	drop_tokens(r);
	buf_done(&r->signature);
	cert_free(r->signer);
}

enum rc
gather(struct span letter, const struct reader *reader, struct gathered *ret,
    struct err *err)
{
	__attribute__((cleanup(reading_done))) struct reading r = {
	    .reader = reader,
	    .out = ret,
	    .certs = CERTS_NONE,
	    .signature = BUF(STAMP_MAX),
	};

	TRY(entity_parse(letter, ENTITY_LIMITS, &ret->outer, err));
	gather_from(ret); /* the outer From chooses among several signers */
	TRY(gather_layers(&r, err));
	gather_from(ret);
	gather_headers(ret);
	gather_acquaintance(&ret->facts, reader);
	if (r.signer != NULL)
		gather_signer(&r);
	if (r.signer == NULL || ret->facts.sig.state != SIGNED_VALID)
		return RC_OK;
	gather_recipients(ret, reader->me);
	TRY(gather_time(&r, err));
	return gather_chain(&r, err);
}
