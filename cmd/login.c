#include "cmd/login.h"

#include <stdio.h>
#include <string.h>

#include "cmd/support.h"
#include "enrol/oauth.h"

#define BROWSER_WAIT (5 * 60 * 1000)
#define TOKENS "oauth" /* state item of enrol/oauth */

bool
login_sets_anything(const struct login_options *o)
{
	return o->login != NULL || o->password_file != NULL ||
	       o->client != NULL || o->secret_file != NULL ||
	       o->issuer != NULL || o->auth_url != NULL ||
	       o->token_url != NULL || o->scope != NULL;
}

static enum rc
set(char *to, size_t size, const char *from, const char *option,
    struct err *err)
{
	if (from == NULL)
		return RC_OK;
	if (strlen(from) >= size)
		return err_set(err, RC_LIMIT, "%s is too long", option);
	memcpy(to, from, strlen(from) + 1);
	return RC_OK;
}

static enum rc
read_oauth(const struct login_options *o, struct account *a, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(1024);
	const char *text = NULL;

	TRY(set(a->oauth_client, sizeof(a->oauth_client), o->client,
	    "--oauth-client", err));
	TRY(set(a->oauth_issuer, sizeof(a->oauth_issuer), o->issuer,
	    "--oauth-issuer", err));
	TRY(set(a->oauth_auth_url, sizeof(a->oauth_auth_url), o->auth_url,
	    "--oauth-auth-url", err));
	TRY(set(a->oauth_token_url, sizeof(a->oauth_token_url), o->token_url,
	    "--oauth-token-url", err));
	TRY(set(a->oauth_scope, sizeof(a->oauth_scope), o->scope,
	    "--oauth-scope", err));
	if (o->secret_file == NULL)
		return RC_OK;
	TRY(support_read_line(o->secret_file, &secret, err));
	TRY(buf_str(&secret, &text, err));
	return set(a->oauth_secret, sizeof(a->oauth_secret), text,
	    "--oauth-secret-file", err);
}

/* What the account's JSON has for each word. */
static const struct {
	const char *word, *saved;
} ways[] = {
    {"password", ""},
    {"oauth", "oauth"},
    {"certificate", "certificate"},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static enum rc
choose(struct account *account, const char *word, struct err *err)
{
	for (size_t i = 0; i < WAYS; i++)
		if (strcmp(word, ways[i].word) == 0)
			return set(account->login, sizeof(account->login),
			    ways[i].saved, "--login", err);
	return err_set(err, RC_SYNTAX,
	    "--login wants password, oauth or certificate, not %s", word);
}

enum rc
login_read(
    const struct login_options *o, struct account *account, struct err *err)
{
	if (o->login != NULL)
		TRY(choose(account, o->login, err));
	TRY(read_oauth(o, account, err));
	if (o->password_file == NULL)
		return RC_OK;
	if (o->login == NULL)
		TRY(choose(account, "password", err));
	buf_clear(&account->password);
	return support_read_line(o->password_file, &account->password, err);
}

/* -- by the browser ------------------------------------------------------------- */

static void
fill(char *to, size_t size, const char *from)
{
	if (to[0] == '\0' && strlen(from) < size)
		memcpy(to, from, strlen(from) + 1);
}

static void
fill_published(struct account *a, const struct discovery *found)
{
	fill(a->oauth_auth_url, sizeof(a->oauth_auth_url), found->auth_url);
	fill(a->oauth_token_url, sizeof(a->oauth_token_url), found->token_url);
	fill(a->oauth_scope, sizeof(a->oauth_scope), found->scope);
	/* Thunderbird's XML has a host's name there, which is no issuer */
	if (strncmp(found->issuer, "https://", 8) == 0)
		fill(a->oauth_issuer, sizeof(a->oauth_issuer), found->issuer);
}

static enum rc
find_endpoints(struct oauth *oauth, struct account *a, struct err *err)
{
	if (a->oauth_client[0] == '\0')
		return err_set(err, RC_SYNTAX,
		    "--oauth-client ID is needed: as what the provider knows "
		    "this program");
	if (a->oauth_auth_url[0] != '\0' && a->oauth_token_url[0] != '\0')
		return RC_OK;
	if (a->oauth_issuer[0] == '\0')
		return err_set(err, RC_SYNTAX,
		    "--oauth-issuer URL is needed: who logs people in");
	return oauth_find_endpoints(oauth, a->oauth_issuer, a, err);
}

static enum rc
visit(struct oauth *oauth, struct err *err)
{
	struct oauth_login *login OWNED(oauth_login_free) = NULL;
	const char *url = NULL;

	TRY(oauth_login_new(oauth, &login, &url, err));
	printf("Open this page in a browser on this machine, and log in "
	       "there:\n\n  %s\n\nWaiting for the browser ...\n",
	    url);
	if (fflush(stdout) != 0)
		return err_errno(err, "standard output");
	return oauth_login_wait(login, BROWSER_WAIT, err);
}

static bool
is_logged_in(const struct home *home)
{
	return state_stamp(home->state, TOKENS) != 0;
}

static enum rc
log_in_by_browser(const struct login_options *o, struct home *home,
    const struct discovery *found, struct err *err)
{
	struct account *account = &home->account;
	struct oauth *oauth OWNED(oauth_free) = NULL;
	const struct names names = {resolver_find_address, home->resolver};
	const struct oauth_config config = {account, home->state, &names};

	fill_published(account, found);
	TRY(oauth_new(&config, &oauth, err));
	TRY(find_endpoints(oauth, account, err));
	buf_clear(&account->password);
	if (is_logged_in(home) && o->login == NULL)
		return RC_OK;
	return visit(oauth, err);
}

/* -- all of them ------------------------------------------------------------------- */

static enum rc
check_certificate(struct home *home, struct err *err)
{
	if (home->signer.cert == NULL)
		return err_set(err, RC_ABSENT,
		    "there is no certificate to log in with yet: run setup "
		    "with --password-file first");
	buf_clear(&home->account.password);
	return RC_OK;
}

enum rc
login_run(const struct login_options *o, struct home *home,
    const struct discovery *found, struct err *err)
{
	struct account *account = &home->account;
	bool has_password = account->password.len > 0;
	bool wants_oauth =
	    o->client != NULL || found->logins == DISCOVERY_OAUTH;

	if (account->login[0] == '\0' && !has_password && o->login == NULL &&
	    wants_oauth)
		TRY(choose(account, "oauth", err));
	switch (account_login(account)) {
	case SASL_TOKEN:
		return log_in_by_browser(o, home, found, err);
	case SASL_CERTIFICATE:
		return check_certificate(home, err);
	case SASL_PASSWORD:
		break;
	}
	return has_password ? RC_OK
			    : err_set(err, RC_SYNTAX,
				  "--password-file FILE is needed (the mailbox "
				  "password)");
}
