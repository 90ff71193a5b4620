#include "cms/recipient_priv.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/own.h"
#include "cms/recipient_place_priv.h"

#define KEPT_MAX ((size_t)64 * 1024)
#define SERIAL_MAX 64 /* bytes of DER; a certificate's has 20 and a header */
#define VERSION_MAX 1000

/* RFC 5652 sections 6.2.1 to 6.2.4, RFC 9629 section 3 */
#define TRANSPORT_BY_SERIAL 0
#define TRANSPORT_BY_KEY_ID 2
#define AGREE_VERSION 3
#define KEK_VERSION 4
#define PASSWORD_VERSION 0
#define KEM_VERSION 0

/* id-ori-kem */
static const struct span oid_kem = {
    (const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x0d\x03", 11};

/* One RecipientInfo that is being looked at. */
struct look {
	const struct recipient_own *own;
	size_t own_len;
	struct recipient_matches *ret;
	size_t *ret_count;
	struct buf room; /* for strings in pieces */
};

/* RecipientIdentifier: issuer and serial number, or a key identifier. */
struct name {
	struct span issuer; /* the whole element; empty: by key identifier */
	struct span serial; /* the content of the INTEGER */
	struct span key_id;
};

OWNER(X509_NAME, X509_NAME_free);

static void
place_free(struct recipient_place *place)
{
	if (place == NULL)
		return;
	buf_done(&place->kept);
	free(place);
}
OWNER(struct recipient_place, place_free);

void
recipient_matches_done(struct recipient_matches *matches)
{
	while (matches->len > 0)
		place_free(matches->item[--matches->len].place);
}

/* --- a match */

/* `kept` has the room; an empty string stays one. */
static enum rc
keep(struct buf *kept, struct span *span, struct err *err)
{
	size_t begin = kept->len;

	if (span->data == NULL)
		return RC_OK;
	TRY(buf_add(kept, *span, err));
	*span = span_of(kept->data + begin, span->len);
	return RC_OK;
}

static enum rc
keep_algorithm(
    struct buf *kept, struct tlv_algorithm *algorithm, struct err *err)
{
	struct tlv tlv;
	struct span whole = algorithm->whole;

	if (algorithm->oid.len == 0)
		return RC_OK;
	TRY(keep(kept, &whole, err));
	TRY(tlv_next(&whole, &tlv, err));
	return tlv_algorithm_of(&tlv, algorithm, err);
}

static enum rc
keep_all(struct recipient_place *place, struct err *err)
{
	struct tlv_algorithm *algorithms[] = {
	    &place->scheme, &place->derive, &place->wrap, &place->peer, NULL};
	struct span *spans[] = {&place->point, &place->ukm, &place->key, NULL};
	size_t total = 1;
	uint8_t *unused;

	for (size_t i = 0; algorithms[i] != NULL; i++)
		total += algorithms[i]->whole.len;
	for (size_t i = 0; spans[i] != NULL; i++)
		total += spans[i]->len;
	/* so that it does not move while spans point into it */
	TRY(buf_reserve(&place->kept, total, &unused, err));
	for (size_t i = 0; algorithms[i] != NULL; i++)
		TRY(keep_algorithm(&place->kept, algorithms[i], err));
	for (size_t i = 0; spans[i] != NULL; i++)
		TRY(keep(&place->kept, spans[i], err));
	return RC_OK;
}

static enum rc
add_match(struct look *look, const struct recipient_own *own,
    const struct recipient_place *seen, struct err *err)
{
	if (look->ret->len >= RECIPIENT_MATCHES_MAX)
		return RC_OK;
	struct recipient_place *place OWNED(place_free) =
	    malloc(sizeof(*place));
	if (place == NULL)
		return err_nomem(err, "recipient");
	*place = *seen;
	place->kept = BUF(KEPT_MAX);
	TRY(keep_all(place, err));
	look->ret->item[look->ret->len++] =
	    (struct recipient_match){own, take(place)};
	return RC_OK;
}

/* --- names */

/* BER allows zeros in front; certificates hold the shortest form. */
static bool
serial_is(struct span serial, const ASN1_INTEGER *own)
{
	uint8_t der[SERIAL_MAX];
	uint8_t *at = der;

	while (serial.len > 1 && serial.data[0] == 0)
		serial = span_after(serial, 1);
	struct span magnitude = span_of(
	    ASN1_STRING_get0_data(own), (size_t)ASN1_STRING_length(own));
	if (ASN1_STRING_type(own) == V_ASN1_INTEGER)
		return span_is(serial, magnitude);
	/* negative, which no serial number should be */
	int len = i2d_ASN1_INTEGER(own, NULL);
	if (len <= 2 || len > SERIAL_MAX)
		return false;
	(void)i2d_ASN1_INTEGER(own, &at);
	return span_is(serial, span_of(der + 2, (size_t)len - 2));
}

/* The same bytes, as a rule; else by RFC 5280's rules for names. */
static bool
issuer_is(struct span issuer, const X509_NAME *own)
{
	const uint8_t *der = NULL;
	size_t len = 0;

	if (X509_NAME_get0_der(own, &der, &len) &&
	    span_is(issuer, span_of(der, len)))
		return true;
	const uint8_t *at = issuer.data;
	X509_NAME *name OWNED(X509_NAME_free) =
	    d2i_X509_NAME(NULL, &at, (long)issuer.len);
	ERR_clear_error();
	return name != NULL && at == issuer.data + issuer.len &&
	       X509_NAME_cmp(name, own) == 0;
}

static bool
key_id_is(struct span key_id, X509 *x509)
{
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(x509);

	return own != NULL &&
	       span_is(key_id, span_of(ASN1_STRING_get0_data(own),
				   (size_t)ASN1_STRING_length(own)));
}

static bool
name_is(const struct name *name, X509 *x509)
{
	if (name->issuer.len == 0)
		return key_id_is(name->key_id, x509);
	return serial_is(name->serial, X509_get0_serialNumber(x509)) &&
	       issuer_is(name->issuer, X509_get_issuer_name(x509));
}

static enum rc
match_name(struct look *look, const struct name *name,
    const struct recipient_place *seen, struct err *err)
{
	for (size_t i = 0; i < look->own_len; i++) {
		const struct recipient_own *own = &look->own[i];
		if (own->cert != NULL && name_is(name, cert_x509(own->cert)))
			TRY(add_match(look, own, seen, err));
	}
	return RC_OK;
}

static enum rc
read_issuer_serial(struct span *in, struct name *ret, struct err *err)
{
	struct tlv both, issuer, serial;

	TRY(tlv_expect(in, TLV_SEQUENCE, &both, err));
	TRY(tlv_expect(&both.value, TLV_SEQUENCE, &issuer, err));
	TRY(tlv_expect(&both.value, TLV_INTEGER, &serial, err));
	ret->issuer = issuer.whole;
	ret->serial = serial.value;
	return tlv_end(both.value, err);
}

static enum rc
read_name(struct look *look, struct span *in, struct name *ret, struct err *err)
{
	*ret = (struct name){0};
	if (tlv_is(*in, TLV_SEQUENCE))
		return read_issuer_serial(in, ret, err);
	return tlv_octets(in, TLV_CONTEXT(0), &look->room, &ret->key_id, err);
}

/* KEKIdentifier and RecipientKeyIdentifier begin alike; date and other do not
 * help anybody to find a key. */
static enum rc
read_key_id(
    struct look *look, struct span in, struct span *ret, struct err *err)
{
	return tlv_octets(&in, TLV_OCTETS, &look->room, ret, err);
}

/* --- the kinds of RecipientInfo */

static enum rc
count(struct look *look, struct err *err)
{
	if (++*look->ret_count > RECIPIENTS_MAX)
		return err_set(
		    err, RC_LIMIT, "sealed for more than %d", RECIPIENTS_MAX);
	return RC_OK;
}

/* The content key is the last in each. */
static enum rc
read_key(struct look *look, struct span in, struct recipient_place *seen,
    struct err *err)
{
	TRY(tlv_octets(&in, TLV_OCTETS, &look->room, &seen->key, err));
	return tlv_end(in, err);
}

static enum rc
look_transport(struct look *look, struct span in, struct err *err)
{
	struct recipient_place seen = {.kind = PLACE_TRANSPORT};
	struct name name;
	uint32_t version;

	TRY(count(look, err));
	TRY(tlv_number(&in, VERSION_MAX, &version, err));
	if (version != TRANSPORT_BY_SERIAL && version != TRANSPORT_BY_KEY_ID)
		return RC_OK;
	TRY(read_name(look, &in, &name, err));
	TRY(tlv_algorithm(&in, &seen.scheme, err));
	TRY(read_key(look, in, &seen, err));
	return match_name(look, &name, &seen, err);
}

/* An empty string would be of another length, and so would a key of bits that
 * are no whole bytes. */
static enum rc
read_point(struct span in, struct recipient_place *seen, struct err *err)
{
	struct tlv bits;

	TRY(tlv_algorithm(&in, &seen->peer, err));
	TRY(tlv_expect(&in, TLV_BITS, &bits, err));
	if (bits.value.len < 2 || bits.value.data[0] != 0)
		return err_set(err, RC_SYNTAX, "no whole ephemeral key");
	seen->point = span_after(bits.value, 1);
	return tlv_end(in, err);
}

/* OriginatorIdentifierOrKey; the names of a certificate are not kept, for we
 * do not open what was sealed with a sender's static key. */
static enum rc
read_originator(struct span *in, struct recipient_place *seen, struct err *err)
{
	struct tlv outer, choice;

	TRY(tlv_expect(in, TLV_CONTEXT_OF(0), &outer, err));
	TRY(tlv_next(&outer.value, &choice, err));
	TRY(tlv_end(outer.value, err));
	if (choice.tag == TLV_CONTEXT_OF(1))
		return read_point(choice.value, seen, err);
	if (choice.tag == TLV_SEQUENCE || choice.tag == TLV_CONTEXT(0) ||
	    choice.tag == TLV_CONTEXT_OF(0))
		return RC_OK;
	return err_set(err, RC_SYNTAX, "no well-formed originator");
}

static enum rc
read_ukm(struct look *look, struct span *in, unsigned number,
    struct recipient_place *seen, struct err *err)
{
	struct tlv outer;

	if (!tlv_is(*in, TLV_CONTEXT_OF(number)))
		return RC_OK;
	TRY(tlv_expect(in, TLV_CONTEXT_OF(number), &outer, err));
	TRY(tlv_octets(&outer.value, TLV_OCTETS, &look->room, &seen->ukm, err));
	return tlv_end(outer.value, err);
}

/* RecipientEncryptedKey */
static enum rc
look_agree_key(struct look *look, struct span in,
    const struct recipient_place *all, struct err *err)
{
	struct recipient_place seen = *all;
	struct name name = {0};
	struct tlv id;

	TRY(count(look, err));
	if (tlv_is(in, TLV_SEQUENCE)) {
		TRY(read_issuer_serial(&in, &name, err));
	} else {
		TRY(tlv_expect(&in, TLV_CONTEXT_OF(0), &id, err));
		TRY(read_key_id(look, id.value, &name.key_id, err));
	}
	TRY(read_key(look, in, &seen, err));
	return match_name(look, &name, &seen, err);
}

static enum rc
look_agree(struct look *look, struct span in, struct err *err)
{
	struct recipient_place seen = {.kind = PLACE_AGREE};
	struct tlv keys, key;
	uint32_t version;

	TRY(tlv_number(&in, VERSION_MAX, &version, err));
	if (version != AGREE_VERSION)
		return count(look, err);
	TRY(read_originator(&in, &seen, err));
	TRY(read_ukm(look, &in, 1, &seen, err));
	TRY(tlv_algorithm(&in, &seen.scheme, err));
	TRY(tlv_expect(&in, TLV_SEQUENCE, &keys, err));
	TRY(tlv_end(in, err));
	/* millions without a key would count as none */
	if (keys.value.len == 0)
		return count(look, err);
	while (keys.value.len > 0) {
		TRY(tlv_expect(&keys.value, TLV_SEQUENCE, &key, err));
		TRY(look_agree_key(look, key.value, &seen, err));
	}
	return RC_OK;
}

static enum rc
look_kek(struct look *look, struct span in, struct err *err)
{
	struct recipient_place seen = {.kind = PLACE_KEK};
	struct span key_id;
	struct tlv id;
	uint32_t version;

	TRY(count(look, err));
	TRY(tlv_number(&in, VERSION_MAX, &version, err));
	if (version != KEK_VERSION)
		return RC_OK;
	TRY(tlv_expect(&in, TLV_SEQUENCE, &id, err));
	TRY(read_key_id(look, id.value, &key_id, err));
	TRY(tlv_algorithm(&in, &seen.scheme, err));
	TRY(read_key(look, in, &seen, err));
	for (size_t i = 0; i < look->own_len; i++)
		if (look->own[i].kek.len > 0 &&
		    span_is(look->own[i].key_id, key_id))
			TRY(add_match(look, &look->own[i], &seen, err));
	return RC_OK;
}

/* A password has no name: each is tried. */
static enum rc
look_password(struct look *look, struct span in, struct err *err)
{
	struct recipient_place seen = {.kind = PLACE_PASSWORD};
	struct tlv derive;
	uint32_t version;

	TRY(count(look, err));
	TRY(tlv_number(&in, VERSION_MAX, &version, err));
	if (version != PASSWORD_VERSION)
		return RC_OK;
	if (tlv_is(in, TLV_CONTEXT_OF(0))) {
		TRY(tlv_expect(&in, TLV_CONTEXT_OF(0), &derive, err));
		TRY(tlv_algorithm_of(&derive, &seen.derive, err));
	}
	TRY(tlv_algorithm(&in, &seen.scheme, err));
	TRY(read_key(look, in, &seen, err));
	for (size_t i = 0; i < look->own_len; i++)
		if (look->own[i].password.len > 0)
			TRY(add_match(look, &look->own[i], &seen, err));
	return RC_OK;
}

static enum rc
look_kem(struct look *look, struct span in, struct err *err)
{
	struct recipient_place seen = {.kind = PLACE_KEM};
	struct name name;
	uint32_t version;

	TRY(tlv_number(&in, VERSION_MAX, &version, err));
	if (version != KEM_VERSION)
		return RC_OK;
	TRY(read_name(look, &in, &name, err));
	TRY(tlv_algorithm(&in, &seen.scheme, err));
	TRY(tlv_octets(&in, TLV_OCTETS, &look->room, &seen.point, err));
	TRY(tlv_algorithm(&in, &seen.derive, err));
	TRY(tlv_number(&in, UINT16_MAX, &seen.kek_len, err));
	TRY(read_ukm(look, &in, 0, &seen, err));
	TRY(tlv_algorithm(&in, &seen.wrap, err));
	TRY(read_key(look, in, &seen, err));
	return match_name(look, &name, &seen, err);
}

/* OtherRecipientInfo: of all types KEMRecipientInfo is the one we know. */
static enum rc
look_other(struct look *look, struct span in, struct err *err)
{
	struct tlv type, value;

	TRY(count(look, err));
	TRY(tlv_expect(&in, TLV_OID, &type, err));
	TRY(tlv_next(&in, &value, err));
	TRY(tlv_end(in, err));
	if (!span_is(type.value, oid_kem) || value.tag != TLV_SEQUENCE)
		return RC_OK;
	return look_kem(look, value.value, err);
}

static enum rc
look_any(struct look *look, struct span in, struct err *err)
{
	struct tlv info;

	TRY(tlv_next(&in, &info, err));
	TRY(tlv_end(in, err));
	switch (info.tag) {
	case TLV_SEQUENCE:
		return look_transport(look, info.value, err);
	case TLV_CONTEXT_OF(1):
		return look_agree(look, info.value, err);
	case TLV_CONTEXT_OF(2):
		return look_kek(look, info.value, err);
	case TLV_CONTEXT_OF(3):
		return look_password(look, info.value, err);
	case TLV_CONTEXT_OF(4):
		return look_other(look, info.value, err);
	default:
		return err_set(err, RC_SYNTAX, "no well-formed RecipientInfo");
	}
}

enum rc
recipient_look(struct span der, const struct recipient_own *own, size_t own_len,
    struct recipient_matches *ret, size_t *ret_count, struct err *err)
{
	struct look look = {own, own_len, ret, ret_count, BUF(der.len)};

	enum rc rc = look_any(&look, der, err);
	buf_done(&look.room);
	/* not even one element: to the caller the same as a broken one */
	return rc == RC_ABSENT
		   ? err_set(err, RC_SYNTAX, "no well-formed RecipientInfo")
		   : rc;
}
