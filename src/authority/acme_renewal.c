/* When to renew, and what an order replaces: RFC 9773. */
#include "authority/acme_priv.h"

#include "authority/issued.h"
#include "authority/revoked.h"
#include "codec/base64.h"
#include "codec/when.h"
#include "pki/crypto.h"

#define DER_MAX ((size_t)64 * 1024)
#define ID_PART_MAX ((size_t)100)
#define ASK_AGAIN (6 * 60 * 60) /* seconds */

OWNER(AUTHORITY_KEYID, AUTHORITY_KEYID_free);

/* "base64url(keyIdentifier) . base64url(serial number's content)" */
struct cert_id {
	struct buf key_id, serial;
};
#define CERT_ID ((struct cert_id){BUF(ID_PART_MAX), BUF(ID_PART_MAX)})
#define CERT_ID_OWNED __attribute__((cleanup(cert_id_done)))

static void
cert_id_done(struct cert_id *id)
{
	buf_done(&id->key_id);
	buf_done(&id->serial);
}

static enum rc
cert_id_parse(const char *text, struct cert_id *ret, struct err *err)
{
	struct span all = span_str(text);
	ptrdiff_t dot = span_find_byte(all, '.');

	if (dot <= 0 || (size_t)dot + 1 == all.len)
		return err_set(err, RC_SYNTAX,
		    "want the key identifier and the serial number, base64url, "
		    "with a dot between them");
	TRY(base64url_decode(span_first(all, (size_t)dot), &ret->key_id, err));
	return base64url_decode(
	    span_after(all, (size_t)dot + 1), &ret->serial, err);
}

/* The octet for the sign of a DER integer is no part of the number. */
static struct span
cert_id_serial(const struct cert_id *id)
{
	struct span serial = buf_span(&id->serial);

	return serial.len > 1 && serial.data[0] == 0 ? span_after(serial, 1)
						     : serial;
}

/* Is the certificate the one that is meant?  Serial numbers are unique here,
 * but whoever asks means an issuer too. */
static bool
is_issuer(const X509 *cert, struct span key_id)
{
	AUTHORITY_KEYID *above OWNED(AUTHORITY_KEYID_free) =
	    X509_get_ext_d2i(cert, NID_authority_key_identifier, NULL, NULL);

	return above != NULL && above->keyid != NULL &&
	       span_is(span_of(ASN1_STRING_get0_data(above->keyid),
			   (size_t)ASN1_STRING_length(above->keyid)),
		   key_id);
}

static enum rc
find(struct acme_call *call, const struct cert_id *id, struct issued *ret,
    struct err *err)
{
	TRY(issued_find_serial(call->acme->sql, cert_id_serial(id), ret, err));
	const uint8_t *at = ret->der.data;
	X509 *cert OWNED(X509_free) = d2i_X509(NULL, &at, (long)ret->der.len);
	if (cert == NULL)
		return crypto_failed(err, "read a certificate");
	if (!is_issuer(cert, buf_span(&id->key_id)))
		return err_set(err, RC_ABSENT, "no certificate of that issuer");
	return RC_OK;
}

/* Two thirds of its time: early enough that what goes wrong can be put right,
 * and over a stretch, so that not all who began together come together. */
static enum rc
answer_window(struct acme_call *call, const struct issued *issued,
    struct span serial, struct err *err)
{
	int64_t life = issued->not_after - issued->not_before;
	int64_t start = issued->not_before + life / 3 * 2;
	struct revoked revoked = {0};
	enum rc rc = revoked_find(call->acme->sql, serial, &revoked, err);
	char from[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];

	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	/* A window that is over has clients renew at once: nobody relies on
	 * this certificate any more. */
	if (rc == RC_OK)
		start = issued->not_before - life / 30;
	when_print(start, from);
	when_print(start + life / 30, until);
	TRY(http_answer_add_header(
	    call->answer, "Retry-After", err, "%d", ASK_AGAIN));
	return acme_json(call, 200,
	    json_pack("{s:{s:s, s:s}}", "suggestedWindow", "start", from, "end",
		until),
	    err);
}

enum rc
acme_renewal_info(struct acme_call *call, struct err *err)
{
	struct issued issued ISSUED_OWNED = {.der = BUF(DER_MAX)};
	struct cert_id id CERT_ID_OWNED = CERT_ID;
	struct err why = ERR_NONE;
	enum rc rc = cert_id_parse(call->name, &id, &why);

	if (rc == RC_NOMEM)
		return err_nomem(err, "renewal information");
	if (rc != RC_OK)
		return problem_set(
		    call->answer, PROBLEM_MALFORMED, err, "%s", why.text);
	rc = find(call, &id, &issued, err);
	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "there is no such certificate");
	TRY(rc);
	return answer_window(call, &issued, cert_id_serial(&id), err);
}

/* "the server SHOULD check that the identified certificate and the newOrder
 * request correspond to the same ACME Account [and] share at least one
 * identifier, and that the identified certificate has not already been marked
 * as replaced by a different Order that is not "invalid"" (RFC 9773 section
 * 5). */
static enum rc
check_replaced(struct acme_call *call, const char *text, const char *address,
    struct err *err)
{
	struct issued issued ISSUED_OWNED = {.der = BUF(DER_MAX)};
	struct cert_id id CERT_ID_OWNED = CERT_ID;
	struct err why = ERR_NONE;
	int64_t count = 0;
	enum rc rc = cert_id_parse(text, &id, &why);

	if (rc == RC_OK)
		rc = find(call, &id, &issued, &why);
	if (rc == RC_AGAIN || rc == RC_IO || rc == RC_NOMEM)
		return err_set(err, rc, "%s", why.text);
	if (rc != RC_OK || issued.account != call->account.id ||
	    strcmp(issued.address, address) != 0)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"replaces\" names no certificate of this account for "
		    "this identifier");
	TRY(order_count_replacing(
	    call->acme->sql, text, call->now, &count, err));
	if (count > 0)
		return problem_set(call->answer, PROBLEM_ALREADY_REPLACED, err,
		    "another order replaces this certificate");
	return RC_OK;
}

enum rc
acme_read_replaces(struct acme_call *call, const char *address,
    const char **ret, struct err *err)
{
	const json_t *value = json_object_get(call->payload, "replaces");
	const char *text = json_string_value(value);

	if (value == NULL)
		return RC_OK;
	if (text == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"replaces\" must be a text");
	TRY(check_replaced(call, text, address, err));
	*ret = text;
	return RC_OK;
}
