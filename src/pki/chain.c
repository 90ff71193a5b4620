#include "pki/chain.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "pki/cert_priv.h"
#include "pki/chain_priv.h"
#include "pki/crypto.h"

/* leaf and root are not counted by the library */
#define CHAIN_MAX_BETWEEN 8
/* 112 bits: no RSA under 2048 bits, no MD5, no SHA-1 */
#define SECURITY_LEVEL 2
/* how often another way is tried when one fails */
#define MAX_TRIES 8
#define ANY_POLICY "2.5.29.32.0"

OWNER(X509_VERIFY_PARAM, X509_VERIFY_PARAM_free);

static void
stack_free(STACK_OF(X509) *stack)
{
	sk_X509_pop_free(stack, X509_free);
}

OWNER(STACK_OF(X509), stack_free);

/* One search for a path. */
struct search {
	const struct cert *leaf;
	const struct chain_request *ask;
	const X509 *banned[MAX_TRIES]; /* led nowhere; borrowed from `ask` */
	size_t banned_len;
	int time_error; /* the first certificate out of its time, or 0 */
	int time_depth; /* and where it stands */
};

/* ---- reasons ------------------------------------------------------------ */

const char *
chain_reason(int error)
{
	static const struct {
		int error;
		const char *reason;
	} reasons[] = {
	    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, CHAIN_NO_ANCHOR_REASON},
	    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		CHAIN_NO_ANCHOR_REASON},
	    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
		CHAIN_NO_ANCHOR_REASON},
	    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, CHAIN_NO_ANCHOR_REASON},
	    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, CHAIN_NO_ANCHOR_REASON},
	    {X509_V_ERR_CERT_UNTRUSTED, CHAIN_NO_ANCHOR_REASON},
	    {X509_V_ERR_CERT_NOT_YET_VALID, "cert.not-yet-valid"},
	    {X509_V_ERR_CERT_HAS_EXPIRED, "cert.expired-at-time"},
	    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "cert.signature"},
	    {X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, "cert.signature"},
	    {X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, "cert.signature"},
	    {X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, "cert.signature"},
	    {X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY, "cert.signature"},
	    {X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM, "cert.alg-weak"},
	    {X509_V_ERR_EE_KEY_TOO_SMALL, "cert.alg-weak"},
	    {X509_V_ERR_CA_KEY_TOO_SMALL, "cert.alg-weak"},
	    {X509_V_ERR_CA_MD_TOO_WEAK, "cert.alg-weak"},
	    {X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, "cert.alg-weak"},
	    {X509_V_ERR_CERT_CHAIN_TOO_LONG, "chain.limit"},
	    {X509_V_ERR_OUT_OF_MEM, "chain.limit"}, /* a huge policy tree */
	    {X509_V_ERR_PATH_LENGTH_EXCEEDED, "cert.pathlen"},
	    {X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED, "cert.pathlen"},
	    {X509_V_ERR_INVALID_CA, "cert.not-a-ca"},
	    {X509_V_ERR_INVALID_NON_CA, "cert.not-a-ca"},
	    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, "cert.ku"},
	    {X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE, "cert.ku"},
	    {X509_V_ERR_INVALID_PURPOSE, "cert.eku"},
	    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, "cert.critical-ext"},
	    {X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED, "cert.critical-ext"},
	    {X509_V_ERR_INVALID_EXTENSION, "cert.policy"},
	    {X509_V_ERR_INVALID_POLICY_EXTENSION, "cert.policy"},
	    {X509_V_ERR_NO_EXPLICIT_POLICY, "cert.policy"},
	    {X509_V_ERR_PERMITTED_VIOLATION, "cert.name-constraint"},
	    {X509_V_ERR_EXCLUDED_VIOLATION, "cert.name-constraint"},
	    {X509_V_ERR_SUBTREE_MINMAX, "cert.name-constraint"},
	    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, "cert.name-constraint"},
	    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, "cert.name-constraint"},
	    {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, "cert.name-constraint"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].error == error)
			return reasons[i].reason;
	return "cert.invalid";
}

static const char *
fault_reason(enum cert_fault fault)
{
	static const char *const reasons[] = {
	    [CERT_FIT] = NULL,
	    [CERT_IS_CA] = "cert.is-a-ca",
	    [CERT_KU] = "cert.ku",
	    [CERT_EKU] = "cert.eku",
	    [CERT_WEAK] = "cert.alg-weak",
	    [CERT_KEY_KIND] = "cert.alg-weak",
	};

	return reasons[fault];
}

/* ---- what the library does not check, or differently -------------------- */

/* Its purpose "smimesign" does not take anyExtendedKeyUsage, which RFC 8550
 * section 4.4.4 allows, and "smimeencrypt" takes no key agreement. */
static enum cert_fault
leaf_fault(const struct cert *leaf, enum chain_purpose purpose)
{
	switch (purpose) {
	case CHAIN_MAIL_SIGN:
		return cert_sign_fault(leaf);
	case CHAIN_MAIL_ENCRYPT:
		return cert_receive_fault(leaf);
	case CHAIN_TIMESTAMP:
		return cert_stamp_fault(leaf);
	case CHAIN_ANY:
	default:
		return CERT_FIT;
	}
}

/* An authority's extended key usage restricts what it issues ("nesting"): not
 * in RFC 5280, but what all authorities mean by it.  A root is what its owner
 * put it there for. */
static bool
nesting_allows(const struct certs *path, enum chain_purpose purpose)
{
	int nid =
	    purpose == CHAIN_TIMESTAMP ? NID_time_stamp : NID_email_protect;

	if (purpose == CHAIN_ANY)
		return true;
	for (size_t i = 1; i + 1 < path->len; i++)
		if (!cert_eku_allows(path->item[i], nid))
			return false;
	return true;
}

static const char *
own_reason(const struct certs *path, enum chain_purpose purpose)
{
	if (path->len == 0 || path->item == NULL)
		bug("a path that was found has a leaf");
	for (size_t i = 0; i + 1 < path->len; i++)
		if (cert_no_revocation_is_wrong(path->item[i]))
			return "cert.no-rev-avail";
	if (!nesting_allows(path, purpose))
		return "cert.eku";
	return fault_reason(leaf_fault(path->item[0], purpose));
}

/* ---- asking the library ------------------------------------------------- */

/* A certificate out of its time is noted and all the rest is still checked:
 * "expired" must mean that nothing else is wrong, or an expired forgery would
 * be shown as an old letter. */
static int
on_error(int ok, X509_STORE_CTX *ctx)
{
	struct search *search = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok)
		return 1;
	if (error != X509_V_ERR_CERT_HAS_EXPIRED &&
	    error != X509_V_ERR_CERT_NOT_YET_VALID)
		return 0;
	if (search->time_error == 0) {
		search->time_error = error;
		search->time_depth = X509_STORE_CTX_get_error_depth(ctx);
	}
	return 1;
}

static bool
is_banned(const struct search *search, const struct cert *cert)
{
	for (size_t i = 0; i < search->banned_len; i++)
		if (X509_cmp(search->banned[i], cert_x509(cert)) == 0)
			return true;
	return false;
}

static enum rc
make_store(const struct search *search, X509_STORE **ret, struct err *err)
{
	X509_STORE *store OWNED(X509_STORE_free) = X509_STORE_new();
	const struct certs *roots = search->ask->roots;

	if (store == NULL)
		return err_nomem(err, "chain");
	for (size_t i = 0; roots != NULL && i < roots->len; i++)
		if (!is_banned(search, roots->item[i]) &&
		    !X509_STORE_add_cert(store, cert_x509(roots->item[i])))
			return crypto_failed(err, "chain: roots");
	*ret = take(store);
	return RC_OK;
}

static enum rc
make_untrusted(
    const struct search *search, STACK_OF(X509) **ret, struct err *err)
{
	STACK_OF(X509) *stack OWNED(stack_free) = sk_X509_new_null();
	const struct certs *certs = search->ask->untrusted;

	if (stack == NULL)
		return err_nomem(err, "chain");
	for (size_t i = 0; certs != NULL && i < certs->len; i++) {
		if (is_banned(search, certs->item[i]) ||
		    cert_key_is_huge(certs->item[i]))
			continue;
		if (!X509_add_cert(stack, cert_x509(certs->item[i]),
			X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP))
			return crypto_failed(err, "chain");
	}
	*ret = take(stack);
	return RC_OK;
}

static enum rc
add_policy(X509_VERIFY_PARAM *param, const char *policy, struct err *err)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(policy, 1);

	if (oid == NULL) {
		ERR_clear_error();
		return err_set(
		    err, RC_SYNTAX, "\"%s\" is no object identifier", policy);
	}
	if (!X509_VERIFY_PARAM_add0_policy(param, oid)) {
		ASN1_OBJECT_free(oid);
		return crypto_failed(err, "chain: policies");
	}
	return RC_OK;
}

/* The library takes an empty list for "none", RFC 5280 for "any". */
static enum rc
set_policies(
    X509_VERIFY_PARAM *param, const struct strlist *policies, struct err *err)
{
	if (policies == NULL)
		return add_policy(param, ANY_POLICY, err);
	for (size_t i = 0; i < policies->len; i++)
		TRY(add_policy(param, policies->item[i], err));
	return RC_OK;
}

static enum rc
set_rules(X509_STORE_CTX *ctx, const struct chain_request *ask, struct err *err)
{
	X509_VERIFY_PARAM *param OWNED(X509_VERIFY_PARAM_free) =
	    X509_VERIFY_PARAM_new();
	/* always: a certificate may itself require a policy */
	unsigned long flags = X509_V_FLAG_POLICY_CHECK;

	if (param == NULL)
		return err_nomem(err, "chain");
	if (ask->explicit_policy)
		flags |= X509_V_FLAG_EXPLICIT_POLICY;
	TRY(set_policies(param, ask->policies, err));
	X509_VERIFY_PARAM_set_time(param, (time_t)ask->at);
	X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX_BETWEEN);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	if (!X509_VERIFY_PARAM_set_flags(param, flags))
		return crypto_failed(err, "chain");
	X509_STORE_CTX_set0_param(ctx, take(param));
	return RC_OK;
}

/* The library works with the very objects that we gave it. */
static const struct cert *
find_object(const struct certs *certs, const X509 *x509)
{
	for (size_t i = 0; certs != NULL && i < certs->len; i++)
		if (cert_x509(certs->item[i]) == x509)
			return certs->item[i];
	return NULL;
}

static enum rc
add_object(const struct search *search, X509 *x509, struct certs *path,
    struct err *err)
{
	const struct cert *known = search->leaf;
	struct cert *made OWNED(cert_free) = NULL;

	if (cert_x509(known) != x509)
		known = find_object(search->ask->roots, x509);
	if (known == NULL)
		known = find_object(search->ask->untrusted, x509);
	if (known != NULL)
		return certs_add(path, known, err);
	TRY(cert_from_x509(x509, &made, err));
	return certs_add(path, made, err);
}

static enum rc
copy_path(const struct search *search, X509_STORE_CTX *ctx, struct certs *path,
    struct err *err)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	for (int i = 0; i < sk_X509_num(chain); i++)
		TRY(add_object(search, sk_X509_value(chain, i), path, err));
	return RC_OK;
}

/* ---- other ways --------------------------------------------------------- */

/* Is there another certificate of that name which could stand in its place? */
static bool
has_namesake(const struct certs *certs, const X509 *x509)
{
	for (size_t i = 0; certs != NULL && i < certs->len; i++) {
		X509 *other = cert_x509(certs->item[i]);
		if (X509_NAME_cmp(X509_get_subject_name(other),
			X509_get_subject_name(x509)) == 0 &&
		    X509_cmp(other, x509) != 0)
			return true;
	}
	return false;
}

static bool
ban(struct search *search, const X509 *x509)
{
	if (!has_namesake(search->ask->untrusted, x509) &&
	    !has_namesake(search->ask->roots, x509))
		return false;
	search->banned[search->banned_len++] = x509;
	return true;
}

/* RFC 8550 section 4: agents must cope with several authorities of the same
 * name.  The library builds one path; when that fails at `depth`, what failed
 * (or vouched for it, or was vouched for by it) and has a namesake is left
 * out, and the next path is tried.  False: nothing else to try. */
static bool
ban_something(struct search *search, X509_STORE_CTX *ctx, int depth)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int first = depth < 1 ? 1 : depth;

	if (search->banned_len >= MAX_TRIES)
		return false;
	for (int i = first; i < sk_X509_num(chain); i++)
		if (ban(search, sk_X509_value(chain, i)))
			return true;
	for (int i = first - 1; i >= 1; i--)
		if (ban(search, sk_X509_value(chain, i)))
			return true;
	return false;
}

/* ---- the search --------------------------------------------------------- */

static enum rc
judge(struct search *search, X509_STORE_CTX *ctx, struct chain_result *ret,
    struct err *err)
{
	TRY(copy_path(search, ctx, &ret->path, err));
	ret->reason = own_reason(&ret->path, search->ask->purpose);
	if (ret->reason == NULL && search->time_error != 0)
		ret->reason = chain_reason(search->time_error);
	ret->state = ret->reason == NULL ? CHAIN_VALID : CHAIN_INVALID;
	return RC_OK;
}

static enum rc
explain(struct search *search, X509_STORE_CTX *ctx, struct chain_result *ret,
    struct err *err)
{
	int error = X509_STORE_CTX_get_error(ctx);

	if (error == X509_V_OK || error == X509_V_ERR_UNSPECIFIED)
		return crypto_failed(err, "chain");
	ret->reason = chain_reason(error);
	if (!strcmp(ret->reason, CHAIN_NO_ANCHOR_REASON))
		return RC_OK;
	ret->state = CHAIN_INVALID;
	if (error == X509_V_ERR_CERT_CHAIN_TOO_LONG)
		return RC_OK;
	return copy_path(search, ctx, &ret->path, err);
}

/* One path.  *ret_again: it failed, and there is another to try. */
static enum rc
try_path(struct search *search, struct chain_result *ret, bool *ret_again,
    struct err *err)
{
	X509_STORE *store OWNED(X509_STORE_free) = NULL;
	STACK_OF(X509) *untrusted OWNED(stack_free) = NULL;
	X509_STORE_CTX *ctx OWNED(X509_STORE_CTX_free) = X509_STORE_CTX_new();

	TRY(make_store(search, &store, err));
	TRY(make_untrusted(search, &untrusted, err));
	if (ctx == NULL || !X509_STORE_CTX_init(
			       ctx, store, cert_x509(search->leaf), untrusted))
		return crypto_failed(err, "chain");
	TRY(set_rules(ctx, search->ask, err));
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	X509_STORE_CTX_set_app_data(ctx, search);
	search->time_error = search->time_depth = 0;
	bool found = X509_verify_cert(ctx) == 1;
	TRY(found ? judge(search, ctx, ret, err)
		  : explain(search, ctx, ret, err));
	ERR_clear_error();
	int depth =
	    found ? search->time_depth : X509_STORE_CTX_get_error_depth(ctx);
	*ret_again = ret->state != CHAIN_VALID &&
		     !(found && search->time_error != 0 && depth == 0) &&
		     ban_something(search, ctx, depth);
	return RC_OK;
}

void
chain_result_done(struct chain_result *result)
{
	certs_done(&result->path);
	*result = CHAIN_RESULT;
}

/* Of several failures the first that reached a root is told. */
static bool
is_better(const struct chain_result *a, const struct chain_result *b)
{
	if (a->state == CHAIN_VALID)
		return true;
	return a->state == CHAIN_INVALID && b->state == CHAIN_NO_ANCHOR;
}

static enum rc
find_path(struct search *search, struct chain_result *best, struct err *err)
{
	bool again = true;

	while (again) {
		struct chain_result next CHAIN_RESULT_OWNED = CHAIN_RESULT;
		again = false;
		TRY(try_path(search, &next, &again, err));
		if (!is_better(&next, best))
			continue;
		chain_result_done(best);
		*best = next;
		next = CHAIN_RESULT;
	}
	return RC_OK;
}

enum rc
chain_check(const struct cert *cert, const struct chain_request *ask,
    struct chain_result *ret, struct err *err)
{
	struct search search = {.leaf = cert, .ask = ask};
	struct chain_result best CHAIN_RESULT_OWNED = CHAIN_RESULT;

	if (cert_key_is_huge(cert)) {
		best.state = CHAIN_INVALID;
		best.reason = "chain.limit";
	} else {
		TRY(find_path(&search, &best, err));
	}
	TRY(chain_look_up_revocation(ask, &best, err));
	*ret = best;
	best = CHAIN_RESULT;
	return RC_OK;
}
