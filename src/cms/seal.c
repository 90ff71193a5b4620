#include "cms/seal.h"

#include <stdlib.h>

#include <openssl/objects.h>

#include "base/own.h"
#include "cms/cipher_priv.h"
#include "cms/print_priv.h"
#include "cms/recipient_priv.h"

#define CHUNK ((size_t)64 * 1024)
#define BLOCK_MAX 16
#define TAG_MAX 16

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define RSADSI "\x2a\x86\x48\x86\xf7\x0d\x01"

static const struct span oid_data = OID(RSADSI "\x07\x01");
static const struct span oid_enveloped = OID(RSADSI "\x07\x03");
static const struct span oid_auth_enveloped = OID(RSADSI "\x09\x10\x01\x17");

static const int cipher_nids[] = {
    [SEAL_AES256_CBC] = NID_aes_256_cbc,
    [SEAL_AES256_GCM] = NID_aes_256_gcm,
    [SEAL_AES128_GCM] = NID_aes_128_gcm,
    [SEAL_AES128_CBC] = NID_aes_128_cbc,
    [SEAL_AES192_CBC] = NID_aes_192_cbc,
    [SEAL_CHACHA20_POLY1305] = NID_chacha20_poly1305,
};

/* One of: a certificate, a key with its identifier, a password. */
struct reader {
	const struct cert *cert; /* a reference */
	struct recipient_way way;
	struct buf key_id;
	struct buf kek;
	struct buf password;
};

enum state {
	STATE_NEW,     /* readers can be added */
	STATE_CONTENT, /* the head is out */
	STATE_OVER     /* finished, or failed */
};

struct seal {
	const struct cipher *cipher;
	struct cipher_run *run;
	struct reader *reader[SEAL_MAX_RECIPIENTS];
	size_t len;
	enum state state;
	struct buf chunk; /* ciphertext of a chunk that is not full */
	size_t filled;    /* bytes of the content that are in it */
	bool any;         /* a chunk is out */
};

OWNER(struct seal, seal_free);

bool
seal_is_authenticated(enum seal_cipher cipher)
{
	return cipher_find(cipher_nids[cipher])->aead;
}

static void
reader_free(struct reader *reader)
{
	cert_free(reader->cert);
	buf_done(&reader->key_id);
	buf_done(&reader->kek);
	buf_done(&reader->password);
	free(reader);
}
OWNER(struct reader, reader_free);

enum rc
seal_new(enum seal_cipher cipher, struct seal **ret, struct err *err)
{
	struct seal *seal OWNED(seal_free) = calloc(1, sizeof(*seal));

	if (seal == NULL)
		return err_nomem(err, "envelope");
	seal->chunk = BUF(CHUNK + BLOCK_MAX);
	seal->cipher = cipher_find(cipher_nids[cipher]);
	TRY(cipher_encrypt_new(seal->cipher, &seal->run, err));
	*ret = take(seal);
	return RC_OK;
}

void
seal_free(struct seal *seal)
{
	if (seal == NULL)
		return;
	while (seal->len > 0)
		reader_free(seal->reader[--seal->len]);
	cipher_run_free(seal->run);
	buf_done(&seal->chunk);
	free(seal);
}

/* --- for whom */

static enum rc
reader_new(struct seal *seal, struct reader **ret, struct err *err)
{
	if (seal->state != STATE_NEW)
		bug("a recipient behind the head of the letter");
	if (seal->len >= SEAL_MAX_RECIPIENTS)
		return err_set(err, RC_LIMIT,
		    "more than %d recipients: send several letters",
		    SEAL_MAX_RECIPIENTS);
	struct reader *reader = calloc(1, sizeof(*reader));
	if (reader == NULL)
		return err_nomem(err, "recipient");
	reader->key_id = BUF(SEAL_KEY_ID_MAX);
	reader->kek = BUF_SECRET(CIPHER_KEY_MAX);
	reader->password = BUF_SECRET(SEAL_PASSWORD_MAX);
	*ret = reader;
	return RC_OK;
}

static bool
is_there(const struct seal *seal, const struct cert *cert)
{
	for (size_t i = 0; i < seal->len; i++)
		if (seal->reader[i]->cert != NULL &&
		    span_is(cert_der(seal->reader[i]->cert), cert_der(cert)))
			return true;
	return false;
}

enum rc
seal_add_way(struct seal *seal, const struct cert *cert,
    const struct recipient_way *way, struct err *err)
{
	struct reader *reader = NULL;

	TRY(recipient_can(cert, way, err));
	TRY(cert_can_receive(cert, err));
	if (is_there(seal, cert))
		return RC_OK;
	TRY(reader_new(seal, &reader, err));
	reader->cert = cert_ref(cert);
	reader->way = *way;
	seal->reader[seal->len++] = reader;
	return RC_OK;
}

enum rc
seal_add(struct seal *seal, const struct cert *cert, struct err *err)
{
	static const struct recipient_way usual = {0};

	return seal_add_way(seal, cert, &usual, err);
}

enum rc
seal_add_kek(
    struct seal *seal, struct span key_id, struct span kek, struct err *err)
{
	struct reader *reader OWNED(reader_free) = NULL;

	if (kek.len != 16 && kek.len != 24 && kek.len != 32)
		return err_set(err, RC_UNFIT,
		    "a key of %zu bytes is none of AES", kek.len);
	if (kek.len < seal->cipher->key_len)
		return err_set(err, RC_UNFIT,
		    "a key of %zu bytes is weaker than that of %s", kek.len,
		    seal->cipher->name);
	TRY(reader_new(seal, &reader, err));
	TRY(buf_add(&reader->key_id, key_id, err));
	TRY(buf_add(&reader->kek, kek, err));
	seal->reader[seal->len++] = take(reader);
	return RC_OK;
}

enum rc
seal_add_password(struct seal *seal, struct span password, struct err *err)
{
	struct reader *reader OWNED(reader_free) = NULL;

	if (password.len == 0)
		return err_set(
		    err, RC_UNFIT, "an empty password protects nothing");
	TRY(reader_new(seal, &reader, err));
	TRY(buf_add(&reader->password, password, err));
	seal->reader[seal->len++] = take(reader);
	return RC_OK;
}

/* --- the head */

static enum rc
print_reader(const struct reader *reader, struct span cek, struct buf *der,
    int *ret_version, struct err *err)
{
	if (reader->cert != NULL)
		return recipient_print(
		    reader->cert, &reader->way, cek, der, ret_version, err);
	if (reader->kek.len > 0)
		return recipient_print_kek(buf_span(&reader->key_id),
		    buf_span(&reader->kek), cek, der, ret_version, err);
	return recipient_print_password(
	    buf_span(&reader->password), cek, der, ret_version, err);
}

static enum rc
print_readers(
    const struct seal *seal, struct buf *der, int *ret_version, struct err *err)
{
	size_t at;
	int version = 0;

	TRY(print_begin(der, PRINT_SET, &at, err));
	for (size_t i = 0; i < seal->len; i++) {
		TRY(print_reader(seal->reader[i], cipher_key(seal->run), der,
		    &version, err));
		if (version > *ret_version)
			*ret_version = version;
	}
	return print_end(der, at, err);
}

/* RFC 5652 section 6.1: the version depends on those behind it.  RFC 5083
 * section 2.1: that of AuthEnvelopedData is always 0. */
static enum rc
print_version_and_readers(
    const struct seal *seal, struct buf *der, struct err *err)
{
	int version = 0;
	size_t at = der->len + 2;

	TRY(print_number(der, 0, err));
	TRY(print_readers(seal, der, &version, err));
	if (!seal->cipher->aead)
		der->data[at] = (uint8_t)version;
	return RC_OK;
}

/* ContentInfo, and in it all up to the first byte of the content. */
static enum rc
print_head(const struct seal *seal, struct buf *der, struct err *err)
{
	TRY(print_begin_endless(der, PRINT_SEQUENCE, err));
	TRY(print_bytes(der, PRINT_OID,
	    seal->cipher->aead ? oid_auth_enveloped : oid_enveloped, err));
	TRY(print_begin_endless(der, PRINT_CONTEXT_OF(0), err));
	TRY(print_begin_endless(der, PRINT_SEQUENCE, err));
	TRY(print_version_and_readers(seal, der, err));
	TRY(print_begin_endless(der, PRINT_SEQUENCE, err));
	TRY(print_bytes(der, PRINT_OID, oid_data, err));
	TRY(cipher_print_algorithm(seal->run, der, err));
	return print_begin_endless(der, PRINT_CONTEXT_OF(0), err);
}

static enum rc
start(struct seal *seal, struct buf *der, struct err *err)
{
	if (seal->state != STATE_NEW)
		return RC_OK;
	if (seal->len == 0)
		return err_set(err, RC_ABSENT,
		    "nobody to seal for: add a recipient's certificate");
	TRY(print_head(seal, der, err));
	seal->state = STATE_CONTENT;
	return RC_OK;
}

/* --- the content */

/* `part` makes the chunk full.  Ciphers work in blocks that divide it, so the
 * ciphertext is as long as the text. */
static enum rc
fill(struct seal *seal, struct span part, struct buf *der, struct err *err)
{
	TRY(print_header(der, PRINT_OCTETS, CHUNK, err));
	size_t begin = der->len;
	TRY(buf_add(der, buf_span(&seal->chunk), err));
	buf_clear(&seal->chunk);
	TRY(cipher_push(seal->run, part, der, err));
	if (der->len - begin != CHUNK)
		bug("a cipher that keeps bytes back");
	seal->any = true;
	seal->filled = 0;
	return RC_OK;
}

static enum rc
push(struct seal *seal, struct span bytes, struct buf *der, struct err *err)
{
	TRY(start(seal, der, err));
	while (bytes.len > 0) {
		struct span part = span_first(bytes, CHUNK - seal->filled);
		if (seal->filled + part.len == CHUNK) {
			TRY(fill(seal, part, der, err));
		} else {
			TRY(cipher_push(seal->run, part, &seal->chunk, err));
			seal->filled += part.len;
		}
		bytes = span_after(bytes, part.len);
	}
	return RC_OK;
}

static enum rc
print_end_of_all(struct seal *seal, struct buf *der, struct err *err)
{
	struct buf tag BUF_OWNED = BUF(TAG_MAX);

	TRY(cipher_encrypt_finish(seal->run, &seal->chunk, &tag, err));
	/* an empty content is one empty string, for some read none as absent */
	if (seal->chunk.len > 0 || !seal->any)
		TRY(print_bytes(
		    der, PRINT_OCTETS, buf_span(&seal->chunk), err));
	TRY(print_end_endless(der, err)); /* encryptedContent */
	TRY(print_end_endless(der, err)); /* EncryptedContentInfo */
	if (seal->cipher->aead)
		TRY(print_bytes(der, PRINT_OCTETS, buf_span(&tag), err));
	TRY(print_end_endless(der, err)); /* (Auth)EnvelopedData */
	TRY(print_end_endless(der, err)); /* content */
	return print_end_endless(der, err);
}

static enum rc
finish(struct seal *seal, struct buf *der, struct err *err)
{
	TRY(start(seal, der, err));
	TRY(print_end_of_all(seal, der, err));
	seal->state = STATE_OVER;
	return RC_OK;
}

/* All or nothing: half of a letter would look like one that was cut. */
static enum rc
settle(struct seal *seal, enum rc rc, struct buf *der, size_t begin)
{
	if (rc == RC_OK)
		return RC_OK;
	buf_cut(der, begin);
	seal->state = STATE_OVER;
	return rc;
}

enum rc
seal_push(
    struct seal *seal, struct span bytes, struct buf *der, struct err *err)
{
	size_t begin = der->len;

	if (seal->state == STATE_OVER)
		return err_set(
		    err, RC_CRYPTO, "the sealing is over, or has failed");
	return settle(seal, push(seal, bytes, der, err), der, begin);
}

enum rc
seal_finish(struct seal *seal, struct buf *der, struct err *err)
{
	size_t begin = der->len;

	if (seal->state == STATE_OVER)
		return err_set(
		    err, RC_CRYPTO, "the sealing is over, or has failed");
	return settle(seal, finish(seal, der, err), der, begin);
}
