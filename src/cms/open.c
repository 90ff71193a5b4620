#define _GNU_SOURCE /* explicit_bzero */
#include "cms/open.h"

#include <stdlib.h>

#include "cms/cipher_priv.h"
#include "cms/open_key_priv.h"
#include "cms/recipient_priv.h"
#include "cms/shape_priv.h"
#include "cms/walk_priv.h"
#include "pki/der.h"

#define OPEN_KEYS_MAX 1000
#define OPEN_PASSWORD_MAX 1024
#define OPEN_KEY_ID_MAX 1024
#define OPEN_RECIPIENT_MAX ((size_t)64 << 10)
#define OPEN_ATTRIBUTES_MAX ((size_t)64 << 10)
#define OPEN_ALGORITHM_MAX 256
#define OPEN_OID_MAX 64
#define OPEN_VERSION_MAX 16
#define OPEN_TAG_MAX 16
#define CONTEXT_1 0xa1
#define CONTEXT_2 0xa2
#define CONTENT_TAG 0x80

/* The order in which a letter comes:
 *
 *   TYPE, VERSION   which of the two it is
 *   RECIPIENT*      looked at, dropped or kept as a match
 *   INNER           what was encrypted
 *   ALGORITHM       the content key is unwrapped here
 *   CONTENT         decrypted as it comes
 *   ATTRIBUTES, TAG AuthEnvelopedData only; checked in open_finish()
 */
enum part {
	PART_NONE,
	PART_TYPE,
	PART_VERSION,
	PART_RECIPIENT,
	PART_INNER,
	PART_ALGORITHM,
	PART_CONTENT,
	PART_ATTRIBUTES,
	PART_TAG,
};

/* The table is written as the types are; the formatter would only make it
 * longer. */
/* clang-format off */
#define ROWS_OF_BOTH \
	{0, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE}, \
	{1, DER_OID, WALK_GATHER, 0, OPEN_OID_MAX, PART_TYPE}, \
	{1, DER_CONTEXT_0, WALK_ENTER, 0, 0, PART_NONE}, \
	{2, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE}, \
	{3, DER_INTEGER, WALK_GATHER, 0, OPEN_VERSION_MAX, PART_VERSION}, \
	{3, DER_CONTEXT_0, WALK_SKIP, WALK_OPTIONAL, 0, PART_NONE}, \
	{3, DER_SET, WALK_ENTER, 0, 0, PART_NONE}, \
	{4, WALK_ANY, WALK_GATHER, WALK_REPEATED, OPEN_RECIPIENT_MAX, \
	    PART_RECIPIENT}, \
	{3, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE}, \
	{4, DER_OID, WALK_GATHER, 0, OPEN_OID_MAX, PART_INNER}, \
	{4, DER_SEQUENCE, WALK_GATHER, 0, OPEN_ALGORITHM_MAX, \
	    PART_ALGORITHM}, \
	{4, CONTENT_TAG, WALK_STREAM, WALK_OPTIONAL, 0, PART_CONTENT}

static const struct walk_row enveloped_rows[] = {
	ROWS_OF_BOTH,
	{3, CONTEXT_1, WALK_SKIP, WALK_OPTIONAL, 0, PART_NONE},
};

static const struct walk_row auth_rows[] = {
	ROWS_OF_BOTH,
	{3, CONTEXT_1, WALK_GATHER, WALK_OPTIONAL, OPEN_ATTRIBUTES_MAX,
	    PART_ATTRIBUTES},
	{3, DER_OCTETS, WALK_STREAM, 0, OPEN_TAG_MAX, PART_TAG},
	{3, CONTEXT_2, WALK_SKIP, WALK_OPTIONAL, 0, PART_NONE},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* until the type is known: the first two rows */
static const struct walk_table either = {
    "encrypted CMS (S/MIME) message", auth_rows, 2};
static const struct walk_table enveloped = {
    "EnvelopedData", enveloped_rows, COUNT(enveloped_rows)};
static const struct walk_table auth = {
    "AuthEnvelopedData", auth_rows, COUNT(auth_rows)};

#define OID(bytes) span_of(bytes, sizeof(bytes) - 1)
#define OID_DATA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define OID_ENVELOPED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
#define OID_AUTH "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"

struct open {
	struct recipient_own *own;
	size_t own_len;
	struct walk walk;
	bool begun, finished;
	enum rc failed; /* and why: every later call says the same */
	struct err why;
	struct recipient_matches matches;
	size_t recipients;
	const struct walk_table *kind;
	const struct cipher *cipher;
	struct buf algorithm; /* DER */
	struct cipher_run *run;
	bool good; /* false: the content key is a random one */
	bool content;
	struct buf attributes; /* DER, as they are authenticated */
	struct buf tag;
	bool again; /* a second pass, and the tag of the first */
	struct buf first_tag;
};

static void
reset(struct open *open)
{
	walk_init(&open->walk, &either);
	open->begun = open->finished = open->content = false;
	buf_clear(&open->attributes);
	buf_clear(&open->tag);
}

enum rc
open_new(struct open **ret, struct err *err)
{
	struct open *open = calloc(1, sizeof(*open));

	if (open == NULL)
		return err_nomem(err, "envelope");
	open->algorithm = BUF(OPEN_ALGORITHM_MAX);
	open->attributes = BUF(2 * OPEN_ATTRIBUTES_MAX);
	open->tag = open->first_tag = BUF(OPEN_TAG_MAX);
	reset(open);
	*ret = open;
	return RC_OK;
}

/* --- what we have ---------------------------------------------------------- */

static void
free_secret(struct span secret)
{
	if (secret.data == NULL)
		return;
	explicit_bzero((void *)(uintptr_t)secret.data, secret.len);
	free((void *)(uintptr_t)secret.data);
}

static void
free_own(struct recipient_own *own)
{
	cert_free((struct cert *)(uintptr_t)own->cert);
	free_secret(own->key_id);
	free_secret(own->kek);
	free_secret(own->password);
}

void
open_free(struct open *open)
{
	if (open == NULL)
		return;
	recipient_matches_done(&open->matches);
	for (size_t i = 0; i < open->own_len; i++)
		free_own(&open->own[i]);
	free(open->own);
	walk_done(&open->walk);
	cipher_run_free(open->run);
	buf_done(&open->algorithm);
	buf_done(&open->attributes);
	buf_done(&open->tag);
	buf_done(&open->first_tag);
	free(open);
}

static enum rc
add_own(struct open *open, struct recipient_own **ret, struct err *err)
{
	if (open->begun || open->again)
		bug("open_add: the letter has begun");
	if (open->own_len >= OPEN_KEYS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d keys", OPEN_KEYS_MAX);
	struct recipient_own *own =
	    realloc(open->own, (open->own_len + 1) * sizeof(*own));
	if (own == NULL)
		return err_nomem(err, "envelope");
	open->own = own;
	own[open->own_len] = (struct recipient_own){.cert = NULL};
	*ret = &own[open->own_len++];
	return RC_OK;
}

enum rc
open_add(struct open *open, const struct cert *cert, const struct key *key,
    struct err *err)
{
	struct recipient_own *own = NULL;

	TRY(add_own(open, &own, err));
	own->cert = cert_ref(cert);
	own->key = key;
	return RC_OK;
}

static enum rc
copy_secret(struct span secret, size_t max, struct span *ret, struct err *err)
{
	if (secret.len == 0 || secret.len > max)
		return err_set(err, RC_UNFIT,
		    "a password or the name of a key has 1 to %zu bytes", max);
	uint8_t *copy = malloc(secret.len);
	if (copy == NULL)
		return err_nomem(err, "envelope");
	memcpy(copy, secret.data, secret.len);
	*ret = span_of(copy, secret.len);
	return RC_OK;
}

/* Takes what `own` holds, in any case. */
static enum rc
add_copies(
    struct open *open, enum rc rc, struct recipient_own own, struct err *err)
{
	struct recipient_own *place = NULL;

	if (rc == RC_OK)
		rc = add_own(open, &place, err);
	if (rc == RC_OK)
		*place = own;
	else
		free_own(&own);
	return rc;
}

enum rc
open_add_kek(
    struct open *open, struct span key_id, struct span kek, struct err *err)
{
	struct recipient_own own = {.cert = NULL};

	if (kek.len != 16 && kek.len != 24 && kek.len != 32)
		return err_set(err, RC_UNFIT,
		    "a key-encrypting key has 16, 24 or 32 bytes");
	enum rc rc = copy_secret(key_id, OPEN_KEY_ID_MAX, &own.key_id, err);
	if (rc == RC_OK)
		rc = copy_secret(kek, kek.len, &own.kek, err);
	return add_copies(open, rc, own, err);
}

enum rc
open_add_password(struct open *open, struct span password, struct err *err)
{
	struct recipient_own own = {.cert = NULL};

	enum rc rc =
	    copy_secret(password, OPEN_PASSWORD_MAX, &own.password, err);
	return add_copies(open, rc, own, err);
}

/* --- the parts, as they come by -------------------------------------------- */

static enum rc
take_type(struct open *open, struct span ber, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(OPEN_OID_MAX);
	struct span type = SPAN_NONE;

	TRY(ber_der(ber, &copy, &type, err));
	if (span_is(type, OID(OID_ENVELOPED)))
		open->kind = &enveloped;
	else if (span_is(type, OID(OID_AUTH)))
		open->kind = &auth;
	else
		return err_set(
		    err, RC_SYNTAX, "no encrypted CMS (S/MIME) message");
	walk_use(&open->walk, open->kind);
	return RC_OK;
}

/* That of EnvelopedData says only what it holds; others may come. */
static enum rc
take_version(struct open *open, struct span ber, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(OPEN_VERSION_MAX);
	struct span version = SPAN_NONE;

	TRY(ber_der(ber, &copy, &version, err));
	if (open->kind == &auth && !span_is(version, span_of("\2\1\0", 3)))
		return err_set(
		    err, RC_SYNTAX, "AuthEnvelopedData of unknown version");
	return RC_OK;
}

static enum rc
take_recipient(struct open *open, struct span ber, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(2 * OPEN_RECIPIENT_MAX);
	struct span der = ber;

	if (open->again)
		return RC_OK;
	/* of a kind that we do not know there may be things in it that we
	 * cannot rewrite; others may be able to read it */
	if (ber_der(ber, &copy, &der, NULL) == RC_NOMEM)
		return err_nomem(err, "recipient");
	return recipient_look(der, open->own, open->own_len, &open->matches,
	    &open->recipients, err);
}

static enum rc
take_inner(struct span ber, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(OPEN_OID_MAX);
	struct span type = SPAN_NONE;

	TRY(ber_der(ber, &copy, &type, err));
	if (!span_is(type, OID(OID_DATA)))
		return err_set(err, RC_UNFIT,
		    "the encrypted content is no MIME entity (id-data)");
	return RC_OK;
}

/* A CBC cipher inside AuthEnvelopedData, or an AEAD without a place for its
 * tag, is a downgrade or nonsense. */
static enum rc
find_cipher(struct open *open, struct span algorithm, struct err *err)
{
	char name[CIPHER_NAME_MAX];
	const struct cipher *cipher = cipher_find_algorithm(algorithm, name);

	if (cipher != NULL && cipher->aead == (open->kind == &auth)) {
		open->cipher = cipher;
		return RC_OK;
	}
	return err_set(err, RC_UNFIT,
	    "encrypted with a cipher not read here: %s",
	    cipher != NULL ? cipher->name : name);
}

static enum rc
start_cipher(struct open *open, struct err *err)
{
	uint8_t key[CIPHER_KEY_MAX];
	size_t len = open->cipher->key_len;

	enum rc rc = open_key_find(&open->matches, len, key, &open->good, err);
	if (rc == RC_OK)
		rc =
		    cipher_decrypt_new(open->cipher, buf_span(&open->algorithm),
			span_of(key, len), &open->run, err);
	explicit_bzero(key, sizeof(key));
	return rc;
}

static enum rc
take_algorithm(struct open *open, struct span ber, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(2 * OPEN_ALGORITHM_MAX);
	struct span algorithm = SPAN_NONE;

	TRY(ber_der(ber, &copy, &algorithm, err));
	if (open->again)
		return span_is(algorithm, buf_span(&open->algorithm))
			   ? RC_OK
			   : cipher_closed(err);
	TRY(find_cipher(open, algorithm, err));
	if (open->matches.len == 0)
		return err_set(err, RC_ABSENT,
		    "the letter is not sealed for any of your keys");
	TRY(buf_add(&open->algorithm, algorithm, err));
	TRY(start_cipher(open, err));
	recipient_matches_done(&open->matches);
	return RC_OK;
}

/* What is authenticated is the DER of the SET OF, not the [1] that is sent
 * (RFC 5083 section 2.2). */
static enum rc
take_attributes(struct open *open, struct span ber, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(2 * OPEN_ATTRIBUTES_MAX);
	struct buf set BUF_OWNED = BUF(2 * OPEN_ATTRIBUTES_MAX);
	struct span der = SPAN_NONE;
	void *value = NULL;

	TRY(ber_der(ber, &copy, &der, err));
	TRY(buf_add(&set, der, err));
	set.data[0] = DER_SET;
	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), buf_span(&set),
	    "authenticated attributes", &value, err));
	STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) = value;
	return shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &open->attributes, err);
}

static enum rc
take_content(struct open *open, const struct walk_item *item,
    struct buf *quarantine, struct err *err)
{
	open->content = true;
	if (item->event != WALK_BYTES)
		return RC_OK;
	return cipher_push(open->run, item->bytes, quarantine, err);
}

static enum rc
take_tag(struct open *open, const struct walk_item *item, struct err *err)
{
	if (item->event != WALK_BYTES)
		return RC_OK;
	return buf_add(&open->tag, item->bytes, err);
}

static enum rc
take_item(struct open *open, const struct walk_item *item,
    struct buf *quarantine, struct err *err)
{
	switch ((enum part)item->id) {
	case PART_TYPE:
		return take_type(open, item->bytes, err);
	case PART_VERSION:
		return take_version(open, item->bytes, err);
	case PART_RECIPIENT:
		return take_recipient(open, item->bytes, err);
	case PART_INNER:
		return take_inner(item->bytes, err);
	case PART_ALGORITHM:
		return take_algorithm(open, item->bytes, err);
	case PART_CONTENT:
		return take_content(open, item, quarantine, err);
	case PART_ATTRIBUTES:
		return take_attributes(open, item->bytes, err);
	case PART_TAG:
		return take_tag(open, item, err);
	case PART_NONE:
		break;
	}
	bug("open: an item without a part");
}

/* --- the stream ------------------------------------------------------------ */

static enum rc
push(
    struct open *open, struct span der, struct buf *quarantine, struct err *err)
{
	struct walk_item item;
	enum rc rc;

	walk_push(&open->walk, der);
	while ((rc = walk_next(&open->walk, &item, err)) == RC_OK)
		TRY(take_item(open, &item, quarantine, err));
	return rc == RC_AGAIN ? RC_OK : rc;
}

/* Keep the failure for every later call, and take back what this one gave
 * out. */
static enum rc
end_call(struct open *open, enum rc rc, struct buf *quarantine, size_t before,
    const struct err *why, struct err *err)
{
	if (rc == RC_OK)
		return RC_OK;
	buf_cut(quarantine, before);
	open->failed = rc;
	open->why = *why;
	return err_set(err, rc, "%s", why->text);
}

enum rc
open_push(
    struct open *open, struct span der, struct buf *quarantine, struct err *err)
{
	struct err why = ERR_NONE;
	size_t before = quarantine->len;

	if (open->finished)
		bug("open_push: the letter has ended");
	if (open->failed != RC_OK)
		return err_set(err, open->failed, "%s", open->why.text);
	open->begun = true;
	enum rc rc = push(open, der, quarantine, &why);
	return end_call(open, rc, quarantine, before, &why, err);
}

/* The key was right, and a second pass had the bytes of the first. */
static bool
is_believed(const struct open *open)
{
	struct span tag = buf_span(&open->tag);

	return open->good &&
	       (!open->again || span_is(tag, buf_span(&open->first_tag)));
}

static enum rc
finish(struct open *open, struct buf *quarantine, struct err *err)
{
	TRY(walk_finish(&open->walk, err));
	if (!open->content)
		return err_set(err, RC_SYNTAX, "encrypted CMS without content");
	TRY(cipher_decrypt_finish(open->run, buf_span(&open->tag),
	    buf_span(&open->attributes), quarantine, err));
	return is_believed(open) ? RC_OK : cipher_closed(err);
}

enum rc
open_finish(struct open *open, struct buf *quarantine, struct open_result *ret,
    struct err *err)
{
	struct err why = ERR_NONE;
	size_t before = quarantine->len;

	if (open->finished)
		bug("open_finish twice");
	if (open->failed != RC_OK)
		return err_set(err, open->failed, "%s", open->why.text);
	enum rc rc = finish(open, quarantine, &why);
	TRY(end_call(open, rc, quarantine, before, &why, err));
	open->finished = true;
	*ret = (struct open_result){
	    open->cipher->name, open->cipher->aead, open->recipients};
	return RC_OK;
}

const char *
open_cipher(const struct open *open)
{
	return open->cipher == NULL ? NULL : open->cipher->name;
}

enum rc
open_rewind(struct open *open, struct err *err)
{
	if (!open->finished && !open->again)
		bug("open_rewind: the first pass has not ended well");
	if (!open->again)
		TRY(buf_add(&open->first_tag, buf_span(&open->tag), err));
	TRY(cipher_decrypt_again(open->run, err));
	walk_done(&open->walk);
	reset(open);
	open->again = true;
	return RC_OK;
}
