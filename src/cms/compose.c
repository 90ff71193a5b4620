#include "cms/compose.h"

#include <stdlib.h>

#include "base/own.h"
#include "cms/smime_priv.h"
#include "codec/base64.h"

/* So much at once goes through all stages while the nearest cache has it. */
#define STEP ((size_t)32 * 1024)
#define SIGNATURE_MAX ((size_t)1 << 20)

struct compose {
	struct sign *sign; /* NULL: not signed */
	struct seal *seal; /* NULL: not sealed */
	enum smime_kind kind;
	const char *boundary;
	bool begun;
	bool closed;
	struct base64_writer base64;
	struct buf sealed; /* on its way to base64 */
};

OWNER(struct compose, compose_free);

static enum rc
new_sign(struct compose *compose, const struct compose_options *options,
    struct err *err)
{
	const struct sign_options usual = {0};

	if (options->boundary == NULL ||
	    strlen(options->boundary) < COMPOSE_BOUNDARY_MIN)
		return err_set(err, RC_UNFIT, "no usable MIME boundary");
	TRY(smime_check_boundary(options->boundary, err));
	compose->boundary = options->boundary;
	return sign_new_with(options->signer, options->signing_time,
	    options->sign == NULL ? &usual : options->sign, &compose->sign,
	    err);
}

static enum rc
new_seal(struct compose *compose, const struct compose_options *options,
    struct err *err)
{
	compose->kind = seal_is_authenticated(options->cipher)
			    ? SMIME_AUTH_ENVELOPED
			    : SMIME_ENVELOPED;
	TRY(seal_new(options->cipher, &compose->seal, err));
	for (size_t i = 0; options->to != NULL && i < options->to->len; i++)
		TRY(seal_add(compose->seal, options->to->item[i], err));
	if (options->to == NULL || options->to->len == 0)
		return err_set(err, RC_ABSENT, "the letter is for nobody");
	return RC_OK;
}

enum rc
compose_new(const struct compose_options *options, struct compose **ret,
    struct err *err)
{
	struct compose *compose OWNED(compose_free) =
	    calloc(1, sizeof(*compose));

	if (compose == NULL)
		return err_nomem(err, "letter");
	if (options->signer == NULL && !options->seal)
		return err_set(
		    err, RC_UNFIT, "neither a signature nor a seal is wanted");
	compose->base64 = BASE64_WRITER(SMIME_LINE);
	compose->sealed = BUF(SIZE_MAX / 4);
	if (options->signer != NULL)
		TRY(new_sign(compose, options, err));
	if (options->seal)
		TRY(new_seal(compose, options, err));
	*ret = take(compose);
	return RC_OK;
}

void
compose_free(struct compose *compose)
{
	if (compose == NULL)
		return;
	sign_free(compose->sign);
	seal_free(compose->seal);
	buf_done(&compose->sealed);
	free(compose);
}

static enum rc
put_sealed(struct compose *compose, struct buf *out, struct err *err)
{
	enum rc rc = base64_write(
	    &compose->base64, buf_span(&compose->sealed), out, err);

	compose->sealed.len = 0;
	return rc;
}

/* Bytes of the entity that is sealed, or that is sent. */
static enum rc
put(struct compose *compose, struct span bytes, struct buf *out,
    struct err *err)
{
	if (compose->seal == NULL)
		return buf_add(out, bytes, err);
	TRY(seal_push(compose->seal, bytes, &compose->sealed, err));
	return put_sealed(compose, out, err);
}

/* The fields of the layers, once. */
static enum rc
begin(struct compose *compose, struct buf *out, struct err *err)
{
	struct buf head BUF_OWNED = BUF_SMALL;

	if (compose->begun)
		return RC_OK;
	compose->begun = true;
	if (compose->seal != NULL)
		TRY(smime_print_head(compose->kind, out, err));
	if (compose->sign == NULL)
		return RC_OK;
	TRY(smime_print_signed_head(
	    sign_micalg(compose->sign), compose->boundary, &head, err));
	return put(compose, buf_span(&head), out, err);
}

enum rc
compose_push(struct compose *compose, struct span bytes, struct buf *out,
    struct err *err)
{
	if (compose->closed)
		bug("compose_push: the entity is complete");
	TRY(begin(compose, out, err));
	for (; bytes.len > 0; bytes = span_after(bytes, STEP)) {
		struct span step = span_first(bytes, STEP);
		if (compose->sign != NULL)
			TRY(sign_push(compose->sign, step, err));
		TRY(put(compose, step, out, err));
	}
	return RC_OK;
}

enum rc
compose_close(struct compose *compose, struct buf *out, struct err *err)
{
	if (compose->closed)
		bug("compose_close: it is");
	TRY(begin(compose, out, err));
	compose->closed = true;
	return compose->sign == NULL ? RC_OK : sign_close(compose->sign, err);
}

enum rc
compose_imprint(
    const struct compose *compose, uint8_t ret_sha256[32], struct err *err)
{
	if (compose->sign == NULL)
		return err_set(err, RC_UNFIT, "the letter is not signed");
	return sign_imprint(compose->sign, ret_sha256, err);
}

enum rc
compose_add_token(struct compose *compose, struct span token, struct err *err)
{
	if (compose->sign == NULL)
		return err_set(err, RC_UNFIT, "the letter is not signed");
	return sign_add_token(compose->sign, token, err);
}

static enum rc
put_signature(struct compose *compose, struct buf *out, struct err *err)
{
	struct buf der BUF_OWNED = BUF(SIGNATURE_MAX);
	struct buf tail BUF_OWNED = BUF(2 * SIGNATURE_MAX);

	TRY(sign_finish(compose->sign, &der, err));
	TRY(smime_print_signed_tail(
	    buf_span(&der), compose->boundary, &tail, err));
	return put(compose, buf_span(&tail), out, err);
}

enum rc
compose_finish(struct compose *compose, struct buf *out, struct err *err)
{
	if (!compose->closed)
		bug("compose_finish: the entity is not complete");
	if (compose->sign != NULL)
		TRY(put_signature(compose, out, err));
	if (compose->seal == NULL)
		return RC_OK;
	TRY(seal_finish(compose->seal, &compose->sealed, err));
	TRY(put_sealed(compose, out, err));
	return base64_write_end(&compose->base64, out, err);
}
