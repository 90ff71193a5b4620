#include "cms/signer_priv.h"

#include <time.h>

#include <openssl/err.h>

#include "cms/sigalg_priv.h"

#define OID_CMS_PROTECTION "1.2.840.113549.1.9.52" /* RFC 6211 */
#define ATTRIBUTES_MAX 100
#define ATTRIBUTES_LEN_MAX ((size_t)1 << 20)
#define VERSION_BY_SERIAL 1
#define VERSION_BY_KEY_ID 3

/* Reasons, in the words of verify.h. */
#define DIGEST_MISMATCH "sig.digest-mismatch"
#define INVALID "sig.invalid"
#define ATTR_MISSING "sig.attr-missing"
#define NO_CERTIFICATE "sig.no-certificate"
#define CERTIFICATE_MISMATCH "sig.certificate-mismatch"

OWNER(ASN1_OBJECT, ASN1_OBJECT_free);

/* The signed attributes in their two forms: as they came, and as DER. */
struct attributes {
	STACK_OF(X509_ATTRIBUTE) *list;
	struct buf received;
	struct buf der;
};

#define ATTRIBUTES_OWNED __attribute__((cleanup(attributes_done)))

static void
attributes_done(struct attributes *attributes)
{
	shape_attributes_free(attributes->list);
	buf_done(&attributes->received);
	buf_done(&attributes->der);
}

/* RFC 5652 section 5.4: "the IMPLICIT [0] tag in the signedAttrs is not used
 * for the DER encoding, rather an EXPLICIT SET OF tag is used". */
static enum rc
attributes_read(
    const struct shape_signer *signer, struct attributes *ret, struct err *err)
{
	void *value = NULL;

	TRY(buf_add(
	    &ret->received, shape_span(signer->signed_attributes), err));
	ret->received.data[0] = V_ASN1_SET | V_ASN1_CONSTRUCTED;
	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_ATTRIBUTES),
	    buf_span(&ret->received), "signed attributes", &value, err));
	ret->list = value;
	if (sk_X509_ATTRIBUTE_num(ret->list) > ATTRIBUTES_MAX)
		return err_set(err, RC_LIMIT, "more than %d signed attributes",
		    ATTRIBUTES_MAX);
	return shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), ret->list, &ret->der, err);
}

/* The one value of the one such attribute.  *ret_bad: there are several, and
 * two readers might take two different ones. */
static const ASN1_TYPE *
only_value(
    const struct attributes *attributes, const ASN1_OBJECT *type, bool *ret_bad)
{
	int at = X509at_get_attr_by_OBJ(attributes->list, type, -1);

	if (at < 0)
		return NULL;
	X509_ATTRIBUTE *attribute = X509at_get_attr(attributes->list, at);
	if (X509_ATTRIBUTE_count(attribute) != 1 ||
	    X509at_get_attr_by_OBJ(attributes->list, type, at) >= 0) {
		*ret_bad = true;
		return NULL;
	}
	return X509_ATTRIBUTE_get0_type(attribute, 0);
}

static const ASN1_TYPE *
only_value_nid(const struct attributes *attributes, int nid, bool *ret_bad)
{
	return only_value(attributes, OBJ_nid2obj(nid), ret_bad);
}

static const char *
check_content_type(
    const struct attributes *attributes, const struct shape_inner *inner)
{
	bool bad = false;
	const ASN1_TYPE *type =
	    only_value_nid(attributes, NID_pkcs9_contentType, &bad);

	if (type == NULL)
		return bad ? INVALID : ATTR_MISSING;
	if (type->type != V_ASN1_OBJECT ||
	    OBJ_cmp(type->value.object, inner->type) != 0)
		return INVALID;
	return NULL;
}

static const char *
check_digest(const struct attributes *attributes,
    const struct shape_signer *signer, const struct digest *digest)
{
	bool bad = false;
	const ASN1_TYPE *value =
	    only_value_nid(attributes, NID_pkcs9_messageDigest, &bad);
	struct span want =
	    digest_value(digest, shape_nid(signer->digest_algorithm));

	if (value == NULL)
		return bad ? INVALID : ATTR_MISSING;
	if (value->type != V_ASN1_OCTET_STRING)
		return INVALID;
	if (want.len == 0 ||
	    !span_is(shape_span(value->value.octet_string), want))
		return DIGEST_MISMATCH;
	return NULL;
}

/* RFC 6211 section 3: both algorithms as the SignerInfo has them, to the
 * parameters. */
static const char *
check_protection(
    const struct attributes *attributes, const struct shape_signer *signer)
{
	bool bad = false, same = false;
	void *value = NULL;
	ASN1_OBJECT *oid OWNED(ASN1_OBJECT_free) =
	    OBJ_txt2obj(OID_CMS_PROTECTION, 1);
	const ASN1_TYPE *type =
	    oid == NULL ? NULL : only_value(attributes, oid, &bad);

	if (type == NULL)
		return bad || oid == NULL ? INVALID : NULL;
	if (type->type != V_ASN1_SEQUENCE ||
	    shape_parse(ASN1_ITEM_rptr(SHAPE_PROTECTION),
		shape_span(type->value.sequence), "", &value, NULL) != RC_OK)
		return INVALID;
	const struct shape_protection *both = value;
	same = both->mac_algorithm == NULL &&
	       both->signature_algorithm != NULL &&
	       X509_ALGOR_cmp(
		   both->digest_algorithm, signer->digest_algorithm) == 0 &&
	       X509_ALGOR_cmp(
		   both->signature_algorithm, signer->signature_algorithm) == 0;
	shape_free(ASN1_ITEM_rptr(SHAPE_PROTECTION), value);
	return same ? NULL : INVALID;
}

/* 0 where there is none; it is only a claim. */
static const char *
read_time(const struct attributes *attributes, int64_t *ret)
{
	bool bad = false;
	struct tm tm = {0};
	const ASN1_TYPE *type =
	    only_value_nid(attributes, NID_pkcs9_signingTime, &bad);

	if (type == NULL)
		return bad ? INVALID : NULL;
	if ((type->type != V_ASN1_UTCTIME &&
		type->type != V_ASN1_GENERALIZEDTIME) ||
	    !ASN1_TIME_to_tm(type->value.asn1_string, &tm))
		return INVALID;
	*ret = (int64_t)timegm(&tm);
	return NULL;
}

static bool
hash_is(
    const struct cert *cert, const EVP_MD *md, const ASN1_OCTET_STRING *want)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct span der = cert_der(cert);

	return md != NULL &&
	       EVP_Digest(der.data, der.len, hash, &len, md, NULL) &&
	       span_is(shape_span(want), span_of(hash, len));
}

static bool
serial_is(const struct shape_ess_serial *serial, const X509 *x509)
{
	if (serial == NULL)
		return true;
	if (ASN1_INTEGER_cmp(serial->serial, X509_get0_serialNumber(x509)) !=
		0 ||
	    sk_GENERAL_NAME_num(serial->issuer) != 1)
		return false;
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(serial->issuer, 0);
	return name->type == GEN_DIRNAME &&
	       X509_NAME_cmp(
		   name->d.directoryName, X509_get_issuer_name(x509)) == 0;
}

/* RFC 2634 section 5.4: the first one is the signer's certificate. */
static bool
ess_names(const struct shape_ess *ess, const struct cert *cert)
{
	const struct shape_ess_id *id = OPENSSL_sk_value(ess->certs, 0);

	return id != NULL && hash_is(cert, EVP_sha1(), id->hash) &&
	       serial_is(id->serial, cert_x509(cert));
}

static bool
ess2_names(const struct shape_ess2 *ess, const struct cert *cert)
{
	const struct shape_ess_id2 *id = OPENSSL_sk_value(ess->certs, 0);

	if (id == NULL)
		return false;
	const EVP_MD *md = id->algorithm == NULL
			       ? EVP_sha256()
			       : digest_md(shape_nid(id->algorithm));
	return hash_is(cert, md, id->hash) &&
	       serial_is(id->serial, cert_x509(cert));
}

/* With both versions in it, both must name the certificate. */
static const char *
check_ess(const struct attributes *attributes, const struct cert *cert)
{
	bool bad = false, ok = true;
	void *value = NULL;
	const ASN1_TYPE *one = only_value_nid(
	    attributes, NID_id_smime_aa_signingCertificate, &bad);
	const ASN1_TYPE *two = only_value_nid(
	    attributes, NID_id_smime_aa_signingCertificateV2, &bad);

	if (one != NULL) {
		ok = one->type == V_ASN1_SEQUENCE &&
		     shape_parse(ASN1_ITEM_rptr(SHAPE_ESS),
			 shape_span(one->value.sequence), "", &value,
			 NULL) == RC_OK &&
		     ess_names(value, cert);
		shape_free(ASN1_ITEM_rptr(SHAPE_ESS), take(value));
	}
	if (ok && two != NULL) {
		ok = two->type == V_ASN1_SEQUENCE &&
		     shape_parse(ASN1_ITEM_rptr(SHAPE_ESS2),
			 shape_span(two->value.sequence), "", &value,
			 NULL) == RC_OK &&
		     ess2_names(value, cert);
		shape_free(ASN1_ITEM_rptr(SHAPE_ESS2), take(value));
	}
	return ok && !bad ? NULL : CERTIFICATE_MISMATCH;
}

/* DER first as it came; some senders sign the sorted form and send another
 * order, so the re-encoded one is tried as well. */
static bool
signature_holds(const struct shape_signer *signer,
    const struct attributes *attributes, EVP_PKEY *key)
{
	if (sigalg_verify(signer, key, buf_span(&attributes->received)))
		return true;
	if (span_is(
		buf_span(&attributes->received), buf_span(&attributes->der)))
		return false;
	return sigalg_verify(signer, key, buf_span(&attributes->der));
}

static const char *
check_with_cert(const struct shape_signer *signer,
    const struct attributes *attributes, const struct cert *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert_x509(cert));

	if (key == NULL) {
		ERR_clear_error();
		return "sig.unsupported";
	}
	const char *reason = sigalg_refuse_key(key);
	if (reason != NULL)
		return reason;
	if (!signature_holds(signer, attributes, key))
		return INVALID;
	return check_ess(attributes, cert);
}

static bool
names(const struct shape_signer *signer, X509 *x509)
{
	if (signer->id->type == SHAPE_BY_SERIAL)
		return shape_id_is(signer->id->d.by_serial, x509);
	return shape_key_id_is(signer->id->d.by_key_id, x509);
}

/* RFC 8551 section 2.6: several certificates may have that key identifier, so
 * each is tried; without a good one the first is reported. */
static const char *
check_with_certs(const struct shape_signer *signer,
    const struct attributes *attributes, const struct certs *certs,
    struct verify_signer *ret)
{
	const char *first = NO_CERTIFICATE;

	for (size_t i = 0; i < certs->len; i++) {
		const struct cert *cert = certs->item[i];
		if (!names(signer, cert_x509(cert)))
			continue;
		const char *reason = check_with_cert(signer, attributes, cert);
		if (reason == NULL || ret->cert == NULL) {
			cert_free(ret->cert);
			ret->cert = cert_ref(cert);
			first = reason;
		}
		if (reason == NULL)
			return NULL;
	}
	return first;
}

static bool
digest_is_listed(
    const struct shape_signer *signer, const struct shape_signed *body)
{
	int count = sk_X509_ALGOR_num(body->digest_algorithms);

	for (int i = 0; i < count; i++) {
		const X509_ALGOR *item =
		    sk_X509_ALGOR_value(body->digest_algorithms, i);
		if (shape_is_bare(item) &&
		    shape_nid(item) == shape_nid(signer->digest_algorithm))
			return true;
	}
	return false;
}

static bool
version_fits(const struct shape_signer *signer)
{
	return shape_version(signer->version) ==
	       (signer->id->type == SHAPE_BY_SERIAL ? VERSION_BY_SERIAL
						    : VERSION_BY_KEY_ID);
}

static const char *
check_claims(const struct shape_signer *signer,
    const struct attributes *attributes, const struct signer_about *about,
    struct verify_signer *ret)
{
	const char *reason = read_time(attributes, &ret->claimed_time);

	if (reason == NULL)
		reason = check_content_type(attributes, about->body->inner);
	if (reason == NULL)
		reason = check_digest(attributes, signer, about->digest);
	if (reason == NULL)
		reason = check_protection(attributes, signer);
	return reason;
}

static const char *
check_form(const struct shape_signer *signer, const struct signer_about *about)
{
	const char *reason = sigalg_refuse(
	    signer->digest_algorithm, signer->signature_algorithm);

	if (reason != NULL)
		return reason;
	/* RFC 5652 section 5.1: "Implementations MAY fail to validate
	 * signatures that use a digest algorithm that is not included" */
	return version_fits(signer) && digest_is_listed(signer, about->body)
		   ? NULL
		   : INVALID;
}

/* Without signed attributes, the DER of the attributes of another letter is a
 * content that its signature fits: never accepted. */
static enum rc
check(const struct shape_signer *signer, const struct signer_about *about,
    struct verify_signer *ret, struct err *err)
{
	struct attributes attributes ATTRIBUTES_OWNED = {
	    NULL, BUF(ATTRIBUTES_LEN_MAX), BUF(ATTRIBUTES_LEN_MAX)};
	const char *form = check_form(signer, about);

	if (signer->signed_attributes == NULL) {
		ret->reason = form != NULL ? form : ATTR_MISSING;
		return RC_OK;
	}
	TRY(attributes_read(signer, &attributes, err));
	const char *claims = check_claims(signer, &attributes, about, ret);
	const char *mathematics =
	    check_with_certs(signer, &attributes, about->certs, ret);
	/* the first that fails in the order a reader would ask */
	ret->reason = form != NULL     ? form
		      : claims != NULL ? claims
				       : mathematics;
	ret->valid = ret->reason == NULL;
	return RC_OK;
}

static enum rc
read_tokens(const struct shape_signer *signer, struct verify_signer *ret,
    struct err *err)
{
	STACK_OF(X509_ATTRIBUTE) *list = signer->unsigned_attributes;

	for (int at = -1; (at = X509at_get_attr_by_NID(list,
			       NID_id_smime_aa_timeStampToken, at)) >= 0;) {
		X509_ATTRIBUTE *attribute = X509at_get_attr(list, at);
		for (int i = 0; i < X509_ATTRIBUTE_count(attribute); i++) {
			const ASN1_TYPE *value =
			    X509_ATTRIBUTE_get0_type(attribute, i);
			if (ret->tokens++ > 0 || value->type != V_ASN1_SEQUENCE)
				continue;
			TRY(buf_add(&ret->token,
			    shape_span(value->value.sequence), err));
		}
	}
	return RC_OK;
}

enum rc
signer_check(const struct shape_signer *signer,
    const struct signer_about *about, struct verify_signer *ret,
    struct err *err)
{
	struct verify_signer made = {
	    .signature = BUF_SMALL, .token = BUF(SHAPE_MAX)};

	enum rc rc = check(signer, about, &made, err);
	if (rc == RC_OK)
		rc = read_tokens(signer, &made, err);
	if (rc == RC_OK)
		rc = buf_add(
		    &made.signature, shape_span(signer->signature), err);
	if (rc != RC_OK) {
		signer_done(&made);
		return rc;
	}
	*ret = made;
	return RC_OK;
}

/* RFC 5652 section 5.1 knows 1, 3, 4 and 5. */
bool
signer_knows_version(const struct shape_signed *body)
{
	long version = shape_version(body->version);

	return version == 1 || (version >= 3 && version <= 5);
}

bool
signer_has_certificate_id(const struct shape_signer *signer)
{
	struct attributes attributes ATTRIBUTES_OWNED = {
	    NULL, BUF(ATTRIBUTES_LEN_MAX), BUF(ATTRIBUTES_LEN_MAX)};

	if (signer->signed_attributes == NULL ||
	    attributes_read(signer, &attributes, NULL) != RC_OK)
		return false;
	return X509at_get_attr_by_NID(attributes.list,
		   NID_id_smime_aa_signingCertificate, -1) >= 0 ||
	       X509at_get_attr_by_NID(attributes.list,
		   NID_id_smime_aa_signingCertificateV2, -1) >= 0;
}

void
signer_done(struct verify_signer *signer)
{
	cert_free(signer->cert);
	signer->cert = NULL;
	buf_done(&signer->signature);
	buf_done(&signer->token);
}

enum rc
signer_certs(
    const struct shape_signed *body, struct certs *ret, struct err *err)
{
	struct certs certs CERTS_OWNED = CERTS_NONE;
	int count = sk_ASN1_TYPE_num(body->certificates);

	if (count > CERTS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d certificates", CERTS_MAX);
	for (int i = 0; i < count; i++) {
		const ASN1_TYPE *item =
		    sk_ASN1_TYPE_value(body->certificates, i);
		struct cert *cert OWNED(cert_free) = NULL;
		if (item->type != V_ASN1_SEQUENCE ||
		    cert_parse(shape_span(item->value.sequence), &cert, NULL) !=
			RC_OK)
			continue;
		TRY(certs_add(&certs, cert, err));
	}
	*ret = certs;
	certs = CERTS_NONE;
	return RC_OK;
}
