#include "pki/pointer.h"

#include <openssl/err.h>

#include "pki/cert_priv.h"
#include "pki/crypto.h"

OWNER(AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free);
OWNER(CRL_DIST_POINTS, CRL_DIST_POINTS_free);

static bool
is_of_web(struct span url, const char *scheme)
{
	if (scheme != NULL)
		return span_starts_nocase(url, scheme);
	return span_starts_nocase(url, "http://") ||
	       span_starts_nocase(url, "https://");
}

/* What is no URL of the web (`scheme` NULL), or of this scheme, and one too
 * many, is passed over. */
static enum rc
add_url(const GENERAL_NAME *name, const char *scheme, size_t most,
    struct strlist *ret, struct err *err)
{
	if (name->type != GEN_URI || ret->len >= most)
		return RC_OK;
	const ASN1_STRING *text = name->d.uniformResourceIdentifier;
	struct span url = span_of(
	    ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
	if (!is_of_web(url, scheme) || span_find_byte(url, 0) >= 0)
		return RC_OK;
	return strlist_add(ret, url, err);
}

static enum rc
add_point(
    const DIST_POINT *point, size_t most, struct strlist *ret, struct err *err)
{
	if (point->distpoint == NULL || point->distpoint->type != 0)
		return RC_OK;
	const GENERAL_NAMES *names = point->distpoint->name.fullname;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		TRY(add_url(
		    sk_GENERAL_NAME_value(names, i), NULL, most, ret, err));
	return RC_OK;
}

static enum rc
add_points(
    const struct cert *cert, int nid, struct strlist *ret, struct err *err)
{
	size_t most = ret->len + POINTER_MAX;
	CRL_DIST_POINTS *points OWNED(CRL_DIST_POINTS_free) =
	    X509_get_ext_d2i(cert->x509, nid, NULL, NULL);

	ERR_clear_error();
	for (int i = 0; i < sk_DIST_POINT_num(points); i++)
		TRY(add_point(sk_DIST_POINT_value(points, i), most, ret, err));
	return RC_OK;
}

enum rc
pointer_lists(const struct cert *cert, struct strlist *ret, struct err *err)
{
	return add_points(cert, NID_crl_distribution_points, ret, err);
}

enum rc
pointer_deltas(const struct cert *cert, struct strlist *ret, struct err *err)
{
	return add_points(cert, NID_freshest_crl, ret, err);
}

static enum rc
add_access(const struct cert *cert, int nid, const char *scheme,
    struct strlist *ret, struct err *err)
{
	size_t most = ret->len + POINTER_MAX;
	AUTHORITY_INFO_ACCESS *access OWNED(AUTHORITY_INFO_ACCESS_free) =
	    X509_get_ext_d2i(cert->x509, NID_info_access, NULL, NULL);

	ERR_clear_error();
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
		const ACCESS_DESCRIPTION *one =
		    sk_ACCESS_DESCRIPTION_value(access, i);
		if (OBJ_obj2nid(one->method) == nid)
			TRY(add_url(one->location, scheme, most, ret, err));
	}
	return RC_OK;
}

enum rc
pointer_responders(
    const struct cert *cert, struct strlist *ret, struct err *err)
{
	return add_access(cert, NID_ad_OCSP, NULL, ret, err);
}

enum rc
pointer_issuers(const struct cert *cert, struct strlist *ret, struct err *err)
{
	return add_access(cert, NID_ad_ca_issuers, "http://", ret, err);
}
