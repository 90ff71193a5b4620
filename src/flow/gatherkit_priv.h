/* flow/gatherkit -- people with keys, and letters with layers in any order.
 *
 * Only included by tests.  Entities are built from the inside out: each
 * ..._around() puts one more layer around what is in the buf.
 */
#ifndef FLOW_GATHERKIT_PRIV_H
#define FLOW_GATHERKIT_PRIV_H

#include "base/expect.h"

#include <zlib.h>

#include "base/own.h"
#include "cms/compose.h"
#include "codec/base64.h"
#include "flow/gather.h"
#include "pki/fixture.h"

OWNER(struct compose, compose_free);
OWNER(struct sign, sign_free);

#define ROOM ((size_t)16 << 20)
#define SIGNED_AT (FIXTURE_NOW - 3600)

struct person {
	struct fixture fixture;
	struct key key;
	struct identity identity;
};

static struct err err;
static struct fixture root;
static struct person alice, carol, mallory;
static struct certs roots, for_alice, for_mallory;

/* --- keys --- */

static inline enum rc
kit_sign(
    const struct key *key, struct span bytes, struct buf *out, struct err *why)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t value[200];
	size_t len = sizeof(value);

	assert_true(EVP_DigestSignInit_ex(
	    ctx, NULL, "SHA256", NULL, NULL, key->handle, NULL));
	assert_true(EVP_DigestSign(ctx, value, &len, bytes.data, bytes.len));
	EVP_MD_CTX_free(ctx);
	return buf_add(out, span_of(value, len), why);
}

static inline enum rc
kit_agree(
    const struct key *key, struct span point, struct buf *out, struct err *why)
{
	EVP_PKEY *own = key->handle, *peer = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	uint8_t secret[66];
	size_t len = sizeof(secret);

	bool ok = EVP_PKEY_copy_parameters(peer, own) == 1 &&
		  EVP_PKEY_set1_encoded_public_key(
		      peer, point.data, point.len) == 1 &&
		  EVP_PKEY_derive_init(ctx) == 1 &&
		  EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, secret, &len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	ERR_clear_error();
	return ok ? buf_add(out, span_of(secret, len), why)
		  : err_set(why, RC_CRYPTO, "no point on the curve");
}

static const struct key_ops kit_ops = {
    .sign_attributes = kit_sign, .agree = kit_agree};

static inline void
person_init(struct person *person, const char *mail)
{
	person->fixture = fixture_make(&(struct fixture_spec){
	    .name = mail,
	    .mail = mail,
	    .issuer = &root,
	    .usage = "critical,digitalSignature,keyAgreement",
	    .extended = "emailProtection",
	});
	person->key = (struct key){
	    &kit_ops, person->fixture.key, KEY_BOTH, person->fixture.key};
	person->identity =
	    (struct identity){person->fixture.cert, &person->key, NULL};
}

static inline int
kit_setup(void **state)
{
	root = fixture_root("Test Root");
	person_init(&alice, "alice@alpha.test");
	person_init(&carol, "carol@gamma.test");
	person_init(&mallory, "mallory@mu.test");
	assert_done(certs_add(&roots, root.cert, &err), err);
	assert_done(certs_add(&for_alice, alice.fixture.cert, &err), err);
	assert_done(certs_add(&for_mallory, mallory.fixture.cert, &err), err);
	return 0;
}

static inline int
kit_teardown(void **state)
{
	certs_done(&roots);
	certs_done(&for_alice);
	certs_done(&for_mallory);
	fixture_done(&alice.fixture);
	fixture_done(&carol.fixture);
	fixture_done(&mallory.fixture);
	fixture_done(&root);
	return 0;
}

/* --- layers --- */

static inline void
compose_around(const struct compose_options *options, struct buf *io)
{
	struct compose *compose OWNED(compose_free) = NULL;
	struct buf out = BUF(ROOM);

	assert_done(compose_new(options, &compose, &err), err);
	assert_done(compose_push(compose, buf_span(io), &out, &err), err);
	assert_done(compose_close(compose, &out, &err), err);
	assert_done(compose_finish(compose, &out, &err), err);
	buf_done(io);
	*io = out;
}

static inline void
sign_around(const struct person *who, struct buf *io)
{
	static unsigned count;
	char boundary[40];

	(void)snprintf(
	    boundary, sizeof(boundary), "boundary-at-random-%u", ++count);
	const struct compose_options options = {.signer = &who->identity,
	    .signing_time = SIGNED_AT,
	    .boundary = boundary};
	compose_around(&options, io);
}

static inline void
seal_around(const struct certs *to, enum seal_cipher cipher, struct buf *io)
{
	const struct compose_options options = {
	    .seal = true, .cipher = cipher, .to = to};

	compose_around(&options, io);
}

static inline void
p7m_around(struct span der, struct buf *io)
{
	io->len = 0;
	assert_done(
	    buf_add_str(io,
		"Content-Type: application/pkcs7-mime; name=smime.p7m\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		&err),
	    err);
	assert_done(base64_encode(der, 76, io, &err), err);
}

/* `second`: one more signer, or NULL. */
static inline void
opaque_around(
    const struct person *who, const struct person *second, struct buf *io)
{
	const struct sign_options usual = {.by_key_id = false};
	struct sign *sign OWNED(sign_free) = NULL;
	struct buf der BUF_OWNED = BUF(ROOM);

	assert_done(sign_new(&who->identity, SIGNED_AT, &sign, &err), err);
	if (second != NULL)
		assert_done(
		    sign_add_signer(sign, &second->identity, &usual, &err),
		    err);
	assert_done(sign_start_opaque(sign, &der, &err), err);
	assert_done(sign_push_opaque(sign, buf_span(io), &der, &err), err);
	assert_done(sign_close(sign, &err), err);
	assert_done(sign_finish(sign, &der, &err), err);
	p7m_around(buf_span(&der), io);
}

/* CompressedData in BER, which we only read. */
static inline void
compress_around(struct buf *io)
{
	static const uint8_t head[] = {0x30, 0x80, 0x06, 0x0b, 0x2a, 0x86, 0x48,
	    0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09, 0xa0, 0x80, 0x30,
	    0x80, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x0b, 0x2a, 0x86, 0x48,
	    0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x08, 0x30, 0x80, 0x06,
	    0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0,
	    0x80, 0x04, 0x84};
	static const uint8_t ends[10] = {0};
	struct buf der BUF_OWNED = BUF(ROOM);
	uLongf len = compressBound((uLong)io->len);
	uint8_t *packed = malloc(len);

	assert_int_equal(
	    compress2(packed, &len, io->data, (uLong)io->len, 9), Z_OK);
	const uint8_t length[] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16),
	    (uint8_t)(len >> 8), (uint8_t)len};
	assert_done(buf_add(&der, span_of(head, sizeof(head)), &err), err);
	assert_done(buf_add(&der, span_of(length, sizeof(length)), &err), err);
	assert_done(buf_add(&der, span_of(packed, len), &err), err);
	assert_done(buf_add(&der, span_of(ends, sizeof(ends)), &err), err);
	free(packed);
	p7m_around(buf_span(&der), io);
}

/* s multipart/signed, o opaque, g GCM, c CBC, z compressed, x GCM for somebody
 * else; all by Alice and for Alice.  Outermost first. */
static inline void
wrap(const char *layers, struct buf *io)
{
	for (size_t i = strlen(layers); i-- > 0;) {
		switch (layers[i]) {
		case 's':
			sign_around(&alice, io);
			break;
		case 'o':
			opaque_around(&alice, NULL, io);
			break;
		case 'g':
			seal_around(&for_alice, SEAL_AES256_GCM, io);
			break;
		case 'c':
			seal_around(&for_alice, SEAL_AES256_CBC, io);
			break;
		case 'x':
			seal_around(&for_mallory, SEAL_AES256_GCM, io);
			break;
		case 'z':
			compress_around(io);
			break;
		default:
			fail();
		}
	}
}

/* --- letters --- */

#define TEXT "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=X\r\n\r\n"
#define NEXT "\r\n--X\r\n"
#define LAST "\r\n--X--\r\n"
#define SIGNED_HEAD                                       \
	"Content-Type: multipart/signed; boundary=b;\r\n" \
	" protocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n"
#define SIGNATURE_HEAD                                             \
	"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\n"
#define BROKEN SIGNED_HEAD TEXT SIGNATURE_HEAD "bm8gQ01T\r\n--b--\r\n"
/* a SignedData that nobody signed */
#define NOBODYS "MCMGCSqGSIb3DQEHAqAWMBQCAQExADALBgkqhkiG9w0BBwExAA=="
#define CERTS_ONLY                                 \
	"Content-Type: application/pkcs7-mime\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\n" NOBODYS "\r\n"
#define ALICE "alice@alpha.test"
#define FROM "From: Alice <alice@alpha.test>\r\nTo: bob@beta.test\r\n"

static inline void
put(struct buf *out, const char *text)
{
	assert_done(buf_add_str(out, text, &err), err);
}

/* Those layers around `text`, behind what is there. */
static inline void
put_wrapped(struct buf *out, const char *layers, const char *text)
{
	struct buf made = BUF(ROOM);

	put(&made, text);
	wrap(layers, &made);
	assert_done(buf_add(out, buf_span(&made), &err), err);
	buf_done(&made);
}

/* A multipart/mixed, "*" is a text that is signed; those layers around it. */
static inline void
put_multipart(struct buf *out, const char *const parts[], const char *layers)
{
	put(out, MIXED);
	for (; *parts != NULL; parts++) {
		put(out, NEXT);
		put_wrapped(out, **parts == '*' ? "s" : "",
		    **parts == '*' ? TEXT : *parts);
	}
	put(out, LAST);
	wrap(layers, out);
}

/* A letter from Alice with those layers. */
static inline void
make_letter(const char *layers, const char *text, struct buf *out)
{
	put(out, FROM "MIME-Version: 1.0\r\n");
	put_wrapped(out, layers, text);
}

/* Change the first place where `from` stands, which is as long. */
static inline void
replace(struct buf *io, const char *from, const char *to)
{
	ptrdiff_t at = span_find(buf_span(io), span_str(from));

	assert_true(at >= 0);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(io->data + at, to, strlen(to));
}

/* --- a source that gives pieces of any size --- */

struct pieces {
	struct span bytes;
	size_t size, at;
	unsigned rewound;
	size_t fail_at;     /* the pass that fails, from 1 on; 0: none */
	struct span second; /* what comes from the second pass on, if any */
};

static inline enum rc
pieces_next(void *self, struct span *ret, struct err *why)
{
	struct pieces *p = self;
	struct span all = p->bytes;

	if (p->fail_at != 0 && p->rewound >= p->fail_at && p->at > 0)
		return err_set(why, RC_IO, "the disk is gone");
	if (p->rewound > 1 && p->second.data != NULL)
		all = p->second;
	*ret = span_first(span_after(all, p->at), p->size);
	p->at += ret->len;
	return RC_OK;
}

static inline enum rc
pieces_rewind(void *self, struct err *why)
{
	struct pieces *p = self;

	p->at = 0;
	p->rewound++;
	return RC_OK;
}

static inline struct source
pieces_source(struct pieces *p)
{
	return (struct source){pieces_next, pieces_rewind, p};
}

/* --- reading --- */

/* Alice's own reading of it. */
static inline enum rc
read_pieces(struct pieces *pieces, struct gathered *ret)
{
	const struct reader_key key = {alice.fixture.cert, &alice.key};
	const struct reader reader = {
	    .keys = &key, .keys_len = 1, .roots = &roots, .now = FIXTURE_NOW};
	const struct source source = pieces_source(pieces);

	gathered_init(ret);
	err = ERR_NONE;
	return gather(&source, &reader, ret, &err);
}

static inline enum rc
read_bytes(struct span letter, struct gathered *ret)
{
	struct pieces pieces = {.bytes = letter, .size = 1000};

	return read_pieces(&pieces, ret);
}

static inline enum rc
show_bytes(struct gathered *g, struct span letter, struct buf *out)
{
	struct pieces pieces = {.bytes = letter, .size = 777};
	const struct source source = pieces_source(&pieces);
	const struct sink to = sink_buf(out);

	return gathered_show(g, &source, &to, &err);
}

#endif
