#include "flow/rest.h"

#include <openssl/evp.h>

#include "base/own.h"
#include "cms/compose.h"
#include "cms/sealed.h"
#include "codec/base64.h"
#include "codec/wire.h"
#include "mime/entity.h"
#include "os/random.h"
#include "pki/crypto.h"

#define BOUNDARY_RANDOM 18
#define HEADER_MAX (FIELD_SECTION_MAX + 4096)
#define PIECE_MAX ((size_t)8 << 20)
#define MARKED_MAX 512

OWNER(struct compose, compose_free);

/* --- the first pass: can it be given back as it is? --------------------------*/

/* Its header, from the beginning of the letter. */
static enum rc
keep_header(struct span piece, struct buf *header, struct err *err)
{
	return buf_add(
	    header, span_first(piece, HEADER_MAX - header->len), err);
}

static enum rc
check_wire(const struct wire *wire, struct err *err)
{
	if (wire->control)
		return err_set(err, RC_UNFIT,
		    "the letter has a NUL or a bare CR, which mail does not "
		    "carry");
	if (wire->bare_lf)
		return err_set(err, RC_UNFIT,
		    "the letter has lines that end in LF alone: it would not "
		    "come back byte for byte; give it with CRLF, as it came");
	return RC_OK;
}

/* What has to be known of it before anything is written. */
struct look {
	struct buf header;
	uint8_t digest[32];
};

static enum rc
look(const struct source *letter, struct look *ret, struct err *err)
{
	EVP_MD_CTX *hash OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	struct wire wire = WIRE;
	struct span piece;

	bool good = hash != NULL &&
		    EVP_DigestInit_ex(hash, crypto_sha2(256), NULL) == 1;
	TRY(letter->rewind(letter->self, err));
	do {
		TRY(letter->next(letter->self, &piece, err));
		TRY(keep_header(piece, &ret->header, err));
		wire_look(&wire, piece);
		good =
		    good && EVP_DigestUpdate(hash, piece.data, piece.len) == 1;
	} while (piece.len > 0);
	wire_end(&wire);
	if (!good || EVP_DigestFinal_ex(hash, ret->digest, NULL) != 1)
		return crypto_failed(err, "SHA-256");
	return check_wire(&wire, err);
}

/* --- outside -----------------------------------------------------------------*/

static bool
is_plain(struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.data[i] >= 0x80)
			return false;
	return true;
}

/* What the mail server knew already, but for what was written to the reader:
 * the subject. */
static enum rc
write_outer(struct span header, const struct rest_frame *frame,
    const struct sender *sender, struct buf *out, struct err *err)
{
	static const char *const kept[] = {"From", "To", "Cc", "Date",
	    "Message-ID", "In-Reply-To", "References"};
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	size_t body = 0;

	TRY(fields_parse(header, &fields, &body, err));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const struct field *field = fields_find(&fields, kept[i]);
		if (field != NULL && is_plain(field->whole))
			TRY(buf_add(out, field->whole, err));
	}
	if (frame->copy_of != NULL)
		TRY(buf_add_format(
		    out, err, REST_COPY_OF ": %s\r\n", frame->copy_of));
	return buf_add_format(out, err,
	    "Sender: %s\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n",
	    sender->address);
}

/* --- what says that it is one ------------------------------------------------*/

static enum rc
add_mark(const struct sender *sender, const struct rest_frame *frame,
    const struct look *seen, struct buf *out, struct err *err)
{
	const struct reader_key key = {sender->own, sender->own_key};
	uint8_t mark[REST_MARK_LEN];
	struct err why = ERR_NONE;

	if (sender->own_key == NULL)
		return RC_OK;
	enum rc rc = rest_mark(&key, rest_kind_name(frame->kind),
	    span_of(seen->digest, sizeof(seen->digest)), mark, &why);
	if (rc == RC_UNFIT) /* the signature says it alone, to this device */
		return RC_OK;
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	TRY(buf_add_str(out, ";\r\n mark=\"", err));
	TRY(base64url_encode(span_of(mark, sizeof(mark)), out, err));
	return buf_add_str(out, "\"", err);
}

static enum rc
print_inner(const struct sender *sender, const struct rest_frame *frame,
    const struct look *seen, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err,
	    "Content-Type: message/rfc822; letterlock=%s",
	    rest_kind_name(frame->kind)));
	TRY(add_mark(sender, frame, seen, out, err));
	return buf_add_str(
	    out, "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", err);
}

/* --- the second pass ---------------------------------------------------------*/

static enum rc
put(const struct sink *out, struct buf *made, struct err *err)
{
	TRY(out->put(out->self, buf_span(made), err));
	buf_clear(made);
	return RC_OK;
}

static enum rc
write_inside(const struct source *letter, struct span inner,
    struct compose *compose, const struct sink *out, struct err *err)
{
	struct buf made BUF_OWNED = BUF(PIECE_MAX);
	struct span piece;

	TRY(compose_push(compose, inner, &made, err));
	TRY(letter->rewind(letter->self, err));
	do {
		TRY(letter->next(letter->self, &piece, err));
		TRY(compose_push(compose, piece, &made, err));
		TRY(put(out, &made, err));
	} while (piece.len > 0);
	TRY(compose_close(compose, &made, err));
	TRY(compose_finish(compose, &made, err));
	return put(out, &made, err);
}

/* The reader alone reads it, so it is GCM if the reader's programs can. */
static enum seal_cipher
choose_cipher(const struct sender *sender)
{
	return (cert_capabilities(sender->own) & CAPABILITY_AES256_GCM) != 0
		   ? SEAL_AES256_GCM
		   : SEAL_AES256_CBC;
}

static enum rc
write_sealed(const struct source *letter, struct span inner,
    const struct sender *sender, const struct sink *out, struct err *err)
{
	struct buf boundary BUF_OWNED = BUF(128);
	struct certs own CERTS_OWNED = CERTS_NONE;
	struct compose *compose OWNED(compose_free) = NULL;
	const char *text = NULL;

	TRY(random_text(BOUNDARY_RANDOM, &boundary, err));
	TRY(buf_str(&boundary, &text, err));
	TRY(certs_add(&own, sender->own, err));
	const struct compose_options options = {
	    .signer = &sender->identity,
	    .signing_time = sender->now,
	    .boundary = text,
	    .seal = true,
	    .cipher = choose_cipher(sender),
	    .to = &own,
	};
	TRY(compose_new(&options, &compose, err));
	return write_inside(letter, inner, compose, out, err);
}

enum rc
rest_write(const struct source *letter, const struct rest_frame *frame,
    const struct sender *sender, const struct sink *out, struct err *err)
{
	struct buf header BUF_OWNED = BUF(HEADER_MAX);
	struct buf outer BUF_OWNED = BUF(HEADER_MAX * 2);
	struct buf inner BUF_OWNED = BUF(MARKED_MAX);
	struct look seen = {.header = BUF(HEADER_MAX)};

	enum rc rc = look(letter, &seen, err);
	header = seen.header;
	TRY(rc);
	TRY(write_outer(buf_span(&header), frame, sender, &outer, err));
	TRY(print_inner(sender, frame, &seen, &inner, err));
	TRY(put(out, &outer, err));
	return write_sealed(letter, buf_span(&inner), sender, out, err);
}

enum rc
rest_is_sealed(const struct source *letter, bool *ret, struct err *err)
{
	return sealed_check(letter, ret, err);
}
