#include "cms/layer_priv.h"

#include <stdlib.h>

#include "base/own.h"

void
layer_init(struct layer *layer)
{
	layer->plain = BUF_SECRET(SIZE_MAX / 4);
	inside_init(&layer->inside);
}

/* All but what a second pass needs. */
static void
end_pass(struct layer *layer)
{
	peel_free(layer->peel);
	verify_free(layer->verify);
	compress_free(layer->compress);
	inside_done(&layer->inside);
	layer->peel = NULL;
	layer->verify = NULL;
	layer->compress = NULL;
}

void
layer_done(struct layer *layer)
{
	end_pass(layer);
	open_free(layer->open);
	verify_result_free(layer->verified);
	buf_done(&layer->plain);
	memset(layer, 0, sizeof(*layer));
}

enum rc
layer_rewind(struct layer *layer, struct err *err)
{
	end_pass(layer);
	inside_init(&layer->inside);
	layer->begun = false;
	layer->again = true;
	buf_clear(&layer->plain);
	return layer->open == NULL ? RC_OK : open_rewind(layer->open, err);
}

enum rc
layer_begin(struct layer *layer, unsigned way, struct err *err)
{
	return peel_new(way, &layer->peel, err);
}

static enum rc
begin_open(struct layer *layer, const struct layer_keys *keys, struct err *err)
{
	if (layer->again)
		return RC_OK;
	TRY(open_new(&layer->open, err));
	for (size_t i = 0; i < keys->len; i++)
		TRY(open_add(
		    layer->open, keys->item[i].cert, keys->item[i].key, err));
	return RC_OK;
}

static enum rc
begin_verify(
    struct layer *layer, const struct layer_keys *keys, struct err *err)
{
	if (layer->again)
		return RC_OK;
	layer->verified = calloc(1, sizeof(*layer->verified));
	if (layer->verified == NULL)
		return err_nomem(err, "signature");
	TRY(verify_new(&layer->verify, err));
	verify_know(layer->verify, keys->seen);
	if (layer->kind == SMIME_OPAQUE)
		return RC_OK;
	if (keys->all_digests)
		return verify_expect_all(layer->verify, err);
	return verify_expect(layer->verify, peel_micalg(layer->peel), err);
}

enum rc
layer_begin_engine(
    struct layer *layer, const struct layer_keys *keys, struct err *err)
{
	enum smime_kind kind = peel_kind(layer->peel);

	if (layer->again && kind != layer->kind)
		return err_set(
		    err, RC_CRYPTO, "the letter is not the one of before");
	layer->kind = kind;
	layer->begun = true;
	switch (layer->kind) {
	case SMIME_ENVELOPED:
	case SMIME_AUTH_ENVELOPED:
		return begin_open(layer, keys, err);
	case SMIME_SIGNED:
	case SMIME_OPAQUE:
		return begin_verify(layer, keys, err);
	case SMIME_COMPRESSED:
		return compress_new(COMPRESS_LIMITS, &layer->compress, err);
	case SMIME_NONE:
	case SMIME_OTHER:
		break;
	}
	return RC_OK;
}

/* What is wrong is said at the end: something may be wrong with the MIME
 * around it as well, and that counts however the letter came in pieces. */
static enum rc
push_encrypted(struct layer *layer, struct span cms, struct err *err)
{
	struct err why = ERR_NONE;

	enum rc rc = open_push(layer->open, cms, &layer->plain, &why);
	if (rc == RC_OK || (!layer->again && layer_blames_letter(rc)))
		return RC_OK;
	return err_set(err, rc, "%s", why.text);
}

enum rc
layer_push(struct layer *layer, struct span cms, struct err *err)
{
	if (layer_is_encrypted(layer))
		return push_encrypted(layer, cms, err);
	if (layer->kind == SMIME_OPAQUE && layer->again)
		return inside_push(&layer->inside, cms, &layer->plain, err);
	if (layer->kind == SMIME_OPAQUE)
		return verify_push_cms(layer->verify, cms, &layer->plain, err);
	compress_push(layer->compress, cms);
	return RC_OK;
}

enum rc
layer_pull(struct layer *layer, struct err *err)
{
	if (layer->kind != SMIME_COMPRESSED)
		return RC_AGAIN;
	return compress_pull(layer->compress, &layer->plain, err);
}

enum rc
layer_push_part(struct layer *layer, struct span part, struct err *err)
{
	if (layer->again)
		return RC_OK;
	return verify_push_content(layer->verify, part, err);
}

/* Only now does it show that another kind of signature is beside the part. */
static enum rc
end_signed(struct layer *layer, struct err *err)
{
	struct span der = SPAN_NONE;

	if (!peel_is_signed(layer->peel)) {
		layer->kind = SMIME_NONE;
		return RC_OK;
	}
	TRY(peel_signature(layer->peel, &der, err));
	if (layer->again)
		return RC_OK;
	/* of an empty part nothing was pushed */
	TRY(verify_push_content(layer->verify, SPAN_NONE, err));
	TRY(verify_push_cms(layer->verify, der, NULL, err));
	return verify_finish(layer->verify, layer->verified, err);
}

/* RFC 8551 section 3.8: certificates alone, that nobody signed. */
static enum rc
end_opaque(struct layer *layer, struct err *err)
{
	if (layer->again)
		return inside_finish(&layer->inside, err);
	TRY(verify_finish(layer->verify, layer->verified, err));
	if (layer->verified->signers == 0)
		layer->kind = SMIME_OTHER;
	return RC_OK;
}

enum rc
layer_end(struct layer *layer, struct err *err)
{
	switch (layer->kind) {
	case SMIME_ENVELOPED:
	case SMIME_AUTH_ENVELOPED:
		return open_finish(
		    layer->open, &layer->plain, &layer->opened, err);
	case SMIME_SIGNED:
		return end_signed(layer, err);
	case SMIME_OPAQUE:
		return end_opaque(layer, err);
	case SMIME_COMPRESSED:
		return compress_finish(layer->compress, err);
	case SMIME_NONE:
	case SMIME_OTHER:
		break;
	}
	return RC_OK;
}

bool
layer_blames_letter(enum rc rc)
{
	return rc != RC_NOMEM && rc != RC_IO && rc != RC_AGAIN;
}

bool
layer_is_encrypted(const struct layer *layer)
{
	return layer->kind == SMIME_ENVELOPED ||
	       layer->kind == SMIME_AUTH_ENVELOPED;
}

bool
layer_is_signed(const struct layer *layer)
{
	return layer->kind == SMIME_SIGNED || layer->kind == SMIME_OPAQUE;
}

bool
layer_is_payload(const struct layer *layer)
{
	return layer->kind == SMIME_NONE || layer->kind == SMIME_OTHER;
}

bool
layer_has_valid_signer(const struct layer *layer)
{
	if (!layer_is_signed(layer) || layer->failed != RC_OK ||
	    layer->verified == NULL)
		return false;
	for (size_t i = 0; i < layer->verified->signers; i++)
		if (layer->verified->signer[i].valid)
			return true;
	return false;
}
