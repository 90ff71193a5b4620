/* cms/attributes -- a SET OF Attribute, taken apart.
 *
 * Standard:  RFC 5652 sections 5.3 and 11, RFC 5035, RFC 8551 section 2.5.
 * May use:   base pki.  Only inside cms.
 * Limits:    ATTRIBUTES_MAX; deeper or longer ones are the reader's before.
 */
#ifndef CMS_ATTRIBUTES_PRIV_H
#define CMS_ATTRIBUTES_PRIV_H

#include "base/buf.h"

#define ATTRIBUTES_MAX 100

/* id-pkcs9 and id-aa: what is behind them is one octet more. */
#define ATTRIBUTE_PKCS9 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09
#define ATTRIBUTE_AA ATTRIBUTE_PKCS9, 0x10, 0x02

enum attribute_type {
	ATTRIBUTE_CONTENT_TYPE,
	ATTRIBUTE_DIGEST,
	ATTRIBUTE_TIME,
	ATTRIBUTE_COUNTERSIGNATURE,
	ATTRIBUTE_CAPABILITIES,
	ATTRIBUTE_PROTECTION, /* CMSAlgorithmProtection */
	ATTRIBUTE_RECEIPT,    /* receiptRequest */
	ATTRIBUTE_LABEL,      /* securityLabel */
	ATTRIBUTE_EXPANSION,  /* mlExpandHistory */
	ATTRIBUTE_HINT,       /* contentHint */
	ATTRIBUTE_SIG_DIGEST, /* msgSigDigest */
	ATTRIBUTE_ID,         /* contentIdentifier */
	ATTRIBUTE_LABELS,     /* equivalentLabels */
	ATTRIBUTE_REFERENCE,  /* contentReference */
	ATTRIBUTE_PREFERENCE, /* smimeEncryptionKeyPreference */
	ATTRIBUTE_CERTIFICATE,
	ATTRIBUTE_CERTIFICATE_2,
	ATTRIBUTE_TOKEN, /* signatureTimeStampToken */
	ATTRIBUTE_TYPES,
	ATTRIBUTE_OTHER = ATTRIBUTE_TYPES
};

/* The content octets of its OID. */
struct span attribute_oid(enum attribute_type type);

struct attribute {
	enum attribute_type type;
	struct span whole;
	struct span values; /* the elements in the SET, one behind the other */
};

/* Lent by what it was read from. */
struct attributes {
	struct attribute item[ATTRIBUTES_MAX];
	size_t len;
	bool sorted; /* in the order that DER wants */
};

/* `set`: the content of the SET OF, in DER but for the order.  RC_SYNTAX;
 * RC_LIMIT. */
enum rc attributes_read(
    struct span set, struct attributes *ret, struct err *err);

/* Append the DER, SET OF, in its order. */
enum rc attributes_print(
    const struct attributes *attributes, struct buf *der, struct err *err);

/* Is one there more than once, or with no or several values, of those that the
 * standards want once?  Ask this first. */
bool attributes_repeat(const struct attributes *attributes);

/* The value of the first such attribute, whole with its tag; empty if there is
 * none. */
struct span attributes_only(
    const struct attributes *attributes, enum attribute_type type);
bool attributes_has(
    const struct attributes *attributes, enum attribute_type type);

#endif
