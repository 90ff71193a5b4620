#include "flow/evidence.h"

/* Every item: what it is, its length (big-endian), its DER. */
#define MAGIC "letterlock evidence 1\n"
#define HEAD_LEN 5

enum { ITEM_CERT = 'c', ITEM_CRL = 'l', ITEM_OCSP = 'o' };

static const struct evidence_limits *
limits_of(const struct evidence *evidence)
{
	return evidence->limits != NULL ? evidence->limits : &evidence_default;
}

void
evidence_done(struct evidence *evidence)
{
	certs_done(&evidence->certs);
	crls_done(&evidence->crls);
	ocsps_done(&evidence->ocsps);
}

bool
evidence_is_empty(const struct evidence *evidence)
{
	return evidence->crls.len == 0 && evidence->ocsps.len == 0;
}

/* ---- out ------------------------------------------------------------- */

/* What is too long is left out: the rest is still proof. */
static enum rc
pack_item(uint8_t what, struct span der, struct buf *out, struct err *err)
{
	size_t len;

	if (!add_ok(out->len, HEAD_LEN, &len) || !add_ok(len, der.len, &len) ||
	    len > out->max)
		return RC_OK;
	const uint8_t head[HEAD_LEN] = {what, (uint8_t)(der.len >> 24),
	    (uint8_t)(der.len >> 16), (uint8_t)(der.len >> 8),
	    (uint8_t)der.len};
	TRY(buf_add(out, span_of(head, HEAD_LEN), err));
	return buf_add(out, der, err);
}

/* The small ones first. */
static enum rc
pack_items(const struct evidence *e, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, MAGIC, err));
	for (size_t i = 0; i < e->certs.len; i++)
		TRY(pack_item(ITEM_CERT, cert_der(e->certs.item[i]), out, err));
	for (size_t i = 0; i < e->ocsps.len; i++)
		TRY(pack_item(ITEM_OCSP, ocsp_der(e->ocsps.item[i]), out, err));
	for (size_t i = 0; i < e->crls.len; i++)
		TRY(pack_item(ITEM_CRL, crl_der(e->crls.item[i]), out, err));
	return RC_OK;
}

enum rc
evidence_pack(const struct evidence *evidence, struct buf *out, struct err *err)
{
	struct buf packed BUF_OWNED = BUF(limits_of(evidence)->packed);

	if (evidence_is_empty(evidence))
		return RC_OK;
	TRY(pack_items(evidence, &packed, err));
	return buf_add(out, buf_span(&packed), err);
}

/* ---- in -------------------------------------------------------------- */

static enum rc
damaged(struct err *err)
{
	return err_set(err, RC_SYNTAX, "this is no kept evidence");
}

static enum rc
unpack_cert(struct span der, struct evidence *to, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	TRY(cert_parse(der, &cert, err));
	return certs_add(&to->certs, cert, err);
}

static enum rc
unpack_item(struct span *in, struct evidence *to, struct err *err)
{
	if (in->len < HEAD_LEN)
		return damaged(err);
	const uint8_t *head = in->data;
	size_t len = (size_t)head[1] << 24 | (size_t)head[2] << 16 |
		     (size_t)head[3] << 8 | head[4];
	*in = span_after(*in, HEAD_LEN);
	if (len > in->len)
		return damaged(err);
	struct span der = span_first(*in, len);
	*in = span_after(*in, len);
	switch (head[0]) {
	case ITEM_CERT:
		return unpack_cert(der, to, err);
	case ITEM_CRL:
		return crls_add(&to->crls, der, err);
	case ITEM_OCSP:
		return ocsps_add(&to->ocsps, der, err);
	default:
		return damaged(err);
	}
}

enum rc
evidence_unpack(struct span packed, struct evidence *ret, struct err *err)
{
	struct evidence made EVIDENCE_OWNED = EVIDENCE_NONE;

	if (packed.len == 0)
		return RC_OK;
	if (packed.len > limits_of(ret)->packed)
		return err_set(err, RC_LIMIT, "more than %zu bytes of evidence",
		    limits_of(ret)->packed);
	if (!span_starts(packed, MAGIC))
		return damaged(err);
	packed = span_after(packed, strlen(MAGIC));
	while (packed.len > 0)
		TRY(unpack_item(&packed, &made, err));
	made.limits = ret->limits;
	evidence_done(ret);
	*ret = made;
	made = EVIDENCE_NONE;
	return RC_OK;
}
