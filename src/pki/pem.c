#include "pki/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

enum rc
pem_block_next(BIO *in, struct pem_block *ret, struct err *err)
{
	if (PEM_read_bio(in, &ret->name, &ret->header, &ret->data, &ret->len))
		return RC_OK;
	bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	if (end)
		return err_set(err, RC_ABSENT, "no further PEM block");
	return err_set(err, RC_SYNTAX, "damaged PEM text");
}

void
pem_block_done(struct pem_block *block)
{
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
	OPENSSL_clear_free(
	    block->data, block->data != NULL ? (size_t)block->len : 0);
	*block = (struct pem_block){0};
}

bool
pem_block_is_cert(const struct pem_block *block)
{
	return !strcmp(block->name, PEM_STRING_X509) ||
	       !strcmp(block->name, PEM_STRING_X509_OLD);
}
