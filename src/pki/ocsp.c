#define _DEFAULT_SOURCE /* timegm */
#include "pki/ocsp.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "pki/cert_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/ocsp_priv.h"
#include "pki/pem.h"
#include "pki/signature.h"

#define DER_ENUMERATED 0x0a
#define DIGEST_LEAST 20 /* octets: SHA-1 names things, it signs nothing */

OWNER(OCSP_CERTID, OCSP_CERTID_free);
OWNER(OCSP_REQUEST, OCSP_REQUEST_free);
OWNER(ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free);

static void
ocsp_free(struct ocsp *ocsp)
{
	if (ocsp == NULL || atomic_fetch_sub(&ocsp->references, 1) != 1)
		return;
	OCSP_BASICRESP_free(ocsp->basic);
	certs_done(&ocsp->certs);
	buf_done(&ocsp->der);
	free(ocsp);
}

OWNER(struct ocsp, ocsp_free);

static const struct ocsp_limits *
limits_of(const struct ocsps *ocsps)
{
	return ocsps->limits != NULL ? ocsps->limits : &ocsp_default;
}

static struct ocsp *
new_ocsp(const struct ocsp_limits *limits)
{
	struct ocsp *ocsp = calloc(1, sizeof(*ocsp));

	if (ocsp == NULL)
		return NULL;
	atomic_init(&ocsp->references, 1);
	ocsp->der = BUF(limits->der);
	ocsp->until = INT64_MAX;
	return ocsp;
}

static enum rc
bad(struct err *err, const char *what)
{
	ERR_clear_error();
	return err_set(err, RC_SYNTAX, "OCSP answer: %s", what);
}

/* ---- reading --------------------------------------------------------- */

static bool
read_time(const ASN1_GENERALIZEDTIME *time, int64_t *ret)
{
	struct tm tm;
	bool ok = time != NULL && ASN1_TIME_to_tm(time, &tm);

	ERR_clear_error();
	if (ok)
		*ret = timegm(&tm);
	return ok;
}

/* RFC 6960 section 4.2.1: what is not "successful" has nothing more in it, and
 * nobody signed it. */
static enum rc
check_status(struct span status, struct err *err)
{
	static const char *const names[] = {"", "the question was malformed",
	    "internal error", "try later", "?", "it wants signed questions",
	    "it is not responsible"};
	unsigned value = status.len == 1 ? status.data[0] : 4;

	if (value == 0)
		return RC_OK;
	return err_set(err, RC_REFUSED,
	    "the OCSP responder does not answer: %s",
	    names[value < 7 ? value : 4]);
}

/* OCSPResponse ::= SEQUENCE { status, [0] { SEQUENCE { type, OCTETS } } } */
static enum rc
open_answer(struct span in, struct span *ret_basic, struct err *err)
{
	struct der all, part, bytes, type, octets;
	static const uint8_t oid[] = {
	    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};

	TRY(der_check(in, err));
	TRY(der_expect(&in, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_ENUMERATED, &part, err));
	TRY(check_status(part.value, err));
	TRY(der_expect(&all.value, DER_CONTEXT_0, &part, err));
	TRY(der_expect(&part.value, DER_SEQUENCE, &bytes, err));
	TRY(der_expect(&bytes.value, DER_OID, &type, err));
	TRY(der_expect(&bytes.value, DER_OCTETS, &octets, err));
	if (!span_is(type.value, span_of(oid, sizeof(oid))))
		return bad(err, "it is of another kind than basic");
	*ret_basic = octets.value;
	return der_check(octets.value, err);
}

static enum rc
read_basic(struct ocsp *ocsp, struct span basic, struct err *err)
{
	const uint8_t *at = basic.data;
	struct span in = basic;
	struct der all, tbs;

	TRY(der_expect(&in, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &tbs, err));
	ocsp->tbs = tbs.whole;
	ocsp->basic = d2i_OCSP_BASICRESP(NULL, &at, (long)basic.len);
	if (ocsp->basic == NULL || at != basic.data + basic.len)
		return bad(err, "its body cannot be read");
	if (!read_time(
		OCSP_resp_get0_produced_at(ocsp->basic), &ocsp->produced))
		return bad(err, "producedAt is no time");
	return RC_OK;
}

/* One that we cannot read is passed over: then it is not the signer's. */
static enum rc
read_certs(struct ocsp *ocsp, int most, struct err *err)
{
	const STACK_OF(X509) *certs = OCSP_resp_get0_certs(ocsp->basic);

	if (sk_X509_num(certs) > most)
		return err_set(err, RC_LIMIT,
		    "OCSP answer: more than %d certificates", most);
	for (int i = 0; i < sk_X509_num(certs); i++) {
		struct cert *cert OWNED(cert_free) = NULL;
		enum rc rc =
		    cert_from_x509(sk_X509_value(certs, i), &cert, err);
		if (rc == RC_NOMEM)
			return rc;
		if (rc == RC_OK)
			TRY(certs_add(&ocsp->certs, cert, err));
	}
	return RC_OK;
}

static bool
is_known_extension(int nid)
{
	static const int known[] = {NID_id_pkix_OCSP_Nonce,
	    NID_id_pkix_OCSP_CrlID, NID_id_pkix_OCSP_archiveCutoff,
	    NID_id_pkix_OCSP_extendedStatus, NID_crl_reason,
	    NID_invalidity_date};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == nid)
			return true;
	return false;
}

static bool
is_strange(const X509_EXTENSION *extension)
{
	return X509_EXTENSION_get_critical(extension) &&
	       !is_known_extension(OBJ_obj2nid(
		   X509_EXTENSION_get_object((X509_EXTENSION *)extension)));
}

/* extnValue has an OCTET STRING; old ones have the bytes themselves. */
static void
read_nonce(struct ocsp *ocsp)
{
	int at = OCSP_BASICRESP_get_ext_by_NID(
	    ocsp->basic, NID_id_pkix_OCSP_Nonce, -1);
	struct der inner;

	if (at < 0)
		return;
	const ASN1_OCTET_STRING *value =
	    X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(ocsp->basic, at));
	struct span bytes = span_of(
	    ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	struct span in = bytes;
	bool wrapped =
	    der_expect(&in, DER_OCTETS, &inner, NULL) == RC_OK && in.len == 0;
	ocsp->nonce = wrapped ? inner.value : bytes;
}

static enum rc
read_extensions(struct ocsp *ocsp, struct err *err)
{
	int count = OCSP_BASICRESP_get_ext_count(ocsp->basic);

	for (int i = 0; i < count; i++)
		ocsp->unknown_critical |=
		    is_strange(OCSP_BASICRESP_get_ext(ocsp->basic, i));
	read_nonce(ocsp);
	return RC_OK;
}

static enum rc
read_entries(struct ocsp *ocsp, struct err *err)
{
	int count = OCSP_resp_count(ocsp->basic);

	if (count <= 0)
		return bad(err, "it is about nothing");
	for (int i = 0; i < count; i++) {
		ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
		int64_t time = INT64_MIN;
		(void)OCSP_single_get0_status(
		    OCSP_resp_get0(ocsp->basic, i), NULL, NULL, &from, &until);
		if (!read_time(from, &time))
			return bad(err, "thisUpdate is no time");
		time = INT64_MIN;
		if (until != NULL && !read_time(until, &time))
			return bad(err, "nextUpdate is no time");
		if (time < ocsp->until)
			ocsp->until = time;
	}
	return RC_OK;
}

static enum rc
read_answer(struct ocsp *ocsp, int most_certs, struct err *err)
{
	struct span basic = SPAN_NONE;

	TRY(open_answer(buf_span(&ocsp->der), &basic, err));
	TRY(read_basic(ocsp, basic, err));
	TRY(read_entries(ocsp, err));
	TRY(read_certs(ocsp, most_certs, err));
	return read_extensions(ocsp, err);
}

/* ---- sets ------------------------------------------------------------ */

static enum rc
make_room(struct ocsps *ocsps, struct err *err)
{
	if (ocsps->len >= limits_of(ocsps)->answers)
		return err_set(err, RC_LIMIT, "more than %zu OCSP answers",
		    limits_of(ocsps)->answers);
	struct ocsp **item =
	    reallocarray(ocsps->item, ocsps->len + 1, sizeof(struct ocsp *));
	if (item == NULL)
		return err_nomem(err, "OCSP answer");
	ocsps->item = item;
	return RC_OK;
}

enum rc
ocsps_add(struct ocsps *ocsps, struct span der, struct err *err)
{
	TRY(make_room(ocsps, err));
	struct ocsp *ocsp OWNED(ocsp_free) = new_ocsp(limits_of(ocsps));
	if (ocsp == NULL)
		return err_nomem(err, "OCSP answer");
	TRY(buf_add(&ocsp->der, der, err));
	TRY(read_answer(ocsp, limits_of(ocsps)->certs, err));
	ocsps->item[ocsps->len++] = take(ocsp);
	return RC_OK;
}

static bool
is_there(const struct ocsps *ocsps, const struct ocsp *ocsp)
{
	for (size_t i = 0; i < ocsps->len; i++)
		if (span_is(ocsp_der(ocsps->item[i]), ocsp_der(ocsp)))
			return true;
	return false;
}

enum rc
ocsps_share(struct ocsps *ocsps, struct ocsp *ocsp, struct err *err)
{
	if (is_there(ocsps, ocsp))
		return RC_OK;
	TRY(make_room(ocsps, err));
	atomic_fetch_add(&ocsp->references, 1);
	ocsps->item[ocsps->len++] = ocsp;
	return RC_OK;
}

enum rc
ocsps_share_all(struct ocsps *ocsps, const struct ocsps *from, struct err *err)
{
	for (size_t i = 0; from != NULL && i < from->len; i++)
		TRY(ocsps_share(ocsps, from->item[i], err));
	return RC_OK;
}

static void
cut(struct ocsps *ocsps, size_t len)
{
	while (ocsps->len > len)
		ocsp_free(ocsps->item[--ocsps->len]);
}

void
ocsps_done(struct ocsps *ocsps)
{
	cut(ocsps, 0);
	free(ocsps->item);
	*ocsps = (struct ocsps){.limits = ocsps->limits};
}

static enum rc
add_next(struct ocsps *ocsps, BIO *in, struct err *err)
{
	struct pem_block block PEM_BLOCK_OWNED = {0};

	TRY(pem_block_next(in, &block, err));
	if (strcmp(block.name, PEM_STRING_OCSP_RESPONSE) != 0)
		return RC_OK;
	return ocsps_add(ocsps, span_of(block.data, (size_t)block.len), err);
}

static enum rc
add_pem(struct ocsps *ocsps, struct span pem, struct err *err)
{
	enum rc rc = RC_OK;

	if (pem.len == 0)
		return RC_OK;
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (in == NULL)
		return err_nomem(err, "OCSP answers");
	while (rc == RC_OK)
		rc = add_next(ocsps, in, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
ocsps_parse(struct ocsps *ocsps, struct span text, struct err *err)
{
	const struct ocsp_limits *limits = limits_of(ocsps);
	size_t before = ocsps->len, most = limits->answers * 2 * limits->der;

	if (text.len > most)
		return err_set(err, RC_LIMIT,
		    "more than %zu KiB of OCSP answers", most >> 10);
	enum rc rc = text.len > 0 && text.data[0] == DER_SEQUENCE
			 ? ocsps_add(ocsps, text, err)
			 : add_pem(ocsps, text, err);
	if (rc != RC_OK)
		cut(ocsps, before);
	else if (ocsps->len == before)
		return err_set(err, RC_ABSENT, "there is no OCSP answer");
	return rc;
}

struct span
ocsp_der(const struct ocsp *ocsp)
{
	return buf_span(&ocsp->der);
}

int64_t
ocsp_produced(const struct ocsp *ocsp)
{
	return ocsp->produced;
}

int64_t
ocsp_until(const struct ocsp *ocsp)
{
	return ocsp->until;
}

/* ---- the question ---------------------------------------------------- */

/* Takes the identifier only if it could be added. */
static bool
fill_request(OCSP_REQUEST *request, const struct cert *cert,
    const struct cert *issuer, struct span nonce)
{
	OCSP_CERTID *id OWNED(OCSP_CERTID_free) =
	    OCSP_cert_to_id(EVP_sha1(), cert->x509, issuer->x509);

	if (id == NULL || OCSP_request_add0_id(request, id) == NULL)
		return false;
	id = NULL;
	return nonce.len == 0 ||
	       OCSP_request_add1_nonce(
		   request, (unsigned char *)nonce.data, (int)nonce.len) == 1;
}

enum rc
ocsp_request(const struct cert *cert, const struct cert *issuer,
    struct span nonce, struct buf *der, struct err *err)
{
	OCSP_REQUEST *request OWNED(OCSP_REQUEST_free) = OCSP_REQUEST_new();
	uint8_t *bytes = NULL;

	if (request == NULL || !fill_request(request, cert, issuer, nonce))
		return crypto_failed(err, "OCSP question");
	int len = i2d_OCSP_REQUEST(request, &bytes);
	if (len <= 0)
		return crypto_failed(err, "OCSP question");
	enum rc rc = buf_add(der, span_of(bytes, (size_t)len), err);
	OPENSSL_free(bytes);
	return rc;
}

enum rc
ocsp_check_nonce(const struct ocsp *ocsp, struct span nonce, struct err *err)
{
	if (ocsp->nonce.len == 0 || span_is(ocsp->nonce, nonce))
		return RC_OK;
	return err_set(
	    err, RC_UNFIT, "the OCSP answer is to another question (nonce)");
}

/* ---- what chain asks ------------------------------------------------- */

struct id {
	ASN1_OCTET_STRING *name, *key;
	ASN1_OBJECT *digest;
	ASN1_INTEGER *serial;
};

static struct id
open_id(const OCSP_CERTID *certid)
{
	struct id id = {NULL, NULL, NULL, NULL};

	(void)OCSP_id_get0_info(
	    &id.name, &id.digest, &id.key, &id.serial, (OCSP_CERTID *)certid);
	return id;
}

/* OCSP_id_cmp() would call a digest's parameters that are absent and ones that
 * are NULL two digests. */
static bool
is_about(const OCSP_SINGLERESP *single, const struct cert *cert,
    const struct cert *issuer)
{
	const struct id said = open_id(OCSP_SINGLERESP_get0_id(single));
	const EVP_MD *md = EVP_get_digestbyobj(said.digest);

	if (md == NULL || EVP_MD_get_size(md) < DIGEST_LEAST ||
	    ASN1_INTEGER_cmp(said.serial, X509_get0_serialNumber(cert->x509)) !=
		0)
		return false;
	OCSP_CERTID *own OWNED(OCSP_CERTID_free) =
	    OCSP_cert_id_new(md, X509_get_issuer_name(cert->x509),
		X509_get0_pubkey_bitstr(issuer->x509), said.serial);
	ERR_clear_error();
	if (own == NULL)
		return false;
	const struct id is = open_id(own);
	return ASN1_OCTET_STRING_cmp(said.name, is.name) == 0 &&
	       ASN1_OCTET_STRING_cmp(said.key, is.key) == 0;
}

static bool
has_strange_extension(const OCSP_SINGLERESP *single)
{
	OCSP_SINGLERESP *s = (OCSP_SINGLERESP *)single;

	for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(s); i++)
		if (is_strange(OCSP_SINGLERESP_get_ext(s, i)))
			return true;
	return false;
}

/* INT64_MAX: it has no such extension. */
static int64_t
extension_time(OCSP_SINGLERESP *single, int nid)
{
	ASN1_GENERALIZEDTIME *time OWNED(ASN1_GENERALIZEDTIME_free) =
	    OCSP_SINGLERESP_get1_ext_d2i(single, nid, NULL, NULL);
	int64_t since = INT64_MAX;

	ERR_clear_error();
	(void)read_time(time, &since);
	return since;
}

static void
explain(OCSP_SINGLERESP *single, struct ocsp_entry *ret)
{
	ASN1_GENERALIZEDTIME *at = NULL, *from = NULL, *until = NULL;
	int reason = -1;
	int status =
	    OCSP_single_get0_status(single, &reason, &at, &from, &until);

	*ret = (struct ocsp_entry){.status = OCSP_IS_UNKNOWN,
	    .until = INT64_MIN,
	    .expired_since =
		extension_time(single, NID_id_pkix_OCSP_archiveCutoff),
	    .unknown_critical = has_strange_extension(single)};
	(void)read_time(from, &ret->from);
	(void)read_time(until, &ret->until);
	if (status == V_OCSP_CERTSTATUS_GOOD)
		ret->status = OCSP_IS_GOOD;
	if (status != V_OCSP_CERTSTATUS_REVOKED)
		return;
	ret->status = OCSP_IS_REVOKED;
	ret->revoked =
	    (struct crl_entry){0, reason >= 0 ? reason : CRL_UNSPECIFIED,
		extension_time(single, NID_invalidity_date), reason >= 0};
	(void)read_time(at, &ret->revoked.at);
}

bool
ocsp_find(const struct ocsp *ocsp, const struct cert *cert,
    const struct cert *issuer, size_t *at, struct ocsp_entry *ret)
{
	size_t count = (size_t)OCSP_resp_count(ocsp->basic);

	while (*at < count) {
		OCSP_SINGLERESP *single =
		    OCSP_resp_get0(ocsp->basic, (int)(*at)++);
		if (!is_about(single, cert, issuer))
			continue;
		explain(single, ret);
		return true;
	}
	return false;
}

/* "KeyHash ::= OCTET STRING -- SHA-1 hash of responder's public key" */
static bool
is_key_hash(const ASN1_OCTET_STRING *hash, const struct cert *cert)
{
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(cert->x509);
	uint8_t own[SHA_DIGEST_LENGTH];
	unsigned len = 0;

	return EVP_Digest(ASN1_STRING_get0_data(key),
		   (size_t)ASN1_STRING_length(key), own, &len, EVP_sha1(),
		   NULL) == 1 &&
	       span_is(
		   span_of(own, len), span_of(ASN1_STRING_get0_data(hash),
					  (size_t)ASN1_STRING_length(hash)));
}

bool
ocsp_names_signer(const struct ocsp *ocsp, const struct cert *cert)
{
	const ASN1_OCTET_STRING *key = NULL;
	const X509_NAME *name = NULL;

	if (!OCSP_resp_get0_id(ocsp->basic, &key, &name))
		return false;
	if (name != NULL)
		return X509_NAME_cmp(name, X509_get_subject_name(cert->x509)) ==
		       0;
	return is_key_hash(key, cert);
}

bool
ocsp_is_signed(const struct ocsp *ocsp, const struct cert *by)
{
	return signature_holds(ocsp->tbs,
	    OCSP_resp_get0_tbs_sigalg(ocsp->basic),
	    OCSP_resp_get0_signature(ocsp->basic), by);
}
