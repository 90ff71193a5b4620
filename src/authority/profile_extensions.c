/* A certificate's extensions.  Each is written into a buf of its own first, so
 * that what goes wrong leaves nothing half written. */
#include "authority/oid_priv.h"
#include "authority/profile_priv.h"
#include "authority/published.h"
#include "pki/crypto.h"
#include "pki/der_write.h"
#include "pki/policy.h"

#define GENERAL_OTHER DER_CONTEXT_OF(0)
#define GENERAL_MAIL DER_CONTEXT(1)
#define GENERAL_DNS DER_CONTEXT(2)
#define GENERAL_URI DER_CONTEXT(6)

static enum rc
write_constraints(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	size_t at;

	if (!plan->profile->ca)
		return RC_OK;
	TRY(der_write_begin(value, DER_SEQUENCE, &at, err));
	TRY(der_write_true(value, DER_BOOLEAN, err));
	if (plan->profile->path_len >= 0)
		TRY(der_write_number(value, DER_INTEGER,
		    (uint32_t)plan->profile->path_len, err));
	return der_write_end(value, at, err);
}

static enum rc
write_usage(const struct profile_plan *plan, struct buf *value, struct err *err)
{
	return der_write_named_bits(value, DER_BITS, plan->use, err);
}

/* For mail alone: without logging in. */
static bool
is_wanted(const struct profile_plan *plan, struct span purpose)
{
	return purpose.len > 0 &&
	       (plan->order->generation == PROFILE_MULTIPURPOSE ||
		   plan->profile->rules != LINT_MAIL ||
		   span_is(purpose, OID_MAIL));
}

static enum rc
write_purposes(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	size_t at;

	if (plan->profile->purpose[0].len == 0)
		return RC_OK;
	TRY(der_write_begin(value, DER_SEQUENCE, &at, err));
	for (size_t i = 0; i < PROFILE_PURPOSES; i++)
		if (is_wanted(plan, plan->profile->purpose[i]))
			TRY(der_write_bytes(
			    value, DER_OID, plan->profile->purpose[i], err));
	return der_write_end(value, at, err);
}

/* What was checked of a mailbox (pki/policy.h). */
static struct span
policy_of(const struct profile_plan *plan)
{
	switch (plan->order->level) {
	case PROFILE_INDIVIDUAL:
		return OID(POLICY_ARC_DER "\x01\x04");
	case PROFILE_ORGANIZATION:
		return OID(POLICY_ARC_DER "\x01\x02");
	case PROFILE_SPONSOR:
		return OID(POLICY_ARC_DER "\x01\x03");
	case PROFILE_MAILBOX:
		break;
	}
	return OID(POLICY_ARC_DER "\x01\x01");
}

static enum rc
write_policy(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	struct span policy = plan->profile->rules == LINT_MAIL
				 ? policy_of(plan)
				 : plan->profile->policy;
	size_t list, one;

	if (policy.len == 0)
		return RC_OK;
	TRY(der_write_begin(value, DER_SEQUENCE, &list, err));
	TRY(der_write_begin(value, DER_SEQUENCE, &one, err));
	TRY(der_write_bytes(value, DER_OID, policy, err));
	TRY(der_write_end(value, one, err));
	return der_write_end(value, list, err);
}

/* "The value of the extension SHALL be NULL" (RFC 6960 section 4.2.2.2.1). */
static enum rc
write_no_check(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	if (!plan->profile->no_check)
		return RC_OK;
	return der_write_bytes(value, DER_NULL, SPAN_NONE, err);
}

/* OtherName of a SmtpUTF8Mailbox. */
static enum rc
write_utf8(struct span address, struct buf *value, struct err *err)
{
	size_t name, tagged;

	TRY(der_write_begin(value, GENERAL_OTHER, &name, err));
	TRY(der_write_bytes(value, DER_OID, OID_SMTP_UTF8, err));
	TRY(der_write_begin(value, DER_CONTEXT_0, &tagged, err));
	TRY(der_write_bytes(value, DER_UTF8, address, err));
	TRY(der_write_end(value, tagged, err));
	return der_write_end(value, name, err);
}

static enum rc
write_address(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	struct span address = buf_span(&plan->address);
	bool host = plan->profile->rules == LINT_HOST;
	size_t at;

	if (address.len == 0)
		return RC_OK;
	TRY(der_write_begin(value, DER_SEQUENCE, &at, err));
	if (plan->utf8 && !host)
		TRY(write_utf8(address, value, err));
	else
		TRY(der_write_bytes(
		    value, host ? GENERAL_DNS : GENERAL_MAIL, address, err));
	return der_write_end(value, at, err);
}

/* The octets of the BIT STRING in a SubjectPublicKeyInfo. */
static enum rc
find_bits(struct span key, struct span *ret, struct err *err)
{
	struct der info, algorithm, bits;

	TRY(der_expect(&key, DER_SEQUENCE, &info, err));
	TRY(der_expect(&info.value, DER_SEQUENCE, &algorithm, err));
	TRY(der_expect(&info.value, DER_BITS, &bits, err));
	*ret = span_after(bits.value, 1);
	return RC_OK;
}

/* A name for the key (RFC 5280 section 4.2.1.2, method 1): nothing rests on
 * SHA-1 being hard to collide here. */
static enum rc
write_key_id(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct span bits;

	TRY(find_bits(plan->key, &bits, err));
	if (!EVP_Digest(bits.data, bits.len, digest, &len, crypto_sha1(), NULL))
		return crypto_failed(err, "name a key");
	return der_write_bytes(value, DER_OCTETS, span_of(digest, len), err);
}

static enum rc
write_issuer_key(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	X509 *above = plan->issuer->cert;
	const ASN1_OCTET_STRING *id =
	    above != NULL ? X509_get0_subject_key_id(above) : NULL;
	size_t at;

	if (above == NULL)
		return RC_OK;
	if (id == NULL)
		return err_set(
		    err, RC_UNFIT, "the issuer has no key identifier");
	TRY(der_write_begin(value, DER_SEQUENCE, &at, err));
	TRY(der_write_bytes(value, DER_CONTEXT(0),
	    span_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)),
	    err));
	return der_write_end(value, at, err);
}

static enum rc
write_capabilities(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	if ((plan->use & (USE_ENCIPHER | USE_AGREE)) == 0)
		return RC_OK;
	return buf_add(value, plan->order->capabilities, err);
}

/* --- where its status and its issuer are published */

static bool
is_published(const struct profile_plan *plan)
{
	return plan->order->published_at != NULL && plan->issuer->cert != NULL;
}

/* Only what issues for mailboxes has several lists, and a responder. */
static enum rc
write_list(const struct profile_plan *plan, struct buf *value, struct err *err)
{
	struct buf url BUF_OWNED = BUF_SMALL;
	char id[PUBLISHED_ID_LEN + 1];
	size_t list, point, name, full;
	int64_t part = 0;

	if (!is_published(plan))
		return RC_OK;
	TRY(published_id(plan->issuer->cert, id, err));
	if (plan->profile->has_responder)
		part =
		    published_part(span_of(plan->serial, sizeof(plan->serial)),
			plan->order->crl_parts);
	TRY(published_crl(plan->order->published_at, id, part, &url, err));
	TRY(der_write_begin(value, DER_SEQUENCE, &list, err));
	TRY(der_write_begin(value, DER_SEQUENCE, &point, err));
	TRY(der_write_begin(value, DER_CONTEXT_OF(0), &name, err));
	TRY(der_write_begin(value, DER_CONTEXT_OF(0), &full, err));
	TRY(der_write_bytes(value, GENERAL_URI, buf_span(&url), err));
	TRY(der_write_end(value, full, err));
	TRY(der_write_end(value, name, err));
	TRY(der_write_end(value, point, err));
	return der_write_end(value, list, err);
}

static enum rc
write_one_access(struct buf *value, struct span method, const struct buf *url,
    struct err *err)
{
	size_t at;

	TRY(der_write_begin(value, DER_SEQUENCE, &at, err));
	TRY(der_write_bytes(value, DER_OID, method, err));
	TRY(der_write_bytes(value, GENERAL_URI, buf_span(url), err));
	return der_write_end(value, at, err);
}

static enum rc
write_access(
    const struct profile_plan *plan, struct buf *value, struct err *err)
{
	struct buf ocsp BUF_OWNED = BUF_SMALL;
	struct buf above BUF_OWNED = BUF_SMALL;
	const char *where = plan->order->published_at;
	char id[PUBLISHED_ID_LEN + 1];
	size_t at;

	if (!is_published(plan))
		return RC_OK;
	TRY(published_id(plan->issuer->cert, id, err));
	TRY(published_ocsp(where, &ocsp, err));
	TRY(published_ca(where, id, &above, err));
	TRY(der_write_begin(value, DER_SEQUENCE, &at, err));
	if (plan->profile->has_responder)
		TRY(write_one_access(value, OID_ACCESS_OCSP, &ocsp, err));
	TRY(write_one_access(value, OID_ACCESS_ISSUER, &above, err));
	return der_write_end(value, at, err);
}

/* --- all of them, in the order in which they stand; one that writes no value
 * is not there */

enum rc
profile_write_extensions(
    const struct profile_plan *plan, struct buf *out, struct err *err)
{
	const struct {
		struct span oid;
		bool critical;
		enum rc (*write)(const struct profile_plan *plan,
		    struct buf *value, struct err *err);
	} all[] = {
	    {OID_CONSTRAINTS, true, write_constraints},
	    {OID_USAGE, true, write_usage},
	    {OID_PURPOSES, plan->profile->purpose_critical, write_purposes},
	    {OID_POLICIES, false, write_policy},
	    {OID_NO_CHECK, false, write_no_check},
	    /* "If the subject field contains an empty sequence, then the
	     * issuing CA MUST include a subjectAltName extension that is
	     * marked as critical." (RFC 5280 section 4.2.1.6) */
	    {OID_ALTERNATIVE, plan->unnamed, write_address},
	    {OID_SUBJECT_KEY_ID, false, write_key_id},
	    {OID_AUTHORITY_KEY_ID, false, write_issuer_key},
	    {OID_LISTS, false, write_list},
	    {OID_ACCESS, false, write_access},
	    {OID_CAPABILITIES, false, write_capabilities},
	};
	struct buf value BUF_OWNED = BUF_SMALL;
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		buf_clear(&value);
		TRY(all[i].write(plan, &value, err));
		if (value.len > 0)
			TRY(der_write_extension(out, all[i].oid,
			    all[i].critical, buf_span(&value), err));
	}
	return der_write_end(out, at, err);
}
