#include "authority/directory.h"

#include "authority/lint_priv.h"
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
	if (EVP_Digest(bytes.data, bytes.len, keys->hash[key], NULL,
		crypto_sha1(), NULL) != 1)
		return crypto_failed(err, "directory");
	keys->has[key] = true;
	return RC_OK;
}

static enum rc
set_issuer_serial(
    struct directory_keys *keys, const struct lint_cert *cert, struct err *err)
{
	struct buf der BUF_OWNED = BUF(DER_MAX);
	size_t at = 0;

	TRY(der_write_begin(&der, DER_SEQUENCE, &at, err));
	TRY(buf_add(&der, cert->issuer.whole, err));
	TRY(buf_add(&der, cert->serial.whole, err));
	TRY(der_write_end(&der, at, err));
	return set_hash(keys, DIRECTORY_ISSUER_SERIAL, buf_span(&der), err);
}

static enum rc
set_key_id(
    struct directory_keys *keys, const struct lint_cert *cert, struct err *err)
{
	const struct lint_extension *extension =
	    lint_find(cert, OID_SUBJECT_KEY_ID);
	struct der id;

	if (extension == NULL || !lint_first(extension->value, DER_OCTETS, &id))
		return RC_OK;
	return set_hash(keys, DIRECTORY_KEY_ID, id.value, err);
}

/* An empty subject is everybody's.  We write a commonName as UTF-8 only. */
static enum rc
set_subject(
    struct directory_keys *keys, const struct lint_cert *cert, struct err *err)
{
	const struct lint_part *name = lint_part(cert, OID_COMMON_NAME);

	if (cert->parts == 0)
		return RC_OK;
	if (name != NULL && name->tag == DER_UTF8)
		TRY(buf_add(&keys->name, name->text, err));
	return set_hash(keys, DIRECTORY_SUBJECT, cert->subject.whole, err);
}

enum rc
directory_keys_of(struct span cert, struct directory_keys *ret, struct err *err)
{
	struct lint_cert parts = {0};

	TRY(lint_read_signed(cert, &parts, err));
	TRY(set_hash(ret, DIRECTORY_CERTIFICATE, cert, err));
	TRY(set_issuer_serial(ret, &parts, err));
	TRY(set_key_id(ret, &parts, err));
	return set_subject(ret, &parts, err);
}
