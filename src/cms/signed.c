#include "cms/signed_priv.h"

#include "pki/der.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OID_LEN_MAX 32
#define NUMBER_LEN_MAX 16
#define ALGORITHM_LEN_MAX 1024
#define SIGNED_CONTEXT_0 0xa0
#define SIGNED_CONTEXT_1 0xa1

enum { TYPE = 1, VERSION, DIGEST, CONTENT_TYPE, CONTENT, CERT, LIST, SIGNER };

static const struct walk_row rows[] = {
    {0, DER_SEQUENCE, WALK_ENTER, 0, 0, 0},
    {1, DER_OID, WALK_GATHER, 0, OID_LEN_MAX, TYPE},
    {1, SIGNED_CONTEXT_0, WALK_ENTER, 0, 0, 0},
    {2, DER_SEQUENCE, WALK_ENTER, 0, 0, 0},
    {3, DER_INTEGER, WALK_GATHER, 0, NUMBER_LEN_MAX, VERSION},
    {3, DER_SET, WALK_ENTER, 0, 0, 0},
    {4, DER_SEQUENCE, WALK_GATHER, WALK_REPEATED, ALGORITHM_LEN_MAX, DIGEST},
    {3, DER_SEQUENCE, WALK_ENTER, 0, 0, 0},
    {4, DER_OID, WALK_GATHER, 0, OID_LEN_MAX, CONTENT_TYPE},
    {4, SIGNED_CONTEXT_0, WALK_ENTER, WALK_OPTIONAL, 0, 0},
    {5, DER_OCTETS, WALK_STREAM, 0, 0, CONTENT},
    {3, SIGNED_CONTEXT_0, WALK_ENTER, WALK_OPTIONAL, 0, 0},
    {4, WALK_ANY, WALK_GATHER, WALK_REPEATED, CERT_DER_MAX, CERT},
    {3, SIGNED_CONTEXT_1, WALK_ENTER, WALK_OPTIONAL, 0, 0},
    {4, WALK_ANY, WALK_GATHER, WALK_REPEATED | WALK_IF_FITS, SIGNED_MAX, LIST},
    {3, DER_SET, WALK_ENTER, 0, 0, 0},
    {4, DER_SEQUENCE, WALK_GATHER, WALK_REPEATED, SIGNED_MAX, SIGNER},
};
static const struct walk_table table = {"SignedData", rows, COUNT(rows)};

/* Whole elements, so that one comparison does. */
static const uint8_t oid_signed[] = {
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};

struct type {
	enum signed_type type;
	size_t len;
	uint8_t oid[13];
};

static const struct type types[] = {
    {SIGNED_DATA, 11,
	{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01}},
    {SIGNED_RECEIPT, 13,
	{0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01,
	    0x01}},
    {SIGNED_TST, 13,
	{0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01,
	    0x04}},
};

struct span
signed_type_oid(enum signed_type type)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i].type == type)
			return span_of(types[i].oid, types[i].len);
	return SPAN_NONE;
}

void
signed_init(struct signed_data *data, unsigned accept)
{
	*data = (struct signed_data){.accept = accept,
	    .certs = CERTS_NONE,
	    .crls = CRLS_NONE,
	    .ocsps = OCSPS_NONE,
	    .signers = BUF(SIGNED_MAX)};
	walk_init(&data->walk, &table);
}

void
signed_done(struct signed_data *data)
{
	walk_done(&data->walk);
	digest_done(&data->digest);
	certs_done(&data->certs);
	crls_done(&data->crls);
	ocsps_done(&data->ocsps);
	buf_done(&data->signers);
}

static enum rc
take_type(struct span oid, struct err *err)
{
	if (!span_is(oid, span_of(oid_signed, sizeof(oid_signed))))
		return err_set(err, RC_SYNTAX, "no CMS SignedData");
	return RC_OK;
}

/* RFC 5652 section 5.1 knows 1, 3, 4 and 5. */
static enum rc
take_version(struct span number, struct err *err)
{
	uint8_t version = number.data[number.len - 1];

	if (number.len != 3 ||
	    !(version == 1 || (version >= 3 && version <= 5)))
		return err_set(err, RC_SYNTAX, "SignedData of unknown version");
	return RC_OK;
}

/* One that we do not know is some signer's; it does not spoil the others. */
static void
take_digest(struct signed_data *data, struct span ber)
{
	struct buf copy BUF_OWNED = BUF(ALGORITHM_LEN_MAX);
	struct algorithm algorithm;
	struct span der;

	if (ber_der(ber, &copy, &der, NULL) != RC_OK ||
	    algorithm_read(&der, &algorithm, NULL) != RC_OK)
		return;
	enum digest_kind kind = digest_find(&algorithm);
	if (kind != DIGEST_NONE)
		data->listed[kind] = true;
}

enum rc
signed_want_listed(struct signed_data *data, struct err *err)
{
	for (enum digest_kind i = 0; i < DIGEST_KINDS; i++)
		if (data->listed[i])
			TRY(digest_want(&data->digest, i, err));
	return RC_OK;
}

static enum rc
take_content_type(struct signed_data *data, struct span oid, struct err *err)
{
	data->at_content = true;
	for (size_t i = 0; i < COUNT(types); i++)
		if (span_is(oid, span_of(types[i].oid, types[i].len)))
			data->type = types[i].type;
	if (!(data->type & data->accept))
		return err_set(err, RC_SYNTAX, "what is signed is no %s",
		    data->accept & SIGNED_TST ? "TSTInfo"
					      : "MIME entity (id-data)");
	return RC_OK;
}

static enum rc
begin_content(
    struct signed_data *data, const struct buf *content, struct err *err)
{
	if (data->detached || content == NULL)
		return err_set(err, RC_SYNTAX,
		    "the detached signature carries another content");
	data->has_content = true;
	return signed_want_listed(data, err);
}

static enum rc
take_content(struct signed_data *data, const struct walk_item *item,
    struct buf *content, struct err *err)
{
	if (item->event == WALK_BEGIN)
		return begin_content(data, content, err);
	if (item->event != WALK_BYTES)
		return RC_OK;
	TRY(digest_push(&data->digest, item->bytes, err));
	return buf_add(content, item->bytes, err);
}

/* Those that we cannot read are passed over: they may be other people's, or
 * attribute certificates. */
static enum rc
take_cert(struct signed_data *data, struct span der, struct err *err)
{
	struct cert *cert OWNED(cert_free) = NULL;

	if (++data->certs_seen > CERTS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d certificates", CERTS_MAX);
	data->taken += der.len;
	if (seen_cert(data->seen, der, &cert, NULL) != RC_OK)
		return RC_OK;
	return certs_add(&data->certs, cert, err);
}

/* OtherRevocationInfoFormat ::= [1] { OID, ANY }; RFC 5940 section 2 puts an
 * OCSPResponse there. */
static enum rc
take_other(struct signed_data *data, struct span in)
{
	static const uint8_t oid[] = {
	    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x10, 0x02};
	struct der outer, type;

	if (der_next(&in, &outer, NULL) != RC_OK ||
	    der_expect(&outer.value, DER_OID, &type, NULL) != RC_OK ||
	    !span_is(type.value, span_of(oid, sizeof(oid))))
		return RC_SYNTAX;
	return ocsps_add(&data->ocsps, outer.value, NULL);
}

/* RFC 5652 section 10.2.1.  What cannot be read says nothing. */
static enum rc
take_list(
    struct signed_data *data, const struct walk_item *item, struct err *err)
{
	struct buf copy BUF_OWNED = BUF(SIGNED_MAX);
	struct span der;
	enum rc rc;

	if (item->bytes.len > SIGNED_MAX - data->lists)
		return RC_OK;
	data->lists += item->bytes.len;
	rc = ber_der(item->bytes, &copy, &der, NULL);
	if (rc == RC_OK)
		rc = item->tag == SIGNED_CONTEXT_1
			 ? take_other(data, der)
			 : crls_add(&data->crls, der, NULL);
	return rc == RC_NOMEM ? err_nomem(err, "revocation lists") : RC_OK;
}

static enum rc
take_signer(struct signed_data *data, struct span ber, struct err *err)
{
	if (data->signers_len >= SIGNED_SIGNERS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d signers", SIGNED_SIGNERS_MAX);
	TRY(buf_add(&data->signers, ber, err));
	data->taken += ber.len;
	data->signer_end[data->signers_len++] = data->signers.len;
	return RC_OK;
}

static enum rc
take_item(struct signed_data *data, const struct walk_item *item,
    struct buf *content, struct err *err)
{
	switch (item->id) {
	case TYPE:
		return take_type(item->bytes, err);
	case VERSION:
		return take_version(item->bytes, err);
	case DIGEST:
		take_digest(data, item->bytes);
		return RC_OK;
	case CONTENT_TYPE:
		return take_content_type(data, item->bytes, err);
	case CONTENT:
		return take_content(data, item, content, err);
	case CERT:
		return take_cert(data, item->bytes, err);
	case LIST:
		return take_list(data, item, err);
	default:
		return take_signer(data, item->bytes, err);
	}
}

/* Without content in it there is nothing to be long: CRLs that are longer are
 * somebody's who wants us busy. */
static enum rc
check_size(struct signed_data *data, size_t pushed, struct err *err)
{
	if (!data->has_content && !add_ok(data->pushed, pushed, &data->pushed))
		data->pushed = SIZE_MAX;
	if (data->taken > SIGNED_MAX ||
	    (!data->has_content && data->pushed > SIGNED_MAX))
		return err_set(err, RC_LIMIT,
		    "a signature of more than %zu bytes", SIGNED_MAX);
	return RC_OK;
}

enum rc
signed_push(struct signed_data *data, struct span ber, struct buf *content,
    struct err *err)
{
	struct walk_item item;
	enum rc rc;

	walk_push(&data->walk, ber);
	while ((rc = walk_next(&data->walk, &item, err)) == RC_OK) {
		TRY(take_item(data, &item, content, err));
		TRY(check_size(data, 0, err));
	}
	return rc == RC_AGAIN ? check_size(data, ber.len, err) : rc;
}

enum rc
signed_finish(struct signed_data *data, struct err *err)
{
	TRY(walk_finish(&data->walk, err));
	return digest_finish(&data->digest, err);
}

struct span
signed_signer(const struct signed_data *data, size_t i)
{
	size_t from = i == 0 ? 0 : data->signer_end[i - 1];

	return span_of(data->signers.data + from, data->signer_end[i] - from);
}
