#define _DEFAULT_SOURCE /* timegm */
/* Which certificates of a path were revoked, by the lists at hand.
 *
 * The library decides which list is about which certificate; what a list says
 * is read here, because the library compares no revocation date with the time
 * that is asked about, and takes no list that is newer than that time. */
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "pki/cert_priv.h"
#include "pki/chain_priv.h"
#include "pki/crypto.h"

#define REASON_KEY_COMPROMISE 1
#define REASON_CA_COMPROMISE 2

struct status {
	const struct certs *path;
	int64_t at;
	bool list_is_bad; /* the library found fault with the current list */
	enum chain_revocation each[CHAIN_MAX_PATH];
	int64_t revoked_at[CHAIN_MAX_PATH];
};

static void
stack_free(STACK_OF(X509) *stack)
{
	sk_X509_free(stack);
}

static void
crls_free(STACK_OF(X509_CRL) *stack)
{
	sk_X509_CRL_free(stack);
}

OWNER(STACK_OF(X509), stack_free);
OWNER(STACK_OF(X509_CRL), crls_free);
OWNER(ASN1_ENUMERATED, ASN1_ENUMERATED_free);
OWNER(ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free);

static bool
read_time(const ASN1_TIME *time, int64_t *ret)
{
	struct tm tm;

	if (time == NULL || !ASN1_TIME_to_tm(time, &tm))
		return false;
	*ret = timegm(&tm);
	return true;
}

/* ---- what one list says ------------------------------------------------- */

/* The library reads these; any other critical one changes what the list means
 * (RFC 5280 section 5.2). */
static bool
has_unknown_critical(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *extension = X509_CRL_get_ext(crl, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
		if (X509_EXTENSION_get_critical(extension) &&
		    nid != NID_issuing_distribution_point &&
		    nid != NID_authority_key_identifier)
			return true;
	}
	return false;
}

/* A list from before `at` must not have ended before it.  One from after `at`
 * knows more, as long as the certificate had not expired then: expired ones
 * are left out of lists. */
static bool
is_about(const X509_CRL *crl, const struct cert *cert, int64_t at)
{
	int64_t from, until;

	if (!read_time(X509_CRL_get0_lastUpdate(crl), &from))
		return false;
	if (from > at)
		return from <= cert_not_after(cert);
	return read_time(X509_CRL_get0_nextUpdate(crl), &until) && at <= until;
}

static bool
is_compromise(const X509_REVOKED *entry)
{
	ASN1_ENUMERATED *reason OWNED(ASN1_ENUMERATED_free) =
	    X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	long number = reason != NULL ? ASN1_ENUMERATED_get(reason) : 0;

	ERR_clear_error();
	return number == REASON_KEY_COMPROMISE ||
	       number == REASON_CA_COMPROMISE;
}

/* A stolen key is bad from the day it was stolen. */
static int64_t
compromised_at(const X509_REVOKED *entry, int64_t revoked_at)
{
	ASN1_GENERALIZEDTIME *since OWNED(ASN1_GENERALIZEDTIME_free) =
	    X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, NULL, NULL);
	int64_t when;

	ERR_clear_error();
	return read_time(since, &when) && when < revoked_at ? when : revoked_at;
}

static void
note_revoked(struct status *status, size_t depth, const X509_REVOKED *entry)
{
	int64_t when;

	if (!read_time(X509_REVOKED_get0_revocationDate(entry), &when))
		when = 0;
	status->each[depth] = REVOCATION_REVOKED;
	if (is_compromise(entry)) {
		status->each[depth] = REVOCATION_COMPROMISED;
		when = compromised_at(entry, when);
	}
	status->revoked_at[depth] = when;
}

static size_t
place_of(const struct certs *path, const X509 *x509)
{
	size_t i = 0;

	while (i < path->len && cert_x509(path->item[i]) != x509)
		i++;
	return i;
}

/* Called for each list that is about `x509` and was found good (or after
 * on_error() if not). */
static int
read_list(X509_STORE_CTX *ctx, X509_CRL *crl, X509 *x509)
{
	struct status *status = X509_STORE_CTX_get_app_data(ctx);
	size_t depth = place_of(status->path, x509);
	X509_REVOKED *entry = NULL;
	bool bad = status->list_is_bad || has_unknown_critical(crl);

	status->list_is_bad = false;
	if (bad || depth >= status->path->len)
		return 1;
	const struct cert *cert = status->path->item[depth];
	if (X509_CRL_get0_by_cert(crl, &entry, x509) == 1)
		note_revoked(status, depth, entry);
	else if (is_about(crl, cert, status->at))
		status->each[depth] = REVOCATION_GOOD;
	else
		status->each[depth] = REVOCATION_UNKNOWN;
	return 1;
}

/* The path itself has been judged before. */
static int
on_error(int ok, X509_STORE_CTX *ctx)
{
	struct status *status = X509_STORE_CTX_get_app_data(ctx);

	if (!ok && X509_STORE_CTX_get0_current_crl(ctx) != NULL)
		status->list_is_bad = true;
	return 1;
}

/* ---- which lists count -------------------------------------------------- */

static bool
has_weak_digest(const X509_CRL *crl)
{
	int digest = NID_undef;

	(void)OBJ_find_sigid_algs(
	    X509_CRL_get_signature_nid(crl), &digest, NULL);
	return digest == NID_md5 || digest == NID_sha1 ||
	       digest == NID_md5_sha1;
}

/* Lists can come with a letter: one that claims to be newer but is not signed
 * by the authority must not push the true one aside. */
static bool
is_signed(X509_CRL *crl, const struct certs *path)
{
	for (size_t i = 1; i < path->len; i++) {
		X509 *issuer = cert_x509(path->item[i]);
		EVP_PKEY *key = X509_get0_pubkey(issuer);
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
			X509_get_subject_name(issuer)) != 0 ||
		    key == NULL)
			continue;
		if (X509_CRL_verify(crl, key) == 1)
			return true;
	}
	ERR_clear_error();
	return false;
}

static enum rc
choose_lists(const struct chain_request *ask, const struct certs *path,
    STACK_OF(X509_CRL) **ret, struct err *err)
{
	STACK_OF(X509_CRL) *lists OWNED(crls_free) = sk_X509_CRL_new_null();

	if (lists == NULL)
		return err_nomem(err, "chain");
	if (sk_X509_CRL_num(ask->crls) > CHAIN_MAX_CRLS)
		return err_set(err, RC_LIMIT, "more than %d revocation lists",
		    CHAIN_MAX_CRLS);
	for (int i = 0; i < sk_X509_CRL_num(ask->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(ask->crls, i);
		if (!has_weak_digest(crl) && is_signed(crl, path) &&
		    !sk_X509_CRL_push(lists, crl))
			return err_nomem(err, "chain");
	}
	*ret = take(lists);
	return RC_OK;
}

/* ---- asking the library ------------------------------------------------- */

static enum rc
make_parts(const struct certs *path, X509_STORE **ret_store,
    STACK_OF(X509) **ret_between, struct err *err)
{
	X509_STORE *store OWNED(X509_STORE_free) = X509_STORE_new();
	STACK_OF(X509) *between OWNED(stack_free) = sk_X509_new_null();

	if (store == NULL || between == NULL ||
	    !X509_STORE_add_cert(store, cert_x509(path->item[path->len - 1])))
		return crypto_failed(err, "chain");
	for (size_t i = 1; i + 1 < path->len; i++)
		if (!sk_X509_push(between, cert_x509(path->item[i])))
			return err_nomem(err, "chain");
	X509_STORE_set_cert_crl(store, read_list);
	*ret_store = take(store);
	*ret_between = take(between);
	return RC_OK;
}

static enum rc
read_lists(struct status *status, STACK_OF(X509_CRL) *lists, struct err *err)
{
	X509_STORE *store OWNED(X509_STORE_free) = NULL;
	STACK_OF(X509) *between OWNED(stack_free) = NULL;
	X509_STORE_CTX *ctx OWNED(X509_STORE_CTX_free) = X509_STORE_CTX_new();

	TRY(make_parts(status->path, &store, &between, err));
	if (ctx == NULL || !X509_STORE_CTX_init(ctx, store,
			       cert_x509(status->path->item[0]), between))
		return crypto_failed(err, "chain");
	X509_STORE_CTX_set0_crls(ctx, lists);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK |
					  X509_V_FLAG_CRL_CHECK_ALL |
					  X509_V_FLAG_NO_CHECK_TIME);
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	X509_STORE_CTX_set_app_data(ctx, status);
	(void)X509_verify_cert(ctx);
	ERR_clear_error();
	return RC_OK;
}

/* ---- the sum ------------------------------------------------------------ */

static bool
is_revoked(enum chain_revocation one)
{
	return one == REVOCATION_REVOKED || one == REVOCATION_COMPROMISED;
}

/* The enumeration goes from good to bad.  Of two that are equally bad, the
 * earlier counts. */
static void
add_up(const struct status *status, struct chain_result *result)
{
	result->revocation = REVOCATION_NOT_APPLICABLE;
	result->revoked_at = 0;
	for (size_t i = 0; i + 1 < status->path->len; i++) {
		if (status->each[i] < result->revocation)
			continue;
		bool worse = status->each[i] > result->revocation;
		if (worse || status->revoked_at[i] < result->revoked_at)
			result->revoked_at = status->revoked_at[i];
		result->revocation = status->each[i];
	}
}

static void
begin(struct status *status)
{
	for (size_t i = 0; i < status->path->len; i++)
		status->each[i] =
		    cert_has_revocation_pointer(status->path->item[i])
			? REVOCATION_UNKNOWN
			: REVOCATION_NOT_APPLICABLE;
}

/* Nobody's lists are believed on a path whose signatures did not hold. */
static bool
is_sound(const struct chain_result *result)
{
	return result->state == CHAIN_VALID ||
	       !strcmp(result->reason, "cert.expired-at-time") ||
	       !strcmp(result->reason, "cert.not-yet-valid");
}

enum rc
chain_look_up_revocation(const struct chain_request *ask,
    struct chain_result *result, struct err *err)
{
	struct status status = {.path = &result->path, .at = ask->at};
	STACK_OF(X509_CRL) *lists OWNED(crls_free) = NULL;

	if (result->path.len == 0 || result->path.len > CHAIN_MAX_PATH)
		return RC_OK; /* REVOCATION_UNKNOWN */
	begin(&status);
	if (ask->crls != NULL && result->path.len > 1 && is_sound(result)) {
		TRY(choose_lists(ask, &result->path, &lists, err));
		TRY(read_lists(&status, lists, err));
	}
	add_up(&status, result);
	if (is_revoked(result->revocation) && result->revoked_at <= ask->at) {
		result->state = CHAIN_INVALID;
		result->reason = "cert.revoked";
	}
	return RC_OK;
}
