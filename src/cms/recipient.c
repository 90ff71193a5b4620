#include "cms/recipient_priv.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "cms/agree_priv.h"
#include "cms/padding_priv.h"
#include "cms/shape_priv.h"

/* RFC 5652 sections 6.2.1 and 6.2.2 */
#define TRANSPORT_BY_SERIAL 0
#define TRANSPORT_BY_KEY_ID 2
#define AGREE_VERSION 3

struct recipient_place {
	struct shape_recipient *whole;
	const struct shape_transport *transport; /* one of the two */
	const struct shape_agree *agree;
	const struct shape_agree_key *agree_key;
};

OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(EVP_PKEY_CTX, EVP_PKEY_CTX_free);

static void
recipient_free(struct shape_recipient *recipient)
{
	shape_free(ASN1_ITEM_rptr(SHAPE_RECIPIENT), recipient);
}
OWNER(struct shape_recipient, recipient_free);

/* --- reading */

static void
place_free(struct recipient_place *place)
{
	if (place == NULL)
		return;
	recipient_free(place->whole);
	free(place);
}
OWNER(struct recipient_place, place_free);

void
recipient_matches_done(struct recipient_matches *matches)
{
	while (matches->len > 0)
		place_free(matches->item[--matches->len].place);
}

static enum rc
parse(struct span der, struct shape_recipient **ret, struct err *err)
{
	void *value = NULL;

	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_RECIPIENT), der, "RecipientInfo",
	    &value, err));
	*ret = value;
	return RC_OK;
}

/* `agree_key`: which of the keys; ignored for a KeyTransRecipientInfo. */
static enum rc
add_match(struct span der, int agree_key, const struct recipient_own *own,
    struct recipient_matches *ret, struct err *err)
{
	if (ret->len >= RECIPIENT_MATCHES_MAX)
		return RC_OK;
	struct recipient_place *place OWNED(place_free) =
	    calloc(1, sizeof(*place));
	if (place == NULL)
		return err_nomem(err, "recipient");
	TRY(parse(der, &place->whole, err));
	if (place->whole->type == SHAPE_TRANSPORT) {
		place->transport = place->whole->d.transport;
	} else {
		place->agree = place->whole->d.agree;
		place->agree_key =
		    OPENSSL_sk_value(place->agree->keys, agree_key);
	}
	ret->item[ret->len++] = (struct recipient_match){own, take(place)};
	return RC_OK;
}

static bool
names_transport(const struct shape_transport *transport, X509 *x509)
{
	if (transport->id->type == SHAPE_BY_SERIAL)
		return shape_id_is(transport->id->d.by_serial, x509);
	return shape_key_id_is(transport->id->d.by_key_id, x509);
}

static bool
names_agree(const struct shape_agree_key *key, X509 *x509)
{
	if (key->id->type == SHAPE_BY_SERIAL)
		return shape_id_is(key->id->d.by_serial, x509);
	return shape_key_id_is(key->id->d.by_key_id->key_id, x509);
}

static enum rc
match_agree(const struct shape_agree *agree, struct span der,
    const struct recipient_own *own, struct recipient_matches *ret,
    struct err *err)
{
	for (int i = 0; i < OPENSSL_sk_num(agree->keys); i++)
		if (names_agree(
			OPENSSL_sk_value(agree->keys, i), cert_x509(own->cert)))
			TRY(add_match(der, i, own, ret, err));
	return RC_OK;
}

static enum rc
match_recipient(const struct shape_recipient *r, struct span der,
    const struct recipient_own *own, struct recipient_matches *ret,
    struct err *err)
{
	if (own->cert == NULL)
		return RC_OK;
	if (r->type == SHAPE_TRANSPORT &&
	    names_transport(r->d.transport, cert_x509(own->cert)))
		TRY(add_match(der, 0, own, ret, err));
	if (r->type == SHAPE_AGREE)
		TRY(match_agree(r->d.agree, der, own, ret, err));
	return RC_OK;
}

static enum rc
count(const struct shape_recipient *r, size_t *ret_count, struct err *err)
{
	*ret_count += r->type == SHAPE_AGREE
			  ? (size_t)OPENSSL_sk_num(r->d.agree->keys)
			  : 1;
	if (*ret_count > RECIPIENTS_MAX)
		return err_set(
		    err, RC_LIMIT, "sealed for more than %d", RECIPIENTS_MAX);
	return RC_OK;
}

enum rc
recipient_look(struct span der, const struct recipient_own *own, size_t own_len,
    struct recipient_matches *ret, size_t *ret_count, struct err *err)
{
	struct shape_recipient *r OWNED(recipient_free) = NULL;

	TRY(parse(der, &r, err));
	TRY(count(r, ret_count, err));
	for (size_t i = 0; i < own_len; i++)
		TRY(match_recipient(r, der, &own[i], ret, err));
	return RC_OK;
}

static enum rc
check_transport(const struct shape_transport *transport, struct err *err)
{
	char name[80] = "unnamed";
	const ASN1_OBJECT *object;

	long version = shape_version(transport->version);
	if (version != TRANSPORT_BY_SERIAL && version != TRANSPORT_BY_KEY_ID)
		return err_set(
		    err, RC_SYNTAX, "KeyTransRecipientInfo of unknown version");
	switch (shape_nid(transport->scheme)) {
	case NID_rsaEncryption:
		if (shape_is_bare(transport->scheme))
			return RC_OK;
		return err_set(err, RC_SYNTAX,
		    "RSA key transport with parameters that it cannot have");
	case NID_rsaesOaep:
		if (padding_oaep(transport->scheme) != NULL)
			return RC_OK;
		return err_set(err, RC_UNFIT,
		    "sealed with RSAES-OAEP parameters not supported here");
	default:
		X509_ALGOR_get0(&object, NULL, NULL, transport->scheme);
		OBJ_obj2txt(name, sizeof(name), object, 0);
		return err_set(err, RC_UNFIT,
		    "sealed with a key transport not supported here: %s", name);
	}
}

static enum rc
check_agree(const struct shape_agree *agree, struct err *err)
{
	if (shape_version(agree->version) != AGREE_VERSION)
		return err_set(
		    err, RC_SYNTAX, "KeyAgreeRecipientInfo of unknown version");
	if (agree->originator->type != SHAPE_ORIGINATOR_POINT)
		return err_set(err, RC_UNFIT,
		    "sealed with the sender's static key, which is not "
		    "supported");
	if (shape_nid(agree->originator->d.point->algorithm) !=
	    NID_X9_62_id_ecPublicKey)
		return err_set(err, RC_UNFIT,
		    "sealed with an ephemeral key of a kind not supported");
	/* bits that are not there: a point is whole bytes */
	if ((agree->originator->d.point->key->flags & 0x07) != 0)
		return err_set(err, RC_SYNTAX, "no whole ephemeral key");
	return agree_check_scheme(agree, err);
}

enum rc
recipient_check(const struct recipient_match *match, struct err *err)
{
	if (match->place->agree != NULL)
		return check_agree(match->place->agree, err);
	return check_transport(match->place->transport, err);
}

static enum rc
unwrap_transport(const struct recipient_match *match, size_t want,
    struct buf *cek, struct err *err)
{
	const struct key *key = match->own->key;
	const char *oaep =
	    shape_nid(match->place->transport->scheme) == NID_rsaesOaep
		? padding_oaep(match->place->transport->scheme)
		: NULL;

	if (EVP_PKEY_get_base_id(
		X509_get0_pubkey(cert_x509(match->own->cert))) != EVP_PKEY_RSA)
		return RC_CRYPTO;
	return key->ops->unwrap(key,
	    shape_span(match->place->transport->encrypted_key), oaep, want, cek,
	    err);
}

static enum rc
unwrap_agree(
    const struct recipient_match *match, struct buf *cek, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(1024);
	const struct key *key = match->own->key;

	if (EVP_PKEY_get_base_id(
		X509_get0_pubkey(cert_x509(match->own->cert))) != EVP_PKEY_EC)
		return RC_CRYPTO;
	TRY(key->ops->agree(key,
	    shape_span(match->place->agree->originator->d.point->key), &secret,
	    err));
	return agree_unwrap(match->place->agree, buf_span(&secret),
	    shape_span(match->place->agree_key->encrypted_key), cek, err);
}

enum rc
recipient_unwrap(const struct recipient_match *match, size_t want,
    struct buf *cek, struct err *err)
{
	if (match->place->agree != NULL)
		return unwrap_agree(match, cek, err);
	return unwrap_transport(match, want, cek, err);
}

/* --- writing */

/* RSA PKCS#1 v1.5: the only key transport every mail program reads. */
static enum rc
wrap_rsa(struct span cek, EVP_PKEY *to, ASN1_OCTET_STRING *out, struct err *err)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL;
	uint8_t *room;
	size_t len = (size_t)EVP_PKEY_get_size(to);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = EVP_PKEY_CTX_new(to, NULL);

	TRY(buf_reserve(&wrapped, len, &room, err));
	if (ctx == NULL || EVP_PKEY_encrypt_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) <= 0 ||
	    EVP_PKEY_encrypt(ctx, room, &len, cek.data, cek.len) <= 0 ||
	    !ASN1_OCTET_STRING_set(out, room, (int)len))
		return shape_fail(err, "encrypting for an RSA key");
	return RC_OK;
}

static enum rc
fill_transport(struct span cek, const struct cert *cert,
    struct shape_recipient *recipient, struct err *err)
{
	void *value = NULL;
	X509 *x509 = cert_x509(cert);

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_TRANSPORT), &value, err));
	struct shape_transport *transport = value;
	recipient->type = SHAPE_TRANSPORT;
	recipient->d.transport = transport;
	TRY(shape_set_version(transport->version, 0, err));
	TRY(shape_set_serial(transport->id, x509, err));
	TRY(shape_set_algorithm_null(
	    transport->scheme, NID_rsaEncryption, err));
	return wrap_rsa(
	    cek, X509_get0_pubkey(x509), transport->encrypted_key, err);
}

/* Fresh for each recipient, so that nothing links two letters. */
static enum rc
make_ephemeral(EVP_PKEY *to, EVP_PKEY **ret, struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = EVP_PKEY_CTX_new(to, NULL);

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_keygen(ctx, ret) <= 0)
		return shape_fail(err, "making an ephemeral key");
	return RC_OK;
}

static enum rc
derive(EVP_PKEY *own, EVP_PKEY *to, struct buf *ret_secret, struct err *err)
{
	size_t len = 0;
	uint8_t *room;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new(own, NULL);

	if (ctx == NULL || EVP_PKEY_derive_init(ctx) <= 0 ||
	    EVP_PKEY_derive_set_peer(ctx, to) <= 0 ||
	    EVP_PKEY_derive(ctx, NULL, &len) <= 0)
		return shape_fail(err, "key agreement");
	TRY(buf_reserve(ret_secret, len, &room, err));
	if (EVP_PKEY_derive(ctx, room, &len) <= 0)
		return shape_fail(err, "key agreement");
	buf_grown(ret_secret, len);
	return RC_OK;
}

static enum rc
fill_point(struct shape_originator *originator, EVP_PKEY *own, struct err *err)
{
	void *value = NULL;
	uint8_t *bytes = NULL;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_POINT), &value, err));
	originator->type = SHAPE_ORIGINATOR_POINT;
	originator->d.point = value;
	/* parameters absent: the curve is the recipient's (RFC 5753 3.1.1) */
	TRY(shape_set_algorithm(
	    originator->d.point->algorithm, NID_X9_62_id_ecPublicKey, err));
	size_t len = EVP_PKEY_get1_encoded_public_key(own, &bytes);
	int ok = len > 0 &&
		 ASN1_BIT_STRING_set(originator->d.point->key, bytes, (int)len);
	OPENSSL_free(bytes);
	if (!ok)
		return shape_fail(err, "ephemeral key");
	/* else the encoder cuts zero bits off the end */
	ASN1_BIT_STRING *key = originator->d.point->key;
	key->flags = (key->flags & ~0x07L) | ASN1_STRING_FLAG_BITS_LEFT;
	return RC_OK;
}

static enum rc
add_agree_key(const struct cert *cert, struct shape_agree *agree,
    struct shape_agree_key **ret, struct err *err)
{
	void *value = NULL;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_AGREE_KEY), &value, err));
	struct shape_agree_key *key = value;
	if (!OPENSSL_sk_push(agree->keys, key)) {
		shape_free(ASN1_ITEM_rptr(SHAPE_AGREE_KEY), key);
		return err_nomem(err, "recipient");
	}
	struct shape_signer_id id = {-1, {NULL}};
	enum rc rc = shape_set_serial(&id, cert_x509(cert), err);
	key->id->type = SHAPE_BY_SERIAL;
	key->id->d.by_serial = id.d.by_serial;
	*ret = key;
	return rc;
}

static enum rc
wrap_agreed(struct span cek, EVP_PKEY *to, struct shape_agree *agree,
    struct shape_agree_key *key, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(1024);
	struct buf wrapped BUF_OWNED = BUF_SMALL;
	EVP_PKEY *own OWNED(EVP_PKEY_free) = NULL;

	TRY(make_ephemeral(to, &own, err));
	TRY(fill_point(agree->originator, own, err));
	TRY(derive(own, to, &secret, err));
	TRY(agree_wrap(agree, buf_span(&secret), cek, &wrapped, err));
	if (!ASN1_OCTET_STRING_set(
		key->encrypted_key, wrapped.data, (int)wrapped.len))
		return err_nomem(err, "recipient");
	return RC_OK;
}

static enum rc
fill_agree(struct span cek, const struct cert *cert,
    struct shape_recipient *recipient, struct err *err)
{
	void *value = NULL;
	struct shape_agree_key *key = NULL;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_AGREE), &value, err));
	struct shape_agree *agree = value;
	recipient->type = SHAPE_AGREE;
	recipient->d.agree = agree;
	TRY(shape_set_version(agree->version, AGREE_VERSION, err));
	TRY(agree_set_scheme(agree, err));
	TRY(add_agree_key(cert, agree, &key, err));
	return wrap_agreed(
	    cek, X509_get0_pubkey(cert_x509(cert)), agree, key, err);
}

enum rc
recipient_print(const struct cert *cert, const struct recipient_way *way,
    struct span cek, struct buf *der, int *ret_version, struct err *err)
{
	void *value = NULL;
	const EVP_PKEY *to = X509_get0_pubkey(cert_x509(cert));
	int kind = to == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(to);

	if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC)
		return err_set(err, RC_UNFIT,
		    "the certificate's key is neither RSA nor on a curve we "
		    "can seal for");
	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_RECIPIENT), &value, err));
	struct shape_recipient *recipient OWNED(recipient_free) = value;
	if (kind == EVP_PKEY_RSA)
		TRY(fill_transport(cek, cert, recipient, err));
	else
		TRY(fill_agree(cek, cert, recipient, err));
	*ret_version = kind == EVP_PKEY_RSA ? 0 : AGREE_VERSION;
	return shape_print(
	    ASN1_ITEM_rptr(SHAPE_RECIPIENT), recipient, der, err);
}
