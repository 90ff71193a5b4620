#include "flow/gather_priv.h"

#include <stdio.h>
#include <string.h>

#include "mime/address.h"

void
gather_copy_text(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from == NULL ? "" : from);
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

/* Encoded words have no place in an address (RFC 2047 section 5), and yet some
 * programs decode them there: they show another sender. */
static bool
has_encoded_word(const struct mailboxes *list)
{
	for (size_t i = 0; i < list->len; i++) {
		const char *begin = strstr(list->item[i].address, "=?");
		if (begin != NULL && strstr(begin + 2, "?=") != NULL)
			return true;
	}
	return false;
}

/* To some programs a line of blanks is the empty line that ends the header. */
static bool
has_blank_line(struct span field)
{
	for (ptrdiff_t at; (at = span_find_byte(field, '\n')) >= 0;) {
		field = span_after(field, (size_t)at + 1);
		ptrdiff_t end = span_find_byte(field, '\n');
		if (end >= 0 &&
		    span_trim(span_first(field, (size_t)end)).len == 0)
			return true;
	}
	return false;
}

/* A boundary in percent codes or with quoted characters, a line of blanks in
 * what says how to read the rest: right, and not understood by all.  Who does
 * not understand it shows what stands in front of the parts. */
bool
gather_is_ambiguous(const struct entity *entity)
{
	for (size_t i = 0; i < entity->fields.len; i++) {
		const struct field *field = &entity->fields.item[i];
		if (!span_starts_nocase(field->name, "Content-"))
			continue;
		if (has_blank_line(field->whole))
			return true;
		if (span_is_nocase(field->name, "Content-Type") &&
		    entity_is(entity, "multipart", NULL) &&
		    (span_find(field->value, span_str("*")) >= 0 ||
			span_find(field->value, span_str("\\")) >= 0))
			return true;
	}
	return entity->malformed;
}

static void
read_from(const struct entity *entity, struct mailboxes *list, bool *unclear)
{
	const struct fields *fields = &entity->fields;
	const struct field *field = fields_find(fields, "From");
	const struct span value = field == NULL ? SPAN_NONE : field->value;
	struct err ignored = ERR_NONE;

	*unclear = is_cut_short(entity) || fields_count(fields, "From") != 1 ||
		   mailboxes_parse(value, list, &ignored) != RC_OK ||
		   list->len == 0 || list->has_group || list->has_route ||
		   has_encoded_word(list) || has_blank_line(field->whole);
}

enum rc
gather_senders(
    const struct entity *header, struct mailboxes *ret, struct err *err)
{
	for (size_t i = 0; i < header->fields.len; i++) {
		const struct field *field = &header->fields.item[i];
		struct err ignored = ERR_NONE;
		if (!span_is_nocase(field->name, "From"))
			continue;
		enum rc rc = mailboxes_parse(field->value, ret, &ignored);
		if (rc == RC_NOMEM)
			return err_nomem(err, "addresses");
		if (rc != RC_OK || has_encoded_word(ret))
			TRY(mailboxes_guess(field->value, ret, err));
	}
	return RC_OK;
}

bool
gather_names(const struct cert *cert, const char *address)
{
	struct buf ascii BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	struct err ignored = ERR_NONE;

	return address_to_ascii(address, &ascii, &ignored) == RC_OK &&
	       buf_str(&ascii, &text, &ignored) == RC_OK &&
	       cert_names_address(cert, text);
}

struct protect_letter
gathered_letter(const struct gathered *g)
{
	const struct facts *f = &g->facts;

	if (g->inside != NULL)
		return gathered_letter(g->inside);
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

void
gather_from(struct gathered *g)
{
	struct facts *f = &g->facts;
	const struct protect_letter letter = gathered_letter(g);
	struct mailboxes outer MAILBOXES_OWNED = MAILBOXES_NONE;
	struct mailboxes shown MAILBOXES_OWNED = MAILBOXES_NONE;
	bool outer_unclear = false;

	read_from(g->outer, &outer, &outer_unclear);
	read_from(header_of(g), &shown, &f->from_unclear);
	gather_copy_text(f->from, sizeof(f->from),
	    shown.len > 0 ? shown.item[0].address : "");
	gather_copy_text(f->outer_from, sizeof(f->outer_from),
	    outer.len > 0 ? outer.item[0].address : "");
	f->from_mismatch = header_of(g) != g->outer &&
			   (outer_unclear || !protect_from_matches(&letter));
	f->outside_differs = protect_claims_other(&letter) ||
			     (!g->opened && header_of(g) != g->outer &&
				 !protect_agrees(&letter));
}

static bool
names_sender(const struct gathered *g, const struct cert *cert)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	struct err ignored = ERR_NONE;

	return mailboxes_parse(fields_value(&header_of(g)->fields, "Sender"),
		   &list, &ignored) == RC_OK &&
	       list.len == 1 && gather_names(cert, list.item[0].address);
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
		named += gather_names(cert, from.item[i].address);
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

	f->sig.binding = bind_signer(g, r->signer);
	const char *by = addresses->len > 0 ? addresses->item[0] : "";
	if (f->sig.binding == BINDING_FROM)
		by = f->from;
	gather_copy_text(f->sig.by, sizeof(f->sig.by), by);
	gather_copy_text(
	    f->sig.issuer, sizeof(f->sig.issuer), cert_issuer(r->signer));
	f->sig.level = cert_level(r->signer);
	f->sig.unfit = cert_sign_reason(r->signer);
}

/* --- for whom ------------------------------------------------------------------ */

/* Whichever way its domain is written. */
static bool
list_names(const struct mailboxes *list, const char *address)
{
	for (size_t i = 0; i < list->len; i++)
		if (address_matches(list->item[i].address, address))
			return true;
	return false;
}

static bool
has_address(const struct strlist *list, const char *address)
{
	for (size_t i = 0; i < list->len; i++)
		if (address_matches(list->item[i], address))
			return true;
	return false;
}

static bool
field_names_any(
    const struct entity *e, const char *name, const struct strlist *who)
{
	for (size_t i = 0; i < e->fields.len; i++) {
		const struct field *field = &e->fields.item[i];
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		struct err ignored = ERR_NONE;

		if (!span_is_nocase(field->name, name) ||
		    mailboxes_parse(field->value, &list, &ignored) != RC_OK)
			continue;
		for (size_t k = 0; k < who->len; k++)
			if (list_names(&list, who->item[k]))
				return true;
	}
	return false;
}

/* Sealed again, or just sent again, to us by somebody to whom it was written?
 * Only protected recipients can tell.  The sender's own copy names its sender in
 * From.  A List-Post outside excuses nothing: whoever sends it again would write
 * there the address that is inside.  Who reads a list names it as his own. */
static void
gather_recipients(struct gathered *g, const struct strlist *me)
{
	static const char *const names[] = {"To", "Cc", "Bcc", "From"};
	const struct entity *header = header_of(g);

	if (me == NULL || me->len == 0 || header == g->outer)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (field_names_any(header, names[i], me))
			return;
	g->facts.not_for_reader = true;
}

/* "List-Post: <mailto:talk@lists.test>" (RFC 2369 section 3.4) */
static bool
is_list_address(const struct entity *header, const char *address)
{
	struct buf want BUF_OWNED = BUF_SMALL;
	struct err ignored = ERR_NONE;

	return address[0] != '\0' &&
	       fields_count(&header->fields, "List-Post") == 1 &&
	       buf_add_format(&want, &ignored, "<mailto:%s>", address) ==
		   RC_OK &&
	       span_equal_nocase(
		   fields_value(&header->fields, "List-Post"), buf_span(&want));
}

/* A list that puts itself into From, for the sake of DMARC, and the author
 * into Reply-To or Cc: to know the list is not to know who writes there. */
static bool
list_took_from(const struct gathered *g, const struct cert *signer)
{
	static const char *const names[] = {
	    "Reply-To", "Cc", "X-Original-From", "X-MailFrom"};
	const struct entity *header = header_of(g);

	if (signer == NULL || g->facts.sig.binding != BINDING_OTHER ||
	    !is_list_address(header, g->facts.from))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (field_names_any(header, names[i], cert_addresses(signer)))
			return true;
	return false;
}

static void
gather_acquaintance(struct facts *f, const struct reader *reader)
{
	bool is_me = reader->me != NULL && has_address(reader->me, f->from);

	if (is_me)
		f->acquaintance = ACQUAINTANCE_KNOWN;
	else if (reader->known != NULL)
		f->acquaintance = has_address(reader->known, f->from)
				      ? ACQUAINTANCE_KNOWN
				      : ACQUAINTANCE_FIRST;
}

/* --- whom it passes for ------------------------------------------------------- */

/* The strongest of what is found. */
static enum rc
look_at(const struct reader *reader, const char *address, const char *name,
    struct span organisation, struct facts *f, struct err *err)
{
	const char *at = strrchr(address, '@');
	struct lookalike_finding found;

	if (at == NULL)
		return RC_OK;
	const struct lookalike_sender sender = {
	    .local = span_of(address, (size_t)(at - address)),
	    .domain = span_str(at + 1),
	    .name = span_str(name),
	    .organisation = organisation,
	};
	enum rc rc = reader->imitations->find(
	    reader->imitations->self, &sender, &found, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	if (f->lookalike.reason != NULL && !found.strong)
		return RC_OK;
	f->lookalike.reason = found.reason;
	f->lookalike.strong = found.strong;
	gather_copy_text(f->lookalike.of, sizeof(f->lookalike.of), found.of);
	return RC_OK;
}

static enum rc
look_at_field(const struct reader *reader, const struct entity *header,
    struct span organisation, struct facts *f, struct err *err)
{
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;

	TRY(gather_senders(header, &from, err));
	for (size_t i = 0; i < from.len; i++) {
		const struct mailbox *one = &from.item[i];
		TRY(look_at(
		    reader, one->address, one->name, organisation, f, err));
		if (from.comments != NULL)
			TRY(look_at(reader, one->address, from.comments,
			    organisation, f, err));
	}
	return RC_OK;
}

/* An organisation's name is proven only by a certificate that may give it, of
 * the sender. */
static struct span
proven_organisation(const struct facts *f)
{
	bool proven = f->sig.state == SIGNED_VALID && f->sig.unfit == NULL &&
		      f->sig.chain == CHAIN_VALID && f->sig.level_allowed &&
		      f->sig.domain_allowed && f->sig.binding == BINDING_FROM &&
		      (f->sig.level == LEVEL_V3 || f->sig.level == LEVEL_V4);

	return proven ? span_str(f->sig.organization) : SPAN_NONE;
}

/* Where the letter is shown as it came, so is the From outside. */
static enum rc
gather_lookalike(
    struct gathered *g, const struct reader *reader, struct err *err)
{
	const struct span organisation = proven_organisation(&g->facts);

	if (reader->imitations == NULL)
		return RC_OK;
	TRY(look_at_field(reader, header_of(g), organisation, &g->facts, err));
	if (g->opened || header_of(g) == g->outer)
		return RC_OK;
	return look_at_field(reader, g->outer, organisation, &g->facts, err);
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

/* --- who carried it ------------------------------------------------------------ */

static enum rc
gather_transport(struct reading *r, struct err *err)
{
	const struct transports *transports = r->reader->transports;

	if (transports == NULL)
		return RC_OK;
	const struct source source = gather_source(r->out, r->source);
	return transports->find(
	    transports->self, &source, r->out->outer, &r->out->facts, err);
}

/* --- all of it ------------------------------------------------------------------ */

enum rc
gather_facts(struct reading *r, struct err *err)
{
	struct gathered *g = r->out;

	gather_from(g);
	gather_headers(g);
	gather_acquaintance(&g->facts, r->reader);
	if (r->signer != NULL)
		gather_signer(r);
	if (list_took_from(g, r->signer))
		g->facts.acquaintance = ACQUAINTANCE_UNSAID;
	if (r->signer != NULL && g->facts.sig.state == SIGNED_VALID) {
		gather_recipients(g, r->reader->me);
		TRY(gather_time(r, err));
	}
	TRY(gather_transport(r, err));
	TRY(gather_history(r, err));
	TRY(gather_lookalike(g, r->reader, err));
	return gather_request(r, err); /* last: what is not verified */
}
