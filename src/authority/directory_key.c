#include "authority/directory.h"

#include "authority/hierarchy.h"
#include "pki/crypto.h"
#include "pki/der_write.h"

#define DER_MAX ((size_t)64 * 1024)

void
directory_keys_done(struct directory_keys *keys)
{
	buf_done(&keys->name);
}

static enum rc
set_hash(struct directory_keys *keys, enum directory_key key, struct span bytes,
    struct err *err)
{
	if (EVP_Digest(bytes.data, bytes.len, keys->hash[key], NULL, EVP_sha1(),
		NULL) != 1)
		return crypto_failed(err, "directory");
	keys->has[key] = true;
	return RC_OK;
}

static enum rc
name_der(const X509_NAME *name, struct span *ret, struct err *err)
{
	const uint8_t *bytes = NULL;
	size_t len = 0;

	if (!X509_NAME_get0_der(name, &bytes, &len))
		return crypto_failed(err, "directory");
	*ret = span_of(bytes, len);
	return RC_OK;
}

static enum rc
set_certificate(struct directory_keys *keys, const X509 *cert, struct err *err)
{
	struct buf der BUF_OWNED = BUF(DER_MAX);

	TRY(hierarchy_der(cert, &der, err));
	return set_hash(keys, DIRECTORY_CERTIFICATE, buf_span(&der), err);
}

static enum rc
set_issuer_serial(
    struct directory_keys *keys, const X509 *cert, struct err *err)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	struct buf der BUF_OWNED = BUF(DER_MAX);
	struct span issuer = SPAN_NONE;
	size_t at = 0;

	TRY(name_der(X509_get_issuer_name(cert), &issuer, err));
	TRY(der_write_begin(&der, DER_SEQUENCE, &at, err));
	TRY(buf_add(&der, issuer, err));
	TRY(der_write_integer(&der,
	    span_of(ASN1_STRING_get0_data(serial),
		(size_t)ASN1_STRING_length(serial)),
	    err));
	TRY(der_write_end(&der, at, err));
	return set_hash(keys, DIRECTORY_ISSUER_SERIAL, buf_span(&der), err);
}

/* libcrypto fills what it remembers of a certificate when it is asked first:
 * that is not seen from outside. */
static enum rc
set_key_id(struct directory_keys *keys, const X509 *cert, struct err *err)
{
	const ASN1_OCTET_STRING *id =
	    X509_get0_subject_key_id((X509 *)(uintptr_t)cert);

	if (id == NULL)
		return RC_OK;
	return set_hash(keys, DIRECTORY_KEY_ID,
	    span_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)),
	    err);
}

static enum rc
set_name(struct directory_keys *keys, const X509_NAME *subject, struct err *err)
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;

	if (at < 0)
		return RC_OK;
	int len = ASN1_STRING_to_UTF8(
	    &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len < 0)
		return crypto_failed(err, "directory");
	enum rc rc = buf_add(&keys->name, span_of(text, (size_t)len), err);
	OPENSSL_free(text);
	return rc;
}

/* An empty subject is everybody's. */
static enum rc
set_subject(struct directory_keys *keys, const X509 *cert, struct err *err)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	struct span der = SPAN_NONE;

	if (X509_NAME_entry_count(subject) == 0)
		return RC_OK;
	TRY(name_der(subject, &der, err));
	TRY(set_hash(keys, DIRECTORY_SUBJECT, der, err));
	return set_name(keys, subject, err);
}

enum rc
directory_keys_of(const X509 *cert, struct directory_keys *ret, struct err *err)
{
	TRY(set_certificate(ret, cert, err));
	TRY(set_issuer_serial(ret, cert, err));
	TRY(set_key_id(ret, cert, err));
	return set_subject(ret, cert, err);
}
