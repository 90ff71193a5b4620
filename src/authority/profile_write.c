/* The parts of a certificate but for its extensions. */
#include "authority/oid_priv.h"
#include "authority/profile_priv.h"
#include "pki/crypto.h"
#include "pki/der_write.h"

#define NAME_MAX_CN 64 /* RFC 5280 appendix A, ub-common-name */

static enum rc
write_version(struct buf *out, struct err *err)
{
	size_t at;

	TRY(der_write_begin(out, DER_CONTEXT_0, &at, err));
	TRY(der_write_number(out, DER_INTEGER, X509_VERSION_3, err));
	return der_write_end(out, at, err);
}

/* Octet for octet what stands in the issuer's certificate. */
static enum rc
write_issuer(const X509 *issuer, struct buf *out, struct err *err)
{
	const uint8_t *der = NULL;
	size_t len = 0;

	if (!X509_NAME_get0_der(X509_get_subject_name(issuer), &der, &len))
		return crypto_failed(err, "read the issuer's name");
	return buf_add(out, span_of(der, len), err);
}

static enum rc
write_validity(
    const struct profile_plan *plan, struct buf *out, struct err *err)
{
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_time(out, plan->from, err));
	TRY(der_write_time(out, plan->until, err));
	return der_write_end(out, at, err);
}

/* RelativeDistinguishedName of one attribute. */
static enum rc
write_part(struct buf *out, struct span oid, uint8_t tag, struct span text,
    struct err *err)
{
	size_t set, pair;

	if (text.len == 0)
		return RC_OK;
	TRY(der_write_begin(out, DER_SET, &set, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &pair, err));
	TRY(der_write_bytes(out, DER_OID, oid, err));
	TRY(der_write_bytes(out, tag, text, err));
	TRY(der_write_end(out, pair, err));
	return der_write_end(out, set, err);
}

static struct span
text_of(const char *text)
{
	return text != NULL ? span_str(text) : SPAN_NONE;
}

/* Which of a subject belongs to which level; what does not is left out, so that
 * nothing unchecked gets in. */
static enum rc
write_identity(
    const struct profile_order *order, struct buf *out, struct err *err)
{
	const struct profile_subject none = {0};
	const struct profile_subject *who =
	    order->subject != NULL ? order->subject : &none;
	const uint32_t person = BIT(PROFILE_INDIVIDUAL) | BIT(PROFILE_SPONSOR);
	const uint32_t group = BIT(PROFILE_ORGANIZATION) | BIT(PROFILE_SPONSOR);
	const struct {
		struct span oid;
		const char *text;
		uint32_t levels;
		uint8_t tag;
	} parts[] = {
	    {OID_COUNTRY, who->country, person | group, DER_PRINTABLE},
	    {OID_STATE, who->state, person | group, DER_UTF8},
	    {OID_LOCALITY, who->locality, person | group, DER_UTF8},
	    {OID_ORGANIZATION, who->organization, group, DER_UTF8},
	    {OID_ORGANIZATION_IDENTIFIER, who->organization_identifier, group,
		DER_UTF8},
	    {OID_SURNAME, who->surname, person, DER_UTF8},
	    {OID_GIVEN_NAME, who->given_name, person, DER_UTF8},
	    {OID_PSEUDONYM, who->pseudonym, person, DER_UTF8},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if ((parts[i].levels & BIT(order->level)) != 0)
			TRY(write_part(out, parts[i].oid, parts[i].tag,
			    text_of(parts[i].text), err));
	return RC_OK;
}

/* A mailbox' commonName is its address (Dovecot takes the login from there),
 * and left out where it does not fit. */
enum rc
profile_write_subject(
    struct profile_plan *plan, struct buf *out, struct err *err)
{
	const struct profile_order *order = plan->order;
	struct span name = buf_span(&plan->address);
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	if (order->address == NULL) {
		TRY(write_part(out, OID_COUNTRY, DER_PRINTABLE,
		    text_of(order->country), err));
		TRY(write_part(out, OID_ORGANIZATION, DER_UTF8,
		    text_of(order->organization), err));
		name = text_of(order->name);
	} else {
		TRY(write_identity(order, out, err));
	}
	if (order->address == NULL || name.len <= NAME_MAX_CN)
		TRY(write_part(out, OID_COMMON_NAME, DER_UTF8, name, err));
	plan->unnamed = out->len == at + 2;
	return der_write_end(out, at, err);
}

static enum rc
write_names(struct profile_plan *plan, struct buf *out, struct err *err)
{
	struct buf subject BUF_OWNED = BUF_SMALL;

	TRY(profile_write_subject(plan, &subject, err));
	if (plan->issuer->cert != NULL)
		TRY(write_issuer(plan->issuer->cert, out, err));
	else
		TRY(buf_add(out, buf_span(&subject), err));
	TRY(write_validity(plan, out, err));
	return buf_add(out, buf_span(&subject), err);
}

enum rc
profile_write(struct profile_plan *plan, struct buf *out, struct err *err)
{
	size_t whole, tail;

	TRY(der_write_begin(out, DER_SEQUENCE, &whole, err));
	TRY(write_version(out, err));
	TRY(der_write_integer(
	    out, span_of(plan->serial, sizeof(plan->serial)), err));
	/* "MUST contain the same algorithm identifier" as stands beside the
	 * signature (RFC 5280 section 4.1.1.2) */
	TRY(buf_add(out, signer_algorithm(plan->issuer->signer), err));
	TRY(write_names(plan, out, err));
	TRY(buf_add(out, plan->key, err));
	TRY(der_write_begin(out, DER_CONTEXT_OF(3), &tail, err));
	TRY(profile_write_extensions(plan, out, err));
	TRY(der_write_end(out, tail, err));
	return der_write_end(out, whole, err);
}
