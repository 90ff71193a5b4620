#include "authority/request.h"

#include <openssl/core_names.h>

#include "authority/keycheck.h"
#include "pki/capability.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/spki.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_EXPONENT_BITS_MAX 32

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
check_rsa(const EVP_PKEY *key, struct err *err)
{
	BIGNUM *e OWNED(BN_clear_free) = NULL;
	int bits = EVP_PKEY_get_bits(key);

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bits % 8 != 0)
		return err_set(err, RC_UNFIT,
		    "RSA keys must have %d to %d bits, this one has %d",
		    RSA_BITS_MIN, RSA_BITS_MAX, bits);
	if (!EVP_PKEY_get_bn_param(key, "e", &e))
		return crypto_failed(err, "read the key");
	if (!BN_is_odd(e) || BN_num_bits(e) < 17 ||
	    BN_num_bits(e) > RSA_EXPONENT_BITS_MAX)
		return err_set(err, RC_UNFIT,
		    "the RSA key has an unusual exponent: use 65537");
	return keycheck_rsa(key, err);
}

static enum rc
check_ec(const EVP_PKEY *key, struct err *err)
{
	char curve[64] = "";
	size_t len = 0;
	int explicit = 0;

	/* Parameters that are spelt out could be almost the curve (that was
	 * CVE-2020-0601), and the certificate would repeat them. */
	if (!EVP_PKEY_get_int_param(key,
		OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit) ||
	    explicit != 0 ||
	    !EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) ||
	    (strcmp(curve, "prime256v1") != 0 &&
		strcmp(curve, "secp384r1") != 0))
		return err_set(
		    err, RC_UNFIT, "EC keys must be on P-256 or P-384 by name");
	return RC_OK;
}

/* What is on one of the two curves is a key there. */
static enum rc
check_public(EVP_PKEY *key, struct err *err)
{
	EVP_PKEY_CTX *context OWNED(EVP_PKEY_CTX_free) = NULL;

	if (!crypto_wants_order_check(key) && EVP_PKEY_is_a(key, "EC"))
		return RC_OK;
	context = EVP_PKEY_CTX_new(key, NULL);
	if (context != NULL && EVP_PKEY_public_check(context) == 1)
		return RC_OK;
	(void)crypto_failed(err, "key");
	return err_set(err, RC_UNFIT, "the public key is not a valid one");
}

static enum rc
check_key(EVP_PKEY *key, struct err *err)
{
	if (EVP_PKEY_is_a(key, "RSA"))
		TRY(check_rsa(key, err));
	else if (EVP_PKEY_is_a(key, "EC"))
		TRY(check_ec(key, err));
	else if (!EVP_PKEY_is_a(key, "ED25519"))
		return err_set(err, RC_UNFIT,
		    "use a key on P-256 or P-384, Ed25519, or RSA of 2048 to "
		    "4096 bits");
	return check_public(key, err);
}

/* CertificationRequest, as it came. */
struct parts {
	struct span info; /* what is signed, head and all */
	struct span key;  /* SubjectPublicKeyInfo */
	struct span signature;
};

static enum rc
split(struct span der, struct parts *ret, struct err *err)
{
	struct der all, info, skipped, key, bits;

	TRY(der_expect(&der, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &info, err));
	TRY(der_expect(&info.value, DER_INTEGER, &skipped, err));
	TRY(der_expect(&info.value, DER_SEQUENCE, &skipped, err));
	TRY(der_expect(&info.value, DER_SEQUENCE, &key, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &skipped, err));
	TRY(der_expect(&all.value, DER_BITS, &bits, err));
	if (bits.value.len == 0 || bits.value.data[0] != 0)
		return err_set(
		    err, RC_SYNTAX, "a signature that ends within an octet");
	*ret = (struct parts){info.whole, key.whole, span_after(bits.value, 1)};
	return RC_OK;
}

/* Which digest a request was signed with, that must be of SHA-2, by a key of
 * this kind; NULL for Ed25519, which has its own. */
static enum rc
find_digest(const X509_REQ *req, const EVP_PKEY *key, const EVP_MD **ret,
    struct err *err)
{
	int algorithm = X509_REQ_get_signature_nid(req);
	int digest = NID_undef, kind = NID_undef;

	*ret = NULL;
	if (algorithm == NID_ED25519 && EVP_PKEY_is_a(key, "ED25519"))
		return RC_OK;
	if (!OBJ_find_sigid_algs(algorithm, &digest, &kind) ||
	    (digest != NID_sha256 && digest != NID_sha384 &&
		digest != NID_sha512))
		return err_set(err, RC_UNFIT,
		    "sign the certificate request with SHA-256, SHA-384 or "
		    "SHA-512");
	if (kind != EVP_PKEY_get_base_id(key))
		return err_set(err, RC_CRYPTO,
		    "the certificate request is signed by a key of another "
		    "kind");
	*ret = EVP_get_digestbynid(digest);
	return RC_OK;
}

/* Whoever asks has the private key. */
static enum rc
check_signature(const X509_REQ *req, EVP_PKEY *key, const struct parts *parts,
    struct err *err)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	const EVP_MD *digest = NULL;

	TRY(find_digest(req, key, &digest, err));
	if (ctx == NULL ||
	    EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key) != 1 ||
	    EVP_DigestVerify(ctx, parts->signature.data, parts->signature.len,
		parts->info.data, parts->info.len) != 1) {
		(void)crypto_failed(err, "signature");
		return err_set(err, RC_CRYPTO,
		    "the certificate request is not signed by its own key");
	}
	return RC_OK;
}

/* What can be read by hand is written as everybody writes it, and so it may
 * stand in the certificate. */
static enum rc
read_key(struct span der, struct request *request, struct err *err)
{
	const uint8_t *at = der.data;

	request->public_key = spki_read(der);
	if (request->public_key != NULL)
		return buf_add(&request->key_info, der, err);
	request->public_key = d2i_PUBKEY(NULL, &at, (long)der.len);
	if (request->public_key != NULL)
		return RC_OK;
	(void)crypto_failed(err, "key");
	return err_set(
	    err, RC_UNFIT, "the key in the certificate request cannot be read");
}

/* "EC points may be compressed" (RFC 5480 section 2.2), and parameters of RSA
 * left out by mistake: then the same key has another encoding. */
static bool
is_encoded_as_usual(const struct request *request, struct span der)
{
	uint8_t *usual = NULL;

	if (request->key_info.len > 0)
		return true;
	if (EVP_PKEY_is_a(request->public_key, "EC"))
		return false;
	int len = i2d_PUBKEY(request->public_key, &usual);
	bool same = len > 0 && span_is(span_of(usual, (size_t)len), der);
	OPENSSL_free(usual);
	return same;
}

/* Whether a key is another account's, or was revoked because it is in other
 * hands, is found by its hash: in another encoding it would be another key. */
static enum rc
hash_key(struct request *request, struct span der, struct err *err)
{
	if (!is_encoded_as_usual(request, der))
		return err_set(err, RC_UNFIT,
		    "the key is not encoded as usual: EC points uncompressed, "
		    "RSA with the parameter NULL");
	if (!EVP_Digest(der.data, der.len, request->key_sha256, NULL,
		EVP_sha256(), NULL))
		return crypto_failed(err, "SHA-256");
	return RC_OK;
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

/* The key and the proof that whoever asks has it. */
static enum rc
check_proof(const X509_REQ *req, struct span der, struct request *request,
    struct err *err)
{
	struct parts parts = {0};

	TRY(split(der, &parts, err));
	TRY(read_key(parts.key, request, err));
	TRY(check_key(request->public_key, err));
	if (request->kind != PROFILE_SIGNING &&
	    EVP_PKEY_is_a(request->public_key, "ED25519"))
		return err_set(err, RC_UNFIT,
		    "an Ed25519 key only signs: ask for keyUsage "
		    "digitalSignature");
	if (request->kind == PROFILE_DUAL &&
	    !EVP_PKEY_is_a(request->public_key, "RSA"))
		return err_set(err, RC_UNFIT,
		    "an EC key is for signing or for encrypting: ask for two "
		    "certificates, with keyUsage in each request");
	TRY(check_signature(req, request->public_key, &parts, err));
	return hash_key(request, parts.key, err);
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
	TRY(check_proof(req, der, &request, err));
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
	TRY(check_proof(req, der, &request, err));
	*ret = request;
	request = (struct request){0};
	return RC_OK;
}
