#include "keydir/keydir.h"

#include <jansson.h>

#include "codec/base64.h"
#include "keydir/correspondent.h"
#include "os/clock.h"
#include "pki/chain.h"

#define ANSWER_MAX ((size_t)1 << 20)

static void
json_free(json_t **json)
{
	json_decref(*json);
}
#define JSON_OWNED __attribute__((cleanup(json_free)))

static enum rc
garbage(struct err *err)
{
	return err_set(err, RC_SYNTAX,
	    "the certificate directory gave an answer that is not one");
}

/* "encrypting": [base64 DER, ...]; an entry that is no certificate makes the
 * whole answer garbage. */
static enum rc
read_certs(
    const json_t *answer, const char *name, struct certs *ret, struct err *err)
{
	const json_t *list = json_object_get(answer, name);

	if (list == NULL)
		return RC_OK;
	if (!json_is_array(list))
		return garbage(err);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct buf der BUF_OWNED = BUF(CERT_DER_MAX);
		struct cert *cert OWNED(cert_free) = NULL;

		if (text == NULL ||
		    base64_decode(span_str(text), &der, err) != RC_OK ||
		    cert_parse(buf_span(&der), &cert, err) != RC_OK)
			return garbage(err);
		TRY(certs_add(ret, cert, err));
	}
	return RC_OK;
}

static enum rc
ask(const struct keydir *keydir, const char *address,
    struct https_response *response, struct err *err)
{
	struct buf url BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(buf_add_str(&url, keydir->directory, err));
	TRY(https_escape(span_str(address), &url, err));
	TRY(buf_str(&url, &text, err));
	const struct https_request request = {
	    .method = "GET", .url = text, .timeout = keydir->timeout};
	TRY(https_send(keydir->https, &request, response, err));
	if (response->status == 404)
		return err_set(
		    err, RC_ABSENT, "%s has no certificate", address);
	if (response->status != 200)
		return err_set(err, RC_IO,
		    "the certificate directory answered %u", response->status);
	return RC_OK;
}

/* What is known about revocation while one certificate is judged. */
struct knowledge {
	struct crls crls;
	struct ocsps ocsps;
};

#define KNOWLEDGE_OWNED __attribute__((cleanup(knowledge_done)))

static void
knowledge_done(struct knowledge *knowledge)
{
	crls_done(&knowledge->crls);
	ocsps_done(&knowledge->ocsps);
}

static enum rc
judge(const struct chain_request *ask, const struct cert *cert,
    struct chain_result *ret, struct err *err)
{
	chain_result_done(ret);
	return chain_check(cert, ask, ret, err);
}

/* Only once it leads to a root; and then for as long as it takes. */
static enum rc
find_status(const struct keydir *keydir, const struct chain_request *ask,
    const struct cert *cert, struct knowledge *known,
    struct chain_result *result, struct err *err)
{
	const struct status_source *source = keydir->status;

	if (source == NULL || result->state != CHAIN_VALID ||
	    result->revocation != REVOCATION_UNKNOWN)
		return RC_OK;
	int64_t deadline = clock_ticks() + STATUS_BUDGET_ENCRYPT;
	TRY(source->ask(source->self, &result->path, deadline, &known->crls,
	    &known->ocsps, err));
	return judge(ask, cert, result, err);
}

/* What is encrypted for a key that was given up may be read by whoever has it:
 * not to know is not enough.  Certificates that name nobody to ask (our own
 * authority's: its directory gives out no revoked ones) need no answer. */
static enum rc
check_result(
    const struct chain_result *result, const char *address, struct err *err)
{
	if (result->state != CHAIN_VALID)
		return err_set(err, RC_UNFIT,
		    "the certificate of %s cannot be trusted: %s", address,
		    result->reason);
	if (result->revocation == REVOCATION_UNKNOWN)
		return err_set(err, RC_IO,
		    "nobody says whether the certificate of %s was revoked",
		    address);
	if (result->revocation > REVOCATION_UNKNOWN)
		return err_set(err, RC_UNFIT,
		    "the certificate of %s was revoked", address);
	return RC_OK;
}

static enum rc
check_chain(const struct keydir *keydir, const struct cert *cert,
    const struct certs *chain, const char *address, int64_t now,
    struct err *err)
{
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct knowledge known KNOWLEDGE_OWNED = {CRLS_NONE, OCSPS_NONE};
	const struct chain_request ask = {
	    .roots = keydir->roots,
	    .untrusted = chain,
	    .crls = &known.crls,
	    .ocsps = &known.ocsps,
	    .at = now,
	    .purpose = CHAIN_MAIL_ENCRYPT,
	};

	TRY(judge(&ask, cert, &result, err));
	TRY(find_status(keydir, &ask, cert, &known, &result, err));
	return check_result(&result, address, err);
}

enum rc
keydir_check(const struct keydir *keydir, const struct cert *cert,
    const struct certs *chain, const char *address, int64_t now,
    struct err *err)
{
	if (!cert_names_address(cert, address))
		return err_set(err, RC_UNFIT,
		    "the certificate found for %s names somebody else",
		    address);
	TRY(cert_can_receive(cert, err));
	TRY(cert_check_time(cert, now, err));
	return check_chain(keydir, cert, chain, address, now, err);
}

/* The newest one that may be used; an expired extra never blocks (the
 * directory's order is not relied on). */
static enum rc
choose(const struct keydir *keydir, const struct certs *found,
    const struct certs *chain, const char *address, int64_t now,
    struct cert **ret, struct err *err)
{
	const struct cert *best = NULL;
	enum rc rc = RC_ABSENT;

	(void)err_set(err, RC_ABSENT, "%s has no certificate", address);
	for (size_t i = 0; i < found->len; i++) {
		const struct cert *cert = found->item[i];
		enum rc now_rc =
		    keydir_check(keydir, cert, chain, address, now, err);
		if (now_rc == RC_NOMEM)
			return now_rc;
		if (now_rc != RC_OK)
			rc = now_rc == RC_IO || rc == RC_IO ? RC_IO : RC_UNFIT;
		else if (best == NULL ||
			 cert_not_before(cert) > cert_not_before(best))
			best = cert;
	}
	if (best == NULL)
		return rc;
	*ret = cert_ref(best);
	return RC_OK;
}

static enum rc
read_answer(const struct keydir *keydir, struct span body, const char *address,
    int64_t now, struct cert **ret, struct err *err)
{
	struct certs found CERTS_OWNED = CERTS_NONE;
	struct certs chain CERTS_OWNED = CERTS_NONE;
	json_t *answer JSON_OWNED = json_loadb(
	    (const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(answer))
		return garbage(err);
	TRY(read_certs(answer, "encrypting", &found, err));
	TRY(read_certs(answer, "chain", &chain, err));
	return choose(keydir, &found, &chain, address, now, ret, err);
}

enum rc
keydir_find(const struct keydir *keydir, const char *address, int64_t now,
    struct cert **ret, struct err *err)
{
	struct https_response response = {.body = BUF(ANSWER_MAX)};

	enum rc rc = ask(keydir, address, &response, err);
	if (rc == RC_OK)
		rc = read_answer(
		    keydir, buf_span(&response.body), address, now, ret, err);
	buf_done(&response.body);
	return rc;
}

unsigned
keydir_ciphers(
    const struct keydir *keydir, const char *address, const struct cert *cert)
{
	struct correspondent said = {0};
	struct err ignored = ERR_NONE;

	if (keydir->state == NULL ||
	    correspondent_recall(keydir->state, address, &said, &ignored) !=
		RC_OK ||
	    said.signed_at <= cert_not_before(cert))
		return cert_capabilities(cert);
	return said.ciphers;
}
