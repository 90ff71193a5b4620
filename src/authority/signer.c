#include "authority/signer_priv.h"

#include <stdlib.h>

#include "authority/keyfile.h"
#include "pki/crypto.h"
#include "pki/der_write.h"

#define RSA_BITS_MIN 2048
#define SIGNATURE_MAX ((size_t)4096)

/* AlgorithmIdentifiers, whole.  "The parameters field MUST be absent" with
 * ECDSA (RFC 5758 section 3.2) and Ed25519 (RFC 8410 section 3), and NULL with
 * RSA (RFC 4055 section 5). */
#define OF(bytes)                                           \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
static const struct signer_kind kinds[] = {
    {"EC", "prime256v1", "SHA256",
	OF("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")},
    {"EC", "secp384r1", "SHA384",
	OF("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")},
    {"EC", "secp521r1", "SHA512",
	OF("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04")},
    {"RSA", NULL, "SHA256",
	OF("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")},
    {"ED25519", NULL, NULL, OF("\x30\x05\x06\x03\x2b\x65\x70")},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool
is_kind(const EVP_PKEY *key, const struct signer_kind *kind)
{
	char curve[80];
	size_t len = 0;

	if (!EVP_PKEY_is_a(key, kind->type))
		return false;
	return kind->curve == NULL ||
	       (EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) &&
		   strcmp(curve, kind->curve) == 0);
}

static const struct signer_kind *
find_kind(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return NULL;
	for (size_t i = 0; i < KINDS; i++)
		if (is_kind(key, &kinds[i]))
			return &kinds[i];
	return NULL;
}

enum rc
signer_new(EVP_PKEY *key, const struct signer_ops *ops, void *handle,
    struct signer **ret, struct err *err)
{
	const struct signer_kind *kind = find_kind(key);

	if (kind == NULL)
		return err_set(err, RC_UNFIT,
		    "an authority signs with P-256, P-384, P-521, RSA of at "
		    "least %d bits or Ed25519; this key is another",
		    RSA_BITS_MIN);
	struct signer *signer = calloc(1, sizeof(*signer));
	if (signer == NULL || !EVP_PKEY_up_ref(key)) {
		free(signer);
		return err_nomem(err, "key");
	}
	*signer = (struct signer){
	    .ops = ops, .kind = kind, .key = key, .handle = handle};
	*ret = signer;
	return RC_OK;
}

void
signer_free(struct signer *signer)
{
	if (signer == NULL)
		return;
	if (signer->ops->free != NULL)
		signer->ops->free(signer->handle);
	ready_done(&signer->ready);
	EVP_PKEY_free(signer->key);
	free(signer);
}

EVP_PKEY *
signer_public(const struct signer *signer)
{
	return signer->key;
}

struct span
signer_algorithm(const struct signer *signer)
{
	return signer->kind->algorithm;
}

/* --- a key in memory */

static EVP_PKEY_CTX *
new_context(const struct signer *signer, const EVP_MD *digest)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, signer->key, NULL);

	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, digest) != 1)
		return NULL;
	return take(ctx);
}

/* In `room`, which has *len octets; *len: how many are used. */
static bool
sign_digest(struct signer *signer, const EVP_MD *digest, struct span tbs,
    uint8_t *room, size_t *len)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    ready_take(&signer->ready, digest);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned hash_len = 0;

	if (ctx == NULL)
		ctx = new_context(signer, digest);
	if (ctx == NULL ||
	    EVP_Digest(tbs.data, tbs.len, hash, &hash_len, digest, NULL) != 1 ||
	    EVP_PKEY_sign(ctx, room, len, hash, hash_len) != 1)
		return false;
	ready_give(&signer->ready, digest, take(ctx));
	return true;
}

/* Ed25519 has no digest before it. */
static bool
sign_whole(
    const struct signer *signer, struct span tbs, uint8_t *room, size_t *len)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();

	return ctx != NULL &&
	       EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer->key) == 1 &&
	       EVP_DigestSign(ctx, room, len, tbs.data, tbs.len) == 1;
}

static enum rc
sign_here(struct signer *signer, struct span tbs, struct buf *signature,
    struct err *err)
{
	const EVP_MD *digest = crypto_digest(signer->key);
	size_t len = (size_t)EVP_PKEY_get_size(signer->key);
	uint8_t *room = NULL;

	TRY(buf_reserve(signature, len, &room, err));
	if (!(digest != NULL ? sign_digest(signer, digest, tbs, room, &len)
			     : sign_whole(signer, tbs, room, &len)))
		return crypto_failed(err, "sign");
	buf_grown(signature, len);
	return RC_OK;
}

static const struct signer_ops here = {.sign = sign_here};

enum rc
signer_key(EVP_PKEY *key, struct signer **ret, struct err *err)
{
	return signer_new(key, &here, NULL, ret, err);
}

enum rc
signer_file(struct span pem, struct span passphrase, struct signer **ret,
    struct err *err)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = NULL;

	TRY(keyfile_parse(pem, passphrase, &key, err));
	return signer_key(key, ret, err);
}

/* --- signatures, wherever the key is */

enum rc
signer_sign(struct signer *signer, struct span tbs, struct buf *signature,
    struct err *err)
{
	return signer->ops->sign(signer, tbs, signature, err);
}

static enum rc
wrap(struct span tbs, struct span algorithm, struct span signature,
    struct buf *der, struct err *err)
{
	size_t at;

	TRY(der_write_begin(der, DER_SEQUENCE, &at, err));
	TRY(buf_add(der, tbs, err));
	TRY(buf_add(der, algorithm, err));
	TRY(der_write_bits(der, signature, err));
	return der_write_end(der, at, err);
}

enum rc
signer_wrap(
    struct signer *signer, struct span tbs, struct buf *der, struct err *err)
{
	struct buf signature BUF_OWNED = BUF(SIGNATURE_MAX);
	size_t before = der->len;

	TRY(signer_sign(signer, tbs, &signature, err));
	enum rc rc =
	    wrap(tbs, signer_algorithm(signer), buf_span(&signature), der, err);
	if (rc != RC_OK)
		buf_cut(der, before);
	return rc;
}
