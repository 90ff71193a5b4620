#include "enrol/upstream.h"

#include <stdlib.h>

#include "enrol/oauth.h"

#define HELO "letterlock.invalid"
#define SECRET_MAX 8192
#define WRONG_LOGIN 535 /* RFC 4954 section 6 */

struct upstream {
	const struct account *account;
	struct names names;
	struct tls *tls;
	struct oauth *oauth; /* NULL: the account has none */
};

void
upstream_free(struct upstream *upstream)
{
	if (upstream == NULL)
		return;
	oauth_free(upstream->oauth);
	tls_free(upstream->tls);
	free(upstream);
}

/* A key that TLS cannot use is no reason to stop where a password is. */
static enum rc
show_identity(
    struct upstream *upstream, const struct identity *identity, struct err *err)
{
	bool needed = account_login(upstream->account) == SASL_CERTIFICATE;

	if (identity == NULL || identity->cert == NULL)
		return needed ? err_set(err, RC_ABSENT,
				    "%s logs in by certificate, and has none "
				    "now: run letterlock setup with "
				    "--password-file",
				    upstream->account->address)
			      : RC_OK;
	enum rc rc = tls_client_show(upstream->tls, identity, err);
	return rc == RC_UNFIT && !needed ? RC_OK : rc;
}

static enum rc
fill(struct upstream *upstream, const struct upstream_config *config,
    struct err *err)
{
	const char *trust = config->account->tls_trust;
	const struct oauth_config oauth = {
	    config->account, config->state, &upstream->names};

	upstream->account = config->account;
	upstream->names = (struct names){.find = resolver_find_address,
	    .context = (void *)(uintptr_t)config->resolver};
	TRY(tls_client_new(
	    trust[0] != '\0' ? trust : NULL, &upstream->tls, err));
	TRY(show_identity(upstream, config->identity, err));
	if (account_login(config->account) != SASL_TOKEN)
		return RC_OK;
	return oauth_new(&oauth, &upstream->oauth, err);
}

enum rc
upstream_new(const struct upstream_config *config, struct upstream **ret,
    struct err *err)
{
	struct upstream *upstream OWNED(upstream_free) =
	    calloc(1, sizeof(*upstream));

	if (upstream == NULL)
		return err_nomem(err, "mail servers");
	TRY(fill(upstream, config, err));
	*ret = take(upstream);
	return RC_OK;
}

/* What is said at one login; `secret` holds it. */
static enum rc
find_login(const struct upstream *upstream, bool fresh, struct buf *secret,
    struct sasl *ret, struct err *err)
{
	const struct account *account = upstream->account;

	ret->user = account->user[0] != '\0' ? account->user : account->address;
	ret->kind = account_login(account);
	buf_clear(secret);
	if (ret->kind == SASL_PASSWORD)
		TRY(buf_add(secret, buf_span(&account->password), err));
	if (ret->kind == SASL_TOKEN)
		TRY(oauth_token(upstream->oauth, fresh, secret, err));
	ret->secret = buf_span(secret);
	return RC_OK;
}

static enum rc
try_imap(const struct upstream *upstream, bool fresh, int timeout,
    struct imap_link **ret, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(SECRET_MAX);
	const struct account_server *server = &upstream->account->imap;
	struct imap_route route = {
	    .names = &upstream->names,
	    .tls = upstream->tls,
	    .host = server->host,
	    .port = server->port,
	    .starttls = server->security == SMTP_STARTTLS,
	    .timeout = timeout,
	};

	TRY(find_login(upstream, fresh, &secret, &route.login, err));
	return imap_link_new(&route, ret, err);
}

static bool
has_token(const struct upstream *upstream)
{
	return account_login(upstream->account) == SASL_TOKEN;
}

/* A token may end before its time: the second try has a new one. */
enum rc
upstream_imap(const struct upstream *upstream, int timeout,
    struct imap_link **ret, struct err *err)
{
	enum rc rc = try_imap(upstream, false, timeout, ret, err);

	if (rc != RC_REFUSED || !has_token(upstream))
		return rc;
	return try_imap(upstream, true, timeout, ret, err);
}

static enum rc
try_send(const struct upstream *upstream, bool fresh, int timeout,
    const struct smtp_client_letter *letter, struct smtp_client_result *ret,
    struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(SECRET_MAX);
	const struct account_server *server = &upstream->account->smtp;
	struct smtp_route route = {
	    .names = &upstream->names,
	    .tls = upstream->tls,
	    .host = server->host,
	    .port = server->port,
	    .security = server->security,
	    .helo = HELO,
	    .timeout = timeout,
	};

	TRY(find_login(upstream, fresh, &secret, &route.login, err));
	return smtp_send(&route, letter, ret, err);
}

enum rc
upstream_send(const struct upstream *upstream, int timeout,
    const struct smtp_client_letter *letter, struct smtp_client_result *ret,
    struct err *err)
{
	enum rc rc = try_send(upstream, false, timeout, letter, ret, err);

	if (rc != RC_OK || ret->code != WRONG_LOGIN || !has_token(upstream))
		return rc;
	return try_send(upstream, true, timeout, letter, ret, err);
}
