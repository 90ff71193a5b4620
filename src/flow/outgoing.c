#include "flow/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "cms/smime.h"
#include "codec/when.h"
#include "mime/address.h"
#include "os/random.h"

#define LETTER_MAX ((size_t)80 << 20)

OWNER(struct entity, entity_free);

void
outgoing_init(struct outgoing *outgoing)
{
	memset(outgoing, 0, sizeof(*outgoing));
	for (size_t i = 0; i < OUTGOING_COPIES_MAX; i++)
		outgoing->copy[i].bytes = BUF(LETTER_MAX);
}

void
outgoing_done(struct outgoing *outgoing)
{
	for (size_t i = 0; i < OUTGOING_COPIES_MAX; i++) {
		strlist_done(&outgoing->copy[i].to);
		buf_done(&outgoing->copy[i].bytes);
	}
	free(outgoing->message_id);
	outgoing->message_id = NULL;
	outgoing->copies = 0;
}

/* --- the letter of a mail program ------------------------------------------------ */

static const struct sealing_way whole_way = {
    .sign = true, .encrypt = true, .cipher_auto = true};

static enum rc
make_message_id(const char *address, struct buf *out, struct err *err)
{
	const char *domain = strrchr(address, '@');

	TRY(buf_add_byte(out, '<', err));
	TRY(random_text(18, out, err));
	return buf_add_format(
	    out, err, "%s>", domain != NULL ? domain : "@localhost");
}

/* The letter with Date and Message-ID, which stay the same on every try. */
static enum rc
complete(struct span letter, const struct sender *sender, struct buf *out,
    struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	size_t body = 0;

	TRY(fields_parse(letter, &fields, &body, err));
	if (fields_find(&fields, "Date") == NULL) {
		char when[WHEN_TEXT_MAX];
		when_print_mail(sender->now, when);
		TRY(buf_add_format(out, err, "Date: %s\r\n", when));
	}
	if (fields_find(&fields, "Message-ID") == NULL) {
		TRY(buf_add_str(out, "Message-ID: ", err));
		TRY(make_message_id(sender->address, out, err));
		TRY(buf_add_str(out, "\r\n", err));
	}
	return buf_add(out, letter, err);
}

/* RFC 5322 section 3.6: at most one of each.  Two readers would show two
 * different letters under one signature. */
static enum rc
check_single_fields(const struct entity *letter, struct err *err)
{
	static const char *const single[] = {"From", "Sender", "Reply-To", "To",
	    "Cc", "Bcc", "Date", "Subject", "Message-ID", "In-Reply-To",
	    "References", "MIME-Version", "Content-Type",
	    "Content-Transfer-Encoding"};

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (fields_count(&letter->fields, single[i]) > 1)
			return err_set(err, RC_SYNTAX,
			    "the letter has more than one %s field", single[i]);
	return RC_OK;
}

static enum rc
check_from(const struct entity *letter, const char *address, struct err *err)
{
	struct mailboxes from MAILBOXES_OWNED = MAILBOXES_NONE;

	TRY(mailboxes_parse(fields_value(&letter->fields, "From"), &from, err));
	if (from.len != 1 || from.has_group)
		return err_set(err, RC_UNFIT,
		    "the letter must name exactly one sender in From");
	if (!address_equal(from.item[0].address, address))
		return err_set(err, RC_UNFIT,
		    "From is %s, but this account is %s: it cannot sign that",
		    from.item[0].address, address);
	return RC_OK;
}

/* Every field of that name. */
static enum rc
check_senders_named(const struct entity *letter, const char *name,
    const char *address, struct err *err)
{
	const struct fields *fields = &letter->fields;

	for (size_t i = 0; i < fields->len; i++) {
		struct mailboxes who MAILBOXES_OWNED = MAILBOXES_NONE;
		if (!span_is_nocase(fields->item[i].name, name))
			continue;
		TRY(mailboxes_parse(fields->item[i].value, &who, err));
		for (size_t j = 0; j < who.len; j++)
			if (!address_equal(who.item[j].address, address))
				return err_set(err, RC_UNFIT,
				    "%s is %s, but this account is %s: it "
				    "cannot send for others",
				    name, who.item[j].address, address);
	}
	return RC_OK;
}

/* Whoever is named as the one who sent it, or sends it again, is read as its
 * author too: by lists, by filters, by those who answer. */
static enum rc
check_senders(const struct entity *letter, const char *address, struct err *err)
{
	static const char *const names[] = {
	    "Sender", "Resent-From", "Resent-Sender"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		TRY(check_senders_named(letter, names[i], address, err));
	return RC_OK;
}

static enum rc
visible_recipients(
    const struct entity *letter, struct mailboxes *ret, struct err *err)
{
	static const char *const names[] = {"To", "Cc"};

	for (size_t i = 0; i < 2; i++) {
		struct span value = fields_value(&letter->fields, names[i]);
		if (span_trim(value).len > 0)
			TRY(mailboxes_parse(value, ret, err));
	}
	return RC_OK;
}

/* A submission being made into copies. */
struct making {
	const struct source *letter;
	const struct sender *sender;
	const struct recipient *recipients;
	size_t count;
	struct mailboxes visible; /* of To and Cc */
	struct outgoing *out;
};

static bool
is_blind(const struct making *m, size_t i)
{
	return !mailboxes_have(&m->visible, m->recipients[i].address);
}

static enum rc
add_recipient(
    const struct making *m, size_t i, struct readers *to, struct err *err)
{
	struct copy *copy = &m->out->copy[m->out->copies];

	TRY(readers_add(
	    to, m->recipients[i].cert, m->recipients[i].ciphers, err));
	return strlist_add_str(&copy->to, m->recipients[i].address, err);
}

/* Seal to `to` and to the writer. */
static enum rc
finish_copy(const struct making *m, struct readers *to, const char *bcc,
    struct err *err)
{
	struct copy *copy = &m->out->copy[m->out->copies];
	const struct sink out = sink_buf(&copy->bytes);
	const struct sealing job = {
	    m->letter, m->sender, &whole_way, to, bcc, &out};
	bool stamped = false;

	TRY(readers_add(
	    to, m->sender->own, cert_capabilities(m->sender->own), err));
	TRY(sealing_write(&job, &stamped, err));
	m->out->stamped = m->out->stamped && stamped;
	m->out->copies++;
	return RC_OK;
}

static enum rc
make_visible_copy(const struct making *m, struct err *err)
{
	struct readers to READERS_OWNED = READERS_NONE;

	for (size_t i = 0; i < m->count; i++)
		if (!is_blind(m, i))
			TRY(add_recipient(m, i, &to, err));
	if (to.certs.len == 0)
		return RC_OK;
	return finish_copy(m, &to, NULL, err);
}

/* One envelope could not do: its recipient list would name the blind ones. */
static enum rc
make_blind_copy(const struct making *m, size_t i, struct err *err)
{
	struct readers to READERS_OWNED = READERS_NONE;

	TRY(add_recipient(m, i, &to, err));
	return finish_copy(m, &to, m->recipients[i].address, err);
}

static enum rc
make_copies(struct making *m, struct err *err)
{
	TRY(make_visible_copy(m, err));
	for (size_t i = 0; i < m->count; i++)
		if (is_blind(m, i))
			TRY(make_blind_copy(m, i, err));
	return RC_OK;
}

static enum rc
keep_message_id(
    const struct entity *letter, struct outgoing *ret, struct err *err)
{
	struct buf id BUF_OWNED = BUF(FIELD_SECTION_MAX);

	TRY(field_unfold(
	    fields_value(&letter->fields, "Message-ID"), &id, err));
	return span_dup(buf_span(&id), &ret->message_id, err);
}

enum rc
outgoing_make(struct span letter, const struct sender *sender,
    const struct recipient *recipients, size_t count, struct outgoing *ret,
    struct err *err)
{
	struct buf whole BUF_OWNED = BUF_SECRET(LETTER_MAX);
	struct entity *parsed OWNED(entity_free) = NULL;

	if (count == 0)
		return err_set(err, RC_ABSENT, "the letter has no recipients");
	if (count >= OUTGOING_COPIES_MAX)
		return err_set(err, RC_LIMIT, "more than %d recipients",
		    OUTGOING_COPIES_MAX - 1);
	TRY(complete(letter, sender, &whole, err));
	TRY(entity_parse(buf_span(&whole), ENTITY_LIMITS, &parsed, err));
	TRY(check_single_fields(parsed, err));
	TRY(check_from(parsed, sender->address, err));
	TRY(check_senders(parsed, sender->address, err));
	TRY(keep_message_id(parsed, ret, err));
	ret->stamped = true;
	struct source_memory memory = {buf_span(&whole), 0};
	const struct source source = source_memory(&memory);
	struct making making = {
	    &source, sender, recipients, count, MAILBOXES_NONE, ret};
	enum rc rc = visible_recipients(parsed, &making.visible, err);
	if (rc == RC_OK)
		rc = make_copies(&making, err);
	mailboxes_done(&making.visible);
	return rc;
}

enum rc
outgoing_keep(struct span letter, const struct sender *sender, struct buf *out,
    struct err *err)
{
	struct entity *parsed OWNED(entity_free) = NULL;
	struct readers own READERS_OWNED = READERS_NONE;
	struct buf bcc BUF_OWNED = BUF(FIELD_SECTION_MAX);
	const char *blind = NULL;
	size_t before = out->len;
	bool stamped = false;

	TRY(entity_parse(letter, ENTITY_LIMITS, &parsed, err));
	TRY(readers_add(
	    &own, sender->own, cert_capabilities(sender->own), err));
	/* a draft must not forget for whom it is; only its writer can read it */
	TRY(field_unfold(fields_value(&parsed->fields, "Bcc"), &bcc, err));
	if (bcc.len > 0)
		TRY(buf_str(&bcc, &blind, err));
	struct source_memory memory = {letter, 0};
	const struct source source = source_memory(&memory);
	const struct sink sink = sink_buf(out);
	const struct sealing job = {
	    &source, sender, &whole_way, &own, blind, &sink};
	enum rc rc = sealing_write(&job, &stamped, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

bool
outgoing_is_sealed(struct span letter)
{
	struct entity *parsed OWNED(entity_free) = NULL;
	struct err ignored;

	if (entity_parse(letter, ENTITY_LIMITS, &parsed, &ignored) != RC_OK)
		return false;
	enum smime_kind kind = smime_kind_of(parsed);
	return kind == SMIME_ENVELOPED || kind == SMIME_AUTH_ENVELOPED;
}
