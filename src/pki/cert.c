#define _DEFAULT_SOURCE /* timegm */
#include "pki/cert.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>

#include "pki/cert_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/mailbox.h"
#include "pki/policy.h"

#define NAME_MAX_BYTES 256
#define SERIAL_MAX_BYTES 20 /* RFC 5280 section 4.1.2.2 */
#define OID_TEXT_MAX 128
#define NO_REVOCATION_OID "2.5.29.56"
#define CAPABILITIES_OID "1.2.840.113549.1.9.15" /* RFC 4262 */

static void
destroy(struct cert *cert)
{
	ready_done(&cert->verifying);
	ready_done(&cert->sealing);
	EVP_PKEY_free(cert->key);
	X509_free(cert->x509);
	buf_done(&cert->der);
	buf_done(&cert->name);
	buf_done(&cert->organization);
	buf_done(&cert->issuer);
	strlist_done(&cert->addresses);
	free(cert);
}

OWNER(struct cert, destroy);
OWNER(GENERAL_NAMES, GENERAL_NAMES_free);
OWNER(CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free);
OWNER(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);
OWNER(AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free);
OWNER(CRL_DIST_POINTS, CRL_DIST_POINTS_free);
OWNER(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free);

/* ---- names -------------------------------------------------------------- */

/* Characters that are not seen, or turn the text around them, could make one
 * name look like another. */
static bool
is_visible(unsigned long c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0xad &&
	       !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff &&
	       !(c >= 0xe0000 && c <= 0xe007f);
}

static enum rc
add_visible(struct span text, struct buf *out, struct err *err)
{
	while (text.len > 0) {
		unsigned long point = 0;
		int used = UTF8_getc(text.data, (int)text.len, &point);
		if (used <= 0 || out->len + (size_t)used > NAME_MAX_BYTES)
			return RC_OK;
		struct span one = span_first(text, (size_t)used);
		TRY(buf_add(out, is_visible(point) ? one : span_str("?"), err));
		text = span_after(text, (size_t)used);
	}
	return RC_OK;
}

/* The last entry of that type: the most specific one. */
static enum rc
read_name(const X509_NAME *name, int nid, struct buf *out, struct err *err)
{
	int at = -1;

	for (int i = -1; (i = X509_NAME_get_index_by_NID(name, nid, i)) >= 0;)
		at = i;
	if (at < 0)
		return RC_OK;
	X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, at);
	unsigned char *text = NULL;
	int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
	ERR_clear_error();
	if (len < 0)
		return RC_OK;
	enum rc rc = add_visible(span_of(text, (size_t)len), out, err);
	OPENSSL_free(text);
	return rc;
}

static enum rc
read_names(struct cert *cert, struct err *err)
{
	const X509_NAME *subject = X509_get_subject_name(cert->x509);
	const X509_NAME *issuer = X509_get_issuer_name(cert->x509);
	const char *unused;

	TRY(read_name(subject, NID_commonName, &cert->name, err));
	/* below that nobody checked which organisation it is */
	if (cert->level == LEVEL_V3 || cert->level == LEVEL_V4)
		TRY(read_name(
		    subject, NID_organizationName, &cert->organization, err));
	TRY(read_name(issuer, NID_commonName, &cert->issuer, err));
	if (cert->issuer.len == 0)
		TRY(read_name(
		    issuer, NID_organizationName, &cert->issuer, err));
	TRY(buf_str(&cert->name, &unused, err));
	TRY(buf_str(&cert->organization, &unused, err));
	return buf_str(&cert->issuer, &unused, err);
}

/* ---- addresses ---------------------------------------------------------- */

/* What is no mailbox (a NUL, "a@b@c", control characters) is left out: it
 * names nobody, and another program may read it as somebody. */
static enum rc
add_address(
    struct cert *cert, const ASN1_STRING *text, bool utf8, struct err *err)
{
	struct span mailbox = span_of(
	    ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));

	if (utf8 ? !mailbox_is_utf8(mailbox) : !mailbox_is_ascii(mailbox))
		return RC_OK;
	for (size_t i = 0; i < cert->addresses.len; i++)
		if (mailbox_same(mailbox, span_str(cert->addresses.item[i])))
			return RC_OK;
	return strlist_add(&cert->addresses, mailbox, err);
}

static enum rc
add_general_name(struct cert *cert, const GENERAL_NAME *name, struct err *err)
{
	if (name->type == GEN_EMAIL)
		return add_address(cert, name->d.rfc822Name, false, err);
	if (name->type != GEN_OTHERNAME)
		return RC_OK;
	const OTHERNAME *other = name->d.otherName;
	if (OBJ_obj2nid(other->type_id) != NID_id_on_SmtpUTF8Mailbox ||
	    other->value->type != V_ASN1_UTF8STRING)
		return RC_OK;
	return add_address(cert, other->value->value.utf8string, true, err);
}

/* The extension, or NULL if there is none.  RC_SYNTAX: it is there and not
 * what its standard says; then nothing else in the certificate is sure. */
static enum rc
get_extension(const X509 *x509, int nid, void **ret, struct err *err)
{
	int critical = 0;
	void *found = X509_get_ext_d2i(x509, nid, &critical, NULL);

	ERR_clear_error();
	if (found == NULL && critical != -1)
		return err_set(err, RC_SYNTAX, "certificate: bad extension %s",
		    OBJ_nid2sn(nid));
	*ret = found;
	return RC_OK;
}

static enum rc
read_addresses(struct cert *cert, struct err *err)
{
	GENERAL_NAMES *names OWNED(GENERAL_NAMES_free) = NULL;
	void *found = NULL;

	TRY(get_extension(cert->x509, NID_subject_alt_name, &found, err));
	names = found;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		TRY(add_general_name(
		    cert, sk_GENERAL_NAME_value(names, i), err));

	const X509_NAME *subject = X509_get_subject_name(cert->x509);
	int at = -1;
	while ((at = X509_NAME_get_index_by_NID(
		    subject, NID_pkcs9_emailAddress, at)) >= 0)
		TRY(add_address(cert,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)),
		    false, err));
	return RC_OK;
}

/* ---- level -------------------------------------------------------------- */

/* The CA/B Forum numbers organisation before sponsored person before
 * individual; we count by how much was checked. */
static enum cert_level
level_of_digit(char digit)
{
	static const enum cert_level levels[] = {
	    LEVEL_V1, LEVEL_V3, LEVEL_V4, LEVEL_V2};

	return digit >= '1' && digit <= '4' ? levels[digit - '1'] : LEVEL_OTHER;
}

static enum cert_level
level_of_policy(const char *oid)
{
	static const char ours[] = POLICY_ARC ".1.";
	static const char cabf[] = POLICY_CABF_SMIME ".";
	const char *digit = oid + strlen(cabf);

	if (!strncmp(oid, ours, strlen(ours))) {
		digit = oid + strlen(ours);
		return digit[0] != '\0' && digit[1] == '\0'
			   ? level_of_digit(*digit)
			   : LEVEL_OTHER;
	}
	if (strncmp(oid, cabf, strlen(cabf)) != 0 || digit[0] == '\0' ||
	    digit[1] != '.' || digit[2] < '1' || digit[2] > '3' ||
	    digit[3] != '\0')
		return LEVEL_OTHER;
	return level_of_digit(*digit);
}

/* Exactly one level may be asserted; with two the lower one counts. */
static enum rc
read_level(struct cert *cert, struct err *err)
{
	CERTIFICATEPOLICIES *policies OWNED(CERTIFICATEPOLICIES_free) = NULL;
	void *found = NULL;
	char oid[OID_TEXT_MAX];

	TRY(get_extension(cert->x509, NID_certificate_policies, &found, err));
	policies = found;
	for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
		const POLICYINFO *policy = sk_POLICYINFO_value(policies, i);
		int len = OBJ_obj2txt(oid, sizeof(oid), policy->policyid, 1);
		enum cert_level level = len > 0 && len < (int)sizeof(oid)
					    ? level_of_policy(oid)
					    : LEVEL_OTHER;
		if (cert->level == LEVEL_NONE || level < cert->level)
			cert->level = level;
	}
	return RC_OK;
}

/* ---- usage -------------------------------------------------------------- */

static enum rc
read_key_usage(struct cert *cert, struct err *err)
{
	BASIC_CONSTRAINTS *basic OWNED(BASIC_CONSTRAINTS_free) = NULL;
	void *found = NULL;

	TRY(get_extension(cert->x509, NID_basic_constraints, &found, err));
	basic = found;
	cert->is_ca = basic != NULL && basic->ca;
	TRY(get_extension(cert->x509, NID_key_usage, &found, err));
	ASN1_BIT_STRING_free(found);
	cert->usage = X509_get_key_usage(cert->x509);
	return RC_OK;
}

static enum rc
read_extended_usage(struct cert *cert, struct err *err)
{
	EXTENDED_KEY_USAGE *usage OWNED(EXTENDED_KEY_USAGE_free) = NULL;
	void *found = NULL;

	TRY(get_extension(cert->x509, NID_ext_key_usage, &found, err));
	usage = found;
	cert->has_eku = usage != NULL;
	for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i));
		cert->eku_mail |= nid == NID_email_protect;
		cert->eku_stamp |= nid == NID_time_stamp;
		cert->eku_any |= nid == NID_anyExtendedKeyUsage;
		cert->eku_other |=
		    nid != NID_email_protect && nid != NID_time_stamp;
	}
	int at = X509_get_ext_by_NID(cert->x509, NID_ext_key_usage, -1);
	cert->eku_critical = at >= 0 && X509_EXTENSION_get_critical(
					    X509_get_ext(cert->x509, at));
	return RC_OK;
}

/* ---- other extensions --------------------------------------------------- */

/* RFC 5280 section 4.2: "A certificate MUST NOT include more than one
 * instance of a particular extension."  Two programs would each take their
 * own. */
static enum rc
check_no_twins(const X509 *x509, struct err *err)
{
	int count = X509_get_ext_count(x509);

	if (count > 100)
		return err_set(
		    err, RC_LIMIT, "certificate: more than 100 extensions");
	for (int i = 0; i < count; i++) {
		const ASN1_OBJECT *oid =
		    X509_EXTENSION_get_object(X509_get_ext(x509, i));
		if (X509_get_ext_by_OBJ(x509, oid, i) >= 0)
			return err_set(err, RC_SYNTAX,
			    "certificate: the same extension twice");
	}
	return RC_OK;
}

static const ASN1_OCTET_STRING *
find_extension(const X509 *x509, const char *oid)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	int at = object != NULL ? X509_get_ext_by_OBJ(x509, object, -1) : -1;

	ASN1_OBJECT_free(object);
	return at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(x509, at)) : NULL;
}

/* A list that cannot be read promises nothing. */
static unsigned
read_capabilities(const X509 *x509)
{
	const ASN1_OCTET_STRING *data = find_extension(x509, CAPABILITIES_OID);
	unsigned found = 0;

	if (data == NULL ||
	    capabilities_parse(span_of(ASN1_STRING_get0_data(data),
				   (size_t)ASN1_STRING_length(data)),
		&found, NULL) != RC_OK)
		return 0;
	return found;
}

static enum rc
read_pointers(struct cert *cert, struct err *err)
{
	CRL_DIST_POINTS *points OWNED(CRL_DIST_POINTS_free) = NULL;
	AUTHORITY_INFO_ACCESS *access OWNED(AUTHORITY_INFO_ACCESS_free) = NULL;
	void *found = NULL;

	TRY(get_extension(
	    cert->x509, NID_crl_distribution_points, &found, err));
	points = found;
	cert->has_pointer = sk_DIST_POINT_num(points) > 0;
	TRY(get_extension(cert->x509, NID_info_access, &found, err));
	access = found;
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++)
		if (OBJ_obj2nid(
			sk_ACCESS_DESCRIPTION_value(access, i)->method) ==
		    NID_ad_OCSP)
			cert->has_pointer = true;
	cert->no_revocation =
	    find_extension(cert->x509, NO_REVOCATION_OID) != NULL;
	cert->ocsp_no_check =
	    X509_get_ext_by_NID(cert->x509, NID_id_pkix_OCSP_noCheck, -1) >= 0;
	cert->capabilities = read_capabilities(cert->x509);
	return RC_OK;
}

/* ---- reading ------------------------------------------------------------ */

/* RFC 5280 section 4.1.2.5: with seconds, in Z, without fractions.  Some
 * readers take "YYMMDDHHMMZ" for another moment than others. */
static enum rc
read_time(const ASN1_TIME *time, int64_t *ret, struct err *err)
{
	struct tm tm;
	int len = ASN1_STRING_length(time);
	int want = ASN1_STRING_type(time) == V_ASN1_UTCTIME ? 13 : 15;

	if (len != want || ASN1_STRING_get0_data(time)[len - 1] != 'Z' ||
	    !ASN1_TIME_to_tm(time, &tm)) {
		ERR_clear_error();
		return err_set(err, RC_SYNTAX,
		    "certificate: a validity time is not as RFC 5280 wants it");
	}
	*ret = timegm(&tm);
	return RC_OK;
}

static enum rc
read_fingerprint(struct cert *cert, struct err *err)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[32];

	if (!EVP_Digest(cert->der.data, cert->der.len, hash, NULL,
		crypto_sha2(256), NULL))
		return crypto_failed(err, "fingerprint");
	for (size_t i = 0; i < sizeof(hash); i++) {
		cert->fingerprint[2 * i] = digits[hash[i] >> 4];
		cert->fingerprint[2 * i + 1] = digits[hash[i] & 15];
	}
	return RC_OK;
}

/* Negative and zero serial numbers exist and are borne (RFC 5280 section
 * 4.1.2.2: "SHOULD be prepared to gracefully handle such certificates"). */
static enum rc
check_shape(const X509 *x509, struct err *err)
{
	if (ASN1_STRING_length(X509_get0_serialNumber(x509)) > SERIAL_MAX_BYTES)
		return err_set(err, RC_SYNTAX,
		    "certificate: a serial number of more than %d bytes",
		    SERIAL_MAX_BYTES);
	return check_no_twins(x509, err);
}

static enum rc
read_all(struct cert *cert, struct err *err)
{
	X509 *x509 = cert->x509;

	TRY(check_shape(x509, err));
	TRY(read_fingerprint(cert, err));
	TRY(read_time(X509_get0_notBefore(x509), &cert->not_before, err));
	TRY(read_time(X509_get0_notAfter(x509), &cert->not_after, err));
	TRY(read_level(cert, err));
	TRY(read_names(cert, err));
	TRY(read_addresses(cert, err));
	TRY(read_key_usage(cert, err));
	TRY(read_extended_usage(cert, err));
	TRY(read_pointers(cert, err));
	cert_read_key(cert);
	/* fills the library's own cache now, so that the certificate can be
	 * used by several threads later */
	(void)X509_check_purpose(x509, -1, 0);
	ERR_clear_error();
	cert->signs_itself = cert_names_itself(cert);
	return RC_OK;
}

static struct cert *
new_cert(void)
{
	struct cert *cert = calloc(1, sizeof(*cert));

	if (cert == NULL)
		return NULL;
	atomic_init(&cert->references, 1);
	cert->der = BUF(CERT_DER_MAX);
	cert->name = cert->organization = cert->issuer = BUF(NAME_MAX_BYTES);
	return cert;
}

enum rc
cert_parse(struct span der, struct cert **ret, struct err *err)
{
	if (der.len > CERT_DER_MAX)
		return err_set(err, RC_LIMIT,
		    "certificate of more than %zu bytes", CERT_DER_MAX);
	enum rc rc = der_check(der, err);
	if (rc != RC_OK)
		return err_prefix(err, rc, "certificate");
	struct cert *cert OWNED(destroy) = new_cert();
	if (cert == NULL)
		return err_nomem(err, "certificate");
	TRY(buf_add(&cert->der, der, err));
	TRY(cert_decode(cert, err));
	TRY(read_all(cert, err));
	*ret = take(cert);
	return RC_OK;
}

enum rc
cert_from_x509(X509 *x509, struct cert **ret, struct err *err)
{
	int len = i2d_X509(x509, NULL);

	if (len <= 0)
		return crypto_failed(err, "certificate");
	if ((size_t)len > CERT_DER_MAX)
		return err_set(err, RC_LIMIT,
		    "certificate of more than %zu bytes", CERT_DER_MAX);
	struct cert *cert OWNED(destroy) = new_cert();
	if (cert == NULL)
		return err_nomem(err, "certificate");
	uint8_t *room;
	TRY(buf_reserve(&cert->der, (size_t)len, &room, err));
	buf_grown(&cert->der, (size_t)i2d_X509(x509, &room));
	TRY(der_check(buf_span(&cert->der), err));
	if (!X509_up_ref(x509))
		return crypto_failed(err, "certificate");
	cert->x509 = x509;
	TRY(read_all(cert, err));
	*ret = take(cert);
	return RC_OK;
}

struct cert *
cert_ref(const struct cert *cert)
{
	struct cert *shared = (struct cert *)cert;

	atomic_fetch_add(&shared->references, 1);
	return shared;
}

void
cert_free(const struct cert *cert)
{
	struct cert *shared = (struct cert *)cert;

	if (shared != NULL && atomic_fetch_sub(&shared->references, 1) == 1)
		destroy(shared);
}

/* ---- asking ------------------------------------------------------------- */

const char *
cert_level_name(enum cert_level level)
{
	static const char *const names[] = {
	    [LEVEL_V1] = "V1",
	    [LEVEL_V2] = "V2",
	    [LEVEL_V3] = "V3",
	    [LEVEL_V4] = "V4",
	    [LEVEL_OTHER] = "other",
	};

	return level <= LEVEL_OTHER ? names[level] : NULL;
}

X509 *
cert_x509(const struct cert *cert)
{
	return cert->x509;
}

EVP_PKEY *
cert_key(const struct cert *cert)
{
	return cert->key;
}

struct ready *
cert_verifying(const struct cert *cert)
{
	return &((struct cert *)(uintptr_t)cert)->verifying;
}

struct ready *
cert_sealing(const struct cert *cert)
{
	return &((struct cert *)(uintptr_t)cert)->sealing;
}

struct span
cert_der(const struct cert *cert)
{
	return buf_span(&cert->der);
}

const char *
cert_fingerprint(const struct cert *cert)
{
	return cert->fingerprint;
}

/* read_names() has put a NUL behind it, unless there is nothing at all. */
static const char *
text_of(const struct buf *buf)
{
	return buf->data != NULL ? (const char *)buf->data : "";
}

const char *
cert_name(const struct cert *cert)
{
	return text_of(&cert->name);
}

const char *
cert_organization(const struct cert *cert)
{
	return text_of(&cert->organization);
}

const char *
cert_issuer(const struct cert *cert)
{
	return text_of(&cert->issuer);
}

enum cert_level
cert_level(const struct cert *cert)
{
	return cert->level;
}

int64_t
cert_not_before(const struct cert *cert)
{
	return cert->not_before;
}

int64_t
cert_not_after(const struct cert *cert)
{
	return cert->not_after;
}

const struct strlist *
cert_addresses(const struct cert *cert)
{
	return &cert->addresses;
}

bool
cert_names_address(const struct cert *cert, const char *address)
{
	for (size_t i = 0; i < cert->addresses.len; i++)
		if (mailbox_same(
			span_str(cert->addresses.item[i]), span_str(address)))
			return true;
	return false;
}
