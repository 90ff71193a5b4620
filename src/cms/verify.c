#include "cms/verify.h"

#include <stdlib.h>

#include "cms/signer_priv.h"

_Static_assert(VERIFY_SIGNERS_MAX == SIGNED_SIGNERS_MAX, "one limit");

struct verify {
	struct signed_data data;
	bool expected[DIGEST_KINDS];
	bool has_expected;
	bool began; /* detached content came */
	enum rc failed;
};

enum rc
verify_new(struct verify **ret, struct err *err)
{
	struct verify *verify = calloc(1, sizeof(*verify));

	if (verify == NULL)
		return err_nomem(err, "signature");
	signed_init(&verify->data, SIGNED_DATA);
	*ret = verify;
	return RC_OK;
}

void
verify_free(struct verify *verify)
{
	if (verify == NULL)
		return;
	signed_done(&verify->data);
	free(verify);
}

void
verify_know(struct verify *verify, struct seen *seen)
{
	verify->data.seen = seen;
}

void
verify_accept_receipt(struct verify *verify)
{
	verify->data.accept |= SIGNED_RECEIPT;
}

/* --- what comes */

/* A failure is for good: half of a letter is read by nobody. */
static enum rc
keep_failure(struct verify *verify, enum rc rc)
{
	if (rc != RC_OK)
		verify->failed = rc;
	return rc;
}

static enum rc
check_failed(const struct verify *verify, struct err *err)
{
	if (verify->failed == RC_OK)
		return RC_OK;
	return err_set(
	    err, verify->failed, "the signature could not be read before");
}

enum rc
verify_push_cms(struct verify *verify, struct span der, struct buf *quarantine,
    struct err *err)
{
	TRY(check_failed(verify, err));
	return keep_failure(
	    verify, signed_push(&verify->data, der, quarantine, err));
}

static void
expect_one(struct verify *verify, struct span name)
{
	enum digest_kind kind = digest_by_name(span_trim(name));

	if (kind == DIGEST_NONE)
		return;
	verify->expected[kind] = true;
	verify->has_expected = true;
}

enum rc
verify_expect(struct verify *verify, const char *micalg, struct err *err)
{
	struct span rest = span_str(micalg == NULL ? "" : micalg);

	if (verify->began)
		bug("verify_expect behind the first byte of content");
	TRY(check_failed(verify, err));
	while (rest.len > 0) {
		ptrdiff_t comma = span_find_byte(rest, ',');
		size_t len = comma < 0 ? rest.len : (size_t)comma;
		expect_one(verify, span_first(rest, len));
		rest = span_after(rest, len + 1);
	}
	return RC_OK;
}

enum rc
verify_expect_all(struct verify *verify, struct err *err)
{
	if (verify->began)
		bug("verify_expect_all behind the first byte of content");
	TRY(check_failed(verify, err));
	for (enum digest_kind i = 0; i < DIGEST_KINDS; i++)
		verify->expected[i] = digest_md(i) != NULL;
	verify->has_expected = true;
	return RC_OK;
}

/* Which digests to run over a content whose signature is still to come. */
static enum rc
want_expected(struct verify *verify, struct err *err)
{
	for (enum digest_kind i = 0; i < DIGEST_KINDS; i++) {
		bool usual = i <= DIGEST_SHA512;
		if (verify->has_expected ? verify->expected[i] : usual)
			TRY(digest_want(&verify->data.digest, i, err));
	}
	return RC_OK;
}

static enum rc
begin_content(struct verify *verify, struct err *err)
{
	verify->began = true;
	verify->data.detached = true;
	if (verify->data.has_content)
		return err_set(err, RC_SYNTAX,
		    "the detached signature carries another content");
	return verify->data.at_content ? signed_want_listed(&verify->data, err)
				       : want_expected(verify, err);
}

enum rc
verify_push_content(struct verify *verify, struct span bytes, struct err *err)
{
	TRY(check_failed(verify, err));
	if (!verify->began)
		TRY(keep_failure(verify, begin_content(verify, err)));
	return keep_failure(
	    verify, digest_push(&verify->data.digest, bytes, err));
}

/* --- the end */

/* Nothing was pushed and nothing is in it: the content is empty. */
static enum rc
end_content(struct verify *verify, struct err *err)
{
	if (!verify->began && !verify->data.has_content)
		TRY(signed_want_listed(&verify->data, err));
	return signed_finish(&verify->data, err);
}

static enum rc
check_signers(
    const struct verify *verify, struct verify_result *ret, struct err *err)
{
	unsigned tries = SIGNER_TRIES_MAX;
	const struct signer_about about = {&verify->data, SPAN_NONE, &tries};

	for (size_t i = 0; i < verify->data.signers_len; i++) {
		TRY(signer_check(signed_signer(&verify->data, i), &about,
		    &ret->signer[i], err));
		ret->signers++;
	}
	return RC_OK;
}

enum rc
verify_finish(struct verify *verify, struct verify_result *ret, struct err *err)
{
	TRY(check_failed(verify, err));
	TRY(keep_failure(verify, end_content(verify, err)));
	ret->signers = 0;
	ret->certs = CERTS_NONE;
	ret->crls = CRLS_NONE;
	ret->ocsps = OCSPS_NONE;
	enum rc rc = check_signers(verify, ret, err);
	if (rc != RC_OK) {
		verify_result_done(ret);
		return rc;
	}
	ret->certs = verify->data.certs;
	verify->data.certs = CERTS_NONE;
	ret->crls = verify->data.crls;
	verify->data.crls = CRLS_NONE;
	ret->ocsps = verify->data.ocsps;
	verify->data.ocsps = OCSPS_NONE;
	ret->opaque = verify->data.has_content;
	ret->is_receipt = verify->data.type == SIGNED_RECEIPT;
	verify->failed = RC_ABSENT; /* there is no second result */
	return RC_OK;
}

void
verify_result_done(struct verify_result *result)
{
	for (size_t i = 0; i < result->signers; i++)
		signer_done(&result->signer[i]);
	certs_done(&result->certs);
	crls_done(&result->crls);
	ocsps_done(&result->ocsps);
	result->signers = 0;
}

void
verify_result_free(struct verify_result *result)
{
	if (result == NULL)
		return;
	verify_result_done(result);
	free(result);
}
