#include "authority/ocsp_query.h"

#include "pki/der.h"
#include "pki/der_write.h"

#define NONCE_MAX 128
#define OID(text) span_of((text), sizeof(text) - 1)
#define OID_NONCE OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x02")
#define OID_SHA1 OID("\x2b\x0e\x03\x02\x1a")
#define OID_SHA256 OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01")

const char *
ocsp_digest_name(enum ocsp_digest digest)
{
	return digest == OCSP_SHA1 ? "sha1" : "sha256";
}

static enum rc
bad(struct err *err, const char *what)
{
	return err_set(err, RC_SYNTAX, "OCSP request: %s", what);
}

/* Take the next element if it has this tag. */
static bool
take_tag(struct span *in, uint8_t tag, struct der *ret)
{
	struct span rest = *in;

	if (der_next(&rest, ret, NULL) != RC_OK || ret->tag != tag)
		return false;
	*in = rest;
	return true;
}

/* AlgorithmIdentifier */
static enum rc
read_digest(struct span value, struct ocsp_query_cert *ret, struct err *err)
{
	struct der oid, null;

	TRY(der_expect(&value, DER_OID, &oid, err));
	ret->digest = span_is(oid.value, OID_SHA1)     ? OCSP_SHA1
		      : span_is(oid.value, OID_SHA256) ? OCSP_SHA256
						       : OCSP_OTHER_DIGEST;
	ret->usual = take_tag(&value, DER_NULL, &null) && value.len == 0;
	return RC_OK;
}

static enum rc
read_id(struct span value, struct ocsp_query_cert *ret, struct err *err)
{
	struct der digest, name, key, serial;

	TRY(der_expect(&value, DER_SEQUENCE, &digest, err));
	TRY(der_expect(&value, DER_OCTETS, &name, err));
	TRY(der_expect(&value, DER_OCTETS, &key, err));
	TRY(der_expect(&value, DER_INTEGER, &serial, err));
	if (value.len > 0)
		return bad(err, "something behind a certificate's identity");
	ret->name_hash = name.value;
	ret->key_hash = key.value;
	ret->serial = serial.value;
	return read_digest(digest.value, ret, err);
}

/* Extension; `ret` is the content of its OCTET STRING. */
static enum rc
read_extension(struct span value, struct der *ret_oid, bool *ret_critical,
    struct span *ret, struct err *err)
{
	struct der critical = {0}, octets;

	TRY(der_expect(&value, DER_OID, ret_oid, err));
	*ret_critical = take_tag(&value, DER_BOOLEAN, &critical);
	TRY(der_expect(&value, DER_OCTETS, &octets, err));
	if (value.len > 0 ||
	    (*ret_critical &&
		(critical.value.len != 1 || critical.value.data[0] != 0xff)))
		return bad(err, "not an extension");
	*ret = octets.value;
	return RC_OK;
}

/* "the server MUST reject any OCSP request that has a nonce ... with a length
 * of 0 octets or more than 128 octets" (RFC 9654 section 2.1) */
static enum rc
read_nonce(struct span value, struct ocsp_query *query, struct err *err)
{
	struct der nonce;

	if (query->nonce.len > 0)
		return bad(err, "two nonces");
	TRY(der_expect(&value, DER_OCTETS, &nonce, err));
	if (value.len > 0 || nonce.value.len == 0 ||
	    nonce.value.len > NONCE_MAX)
		return bad(err, "a nonce has 1 to 128 octets");
	query->nonce = nonce.value;
	return RC_OK;
}

/* Extensions, of the whole question or of one certificate in it (then `query`
 * is NULL: a nonce is nothing there). */
static enum rc
read_extensions(struct span value, struct ocsp_query *query, struct err *err)
{
	struct der all, one, oid;
	struct span content;
	bool critical = false;

	TRY(der_expect(&value, DER_SEQUENCE, &all, err));
	if (value.len > 0)
		return bad(err, "something behind the extensions");
	while (all.value.len > 0) {
		TRY(der_expect(&all.value, DER_SEQUENCE, &one, err));
		TRY(read_extension(one.value, &oid, &critical, &content, err));
		if (query != NULL && span_is(oid.value, OID_NONCE))
			TRY(read_nonce(content, query, err));
		else if (critical)
			return bad(err, "an unknown critical extension");
	}
	return RC_OK;
}

static enum rc
read_one(struct span value, struct ocsp_query *query, struct err *err)
{
	struct ocsp_query_cert *cert = &query->cert[query->len];
	struct der id, extensions;

	if (query->len == OCSP_QUERY_CERTS_MAX)
		return err_set(err, RC_LIMIT,
		    "OCSP request: more than %d certificates",
		    OCSP_QUERY_CERTS_MAX);
	TRY(der_expect(&value, DER_SEQUENCE, &id, err));
	cert->id = id.whole;
	TRY(read_id(id.value, cert, err));
	if (take_tag(&value, DER_CONTEXT_OF(0), &extensions))
		TRY(read_extensions(extensions.value, NULL, err));
	if (value.len > 0)
		return bad(err, "something behind a certificate");
	query->len++;
	return RC_OK;
}

static enum rc
read_list(struct span list, struct ocsp_query *query, struct err *err)
{
	struct der one;

	while (list.len > 0) {
		TRY(der_expect(&list, DER_SEQUENCE, &one, err));
		TRY(read_one(one.value, query, err));
	}
	return query->len > 0 ? RC_OK : bad(err, "no certificate");
}

/* TBSRequest.  DER leaves a version of 0 out; some send it all the same. */
static enum rc
read_request(struct span value, struct ocsp_query *query, struct err *err)
{
	static const uint8_t zero[] = {DER_INTEGER, 1, 0};
	struct der version, name, list, extensions;

	if (take_tag(&value, DER_CONTEXT_OF(0), &version) &&
	    !span_is(version.value, span_of(zero, sizeof(zero))))
		return bad(err, "not version 1");
	(void)take_tag(&value, DER_CONTEXT_OF(1), &name);
	TRY(der_expect(&value, DER_SEQUENCE, &list, err));
	TRY(read_list(list.value, query, err));
	if (take_tag(&value, DER_CONTEXT_OF(2), &extensions))
		TRY(read_extensions(extensions.value, query, err));
	return value.len == 0 ? RC_OK : bad(err, "something behind its end");
}

enum rc
ocsp_query_parse(struct span der, struct ocsp_query *ret, struct err *err)
{
	struct ocsp_query query = {.len = 0};
	struct der whole, request, signature;

	if (der.len > OCSP_QUERY_MAX)
		return err_set(err, RC_LIMIT, "OCSP request: too long");
	TRY(der_check(der, err));
	TRY(der_expect(&der, DER_SEQUENCE, &whole, err));
	TRY(der_expect(&whole.value, DER_SEQUENCE, &request, err));
	(void)take_tag(&whole.value, DER_CONTEXT_OF(0), &signature);
	if (whole.value.len > 0)
		return bad(err, "something behind its end");
	TRY(read_request(request.value, &query, err));
	*ret = query;
	return RC_OK;
}
