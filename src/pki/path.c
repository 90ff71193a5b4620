/* What is wrong with one path: RFC 5280 section 6.1 without signatures, times,
 * names, policies and revocation. */
#include <openssl/err.h>

#include "pki/cert_priv.h"
#include "pki/chain_priv.h"
#include "pki/crypto.h"

/* no RSA under 2048 bits, no MD5, no SHA-1 */
#define MIN_SECURITY 112

/* ---- one certificate ---------------------------------------------------- */

/* Those that are read, here or elsewhere in pki.  The library calls some more
 * known (address blocks, Netscape's types): it reads them, we do not. */
static bool
is_known_extension(int nid)
{
	static const int known[] = {NID_key_usage, NID_subject_alt_name,
	    NID_basic_constraints, NID_certificate_policies,
	    NID_crl_distribution_points, NID_ext_key_usage,
	    NID_id_pkix_OCSP_noCheck, NID_policy_constraints,
	    NID_name_constraints, NID_policy_mappings, NID_inhibit_any_policy};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == nid)
			return true;
	return false;
}

static const char *
extension_fault(const X509 *x509)
{
	uint32_t flags = X509_get_extension_flags((X509 *)x509);

	for (int i = 0; i < X509_get_ext_count(x509); i++) {
		X509_EXTENSION *extension = X509_get_ext(x509, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
		if (X509_EXTENSION_get_critical(extension) &&
		    !is_known_extension(nid))
			return "cert.critical-ext";
	}
	if (flags & EXFLAG_PROXY)
		return "cert.critical-ext";
	return flags & EXFLAG_INVALID ? "cert.invalid" : NULL;
}

/* KIND_OTHER: no kind of key that we use, or one made to be broken (a curve
 * written out, an exponent of 1). */
static bool
has_weak_key(const struct cert *cert)
{
	EVP_PKEY *key = cert->key;

	ERR_clear_error();
	return key == NULL || cert->kind == KIND_OTHER ||
	       EVP_PKEY_get_security_bits(key) < MIN_SECURITY;
}

bool
path_signature_is_weak(const struct cert *cert)
{
	int bits = 0;
	bool known =
	    X509_get_signature_info(cert->x509, NULL, NULL, &bits, NULL) == 1;

	ERR_clear_error();
	return !known || bits < MIN_SECURITY;
}

/* ---- as an authority ---------------------------------------------------- */

/* X509_check_ca() takes it for one only if it has its key. */
static bool
is_old_root(const struct cert *cert)
{
	uint32_t flags = X509_get_extension_flags(cert->x509);

	return cert->signs_itself &&
	       X509_get_version(cert->x509) == X509_VERSION_1 &&
	       !(flags & (EXFLAG_BCONS | EXFLAG_KUSAGE));
}

/* "If certificate i is a version 3 certificate, verify that the
 * basicConstraints extension is present and that cA is set to TRUE"; who has a
 * lower version is none.  What is a root is its owner's matter. */
static bool
may_issue(const struct certs *path, size_t at)
{
	X509 *x509 = path->item[at]->x509;

	if (at + 1 == path->len)
		return X509_check_ca(x509) != 0 || is_old_root(path->item[at]);
	return X509_get_version(x509) == X509_VERSION_3 &&
	       path->item[at]->is_ca &&
	       (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN);
}

static bool
is_self_issued(const struct cert *cert)
{
	return X509_get_extension_flags(cert->x509) & EXFLAG_SI;
}

/* Those between that count are not self-issued. */
static bool
is_too_long(const struct certs *path, size_t at)
{
	long limit = X509_get_pathlen(path->item[at]->x509), between = 0;

	for (size_t i = 1; i < at; i++)
		between += !is_self_issued(path->item[i]);
	return limit >= 0 && between > limit;
}

static const char *
link_fault(const struct certs *path, size_t at)
{
	const struct cert *cert = path->item[at];
	const char *reason = extension_fault(cert->x509);

	if (has_weak_key(cert) ||
	    (at + 1 < path->len && path_signature_is_weak(cert)))
		return "cert.alg-weak";
	if (reason != NULL)
		return reason;
	if (at > 0 && !may_issue(path, at))
		return "cert.not-a-ca";
	return at > 0 && is_too_long(path, at) ? "cert.pathlen" : NULL;
}

/* ---- the purpose -------------------------------------------------------- */

static enum cert_fault
leaf_fault(const struct cert *leaf, enum chain_purpose purpose)
{
	switch (purpose) {
	case CHAIN_MAIL_SIGN:
		return cert_sign_fault(leaf);
	case CHAIN_MAIL_ENCRYPT:
		return cert_receive_fault(leaf);
	case CHAIN_TIMESTAMP:
		return cert_stamp_fault(leaf);
	case CHAIN_ANY:
	default:
		return CERT_FIT;
	}
}

/* An authority's extended key usage restricts what it issues ("nesting"): not
 * in RFC 5280, but what all authorities mean by it.  A root is what its owner
 * put it there for. */
static bool
nesting_allows(const struct certs *path, enum chain_purpose purpose)
{
	int nid =
	    purpose == CHAIN_TIMESTAMP ? NID_time_stamp : NID_email_protect;

	if (purpose == CHAIN_ANY)
		return true;
	for (size_t i = 1; i + 1 < path->len; i++)
		if (!cert_eku_allows(path->item[i], nid))
			return false;
	return true;
}

/* ---- the whole ---------------------------------------------------------- */

const char *
path_fault(const struct certs *path, enum chain_purpose purpose)
{
	const char *reason = NULL;

	for (size_t i = path->len; i > 0 && reason == NULL; i--)
		reason = link_fault(path, i - 1);
	if (reason != NULL)
		return reason;
	for (size_t i = 0; i + 1 < path->len; i++)
		if (cert_no_revocation_is_wrong(path->item[i]))
			return "cert.no-rev-avail";
	if (!nesting_allows(path, purpose))
		return "cert.eku";
	return cert_fault_reason(leaf_fault(path->item[0], purpose));
}

const char *
path_time_fault(const struct certs *path, int64_t at)
{
	for (size_t i = path->len; i > 0; i--) {
		if (at < path->item[i - 1]->not_before)
			return "cert.not-yet-valid";
		if (at > path->item[i - 1]->not_after)
			return "cert.expired-at-time";
	}
	return NULL;
}
