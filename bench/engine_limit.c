/* The least that the same letter can cost: one pass over its bytes with the
 * bare digest, cipher and base64, and the bare public-key operations.
 *
 *   seal    sign, make and wrap a content key, digest, encrypt, base64
 *   open    the other way round, of what `seal` wrote
 *   letter  writes the sample letter itself
 *
 * No DER, no MIME, no memory management: between a head of fixed length and
 * the signature lies the ciphertext.  What can be kept from letter to letter
 * is kept.  Base64 is our own, the fastest at hand.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "bench/people.h"
#include "bench/worker.h"
#include "codec/base64.h"

#define LINE 76
/* Pieces that make whole lines (57 bytes are 76 digits, and CRLF) and whole
 * blocks of the cipher. */
#define LINES 416
#define CLEAR_PIECE ((size_t)57 * LINES)
#define TEXT_PIECE ((size_t)78 * LINES)

#define KEY_LEN 32
#define DIGEST_LEN 32
#define TAG_LEN 16
#define POINT_LEN 65
#define WRAPPED_MAX 512

struct head {
	uint64_t sealed_len; /* of the ciphertext */
	uint8_t iv[16];
	uint8_t point[POINT_LEN]; /* ours, of one letter; P-256 only */
	uint8_t wrapped[WRAPPED_MAX];
	size_t wrapped_len;
};

struct tail {
	uint8_t tag[TAG_LEN];
	uint8_t signature[WRAPPED_MAX];
	size_t signature_len;
};

static struct people people;
static bool rsa;
static EVP_PKEY_CTX *signing, *verifying, *wrapping, *unwrapping, *making;
static EVP_CIPHER_CTX *cipher, *wrap;
static EVP_CIPHER *content_cipher, *wrap_cipher;
static EVP_MD_CTX *digest;
static EVP_MD *sha256;
static struct buf work;

/* --- what is kept */

static EVP_PKEY_CTX *
context(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *), bool pkcs1)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	must(ctx != NULL && init(ctx) == 1, "key");
	if (pkcs1 && rsa)
		must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1,
		    "padding");
	return ctx;
}

static void
prepare_keys(void)
{
	EVP_PKEY *alice = X509_get0_pubkey(people.alice);
	EVP_PKEY *bob = X509_get0_pubkey(people.bob);

	rsa = EVP_PKEY_is_a(people.bob_key, "RSA") == 1;
	signing = context(people.alice_key, EVP_PKEY_sign_init, true);
	verifying = context(alice, EVP_PKEY_verify_init, true);
	must(EVP_PKEY_CTX_set_signature_md(signing, sha256) == 1 &&
		 EVP_PKEY_CTX_set_signature_md(verifying, sha256) == 1,
	    "digest");
	if (rsa) {
		wrapping = context(bob, EVP_PKEY_encrypt_init, true);
		unwrapping =
		    context(people.bob_key, EVP_PKEY_decrypt_init, true);
		return;
	}
	making = context(bob, EVP_PKEY_keygen_init, false);
	unwrapping = context(people.bob_key, EVP_PKEY_derive_init, false);
}

static void
prepare(struct worker *worker)
{
	people_load(&people, worker->keys);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	content_cipher = EVP_CIPHER_fetch(
	    NULL, worker->gcm ? "AES-256-GCM" : "AES-256-CBC", NULL);
	wrap_cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
	digest = EVP_MD_CTX_new();
	cipher = EVP_CIPHER_CTX_new();
	wrap = EVP_CIPHER_CTX_new();
	must(sha256 != NULL && content_cipher != NULL && wrap_cipher != NULL &&
		 digest != NULL && cipher != NULL && wrap != NULL,
	    "algorithms");
	EVP_CIPHER_CTX_set_flags(wrap, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	prepare_keys();
	work = BUF((size_t)1 << 20);
}

static void
prepare_seal(struct worker *worker)
{
	prepare(worker);
	worker->piece_len = CLEAR_PIECE;
}

static void
prepare_open(struct worker *worker)
{
	prepare(worker);
	worker->piece_len = TEXT_PIECE;
}

/* --- the key of the content */

/* RFC 5753 section 7.2, with the info that stands for AES-256 wrap. */
static void
derive_wrap_key(const uint8_t secret[32], uint8_t ret[KEY_LEN])
{
	static const uint8_t info[] = {0, 0, 0, 1, 0x30, 0x15, 0x30, 0x0b, 6, 9,
	    0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2d, 0xa2, 6, 4, 4, 0, 0, 1,
	    0};

	must(EVP_DigestInit_ex2(digest, sha256, NULL) == 1 &&
		 EVP_DigestUpdate(digest, secret, 32) == 1 &&
		 EVP_DigestUpdate(digest, info, sizeof(info)) == 1 &&
		 EVP_DigestFinal_ex(digest, ret, NULL) == 1,
	    "key derivation");
}

/* Whole in one call, either way. */
static size_t
run_wrap(const uint8_t *key, bool encrypt, const uint8_t *in, size_t len,
    uint8_t *out)
{
	int done = 0;

	must(EVP_CipherInit_ex2(
		 wrap, wrap_cipher, key, NULL, encrypt ? 1 : 0, NULL) == 1 &&
		 EVP_CipherUpdate(wrap, out, &done, in, (int)len) == 1,
	    "key wrap");
	return (size_t)done;
}

static void
agree_new(uint8_t point[POINT_LEN], uint8_t secret[32])
{
	EVP_PKEY *own = NULL;
	size_t len = 32, point_len = POINT_LEN;

	must(EVP_PKEY_keygen(making, &own) == 1 &&
		 EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_PUB_KEY,
		     point, POINT_LEN, &point_len) == 1,
	    "key of one letter");
	EVP_PKEY_CTX *ctx = context(own, EVP_PKEY_derive_init, false);
	/* the certificate's point was checked when it was parsed */
	must(EVP_PKEY_derive_set_peer_ex(
		 ctx, X509_get0_pubkey(people.bob), 0) == 1 &&
		 EVP_PKEY_derive(ctx, secret, &len) == 1,
	    "agreement");
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
}

/* That a point lies on the curve is checked when it is decoded; P-256 has no
 * smaller group to fall into. */
static void
agree_with(const uint8_t point[POINT_LEN], uint8_t secret[32])
{
	EVP_PKEY *peer = EVP_PKEY_new();
	size_t len = 32;

	must(
	    peer != NULL &&
		EVP_PKEY_copy_parameters(peer, people.bob_key) == 1 &&
		EVP_PKEY_set1_encoded_public_key(peer, point, POINT_LEN) == 1 &&
		EVP_PKEY_derive_set_peer_ex(unwrapping, peer, 0) == 1 &&
		EVP_PKEY_derive(unwrapping, secret, &len) == 1,
	    "agreement");
	EVP_PKEY_free(peer);
}

static void
wrap_key(const uint8_t key[KEY_LEN], struct head *head)
{
	uint8_t secret[32], wrap_with[KEY_LEN];

	head->wrapped_len = WRAPPED_MAX;
	if (rsa) {
		must(EVP_PKEY_encrypt(wrapping, head->wrapped,
			 &head->wrapped_len, key, KEY_LEN) == 1,
		    "key transport");
		return;
	}
	agree_new(head->point, secret);
	derive_wrap_key(secret, wrap_with);
	head->wrapped_len =
	    run_wrap(wrap_with, true, key, KEY_LEN, head->wrapped);
}

static void
unwrap_key(const struct head *head, uint8_t key[KEY_LEN])
{
	uint8_t secret[32], wrap_with[KEY_LEN], clear[WRAPPED_MAX];
	size_t len = sizeof(clear);

	if (rsa) {
		must(EVP_PKEY_decrypt(unwrapping, clear, &len, head->wrapped,
			 head->wrapped_len) == 1,
		    "key transport");
	} else {
		agree_with(head->point, secret);
		derive_wrap_key(secret, wrap_with);
		len = run_wrap(
		    wrap_with, false, head->wrapped, head->wrapped_len, clear);
	}
	must(len == KEY_LEN, "content key");
	memcpy(key, clear, KEY_LEN);
}

/* --- sealing */

static void
write_text(struct worker *worker, struct span bytes)
{
	struct err err = ERR_NONE;

	buf_clear(&work);
	if (base64_encode(bytes, LINE, &work, &err) != RC_OK)
		die("base64: %s", err.text);
	worker_write(worker, work.data, work.len);
}

static void
seal_begin(struct head *head)
{
	uint8_t key[KEY_LEN];

	must(RAND_priv_bytes(key, KEY_LEN) == 1 &&
		 RAND_bytes(head->iv, sizeof(head->iv)) == 1,
	    "random bytes");
	wrap_key(key, head);
	must(EVP_EncryptInit_ex2(cipher, content_cipher, key, head->iv, NULL) ==
		     1 &&
		 EVP_DigestInit_ex2(digest, sha256, NULL) == 1,
	    "beginning");
}

static void
seal_end(struct worker *worker, struct tail *tail)
{
	uint8_t value[DIGEST_LEN];

	if (worker->gcm)
		must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
			 tail->tag) == 1,
		    "tag");
	tail->signature_len = WRAPPED_MAX;
	must(EVP_DigestFinal_ex(digest, value, NULL) == 1 &&
		 EVP_PKEY_sign(signing, tail->signature, &tail->signature_len,
		     value, DIGEST_LEN) == 1,
	    "signature");
}

/* A head of whole lines (and of whole words: a union is as long as its widest
 * member wants), so that the lines behind it are whole too. */
union first {
	struct head head;
	uint8_t bytes[57 * 16];
};

static void
set_sealed_len(const struct worker *worker, struct head *head)
{
	if (worker->letters == NULL)
		die("the limit seals the sample letter only");
	uint64_t len = worker->letters->size;
	head->sealed_len = worker->gcm ? len : len / 16 * 16 + 16;
}

static void
run_seal(struct worker *worker)
{
	static uint8_t sealed[CLEAR_PIECE + 32 + sizeof(struct tail)];
	union first first = {.bytes = {0}};
	struct tail tail = {.tag = {0}};
	const uint8_t *piece;
	size_t len;
	int done = 0, last = 0;

	set_sealed_len(worker, &first.head);
	seal_begin(&first.head);
	write_text(worker, span_of(first.bytes, sizeof(first)));
	do {
		len = worker_read(worker, &piece);
		must(EVP_DigestUpdate(digest, piece, len) == 1 &&
			 EVP_EncryptUpdate(
			     cipher, sealed, &done, piece, (int)len) == 1,
		    "encryption");
		if (len == CLEAR_PIECE)
			write_text(worker, span_of(sealed, (size_t)done));
	} while (len == CLEAR_PIECE);
	must(EVP_EncryptFinal_ex(cipher, sealed + done, &last) == 1,
	    "encryption");
	seal_end(worker, &tail);
	size_t end = (size_t)done + (size_t)last;
	memcpy(sealed + end, &tail, sizeof(tail));
	write_text(worker, span_of(sealed, end + sizeof(tail)));
}

/* --- opening */

struct opening {
	union first first;
	uint64_t left; /* of the ciphertext */
	struct tail tail;
	size_t tail_len; /* how much of it was there */
};

static struct span
read_text(struct span text)
{
	struct err err = ERR_NONE;

	buf_clear(&work);
	if (base64_decode(text, &work, &err) != RC_OK)
		die("base64: %s", err.text);
	return buf_span(&work);
}

static struct span
open_begin(struct opening *opening, struct span bytes)
{
	uint8_t key[KEY_LEN];

	if (bytes.len < sizeof(opening->first))
		die("too short");
	memcpy(opening->first.bytes, bytes.data, sizeof(opening->first));
	opening->left = opening->first.head.sealed_len;
	unwrap_key(&opening->first.head, key);
	must(EVP_DecryptInit_ex2(cipher, content_cipher, key,
		 opening->first.head.iv, NULL) == 1 &&
		 EVP_DigestInit_ex2(digest, sha256, NULL) == 1,
	    "beginning");
	return span_after(bytes, sizeof(opening->first));
}

static void
open_bytes(struct worker *worker, struct opening *opening, struct span bytes)
{
	static uint8_t clear[TEXT_PIECE];
	struct span sealed = span_first(bytes, opening->left);
	struct span rest = span_after(bytes, sealed.len);
	int done = 0;

	must(EVP_DecryptUpdate(
		 cipher, clear, &done, sealed.data, (int)sealed.len) == 1 &&
		 EVP_DigestUpdate(digest, clear, (size_t)done) == 1,
	    "decryption");
	worker_write(worker, clear, (size_t)done);
	opening->left -= sealed.len;
	if (rest.len > sizeof(opening->tail) - opening->tail_len)
		die("too long");
	memcpy(
	    (uint8_t *)&opening->tail + opening->tail_len, rest.data, rest.len);
	opening->tail_len += rest.len;
}

static void
open_end(struct worker *worker, struct opening *opening)
{
	uint8_t value[DIGEST_LEN], last[32];
	struct tail *tail = &opening->tail;
	int done = 0;

	if (opening->left > 0 || opening->tail_len != sizeof(*tail))
		die("too short");
	if (worker->gcm)
		must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
			 tail->tag) == 1,
		    "tag");
	must(EVP_DecryptFinal_ex(cipher, last, &done) == 1, "decryption");
	must(EVP_DigestUpdate(digest, last, (size_t)done) == 1 &&
		 EVP_DigestFinal_ex(digest, value, NULL) == 1 &&
		 EVP_PKEY_verify(verifying, tail->signature,
		     tail->signature_len, value, DIGEST_LEN) == 1,
	    "signature");
	worker_write(worker, last, (size_t)done);
}

static void
run_open(struct worker *worker)
{
	struct opening opening = {.tail_len = 0};
	const uint8_t *piece;
	size_t len = worker_read(worker, &piece);

	struct span first = read_text(span_of(piece, len));
	open_bytes(worker, &opening, open_begin(&opening, first));
	while ((len = worker_read(worker, &piece)) > 0)
		open_bytes(worker, &opening, read_text(span_of(piece, len)));
	open_end(worker, &opening);
}

/* --- the letter */

static void
run_letter(struct worker *worker)
{
	const uint8_t *piece;
	size_t len;

	while ((len = worker_read(worker, &piece)) > 0)
		worker_write(worker, piece, len);
}

int
main(int argc, char **argv)
{
	static const struct job jobs[] = {
	    {"seal", prepare_seal, run_seal},
	    {"open", prepare_open, run_open},
	    {"letter", NULL, run_letter},
	    {NULL, NULL, NULL},
	};

	return worker_main(argc, argv, jobs);
}
