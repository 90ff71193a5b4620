#include "cms/signer_priv.h"

#include <time.h>

#include <openssl/err.h>

#include "cms/certid_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"

#define VERSION_BY_SERIAL 1
#define VERSION_BY_KEY_ID 3
#define KEY_ID 0x80              /* [0] IMPLICIT OCTET STRING */
#define SIGNED_ATTRIBUTES 0xa0   /* [0] IMPLICIT SET OF */
#define UNSIGNED_ATTRIBUTES 0xa1 /* [1] IMPLICIT SET OF */
#define DIRECTORY_NAME 0xa4      /* [4] of a GeneralName */
#define UTC_TIME 0x17
#define GENERALIZED_TIME 0x18

/* Reasons, in the words of verify.h. */
#define DIGEST_MISMATCH "sig.digest-mismatch"
#define INVALID "sig.invalid"
#define ATTR_MISSING "sig.attr-missing"
#define NO_ATTRIBUTES "sig.no-attributes"
#define NO_CERTIFICATE "sig.no-certificate"
#define CERTIFICATE_MISMATCH "sig.certificate-mismatch"
#define MICALG "sig.micalg"
#define TOO_MANY "sig.limit"

OWNER(ASN1_TIME, ASN1_TIME_free);

/* --- reading */

static enum rc
read_number(struct span *in, unsigned *ret, struct err *err)
{
	struct der number;

	TRY(der_expect(in, DER_INTEGER, &number, err));
	if (number.value.len != 1)
		return err_set(err, RC_SYNTAX, "SignerInfo of unknown version");
	*ret = number.value.data[0];
	return RC_OK;
}

static enum rc
read_id(struct span *in, struct signer_info *ret, struct err *err)
{
	struct der id, issuer, serial;

	TRY(der_next(in, &id, err));
	if (id.tag == KEY_ID) {
		ret->key_id = id.value;
		return RC_OK;
	}
	if (id.tag != DER_SEQUENCE)
		return err_set(err, RC_SYNTAX, "SignerInfo of nobody");
	TRY(der_expect(&id.value, DER_SEQUENCE, &issuer, err));
	TRY(der_expect(&id.value, DER_INTEGER, &serial, err));
	if (id.value.len > 0)
		return err_set(err, RC_SYNTAX, "SignerInfo of two");
	ret->issuer = issuer.whole;
	ret->serial = serial.whole;
	return RC_OK;
}

/* An element that may be left out. */
static enum rc
read_optional(struct span *in, uint8_t tag, struct der *ret, bool *ret_there,
    struct err *err)
{
	*ret_there = in->len > 0 && in->data[0] == tag;
	return *ret_there ? der_next(in, ret, err) : RC_OK;
}

static enum rc
read_all(struct span der, struct signer_info *ret, struct err *err)
{
	struct der all, attributes = {0}, value, more = {0};
	bool there = false;

	TRY(der_expect(&der, DER_SEQUENCE, &all, err));
	struct span *in = &all.value;
	TRY(read_number(in, &ret->version, err));
	TRY(read_id(in, ret, err));
	TRY(algorithm_read(in, &ret->digest, err));
	TRY(read_optional(
	    in, SIGNED_ATTRIBUTES, &attributes, &ret->has_attributes, err));
	TRY(algorithm_read(in, &ret->signature, err));
	TRY(der_expect(in, DER_OCTETS, &value, err));
	ret->value = value.value;
	TRY(read_optional(in, UNSIGNED_ATTRIBUTES, &more, &there, err));
	if (there)
		ret->unsigned_attributes = more.value;
	if (in->len > 0)
		return err_set(err, RC_SYNTAX, "bytes in the SignerInfo");
	ret->refused = sigalg_read(&ret->digest, &ret->signature, &ret->use);
	ret->received = attributes.whole;
	if (ret->has_attributes)
		TRY(attributes_read(attributes.value, &ret->attributes, err));
	return RC_OK;
}

/* The signed attributes where they stand in the SignerInfo as it came. */
static enum rc
find_received(struct span ber, struct span *ret, struct err *err)
{
	struct ber reader = BER_READER;
	struct ber_item item;
	const uint8_t *start = NULL;
	enum rc rc;

	ber_push(&reader, ber);
	while ((rc = ber_next(&reader, &item, err)) == RC_OK) {
		if (item.level != 1 || item.tag != SIGNED_ATTRIBUTES)
			continue;
		if (item.event == BER_BEGIN)
			start = item.bytes.data;
		if (item.event == BER_END && start != NULL) {
			*ret = span_of(start, (size_t)(reader.in.data - start));
			return RC_OK;
		}
	}
	return rc == RC_ABSENT ? err_set(err, RC_SYNTAX, "no signed attributes")
			       : rc;
}

/* RFC 5652 section 5.4: "the IMPLICIT [0] tag in the signedAttrs is not used
 * for the DER encoding, rather an EXPLICIT SET OF tag is used". */
static enum rc
keep_received(struct span ber, struct signer_info *ret, struct err *err)
{
	if (ret->copy.len > 0)
		TRY(find_received(ber, &ret->received, err));
	TRY(buf_add(&ret->set, ret->received, err));
	ret->set.data[0] = DER_SET;
	return RC_OK;
}

enum rc
signer_info_read(struct span ber, struct signer_info *ret, struct err *err)
{
	struct span der;

	*ret = (struct signer_info){
	    .copy = BUF(SIGNED_MAX), .set = BUF(SIGNED_MAX)};
	TRY(ber_der(ber, &ret->copy, &der, err));
	enum rc rc = read_all(der, ret, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_SYNTAX, "a SignerInfo cut off");
	TRY(rc);
	return ret->has_attributes ? keep_received(ber, ret, err) : RC_OK;
}

void
signer_info_done(struct signer_info *info)
{
	buf_done(&info->copy);
	buf_done(&info->set);
}

/* --- what the attributes claim */

/* The content of `whole`, if it has that tag. */
static bool
has_tag(struct span whole, uint8_t tag, struct span *ret)
{
	struct der element;

	if (der_expect(&whole, tag, &element, NULL) != RC_OK)
		return false;
	*ret = element.value;
	return true;
}

/* RFC 5652 section 11.4: a countersignature "MUST NOT contain a content-type
 * attribute; there is no content type for countersignatures". */
static const char *
check_content_type(
    const struct signer_info *info, const struct signer_about *about)
{
	struct span value =
	    attributes_only(&info->attributes, ATTRIBUTE_CONTENT_TYPE);

	if (about->countersigned.len > 0)
		return value.len > 0 ? INVALID : NULL;
	if (value.len == 0)
		return ATTR_MISSING;
	return span_is(value, signed_type_oid(about->data->type)) ? NULL
								  : INVALID;
}

/* Empty: nobody computed it. */
static struct span
digest_of(const struct signer_info *info, const struct signer_about *about,
    uint8_t room[DIGEST_LEN_MAX])
{
	if (about->countersigned.len == 0)
		return digest_value(&about->data->digest, info->use.digest);
	size_t len = digest_once(info->use.digest, about->countersigned, room);
	return span_of(room, len);
}

static const char *
check_digest(const struct signer_info *info, const struct signer_about *about)
{
	uint8_t room[DIGEST_LEN_MAX];
	struct span value =
	    attributes_only(&info->attributes, ATTRIBUTE_DIGEST);
	struct span got;

	if (value.len == 0)
		return ATTR_MISSING;
	if (!has_tag(value, DER_OCTETS, &got))
		return INVALID;
	struct span want = digest_of(info, about, room);
	if (want.len == 0)
		return MICALG;
	return span_is(got, want) ? NULL : DIGEST_MISMATCH;
}

/* RFC 6211 section 3: both algorithms as the SignerInfo has them, to the
 * parameters.  signatureAlgorithm is [1] IMPLICIT: only the tag differs. */
static bool
is_implicit(struct span field, struct span sequence)
{
	return field.len == sequence.len && field.len > 0 &&
	       field.data[0] == 0xa1 &&
	       span_is(span_after(field, 1), span_after(sequence, 1));
}

static const char *
check_protection(const struct signer_info *info)
{
	struct span both;
	struct algorithm digest;
	struct span value =
	    attributes_only(&info->attributes, ATTRIBUTE_PROTECTION);

	if (value.len == 0)
		return NULL;
	if (!has_tag(value, DER_SEQUENCE, &both) ||
	    algorithm_read(&both, &digest, NULL) != RC_OK ||
	    !span_is(digest.whole, info->digest.whole) ||
	    !is_implicit(both, info->signature.whole))
		return INVALID;
	return NULL;
}

static bool
read_time(struct span value, int64_t *ret)
{
	struct der time;
	struct tm tm = {0};

	if (der_next(&value, &time, NULL) != RC_OK ||
	    (time.tag != UTC_TIME && time.tag != GENERALIZED_TIME))
		return false;
	ASN1_TIME *parsed OWNED(ASN1_TIME_free) = ASN1_STRING_type_new(
	    time.tag == UTC_TIME ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME);
	bool ok =
	    parsed != NULL &&
	    ASN1_STRING_set(parsed, time.value.data, (int)time.value.len) &&
	    ASN1_TIME_to_tm(parsed, &tm);
	ERR_clear_error();
	if (ok)
		*ret = (int64_t)timegm(&tm);
	return ok;
}

/* 0 where there is none; it is only a claim. */
static const char *
check_time(const struct signer_info *info, int64_t *ret)
{
	struct span value = attributes_only(&info->attributes, ATTRIBUTE_TIME);

	return value.len == 0 || read_time(value, ret) ? NULL : INVALID;
}

/* --- whose it is */

static bool
sha1_is(const struct cert *cert, struct span want)
{
	uint8_t hash[20];
	struct span der = cert_der(cert);

	return EVP_Digest(der.data, der.len, hash, NULL, EVP_sha1(), NULL) ==
		   1 &&
	       span_is(want, span_of(hash, sizeof(hash)));
}

static bool
hash_is(const struct cert *cert, enum digest_kind kind, struct span want)
{
	uint8_t hash[DIGEST_LEN_MAX];

	if (kind == DIGEST_SHA256) {
		certid_sha256(cert, hash);
		return span_is(want, span_of(hash, 32));
	}
	size_t len = digest_once(kind, cert_der(cert), hash);
	return len > 0 && span_is(want, span_of(hash, len));
}

/* IssuerSerial: GeneralNames with one directoryName, and the number. */
static bool
serial_is(struct span in, const struct cert *cert)
{
	struct der all, names, name, serial;

	if (in.len == 0)
		return true;
	return der_expect(&in, DER_SEQUENCE, &all, NULL) == RC_OK &&
	       in.len == 0 &&
	       der_expect(&all.value, DER_SEQUENCE, &names, NULL) == RC_OK &&
	       der_expect(&all.value, DER_INTEGER, &serial, NULL) == RC_OK &&
	       all.value.len == 0 &&
	       der_expect(&names.value, DIRECTORY_NAME, &name, NULL) == RC_OK &&
	       names.value.len == 0 &&
	       certid_is(name.value, serial.whole, cert);
}

/* The first ESSCertID of a SigningCertificate or -V2: "The first certificate
 * identified in the sequence of certificate identifiers MUST be the
 * certificate used to verify the signature" (RFC 5035 section 3). */
static bool
first_id(struct span value, struct span *ret)
{
	struct der all, ids, id;

	if (der_check(value, NULL) != RC_OK ||
	    der_expect(&value, DER_SEQUENCE, &all, NULL) != RC_OK ||
	    der_expect(&all.value, DER_SEQUENCE, &ids, NULL) != RC_OK ||
	    der_expect(&ids.value, DER_SEQUENCE, &id, NULL) != RC_OK)
		return false;
	*ret = id.value;
	return true;
}

/* RFC 2634 section 5.4.1: SHA-1.  Weak, but it only chooses among the
 * certificates that the signature itself fits. */
static bool
is_named(struct span value, const struct cert *cert)
{
	struct span id;
	struct der hash;

	return first_id(value, &id) &&
	       der_expect(&id, DER_OCTETS, &hash, NULL) == RC_OK &&
	       sha1_is(cert, hash.value) && serial_is(id, cert);
}

static bool
is_named_2(struct span value, const struct cert *cert)
{
	struct span id;
	struct der hash;
	struct algorithm algorithm;
	enum digest_kind kind = DIGEST_SHA256; /* the default */

	if (!first_id(value, &id))
		return false;
	if (id.len > 0 && id.data[0] == DER_SEQUENCE) {
		if (algorithm_read(&id, &algorithm, NULL) != RC_OK)
			return false;
		kind = digest_find(&algorithm);
	}
	return kind <= DIGEST_SHA512 &&
	       der_expect(&id, DER_OCTETS, &hash, NULL) == RC_OK &&
	       hash_is(cert, kind, hash.value) && serial_is(id, cert);
}

/* With both versions in it, both must name the certificate. */
static const char *
check_named(const struct signer_info *info, const struct cert *cert)
{
	struct span one =
	    attributes_only(&info->attributes, ATTRIBUTE_CERTIFICATE);
	struct span two =
	    attributes_only(&info->attributes, ATTRIBUTE_CERTIFICATE_2);

	if ((one.len > 0 && !is_named(one, cert)) ||
	    (two.len > 0 && !is_named_2(two, cert)))
		return CERTIFICATE_MISMATCH;
	return NULL;
}

bool
signer_has_certificate_id(const struct signer_info *info)
{
	return attributes_has(&info->attributes, ATTRIBUTE_CERTIFICATE) ||
	       attributes_has(&info->attributes, ATTRIBUTE_CERTIFICATE_2);
}

/* --- the mathematics */

/* First as it came; some senders sign the sorted form and send another order,
 * so the re-encoded one is tried as well. */
static bool
holds(const struct signer_info *info, const struct cert *cert)
{
	struct buf der BUF_OWNED = BUF(SIGNED_MAX);

	if (sigalg_verify(&info->use, cert, info->value, buf_span(&info->set)))
		return true;
	if (attributes_print(&info->attributes, &der, NULL) != RC_OK ||
	    span_is(buf_span(&info->set), buf_span(&der)))
		return false;
	return sigalg_verify(&info->use, cert, info->value, buf_span(&der));
}

static const char *
check_with_cert(const struct signer_info *info, const struct cert *cert)
{
	const char *reason = sigalg_refuse_key(&info->use, cert);

	if (reason != NULL)
		return reason;
	if (!holds(info, cert))
		return INVALID;
	return check_named(info, cert);
}

static bool
names(const struct signer_info *info, const struct cert *cert)
{
	return info->issuer.len > 0
		   ? certid_is(info->issuer, info->serial, cert)
		   : certid_is_key_id(info->key_id, cert);
}

/* RFC 8551 section 2.6: several certificates may have that key identifier, so
 * each is tried; without a good one the first is reported. */
static const char *
check_with_certs(const struct signer_info *info,
    const struct signer_about *about, struct cert **ret)
{
	const struct certs *certs = &about->data->certs;
	const char *first = NO_CERTIFICATE;

	for (size_t i = 0; i < certs->len; i++) {
		const struct cert *cert = certs->item[i];
		if (!names(info, cert))
			continue;
		if (*about->tries == 0)
			return TOO_MANY;
		(*about->tries)--;
		const char *reason = check_with_cert(info, cert);
		if (reason == NULL || *ret == NULL) {
			cert_free(*ret);
			*ret = cert_ref(cert);
			first = reason;
		}
		if (reason == NULL)
			return NULL;
	}
	return first;
}

static const char *
check_form(const struct signer_info *info, const struct signer_about *about)
{
	unsigned version =
	    info->issuer.len > 0 ? VERSION_BY_SERIAL : VERSION_BY_KEY_ID;

	if (info->refused != NULL)
		return info->refused;
	if (info->version != version)
		return INVALID;
	/* RFC 5652 section 5.1: "Implementations MAY fail to validate
	 * signatures that use a digest algorithm that is not included" */
	if (about->countersigned.len == 0 &&
	    !about->data->listed[info->use.digest])
		return INVALID;
	/* Without signed attributes, the DER of the attributes of another
	 * letter is a content that its signature fits: never accepted. */
	return info->has_attributes ? NULL : NO_ATTRIBUTES;
}

/* In the order a reader would ask. */
static const char *
check_claims(const struct signer_info *info, const struct signer_about *about)
{
	/* of two of a kind, two readers might take two different ones */
	const char *reason =
	    attributes_repeat(&info->attributes) ? INVALID : NULL;

	if (reason == NULL)
		reason = check_content_type(info, about);
	if (reason == NULL)
		reason = check_digest(info, about);
	if (reason == NULL)
		reason = check_protection(info);
	return reason;
}

/* For the report of a signature that is not worth computing. */
static void
name_cert(const struct signer_info *info, const struct certs *certs,
    struct cert **ret)
{
	for (size_t i = 0; i < certs->len && *ret == NULL; i++)
		if (names(info, certs->item[i]))
			*ret = cert_ref(certs->item[i]);
}

const char *
signer_judge(const struct signer_info *info, const struct signer_about *about,
    struct cert **ret_cert, int64_t *ret_claimed)
{
	const char *reason = check_form(info, about);
	const char *time = check_time(info, ret_claimed);

	if (reason == NULL)
		reason = time;
	if (reason == NULL)
		reason = check_claims(info, about);
	if (reason == NULL)
		return check_with_certs(info, about, ret_cert);
	name_cert(info, &about->data->certs, ret_cert);
	return reason;
}
