/* Founding, and what needs the keys that are offline afterwards. */
#include <stdio.h>
#include <unistd.h>

#include "authority/hierarchy_priv.h"
#include "authority/lists.h"
#include "authority/profile.h"
#include "os/file.h"
#include "pki/crypto.h"

enum place { ROOT, ISSUING, TSA_CA, TSA, PLACES };

/* In the order in which they are made: an issuer comes first. */
static const struct {
	const char *name;
	const char *title;
	const char *curve;
	enum profile_kind kind;
	enum place issuer;
	bool offline;
} places[PLACES] = {
    [ROOT] = {ROOT_NAME, "Root CA", "P-384", PROFILE_ROOT, ROOT, true},
    [ISSUING] = {ISSUING_NAME, "Mail CA 1", "P-256", PROFILE_MAIL_CA, ROOT,
	false},
    [TSA_CA] = {TSA_CA_NAME, "Timestamping CA 1", "P-256", PROFILE_TSA_CA, ROOT,
	true},
    [TSA] = {TSA_NAME, "Timestamping Service 1", "P-256", PROFILE_TSA, TSA_CA,
	false},
};

struct made {
	X509 *cert[PLACES];
	struct signer *signer[PLACES];
};

static void
made_done(struct made *made)
{
	for (size_t i = 0; i < PLACES; i++) {
		X509_free(made->cert[i]);
		signer_free(made->signer[i]);
	}
}

#define MADE_OWNED __attribute__((cleanup(made_done)))

static enum rc
refuse_existing(const char *folder, struct err *err)
{
	static const char *const names[] = {SETTINGS_FILE, ROOT_NAME ".pem",
	    ROOT_NAME ".key", ISSUING_NAME ".pem", ISSUING_NAME ".key",
	    OCSP_NAME ".key", TSA_CA_NAME ".pem", TSA_CA_NAME ".key",
	    TSA_NAME ".pem", TSA_NAME ".key"};
	char path[KEYS_PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (access(path, F_OK) != 0)
			continue;
		return err_set(err, RC_REFUSED,
		    "%s exists: an authority is not overwritten; name another "
		    "folder, or move this one away",
		    path);
	}
	return RC_OK;
}

static enum rc
make(const struct keys *keys, size_t i, const struct settings *settings,
    int64_t now, struct made *made, struct err *err)
{
	const struct keys *where =
	    places[i].offline && keys->offline != NULL ? keys->offline : keys;

	TRY(keys_make(
	    where, places[i].name, places[i].curve, &made->signer[i], err));
	struct profile_order order = {.kind = places[i].kind,
	    .public_key = signer_public(made->signer[i]),
	    .name = places[i].title,
	    .organization = settings->domain,
	    .country = settings->country,
	    .published_at = settings->http_url,
	    .now = now};
	struct profile_issuer issuer = {.cert = made->cert[places[i].issuer],
	    .signer = made->signer[places[i].issuer]};
	TRY(profile_issue(&order, &issuer, &made->cert[i], err));
	return hierarchy_save_cert(
	    keys->folder, places[i].name, made->cert[i], err);
}

static enum rc
make_responder(const struct keys *keys, struct err *err)
{
	struct signer *signer OWNED(signer_free) = NULL;

	return keys_make(keys, OCSP_NAME, "P-256", &signer, err);
}

/* Of those two whose keys are about to be put away: readers ask for the status
 * of every certificate on the way to a root. */
static enum rc
make_lists(const struct keys *keys, const struct settings *settings,
    const struct made *made, int64_t now, struct err *err)
{
	static const enum place which[] = {ROOT, TSA_CA};

	for (size_t i = 0; settings->http_url != NULL && i < 2; i++) {
		struct lists_offline wish = {.folder = keys->folder,
		    .name = places[which[i]].name,
		    .ca = made->cert[which[i]],
		    .signer = made->signer[which[i]],
		    .now = now};
		TRY(lists_make_file(&wish, err));
	}
	return RC_OK;
}

enum rc
hierarchy_found(const struct keys *keys, const struct settings *settings,
    int64_t now, struct err *err)
{
	struct made made MADE_OWNED = {0};
	struct buf json BUF_OWNED = BUF_SMALL;
	char path[KEYS_PATH_MAX];

	TRY(settings_check(settings, err));
	TRY(refuse_existing(keys->folder, err));
	TRY(settings_print(settings, &json, err));
	TRY(file_make_private_dir(keys->folder, err));
	for (size_t i = 0; i < PLACES; i++)
		TRY(make(keys, i, settings, now, &made, err));
	TRY(make_responder(keys, err));
	TRY(make_lists(keys, settings, &made, now, err));
	(void)snprintf(path, sizeof(path), "%s/" SETTINGS_FILE, keys->folder);
	return file_save(path, buf_span(&json), 0600, err);
}

/* --- afterwards */

enum rc
hierarchy_find_key(const struct keys *keys, const char *name,
    struct signer **ret, struct err *err)
{
	return keys_has(keys, name) ? keys_load(keys, name, ret, err)
				    : keys_make(keys, name, "P-256", ret, err);
}

enum rc
hierarchy_load_offline(const struct keys *keys, const struct keys *offline,
    const char *name, X509 **ret_cert, struct signer **ret_signer,
    struct err *err)
{
	X509 *cert OWNED(X509_free) = NULL;

	TRY(hierarchy_load_cert(keys->folder, name, &cert, err));
	if (!keys_has(offline, name))
		return err_set(err, RC_ABSENT,
		    "this needs %s.key, which is not in %s: fetch it from "
		    "where it is kept, and name its folder with --offline",
		    name, offline->folder);
	TRY(hierarchy_load_key(offline, name, cert, ret_signer, err));
	*ret_cert = take(cert);
	return RC_OK;
}

static enum rc
find_responder(const struct keys *keys, size_t index, struct err *err)
{
	struct signer *signer OWNED(signer_free) = NULL;
	char name[HIERARCHY_NAME_SIZE];

	hierarchy_name(OCSP_NAME, index, name);
	return hierarchy_find_key(keys, name, &signer, err);
}

/* The certificate comes last: with it the CA is there, whole. */
static enum rc
make_ca(const struct keys *keys, size_t index,
    const struct profile_issuer *root, const struct profile_order *like,
    X509 **ret, struct err *err)
{
	struct profile_order order = *like;
	struct signer *signer OWNED(signer_free) = NULL;
	X509 *cert OWNED(X509_free) = NULL;
	char name[HIERARCHY_NAME_SIZE], title[HIERARCHY_NAME_SIZE];

	hierarchy_name(ISSUING_NAME, index, name);
	(void)snprintf(title, sizeof(title), "Mail CA %zu", index + 1);
	TRY(hierarchy_find_key(keys, name, &signer, err));
	TRY(find_responder(keys, index, err));
	order.public_key = signer_public(signer);
	order.name = title;
	TRY(profile_issue(&order, root, &cert, err));
	TRY(hierarchy_save_cert(keys->folder, name, cert, err));
	*ret = take(cert);
	return RC_OK;
}

enum rc
hierarchy_rollover(const struct keys *keys, const struct keys *offline,
    const struct settings *settings, int64_t now, X509 **ret, struct err *err)
{
	X509 *cert OWNED(X509_free) = NULL;
	struct signer *signer OWNED(signer_free) = NULL;
	struct profile_order order = {.kind = PROFILE_MAIL_CA,
	    .organization = settings->domain,
	    .country = settings->country,
	    .published_at = settings->http_url,
	    .now = now};
	size_t index = 0;

	TRY(hierarchy_next_index(
	    keys->folder, ISSUING_NAME, "issuing CAs", &index, err));
	TRY(hierarchy_load_offline(
	    keys, offline, ROOT_NAME, &cert, &signer, err));
	struct profile_issuer root = {cert, signer};
	return make_ca(keys, index, &root, &order, ret, err);
}

enum rc
hierarchy_upgrade(const struct keys *keys, size_t *ret_made, struct err *err)
{
	char name[HIERARCHY_NAME_SIZE];
	size_t made = 0;

	for (size_t i = 0; i < HIERARCHY_ISSUING_MAX; i++) {
		hierarchy_name(ISSUING_NAME, i, name);
		if (!hierarchy_has_cert(keys->folder, name))
			break;
		hierarchy_name(OCSP_NAME, i, name);
		if (keys_has(keys, name))
			continue;
		TRY(find_responder(keys, i, err));
		made++;
	}
	*ret_made = made;
	return RC_OK;
}
