/* What a key may be used for: each operation looks at the bytes first. */
#include <stdatomic.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "pki/crypto.h"
#include "pki/der.h"
#include "vault/vault_priv.h"

#define ATTRIBUTES_MAX ((size_t)256 * 1024)
#define INFO_MAX ((size_t)64 * 1024)
#define TLS_SPACES 64
#define TLS_CONTEXT "TLS 1.3, client CertificateVerify"
#define CONTENT_KEY_MAX 64
#define RSA_MAX_BYTES 2048
#define OAEP_LABEL_MAX 1024

static struct entry *
entry_of(const struct key *key)
{
	return key->handle;
}

static EVP_PKEY *
private_of(const struct key *key)
{
	return entry_of(key)->private_key;
}

/* ---- signing ------------------------------------------------------------ */

static bool
set_pss(EVP_PKEY_CTX *ctx, const struct crypto_pss *pss)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, pss->digest) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, pss->salt) == 1;
}

/* Ed25519 and its like take the bytes themselves. */
static enum rc
sign_pure(const struct key *key, struct span bytes, struct buf *signature,
    struct err *err)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	size_t len = (size_t)EVP_PKEY_get_size(key->public_key);
	uint8_t *room;

	if (ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, private_of(key)) != 1)
		return crypto_failed(err, "signing");
	TRY(buf_reserve(signature, len, &room, err));
	if (EVP_DigestSign(ctx, room, &len, bytes.data, bytes.len) != 1)
		return crypto_failed(err, "signing");
	buf_grown(signature, len);
	return RC_OK;
}

static enum rc
new_signing(const struct key *key, const EVP_MD *md, EVP_PKEY_CTX **ret,
    struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, private_of(key), NULL);

	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return crypto_failed(err, "signing");
	*ret = take(ctx);
	return RC_OK;
}

/* The digest is made by hand, for EVP_DigestSignInit() would fetch it each
 * time. */
static enum rc
sign_digest(EVP_PKEY_CTX *ctx, const EVP_MD *md, struct span bytes,
    struct buf *signature, struct err *err)
{
	uint8_t hash[EVP_MAX_MD_SIZE], *room;
	unsigned hash_len = 0;
	size_t len = (size_t)EVP_PKEY_get_size(EVP_PKEY_CTX_get0_pkey(ctx));

	if (EVP_Digest(bytes.data, bytes.len, hash, &hash_len, md, NULL) != 1)
		return crypto_failed(err, "signing");
	TRY(buf_reserve(signature, len, &room, err));
	if (EVP_PKEY_sign(ctx, room, &len, hash, hash_len) != 1)
		return crypto_failed(err, "signing");
	buf_grown(signature, len);
	return RC_OK;
}

static enum rc
sign_with_digest(const struct key *key, struct span bytes,
    struct buf *signature, struct err *err)
{
	struct entry *entry = entry_of(key);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    ready_take(&entry->signing, NULL);

	if (ctx == NULL)
		TRY(new_signing(key, entry->digest, &ctx, err));
	TRY(sign_digest(ctx, entry->digest, bytes, signature, err));
	ready_give(&entry->signing, NULL, take(ctx));
	return RC_OK;
}

static enum rc
sign_with_pss(const struct key *key, struct span bytes, struct buf *signature,
    struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = NULL;
	struct crypto_pss pss;

	TRY(crypto_pss(key->public_key, &pss, err));
	TRY(new_signing(key, pss.digest, &ctx, err));
	if (!set_pss(ctx, &pss))
		return crypto_failed(err, "signing");
	return sign_digest(ctx, pss.digest, bytes, signature, err);
}

static enum rc
sign_bytes(const struct key *key, struct span bytes, struct buf *signature,
    struct err *err)
{
	if (entry_of(key)->digest != NULL)
		return sign_with_digest(key, bytes, signature, err);
	if (EVP_PKEY_is_a(key->public_key, "RSA-PSS"))
		return sign_with_pss(key, bytes, signature, err);
	return sign_pure(key, bytes, signature, err);
}

static enum rc
check_purpose(const struct key *key, enum key_purpose purpose, struct err *err)
{
	if (key->purpose == purpose || key->purpose == KEY_BOTH)
		return RC_OK;
	return err_set(err, RC_UNFIT, "this key is not for %s",
	    purpose == KEY_SIGN ? "signing" : "decrypting");
}

struct attributes {
	int content_types, digests;
};

/* One value in the SET, of that kind. */
static bool
has_one_value(struct span values, uint8_t tag)
{
	struct der value;

	return der_expect(&values, tag, &value, NULL) == RC_OK &&
	       value.value.len > 0 && values.len == 0;
}

static enum rc
read_attribute(struct span attribute, struct attributes *seen, struct err *err)
{
	static const uint8_t pkcs9[] = {
	    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09};
	static const uint8_t content_type = 3, message_digest = 4;
	struct der oid, values;

	TRY(der_expect(&attribute, DER_OID, &oid, err));
	TRY(der_expect(&attribute, DER_SET, &values, err));
	if (attribute.len > 0 || values.value.len == 0)
		return err_set(err, RC_SYNTAX, "an attribute without a value");
	if (oid.value.len != sizeof(pkcs9) + 1 ||
	    !span_is(span_first(oid.value, sizeof(pkcs9)),
		span_of(pkcs9, sizeof(pkcs9))))
		return RC_OK;
	uint8_t last = oid.value.data[sizeof(pkcs9)];
	if (last == content_type && ++seen->content_types == 1 &&
	    has_one_value(values.value, DER_OID))
		return RC_OK;
	if (last == message_digest && ++seen->digests == 1 &&
	    has_one_value(values.value, DER_OCTETS))
		return RC_OK;
	return last != content_type && last != message_digest
		   ? RC_OK
		   : err_set(err, RC_SYNTAX,
			 "contentType and messageDigest have one value each");
}

static enum rc
read_attributes(struct span set, struct attributes *seen, struct err *err)
{
	struct span before = SPAN_NONE;
	struct der attribute;

	while (set.len > 0) {
		TRY(der_expect(&set, DER_SEQUENCE, &attribute, err));
		/* DER's order; no element can be the beginning of another */
		if (span_order(before, attribute.whole) > 0)
			return err_set(err, RC_SYNTAX, "not in DER's order");
		before = attribute.whole;
		TRY(read_attribute(attribute.value, seen, err));
	}
	return RC_OK;
}

/* Nothing else that a key signs begins like this: a TLS login begins with
 * spaces, a request with a SEQUENCE. */
static enum rc
check_attributes(struct span bytes, struct err *err)
{
	struct attributes seen = {0};
	struct der set;

	if (bytes.len > ATTRIBUTES_MAX)
		return err_set(err, RC_UNFIT, "too long");
	TRY(der_check(bytes, err));
	TRY(der_expect(&bytes, DER_SET, &set, err));
	TRY(read_attributes(set.value, &seen, err));
	if (seen.content_types != 1 || seen.digests != 1)
		return err_set(err, RC_SYNTAX,
		    "contentType and messageDigest are not both there");
	return RC_OK;
}

static enum rc
sign_attributes(const struct key *key, struct span attributes,
    struct buf *signature, struct err *err)
{
	TRY(check_purpose(key, KEY_SIGN, err));
	if (check_attributes(attributes, err) != RC_OK)
		return err_prefix(
		    err, RC_UNFIT, "these are no signed attributes");
	return sign_bytes(key, attributes, signature, err);
}

static enum rc
sign_attributes_pss(const struct key *key, struct span attributes,
    struct buf *signature, struct err *err)
{
	TRY(check_purpose(key, KEY_SIGN, err));
	if (!EVP_PKEY_is_a(key->public_key, "RSA") &&
	    !EVP_PKEY_is_a(key->public_key, "RSA-PSS"))
		return err_set(err, RC_UNFIT, "PSS wants an RSA key");
	if (check_attributes(attributes, err) != RC_OK)
		return err_prefix(
		    err, RC_UNFIT, "these are no signed attributes");
	return sign_with_pss(key, attributes, signature, err);
}

/* RFC 8446 section 4.4.3 */
static bool
is_tls_login(struct span content)
{
	size_t len = TLS_SPACES + sizeof(TLS_CONTEXT);

	if (content.len != len + 32 && content.len != len + 48)
		return false;
	for (size_t i = 0; i < TLS_SPACES; i++)
		if (content.data[i] != ' ')
			return false;
	/* with the NUL that sizeof() counts */
	return span_is(span_of(content.data + TLS_SPACES, sizeof(TLS_CONTEXT)),
	    span_of(TLS_CONTEXT, sizeof(TLS_CONTEXT)));
}

static enum rc
sign_tls(const struct key *key, struct span content, struct buf *signature,
    struct err *err)
{
	TRY(check_purpose(key, KEY_SIGN, err));
	if (!is_tls_login(content))
		return err_set(
		    err, RC_UNFIT, "this is no TLS 1.3 login of a client");
	/* RFC 8446 section 4.2.3: RSA signs with PSS, and no longer otherwise */
	if (EVP_PKEY_is_a(key->public_key, "RSA"))
		return sign_with_pss(key, content, signature, err);
	return sign_bytes(key, content, signature, err);
}

static enum rc
check_request(const struct key *key, struct span info, struct err *err)
{
	struct der all, version, subject, public_key;

	TRY(der_check(info, err));
	TRY(der_expect(&info, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_INTEGER, &version, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &subject, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &public_key, err));
	unsigned char *own = NULL;
	int len = i2d_PUBKEY(key->public_key, &own);
	bool same =
	    len > 0 && span_is(public_key.whole, span_of(own, (size_t)len));
	OPENSSL_free(own);
	if (!same)
		return err_set(err, RC_UNFIT, "the key in it is another");
	if (!span_is(version.value, span_of("", 1)))
		return err_set(err, RC_UNFIT, "its version is not 0");
	TRY(der_expect(&all.value, DER_CONTEXT_0, &subject, err));
	return all.value.len == 0
		   ? RC_OK
		   : err_set(err, RC_UNFIT, "bytes behind its end");
}

/* Every key may, a decrypting one too: it proves possession. */
static enum rc
sign_request(const struct key *key, struct span info, struct buf *signature,
    struct err *err)
{
	if (info.len > INFO_MAX)
		return err_set(err, RC_UNFIT, "the request is too long");
	if (check_request(key, info, err) != RC_OK)
		return err_prefix(
		    err, RC_UNFIT, "no request for this key's certificate");
	return sign_bytes(key, info, signature, err);
}

/* ---- decrypting --------------------------------------------------------- */

/* The keys that are a number and no point: each 32 or 56 bytes is one, and the
 * library refuses those that would yield zeros. */
static const struct montgomery {
	const char *name;
	size_t len;
} montgomery[] = {{"X25519", 32}, {"X448", 56}};

static const struct montgomery *
find_montgomery(const EVP_PKEY *key)
{
	for (size_t i = 0; i < sizeof(montgomery) / sizeof(*montgomery); i++)
		if (EVP_PKEY_is_a(key, montgomery[i].name))
			return &montgomery[i];
	return NULL;
}

static enum rc
make_number(const struct montgomery *kind, struct span number, EVP_PKEY **ret,
    struct err *err)
{
	if (number.len != kind->len)
		return err_set(err, RC_CRYPTO, "no public key of %s: %zu bytes",
		    kind->name, number.len);
	*ret = EVP_PKEY_new_raw_public_key_ex(
	    NULL, kind->name, NULL, number.data, number.len);
	return *ret != NULL ? RC_OK : crypto_failed(err, "key agreement");
}

static enum rc
make_peer_on_curve(const struct key *key, EVP_PKEY **ret, struct err *err)
{
	EVP_PKEY *peer OWNED(EVP_PKEY_free) = EVP_PKEY_new();

	if (peer == NULL ||
	    EVP_PKEY_copy_parameters(peer, key->public_key) != 1)
		return crypto_failed(err, "key agreement");
	*ret = take(peer);
	return RC_OK;
}

/* A point on this key's curve: the library refuses others, which would give
 * the private key away bit by bit (invalid-curve attack). */
static enum rc
make_point(
    const struct key *key, struct span point, EVP_PKEY **ret, struct err *err)
{
	EVP_PKEY *peer OWNED(EVP_PKEY_free) =
	    atomic_exchange(&entry_of(key)->peer, NULL);

	if (point.len == 0 || point.len > 200 ||
	    (point.data[0] != 2 && point.data[0] != 3 && point.data[0] != 4))
		return err_set(err, RC_CRYPTO, "no point of the curve");
	if (peer == NULL)
		TRY(make_peer_on_curve(key, &peer, err));
	if (EVP_PKEY_set1_encoded_public_key(peer, point.data, point.len) != 1)
		return crypto_failed(err, "no point of the curve");
	*ret = take(peer);
	return RC_OK;
}

static enum rc
make_peer(
    const struct key *key, struct span bytes, EVP_PKEY **ret, struct err *err)
{
	const struct montgomery *kind = entry_of(key)->montgomery;

	if (kind != NULL)
		return make_number(kind, bytes, ret, err);
	if (!EVP_PKEY_is_a(key->public_key, "EC"))
		return err_set(
		    err, RC_UNFIT, "key agreement wants an elliptic curve key");
	return make_point(key, bytes, ret, err);
}

static enum rc
new_agreement(const struct key *key, EVP_PKEY_CTX **ret, struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, private_of(key), NULL);

	if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1)
		return crypto_failed(err, "key agreement");
	*ret = take(ctx);
	return RC_OK;
}

static enum rc
agree_with(EVP_PKEY_CTX *ctx, EVP_PKEY *peer, bool check, struct buf *out,
    struct err *err)
{
	size_t len = 0;
	uint8_t *room;

	if (EVP_PKEY_derive_set_peer_ex(ctx, peer, check) != 1 ||
	    EVP_PKEY_derive(ctx, NULL, &len) != 1)
		return crypto_failed(err, "key agreement");
	TRY(buf_reserve(out, len, &room, err));
	if (EVP_PKEY_derive(ctx, room, &len) != 1)
		return crypto_failed(err, "key agreement");
	buf_grown(out, len);
	return RC_OK;
}

static enum rc
agree(
    const struct key *key, struct span bytes, struct buf *out, struct err *err)
{
	struct entry *entry = entry_of(key);
	EVP_PKEY *peer OWNED(EVP_PKEY_free) = NULL;

	if (!out->secret)
		bug("a shared secret goes into a secret buf");
	TRY(check_purpose(key, KEY_DECRYPT, err));
	TRY(make_peer(key, bytes, &peer, err));
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    ready_take(&entry->opening, NULL);
	if (ctx == NULL)
		TRY(new_agreement(key, &ctx, err));
	TRY(agree_with(ctx, peer, entry->wants_order_check, out, err));
	ready_give(&entry->opening, NULL, take(ctx));
	if (entry->montgomery == NULL)
		EVP_PKEY_free(atomic_exchange(&entry->peer, take(peer)));
	return RC_OK;
}

/* The label is the library's to free. */
static bool
set_label(EVP_PKEY_CTX *ctx, struct span label)
{
	if (label.len == 0)
		return true;
	void *copy = OPENSSL_memdup(label.data, label.len);
	if (copy != NULL &&
	    EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.len) == 1)
		return true;
	OPENSSL_free(copy);
	return false;
}

static enum rc
set_oaep(EVP_PKEY_CTX *ctx, const struct key_oaep *oaep, struct err *err)
{
	if (oaep == NULL)
		return RC_OK;
	if (oaep->label.len <= OAEP_LABEL_MAX &&
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, oaep->digest, NULL) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, oaep->mask, NULL) == 1 &&
	    set_label(ctx, oaep->label))
		return RC_OK;
	ERR_clear_error();
	return err_set(err, RC_UNFIT,
	    "key transport: OAEP with %s and %s is not supported", oaep->digest,
	    oaep->mask);
}

/* `oaep` NULL: without a padding. */
static enum rc
new_decryption(const struct key *key, const struct key_oaep *oaep,
    EVP_PKEY_CTX **ret, struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, private_of(key), NULL);
	int padding = oaep != NULL ? RSA_PKCS1_OAEP_PADDING : RSA_NO_PADDING;

	if (ctx == NULL || EVP_PKEY_decrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1)
		return crypto_failed(err, "key transport");
	TRY(set_oaep(ctx, oaep, err));
	*ret = take(ctx);
	return RC_OK;
}

static enum rc
decrypt_rsa(
    EVP_PKEY_CTX *ctx, struct span wrapped, struct buf *out, struct err *err)
{
	size_t len = RSA_MAX_BYTES;
	uint8_t *room;

	TRY(buf_reserve(out, len, &room, err));
	if (EVP_PKEY_decrypt(ctx, room, &len, wrapped.data, wrapped.len) != 1) {
		ERR_clear_error();
		return err_set(
		    err, RC_CRYPTO, "key transport: it did not open");
	}
	buf_grown(out, len);
	return RC_OK;
}

static enum rc
decrypt_bare(const struct key *key, struct span wrapped, struct buf *out,
    struct err *err)
{
	struct ready *ready = &entry_of(key)->opening;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = ready_take(ready, NULL);

	if (ctx == NULL)
		TRY(new_decryption(key, NULL, &ctx, err));
	TRY(decrypt_rsa(ctx, wrapped, out, err));
	ready_give(ready, NULL, take(ctx));
	return RC_OK;
}

/* 0xff if the byte is zero, else 0; without a branch. */
static uint8_t
mask_if_zero(uint8_t byte)
{
	return (uint8_t)((((uint32_t)byte - 1) >> 8) & 0xff);
}

/* 00 02, at least eight bytes that are not zero, 00, the content key.  We know
 * how long the key must be, so its place is known and everything can be
 * looked at in the same time whatever it is (RFC 3218: the million message
 * attack lives on the difference).  0xff: right, 0: wrong. */
static uint8_t
padding_mask(struct span block, size_t want)
{
	size_t end = block.len - want - 1;
	uint8_t bad =
	    (uint8_t)(block.data[0] | (block.data[1] ^ 2) | block.data[end]);

	for (size_t i = 2; i < end; i++)
		bad |= mask_if_zero(block.data[i]);
	return mask_if_zero(bad);
}

static enum rc
unwrap_pkcs1(const struct key *key, struct span wrapped, size_t want,
    struct buf *out, struct err *err)
{
	struct buf block BUF_OWNED = BUF_SECRET(RSA_MAX_BYTES);
	uint8_t other[CONTENT_KEY_MAX];
	uint8_t *room;

	TRY(decrypt_bare(key, wrapped, &block, err));
	if (block.len < want + 11)
		return err_set(err, RC_UNFIT, "key transport: key too long");
	TRY(buf_reserve(out, want, &room, err));
	if (RAND_priv_bytes(other, sizeof(other)) != 1)
		return crypto_failed(err, "random bytes");
	uint8_t right = padding_mask(buf_span(&block), want);
	const uint8_t *real = block.data + block.len - want;
	for (size_t i = 0; i < want; i++)
		room[i] =
		    (uint8_t)((real[i] & right) | (other[i] & (uint8_t)~right));
	OPENSSL_cleanse(other, sizeof(other));
	buf_grown(out, want);
	return RC_OK;
}

static enum rc
unwrap_oaep(const struct key *key, struct span wrapped,
    const struct key_oaep *oaep, size_t want, struct buf *out, struct err *err)
{
	struct buf opened BUF_OWNED = BUF_SECRET(RSA_MAX_BYTES);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = NULL;

	TRY(new_decryption(key, oaep, &ctx, err));
	TRY(decrypt_rsa(ctx, wrapped, &opened, err));
	if (opened.len != want)
		return err_set(
		    err, RC_CRYPTO, "key transport: it did not open");
	return buf_add(out, buf_span(&opened), err);
}

static enum rc
unwrap(const struct key *key, struct span wrapped, const struct key_oaep *oaep,
    size_t want, struct buf *out, struct err *err)
{
	if (!out->secret)
		bug("a content key goes into a secret buf");
	TRY(check_purpose(key, KEY_DECRYPT, err));
	if (!EVP_PKEY_is_a(key->public_key, "RSA"))
		return err_set(err, RC_UNFIT, "key transport wants an RSA key");
	if (want == 0 || want > CONTENT_KEY_MAX)
		return err_set(
		    err, RC_UNFIT, "a content key of %zu bytes is none", want);
	if (EVP_PKEY_get_size(key->public_key) > RSA_MAX_BYTES)
		return err_set(err, RC_UNFIT,
		    "key transport: an RSA key of more than %d bits",
		    RSA_MAX_BYTES * 8);
	if (wrapped.len != (size_t)EVP_PKEY_get_size(key->public_key))
		return err_set(
		    err, RC_CRYPTO, "key transport: not of the key's length");
	if (oaep == NULL)
		return unwrap_pkcs1(key, wrapped, want, out, err);
	return unwrap_oaep(key, wrapped, oaep, want, out, err);
}

#if OPENSSL_VERSION_NUMBER >= 0x30500000L

static enum rc
decapsulate_with(const struct key *key, struct span ciphertext, struct buf *out,
    struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, private_of(key), NULL);
	size_t len = 0;
	uint8_t *room;

	if (ctx == NULL || EVP_PKEY_decapsulate_init(ctx, NULL) != 1 ||
	    EVP_PKEY_decapsulate(
		ctx, NULL, &len, ciphertext.data, ciphertext.len) != 1)
		return crypto_failed(err, "ML-KEM");
	TRY(buf_reserve(out, len, &room, err));
	if (EVP_PKEY_decapsulate(
		ctx, room, &len, ciphertext.data, ciphertext.len) != 1)
		return crypto_failed(err, "ML-KEM");
	buf_grown(out, len);
	return RC_OK;
}

#else

static enum rc
decapsulate_with(const struct key *key, struct span ciphertext, struct buf *out,
    struct err *err)
{
	return err_set(err, RC_UNFIT, "ML-KEM is not in this build's OpenSSL");
}

#endif

static enum rc
decapsulate(const struct key *key, struct span ciphertext, struct buf *out,
    struct err *err)
{
	if (!out->secret)
		bug("a shared secret goes into a secret buf");
	TRY(check_purpose(key, KEY_DECRYPT, err));
	if (!EVP_PKEY_is_a(key->public_key, "ML-KEM-768") &&
	    !EVP_PKEY_is_a(key->public_key, "ML-KEM-1024"))
		return err_set(
		    err, RC_UNFIT, "decapsulation wants an ML-KEM key");
	return decapsulate_with(key, ciphertext, out, err);
}

/* ---- all of them -------------------------------------------------------- */

void
vault_prepare(struct entry *entry)
{
	const EVP_PKEY *key = entry->private_key;

	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC"))
		entry->digest = crypto_digest(key);
	entry->montgomery = find_montgomery(key);
	entry->wants_order_check = crypto_wants_order_check(key);
}

const struct key_ops vault_key_ops = {
    .sign_attributes = sign_attributes,
    .sign_attributes_pss = sign_attributes_pss,
    .sign_tls = sign_tls,
    .sign_request = sign_request,
    .agree = agree,
    .unwrap = unwrap,
    .decapsulate = decapsulate,
};
