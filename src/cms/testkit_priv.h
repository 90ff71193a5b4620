/* cms/testkit -- keys, certificates and a foreign judge for the tests here.
 *
 * Only included by tests: a private authority in memory, people with a key
 * and a certificate, a struct key over an EVP_PKEY (as the vault has), files
 * in a directory of the test's own, and the openssl program.
 */
#ifndef CMS_TESTKIT_PRIV_H
#define CMS_TESTKIT_PRIV_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "pki/cert.h"
#include "pki/crypto.h"
#include "pki/key.h"

#define assert_rc(got, want)                                               \
	do {                                                               \
		enum rc rc_got_ = (got), rc_want_ = (want);                \
		if (rc_got_ != rc_want_)                                   \
			fail_msg("got %s (%s), want %s", rc_name(rc_got_), \
			    kit_err.text, rc_name(rc_want_));              \
	} while (0)
#define assert_ok(got) assert_rc(got, RC_OK)
#define assert_true_ssl(got)                           \
	do {                                           \
		if (!(got)) {                          \
			ERR_print_errors_fp(stderr);   \
			fail_msg("OpenSSL: %s", #got); \
		}                                      \
	} while (0)

static struct err kit_err;
static char kit_dir[64];

struct person {
	EVP_PKEY *pkey;
	struct cert *cert;
	struct key key;
	struct identity identity;
};

/* --- struct key over an EVP_PKEY: what the vault does, without its checks */

static inline const char *
kit_digest(const EVP_PKEY *pkey)
{
	const char *name = EVP_PKEY_get0_type_name(pkey);

	if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448") ||
	    (name != NULL && strncmp(name, "ML-DSA", 6) == 0))
		return NULL;
	if (!EVP_PKEY_is_a(pkey, "EC"))
		return "SHA256";
	switch (EVP_PKEY_get_bits(pkey)) {
	case 384:
		return "SHA384";
	case 521:
		return "SHA512";
	default:
		return "SHA256";
	}
}

/* `pss`: with what crypto_pss() says. */
static inline enum rc
kit_sign_as(const struct key *key, struct span bytes, bool pss, struct buf *out,
    struct err *err)
{
	EVP_PKEY *pkey = key->handle;
	EVP_PKEY_CTX *how = NULL;
	struct crypto_pss pss_way;
	uint8_t *room;
	size_t len = (size_t)EVP_PKEY_get_size(pkey);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_true(bytes.len > 0 && bytes.data[0] == 0x31);
	TRY(buf_reserve(out, len, &room, err));
	if (pss) {
		assert_ok(crypto_pss(pkey, &pss_way, &kit_err));
		assert_true_ssl(
		    EVP_DigestSignInit(ctx, &how, pss_way.digest, NULL, pkey));
		assert_true_ssl(
		    EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING));
		assert_true_ssl(
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(how, pss_way.salt));
	} else {
		assert_true_ssl(EVP_DigestSignInit_ex(
		    ctx, NULL, kit_digest(pkey), NULL, NULL, pkey, NULL));
	}
	assert_true_ssl(EVP_DigestSign(ctx, room, &len, bytes.data, bytes.len));
	buf_grown(out, len);
	EVP_MD_CTX_free(ctx);
	return RC_OK;
}

/* The peer's key, or NULL: none of that kind. */
static inline EVP_PKEY *
kit_peer(EVP_PKEY *own, struct span bytes)
{
	EVP_PKEY *peer = EVP_PKEY_new();

	if (!EVP_PKEY_is_a(own, "EC")) {
		EVP_PKEY_free(peer);
		return EVP_PKEY_new_raw_public_key_ex(NULL,
		    EVP_PKEY_is_a(own, "X448") ? "X448" : "X25519", NULL,
		    bytes.data, bytes.len);
	}
	assert_true_ssl(EVP_PKEY_copy_parameters(peer, own));
	if (EVP_PKEY_set1_encoded_public_key(peer, bytes.data, bytes.len) == 1)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static inline enum rc
kit_sign(
    const struct key *key, struct span bytes, struct buf *out, struct err *err)
{
	return kit_sign_as(
	    key, bytes, EVP_PKEY_is_a(key->handle, "RSA-PSS"), out, err);
}

static inline enum rc
kit_sign_pss(
    const struct key *key, struct span bytes, struct buf *out, struct err *err)
{
	return kit_sign_as(key, bytes, true, out, err);
}

static inline enum rc
kit_agree(
    const struct key *key, struct span point, struct buf *out, struct err *err)
{
	EVP_PKEY *pkey = key->handle, *peer = kit_peer(pkey, point);
	uint8_t *room;
	size_t len = 66;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

	TRY(buf_reserve(out, len, &room, err));
	bool ok = peer != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
		  EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, room, &len) == 1;
	if (ok)
		buf_grown(out, len);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	ERR_clear_error();
	return ok ? RC_OK : err_set(err, RC_CRYPTO, "no point on the curve");
}

static inline void
kit_set_oaep(EVP_PKEY_CTX *ctx, const struct key_oaep *oaep)
{
	assert_true_ssl(
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, oaep->digest, NULL));
	assert_true_ssl(
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, oaep->mask, NULL));
	if (oaep->label.len > 0)
		assert_true_ssl(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx,
		    OPENSSL_memdup(oaep->label.data, oaep->label.len),
		    (int)oaep->label.len));
}

static inline enum rc
kit_unwrap(const struct key *key, struct span wrapped,
    const struct key_oaep *oaep, size_t want, struct buf *out, struct err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->handle, NULL);
	uint8_t clear[1024] = {0};
	size_t len = sizeof(clear);

	assert_true_ssl(EVP_PKEY_decrypt_init(ctx));
	assert_true_ssl(EVP_PKEY_CTX_set_rsa_padding(
	    ctx, oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING));
	if (oaep != NULL)
		kit_set_oaep(ctx, oaep);
	bool ok = EVP_PKEY_decrypt(
		      ctx, clear, &len, wrapped.data, wrapped.len) == 1 &&
		  len == want;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (!ok && oaep != NULL)
		return err_set(err, RC_CRYPTO, "OAEP");
	if (!ok)
		assert_true_ssl(RAND_bytes(clear, (int)want));
	return buf_add(out, span_of(clear, want), err);
}

#if OPENSSL_VERSION_NUMBER >= 0x30500000L
static inline enum rc
kit_decapsulate(const struct key *key, struct span ciphertext, struct buf *out,
    struct err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->handle, NULL);
	uint8_t *room;
	size_t len = 32;

	TRY(buf_reserve(out, len, &room, err));
	bool ok = EVP_PKEY_decapsulate_init(ctx, NULL) == 1 &&
		  EVP_PKEY_decapsulate(
		      ctx, room, &len, ciphertext.data, ciphertext.len) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return err_set(err, RC_CRYPTO, "ML-KEM");
	buf_grown(out, len);
	return RC_OK;
}
#else
#define kit_decapsulate NULL
#endif

static const struct key_ops kit_ops = {.sign_attributes = kit_sign,
    .sign_attributes_pss = kit_sign_pss,
    .agree = kit_agree,
    .unwrap = kit_unwrap,
    .decapsulate = kit_decapsulate};

/* --- certificates */

static inline EVP_PKEY *
kit_rsa(unsigned bits)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);

	assert_true_ssl(key != NULL);
	return key;
}

/* A key whose own OID is id-RSASSA-PSS; `digest` NULL: without parameters. */
static inline EVP_PKEY *
kit_pss(const char *digest, int salt)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);

	assert_true_ssl(EVP_PKEY_keygen_init(ctx) == 1);
	assert_true_ssl(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1);
	if (digest != NULL) {
		assert_true_ssl(EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(
				    ctx, digest, NULL) == 1);
		assert_true_ssl(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(
				    ctx, digest) == 1);
		assert_true_ssl(
		    EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, salt) == 1);
	}
	assert_true_ssl(EVP_PKEY_keygen(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static inline EVP_PKEY *
kit_ed(const char *kind)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, kind);

	assert_true_ssl(key != NULL);
	return key;
}

static inline EVP_PKEY *
kit_ec(const char *curve)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);

	assert_true_ssl(key != NULL);
	return key;
}

struct kit_extension {
	int nid;
	const char *value;
};

#define KIT_MAIL                                                               \
	(const struct kit_extension[])                                         \
	{                                                                      \
		{NID_basic_constraints, "critical,CA:FALSE"},                  \
		    {NID_key_usage, "critical,digitalSignature,keyAgreement"}, \
		    {NID_ext_key_usage, "emailProtection"},                    \
		    {NID_subject_alt_name, "email:alice@example.org"},         \
		    {NID_subject_key_identifier, "hash"},                      \
		{                                                              \
			0, NULL                                                \
		}                                                              \
	}
#define KIT_MAIL_RSA                                                   \
	(const struct kit_extension[])                                 \
	{                                                              \
		{NID_basic_constraints, "critical,CA:FALSE"},          \
		    {NID_key_usage,                                    \
			"critical,digitalSignature,keyEncipherment"},  \
		    {NID_ext_key_usage, "emailProtection"},            \
		    {NID_subject_alt_name, "email:alice@example.org"}, \
		    {NID_subject_key_identifier, "hash"},              \
		{                                                      \
			0, NULL                                        \
		}                                                      \
	}
#define KIT_TSA                                                   \
	(const struct kit_extension[])                            \
	{                                                         \
		{NID_basic_constraints, "critical,CA:FALSE"},     \
		    {NID_key_usage, "critical,digitalSignature"}, \
		    {NID_ext_key_usage, "critical,timeStamping"}, \
		    {NID_subject_key_identifier, "hash"},         \
		{                                                 \
			0, NULL                                   \
		}                                                 \
	}
#define KIT_CA                                                       \
	(const struct kit_extension[])                               \
	{                                                            \
		{NID_basic_constraints, "critical,CA:TRUE"},         \
		    {NID_key_usage, "critical,keyCertSign,cRLSign"}, \
		    {NID_subject_key_identifier, "hash"},            \
		{                                                    \
			0, NULL                                      \
		}                                                    \
	}

static inline void
kit_extend(X509 *x509, const struct kit_extension *list)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
	for (; list->value != NULL; list++) {
		X509_EXTENSION *ext =
		    X509V3_EXT_conf_nid(NULL, &ctx, list->nid, list->value);
		assert_true_ssl(ext != NULL);
		assert_true_ssl(X509_add_ext(x509, ext, -1));
		X509_EXTENSION_free(ext);
	}
}

static inline struct cert *
kit_cert(EVP_PKEY *key, const char *name, const struct kit_extension *list,
    const struct person *issuer)
{
	static long serial = 1000;
	struct cert *cert = NULL;
	X509 *x509 = X509_new();

	assert_true_ssl(X509_set_version(x509, X509_VERSION_3));
	ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x509), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400L * 365);
	X509_set_pubkey(x509, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN",
	    MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(x509,
	    issuer == NULL ? X509_get_subject_name(x509)
			   : X509_get_subject_name(cert_x509(issuer->cert)));
	kit_extend(x509, list);
	EVP_PKEY *by = issuer == NULL ? key : issuer->pkey;
	assert_true_ssl(
	    X509_sign(x509, by, kit_digest(by) == NULL ? NULL : EVP_sha256()));
	assert_ok(cert_from_x509(x509, &cert, &kit_err));
	X509_free(x509);
	return cert;
}

/* Takes `key`. */
static inline void
person_init(struct person *person, EVP_PKEY *key, const char *name,
    const struct kit_extension *list, const struct person *issuer)
{
	*person = (struct person){.pkey = key};
	person->cert = kit_cert(key, name, list, issuer);
	person->key = (struct key){&kit_ops, key, KEY_BOTH, key};
	person->identity = (struct identity){person->cert, &person->key, NULL};
}

static inline void
person_done(struct person *person)
{
	cert_free(person->cert);
	EVP_PKEY_free(person->pkey);
	*person = (struct person){0};
}

/* --- files and the judge */

static inline const char *
kit_path(const char *name)
{
	static char path[8][160];
	static int turn;

	turn = (turn + 1) % 8;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", kit_dir, name);
	return path[turn];
}

static inline void
kit_enter(void)
{
	snprintf(kit_dir, sizeof(kit_dir), "/tmp/cms-test-XXXXXX");
	assert_non_null(mkdtemp(kit_dir));
}

static inline void
kit_leave(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", kit_dir);
	assert_int_equal(system(command), 0);
}

static inline void
kit_write(const char *name, struct span bytes)
{
	FILE *file = fopen(kit_path(name), "wb");

	assert_non_null(file);
	if (bytes.len > 0)
		assert_int_equal(
		    fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static inline void
kit_read(const char *name, struct buf *out)
{
	uint8_t bytes[4096];
	size_t len;
	FILE *file = fopen(kit_path(name), "rb");

	assert_non_null(file);
	while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
		assert_ok(buf_add(out, span_of(bytes, len), &kit_err));
	fclose(file);
}

/* NAME.crt and NAME.key, in PEM. */
static inline void
kit_write_person(const char *name, const struct person *person)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.crt", name);
	FILE *out = fopen(kit_path(file), "w");
	assert_non_null(out);
	PEM_write_X509(out, cert_x509(person->cert));
	fclose(out);
	snprintf(file, sizeof(file), "%s.key", name);
	out = fopen(kit_path(file), "w");
	assert_non_null(out);
	PEM_write_PrivateKey(out, person->pkey, NULL, NULL, 0, NULL, NULL);
	fclose(out);
}

/* Run "openssl ARGUMENTS" in the test's directory; its exit status.  What it
 * said is in the file "said". */
static inline int kit_openssl(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static inline int
kit_openssl(const char *format, ...)
{
	char arguments[700], command[900];
	va_list args;

	va_start(args, format);
	vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	snprintf(command, sizeof(command), "cd '%s' && openssl %s >said 2>&1",
	    kit_dir, arguments);
	return system(command);
}

/* The same with a Python program that is in the file `script`. */
static inline int
kit_python(const char *script, const char *arguments)
{
	char command[500];

	snprintf(command, sizeof(command),
	    "cd '%s' && /usr/bin/python3 %s %s >said 2>&1", kit_dir, script,
	    arguments);
	return system(command);
}

/* Does the file have this text? */
static inline bool
kit_has(const char *name, const char *text)
{
	struct buf all BUF_OWNED = BUF_SMALL;

	kit_read(name, &all);
	return span_find(buf_span(&all), span_str(text)) >= 0;
}

#endif
