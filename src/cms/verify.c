#include "cms/verify.h"

#include <stdlib.h>

#include "cms/digest_priv.h"
#include "cms/shape_priv.h"
#include "cms/signer_priv.h"

struct verify {
	struct buf cms;
	struct digest digest; /* of the detached content */
	bool detached;        /* content was pushed */
};

enum rc
verify_new(struct verify **ret, struct err *err)
{
	struct verify *verify = calloc(1, sizeof(*verify));

	if (verify == NULL)
		return err_nomem(err, "signature");
	verify->cms = BUF(SHAPE_MAX);
	*ret = verify;
	return RC_OK;
}

void
verify_free(struct verify *verify)
{
	if (verify == NULL)
		return;
	buf_done(&verify->cms);
	digest_done(&verify->digest);
	free(verify);
}

enum rc
verify_push_cms(struct verify *verify, struct span der, struct err *err)
{
	return buf_add(&verify->cms, der, err);
}

static enum rc
parse(struct span der, struct shape_signed_info **ret, struct err *err)
{
	void *value = NULL;

	if (shape_content_nid(der) != NID_pkcs7_signed)
		return err_set(err, RC_SYNTAX, "no CMS SignedData");
	TRY(shape_parse_outer(
	    ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), der, "SignedData", &value, err));
	*ret = value;
	return RC_OK;
}

static enum rc
want_digests(
    const struct shape_signed *body, struct digest *digest, struct err *err)
{
	for (int i = 0; i < OPENSSL_sk_num(body->signers); i++) {
		const struct shape_signer *signer =
		    OPENSSL_sk_value(body->signers, i);
		TRY(digest_want(
		    digest, shape_nid(signer->digest_algorithm), err));
	}
	return RC_OK;
}

/* With the whole signature at hand only its digests are run; before it, all
 * three. */
static enum rc
begin_content(struct verify *verify, struct err *err)
{
	struct shape_signed_info *info OWNED(shape_signed_info_free) = NULL;

	verify->detached = true;
	if (verify->cms.len > 0 &&
	    parse(buf_span(&verify->cms), &info, NULL) == RC_OK)
		return want_digests(info->body, &verify->digest, err);
	return digest_want(&verify->digest, NID_undef, err);
}

enum rc
verify_push_content(struct verify *verify, struct span bytes, struct err *err)
{
	if (!verify->detached)
		TRY(begin_content(verify, err));
	return digest_push(&verify->digest, bytes, err);
}

static enum rc
check_form(const struct verify *verify, const struct shape_signed *body,
    struct err *err)
{
	if (!signer_knows_version(body))
		return err_set(err, RC_SYNTAX, "SignedData of unknown version");
	/* a timestamp or a receipt is signed too, but is no letter */
	if (OBJ_obj2nid(body->inner->type) != NID_pkcs7_data)
		return err_set(err, RC_SYNTAX,
		    "what is signed is no MIME entity (id-data)");
	if (verify->detached && body->inner->content != NULL)
		return err_set(err, RC_SYNTAX,
		    "the detached signature carries another content");
	if (OPENSSL_sk_num(body->signers) > VERIFY_SIGNERS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d signers", VERIFY_SIGNERS_MAX);
	return RC_OK;
}

static enum rc
hash_content(
    struct verify *verify, const struct shape_signed *body, struct err *err)
{
	if (!verify->detached) {
		TRY(want_digests(body, &verify->digest, err));
		if (body->inner->content != NULL)
			TRY(digest_push(&verify->digest,
			    shape_span(body->inner->content), err));
	}
	return digest_finish(&verify->digest, err);
}

static enum rc
check_signers(const struct verify *verify, const struct shape_signed *body,
    struct verify_result *ret, struct err *err)
{
	TRY(signer_certs(body, &ret->certs, err));
	struct signer_about about = {body, &verify->digest, &ret->certs};
	for (int i = 0; i < OPENSSL_sk_num(body->signers); i++) {
		TRY(signer_check(OPENSSL_sk_value(body->signers, i), &about,
		    &ret->signer[i], err));
		ret->signers++;
	}
	return RC_OK;
}

enum rc
verify_finish(struct verify *verify, struct buf *content,
    struct verify_result *ret, struct err *err)
{
	struct shape_signed_info *info OWNED(shape_signed_info_free) = NULL;
	struct verify_result made VERIFY_RESULT_OWNED = {.signers = 0};

	TRY(parse(buf_span(&verify->cms), &info, err));
	TRY(check_form(verify, info->body, err));
	TRY(hash_content(verify, info->body, err));
	TRY(check_signers(verify, info->body, &made, err));
	if (info->body->inner->content != NULL)
		TRY(buf_add(
		    content, shape_span(info->body->inner->content), err));
	*ret = made;
	made = (struct verify_result){.signers = 0};
	return RC_OK;
}

void
verify_result_done(struct verify_result *result)
{
	for (size_t i = 0; i < result->signers; i++)
		signer_done(&result->signer[i]);
	certs_done(&result->certs);
	result->signers = 0;
}
