#include "authority/profile_priv.h"

#include <time.h>

#include "authority/oid_priv.h"
#include "os/random.h"
#include "pki/crypto.h"
#include "pki/mailbox.h"
#include "pki/policy.h"
#include "pki/spki.h"

#define DAY ((int64_t)24 * 60 * 60)
/* Clocks of readers go wrong: a certificate that is used at once must not be
 * "not yet valid" for them. */
#define BACKDATE ((int64_t)60 * 60)

#define DER_MAX ((size_t)64 * 1024)
#define KEY_MAX ((size_t)4 * 1024)

#define CERTIFY (USE_CERTIFY | USE_LISTS)

/* For tables, which hold constants only. */
#define BYTES(text)                                       \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define NONE            \
	{               \
		NULL, 0 \
	}
#define ANY_POLICY BYTES("\x55\x1d\x20\x00")
#define TIMESTAMP_POLICY BYTES(POLICY_ARC_DER "\x02\x01")
#define PURPOSE(n) BYTES("\x2b\x06\x01\x05\x05\x07\x03" n)
#define SERVER PURPOSE("\x01")
#define CLIENT PURPOSE("\x02")
#define MAIL PURPOSE("\x04")
#define STAMP PURPOSE("\x08")
#define OCSP PURPOSE("\x09")

/* An issuing CA's purposes are taken as a limit for what it issues, so the one
 * for mail needs clientAuth as well: people log in with their signing
 * certificate.  Timestamps have a CA of their own, for the Baseline
 * Requirements forbid timeStamping below a CA for mail.
 *
 * The root has no OCSP responder: what it signed is few, and its list is made
 * when its key is at hand.  So certificates of CAs name a list only, and that
 * of the TSA does, whose CA's key is offline as well. */
static const struct profile profiles[] = {
    [PROFILE_ROOT] = {"root", LINT_ROOT, NONE, CERTIFY, 0, 0, {NONE}, -1,
	20 * 365, false, true, false, false},
    [PROFILE_MAIL_CA] = {"mail CA", LINT_MAIL_CA, ANY_POLICY, CERTIFY, 0, 0,
	{MAIL, CLIENT}, 0, 10 * 365, false, true, false, false},
    [PROFILE_TSA_CA] = {"TSA CA", LINT_TSA_CA, ANY_POLICY, CERTIFY, 0, 0,
	{STAMP}, 0, 10 * 365, false, true, false, false},
    [PROFILE_TSA] = {"TSA", LINT_TSA, TIMESTAMP_POLICY, USE_SIGN, 0, 0, {STAMP},
	-1, 5 * 365, true, false, false, false},
    /* Nobody asks whether a responder was revoked, so it is good for a few
     * days only. */
    [PROFILE_OCSP] = {"OCSP responder", LINT_OCSP, NONE, USE_SIGN, USE_SIGN, 0,
	{OCSP}, -1, 7, false, false, false, true},
    [PROFILE_SIGNING] = {"signing", LINT_MAIL, NONE, USE_SIGN, USE_SIGN,
	USE_SIGN, {MAIL, CLIENT}, -1, 90, false, false, true, false},
    [PROFILE_ENCRYPTING] = {"encrypting", LINT_MAIL, NONE, USE_AGREE,
	USE_ENCIPHER, 0, {MAIL}, -1, 90, false, false, true, false},
    [PROFILE_DUAL] = {"dual", LINT_MAIL, NONE, 0, USE_SIGN | USE_ENCIPHER, 0,
	{MAIL}, -1, 90, false, false, true, false},
    /* No TLS client believes it below a CA whose purposes are mail's. */
    [PROFILE_HOST] = {"host", LINT_HOST, NONE, USE_SIGN,
	USE_SIGN | USE_ENCIPHER, 0, {SERVER}, -1, 7, false, false, true, false},
};

const char *
profile_name(enum profile_kind kind)
{
	return profiles[kind].name;
}

static uint32_t
use_of(const struct profile *profile, const struct profile_order *order)
{
	const EVP_PKEY *key = order->public_key;
	enum point_curve curve;
	struct span point;

	if (key == NULL)
		return spki_point(order->key_info, &curve, &point)
			   ? profile->use_ec
			   : 0;
	if (EVP_PKEY_is_a(key, "RSA"))
		return profile->use_rsa;
	return EVP_PKEY_is_a(key, "ED25519") ? profile->use_ed25519
					     : profile->use_ec;
}

/* "A CA MUST NOT issue a certificate that outlives its issuer": whoever checks
 * a chain at a later time finds no certificate that is good below one that is
 * not. */
static enum rc
set_times(struct profile_plan *plan, struct err *err)
{
	const X509 *above = plan->issuer->cert;
	int64_t now = plan->order->now;
	struct tm end;

	plan->from = now - BACKDATE;
	plan->until = now + plan->profile->days * DAY - 1;
	if (above == NULL)
		return RC_OK;
	if (!ASN1_TIME_to_tm(X509_get0_notAfter(above), &end))
		return crypto_failed(err, "read the issuer's certificate");
	int64_t last = (int64_t)timegm(&end);
	if (last <= now)
		return err_set(err, RC_ABSENT,
		    "the issuing certificate has expired: make a new one");
	if (last < plan->until)
		plan->until = last;
	return RC_OK;
}

/* 126 unpredictable bits: more than the 64 that the Baseline Requirements ask
 * for, positive, always 16 octets, never twice. */
static void
set_serial(struct profile_plan *plan)
{
	random_fill(plan->serial, sizeof(plan->serial));
	plan->serial[0] = (uint8_t)((plan->serial[0] & 0x3f) | 0x40);
}

/* "SmtpUTF8Mailbox [...] the domain part SHALL only be encoded with lowercase
 * letters" (RFC 9598 section 3). */
static enum rc
set_address(struct profile_plan *plan, struct err *err)
{
	const char *address = plan->order->address;

	if (address == NULL)
		return RC_OK;
	TRY(buf_add_str(&plan->address, address, err));
	plan->utf8 = mailbox_is_utf8(span_str(address));
	for (size_t i = plan->address.len; plan->utf8 && i > 0; i--) {
		uint8_t *c = &plan->address.data[i - 1];
		if (*c == '@')
			break;
		if (*c >= 'A' && *c <= 'Z')
			*c = (uint8_t)(*c | 0x20);
	}
	return RC_OK;
}

static enum rc
add_public_key(
    const struct profile_order *order, struct buf *out, struct err *err)
{
	EVP_PKEY *key = order->public_key;
	uint8_t *der = NULL;

	if (order->key_info.len > 0)
		return buf_add(out, order->key_info, err);
	int len = i2d_PUBKEY(key, &der);

	if (len <= 0)
		return crypto_failed(err, "encode a key");
	enum rc rc = buf_add(out, span_of(der, (size_t)len), err);
	OPENSSL_free(der);
	return rc;
}

static enum rc
add_issuer(
    const struct profile_issuer *issuer, struct buf *out, struct err *err)
{
	uint8_t *room = NULL;
	int len = issuer->cert != NULL ? i2d_X509(issuer->cert, NULL) : 0;

	if (len < 0)
		return crypto_failed(err, "encode the issuer's certificate");
	TRY(buf_reserve(out, (size_t)len, &room, err));
	if (len > 0)
		buf_grown(out, (size_t)i2d_X509(issuer->cert, &room));
	return RC_OK;
}

/* Nothing is signed that breaks a rule, whoever made the mistake. */
static enum rc
check_rules(const struct profile_plan *plan, struct span tbs, struct err *err)
{
	struct buf above BUF_OWNED = BUF(DER_MAX);
	struct lint_findings findings;

	TRY(add_issuer(plan->issuer, &above, err));
	struct lint_wish wish = {.kind = plan->profile->rules,
	    .tbs = tbs,
	    .algorithm = signer_algorithm(plan->issuer->signer),
	    .issuer = buf_span(&above),
	    .now = plan->order->now,
	    .unpublished = plan->order->published_at == NULL};
	return lint_check(&wish, &findings, err);
}

/* der NULL: only look whether it could be. */
static enum rc
sign(struct profile_plan *plan, struct buf *der, struct err *err)
{
	struct buf tbs BUF_OWNED = BUF(DER_MAX);

	TRY(profile_write(plan, &tbs, err));
	TRY(check_rules(plan, buf_span(&tbs), err));
	if (der == NULL)
		return RC_OK;
	return signer_wrap(plan->issuer->signer, buf_span(&tbs), der, err);
}

static enum rc
plan_and_sign(const struct profile_order *order,
    const struct profile_issuer *issuer, struct buf *der, struct err *err)
{
	struct buf key BUF_OWNED = BUF(KEY_MAX);
	struct profile_plan plan = {.profile = &profiles[order->kind],
	    .order = order,
	    .issuer = issuer,
	    .address = BUF_SMALL};

	plan.use = use_of(plan.profile, order);
	if (plan.use == 0)
		return err_set(err, RC_UNFIT,
		    "a %s certificate cannot be made for this kind of key",
		    plan.profile->name);
	TRY(set_times(&plan, err));
	set_serial(&plan);
	TRY(add_public_key(order, &key, err));
	plan.key = buf_span(&key);
	enum rc rc = set_address(&plan, err);
	if (rc == RC_OK)
		rc = sign(&plan, der, err);
	buf_done(&plan.address);
	return rc;
}

enum rc
profile_issue_der(const struct profile_order *order,
    const struct profile_issuer *issuer, struct buf *der, struct err *err)
{
	return plan_and_sign(order, issuer, der, err);
}

enum rc
profile_issue(const struct profile_order *order,
    const struct profile_issuer *issuer, X509 **ret, struct err *err)
{
	struct buf der BUF_OWNED = BUF(DER_MAX);

	TRY(profile_issue_der(order, issuer, &der, err));
	const uint8_t *at = der.data;
	X509 *cert = d2i_X509(NULL, &at, (long)der.len);
	if (cert == NULL)
		return crypto_failed(err, "issue a certificate");
	*ret = cert;
	return RC_OK;
}

enum rc
profile_check(const struct profile_order *order,
    const struct profile_issuer *issuer, struct err *err)
{
	return plan_and_sign(order, issuer, NULL, err);
}
