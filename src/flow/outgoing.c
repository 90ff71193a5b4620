#include "flow/outgoing.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cms/compose.h"
#include "cms/smime.h"
#include "cms/stamp.h"
#include "codec/when.h"
#include "mime/address.h"
#include "os/random.h"

#define LETTER_MAX ((size_t)80 << 20)
#define BOUNDARY_RANDOM 18 /* bytes: no letter can hold it by chance */

OWNER(struct compose, compose_free);
OWNER(struct entity, entity_free);
OWNER(struct protect_writer, protect_writer_free);

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

/* --- sign ---------------------------------------------------------------------- */

static enum rc
ask_for_stamp(const struct sender *sender, const uint8_t imprint[32],
    struct buf *token, struct err *err)
{
	struct stamp_nonce nonce;
	struct buf query BUF_OWNED = BUF(STAMP_MAX);
	struct https_response response = {.body = BUF(STAMP_MAX)};

	random_fill(nonce.bytes, sizeof(nonce.bytes));
	nonce.bytes[0] = (uint8_t)((nonce.bytes[0] & 0x7f) | 0x40);
	TRY(stamp_request(imprint, &nonce, &query, err));
	const struct https_request request = {
	    .method = "POST",
	    .url = sender->tsa,
	    .content_type = "application/timestamp-query",
	    .body = buf_span(&query),
	    .timeout = sender->tsa_timeout,
	};
	enum rc rc = https_send(sender->https, &request, &response, err);
	if (rc == RC_OK && response.status != 200)
		rc = err_set(err, RC_IO, "the time stamp authority answered %u",
		    response.status);
	if (rc == RC_OK)
		rc = stamp_response(buf_span(&response.body), imprint, &nonce,
		    sender->now, token, err);
	buf_done(&response.body);
	return rc;
}

/* A letter without a timestamp is better than a letter that waits for one:
 * its verdict will say that its time is not proven. */
static enum rc
stamp(struct compose *compose, const struct sender *sender, bool *ret_stamped,
    struct err *err)
{
	uint8_t imprint[32];
	struct buf token BUF_OWNED = BUF(STAMP_MAX);
	struct err why = ERR_NONE;

	if (sender->tsa == NULL)
		return RC_OK;
	TRY(compose_imprint(compose, imprint, err));
	enum rc rc = ask_for_stamp(sender, imprint, &token, &why);
	if (rc != RC_OK && sender->tsa_required)
		return err_set(err, rc, "timestamp: %s", why.text);
	if (rc != RC_OK)
		return RC_OK;
	TRY(compose_add_token(compose, buf_span(&token), err));
	*ret_stamped = true;
	return RC_OK;
}

/* --- seal ---------------------------------------------------------------------- */

/* Whom one copy is sealed for, and what all of them are known to read. */
struct readers {
	struct certs certs;
	unsigned ciphers; /* enum capability */
};

#define READERS_NONE ((struct readers){CERTS_NONE, UINT_MAX})
#define READERS_OWNED __attribute__((cleanup(readers_done)))

static void
readers_done(struct readers *readers)
{
	certs_done(&readers->certs);
}

static enum rc
readers_add(struct readers *readers, const struct cert *cert, unsigned ciphers,
    struct err *err)
{
	readers->ciphers &= ciphers;
	return certs_add(&readers->certs, cert, err);
}

/* The strongest that everybody is known to read (RFC 8551 section 2.7).  Of
 * somebody unknown: AES-256-CBC with the signature inside, for GCM is what
 * many of today's programs cannot open. */
static enum seal_cipher
choose_cipher(const struct outgoing_way *way, const struct readers *to)
{
	static const struct {
		enum capability capability;
		enum seal_cipher cipher;
	} best_first[] = {
	    {CAPABILITY_AES256_GCM, SEAL_AES256_GCM},
	    {CAPABILITY_CHACHA20_POLY1305, SEAL_CHACHA20_POLY1305},
	    {CAPABILITY_AES128_GCM, SEAL_AES128_GCM},
	};

	if (!way->cipher_auto)
		return way->cipher;
	for (size_t i = 0; i < sizeof(best_first) / sizeof(*best_first); i++)
		if ((to->ciphers & best_first[i].capability) != 0)
			return best_first[i].cipher;
	return SEAL_AES256_CBC;
}

/* One copy of a letter, and for whom. */
struct job {
	const struct entity *letter;
	const struct sender *sender;
	const struct outgoing_way *way;
	const struct readers *to;
	const char *bcc; /* the blind recipient it is for, or NULL */
};

/* The provider is not asked for SMTPUTF8, and 8BITMIME keeps nobody later on
 * the way from changing what was signed. */
static enum rc
check_needs(const struct sevenbit_needs *needs, struct err *err)
{
	if (needs->utf8)
		return err_set(err, RC_UNFIT,
		    "the letter names an address that is no ASCII: that needs "
		    "SMTPUTF8, which is not supported");
	if (needs->eight_bit || needs->binary)
		return err_set(err, RC_UNFIT,
		    "a part of the letter can neither be sent as it is nor be "
		    "encoded (it is signed, or broken); encrypt the letter");
	return RC_OK;
}

static enum rc
make_boundary(struct buf *boundary, const char **ret, struct err *err)
{
	TRY(buf_add_str(boundary, "letterlock-", err));
	TRY(random_text(BOUNDARY_RANDOM, boundary, err));
	return buf_str(boundary, ret, err);
}

/* The writer's own encrypting certificate travels with the signature, so that
 * whoever reads it can answer sealed. */
static enum rc
sign_and_seal(const struct job *job, struct span payload, struct buf *out,
    bool *ret_stamped, struct err *err)
{
	const struct outgoing_way *way = job->way;
	const struct sign_options sign = {.encrypt_cert = job->sender->own};
	struct compose_options options = {
	    .signer = way->sign ? &job->sender->identity : NULL,
	    .signing_time = job->sender->now,
	    .sign = &sign,
	    .seal = way->encrypt,
	    .cipher = choose_cipher(way, job->to),
	    .to = &job->to->certs,
	};
	struct buf boundary BUF_OWNED = BUF(128);
	struct compose *compose OWNED(compose_free) = NULL;

	TRY(make_boundary(&boundary, &options.boundary, err));
	TRY(compose_new(&options, &compose, err));
	TRY(compose_push(compose, payload, out, err));
	TRY(compose_close(compose, out, err));
	if (way->sign)
		TRY(stamp(compose, job->sender, ret_stamped, err));
	return compose_finish(compose, out, err);
}

/* The outer fields and the payload that they belong to. */
static enum rc
protect(struct span letter, const struct protect_options *options,
    struct buf *payload, struct buf *outer, struct err *err)
{
	struct protect_writer *writer OWNED(protect_writer_free) = NULL;
	struct sevenbit_needs needs = {false, false, false};

	TRY(protect_writer_new(options, &writer, err));
	TRY(protect_look(writer, letter, err));
	TRY(protect_look_end(writer, outer, &needs, err));
	TRY(check_needs(&needs, err));
	TRY(protect_write(writer, letter, payload, err));
	return protect_write_end(writer, payload, err);
}

static enum rc
protect_job(const struct job *job, struct buf *payload, struct buf *outer,
    struct err *err)
{
	const struct outgoing_way *way = job->way;
	struct protect_options options = {
	    .policy = job->sender->policy,
	    .encrypting = way->encrypt,
	    .bcc = job->bcc,
	    .reference = job->sender->reference,
	};
	struct buf boundary BUF_OWNED = BUF(128);
	struct buf shown BUF_OWNED = BUF_SECRET(LETTER_MAX);

	TRY(make_boundary(&boundary, &options.boundary, err));
	if (job->sender->legacy_display && way->encrypt)
		TRY(protect_add_display(
		    job->letter, options.policy, &shown, &options.legacy, err));
	return protect(options.legacy ? buf_span(&shown) : job->letter->whole,
	    &options, payload, outer, err);
}

/* All or nothing: `out` grows only when the whole copy is made. */
static enum rc
make_copy(
    const struct job *job, struct buf *out, bool *ret_stamped, struct err *err)
{
	struct buf payload BUF_OWNED = BUF_SECRET(LETTER_MAX);
	struct buf made BUF_OWNED = BUF(LETTER_MAX);

	*ret_stamped = false;
	TRY(protect_job(job, &payload, &made, err));
	TRY(buf_add_str(&made, "MIME-Version: 1.0\r\n", err));
	TRY(sign_and_seal(job, buf_span(&payload), &made, ret_stamped, err));
	return buf_add(out, buf_span(&made), err);
}

enum rc
outgoing_seal(const struct entity *letter, const struct sender *sender,
    const struct outgoing_way *way, const struct certs *to, struct buf *out,
    struct err *err)
{
	struct readers readers READERS_OWNED = READERS_NONE;
	const struct job job = {letter, sender, way, &readers, NULL};
	bool stamped = false;

	for (size_t i = 0; i < to->len; i++)
		TRY(readers_add(&readers, to->item[i],
		    cert_capabilities(to->item[i]), err));
	return make_copy(&job, out, &stamped, err);
}

/* --- the letter of a mail program ------------------------------------------------ */

static const struct outgoing_way whole_way = {
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
	const struct entity *letter;
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
	const struct job job = {m->letter, m->sender, &whole_way, to, bcc};
	struct copy *copy = &m->out->copy[m->out->copies];
	bool stamped = false;

	TRY(readers_add(
	    to, m->sender->own, cert_capabilities(m->sender->own), err));
	TRY(make_copy(&job, &copy->bytes, &stamped, err));
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
	TRY(visible_recipients(m->letter, &m->visible, err));
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
	TRY(keep_message_id(parsed, ret, err));
	ret->stamped = true;
	struct making making = {
	    parsed, sender, recipients, count, MAILBOXES_NONE, ret};
	enum rc rc = make_copies(&making, err);
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
	bool stamped = false;

	TRY(entity_parse(letter, ENTITY_LIMITS, &parsed, err));
	TRY(readers_add(
	    &own, sender->own, cert_capabilities(sender->own), err));
	/* a draft must not forget for whom it is; only its writer can read it */
	TRY(field_unfold(fields_value(&parsed->fields, "Bcc"), &bcc, err));
	if (bcc.len > 0)
		TRY(buf_str(&bcc, &blind, err));
	const struct job job = {parsed, sender, &whole_way, &own, blind};
	return make_copy(&job, out, &stamped, err);
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
