/* What libcrypto's CMS functions need for the same letter.
 *
 *   seal        one pass through filters: digest, cipher, DER, base64
 *   seal-usual  as the manual's examples have it: sign, print, encrypt, print
 *   open        SMIME_read_CMS, CMS_decrypt, SMIME_read_CMS, CMS_verify, with
 *               every flag that saves work
 *   open-usual  the same as the manual's examples have it
 *   make        as seal, with the same random numbers in every process, so
 *               that a letter too long to be kept can be had a second time
 *   make-signed the same, signed only
 *
 * Keys and certificates are parsed once.  Chains are not checked, as the
 * engine does not check them either.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method, for `make` */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "bench/people.h"
#include "bench/worker.h"

#define STREAM (CMS_STREAM | CMS_BINARY)
#define BOUNDARY "boundary-of-the-signed-letter"

static struct people people;
static STACK_OF(X509) *readers;
static const uint8_t *letter; /* all of it, for what cannot stream */
static size_t letter_len;

static void
prepare(struct worker *worker)
{
	people_load(&people, worker->keys);
	readers = sk_X509_new_null();
	must(readers != NULL && sk_X509_push(readers, people.bob) == 1, "list");
}

static void
prepare_whole(struct worker *worker)
{
	prepare(worker);
	letter = worker_read_all(worker, &letter_len);
}

static const EVP_CIPHER *
cipher_of(const struct worker *worker)
{
	return worker->gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
}

static BIO *
new_output(const struct worker *worker)
{
	BIO *out = worker->once ? BIO_new_fd(STDOUT_FILENO, BIO_NOCLOSE)
				: BIO_new(BIO_s_null());

	must(out != NULL, "output");
	return out;
}

static BIO *
new_memory(const void *bytes, size_t len)
{
	BIO *in = BIO_new_mem_buf(bytes, (int)len);

	must(in != NULL, "memory");
	return in;
}

/* --- sealing through filters */

static void
put(BIO *to, const char *text)
{
	int len = (int)strlen(text);

	must(BIO_write(to, text, len) == len, "write");
}

/* Take away and free what was pushed on top of `end`. */
static void
free_down_to(BIO *chain, const BIO *end)
{
	while (chain != end) {
		BIO *next = BIO_pop(chain);
		BIO_free(chain);
		chain = next;
	}
}

static void
put_signature(BIO *to, CMS_ContentInfo *cms)
{
	uint8_t *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);
	must(len > 0, "signature");

	EVP_ENCODE_CTX *base64 = EVP_ENCODE_CTX_new();
	uint8_t *text = malloc((size_t)len * 2);
	int done = 0, last = 0;
	must(base64 != NULL && text != NULL, "signature");
	EVP_EncodeInit(base64);
	must(EVP_EncodeUpdate(base64, text, &done, der, len) == 1, "base64");
	EVP_EncodeFinal(base64, text + done, &last);
	must(BIO_write(to, text, done + last) == done + last, "write");
	free(text);
	EVP_ENCODE_CTX_free(base64);
	OPENSSL_free(der);
}

static CMS_ContentInfo *
new_signature(const char *fixed_time)
{
	CMS_ContentInfo *cms = CMS_sign(
	    NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_DETACHED | STREAM);
	must(cms != NULL, "sign");
	CMS_SignerInfo *signer = CMS_add1_signer(cms, people.alice,
	    people.alice_key, EVP_sha256(), CMS_PARTIAL | CMS_BINARY);
	must(signer != NULL, "signer");
	if (fixed_time != NULL)
		must(CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime,
			 V_ASN1_UTCTIME, fixed_time,
			 (int)strlen(fixed_time)) == 1,
		    "signing time");
	return cms;
}

/* multipart/signed around the input, into `to`: what is signed goes through
 * the digest into `to`, as it comes. */
static void
sign_into(struct worker *worker, BIO *to, const char *fixed_time)
{
	const uint8_t *piece;
	size_t len;
	CMS_ContentInfo *cms = new_signature(fixed_time);

	put(to, "Content-Type: multipart/signed; micalg=\"sha-256\";\r\n"
		" protocol=\"application/pkcs7-signature\";\r\n"
		" boundary=\"" BOUNDARY "\"\r\n\r\n--" BOUNDARY "\r\n");
	BIO *signing = CMS_dataInit(cms, to);
	must(signing != NULL, "digest");
	while ((len = worker_read(worker, &piece)) > 0)
		must(BIO_write(signing, piece, (int)len) == (int)len, "write");
	must(CMS_dataFinal(cms, signing) == 1, "signature");
	free_down_to(signing, to);
	put(to,
	    "\r\n--" BOUNDARY "\r\nContent-Type: application/pkcs7-signature;"
	    " name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	put_signature(to, cms);
	put(to, "\r\n--" BOUNDARY "--\r\n");
	CMS_ContentInfo_free(cms);
}

static void
seal_filters(struct worker *worker, const char *fixed_time)
{
	BIO *out = new_output(worker);
	BIO *base64 = BIO_new(BIO_f_base64());

	put(out, worker->gcm
		     ? "Content-Type: application/pkcs7-mime;"
		       " smime-type=authEnveloped-data; name=smime.p7m\r\n"
		       "Content-Transfer-Encoding: base64\r\n\r\n"
		     : "Content-Type: application/pkcs7-mime;"
		       " smime-type=enveloped-data; name=smime.p7m\r\n"
		       "Content-Transfer-Encoding: base64\r\n\r\n");
	must(base64 != NULL, "base64");
	BIO *text = BIO_push(base64, out);
	CMS_ContentInfo *cms =
	    CMS_encrypt(readers, NULL, cipher_of(worker), CMS_PARTIAL | STREAM);
	must(cms != NULL, "encrypt");
	BIO *sealing = BIO_new_CMS(text, cms);
	must(sealing != NULL, "filters");
	sign_into(worker, sealing, fixed_time);
	must(BIO_flush(sealing) == 1, "flush");
	free_down_to(sealing, text);
	CMS_ContentInfo_free(cms);
	BIO_free_all(text);
}

static void
run_seal(struct worker *worker)
{
	seal_filters(worker, NULL);
}

/* --- the same bytes every time: numbers that anybody can guess */

static int
guessable(unsigned char *to, int len)
{
	static uint64_t state = 0x2545f4914f6cdd1d;

	for (int i = 0; i < len; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		to[i] = (unsigned char)(state >> 32 | 1); /* never 0 */
	}
	return 1;
}

static int
ready(void)
{
	return 1;
}

#define FIXED_TIME "261121201800Z"

static void
run_make_signed(struct worker *worker)
{
	BIO *out = new_output(worker);

	sign_into(worker, out, FIXED_TIME);
	BIO_free(out);
}

static void
run_make(struct worker *worker)
{
	static const RAND_METHOD method = {
	    .bytes = guessable, .pseudorand = guessable, .status = ready};

	must(RAND_set_rand_method(&method) == 1, "random numbers");
	seal_filters(worker, FIXED_TIME);
}

/* --- sealing as usual */

static void
run_seal_usual(struct worker *worker)
{
	const int flags = CMS_DETACHED | STREAM;
	BIO *in = new_memory(letter, letter_len);
	BIO *clear = BIO_new(BIO_s_mem());
	BIO *out = new_output(worker);

	CMS_ContentInfo *signature =
	    CMS_sign(people.alice, people.alice_key, NULL, in, flags);
	must(signature != NULL && clear != NULL, "sign");
	must(SMIME_write_CMS(clear, signature, in, flags) == 1, "print");
	CMS_ContentInfo *sealed =
	    CMS_encrypt(readers, clear, cipher_of(worker), STREAM);
	must(sealed != NULL, "encrypt");
	must(SMIME_write_CMS(out, sealed, clear, STREAM) == 1, "print");
	CMS_ContentInfo_free(sealed);
	CMS_ContentInfo_free(signature);
	BIO_free(out);
	BIO_free(clear);
	BIO_free(in);
}

/* --- opening */

static BIO *
decrypt(int flags)
{
	BIO *in = new_memory(letter, letter_len);
	BIO *clear = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = SMIME_read_CMS(in, NULL);

	must(cms != NULL && clear != NULL, "read");
	must(CMS_decrypt(cms, people.bob_key, people.bob, NULL, clear,
		 (unsigned)flags) == 1,
	    "decrypt");
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return clear;
}

static void
write_all(struct worker *worker, BIO *from)
{
	char *bytes = NULL;
	long len = BIO_get_mem_data(from, &bytes);

	worker_write(worker, bytes, (size_t)len);
}

/* `out` NULL: the content is where it was, and only checked. */
static void
verify(CMS_ContentInfo *cms, BIO *content, BIO *out, unsigned flags)
{
	must(CMS_verify(cms, NULL, NULL, content, out,
		 flags | CMS_NO_SIGNER_CERT_VERIFY) == 1,
	    "verify");
	STACK_OF(X509) *signers = CMS_get0_signers(cms);
	must(sk_X509_num(signers) == 1 &&
		 X509_cmp(sk_X509_value(signers, 0), people.alice) == 0,
	    "signer");
	sk_X509_free(signers);
}

/* Not CMS_BINARY when the clear part is read: that mode of SMIME_read_CMS_ex()
 * finds no boundary behind CRLF, and signatures of others fail. */
static void
run_open(struct worker *worker)
{
	BIO *clear = decrypt(CMS_BINARY);
	BIO *content = NULL;
	CMS_ContentInfo *cms = SMIME_read_CMS(clear, &content);

	must(cms != NULL && content != NULL, "read what was sealed");
	verify(cms, content, NULL, CMS_BINARY);
	write_all(worker, content);
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	BIO_free(clear);
}

static void
run_open_usual(struct worker *worker)
{
	BIO *clear = decrypt(0);
	BIO *content = NULL;
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = SMIME_read_CMS(clear, &content);

	must(cms != NULL && content != NULL, "read what was sealed");
	verify(cms, content, out, 0);
	write_all(worker, out);
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	BIO_free(clear);
	BIO_free(out);
}

int
main(int argc, char **argv)
{
	static const struct job jobs[] = {
	    {"seal", prepare, run_seal},
	    {"seal-usual", prepare_whole, run_seal_usual},
	    {"open", prepare_whole, run_open},
	    {"open-usual", prepare_whole, run_open_usual},
	    {"make", prepare, run_make},
	    {"make-signed", prepare, run_make_signed},
	    {NULL, NULL, NULL},
	};

	return worker_main(argc, argv, jobs);
}
