#include <limits.h>
#include <stdlib.h>

#include <openssl/pem.h>

#include "pki/cert.h"
#include "pki/pem.h"

#define TEXT_MAX ((size_t)32 << 20)

enum rc
certs_add(struct certs *certs, const struct cert *cert, struct err *err)
{
	if (certs->len >= CERTS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d certificates", CERTS_MAX);
	struct cert **item =
	    reallocarray(certs->item, certs->len + 1, sizeof(struct cert *));
	if (item == NULL)
		return err_nomem(err, "certificates");
	certs->item = item;
	certs->item[certs->len++] = cert_ref(cert);
	return RC_OK;
}

static enum rc
add_der(struct certs *certs, struct span der, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	TRY(cert_parse(der, &cert, err));
	return certs_add(certs, cert, err);
}

/* Other blocks of the text may be private keys. */
static enum rc
add_next(struct certs *certs, BIO *in, struct err *err)
{
	struct pem_block block PEM_BLOCK_OWNED = {0};

	TRY(pem_block_next(in, &block, err));
	if (!pem_block_is_cert(&block))
		return RC_OK;
	return add_der(certs, span_of(block.data, (size_t)block.len), err);
}

static enum rc
add_pem(struct certs *certs, struct span pem, struct err *err)
{
	if (pem.len == 0)
		return RC_OK;
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (in == NULL)
		return err_nomem(err, "certificates");
	for (;;) {
		enum rc rc = add_next(certs, in, err);
		if (rc == RC_ABSENT)
			return RC_OK;
		TRY(rc);
	}
}

static void
cut(struct certs *certs, size_t len)
{
	while (certs->len > len)
		cert_free(certs->item[--certs->len]);
}

enum rc
certs_parse(struct certs *certs, struct span pem, struct err *err)
{
	size_t before = certs->len;

	if (pem.len > TEXT_MAX)
		return err_set(err, RC_LIMIT,
		    "more than %zu MiB of certificates", TEXT_MAX >> 20);
	enum rc rc = pem.len > 0 && pem.data[0] == 0x30
			 ? add_der(certs, pem, err)
			 : add_pem(certs, pem, err);
	if (rc != RC_OK)
		cut(certs, before);
	return rc;
}

enum rc
certs_print(const struct certs *certs, struct buf *out, struct err *err)
{
	BIO *pem OWNED(BIO_free_all) = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (pem == NULL)
		return err_nomem(err, "certificates");
	for (size_t i = 0; i < certs->len; i++)
		if (!PEM_write_bio_X509(pem, cert_x509(certs->item[i])))
			return crypto_failed(err, "writing PEM");
	long len = BIO_get_mem_data(pem, &text);
	return buf_add(out, span_of(text, (size_t)len), err);
}

void
certs_done(struct certs *certs)
{
	cut(certs, 0);
	free(certs->item);
	*certs = CERTS_NONE;
}
