#include "cms/padding_priv.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "cms/print_priv.h"

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define PKCS1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define SHA2 "\x60\x86\x48\x01\x65\x03\x04\x02"

static const struct span oid_oaep = OID(PKCS1 "\x07");
static const struct span oid_mgf1 = OID(PKCS1 "\x08");
static const struct span oid_label = OID(PKCS1 "\x09"); /* id-pSpecified */

static const struct {
	struct span oid;
	const char *name;
} oaep_digests[] = {
    {OID("\x2b\x0e\x03\x02\x1a"), "SHA1"},
    {OID(SHA2 "\x01"), "SHA256"},
    {OID(SHA2 "\x02"), "SHA384"},
    {OID(SHA2 "\x03"), "SHA512"},
};

#define DIGESTS (sizeof(oaep_digests) / sizeof(*oaep_digests))

/* Take the AlgorithmIdentifier under [number] off `in`.  RC_ABSENT: it is not
 * there, which means its default. */
static enum rc
take_parameter(struct span *in, unsigned number, struct tlv_algorithm *ret)
{
	struct tlv tlv;

	if (!tlv_is(*in, TLV_CONTEXT_OF(number)))
		return RC_ABSENT;
	TRY(tlv_expect(in, TLV_CONTEXT_OF(number), &tlv, NULL));
	TRY(tlv_algorithm(&tlv.value, ret, NULL));
	return tlv_end(tlv.value, NULL);
}

static const char *
oaep_digest(const struct tlv_algorithm *algorithm)
{
	for (size_t i = 0; i < DIGESTS; i++)
		if (span_is(oaep_digests[i].oid, algorithm->oid) &&
		    tlv_is_bare(algorithm))
			return oaep_digests[i].name;
	return NULL;
}

static enum rc
read_digest(struct span *in, const char **ret)
{
	struct tlv_algorithm algorithm;

	enum rc rc = take_parameter(in, 0, &algorithm);
	if (rc == RC_OK)
		*ret = oaep_digest(&algorithm);
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
read_mask(struct span *in, const char **ret)
{
	struct tlv_algorithm mask, digest;

	enum rc rc = take_parameter(in, 1, &mask);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	if (!span_is(mask.oid, oid_mgf1))
		return RC_UNFIT;
	TRY(tlv_algorithm(&mask.parameters, &digest, NULL));
	*ret = oaep_digest(&digest);
	return RC_OK;
}

static enum rc
read_label(struct span *in, struct span *ret)
{
	struct tlv_algorithm source;
	struct tlv label;

	enum rc rc = take_parameter(in, 2, &source);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	if (!span_is(source.oid, oid_label))
		return RC_UNFIT;
	TRY(tlv_expect(&source.parameters, TLV_OCTETS, &label, NULL));
	*ret = label.value;
	return RC_OK;
}

/* RFC 4055 section 4.1: absent means SHA-1, MGF1 with SHA-1, an empty label;
 * the parameters themselves must be there. */
bool
padding_oaep(const struct tlv_algorithm *scheme, struct key_oaep *ret)
{
	struct key_oaep oaep = {"SHA1", "SHA1", SPAN_NONE};
	struct span in = scheme->parameters;
	struct tlv all;

	if (tlv_expect(&in, TLV_SEQUENCE, &all, NULL) != RC_OK ||
	    read_digest(&all.value, &oaep.digest) != RC_OK ||
	    read_mask(&all.value, &oaep.mask) != RC_OK ||
	    read_label(&all.value, &oaep.label) != RC_OK || all.value.len > 0 ||
	    oaep.digest == NULL || oaep.mask == NULL)
		return false;
	*ret = oaep;
	return true;
}

/* With NULL, as RFC 4055 section 2.1 has it and everybody writes it. */
/* The digests with NULL, as RFC 4055 section 2.1 has them and everybody writes
 * them. */
static enum rc
print_mask(struct span oid, struct buf *der, struct err *err)
{
	size_t at;

	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(print_bytes(der, PRINT_OID, oid_mgf1, err));
	TRY(print_algorithm(der, oid, true, err));
	return print_end(der, at, err);
}

static enum rc
print_parameters(struct span oid, struct buf *der, struct err *err)
{
	size_t at;

	TRY(print_begin(der, PRINT_CONTEXT_OF(0), &at, err));
	TRY(print_algorithm(der, oid, true, err));
	TRY(print_end(der, at, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(1), &at, err));
	TRY(print_mask(oid, der, err));
	return print_end(der, at, err);
}

enum rc
padding_print_oaep(const char *digest, struct buf *der, struct err *err)
{
	size_t row = 0, at, inner;

	while (row < DIGESTS && strcmp(oaep_digests[row].name, digest) != 0)
		row++;
	if (row == DIGESTS)
		bug("OAEP with an unknown digest");
	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(print_bytes(der, PRINT_OID, oid_oaep, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &inner, err));
	if (row > 0) /* SHA-1 is the default, which DER leaves out */
		TRY(print_parameters(oaep_digests[row].oid, der, err));
	TRY(print_end(der, inner, err));
	return print_end(der, at, err);
}
