#include "authority/profile.h"

#include "authority/published.h"
#include "os/random.h"
#include "pki/crypto.h"
#include "pki/policy.h"

#define DAY ((int64_t)24 * 60 * 60)
/* Clocks of readers go wrong: a certificate that is used at once must not be
 * "not yet valid" for them. */
#define BACKDATE ((int64_t)60 * 60)

#define SERIAL_LEN 16
#define DER_MAX ((size_t)64 * 1024)
#define NAME_MAX_CN 64 /* RFC 5280 appendix A, ub-common-name */

#define ANY_POLICY "2.5.29.32.0"

OWNER(ASN1_BIT_STRING, ASN1_BIT_STRING_free);
OWNER(ASN1_NULL, ASN1_NULL_free);
OWNER(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free);
OWNER(AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free);
OWNER(AUTHORITY_KEYID, AUTHORITY_KEYID_free);
OWNER(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free);
OWNER(CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free);
OWNER(CRL_DIST_POINTS, CRL_DIST_POINTS_free);
OWNER(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);
OWNER(GENERAL_NAMES, GENERAL_NAMES_free);
OWNER(X509_ALGOR, X509_ALGOR_free);

/* Bits of RFC 5280 section 4.2.1.3, as masks. */
#define USE(bit) (1u << (bit))
#define USE_SIGN USE(0)
#define USE_ENCIPHER USE(2)
#define USE_AGREE USE(4)
#define USE_CERTIFY (USE(5) | USE(6)) /* certificates and CRLs */

struct profile {
	const char *name;
	const char *policy; /* NULL: none */
	unsigned use_ec;    /* key usage; 0: not for such keys */
	unsigned use_rsa;
	int path_len;   /* -1: not limited */
	int purpose[2]; /* extended key usage; 0: none */
	int days;
	bool purpose_critical;
	bool ca;
	bool has_responder; /* its status can be asked by OCSP */
	bool no_check;      /* RFC 6960 section 4.2.2.2.1 */
};

/* An issuing CA's purposes are taken as a limit for what it issues, so the one
 * for mail needs clientAuth as well: people log in with their signing
 * certificate.  Timestamps have a CA of their own, for the Baseline
 * Requirements forbid timeStamping below a CA for mail.
 *
 * The root has no OCSP responder: what it signed is few, and its list is made
 * when its key is at hand.  So certificates of CAs name a list only, and that
 * of the TSA does, whose CA's key is offline as well. */
static const struct profile profiles[] = {
    [PROFILE_ROOT] = {"root", NULL, USE_CERTIFY, 0, -1, {0}, 20 * 365, false,
	true, false, false},
    [PROFILE_MAIL_CA] = {"mail CA", ANY_POLICY, USE_CERTIFY, 0, 0,
	{NID_email_protect, NID_client_auth}, 10 * 365, false, true, false,
	false},
    [PROFILE_TSA_CA] = {"TSA CA", ANY_POLICY, USE_CERTIFY, 0, 0,
	{NID_time_stamp}, 10 * 365, false, true, false, false},
    [PROFILE_TSA] = {"TSA", POLICY_TIMESTAMP, USE_SIGN, 0, -1, {NID_time_stamp},
	5 * 365, true, false, false, false},
    /* Nobody asks whether a responder was revoked, so it is good for a few
     * days only. */
    [PROFILE_OCSP] = {"OCSP responder", NULL, USE_SIGN, USE_SIGN, -1,
	{NID_OCSP_sign}, 7, false, false, false, true},
    [PROFILE_SIGNING] = {"signing", POLICY_MAILBOX, USE_SIGN, USE_SIGN, -1,
	{NID_email_protect, NID_client_auth}, 90, false, false, true, false},
    [PROFILE_ENCRYPTING] = {"encrypting", POLICY_MAILBOX, USE_AGREE,
	USE_ENCIPHER, -1, {NID_email_protect}, 90, false, false, true, false},
    [PROFILE_DUAL] = {"dual", POLICY_MAILBOX, 0, USE_SIGN | USE_ENCIPHER, -1,
	{NID_email_protect}, 90, false, false, true, false},
    /* No TLS client believes it below a CA whose purposes are mail's. */
    [PROFILE_HOST] = {"host", NULL, USE_SIGN, USE_SIGN | USE_ENCIPHER, -1,
	{NID_server_auth}, 7, false, false, true, false},
};

const char *
profile_name(enum profile_kind kind)
{
	return profiles[kind].name;
}

static bool
add(X509 *x, int nid, void *value, bool critical)
{
	return X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_DEFAULT) ==
	       1;
}

/* 126 unpredictable bits: more than the 64 that the Baseline Requirements ask
 * for, positive, always 16 octets, never twice. */
static bool
set_serial(X509 *x)
{
	uint8_t serial[SERIAL_LEN];

	random_fill(serial, sizeof(serial));
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	BIGNUM *number OWNED(BN_clear_free) =
	    BN_bin2bn(serial, sizeof(serial), NULL);
	return number != NULL &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
}

static bool
add_name(X509_NAME *name, int nid, const char *text)
{
	return text == NULL ||
	       X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
		   (const uint8_t *)text, -1, -1, 0) == 1;
}

/* A mailbox' commonName is its address (Dovecot takes the login from there),
 * and left out where it does not fit. */
static bool
set_subject(X509 *x, const struct profile_order *order)
{
	X509_NAME *name = X509_get_subject_name(x);

	if (order->address != NULL)
		return strlen(order->address) > NAME_MAX_CN ||
		       add_name(name, NID_commonName, order->address);
	return add_name(name, NID_organizationName, order->organization) &&
	       add_name(name, NID_commonName, order->name);
}

static bool
set_times(X509 *x, const struct profile_order *order,
    const struct profile_issuer *issuer, int days)
{
	time_t from = (time_t)(order->now - BACKDATE);
	time_t until = (time_t)(order->now + days * DAY - 1);

	if (ASN1_TIME_set(X509_getm_notBefore(x), from) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(x), until) == NULL)
		return false;
	/* Nothing outlives its issuer. */
	if (issuer->cert == NULL || ASN1_TIME_compare(X509_get0_notAfter(x),
					X509_get0_notAfter(issuer->cert)) <= 0)
		return true;
	return X509_set1_notAfter(x, X509_get0_notAfter(issuer->cert)) == 1;
}

static bool
add_constraints(X509 *x, const struct profile *profile)
{
	BASIC_CONSTRAINTS *value OWNED(BASIC_CONSTRAINTS_free) =
	    BASIC_CONSTRAINTS_new();

	if (!profile->ca)
		return true;
	if (value == NULL)
		return false;
	value->ca = 0xff;
	if (profile->path_len >= 0) {
		value->pathlen = ASN1_INTEGER_new();
		if (value->pathlen == NULL ||
		    !ASN1_INTEGER_set(value->pathlen, profile->path_len))
			return false;
	}
	return add(x, NID_basic_constraints, value, true);
}

static bool
add_usage(X509 *x, unsigned use)
{
	ASN1_BIT_STRING *bits OWNED(ASN1_BIT_STRING_free) =
	    ASN1_BIT_STRING_new();

	for (int bit = 0; bits != NULL && bit < 9; bit++)
		if ((use & USE(bit)) != 0 &&
		    !ASN1_BIT_STRING_set_bit(bits, bit, 1))
			return false;
	return bits != NULL && add(x, NID_key_usage, bits, true);
}

static bool
add_purposes(X509 *x, const struct profile *profile)
{
	EXTENDED_KEY_USAGE *list OWNED(EXTENDED_KEY_USAGE_free) =
	    EXTENDED_KEY_USAGE_new();

	if (profile->purpose[0] == 0)
		return true;
	for (size_t i = 0; i < 2 && profile->purpose[i] != 0; i++)
		if (list == NULL || !sk_ASN1_OBJECT_push(
					list, OBJ_nid2obj(profile->purpose[i])))
			return false;
	return add(x, NID_ext_key_usage, list, profile->purpose_critical);
}

static bool
add_policy(X509 *x, const struct profile *profile)
{
	CERTIFICATEPOLICIES *list OWNED(CERTIFICATEPOLICIES_free) =
	    CERTIFICATEPOLICIES_new();
	POLICYINFO *policy = POLICYINFO_new();

	if (profile->policy == NULL || list == NULL || policy == NULL ||
	    !sk_POLICYINFO_push(list, policy)) {
		POLICYINFO_free(policy);
		return profile->policy == NULL;
	}
	policy->policyid = OBJ_txt2obj(profile->policy, 1);
	return policy->policyid != NULL &&
	       add(x, NID_certificate_policies, list, false);
}

/* "If the subject field contains an empty sequence, then the issuing CA MUST
 * include a subjectAltName extension that is marked as critical." (RFC 5280
 * section 4.2.1.6) */
static bool
add_address(X509 *x, const struct profile_order *order)
{
	const char *address = order->address;
	GENERAL_NAMES *names OWNED(GENERAL_NAMES_free) = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	bool empty = X509_NAME_entry_count(X509_get_subject_name(x)) == 0;

	if (address == NULL || names == NULL || name == NULL || text == NULL ||
	    !ASN1_STRING_set(text, address, -1) ||
	    !sk_GENERAL_NAME_push(names, name)) {
		GENERAL_NAME_free(name);
		ASN1_IA5STRING_free(text);
		return address == NULL;
	}
	GENERAL_NAME_set0_value(
	    name, order->kind == PROFILE_HOST ? GEN_DNS : GEN_EMAIL, text);
	return add(x, NID_subject_alt_name, names, empty);
}

static bool
add_key_ids(X509 *x, const X509 *issuer)
{
	ASN1_OCTET_STRING *own OWNED(ASN1_OCTET_STRING_free) =
	    ASN1_OCTET_STRING_new();
	AUTHORITY_KEYID *above OWNED(AUTHORITY_KEYID_free) =
	    AUTHORITY_KEYID_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	/* A name for the key (RFC 5280 section 4.2.1.2, method 1): nothing
	 * rests on SHA-1 being hard to collide here. */
	if (own == NULL || above == NULL ||
	    !X509_pubkey_digest(x, EVP_sha1(), digest, &len) ||
	    !ASN1_OCTET_STRING_set(own, digest, (int)len) ||
	    !add(x, NID_subject_key_identifier, own, false))
		return false;
	if (issuer == NULL)
		return true;
	const ASN1_OCTET_STRING *id =
	    X509_get0_subject_key_id((X509 *)(uintptr_t)issuer);
	above->keyid = id != NULL ? ASN1_OCTET_STRING_dup(id) : NULL;
	return above->keyid != NULL &&
	       add(x, NID_authority_key_identifier, above, false);
}

static GENERAL_NAME *
new_url(const struct buf *url)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	if (name == NULL || text == NULL ||
	    !ASN1_STRING_set(text, url->data, (int)url->len)) {
		GENERAL_NAME_free(name);
		ASN1_IA5STRING_free(text);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, GEN_URI, text);
	return name;
}

static bool
push_url(DIST_POINT *point, const struct buf *url)
{
	GENERAL_NAME *name = new_url(url);

	point->distpoint = DIST_POINT_NAME_new();
	if (name == NULL || point->distpoint == NULL) {
		GENERAL_NAME_free(name);
		return false;
	}
	point->distpoint->type = 0;
	point->distpoint->name.fullname = GENERAL_NAMES_new();
	if (point->distpoint->name.fullname != NULL &&
	    sk_GENERAL_NAME_push(point->distpoint->name.fullname, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

static bool
add_list(X509 *x, const struct buf *url)
{
	CRL_DIST_POINTS *points OWNED(CRL_DIST_POINTS_free) =
	    CRL_DIST_POINTS_new();
	DIST_POINT *point = DIST_POINT_new();

	if (points == NULL || point == NULL ||
	    !sk_DIST_POINT_push(points, point)) {
		DIST_POINT_free(point);
		return false;
	}
	return push_url(point, url) &&
	       add(x, NID_crl_distribution_points, points, false);
}

static bool
push_access(AUTHORITY_INFO_ACCESS *list, int method, const struct buf *url)
{
	ACCESS_DESCRIPTION *one = ACCESS_DESCRIPTION_new();

	if (one == NULL || !sk_ACCESS_DESCRIPTION_push(list, one)) {
		ACCESS_DESCRIPTION_free(one);
		return false;
	}
	GENERAL_NAME_free(one->location);
	one->location = new_url(url);
	one->method = OBJ_nid2obj(method);
	return one->location != NULL;
}

/* `ocsp` empty: there is no responder. */
static bool
add_access(X509 *x, const struct buf *ocsp, const struct buf *issuer)
{
	AUTHORITY_INFO_ACCESS *list OWNED(AUTHORITY_INFO_ACCESS_free) =
	    AUTHORITY_INFO_ACCESS_new();

	return list != NULL &&
	       (ocsp->len == 0 || push_access(list, NID_ad_OCSP, ocsp)) &&
	       push_access(list, NID_ad_ca_issuers, issuer) &&
	       add(x, NID_info_access, list, false);
}

/* Only what issues for mailboxes has several lists, and a responder. */
static enum rc
add_pointers(X509 *x, const struct profile_order *order, const X509 *issuer,
    struct err *err)
{
	struct buf list BUF_OWNED = BUF_SMALL, ocsp BUF_OWNED = BUF_SMALL;
	struct buf above BUF_OWNED = BUF_SMALL;
	const char *at = order->published_at;
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	char id[PUBLISHED_ID_LEN + 1];
	int64_t part = 0;

	if (at == NULL || issuer == NULL)
		return RC_OK;
	TRY(published_id(issuer, id, err));
	if (profiles[order->kind].has_responder) {
		part = published_part(span_of(ASN1_STRING_get0_data(serial),
					  (size_t)ASN1_STRING_length(serial)),
		    order->crl_parts);
		TRY(published_ocsp(at, &ocsp, err));
	}
	TRY(published_crl(at, id, part, &list, err));
	TRY(published_ca(at, id, &above, err));
	if (!add_list(x, &list) || !add_access(x, &ocsp, &above))
		return crypto_failed(err, "issue a certificate");
	return RC_OK;
}

/* "The value of the extension SHALL be NULL" (RFC 6960 section 4.2.2.2.1). */
static bool
add_no_check(X509 *x, const struct profile *profile)
{
	ASN1_NULL *value OWNED(ASN1_NULL_free) = ASN1_NULL_new();

	return !profile->no_check ||
	       (value != NULL &&
		   add(x, NID_id_pkix_OCSP_noCheck, value, false));
}

static bool
fill(X509 *x, const struct profile_order *order,
    const struct profile_issuer *issuer, unsigned use)
{
	const struct profile *profile = &profiles[order->kind];
	const X509 *above = issuer->cert != NULL ? issuer->cert : x;

	return X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	       set_subject(x, order) &&
	       X509_set_issuer_name(x, X509_get_subject_name(above)) &&
	       set_times(x, order, issuer, profile->days) &&
	       X509_set_pubkey(x, order->public_key) &&
	       add_constraints(x, profile) && add_usage(x, use) &&
	       add_purposes(x, profile) && add_policy(x, profile) &&
	       add_no_check(x, profile) && add_address(x, order) &&
	       add_key_ids(x, issuer->cert);
}

static enum rc
check_issuer(const struct profile_issuer *issuer, int64_t now, struct err *err)
{
	time_t at = (time_t)now;

	if (issuer->cert == NULL)
		return RC_OK;
	if (X509_cmp_time(X509_get0_notAfter(issuer->cert), &at) <= 0)
		return err_set(err, RC_UNFIT,
		    "the issuing certificate has expired: make a new one");
	return RC_OK;
}

/* The algorithm stands inside of what is signed too ("MUST contain the same
 * algorithm identifier", RFC 5280 section 4.1.1.2). */
static enum rc
set_algorithm(X509 *x, const struct signer *signer, struct err *err)
{
	struct span der = signer_algorithm(signer);
	const uint8_t *at = der.data;
	X509_ALGOR *algorithm OWNED(X509_ALGOR_free) =
	    d2i_X509_ALGOR(NULL, &at, (long)der.len);

	if (algorithm == NULL ||
	    !X509_ALGOR_copy(
		(X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(x), algorithm))
		return crypto_failed(err, "issue a certificate");
	return RC_OK;
}

static enum rc
sign(X509 *x, struct signer *signer, X509 **ret, struct err *err)
{
	struct buf tbs BUF_OWNED = BUF(DER_MAX);
	struct buf der BUF_OWNED = BUF(DER_MAX);
	uint8_t *room = NULL;

	TRY(set_algorithm(x, signer, err));
	int len = i2d_re_X509_tbs(x, NULL);
	if (len <= 0)
		return crypto_failed(err, "issue a certificate");
	TRY(buf_reserve(&tbs, (size_t)len, &room, err));
	buf_grown(&tbs, (size_t)i2d_re_X509_tbs(x, &room));
	TRY(signer_wrap(signer, buf_span(&tbs), &der, err));
	const uint8_t *at = der.data;
	X509 *cert = d2i_X509(NULL, &at, (long)der.len);
	if (cert == NULL)
		return crypto_failed(err, "issue a certificate");
	*ret = cert;
	return RC_OK;
}

enum rc
profile_issue(const struct profile_order *order,
    const struct profile_issuer *issuer, X509 **ret, struct err *err)
{
	const struct profile *profile = &profiles[order->kind];
	unsigned use = EVP_PKEY_is_a(order->public_key, "RSA")
			   ? profile->use_rsa
			   : profile->use_ec;

	if (use == 0)
		return err_set(err, RC_UNFIT,
		    "a %s certificate cannot be made for this kind of key",
		    profile->name);
	TRY(check_issuer(issuer, order->now, err));
	X509 *x OWNED(X509_free) = X509_new();
	if (x == NULL || !fill(x, order, issuer, use))
		return crypto_failed(err, "issue a certificate");
	TRY(add_pointers(x, order, issuer->cert, err));
	return sign(x, issuer->signer, ret, err);
}
