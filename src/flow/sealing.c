#include "flow/sealing.h"

#include <string.h>

#include "base/own.h"
#include "cms/compose.h"
#include "cms/stamp.h"
#include "os/random.h"

#define BOUNDARY_RANDOM 18 /* bytes: no letter can hold it by chance */
#define OUTER_MAX ((size_t)4 << 20)
/* What one piece of a letter comes to on its way. */
#define PIECE_MAX ((size_t)8 << 20)

OWNER(struct entity, entity_free);

/* --- sign ---------------------------------------------------------------------- */

/* A letter without a timestamp is better than a letter that waits for one:
 * its verdict will say that its time is not proven. */
static enum rc
stamp(struct compose *compose, const struct stamper *stamper, bool *ret_stamped,
    struct err *err)
{
	uint8_t imprint[32];
	struct buf token BUF_OWNED = BUF(STAMP_MAX);
	struct err why = ERR_NONE;

	if (stamper == NULL)
		return RC_OK;
	TRY(compose_imprint(compose, imprint, err));
	enum rc rc = stamper->stamp(stamper->self, imprint, &token, &why);
	if (rc != RC_OK && stamper->required)
		return err_set(err, rc, "timestamp: %s", why.text);
	if (rc != RC_OK)
		return RC_OK;
	TRY(compose_add_token(compose, buf_span(&token), err));
	*ret_stamped = true;
	return RC_OK;
}

/* --- seal ---------------------------------------------------------------------- */

void
readers_done(struct readers *readers)
{
	certs_done(&readers->certs);
}

enum rc
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
choose_cipher(const struct sealing_way *way, const struct readers *to)
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

static enum rc
put(const struct sink *out, struct buf *piece, struct err *err)
{
	enum rc rc = out->put(out->self, buf_span(piece), err);

	/* not buf_clear(), which wipes: the next piece overwrites it */
	piece->len = 0;
	return rc;
}

/* The first pass: can it be sent like this?  Then its outer header goes out. */
static enum rc
write_outer(
    const struct sealing *job, struct protect_writer *writer, struct err *err)
{
	struct buf outer BUF_OWNED = BUF(OUTER_MAX);
	struct sevenbit_needs needs = {false, false, false};
	struct span piece;

	TRY(job->letter->rewind(job->letter->self, err));
	do {
		TRY(job->letter->next(job->letter->self, &piece, err));
		TRY(protect_look(writer, piece, err));
	} while (piece.len > 0);
	TRY(protect_look_end(writer, &outer, &needs, err));
	TRY(check_needs(&needs, err));
	TRY(buf_add_str(&outer, "MIME-Version: 1.0\r\n", err));
	return put(job->out, &outer, err);
}

/* What is on its way through the second pass. */
struct pipe {
	struct protect_writer *writer;
	struct compose *compose;
	struct buf payload; /* clear */
	struct buf made;
};

static void
pipe_done(struct pipe *pipe)
{
	protect_writer_free(pipe->writer);
	compose_free(pipe->compose);
	buf_done(&pipe->payload);
	buf_done(&pipe->made);
}

static enum rc
pass_on(const struct sealing *job, struct pipe *pipe, struct err *err)
{
	TRY(compose_push(
	    pipe->compose, buf_span(&pipe->payload), &pipe->made, err));
	pipe->payload.len = 0;
	return put(job->out, &pipe->made, err);
}

static enum rc
write_payload(const struct sealing *job, struct pipe *pipe, struct err *err)
{
	struct span piece;

	TRY(job->letter->rewind(job->letter->self, err));
	do {
		TRY(job->letter->next(job->letter->self, &piece, err));
		TRY(protect_write(pipe->writer, piece, &pipe->payload, err));
		TRY(pass_on(job, pipe, err));
	} while (piece.len > 0);
	TRY(protect_write_end(pipe->writer, &pipe->payload, err));
	return pass_on(job, pipe, err);
}

/* The writer's own encrypting certificate travels with the signature, so that
 * whoever reads it can answer sealed. */
static enum rc
begin_compose(const struct sealing *job, const char *boundary,
    struct compose **ret, struct err *err)
{
	const struct sealing_way *way = job->way;
	const struct sign_options sign = {.encrypt_cert = job->sender->own};
	const struct compose_options options = {
	    .signer = way->sign ? &job->sender->identity : NULL,
	    .signing_time = job->sender->now,
	    .sign = &sign,
	    .boundary = boundary,
	    .seal = way->encrypt,
	    .cipher = choose_cipher(way, job->to),
	    .to = &job->to->certs,
	};

	return compose_new(&options, ret, err);
}

/* The second pass. */
static enum rc
sign_and_seal(const struct sealing *job, struct pipe *pipe, bool *ret_stamped,
    struct err *err)
{
	TRY(write_payload(job, pipe, err));
	TRY(compose_close(pipe->compose, &pipe->made, err));
	if (job->way->sign)
		TRY(stamp(
		    pipe->compose, job->sender->stamper, ret_stamped, err));
	TRY(compose_finish(pipe->compose, &pipe->made, err));
	return put(job->out, &pipe->made, err);
}

static enum rc
protect_and_seal(
    const struct sealing *job, bool legacy, bool *ret_stamped, struct err *err)
{
	struct buf inner BUF_OWNED = BUF(128), outer BUF_OWNED = BUF(128);
	struct pipe pipe __attribute__((cleanup(pipe_done))) = {
	    .payload = BUF_SECRET(PIECE_MAX), .made = BUF(PIECE_MAX)};
	struct protect_options options = {
	    .policy = job->sender->policy,
	    .encrypting = job->way->encrypt,
	    .legacy = legacy,
	    .bcc = job->bcc,
	    .reference = job->sender->reference,
	};
	const char *boundary;

	TRY(make_boundary(&inner, &options.boundary, err));
	TRY(make_boundary(&outer, &boundary, err));
	/* before something goes out: is there anybody who could read it? */
	TRY(begin_compose(job, boundary, &pipe.compose, err));
	TRY(protect_writer_new(&options, &pipe.writer, err));
	TRY(write_outer(job, pipe.writer, err));
	return sign_and_seal(job, &pipe, ret_stamped, err);
}

/* For old readers: what is hidden outside stands in the text too.  Which part
 * is the text takes the whole letter to tell. */
static enum rc
make_copy_with_display(
    const struct sealing *job, bool *ret_stamped, struct err *err)
{
	struct buf whole BUF_OWNED = BUF_SECRET(SEALING_DISPLAY_MAX);
	struct buf shown BUF_OWNED = BUF_SECRET(SEALING_DISPLAY_MAX);
	struct entity *letter OWNED(entity_free) = NULL;
	bool added = false;

	TRY(source_read(job->letter, &whole, err));
	TRY(entity_parse(buf_span(&whole), ENTITY_LIMITS, &letter, err));
	TRY(protect_add_display(
	    letter, job->sender->policy, &shown, &added, err));
	if (!added)
		return protect_and_seal(job, false, ret_stamped, err);
	struct source_memory memory = {buf_span(&shown), 0};
	const struct source source = source_memory(&memory);
	struct sealing with = *job;
	with.letter = &source;
	return protect_and_seal(&with, true, ret_stamped, err);
}

enum rc
sealing_write(const struct sealing *job, bool *ret_stamped, struct err *err)
{
	*ret_stamped = false;
	if (job->sender->legacy_display && job->way->encrypt)
		return make_copy_with_display(job, ret_stamped, err);
	return protect_and_seal(job, false, ret_stamped, err);
}

enum rc
sealing_letter(const struct source *letter, const struct sender *sender,
    const struct sealing_way *way, const struct certs *to,
    const struct sink *out, struct err *err)
{
	struct readers readers READERS_OWNED = READERS_NONE;
	const struct sealing job = {letter, sender, way, &readers, NULL, out};
	bool stamped = false;

	for (size_t i = 0; i < to->len; i++)
		TRY(readers_add(&readers, to->item[i],
		    cert_capabilities(to->item[i]), err));
	return sealing_write(&job, &stamped, err);
}
