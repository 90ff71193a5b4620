/* cms/letterkit -- letters of every kind, for the tests of cms/letter.
 *
 * Only included by tests, behind cms/testkit_priv.h.
 */
#ifndef CMS_LETTERKIT_PRIV_H
#define CMS_LETTERKIT_PRIV_H

#include <zlib.h>

#include "cms/compose.h"
#include "cms/letter.h"
#include "cms/smime.h"
#include "codec/base64.h"

OWNER(struct compose, compose_free);
OWNER(struct letter, letter_free);
OWNER(struct sign, sign_free);

#define ALL ((size_t)1 << 30)
#define ROOM ((size_t)16 << 20)
#define PART "Content-Type: text/plain\r\n\r\nThe canary sings at noon.\r\n"

static struct person root, alice, rsa, mallory;

static inline int
letterkit_setup(void **state)
{
	kit_enter();
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	person_init(&rsa, kit_rsa(2048), "Rita", KIT_MAIL_RSA, &root);
	person_init(&mallory, kit_ec("P-256"), "Mallory", KIT_MAIL, &root);
	kit_write_person("root", &root);
	kit_write_person("alice", &alice);
	kit_write_person("rsa", &rsa);
	return 0;
}

static inline int
letterkit_teardown(void **state)
{
	person_done(&root);
	person_done(&alice);
	person_done(&rsa);
	person_done(&mallory);
	kit_leave();
	return 0;
}

/* --- each of these puts a layer around the entity in `io` */

static inline void
compose_around(const struct compose_options *options, struct buf *io)
{
	struct compose *compose OWNED(compose_free) = NULL;
	struct buf out = BUF(ROOM);

	assert_ok(compose_new(options, &compose, &kit_err));
	assert_ok(compose_push(compose, buf_span(io), &out, &kit_err));
	assert_ok(compose_close(compose, &out, &kit_err));
	assert_ok(compose_finish(compose, &out, &kit_err));
	buf_done(io);
	*io = out;
}

static inline void
sign_around(struct buf *io)
{
	static unsigned count;
	char boundary[40];

	snprintf(boundary, sizeof(boundary), "boundary-at-random-%u", ++count);
	const struct compose_options options = {.signer = &alice.identity,
	    .signing_time = 1795292280,
	    .boundary = boundary};
	compose_around(&options, io);
}

static inline void
seal_around(enum seal_cipher cipher, struct buf *io)
{
	struct certs to CERTS_OWNED = CERTS_NONE;

	assert_ok(certs_add(&to, alice.cert, &kit_err));
	assert_ok(certs_add(&to, rsa.cert, &kit_err));
	const struct compose_options options = {
	    .seal = true, .cipher = cipher, .to = &to};
	compose_around(&options, io);
}

static inline void
gcm_around(struct buf *io)
{
	seal_around(SEAL_AES256_GCM, io);
}

static inline void
cbc_around(struct buf *io)
{
	seal_around(SEAL_AES256_CBC, io);
}

static inline void
p7m_around(struct span der, struct buf *io)
{
	io->len = 0;
	assert_ok(buf_add_str(io,
	    "Content-Type: application/pkcs7-mime; name=smime.p7m\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n",
	    &kit_err));
	assert_ok(base64_encode(der, 76, io, &kit_err));
}

static inline void
opaque_around(struct buf *io)
{
	struct sign *sign OWNED(sign_free) = NULL;
	struct buf der BUF_OWNED = BUF(ROOM);

	assert_ok(sign_new(&alice.identity, 1795292280, &sign, &kit_err));
	assert_ok(sign_start_opaque(sign, &der, &kit_err));
	assert_ok(sign_push_opaque(sign, buf_span(io), &der, &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));
	p7m_around(buf_span(&der), io);
}

/* CompressedData in BER. */
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
	assert_ok(buf_add(&der, span_of(head, sizeof(head)), &kit_err));
	assert_ok(buf_add(&der, span_of(length, sizeof(length)), &kit_err));
	assert_ok(buf_add(&der, span_of(packed, len), &kit_err));
	assert_ok(buf_add(&der, span_of(ends, sizeof(ends)), &kit_err));
	free(packed);
	p7m_around(buf_span(&der), io);
}

/* s multipart/signed, o opaque, g GCM, c CBC, z compressed; outermost first */
static inline void
wrap(const char *layers, struct buf *io)
{
	for (size_t i = strlen(layers); i-- > 0;) {
		switch (layers[i]) {
		case 's':
			sign_around(io);
			break;
		case 'o':
			opaque_around(io);
			break;
		case 'g':
			gcm_around(io);
			break;
		case 'c':
			cbc_around(io);
			break;
		case 'z':
			compress_around(io);
			break;
		default:
			fail();
		}
	}
}

/* A letter with those layers around `entity`. */
static inline void
make_letter(const char *layers, const char *entity, struct buf *out)
{
	struct buf made = BUF(ROOM);

	assert_ok(buf_add_str(&made, entity, &kit_err));
	wrap(layers, &made);
	assert_ok(buf_add_str(
	    out, "From: alice@example.org\r\nMIME-Version: 1.0\r\n", &kit_err));
	assert_ok(buf_add(out, buf_span(&made), &kit_err));
	buf_done(&made);
}

/* --- reading */

struct seen {
	enum rc rc; /* of push or finish */
	struct err err;
	struct letter_result result;
	enum rc released; /* of rewind, release and its end */
	struct buf out;
};

static inline void
seen_done(struct seen *seen)
{
	letter_result_done(&seen->result);
	buf_done(&seen->out);
}
#define SEEN_OWNED __attribute__((cleanup(seen_done)))

static inline struct letter *
new_reader(const struct person *person)
{
	struct letter *letter = NULL;

	assert_ok(letter_new(&letter, &kit_err));
	assert_ok(letter_add(letter, person->cert, &person->key, &kit_err));
	return letter;
}

/* A piece in a block of exactly its size. */
static inline enum rc
push_piece(struct letter *letter, int pass, struct span piece, struct seen *ret)
{
	uint8_t *exact = malloc(piece.len + 1);
	enum rc rc;

	memcpy(exact + 1, piece.data, piece.len);
	struct span bytes = span_of(exact + 1, piece.len);
	if (pass == 1)
		rc = letter_push(letter, bytes, &ret->err);
	else if (pass == 2)
		rc = letter_release(letter, bytes, &ret->out, &ret->err);
	else
		rc =
		    letter_push_unverified(letter, bytes, &ret->out, &ret->err);
	free(exact);
	return rc;
}

static inline enum rc
push_all(struct letter *letter, int pass, struct span bytes, size_t size,
    struct seen *ret)
{
	for (; bytes.len > 0; bytes = span_after(bytes, size))
		TRY(push_piece(letter, pass, span_first(bytes, size), ret));
	return RC_OK;
}

static inline enum rc
release_all(
    struct letter *letter, struct span bytes, size_t size, struct seen *ret)
{
	TRY(letter_rewind(letter, &ret->err));
	TRY(push_all(letter, 2, bytes, size, ret));
	return letter_release_finish(letter, &ret->out, &ret->err);
}

/* Two passes. */
static inline void
read_letter(const struct person *reader, struct span bytes, size_t size,
    struct seen *ret)
{
	struct letter *letter OWNED(letter_free) = new_reader(reader);

	ret->out = BUF(ROOM);
	ret->rc = push_all(letter, 1, bytes, size, ret);
	if (ret->rc == RC_OK)
		ret->rc = letter_finish(letter, &ret->result, &ret->err);
	ret->released = ret->rc;
	if (ret->rc == RC_OK)
		ret->released = release_all(letter, bytes, size, ret);
}

/* One pass. */
static inline void
read_unverified(const struct person *reader, struct span bytes, size_t size,
    struct seen *ret)
{
	struct letter *letter OWNED(letter_free) = new_reader(reader);

	ret->out = BUF(ROOM);
	ret->rc = push_all(letter, 3, bytes, size, ret);
	if (ret->rc == RC_OK)
		ret->rc = letter_finish_unverified(
		    letter, &ret->out, &ret->result, &ret->err);
}

#endif
