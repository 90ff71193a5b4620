#include "cms/certid_priv.h"

#include <openssl/err.h>

#include "pki/crypto.h"
#include "pki/der.h"

OWNER(X509_NAME, X509_NAME_free);

enum rc
certid_look(const struct cert *cert, struct certid *ret, struct err *err)
{
	struct span in = cert_der(cert);
	struct der all, tbs, item, key;

	TRY(der_expect(&in, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &tbs, err));
	if (tbs.value.len > 0 && tbs.value.data[0] == DER_CONTEXT_0)
		TRY(der_next(&tbs.value, &item, err));
	TRY(der_expect(&tbs.value, DER_INTEGER, &item, err));
	ret->serial = item.whole;
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err)); /* signature */
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err));
	ret->issuer = item.whole;
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err)); /* validity */
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err)); /* subject */
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err));
	TRY(der_expect(&item.value, DER_SEQUENCE, &key, err));
	ret->key_algorithm = key.whole;
	return RC_OK;
}

enum rc
certid_print(struct buf *der, const struct cert *cert, struct err *err)
{
	struct certid look;

	TRY(certid_look(cert, &look, err));
	TRY(buf_add(der, look.issuer, err));
	return buf_add(der, look.serial, err);
}

/* Some write the same name with other string types or another case. */
static bool
is_name(struct span der, const X509_NAME *want)
{
	const uint8_t *at = der.data;
	X509_NAME *name OWNED(X509_NAME_free) =
	    d2i_X509_NAME(NULL, &at, (long)der.len);
	bool same = name != NULL && at == der.data + der.len &&
		    X509_NAME_cmp(name, want) == 0;

	ERR_clear_error();
	return same;
}

bool
certid_is(struct span issuer, struct span serial, const struct cert *cert)
{
	struct certid look;

	if (certid_look(cert, &look, NULL) != RC_OK ||
	    !span_is(serial, look.serial))
		return false;
	return span_is(issuer, look.issuer) ||
	       is_name(issuer, X509_get_issuer_name(cert_x509(cert)));
}

bool
certid_is_key_id(struct span key_id, const struct cert *cert)
{
	const ASN1_OCTET_STRING *own =
	    X509_get0_subject_key_id(cert_x509(cert));

	return own != NULL &&
	       span_is(key_id, span_of(ASN1_STRING_get0_data(own),
				   (size_t)ASN1_STRING_length(own)));
}

static uint8_t
nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

void
certid_sha256(const struct cert *cert, uint8_t ret[32])
{
	const char *hex = cert_fingerprint(cert);

	for (size_t i = 0; i < 32; i++)
		ret[i] =
		    (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
}
