#include "authority/crl_make.h"

#include <openssl/x509v3.h>

#include "pki/crypto.h"
#include "pki/der_write.h"

#define OID(text) span_of((text), sizeof(text) - 1)
#define OID_REASON OID("\x55\x1d\x15")
#define OID_NUMBER OID("\x55\x1d\x14")
#define OID_PLACE OID("\x55\x1d\x1c") /* issuingDistributionPoint */
#define OID_EXPIRED OID("\x55\x1d\x3c")
#define OID_ISSUER_KEY OID("\x55\x1d\x23")

static enum rc
add_reason(struct buf *entry, int reason, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;
	size_t at;

	if (reason == 0)
		return RC_OK;
	TRY(der_write_number(&value, DER_ENUMERATED, (uint32_t)reason, err));
	TRY(der_write_begin(entry, DER_SEQUENCE, &at, err));
	TRY(der_write_extension(
	    entry, OID_REASON, false, buf_span(&value), err));
	return der_write_end(entry, at, err);
}

enum rc
crl_add_entry(struct buf *entries, struct span serial, int64_t at, int reason,
    struct err *err)
{
	struct buf entry BUF_OWNED = BUF_SMALL;

	TRY(der_write_integer(&entry, serial, err));
	TRY(der_write_time(&entry, at, err));
	TRY(add_reason(&entry, reason, err));
	size_t before = entries->len;
	enum rc rc =
	    der_write_bytes(entries, DER_SEQUENCE, buf_span(&entry), err);
	if (rc != RC_OK)
		buf_cut(entries, before);
	return rc;
}

/* Only which key: a reader that knows the issuer's name knows it from the
 * issuer field. */
static enum rc
add_issuer_key(struct buf *out, const X509 *issuer, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;
	const ASN1_OCTET_STRING *id =
	    X509_get0_subject_key_id((X509 *)(uintptr_t)issuer);
	size_t at;

	if (id == NULL)
		return err_set(err, RC_UNFIT,
		    "the issuer of a list has no key identifier");
	TRY(der_write_begin(&value, DER_SEQUENCE, &at, err));
	TRY(der_write_bytes(&value, DER_CONTEXT(0),
	    span_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)),
	    err));
	TRY(der_write_end(&value, at, err));
	return der_write_extension(
	    out, OID_ISSUER_KEY, false, buf_span(&value), err);
}

static enum rc
add_number(struct buf *out, int64_t number, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;
	uint8_t octets[8];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
	TRY(der_write_integer(&value, span_of(octets, sizeof(octets)), err));
	return der_write_extension(
	    out, OID_NUMBER, false, buf_span(&value), err);
}

/* IssuingDistributionPoint { distributionPoint [0] { fullName [0] { URI } } } */
static enum rc
add_place(struct buf *out, const char *url, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;
	size_t place, point, name;

	if (url == NULL)
		return RC_OK;
	TRY(der_write_begin(&value, DER_SEQUENCE, &place, err));
	TRY(der_write_begin(&value, DER_CONTEXT_OF(0), &point, err));
	TRY(der_write_begin(&value, DER_CONTEXT_OF(0), &name, err));
	TRY(der_write_bytes(&value, DER_CONTEXT(6), span_str(url), err));
	TRY(der_write_end(&value, name, err));
	TRY(der_write_end(&value, point, err));
	TRY(der_write_end(&value, place, err));
	return der_write_extension(out, OID_PLACE, true, buf_span(&value), err);
}

static enum rc
add_expired(struct buf *out, int64_t since, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;

	TRY(der_write_general_time(&value, since, err));
	return der_write_extension(
	    out, OID_EXPIRED, false, buf_span(&value), err);
}

static enum rc
add_extensions(struct buf *out, const struct crl_wish *wish, struct err *err)
{
	size_t tag, list;

	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &tag, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &list, err));
	TRY(add_issuer_key(out, wish->issuer, err));
	TRY(add_number(out, wish->number, err));
	TRY(add_place(out, wish->url, err));
	TRY(add_expired(out, wish->expired_since, err));
	TRY(der_write_end(out, list, err));
	return der_write_end(out, tag, err);
}

static enum rc
add_name(struct buf *out, const X509 *issuer, struct err *err)
{
	const uint8_t *der = NULL;
	size_t len = 0;

	if (!X509_NAME_get0_der(X509_get_subject_name(issuer), &der, &len))
		return crypto_failed(err, "name of an issuer");
	return buf_add(out, span_of(der, len), err);
}

static enum rc
fill(struct buf *out, const struct crl_wish *wish, struct err *err)
{
	TRY(der_write_number(out, DER_INTEGER, 1, err)); /* v2 */
	TRY(buf_add(out, signer_algorithm(wish->signer), err));
	TRY(add_name(out, wish->issuer, err));
	TRY(der_write_time(out, wish->from, err));
	TRY(der_write_time(out, wish->until, err));
	/* "When there are no revoked certificates, the revoked certificates
	 * list MUST be absent." (RFC 5280 section 5.1.2.6) */
	if (wish->entries.len > 0)
		TRY(der_write_bytes(out, DER_SEQUENCE, wish->entries, err));
	return add_extensions(out, wish, err);
}

enum rc
crl_make(const struct crl_wish *wish, struct buf *der, struct err *err)
{
	struct buf tbs BUF_OWNED = BUF(CRL_MAKE_MAX);
	size_t at;

	TRY(der_write_begin(&tbs, DER_SEQUENCE, &at, err));
	TRY(fill(&tbs, wish, err));
	TRY(der_write_end(&tbs, at, err));
	return signer_wrap(wish->signer, buf_span(&tbs), der, err);
}
