/* cms/signerkit -- take a good signature apart, change it, and put it together
 * again, with OpenSSL's own encoder.
 *
 * Only included by the tests of signer.
 */
#ifndef CMS_SIGNERKIT_PRIV_H
#define CMS_SIGNERKIT_PRIV_H

#include "cms/verifykit_priv.h"

static inline struct shape_signed_info *
take_apart(const struct buf *der)
{
	void *value = NULL;

	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(der),
	    "SignedData", &value, &kit_err));
	return value;
}

static inline void
put_together(const struct shape_signed_info *info, struct buf *der)
{
	buf_clear(der);
	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), info, der, &kit_err));
}

static inline struct shape_signer *
only_signer(const struct shape_signed_info *info)
{
	return OPENSSL_sk_value(info->body->signers, 0);
}

static inline STACK_OF(X509_ATTRIBUTE) *
attributes_of(struct shape_signer *signer)
{
	void *value = NULL;

	signer->signed_attributes->data[0] = 0x31;
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_ATTRIBUTES),
	    shape_span(signer->signed_attributes), "attributes", &value,
	    &kit_err));
	return value;
}

/* Sign these very bytes (31 ...) again and put them in. */
static inline void
resign(struct shape_signer *signer, const struct person *who, struct span set)
{
	struct buf signature BUF_OWNED = BUF_SMALL;

	assert_ok(kit_sign(&who->key, set, &signature, &kit_err));
	ASN1_OCTET_STRING_set(
	    signer->signature, signature.data, (int)signature.len);
	ASN1_STRING_set(signer->signed_attributes, set.data, (int)set.len);
	signer->signed_attributes->data[0] = 0xa0;
}

static inline void
resign_list(struct shape_signer *signer, const struct person *who,
    STACK_OF(X509_ATTRIBUTE) *list)
{
	struct buf set BUF_OWNED = BUF_SMALL;

	assert_ok(shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &set, &kit_err));
	resign(signer, who, buf_span(&set));
}

static inline void
drop(STACK_OF(X509_ATTRIBUTE) *list, int nid)
{
	X509_ATTRIBUTE_free(
	    X509at_delete_attr(list, X509at_get_attr_by_NID(list, nid, -1)));
}

static inline void
twice(STACK_OF(X509_ATTRIBUTE) *list, int nid)
{
	sk_X509_ATTRIBUTE_push(list,
	    X509_ATTRIBUTE_dup(
		X509at_get_attr(list, X509at_get_attr_by_NID(list, nid, -1))));
}

static inline void
set_only_cert(struct shape_signed_info *info, const struct cert *cert)
{
	struct span bytes = cert_der(cert);
	ASN1_TYPE *item = sk_ASN1_TYPE_value(info->body->certificates, 0);

	ASN1_STRING_set(item->value.sequence, bytes.data, (int)bytes.len);
}

static inline void
add_cert(struct shape_signed_info *info, const struct cert *cert)
{
	struct span bytes = cert_der(cert);
	ASN1_STRING *raw = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_TYPE *item = ASN1_TYPE_new();

	ASN1_STRING_set(raw, bytes.data, (int)bytes.len);
	ASN1_TYPE_set(item, V_ASN1_SEQUENCE, raw);
	sk_ASN1_TYPE_push(info->body->certificates, item);
}

#endif
