#include "cmd/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"

#define ITEM_MAX ((size_t)4 << 20)
#define ACME_PATH "/acme/directory"

void
home_init(struct home *home)
{
	memset(home, 0, sizeof(*home));
	account_init(&home->account);
}

void
home_done(struct home *home)
{
	free(home->keys);
	certs_done(&home->certs);
	certs_done(&home->roots);
	vault_free(home->vault);
	resolver_free(home->resolver);
	account_done(&home->account);
	state_free(home->state);
}

static enum rc
default_folder(struct buf *path, const char **ret, struct err *err)
{
	const char *chosen = getenv("LETTERLOCK_HOME");
	const char *data = getenv("XDG_DATA_HOME");
	const char *user = getenv("HOME");

	if (chosen != NULL && chosen[0] != '\0')
		TRY(buf_add_str(path, chosen, err));
	else if (data != NULL && data[0] == '/')
		TRY(buf_add_format(path, err, "%s/letterlock", data));
	else if (user != NULL && user[0] == '/')
		TRY(buf_add_format(
		    path, err, "%s/.local/share/letterlock", user));
	else
		return err_set(
		    err, RC_ABSENT, "no home folder known: give --home DIR");
	return buf_str(path, ret, err);
}

enum rc
home_open(struct home *home, const struct home_options *options, bool create,
    struct err *err)
{
	struct buf path BUF_OWNED = BUF(4096);
	const char *folder = options->home;

	if (folder == NULL)
		TRY(default_folder(&path, &folder, err));
	TRY(vault_new(&home->vault, err));
	return state_open(folder, options->key_file, create, &home->state, err);
}

static enum rc
load_vault(struct home *home, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(ITEM_MAX);

	enum rc rc = state_load(home->state, "vault", &bytes, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	return vault_load(
	    home->vault, state_key(home->state), buf_span(&bytes), err);
}

static enum rc
load_certs(struct home *home, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(ITEM_MAX);

	enum rc rc = state_load(home->state, "certs", &pem, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	return certs_parse(&home->certs, buf_span(&pem), err);
}

enum rc
home_load(struct home *home, struct err *err)
{
	enum rc rc = account_load(home->state, &home->account, err);

	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "no account in %s: run letterlock setup first",
		    state_folder(home->state));
	if (rc != RC_OK)
		return rc;
	TRY(load_vault(home, err));
	return load_certs(home, err);
}

/* Everything of the authority hangs below one address. */
static enum rc
derive_urls(struct home *home, struct err *err)
{
	const char *acme = home->account.authority;
	size_t len = strlen(acme), path = strlen(ACME_PATH);

	if (len <= path || strcmp(acme + len - path, ACME_PATH) != 0)
		return err_set(err, RC_SYNTAX,
		    "the authority must be given as https://HOST" ACME_PATH
		    ", not %s",
		    acme);
	int base = (int)(len - path);
	(void)snprintf(home->directory, sizeof(home->directory),
	    "%.*s/directory/v1?address=", base, acme);
	(void)snprintf(home->tsa, sizeof(home->tsa), "%.*s/tsa", base, acme);
	return RC_OK;
}

static bool
is_newer(const struct cert *cert, const struct cert *than)
{
	return than == NULL || cert_not_before(cert) > cert_not_before(than);
}

/* The newest certificate that is valid now serves; every one whose key we hold
 * goes on opening old letters. */
static enum rc
sort_certs(struct home *home, struct err *err)
{
	struct err ignored = ERR_NONE;
	int64_t now = clock_now();

	home->keys = calloc(home->certs.len + 1, sizeof(*home->keys));
	if (home->keys == NULL)
		return err_nomem(err, "keys");
	for (size_t i = 0; i < home->certs.len; i++) {
		const struct cert *cert = home->certs.item[i];
		const struct key *key = NULL;
		if (vault_find(home->vault, cert, &key, &ignored) != RC_OK)
			continue;
		home->keys[home->keys_len++] = (struct reader_key){cert, key};
		if (cert_check_time(cert, now, &ignored) != RC_OK)
			continue;
		if (cert_can_sign(cert, &ignored) == RC_OK &&
		    is_newer(cert, home->signer.cert))
			home->signer =
			    (struct identity){cert, key, &home->certs};
		if (cert_can_receive(cert, &ignored) == RC_OK &&
		    is_newer(cert, home->encrypter))
			home->encrypter = cert;
	}
	return RC_OK;
}

const struct key *
home_key_of(const struct home *home, const struct cert *cert)
{
	for (size_t i = 0; i < home->keys_len; i++)
		if (home->keys[i].cert == cert)
			return home->keys[i].key;
	return NULL;
}

enum rc
home_trust_path(const struct home *home, struct buf *path, const char **ret,
    struct err *err)
{
	TRY(buf_add_format(
	    path, err, "%s/" HOME_TRUST, state_folder(home->state)));
	return buf_str(path, ret, err);
}

enum rc
home_prepare(struct home *home, struct err *err)
{
	const struct account *account = &home->account;
	const struct resolver_config config = {
	    .server = account->dns_server[0] ? account->dns_server : NULL,
	    .anchors = account->dns_anchors[0] ? account->dns_anchors : NULL,
	};

	TRY(resolver_new(&config, &home->resolver, err));
	TRY(certs_parse(&home->roots, buf_span(&account->roots), err));
	TRY(derive_urls(home, err));
	return sort_certs(home, err);
}

void
home_enrol(const struct home *home, int timeout, struct enrol *ret)
{
	*ret = (struct enrol){
	    .account = &home->account,
	    .state = home->state,
	    .vault = home->vault,
	    .resolver = home->resolver,
	    .identity = &home->signer,
	    .timeout = timeout,
	};
}
