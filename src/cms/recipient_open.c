/* What a RecipientInfo that names us says, and the content key in it. */
#define _GNU_SOURCE /* explicit_bzero */
#include <openssl/evp.h>

#include "cms/agree_priv.h"
#include "cms/kem_priv.h"
#include "cms/keywrap_priv.h"
#include "cms/padding_priv.h"
#include "cms/password_priv.h"
#include "cms/print_priv.h"
#include "cms/recipient_place_priv.h"

#define SECRET_MAX 256 /* a field element of any curve */

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define PKCS1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01"

static const struct span oid_rsa = OID(PKCS1 "\x01");
static const struct span oid_oaep = OID(PKCS1 "\x07");

/* The kinds of keys that agree, each by the name libcrypto has for it. */
static const struct peer {
	struct span oid;
	const char *name;
	size_t len; /* of the public key; 0: a point of any form */
} peers[] = {
    {OID("\x2a\x86\x48\xce\x3d\x02\x01"), "EC", 0},
    {OID("\x2b\x65\x6e"), "X25519", 32},
    {OID("\x2b\x65\x6f"), "X448", 56},
};

static const struct peer *
peer_of(const struct recipient_place *place)
{
	for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++)
		if (span_is(peers[i].oid, place->peer.oid))
			return &peers[i];
	return NULL;
}

/* --- check */

static enum rc
not_supported(const char *what, struct span oid, struct err *err)
{
	char name[80];

	tlv_oid_name(oid, name);
	return err_set(err, RC_UNFIT, "sealed with a %s not supported here: %s",
	    what, name);
}

static enum rc
check_transport(const struct recipient_place *place, struct err *err)
{
	struct key_oaep oaep;

	if (span_is(place->scheme.oid, oid_rsa))
		return tlv_is_bare(&place->scheme)
			   ? RC_OK
			   : err_set(err, RC_SYNTAX,
				 "RSA key transport with parameters that it "
				 "cannot have");
	if (!span_is(place->scheme.oid, oid_oaep))
		return not_supported("key transport", place->scheme.oid, err);
	if (!padding_oaep(&place->scheme, &oaep))
		return err_set(err, RC_UNFIT,
		    "sealed with RSAES-OAEP parameters not supported here");
	return RC_OK;
}

/* The key wrap's algorithm is the parameter of the scheme. */
static enum rc
read_wrap(const struct tlv_algorithm *scheme, struct tlv_algorithm *ret,
    struct err *err)
{
	struct span in = scheme->parameters;

	if (in.len == 0 || tlv_algorithm(&in, ret, err) != RC_OK)
		return err_set(
		    err, RC_SYNTAX, "a key agreement without a key wrap");
	TRY(tlv_end(in, err));
	if (keywrap_find(ret) == NULL)
		return not_supported("key wrap", ret->oid, err);
	return RC_OK;
}

static enum rc
check_agree(const struct recipient_place *place, struct err *err)
{
	struct tlv_algorithm wrap;

	if (place->peer.oid.len == 0)
		return err_set(err, RC_UNFIT,
		    "sealed with the sender's static key, which is not "
		    "supported");
	if (peer_of(place) == NULL)
		return not_supported("kind of key", place->peer.oid, err);
	if (agree_find(place->scheme.oid) == NULL)
		return not_supported("key agreement", place->scheme.oid, err);
	return read_wrap(&place->scheme, &wrap, err);
}

static enum rc
check_kek(const struct recipient_place *place, struct err *err)
{
	if (keywrap_find(&place->scheme) == NULL)
		return not_supported("key wrap", place->scheme.oid, err);
	return RC_OK;
}

static struct kem
kem_of(const struct recipient_place *place)
{
	return (struct kem){place->scheme, place->derive, place->wrap,
	    place->point, place->kek_len, place->ukm, place->key};
}

enum rc
recipient_check(const struct recipient_match *match, struct err *err)
{
	const struct recipient_place *place = match->place;
	const struct kem kem = kem_of(place);

	switch (place->kind) {
	case PLACE_TRANSPORT:
		return check_transport(place, err);
	case PLACE_AGREE:
		return check_agree(place, err);
	case PLACE_KEK:
		return check_kek(place, err);
	case PLACE_PASSWORD:
		return password_check(&place->derive, &place->scheme, err);
	case PLACE_KEM:
		return kem_check(&kem, err);
	}
	bug("a RecipientInfo of no kind");
}

bool
recipient_is_certain(const struct recipient_match *match)
{
	return match->place->kind != PLACE_TRANSPORT ||
	       !span_is(match->place->scheme.oid, oid_rsa);
}

/* --- unwrap */

static enum rc
unwrap_transport(const struct recipient_match *match, size_t want,
    struct buf *cek, struct err *err)
{
	const struct key *key = match->own->key;
	const struct recipient_place *place = match->place;
	struct key_oaep oaep;
	bool has_oaep = span_is(place->scheme.oid, oid_oaep);

	if (!EVP_PKEY_is_a(key->public_key, "RSA") ||
	    (has_oaep && !padding_oaep(&place->scheme, &oaep)))
		return err_set(err, RC_CRYPTO, "not a key of that kind");
	return key->ops->unwrap(
	    key, place->key, has_oaep ? &oaep : NULL, want, cek, err);
}

/* RFC 8418 section 3.2 has the key "encoded as an OCTET STRING", and some take
 * that for an element inside of the BIT STRING. */
static struct span
bare_point(const struct peer *peer, struct span point)
{
	if (peer->len > 0 && point.len == peer->len + 2 &&
	    point.data[0] == TLV_OCTETS && point.data[1] == peer->len)
		return span_after(point, 2);
	return point;
}

/* RFC 7748 section 6: a point of small order would have everybody agree on
 * zeros.  One of X25519's; the x coordinate of a point on our curves cannot be
 * known either. */
static bool
is_zero(struct span secret)
{
	uint8_t all = 0;

	for (size_t i = 0; i < secret.len; i++)
		all |= secret.data[i];
	return all == 0;
}

/* The wrap's algorithm goes into the derivation with the parameters that the
 * sender gave it. */
static enum rc
make_kek(const struct recipient_match *match, const struct tlv_algorithm *wrap,
    size_t kek_len, uint8_t kek[KEYWRAP_KEY_MAX], struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(SECRET_MAX);
	struct buf algorithm BUF_OWNED = BUF_SMALL;
	const struct recipient_place *place = match->place;
	const struct peer *peer = peer_of(place);
	const struct key *key = match->own->key;

	if (!EVP_PKEY_is_a(key->public_key, peer->name))
		return err_set(err, RC_CRYPTO, "not a key of that kind");
	TRY(key->ops->agree(key, bare_point(peer, place->point), &secret, err));
	if (is_zero(buf_span(&secret)))
		return err_set(err, RC_CRYPTO, "no shared secret");
	TRY(print_algorithm(
	    &algorithm, wrap->oid, wrap->parameters.len > 0, err));
	return agree_kek(agree_find(place->scheme.oid), buf_span(&secret),
	    buf_span(&algorithm), place->ukm, kek, kek_len, err);
}

static enum rc
unwrap_agree(
    const struct recipient_match *match, struct buf *cek, struct err *err)
{
	uint8_t kek[KEYWRAP_KEY_MAX];
	struct tlv_algorithm algorithm;

	TRY(read_wrap(&match->place->scheme, &algorithm, err));
	const struct keywrap *wrap = keywrap_find(&algorithm);
	enum rc rc =
	    make_kek(match, &algorithm, keywrap_key_len(wrap), kek, err);
	if (rc == RC_OK)
		rc = keywrap_unwrap(wrap, kek, match->place->key, cek, err);
	explicit_bzero(kek, sizeof(kek));
	return rc;
}

static enum rc
unwrap_kek(
    const struct recipient_match *match, struct buf *cek, struct err *err)
{
	const struct keywrap *wrap = keywrap_find(&match->place->scheme);
	struct span kek = match->own->kek;

	if (kek.len != keywrap_key_len(wrap))
		return err_set(err, RC_CRYPTO, "a key of another length");
	return keywrap_unwrap(wrap, kek.data, match->place->key, cek, err);
}

enum rc
recipient_unwrap(const struct recipient_match *match, size_t want,
    struct buf *cek, struct err *err)
{
	const struct recipient_place *place = match->place;
	const struct kem kem = kem_of(place);

	switch (place->kind) {
	case PLACE_TRANSPORT:
		return unwrap_transport(match, want, cek, err);
	case PLACE_AGREE:
		return unwrap_agree(match, cek, err);
	case PLACE_KEK:
		return unwrap_kek(match, cek, err);
	case PLACE_PASSWORD:
		return password_unwrap(&place->derive, &place->scheme,
		    match->own->password, place->key, cek, err);
	case PLACE_KEM:
		return kem_unwrap(&kem, match->own->key, cek, err);
	}
	bug("a RecipientInfo of no kind");
}
