/* cms/openkit -- encrypted letters made by hand, for the tests of cms/open.
 *
 * Only included by tests, behind cms/testkit_priv.h.  The content is
 * encrypted by the library itself, with a content key that the test knows and
 * attributes before the content; what is around it is BER with every freedom.
 */
#ifndef CMS_OPENKIT_PRIV_H
#define CMS_OPENKIT_PRIV_H

#include "cms/open.h"
#include "cms/recipient_priv.h"

OWNER(struct open, open_free);

#define CLOSED "the letter was changed on the way, or not made for this key"
#define MADE_OTHER "\xa4\x06\x06\x02\x2a\x03\x05\x00" /* an unknown kind */

struct made {
	int nid;                /* of the cipher */
	struct span text;       /* 0: nothing */
	size_t times;           /* that often; 0: once */
	size_t piece;           /* of the OCTET STRING; 0: primitive */
	struct span recipients; /* RecipientInfos */
	struct span attributes; /* contents of the SET, as authenticated */
	struct span sent;       /* the same as sent; 0: attributes */
	struct span originator, behind; /* whole elements: [0]; [1] or [2] */
	const char *inner;              /* OID's contents; NULL: id-data */
	bool absent;                    /* no content at all */
};

static const uint8_t made_key[32] = "0123456789abcdefghijklmnopqrstu";
static const uint8_t made_iv[16] = "nonce-of-a-test";

static inline void
made_add(struct buf *out, const void *bytes, size_t len)
{
	assert_ok(buf_add(out, span_of(bytes, len), &kit_err));
}
#define MADE_ADD(out, text) made_add(out, text, sizeof(text) - 1)

static inline void
made_element(struct buf *out, uint8_t tag, struct span contents)
{
	uint8_t head[6] = {tag, 0x84, (uint8_t)(contents.len >> 24),
	    (uint8_t)(contents.len >> 16), (uint8_t)(contents.len >> 8),
	    (uint8_t)contents.len};

	made_add(out, head, sizeof(head));
	made_add(out, contents.data, contents.len);
}

static inline size_t
made_key_len(int nid)
{
	switch (nid) {
	case NID_aes_128_gcm:
	case NID_aes_128_cbc:
		return 16;
	case NID_aes_192_gcm:
	case NID_aes_192_cbc:
		return 24;
	default:
		return 32;
	}
}

static inline bool
made_is_gcm(int nid)
{
	return nid == NID_aes_128_gcm || nid == NID_aes_192_gcm ||
	       nid == NID_aes_256_gcm;
}

static inline bool
made_is_auth(int nid)
{
	return made_is_gcm(nid) || nid == NID_chacha20_poly1305;
}

/* One RecipientInfo that wraps `cek`. */
static inline void
made_recipient(const struct person *to, struct span cek, struct buf *out)
{
	const struct recipient_way way = {0};
	int version = 0;

	assert_ok(
	    recipient_print(to->cert, &way, cek, out, &version, &kit_err));
}

/* The same with the content key of all letters here. */
static inline void
made_for(const struct person *to, int nid, struct buf *out)
{
	made_recipient(to, span_of(made_key, made_key_len(nid)), out);
}

static inline void
made_algorithm(int nid, struct buf *out)
{
	struct buf parameters BUF_OWNED = BUF_SMALL;
	struct buf all BUF_OWNED = BUF_SMALL;

	if (nid == NID_chacha20_poly1305) {
		MADE_ADD(&all,
		    "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x12");
	} else {
		const ASN1_OBJECT *oid = OBJ_nid2obj(nid);
		uint8_t head[2] = {6, (uint8_t)OBJ_length(oid)};
		made_add(&all, head, 2);
		made_add(&all, OBJ_get0_data(oid), OBJ_length(oid));
	}
	made_element(
	    &parameters, 4, span_of(made_iv, made_is_auth(nid) ? 12 : 16));
	if (made_is_gcm(nid)) {
		MADE_ADD(&parameters, "\x02\x01\x10");
		made_element(&all, 0x30, buf_span(&parameters));
	} else {
		made_add(&all, parameters.data, parameters.len);
	}
	made_element(out, 0x30, buf_span(&all));
}

/* Everything before the content's octets. */
static inline void
made_head(const struct made *made, struct buf *out)
{
	static const char data[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
	const char *inner = made->inner != NULL ? made->inner : data;

	if (made_is_auth(made->nid))
		MADE_ADD(out, "\x30\x80\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01"
			      "\x09\x10\x01\x17\xa0\x80\x30\x80\x02\x01\x00");
	else
		MADE_ADD(out, "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
			      "\x07\x03\xa0\x80\x30\x80\x02\x01\x02");
	made_add(out, made->originator.data, made->originator.len);
	made_element(out, 0x31, made->recipients);
	MADE_ADD(out, "\x30\x80");
	made_element(out, 6, span_str(inner));
	made_algorithm(made->nid, out);
}

static inline EVP_CIPHER_CTX *
made_cipher(const struct made *made)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct buf set BUF_OWNED = BUF_SMALL;
	int len = 0;
	const char *name = made->nid == NID_chacha20_poly1305
			       ? "ChaCha20-Poly1305"
			       : OBJ_nid2sn(made->nid);

	assert_true_ssl(EVP_EncryptInit_ex(
	    ctx, EVP_get_cipherbyname(name), NULL, made_key, made_iv));
	if (made->attributes.len == 0)
		return ctx;
	/* the DER that is authenticated; short in the tests */
	assert_true(made->attributes.len < 128);
	made_add(&set, (uint8_t[]){0x31, (uint8_t)made->attributes.len}, 2);
	made_add(&set, made->attributes.data, made->attributes.len);
	assert_true_ssl(
	    EVP_EncryptUpdate(ctx, NULL, &len, set.data, (int)set.len));
	return ctx;
}

/* Behind the content's octets. */
static inline void
made_tail(const struct made *made, struct span tag, struct buf *out)
{
	struct span sent = made->sent.len > 0 ? made->sent : made->attributes;

	MADE_ADD(out, "\0\0"); /* of the encryptedContentInfo */
	if (made_is_auth(made->nid)) {
		if (sent.len > 0)
			made_element(out, 0xa1, sent);
		made_element(out, 4, tag);
	}
	made_add(out, made->behind.data, made->behind.len);
	MADE_ADD(out, "\0\0\0\0\0\0");
}

static inline void
made_content(const struct made *made, const struct buf *bytes, struct buf *out)
{
	if (made->piece == 0) {
		made_element(out, 0x80, buf_span(bytes));
		return;
	}
	MADE_ADD(out, "\xa0\x80");
	for (struct span rest = buf_span(bytes); rest.len > 0;
	     rest = span_after(rest, made->piece))
		made_element(out, 4, span_first(rest, made->piece));
	MADE_ADD(out, "\0\0");
}

/* All of it in memory. */
static inline void
made_letter(const struct made *made, struct buf *out)
{
	struct buf bytes BUF_OWNED = BUF((size_t)8 << 20);
	uint8_t *room, tag[16] = {0};
	int len = 0;
	EVP_CIPHER_CTX *ctx = made_cipher(made);

	assert_ok(buf_reserve(&bytes, made->text.len + 32, &room, &kit_err));
	if (made->text.len > 0)
		assert_true_ssl(EVP_EncryptUpdate(
		    ctx, room, &len, made->text.data, (int)made->text.len));
	buf_grown(&bytes, (size_t)len);
	assert_true_ssl(EVP_EncryptFinal_ex(ctx, room + len, &len));
	buf_grown(&bytes, (size_t)len);
	if (made_is_auth(made->nid))
		assert_true_ssl(
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	EVP_CIPHER_CTX_free(ctx);
	made_head(made, out);
	if (!made->absent)
		made_content(made, &bytes, out);
	made_tail(made, span_of(tag, 16), out);
}

/* --- keys that remember ----------------------------------------------------- */

/* The last good use of a key, so that a thousand changed letters do not take
 * a thousand uses; and how often there was one. */
static struct {
	size_t uses;
	struct buf in, out;
} made_memo = {0, BUF_SMALL, BUF_SMALL};

static inline bool
made_remembers(struct span in)
{
	made_memo.uses++;
	return made_memo.in.len > 0 && span_is(buf_span(&made_memo.in), in);
}

static inline enum rc
made_remember(struct span in, struct span out)
{
	buf_clear(&made_memo.in);
	buf_clear(&made_memo.out);
	TRY(buf_add(&made_memo.in, in, &kit_err));
	return buf_add(&made_memo.out, out, &kit_err);
}

static inline enum rc
made_agree(
    const struct key *key, struct span point, struct buf *out, struct err *err)
{
	if (made_remembers(point))
		return buf_add(out, buf_span(&made_memo.out), err);
	TRY(kit_agree(key, point, out, err));
	return made_memo.in.len > 0 ? RC_OK
				    : made_remember(point, buf_span(out));
}

/* Another input than the remembered one is taken for a wrong padding. */
static inline enum rc
made_unwrap(const struct key *key, struct span wrapped,
    const struct key_oaep *oaep, size_t want, struct buf *out, struct err *err)
{
	uint8_t random[64];

	if (made_remembers(wrapped))
		return buf_add(
		    out, span_first(buf_span(&made_memo.out), want), err);
	if (made_memo.in.len > 0) {
		assert_true_ssl(RAND_bytes(random, (int)want) == 1);
		return buf_add(out, span_of(random, want), err);
	}
	TRY(kit_unwrap(key, wrapped, oaep, want, out, err));
	return made_remember(wrapped, buf_span(out));
}

static inline void
made_forget(void)
{
	buf_done(&made_memo.in);
	buf_done(&made_memo.out);
	made_memo.uses = 0;
}

static const struct key_ops made_ops = {
    .agree = made_agree, .unwrap = made_unwrap};

/* --- opening --------------------------------------------------------------- */

/* In pieces of `step` bytes but for the first, of `first`; each in memory of
 * its own, gone when the next one comes. */
static inline enum rc
made_push(struct open *open, struct span der, size_t first, size_t step,
    struct buf *plain)
{
	enum rc rc = RC_OK;

	for (size_t len = first; der.len > 0 && rc == RC_OK;
	     der = span_after(der, len), len = step) {
		struct span piece = span_first(der, len);
		uint8_t *copy = malloc(piece.len);
		memcpy(copy, piece.data, piece.len);
		rc = open_push(open, span_of(copy, piece.len), plain, &kit_err);
		free(copy);
	}
	return rc;
}

static inline enum rc
made_open(const struct person *who, struct span der, size_t first, size_t step,
    struct buf *plain, struct open_result *ret)
{
	struct open *open OWNED(open_free) = NULL;

	assert_ok(open_new(&open, &kit_err));
	assert_ok(open_add(open, who->cert, &who->key, &kit_err));
	TRY(made_push(open, der, first, step, plain));
	return open_finish(open, plain, ret, &kit_err);
}

#endif
