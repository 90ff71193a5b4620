/* What needs the keys that are offline, long after the founding: new TSAs, and
 * the lists of the root and the TSA CAs. */
#include <stdio.h>
#include <time.h>

#include "authority/ca_revoked.h"
#include "authority/crl_make.h"
#include "authority/hierarchy_priv.h"
#include "authority/lists.h"
#include "authority/profile.h"
#include "pki/crypto.h"

/* --- lists */

static enum rc
make_list(const struct hierarchy_lists *wish, const char *name, struct err *err)
{
	struct signer *signer OWNED(signer_free) = NULL;
	struct buf entries BUF_OWNED = BUF(CRL_MAKE_MAX);
	X509 *cert OWNED(X509_free) = NULL;

	TRY(hierarchy_load_offline(
	    wish->keys, wish->offline, name, &cert, &signer, err));
	if (wish->try_only)
		return RC_OK;
	TRY(ca_revoked_list(wish->sql, cert, &entries, err));
	struct lists_offline list = {.folder = wish->keys->folder,
	    .name = name,
	    .ca = cert,
	    .signer = signer,
	    .entries = buf_span(&entries),
	    .now = wish->now};
	return lists_make_file(&list, err);
}

/* Nobody asks for the list of a CA whose time is over; its key may be gone. */
static enum rc
is_over(const struct hierarchy_lists *wish, const char *name, bool *ret,
    struct err *err)
{
	X509 *cert OWNED(X509_free) = NULL;
	time_t now = (time_t)wish->now;

	TRY(hierarchy_load_cert(wish->keys->folder, name, &cert, err));
	*ret = X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0;
	return RC_OK;
}

static enum rc
make_all(const struct hierarchy_lists *wish, const char *base, struct err *err)
{
	char name[HIERARCHY_NAME_SIZE];
	bool over = false;

	for (size_t i = 0; i < HIERARCHY_ISSUING_MAX; i++) {
		hierarchy_name(base, i, name);
		if (!hierarchy_has_cert(wish->keys->folder, name))
			return RC_OK;
		TRY(is_over(wish, name, &over, err));
		if (!over)
			TRY(make_list(wish, name, err));
	}
	return RC_OK;
}

enum rc
hierarchy_lists(const struct hierarchy_lists *wish, struct err *err)
{
	if (wish->settings->http_url == NULL)
		return err_set(err, RC_UNFIT,
		    "the settings have no http_url, where the lists would be "
		    "published");
	if (wish->only != NULL)
		return make_list(wish, wish->only, err);
	TRY(make_all(wish, ROOT_NAME, err));
	return make_all(wish, TSA_CA_NAME, err);
}

/* --- one of our own */

/* "issuing", "issuing-2", ... */
static bool
is_named(const char *name, const char *base)
{
	char own[HIERARCHY_NAME_SIZE];

	for (size_t i = 0; i < HIERARCHY_ISSUING_MAX; i++) {
		hierarchy_name(base, i, own);
		if (strcmp(own, name) == 0)
			return true;
	}
	return false;
}

static enum rc
find_issuer(const char *folder, X509 *cert, char ret[HIERARCHY_NAME_SIZE],
    struct err *err)
{
	for (size_t i = 0; i < HIERARCHY_ISSUING_MAX; i++) {
		X509 *ca OWNED(X509_free) = NULL;
		hierarchy_name(TSA_CA_NAME, i, ret);
		if (!hierarchy_has_cert(folder, ret))
			break;
		TRY(hierarchy_load_cert(folder, ret, &ca, err));
		if (X509_check_issued(ca, cert) == X509_V_OK)
			return RC_OK;
	}
	hierarchy_name(ROOT_NAME, 0, ret);
	return RC_OK;
}

enum rc
hierarchy_find_own(const char *folder, const char *name, X509 **ret,
    char ret_issuer[HIERARCHY_NAME_SIZE], struct err *err)
{
	X509 *cert OWNED(X509_free) = NULL;

	if ((!is_named(name, ISSUING_NAME) && !is_named(name, TSA_CA_NAME) &&
		!is_named(name, TSA_NAME)) ||
	    !hierarchy_has_cert(folder, name))
		return err_set(err, RC_ABSENT,
		    "%s is no certificate of this authority that can be "
		    "revoked: want issuing, issuing-2, tsa-ca, tsa, ...",
		    name);
	TRY(hierarchy_load_cert(folder, name, &cert, err));
	TRY(find_issuer(folder, cert, ret_issuer, err));
	*ret = take(cert);
	return RC_OK;
}

/* --- timestamps */

/* One to be made: which, below whom. */
struct plan {
	const struct keys *where; /* its key goes there */
	const char *folder;
	const char *base, *title, *what;
	const struct profile_issuer *issuer;
	struct profile_order order;
};

/* The certificate comes last: with it, it is there. */
static enum rc
make(const struct plan *plan, X509 **ret, struct signer **ret_signer,
    char name[HIERARCHY_NAME_SIZE], struct err *err)
{
	struct signer *signer OWNED(signer_free) = NULL;
	X509 *cert OWNED(X509_free) = NULL;
	struct profile_order order = plan->order;
	char title[HIERARCHY_NAME_SIZE * 2];
	size_t index = 0;

	TRY(hierarchy_next_index(
	    plan->folder, plan->base, plan->what, &index, err));
	hierarchy_name(plan->base, index, name);
	(void)snprintf(title, sizeof(title), "%s %zu", plan->title, index + 1);
	TRY(hierarchy_find_key(plan->where, name, &signer, err));
	order.name = title;
	order.public_key = signer_public(signer);
	TRY(profile_issue(&order, plan->issuer, &cert, err));
	TRY(hierarchy_save_cert(plan->folder, name, cert, err));
	*ret = take(cert);
	*ret_signer = take(signer);
	return RC_OK;
}

struct tsa_ca {
	X509 *cert;
	struct signer *signer;
	char name[HIERARCHY_NAME_SIZE];
};

#define TSA_CA_OWNED __attribute__((cleanup(tsa_ca_done)))

static void
tsa_ca_done(struct tsa_ca *ca)
{
	X509_free(ca->cert);
	signer_free(ca->signer);
}

static enum rc
newest_tsa_ca(const struct keys *keys, const struct keys *offline,
    struct tsa_ca *ret, struct err *err)
{
	size_t index = 0;

	while (index + 1 < HIERARCHY_ISSUING_MAX) {
		hierarchy_name(TSA_CA_NAME, index + 1, ret->name);
		if (!hierarchy_has_cert(keys->folder, ret->name))
			break;
		index++;
	}
	hierarchy_name(TSA_CA_NAME, index, ret->name);
	return hierarchy_load_offline(
	    keys, offline, ret->name, &ret->cert, &ret->signer, err);
}

/* Its list is there from the beginning: readers ask for it. */
static enum rc
make_tsa_ca(const struct keys *keys, const struct keys *offline,
    const struct profile_order *like, struct tsa_ca *ret, struct err *err)
{
	struct signer *signer OWNED(signer_free) = NULL;
	X509 *cert OWNED(X509_free) = NULL;

	TRY(hierarchy_load_offline(
	    keys, offline, ROOT_NAME, &cert, &signer, err));
	const struct profile_issuer root = {cert, signer};
	struct plan plan = {.where = offline,
	    .folder = keys->folder,
	    .base = TSA_CA_NAME,
	    .title = "Timestamping CA",
	    .what = "TSA CAs",
	    .issuer = &root,
	    .order = *like};
	plan.order.kind = PROFILE_TSA_CA;
	TRY(make(&plan, &ret->cert, &ret->signer, ret->name, err));
	if (like->published_at == NULL)
		return RC_OK;
	struct lists_offline list = {.folder = keys->folder,
	    .name = ret->name,
	    .ca = ret->cert,
	    .signer = ret->signer,
	    .now = like->now};
	return lists_make_file(&list, err);
}

/* What another try has left: a newest CA below which no TSA is. */
static enum rc
has_none_below(
    const struct keys *keys, const char *ca_name, bool *ret, struct err *err)
{
	X509 *ca OWNED(X509_free) = NULL;

	*ret = true;
	TRY(hierarchy_load_cert(keys->folder, ca_name, &ca, err));
	for (size_t i = 0; *ret && i < HIERARCHY_ISSUING_MAX; i++) {
		X509 *tsa OWNED(X509_free) = NULL;
		char name[HIERARCHY_NAME_SIZE];
		hierarchy_name(TSA_NAME, i, name);
		if (!hierarchy_has_cert(keys->folder, name))
			return RC_OK;
		TRY(hierarchy_load_cert(keys->folder, name, &tsa, err));
		*ret = X509_check_issued(ca, tsa) != X509_V_OK;
	}
	return RC_OK;
}

static enum rc
find_tsa_ca(const struct keys *keys, const struct keys *offline, bool with_ca,
    const struct profile_order *like, struct tsa_ca *ret, struct err *err)
{
	struct tsa_ca newest TSA_CA_OWNED = {0};
	bool unused = false;

	enum rc rc = newest_tsa_ca(keys, offline, &newest, err);
	/* for a new one the old one's key need not be at hand */
	if (rc != RC_OK && (rc != RC_ABSENT || !with_ca))
		return rc;
	if (rc == RC_OK)
		TRY(has_none_below(keys, newest.name, &unused, err));
	if (with_ca && !unused)
		return make_tsa_ca(keys, offline, like, ret, err);
	*ret = newest;
	newest = (struct tsa_ca){0};
	return RC_OK;
}

enum rc
hierarchy_rollover_tsa(const struct keys *keys, const struct keys *offline,
    const struct settings *settings, bool with_ca, int64_t now, X509 **ret,
    struct err *err)
{
	struct tsa_ca ca TSA_CA_OWNED = {0};
	struct signer *signer OWNED(signer_free) = NULL;
	char name[HIERARCHY_NAME_SIZE];
	const struct profile_order like = {.kind = PROFILE_TSA,
	    .organization = settings->domain,
	    .country = settings->country,
	    .published_at = settings->http_url,
	    .now = now};

	TRY(find_tsa_ca(keys, offline, with_ca, &like, &ca, err));
	const struct profile_issuer issuer = {ca.cert, ca.signer};
	const struct plan plan = {.where = keys,
	    .folder = keys->folder,
	    .base = TSA_NAME,
	    .title = "Timestamping Service",
	    .what = "TSAs",
	    .issuer = &issuer,
	    .order = like};
	return make(&plan, ret, &signer, name, err);
}
