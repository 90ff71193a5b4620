/* What a signer says beyond the signature: capabilities, preference, receipts;
 * and what others said of it: timestamps, countersignatures. */
#include "cms/certid_priv.h"
#include "cms/signer_priv.h"
#include "cms/stamp.h"
#include "pki/der.h"

#define BY_SERIAL 0xa0       /* [0] IssuerAndSerialNumber */
#define BY_RECIPIENT_ID 0xa1 /* [1] RecipientKeyIdentifier */
#define BY_KEY_ID 0x82       /* [2] SubjectKeyIdentifier */
#define CAPABILITIES_MAX ((size_t)16 * 1024)

/* --- signed */

static bool
is_preferred(const struct der *choice, const struct cert *cert)
{
	struct span in = choice->value;
	struct der issuer, serial, key_id;

	switch (choice->tag) {
	case BY_SERIAL:
		return der_expect(&in, DER_SEQUENCE, &issuer, NULL) == RC_OK &&
		       der_expect(&in, DER_INTEGER, &serial, NULL) == RC_OK &&
		       in.len == 0 &&
		       certid_is(issuer.whole, serial.whole, cert);
	case BY_RECIPIENT_ID:
		return der_expect(&in, DER_OCTETS, &key_id, NULL) == RC_OK &&
		       certid_is_key_id(key_id.value, cert);
	case BY_KEY_ID:
		return certid_is_key_id(in, cert);
	default:
		return false;
	}
}

static void
read_preference(const struct signer_info *info, const struct certs *certs,
    struct verify_signer *ret)
{
	struct span value =
	    attributes_only(&info->attributes, ATTRIBUTE_PREFERENCE);
	struct der choice;

	if (value.len == 0 || der_next(&value, &choice, NULL) != RC_OK)
		return;
	for (size_t i = 0; i < certs->len; i++)
		if (is_preferred(&choice, certs->item[i])) {
			ret->key_preference = cert_ref(certs->item[i]);
			return;
		}
}

/* SMIMECapabilities ::= SEQUENCE OF SMIMECapability: one that is no such thing
 * says nothing. */
static enum rc
read_capabilities(
    const struct signer_info *info, struct verify_signer *ret, struct err *err)
{
	struct span value =
	    attributes_only(&info->attributes, ATTRIBUTE_CAPABILITIES);

	if (value.len == 0 || value.len > CAPABILITIES_MAX ||
	    value.data[0] != DER_SEQUENCE || der_check(value, NULL) != RC_OK)
		return RC_OK;
	return buf_add(&ret->capabilities, value, err);
}

static enum rc
read_receipt(
    const struct signer_info *info, struct verify_signer *ret, struct err *err)
{
	struct span value =
	    attributes_only(&info->attributes, ATTRIBUTE_RECEIPT);

	if (value.len == 0)
		return RC_OK;
	/* what cannot be read asks for nothing */
	enum rc rc = receipt_request_parse(value, &ret->receipt, err);
	return rc == RC_NOMEM ? rc : RC_OK;
}

enum rc
signer_read_signed(const struct signer_info *info, const struct certs *certs,
    struct verify_signer *ret, struct err *err)
{
	read_preference(info, certs, ret);
	TRY(read_capabilities(info, ret, err));
	return read_receipt(info, ret, err);
}

/* --- unsigned: anybody can have added or removed them, so that what is broken
 * or too much is passed over, and counted */

static enum rc
add_token(struct span token, struct verify_signer *ret, struct err *err)
{
	ret->tokens_found++;
	if (ret->tokens >= VERIFY_TOKENS_MAX || token.len > STAMP_MAX)
		return RC_OK;
	ret->token[ret->tokens] = BUF(STAMP_MAX);
	return buf_add(&ret->token[ret->tokens++], token, err);
}

static const char *
unreadable(enum rc rc)
{
	return rc == RC_LIMIT ? "sig.limit" : "sig.unreadable";
}

static enum rc
add_counter(struct span ber, const struct signer_about *about,
    struct verify_signer *ret, struct err *err)
{
	struct signer_info info SIGNER_INFO_OWNED;
	struct verify_counter *counter = &ret->counter[ret->counters];

	ret->counters_found++;
	if (ret->counters >= VERIFY_COUNTERS_MAX)
		return RC_OK;
	ret->counters++;
	enum rc rc = signer_info_read(ber, &info, err);
	if (rc == RC_NOMEM)
		return rc;
	counter->reason = rc == RC_OK
			      ? signer_judge(&info, about, &counter->cert,
				    &counter->claimed_time)
			      : unreadable(rc);
	counter->valid = counter->reason == NULL;
	return RC_OK;
}

static enum rc
read_values(const struct attribute *attribute, const struct signer_about *about,
    struct verify_signer *ret, struct err *err)
{
	struct span values = attribute->values;
	struct der value;

	while (values.len > 0 && der_next(&values, &value, NULL) == RC_OK) {
		if (attribute->type == ATTRIBUTE_TOKEN)
			TRY(add_token(value.whole, ret, err));
		if (attribute->type == ATTRIBUTE_COUNTERSIGNATURE)
			TRY(add_counter(value.whole, about, ret, err));
	}
	return RC_OK;
}

enum rc
signer_read_unsigned(const struct signer_info *info,
    const struct signer_about *about, struct verify_signer *ret,
    struct err *err)
{
	struct attributes list;

	if (attributes_read(info->unsigned_attributes, &list, NULL) != RC_OK)
		return RC_OK;
	for (size_t i = 0; i < list.len; i++)
		TRY(read_values(&list.item[i], about, ret, err));
	return RC_OK;
}

/* --- all of it */

static enum rc
check_one(const struct signer_info *info, const struct signer_about *about,
    struct verify_signer *ret, struct err *err)
{
	const struct signer_about more = {
	    about->data, info->value, about->tries};

	ret->digest = digest_name(info->use.digest);
	ret->algorithm = sigalg_name(&info->use);
	TRY(buf_add(&ret->signature, info->value, err));
	ret->reason = signer_judge(info, about, &ret->cert, &ret->claimed_time);
	ret->valid = ret->reason == NULL;
	if (ret->valid)
		TRY(signer_read_signed(info, &about->data->certs, ret, err));
	/* over an empty value nothing was ever stamped or signed */
	if (info->value.len == 0)
		return RC_OK;
	return signer_read_unsigned(info, &more, ret, err);
}

enum rc
signer_check(struct span ber, const struct signer_about *about,
    struct verify_signer *ret, struct err *err)
{
	struct signer_info info SIGNER_INFO_OWNED;
	struct verify_signer made = {.signature = BUF(SIGNED_MAX),
	    .capabilities = BUF(CAPABILITIES_MAX)};

	enum rc rc = signer_info_read(ber, &info, err);
	if (rc == RC_SYNTAX || rc == RC_LIMIT) {
		made.reason = unreadable(rc);
		*ret = made;
		return RC_OK;
	}
	if (rc == RC_OK)
		rc = check_one(&info, about, &made, err);
	if (rc != RC_OK)
		signer_done(&made);
	else
		*ret = made;
	return rc;
}

void
signer_done(struct verify_signer *signer)
{
	cert_free(signer->cert);
	cert_free(signer->key_preference);
	signer->cert = signer->key_preference = NULL;
	buf_done(&signer->signature);
	buf_done(&signer->capabilities);
	for (size_t i = 0; i < signer->tokens; i++)
		buf_done(&signer->token[i]);
	for (size_t i = 0; i < signer->counters; i++)
		cert_free(signer->counter[i].cert);
	receipt_request_done(&signer->receipt);
	signer->tokens = signer->counters = 0;
}
