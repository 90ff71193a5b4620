#include "cms/digest_priv.h"

#include <openssl/objects.h>

#include "cms/shape_priv.h"

static const int kinds[DIGEST_KINDS] = {NID_sha256, NID_sha384, NID_sha512};

const EVP_MD *
digest_md(int nid)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		if (kinds[i] == nid)
			return EVP_get_digestbynid(nid);
	return NULL;
}

enum rc
digest_want(struct digest *digest, int nid, struct err *err)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++) {
		if (digest->ctx[i] != NULL ||
		    (nid != NID_undef && nid != kinds[i]))
			continue;
		digest->ctx[i] = EVP_MD_CTX_new();
		if (digest->ctx[i] == NULL)
			return err_nomem(err, "digest");
		if (!EVP_DigestInit_ex(
			digest->ctx[i], digest_md(kinds[i]), NULL))
			return shape_fail(err, "digest");
	}
	return RC_OK;
}

enum rc
digest_push(struct digest *digest, struct span bytes, struct err *err)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		if (digest->ctx[i] != NULL &&
		    !EVP_DigestUpdate(digest->ctx[i], bytes.data, bytes.len))
			return shape_fail(err, "digest");
	return RC_OK;
}

enum rc
digest_finish(struct digest *digest, struct err *err)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		if (digest->ctx[i] != NULL &&
		    !EVP_DigestFinal_ex(
			digest->ctx[i], digest->value[i], &digest->len[i]))
			return shape_fail(err, "digest");
	return RC_OK;
}

void
digest_done(struct digest *digest)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		EVP_MD_CTX_free(digest->ctx[i]);
	*digest = (struct digest){0};
}

struct span
digest_value(const struct digest *digest, int nid)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		if (kinds[i] == nid)
			return span_of(digest->value[i], digest->len[i]);
	return SPAN_NONE;
}
