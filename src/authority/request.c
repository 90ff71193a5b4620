#include "authority/request_priv.h"

#include "pki/capability.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/spki.h"

#define BIT(n) (1u << (n))
#define USE_SIGNING (BIT(0) | BIT(1))    /* digitalSignature, nonRepudiation */
#define USE_ENCRYPTING (BIT(2) | BIT(4)) /* keyEncipherment, keyAgreement */

static void
extensions_free(STACK_OF(X509_EXTENSION) *list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

OWNER(STACK_OF(X509_EXTENSION), extensions_free);
OWNER(ASN1_BIT_STRING, ASN1_BIT_STRING_free);
OWNER(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free);
OWNER(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);
OWNER(GENERAL_NAMES, GENERAL_NAMES_free);

void
request_done(struct request *request)
{
	EVP_PKEY_free(request->public_key);
	request->public_key = NULL;
	buf_done(&request->key_info);
	buf_done(&request->capabilities);
}

static enum rc
parse(struct span der, X509_REQ **ret, struct err *err)
{
	if (der.len == 0 || der.len > REQUEST_MAX)
		return err_set(err, RC_LIMIT,
		    "a certificate request has 1 to %zu bytes", REQUEST_MAX);
	if (der_check(der, err) != RC_OK)
		return err_set(
		    err, RC_SYNTAX, "the certificate request is not DER");
	X509_REQ *req OWNED(X509_REQ_free) = spki_read_around_request(der);
	if (req == NULL)
		return err_set(
		    err, RC_SYNTAX, "this is no PKCS#10 certificate request");
	if (X509_REQ_get_version(req) != X509_REQ_VERSION_1)
		return err_set(
		    err, RC_SYNTAX, "the certificate request is not version 1");
	*ret = take(req);
	return RC_OK;
}

/* The mailbox of the order, its local part letter for letter: whether
 * "Alice" and "alice" are one person is for their mail server to say. */
static bool
is_address(struct span text, const char *address)
{
	const char *at = strrchr(address, '@');
	size_t local = at != NULL ? (size_t)(at - address) : 0;

	return at != NULL && text.len == strlen(address) &&
	       span_is(span_first(text, local), span_of(address, local)) &&
	       span_is_nocase(span_after(text, local), at);
}

/* Who somebody is.  None of it was checked, so none of it is certified; many
 * programs that make requests write it all the same. */
static bool
is_left_out(int nid)
{
	switch (nid) {
	case NID_organizationName:
	case NID_organizationalUnitName:
	case NID_organizationIdentifier:
	case NID_countryName:
	case NID_stateOrProvinceName:
	case NID_localityName:
	case NID_surname:
	case NID_givenName:
	case NID_pseudonym:
	case NID_title:
		return true;
	default:
		return false;
	}
}

/* Subject: empty, or the address again, as common name or e-mail address. */
static enum rc
check_subject(const X509_REQ *req, const char *address, struct err *err)
{
	const X509_NAME *name = X509_REQ_get_subject_name(req);
	int seen[2] = {0, 0};

	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		const ASN1_STRING *text = X509_NAME_ENTRY_get_data(entry);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		if (is_left_out(nid))
			continue;
		if (nid != NID_commonName && nid != NID_pkcs9_emailAddress)
			return err_set(err, RC_UNFIT,
			    "the subject may hold commonName and emailAddress "
			    "only: leave it empty");
		if (seen[nid == NID_commonName]++ > 0 ||
		    !is_address(span_of(ASN1_STRING_get0_data(text),
				    (size_t)ASN1_STRING_length(text)),
			address))
			return err_set(err, RC_UNFIT,
			    "the subject names something else than %s",
			    address);
	}
	return RC_OK;
}

/* What may stand in an extensionRequest; it is judged below, or (subject key
 * identifier, capabilities) of no consequence. */
static bool
is_known_extension(X509_EXTENSION *extension)
{
	switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
	case NID_subject_alt_name:
	case NID_key_usage:
	case NID_ext_key_usage:
	case NID_basic_constraints:
	case NID_subject_key_identifier:
	case NID_SMIMECapabilities:
		return true;
	default:
		return false;
	}
}

static enum rc
read_extensions(X509_REQ *req, STACK_OF(X509_EXTENSION) **ret, struct err *err)
{
	int count = 0;

	for (int i = 0; i < X509_REQ_get_attr_count(req); i++) {
		X509_ATTRIBUTE *attribute = X509_REQ_get_attr(req, i);
		int nid = OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute));
		count += nid == NID_ext_req || nid == NID_ms_ext_req;
	}
	/* Of two, we and the next reader could each believe another one. */
	STACK_OF(X509_EXTENSION) *list OWNED(extensions_free) =
	    count == 1 ? X509_REQ_get_extensions(req) : NULL;
	if (list == NULL)
		return err_set(err, RC_UNFIT,
		    "the certificate request needs one extensionRequest with "
		    "the address as subjectAltName");
	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++)
		if (!is_known_extension(sk_X509_EXTENSION_value(list, i)))
			return err_set(err, RC_UNFIT,
			    "the certificate request asks for an extension "
			    "that is not granted: use subjectAltName and "
			    "keyUsage");
	*ret = take(list);
	return RC_OK;
}

/* The decoded extension; NULL if it is not there.
 * RC_UNFIT: it is there twice, or not decodable. */
static enum rc
find_extension(
    const STACK_OF(X509_EXTENSION) *list, int nid, void **ret, struct err *err)
{
	int how = 0;

	*ret = X509V3_get_d2i(list, nid, &how, NULL);
	if (*ret == NULL && how != -1)
		return err_set(err, RC_UNFIT, "the %s asked for is malformed",
		    OBJ_nid2ln(nid));
	return RC_OK;
}

/* The mailbox that a GeneralName is; none if it is something else. */
static struct span
mailbox_of(const GENERAL_NAME *name)
{
	const ASN1_STRING *text = NULL;

	if (name->type == GEN_EMAIL)
		text = name->d.rfc822Name;
	if (name->type == GEN_OTHERNAME &&
	    OBJ_obj2nid(name->d.otherName->type_id) ==
		NID_id_on_SmtpUTF8Mailbox &&
	    name->d.otherName->value->type == V_ASN1_UTF8STRING)
		text = name->d.otherName->value->value.utf8string;
	return text == NULL ? SPAN_NONE
			    : span_of(ASN1_STRING_get0_data(text),
				  (size_t)ASN1_STRING_length(text));
}

static enum rc
check_address(
    const STACK_OF(X509_EXTENSION) *list, const char *address, struct err *err)
{
	GENERAL_NAMES *names OWNED(GENERAL_NAMES_free) = NULL;

	TRY(find_extension(list, NID_subject_alt_name, (void **)&names, err));
	if (names == NULL || sk_GENERAL_NAME_num(names) != 1)
		return err_set(err, RC_UNFIT,
		    "the subjectAltName must name %s and nothing else",
		    address);
	if (!is_address(mailbox_of(sk_GENERAL_NAME_value(names, 0)), address))
		return err_set(err, RC_UNFIT,
		    "the subjectAltName names something else than %s", address);
	return RC_OK;
}

static enum rc
check_constraints(const STACK_OF(X509_EXTENSION) *list, struct err *err)
{
	BASIC_CONSTRAINTS *value OWNED(BASIC_CONSTRAINTS_free) = NULL;

	TRY(find_extension(list, NID_basic_constraints, (void **)&value, err));
	if (value != NULL && value->ca)
		return err_set(err, RC_UNFIT,
		    "nobody gets a certificate to issue others with");
	return RC_OK;
}

static enum rc
check_purposes(const STACK_OF(X509_EXTENSION) *list, struct err *err)
{
	EXTENDED_KEY_USAGE *purposes OWNED(EXTENDED_KEY_USAGE_free) = NULL;

	TRY(find_extension(list, NID_ext_key_usage, (void **)&purposes, err));
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i));
		if (nid != NID_email_protect && nid != NID_client_auth)
			return err_set(err, RC_UNFIT,
			    "extendedKeyUsage: only emailProtection and "
			    "clientAuth are granted");
	}
	return RC_OK;
}

/* "Presence of both of the above sets of key usage bits in the CSR, as well as
 * absence of key usage extension in the CSR, signals to the ACME server to
 * issue an S/MIME certificate suitable for both signing and encryption." (RFC
 * 8823 section 3.3) */
static enum rc
read_kind(const STACK_OF(X509_EXTENSION) *list, enum profile_kind *ret,
    struct err *err)
{
	ASN1_BIT_STRING *bits OWNED(ASN1_BIT_STRING_free) = NULL;
	unsigned use = 0;

	TRY(find_extension(list, NID_key_usage, (void **)&bits, err));
	for (int i = 0; bits != NULL && i < bits->length * 8 && i < 16; i++)
		if (ASN1_BIT_STRING_get_bit(bits, i))
			use |= BIT(i);
	if ((use & ~(USE_SIGNING | USE_ENCRYPTING)) != 0 ||
	    (bits != NULL && use == 0))
		return err_set(err, RC_UNFIT,
		    "keyUsage: use digitalSignature for a signing "
		    "certificate, keyAgreement (EC) or keyEncipherment (RSA) "
		    "for an encrypting one");
	if ((use & USE_ENCRYPTING) == 0 && use != 0)
		*ret = PROFILE_SIGNING;
	else if ((use & USE_SIGNING) == 0 && use != 0)
		*ret = PROFILE_ENCRYPTING;
	else
		*ret = PROFILE_DUAL;
	return RC_OK;
}

/* What the asker's mail program reads, for the certificate to tell (RFC 4262).
 * The capabilities are a list, or authority/lint refuses them. */
static enum rc
read_capabilities(
    const STACK_OF(X509_EXTENSION) *list, struct buf *ret, struct err *err)
{
	int at = X509v3_get_ext_by_NID(list, NID_SMIMECapabilities, -1);

	if (at < 0)
		return RC_OK;
	const ASN1_OCTET_STRING *value =
	    X509_EXTENSION_get_data(X509v3_get_ext(list, at));
	struct span der = span_of(
	    ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	unsigned known = 0;
	if (X509v3_get_ext_by_NID(list, NID_SMIMECapabilities, at) >= 0 ||
	    capabilities_parse(der, &known, err) != RC_OK)
		return err_set(err, RC_UNFIT,
		    "the smimeCapabilities asked for are malformed");
	return buf_add(ret, der, err);
}

static enum rc
check_names(X509_REQ *req, const char *address, struct request *request,
    struct err *err)
{
	STACK_OF(X509_EXTENSION) *list OWNED(extensions_free) = NULL;

	TRY(check_subject(req, address, err));
	TRY(read_extensions(req, &list, err));
	TRY(check_address(list, address, err));
	TRY(check_constraints(list, err));
	TRY(check_purposes(list, err));
	TRY(read_capabilities(list, &request->capabilities, err));
	return read_kind(list, &request->kind, err);
}

enum rc
request_check(
    struct span der, const char *address, struct request *ret, struct err *err)
{
	struct request request REQUEST_OWNED = {
	    .key_info = BUF(REQUEST_MAX), .capabilities = BUF(REQUEST_MAX)};
	X509_REQ *req OWNED(X509_REQ_free) = NULL;

	TRY(parse(der, &req, err));
	TRY(check_names(req, address, &request, err));
	TRY(request_check_key(req, der, &request, err));
	*ret = request;
	request = (struct request){0};
	return RC_OK;
}

static bool
is_host(const ASN1_STRING *text, const char *host)
{
	return span_is_nocase(span_of(ASN1_STRING_get0_data(text),
				  (size_t)ASN1_STRING_length(text)),
	    host);
}

/* Every name in the request is this host's; *ret_count is how many there are.
 */
static enum rc
check_host_subject(
    const X509_REQ *req, const char *host, int *ret_count, struct err *err)
{
	const X509_NAME *name = X509_REQ_get_subject_name(req);

	*ret_count = X509_NAME_entry_count(name);
	for (int i = 0; i < *ret_count; i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		if (nid != NID_commonName ||
		    !is_host(X509_NAME_ENTRY_get_data(entry), host))
			return err_set(err, RC_UNFIT,
			    "the subject names something else than %s", host);
	}
	return RC_OK;
}

static enum rc
check_host_names(
    X509_REQ *req, const char *host, int *ret_count, struct err *err)
{
	STACK_OF(X509_EXTENSION) *list OWNED(extensions_free) = NULL;
	GENERAL_NAMES *names OWNED(GENERAL_NAMES_free) = NULL;

	*ret_count = 0;
	if (X509_REQ_get_attr_count(req) == 0)
		return RC_OK;
	TRY(read_extensions(req, &list, err));
	TRY(check_constraints(list, err));
	TRY(find_extension(list, NID_subject_alt_name, (void **)&names, err));
	*ret_count = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	for (int i = 0; i < *ret_count; i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);
		if (one->type != GEN_DNS || !is_host(one->d.dNSName, host))
			return err_set(err, RC_UNFIT,
			    "the subjectAltName names something else than %s",
			    host);
	}
	return RC_OK;
}

enum rc
request_check_host(
    struct span der, const char *host, struct request *ret, struct err *err)
{
	struct request request REQUEST_OWNED = {
	    .kind = PROFILE_HOST, .key_info = BUF(REQUEST_MAX)};
	X509_REQ *req OWNED(X509_REQ_free) = NULL;
	int in_subject = 0, beside = 0;

	TRY(parse(der, &req, err));
	TRY(check_host_subject(req, host, &in_subject, err));
	TRY(check_host_names(req, host, &beside, err));
	if (in_subject + beside == 0)
		return err_set(err, RC_UNFIT,
		    "the certificate request does not name %s", host);
	TRY(request_check_key(req, der, &request, err));
	*ret = request;
	request = (struct request){0};
	return RC_OK;
}
