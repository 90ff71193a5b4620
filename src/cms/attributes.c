#include "cms/attributes_priv.h"

#include "cms/print_priv.h"
#include "pki/der.h"

#define OID_MAX 11

struct row {
	size_t len;
	uint8_t oid[OID_MAX];
	bool many; /* may be there more than once, and with several values */
};

#define PKCS9(x)                     \
	9,                           \
	{                            \
		ATTRIBUTE_PKCS9, (x) \
	}
#define AA(x)                     \
	11,                       \
	{                         \
		ATTRIBUTE_AA, (x) \
	}

static const struct row rows[ATTRIBUTE_TYPES] = {
    [ATTRIBUTE_CONTENT_TYPE] = {PKCS9(3), false},
    [ATTRIBUTE_DIGEST] = {PKCS9(4), false},
    [ATTRIBUTE_TIME] = {PKCS9(5), false},
    [ATTRIBUTE_COUNTERSIGNATURE] = {PKCS9(6), true},
    [ATTRIBUTE_CAPABILITIES] = {PKCS9(15), false},
    [ATTRIBUTE_PROTECTION] = {PKCS9(52), false},
    [ATTRIBUTE_RECEIPT] = {AA(1), false},
    [ATTRIBUTE_LABEL] = {AA(2), false},
    [ATTRIBUTE_EXPANSION] = {AA(3), false},
    [ATTRIBUTE_HINT] = {AA(4), false},
    [ATTRIBUTE_SIG_DIGEST] = {AA(5), false},
    [ATTRIBUTE_ID] = {AA(7), false},
    [ATTRIBUTE_LABELS] = {AA(9), false},
    [ATTRIBUTE_REFERENCE] = {AA(10), false},
    [ATTRIBUTE_PREFERENCE] = {AA(11), false},
    [ATTRIBUTE_CERTIFICATE] = {AA(12), false},
    [ATTRIBUTE_CERTIFICATE_2] = {AA(47), false},
    [ATTRIBUTE_TOKEN] = {AA(14), true},
};

struct span
attribute_oid(enum attribute_type type)
{
	return span_of(rows[type].oid, rows[type].len);
}

static enum attribute_type
type_of(struct span oid)
{
	enum attribute_type type = 0;

	while (type < ATTRIBUTE_TYPES && !span_is(oid, attribute_oid(type)))
		type++;
	return type;
}

static enum rc
read_one(struct span *in, struct attribute *ret, struct err *err)
{
	struct der all, oid, values;

	TRY(der_expect(in, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_OID, &oid, err));
	TRY(der_expect(&all.value, DER_SET, &values, err));
	if (all.value.len > 0)
		return err_set(err, RC_SYNTAX, "an attribute with three parts");
	*ret = (struct attribute){type_of(oid.value), all.whole, values.value};
	return RC_OK;
}

enum rc
attributes_read(struct span set, struct attributes *ret, struct err *err)
{
	ret->len = 0;
	ret->sorted = true;
	while (set.len > 0) {
		if (ret->len >= ATTRIBUTES_MAX)
			return err_set(err, RC_LIMIT, "more than %d attributes",
			    ATTRIBUTES_MAX);
		struct attribute *item = &ret->item[ret->len];
		TRY(read_one(&set, item, err));
		if (ret->len > 0 && span_order(item[-1].whole, item->whole) > 0)
			ret->sorted = false;
		ret->len++;
	}
	return RC_OK;
}

enum rc
attributes_print(
    const struct attributes *attributes, struct buf *der, struct err *err)
{
	struct span item[ATTRIBUTES_MAX];

	for (size_t i = 0; i < attributes->len; i++)
		item[i] = attributes->item[i].whole;
	return print_set(der, PRINT_SET, item, attributes->len, err);
}

/* One value, and what it is. */
static bool
is_one_value(struct span values, struct span *ret)
{
	struct der value;

	if (der_next(&values, &value, NULL) != RC_OK || values.len > 0)
		return false;
	*ret = value.whole;
	return true;
}

struct span
attributes_only(const struct attributes *attributes, enum attribute_type type)
{
	struct span value = SPAN_NONE;

	for (size_t i = 0; i < attributes->len; i++)
		if (attributes->item[i].type == type &&
		    is_one_value(attributes->item[i].values, &value))
			return value;
	return SPAN_NONE;
}

bool
attributes_has(const struct attributes *attributes, enum attribute_type type)
{
	for (size_t i = 0; i < attributes->len; i++)
		if (attributes->item[i].type == type)
			return true;
	return false;
}

bool
attributes_repeat(const struct attributes *attributes)
{
	bool seen[ATTRIBUTE_TYPES] = {false};
	struct span value;

	for (size_t i = 0; i < attributes->len; i++) {
		const struct attribute *item = &attributes->item[i];
		if (item->type == ATTRIBUTE_OTHER || rows[item->type].many)
			continue;
		if (seen[item->type] || !is_one_value(item->values, &value))
			return true;
		seen[item->type] = true;
	}
	return false;
}
