#include "cms/compress.h"

#include <stdlib.h>

#include <openssl/objects.h>

#include "base/own.h"
#include "codec/wiped_zlib.h"
#include "cms/walk_priv.h"
#include "pki/der.h"

enum part {
	PART_NONE,
	PART_TYPE,
	PART_VERSION,
	PART_ALGORITHM,
	PART_INNER,
	PART_CONTENT,
};

static const struct walk_row rows[] = {
    {0, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {1, DER_OID, WALK_GATHER, 0, 64, PART_TYPE},
    {1, DER_CONTEXT_0, WALK_ENTER, 0, 0, PART_NONE},
    {2, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {3, DER_INTEGER, WALK_GATHER, 0, 64, PART_VERSION},
    {3, DER_SEQUENCE, WALK_GATHER, 0, 256, PART_ALGORITHM},
    {3, DER_SEQUENCE, WALK_ENTER, 0, 0, PART_NONE},
    {4, DER_OID, WALK_GATHER, 0, 64, PART_INNER},
    {4, DER_CONTEXT_0, WALK_ENTER, 0, 0, PART_NONE},
    {5, DER_OCTETS, WALK_STREAM, 0, 0, PART_CONTENT},
};

static const struct walk_table table = {
    "CompressedData", rows, sizeof(rows) / sizeof(rows[0])};

struct compress {
	struct compress_limits limits;
	struct walk walk;
	z_stream zlib;
	struct span in; /* of the content, not yet given to zlib */
	bool started;   /* zlib */
	bool more;      /* zlib may have more to give without new input */
	bool ended;     /* its stream, with a checksum that was right */
	uint64_t taken, given;
};

OWNER(struct compress, compress_free);

enum rc
compress_new(
    struct compress_limits limits, struct compress **ret, struct err *err)
{
	struct compress *compress OWNED(compress_free) =
	    calloc(1, sizeof(*compress));

	if (compress == NULL)
		return err_nomem(err, "compressed letter");
	compress->limits = limits;
	walk_init(&compress->walk, &table);
	wiped_zlib_set(&compress->zlib);
	if (inflateInit(&compress->zlib) != Z_OK)
		return err_nomem(err, "compressed letter");
	compress->started = true;
	*ret = take(compress);
	return RC_OK;
}

void
compress_free(struct compress *compress)
{
	if (compress == NULL)
		return;
	if (compress->started)
		(void)inflateEnd(&compress->zlib);
	walk_done(&compress->walk);
	free(compress);
}

void
compress_push(struct compress *compress, struct span der)
{
	walk_push(&compress->walk, der);
}

/* --- the CMS around it ----------------------------------------------------- */

static bool
is_oid(struct span element, int nid)
{
	const ASN1_OBJECT *object = OBJ_nid2obj(nid);
	struct der oid;

	return der_expect(&element, DER_OID, &oid, NULL) == RC_OK &&
	       span_is(oid.value,
		   span_of(OBJ_get0_data(object), OBJ_length(object)));
}

/* RFC 3274 section 2: parameters absent; NULL is what some write. */
static enum rc
check_algorithm(struct span element, struct err *err)
{
	static const uint8_t null[] = {0x05, 0};
	struct der sequence, oid;

	TRY(der_expect(&element, DER_SEQUENCE, &sequence, err));
	TRY(der_expect(&sequence.value, DER_OID, &oid, err));
	if (!is_oid(oid.whole, NID_zlib_compression))
		return err_set(
		    err, RC_UNFIT, "compressed in a way that is not read here");
	if (sequence.value.len > 0 &&
	    !span_is(sequence.value, span_of(null, sizeof(null))))
		return err_set(err, RC_SYNTAX,
		    "zlib with parameters, which it cannot have");
	return RC_OK;
}

static enum rc
check_part(const struct walk_item *item, struct err *err)
{
	static const uint8_t version[] = {DER_INTEGER, 1, 0};
	struct buf copy BUF_OWNED = BUF_SMALL;
	struct span der;

	TRY(ber_der(item->bytes, &copy, &der, err));
	switch ((enum part)item->id) {
	case PART_TYPE:
		if (!is_oid(der, NID_id_smime_ct_compressedData))
			return err_set(err, RC_SYNTAX, "no CMS CompressedData");
		return RC_OK;
	case PART_VERSION:
		if (!span_is(der, span_of(version, sizeof(version))))
			return err_set(err, RC_SYNTAX,
			    "CompressedData of unknown version");
		return RC_OK;
	case PART_ALGORITHM:
		return check_algorithm(der, err);
	case PART_INNER:
		if (!is_oid(der, NID_pkcs7_data))
			return err_set(err, RC_UNFIT,
			    "what is compressed is no MIME entity (id-data)");
		return RC_OK;
	case PART_CONTENT:
	case PART_NONE:
		break;
	}
	return RC_OK;
}

/* --- zlib ------------------------------------------------------------------ */

static enum rc
check_limits(const struct compress *compress, struct err *err)
{
	uint64_t limit = 0;

	if (__builtin_mul_overflow(
		compress->taken, compress->limits.ratio, &limit) ||
	    __builtin_add_overflow(limit, COMPRESS_ALWAYS, &limit) ||
	    limit > compress->limits.bytes)
		limit = compress->limits.bytes;
	if (compress->given > limit)
		return err_set(err, RC_LIMIT,
		    "a compressed letter that comes to more than %llu bytes",
		    (unsigned long long)limit);
	return RC_OK;
}

static enum rc
behind(struct err *err)
{
	return err_set(err, RC_SYNTAX, "bytes behind the zlib stream");
}

static enum rc
take_result(struct compress *compress, int result, struct err *err)
{
	switch (result) {
	case Z_STREAM_END:
		compress->ended = true;
		compress->more = false;
		return compress->in.len > 0 ? behind(err) : RC_OK;
	case Z_OK:
	case Z_BUF_ERROR: /* nothing left to do */
		compress->more = compress->zlib.avail_out == 0;
		return RC_OK;
	case Z_MEM_ERROR:
		return err_nomem(err, "compressed letter");
	default:
		return err_set(err, RC_SYNTAX, "no well-formed zlib stream");
	}
}

static enum rc
inflate_step(struct compress *compress, struct buf *out, struct err *err)
{
	z_stream *zlib = &compress->zlib;
	struct span in = span_first(compress->in, COMPRESS_STEP);
	uint8_t *room;

	TRY(buf_reserve(out, COMPRESS_STEP, &room, err));
	zlib->next_in = (uint8_t *)(uintptr_t)in.data;
	zlib->avail_in = (unsigned)in.len;
	zlib->next_out = room;
	zlib->avail_out = (unsigned)COMPRESS_STEP;
	int result = inflate(zlib, Z_NO_FLUSH);
	size_t taken = in.len - zlib->avail_in;
	size_t given = COMPRESS_STEP - zlib->avail_out;
	buf_grown(out, given);
	compress->in = span_after(compress->in, taken);
	compress->taken += taken;
	compress->given += given;
	TRY(take_result(compress, result, err));
	return check_limits(compress, err);
}

/* The piece is lent until the next call of walk_next(), which comes when zlib
 * has used it up. */
static enum rc
take_content(
    struct compress *compress, const struct walk_item *item, struct err *err)
{
	if (item->event != WALK_BYTES)
		return RC_OK;
	if (compress->ended)
		return behind(err);
	compress->in = item->bytes;
	return RC_OK;
}

enum rc
compress_pull(struct compress *compress, struct buf *out, struct err *err)
{
	size_t before = out->len;
	struct walk_item item;

	while (out->len == before) {
		if (compress->in.len > 0 || compress->more) {
			TRY(inflate_step(compress, out, err));
			continue;
		}
		TRY(walk_next(&compress->walk, &item, err));
		if (item.id == PART_CONTENT)
			TRY(take_content(compress, &item, err));
		else
			TRY(check_part(&item, err));
	}
	return RC_OK;
}

enum rc
compress_finish(const struct compress *compress, struct err *err)
{
	TRY(walk_finish(&compress->walk, err));
	if (!compress->ended)
		return err_set(err, RC_SYNTAX, "the zlib stream was cut off");
	return RC_OK;
}
