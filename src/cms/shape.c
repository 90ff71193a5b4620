#include "cms/shape_priv.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/objects.h>

/* OpenSSL's templates are a language of their own; the formatter would only
 * make them longer. */
/* clang-format off */
ASN1_SEQUENCE(SHAPE_ISSUER_SERIAL) = {
	ASN1_SIMPLE(struct shape_issuer_serial, issuer, X509_NAME),
	ASN1_SIMPLE(struct shape_issuer_serial, serial, ASN1_INTEGER),
} ASN1_SEQUENCE_END_name(struct shape_issuer_serial, SHAPE_ISSUER_SERIAL)

ASN1_CHOICE(SHAPE_SIGNER_ID) = {
	ASN1_SIMPLE(struct shape_signer_id, d.by_serial, SHAPE_ISSUER_SERIAL),
	ASN1_IMP(struct shape_signer_id, d.by_key_id, ASN1_OCTET_STRING, 0),
} ASN1_CHOICE_END_name(struct shape_signer_id, SHAPE_SIGNER_ID)

ASN1_SEQUENCE(SHAPE_SIGNER) = {
	ASN1_SIMPLE(struct shape_signer, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct shape_signer, id, SHAPE_SIGNER_ID),
	ASN1_SIMPLE(struct shape_signer, digest_algorithm, X509_ALGOR),
	ASN1_IMP_OPT(struct shape_signer, signed_attributes, ASN1_SEQUENCE, 0),
	ASN1_SIMPLE(struct shape_signer, signature_algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct shape_signer, signature, ASN1_OCTET_STRING),
	ASN1_IMP_SET_OF_OPT(struct shape_signer, unsigned_attributes,
	    X509_ATTRIBUTE, 1),
} ASN1_SEQUENCE_END_name(struct shape_signer, SHAPE_SIGNER)

ASN1_SEQUENCE(SHAPE_INNER) = {
	ASN1_SIMPLE(struct shape_inner, type, ASN1_OBJECT),
	ASN1_EXP_OPT(struct shape_inner, content, ASN1_OCTET_STRING, 0),
} ASN1_SEQUENCE_END_name(struct shape_inner, SHAPE_INNER)

ASN1_SEQUENCE(SHAPE_SIGNED) = {
	ASN1_SIMPLE(struct shape_signed, version, ASN1_INTEGER),
	ASN1_SET_OF(struct shape_signed, digest_algorithms, X509_ALGOR),
	ASN1_SIMPLE(struct shape_signed, inner, SHAPE_INNER),
	ASN1_IMP_SET_OF_OPT(struct shape_signed, certificates, ASN1_ANY, 0),
	ASN1_IMP_OPT(struct shape_signed, crls, ASN1_SEQUENCE, 1),
	ASN1_SET_OF(struct shape_signed, signers, SHAPE_SIGNER),
} ASN1_SEQUENCE_END_name(struct shape_signed, SHAPE_SIGNED)

ASN1_SEQUENCE(SHAPE_SIGNED_INFO) = {
	ASN1_SIMPLE(struct shape_signed_info, type, ASN1_OBJECT),
	ASN1_EXP(struct shape_signed_info, body, SHAPE_SIGNED, 0),
} ASN1_SEQUENCE_END_name(struct shape_signed_info, SHAPE_SIGNED_INFO)

ASN1_SEQUENCE(SHAPE_TRANSPORT) = {
	ASN1_SIMPLE(struct shape_transport, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct shape_transport, id, SHAPE_SIGNER_ID),
	ASN1_SIMPLE(struct shape_transport, scheme, X509_ALGOR),
	ASN1_SIMPLE(struct shape_transport, encrypted_key, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_name(struct shape_transport, SHAPE_TRANSPORT)

ASN1_SEQUENCE(SHAPE_POINT) = {
	ASN1_SIMPLE(struct shape_point, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct shape_point, key, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END_name(struct shape_point, SHAPE_POINT)

ASN1_CHOICE(SHAPE_ORIGINATOR) = {
	ASN1_SIMPLE(struct shape_originator, d.by_serial, SHAPE_ISSUER_SERIAL),
	ASN1_IMP(struct shape_originator, d.by_key_id, ASN1_OCTET_STRING, 0),
	ASN1_IMP(struct shape_originator, d.point, SHAPE_POINT, 1),
} ASN1_CHOICE_END_name(struct shape_originator, SHAPE_ORIGINATOR)

ASN1_SEQUENCE(SHAPE_KEY_ID) = {
	ASN1_SIMPLE(struct shape_key_id, key_id, ASN1_OCTET_STRING),
	ASN1_OPT(struct shape_key_id, date, ASN1_GENERALIZEDTIME),
	ASN1_OPT(struct shape_key_id, other, ASN1_SEQUENCE),
} ASN1_SEQUENCE_END_name(struct shape_key_id, SHAPE_KEY_ID)

ASN1_CHOICE(SHAPE_AGREE_ID) = {
	ASN1_SIMPLE(struct shape_agree_id, d.by_serial, SHAPE_ISSUER_SERIAL),
	ASN1_IMP(struct shape_agree_id, d.by_key_id, SHAPE_KEY_ID, 0),
} ASN1_CHOICE_END_name(struct shape_agree_id, SHAPE_AGREE_ID)

ASN1_SEQUENCE(SHAPE_AGREE_KEY) = {
	ASN1_SIMPLE(struct shape_agree_key, id, SHAPE_AGREE_ID),
	ASN1_SIMPLE(struct shape_agree_key, encrypted_key, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_name(struct shape_agree_key, SHAPE_AGREE_KEY)

ASN1_SEQUENCE(SHAPE_AGREE) = {
	ASN1_SIMPLE(struct shape_agree, version, ASN1_INTEGER),
	ASN1_EXP(struct shape_agree, originator, SHAPE_ORIGINATOR, 0),
	ASN1_EXP_OPT(struct shape_agree, ukm, ASN1_OCTET_STRING, 1),
	ASN1_SIMPLE(struct shape_agree, scheme, X509_ALGOR),
	ASN1_SEQUENCE_OF(struct shape_agree, keys, SHAPE_AGREE_KEY),
} ASN1_SEQUENCE_END_name(struct shape_agree, SHAPE_AGREE)

ASN1_CHOICE(SHAPE_RECIPIENT) = {
	ASN1_SIMPLE(struct shape_recipient, d.transport, SHAPE_TRANSPORT),
	ASN1_IMP(struct shape_recipient, d.agree, SHAPE_AGREE, 1),
	ASN1_IMP(struct shape_recipient, d.raw, ASN1_SEQUENCE, 2),
	ASN1_IMP(struct shape_recipient, d.raw, ASN1_SEQUENCE, 3),
	ASN1_IMP(struct shape_recipient, d.raw, ASN1_SEQUENCE, 4),
} ASN1_CHOICE_END_name(struct shape_recipient, SHAPE_RECIPIENT)

ASN1_SEQUENCE(SHAPE_CIPHERTEXT) = {
	ASN1_SIMPLE(struct shape_ciphertext, type, ASN1_OBJECT),
	ASN1_SIMPLE(struct shape_ciphertext, cipher, X509_ALGOR),
	ASN1_IMP_OPT(struct shape_ciphertext, bytes, ASN1_OCTET_STRING, 0),
} ASN1_SEQUENCE_END_name(struct shape_ciphertext, SHAPE_CIPHERTEXT)

ASN1_SEQUENCE(SHAPE_ENVELOPED) = {
	ASN1_SIMPLE(struct shape_enveloped, version, ASN1_INTEGER),
	ASN1_IMP_OPT(struct shape_enveloped, originator, ASN1_SEQUENCE, 0),
	ASN1_SET_OF(struct shape_enveloped, recipients, SHAPE_RECIPIENT),
	ASN1_SIMPLE(struct shape_enveloped, content, SHAPE_CIPHERTEXT),
	ASN1_IMP_OPT(struct shape_enveloped, unprotected, ASN1_SEQUENCE, 1),
} ASN1_SEQUENCE_END_name(struct shape_enveloped, SHAPE_ENVELOPED)

ASN1_SEQUENCE(SHAPE_ENVELOPED_INFO) = {
	ASN1_SIMPLE(struct shape_enveloped_info, type, ASN1_OBJECT),
	ASN1_EXP(struct shape_enveloped_info, body, SHAPE_ENVELOPED, 0),
} ASN1_SEQUENCE_END_name(struct shape_enveloped_info, SHAPE_ENVELOPED_INFO)

ASN1_SEQUENCE(SHAPE_AUTH) = {
	ASN1_SIMPLE(struct shape_auth, version, ASN1_INTEGER),
	ASN1_IMP_OPT(struct shape_auth, originator, ASN1_SEQUENCE, 0),
	ASN1_SET_OF(struct shape_auth, recipients, SHAPE_RECIPIENT),
	ASN1_SIMPLE(struct shape_auth, content, SHAPE_CIPHERTEXT),
	ASN1_IMP_OPT(struct shape_auth, authenticated, ASN1_SEQUENCE, 1),
	ASN1_SIMPLE(struct shape_auth, mac, ASN1_OCTET_STRING),
	ASN1_IMP_OPT(struct shape_auth, unauthenticated, ASN1_SEQUENCE, 2),
} ASN1_SEQUENCE_END_name(struct shape_auth, SHAPE_AUTH)

ASN1_SEQUENCE(SHAPE_AUTH_INFO) = {
	ASN1_SIMPLE(struct shape_auth_info, type, ASN1_OBJECT),
	ASN1_EXP(struct shape_auth_info, body, SHAPE_AUTH, 0),
} ASN1_SEQUENCE_END_name(struct shape_auth_info, SHAPE_AUTH_INFO)

ASN1_SEQUENCE(SHAPE_GCM) = {
	ASN1_SIMPLE(struct shape_gcm, nonce, ASN1_OCTET_STRING),
	ASN1_OPT(struct shape_gcm, tag_len, ASN1_INTEGER),
} ASN1_SEQUENCE_END_name(struct shape_gcm, SHAPE_GCM)

ASN1_SEQUENCE(SHAPE_ESS_SERIAL) = {
	ASN1_SEQUENCE_OF(struct shape_ess_serial, issuer, GENERAL_NAME),
	ASN1_SIMPLE(struct shape_ess_serial, serial, ASN1_INTEGER),
} ASN1_SEQUENCE_END_name(struct shape_ess_serial, SHAPE_ESS_SERIAL)

ASN1_SEQUENCE(SHAPE_ESS_ID) = {
	ASN1_SIMPLE(struct shape_ess_id, hash, ASN1_OCTET_STRING),
	ASN1_OPT(struct shape_ess_id, serial, SHAPE_ESS_SERIAL),
} ASN1_SEQUENCE_END_name(struct shape_ess_id, SHAPE_ESS_ID)

ASN1_SEQUENCE(SHAPE_ESS) = {
	ASN1_SEQUENCE_OF(struct shape_ess, certs, SHAPE_ESS_ID),
	ASN1_OPT(struct shape_ess, policies, ASN1_SEQUENCE),
} ASN1_SEQUENCE_END_name(struct shape_ess, SHAPE_ESS)

ASN1_SEQUENCE(SHAPE_ESS_ID2) = {
	ASN1_OPT(struct shape_ess_id2, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct shape_ess_id2, hash, ASN1_OCTET_STRING),
	ASN1_OPT(struct shape_ess_id2, serial, SHAPE_ESS_SERIAL),
} ASN1_SEQUENCE_END_name(struct shape_ess_id2, SHAPE_ESS_ID2)

ASN1_SEQUENCE(SHAPE_ESS2) = {
	ASN1_SEQUENCE_OF(struct shape_ess2, certs, SHAPE_ESS_ID2),
	ASN1_OPT(struct shape_ess2, policies, ASN1_SEQUENCE),
} ASN1_SEQUENCE_END_name(struct shape_ess2, SHAPE_ESS2)

ASN1_SEQUENCE(SHAPE_PROTECTION) = {
	ASN1_SIMPLE(struct shape_protection, digest_algorithm, X509_ALGOR),
	ASN1_IMP_OPT(struct shape_protection, signature_algorithm, X509_ALGOR,
	    1),
	ASN1_IMP_OPT(struct shape_protection, mac_algorithm, X509_ALGOR, 2),
} ASN1_SEQUENCE_END_name(struct shape_protection, SHAPE_PROTECTION)

ASN1_SEQUENCE(SHAPE_STAMP_STATUS) = {
	ASN1_SIMPLE(struct shape_stamp_status, status, ASN1_INTEGER),
	ASN1_SEQUENCE_OF_OPT(struct shape_stamp_status, words,
	    ASN1_UTF8STRING),
	ASN1_OPT(struct shape_stamp_status, failure, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END_name(struct shape_stamp_status, SHAPE_STAMP_STATUS)

ASN1_SEQUENCE(SHAPE_STAMP_RESPONSE) = {
	ASN1_SIMPLE(struct shape_stamp_response, status, SHAPE_STAMP_STATUS),
	ASN1_OPT(struct shape_stamp_response, token, ASN1_SEQUENCE),
} ASN1_SEQUENCE_END_name(struct shape_stamp_response, SHAPE_STAMP_RESPONSE)

ASN1_ITEM_TEMPLATE(SHAPE_ATTRIBUTES) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, attributes, X509_ATTRIBUTE)
ASN1_ITEM_TEMPLATE_END(SHAPE_ATTRIBUTES)
    /* clang-format on */

    enum rc shape_fail(struct err * err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return err_set(err, RC_CRYPTO, "%s failed: %s", what,
	    reason == NULL ? "no reason given by libcrypto" : reason);
}

static enum rc
parse(const ASN1_ITEM *item, struct span bytes, size_t *ret_used, void **ret,
    struct err *err)
{
	const uint8_t *at = bytes.data;

	if (bytes.len > SHAPE_MAX)
		return err_set(err, RC_LIMIT, "more than %zu bytes", SHAPE_MAX);
	*ret = ASN1_item_d2i(NULL, &at, (long)bytes.len, item);
	ERR_clear_error();
	if (*ret == NULL)
		return RC_SYNTAX;
	*ret_used = (size_t)(at - bytes.data);
	return RC_OK;
}

static enum rc
not_a(struct err *err, const char *what)
{
	return err_set(err, RC_SYNTAX, "no well-formed %s", what);
}

enum rc
shape_parse(const ASN1_ITEM *item, struct span bytes, const char *what,
    void **ret, struct err *err)
{
	size_t used = 0;

	enum rc rc = parse(item, bytes, &used, ret, err);
	if (rc == RC_SYNTAX)
		return not_a(err, what);
	if (rc == RC_OK && used != bytes.len) {
		shape_free(item, take(*ret));
		return err_set(err, RC_SYNTAX, "bytes behind the %s", what);
	}
	return rc;
}

enum rc
shape_parse_outer(const ASN1_ITEM *item, struct span bytes, const char *what,
    void **ret, struct err *err)
{
	size_t used = 0;

	enum rc rc = parse(item, bytes, &used, ret, err);
	if (rc == RC_SYNTAX)
		return not_a(err, what);
	if (rc == RC_OK && span_trim(span_after(bytes, used)).len > 0) {
		shape_free(item, take(*ret));
		return err_set(err, RC_SYNTAX, "bytes behind the %s", what);
	}
	return rc;
}

enum rc
shape_print(
    const ASN1_ITEM *item, const void *value, struct buf *out, struct err *err)
{
	int len = ASN1_item_i2d(value, NULL, item);
	uint8_t *room;

	if (len < 0)
		return shape_fail(err, "DER encoding");
	TRY(buf_reserve(out, (size_t)len, &room, err));
	if (ASN1_item_i2d(value, &room, item) != len)
		return shape_fail(err, "DER encoding");
	buf_grown(out, (size_t)len);
	return RC_OK;
}

enum rc
shape_new(const ASN1_ITEM *item, void **ret, struct err *err)
{
	void *value = ASN1_item_new(item);

	if (value == NULL)
		return err_nomem(err, "CMS structure");
	*ret = value;
	return RC_OK;
}

void
shape_free(const ASN1_ITEM *item, void *value)
{
	ASN1_item_free(value, item);
}

void
shape_signed_info_free(struct shape_signed_info *info)
{
	shape_free(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), info);
}

void
shape_auth_info_free(struct shape_auth_info *info)
{
	shape_free(ASN1_ITEM_rptr(SHAPE_AUTH_INFO), info);
}

void
shape_signer_free(struct shape_signer *signer)
{
	shape_free(ASN1_ITEM_rptr(SHAPE_SIGNER), signer);
}

void
shape_attributes_free(STACK_OF(X509_ATTRIBUTE) *attributes)
{
	sk_X509_ATTRIBUTE_pop_free(attributes, X509_ATTRIBUTE_free);
}

/* Behind the header of one element: its first content byte, or the end. */
static struct span
step_in(struct span der)
{
	if (der.len < 2)
		return SPAN_NONE;
	/* short form, indefinite (0x80), or 0x80 + number of length bytes */
	size_t skip = der.data[1] < 0x80 ? 2 : 2 + (der.data[1] & 0x7fU);
	return span_after(der, skip);
}

int
shape_content_nid(struct span der)
{
	if (der.len < 2 ||
	    der.data[0] != (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
		return NID_undef;
	struct span oid = step_in(der);
	if (oid.len < 2 || oid.data[0] != V_ASN1_OBJECT || oid.data[1] > 0x20 ||
	    oid.len < 2U + oid.data[1])
		return NID_undef;
	const uint8_t *at = oid.data;
	ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, 2L + oid.data[1]);
	int nid = object == NULL ? NID_undef : OBJ_obj2nid(object);
	ASN1_OBJECT_free(object);
	ERR_clear_error();
	return nid;
}

enum rc
shape_set_version(ASN1_INTEGER *version, long value, struct err *err)
{
	if (!ASN1_INTEGER_set_int64(version, value))
		return err_nomem(err, "version");
	return RC_OK;
}

enum rc
shape_set_serial(struct shape_signer_id *id, const X509 *x509, struct err *err)
{
	void *value = NULL;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_ISSUER_SERIAL), &value, err));
	id->d.by_serial = value;
	id->type = SHAPE_BY_SERIAL;
	ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(x509));
	if (serial == NULL)
		return err_nomem(err, "serial number");
	ASN1_INTEGER_free(id->d.by_serial->serial);
	id->d.by_serial->serial = serial;
	if (!X509_NAME_set(
		&id->d.by_serial->issuer, X509_get_issuer_name(x509)))
		return shape_fail(err, "issuer name");
	return RC_OK;
}

enum rc
shape_set_algorithm(X509_ALGOR *algorithm, int nid, struct err *err)
{
	if (!X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_UNDEF, NULL))
		return shape_fail(err, "algorithm identifier");
	return RC_OK;
}

enum rc
shape_set_algorithm_null(X509_ALGOR *algorithm, int nid, struct err *err)
{
	if (!X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, NULL))
		return shape_fail(err, "algorithm identifier");
	return RC_OK;
}

int
shape_nid(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;

	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	return OBJ_obj2nid(object);
}
