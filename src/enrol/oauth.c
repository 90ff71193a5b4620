#include "enrol/oauth.h"

#include <stdlib.h>
#include <strings.h>

#include <jansson.h>

#include "enrol/oauth_priv.h"
#include "os/clock.h"

#define ITEM "oauth"
#define ITEM_MAX ((size_t)64 * 1024)
#define ANSWER_MAX ((size_t)64 * 1024)
#define TIMEOUT 30000
#define EARLY 120       /* seconds before its end a token is renewed */
#define LIFE_MOST 86400 /* seconds that a token is believed to live */
#define LIFE_UNSAID 600

OWNER(json_t, json_decref);

enum rc
oauth_new(
    const struct oauth_config *config, struct oauth **ret, struct err *err)
{
	const char *trust = config->account->tls_trust;
	struct oauth *oauth OWNED(oauth_free) = calloc(1, sizeof(*oauth));

	if (oauth == NULL)
		return err_nomem(err, "OAuth");
	oauth->config = *config;
	oauth->access = BUF_SECRET(OAUTH_TOKEN_MAX);
	oauth->refresh = BUF_SECRET(OAUTH_TOKEN_MAX);
	pthread_mutex_init(&oauth->lock, NULL);
	TRY(https_new(trust[0] != '\0' ? trust : NULL, config->names,
	    &oauth->https, err));
	*ret = take(oauth);
	return RC_OK;
}

void
oauth_free(struct oauth *oauth)
{
	if (oauth == NULL)
		return;
	https_free(oauth->https);
	buf_done(&oauth->access);
	buf_done(&oauth->refresh);
	pthread_mutex_destroy(&oauth->lock);
	free(oauth);
}

/* -- what is saved ---------------------------------------------------------- */

static enum rc
set_text(struct buf *to, const char *text, struct err *err)
{
	buf_clear(to);
	return buf_add_str(to, text != NULL ? text : "", err);
}

static enum rc
load(struct oauth *oauth, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(ITEM_MAX);

	if (oauth->loaded)
		return RC_OK;
	TRY(state_load(oauth->config.state, ITEM, &bytes, err));
	json_t *json OWNED(json_decref) =
	    json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
	TRY(set_text(&oauth->access,
	    json_string_value(json_object_get(json, "access")), err));
	TRY(set_text(&oauth->refresh,
	    json_string_value(json_object_get(json, "refresh")), err));
	oauth->ends = json_integer_value(json_object_get(json, "ends"));
	oauth->loaded = true;
	return RC_OK;
}

static int
dump(const char *text, size_t len, void *out)
{
	return buf_add(out, span_of(text, len), NULL) == RC_OK ? 0 : -1;
}

static enum rc
save(struct oauth *oauth, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(ITEM_MAX);
	const char *access, *refresh;

	TRY(buf_str(&oauth->access, &access, err));
	TRY(buf_str(&oauth->refresh, &refresh, err));
	json_t *json OWNED(json_decref) = json_pack("{s:s, s:s, s:I}", "access",
	    access, "refresh", refresh, "ends", (json_int_t)oauth->ends);
	if (json == NULL ||
	    json_dump_callback(json, dump, &bytes, JSON_COMPACT) != 0)
		return err_set(err, RC_SYNTAX, "OAuth: a token is no text");
	TRY(state_save(oauth->config.state, ITEM, buf_span(&bytes), err));
	oauth->loaded = true;
	return RC_OK;
}

/* -- the token endpoint ------------------------------------------------------- */

enum rc
oauth_add_field(
    struct buf *form, const char *name, struct span value, struct err *err)
{
	TRY(buf_add_format(form, err, "%s%s=", form->len > 0 ? "&" : "", name));
	return https_escape(value, form, err);
}

/* RFC 6749 section 5.2: its words are ASCII; nothing else gets into a log. */
static enum rc
refused(const json_t *json, unsigned status, struct err *err)
{
	const char *why = json_string_value(json_object_get(json, "error"));
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";

	if (status >= 500 || status == 429)
		return err_set(err, RC_IO,
		    "OAuth: the provider answers %u; try again later", status);
	if (why == NULL || strlen(why) > 60 ||
	    strspn(why, letters) != strlen(why))
		why = "no reason";
	return err_set(err, RC_REFUSED,
	    "OAuth: the provider gives no token (%s): run letterlock setup "
	    "again to log in",
	    why);
}

/* No refresh token: the one we have stays good (RFC 6749 section 6). */
static enum rc
take_tokens(struct oauth *oauth, const json_t *json, struct err *err)
{
	const char *access =
	    json_string_value(json_object_get(json, "access_token"));
	const char *type =
	    json_string_value(json_object_get(json, "token_type"));
	const char *refresh =
	    json_string_value(json_object_get(json, "refresh_token"));
	const json_t *life = json_object_get(json, "expires_in");
	json_int_t seconds =
	    json_is_integer(life) ? json_integer_value(life) : LIFE_UNSAID;

	if (access == NULL || access[0] == '\0' || type == NULL ||
	    strcasecmp(type, "Bearer") != 0 || seconds < 0)
		return err_set(err, RC_SYNTAX,
		    "OAuth: the provider's answer is no bearer token");
	TRY(set_text(&oauth->access, access, err));
	if (refresh != NULL)
		TRY(set_text(&oauth->refresh, refresh, err));
	oauth->ends = clock_now() + (seconds < LIFE_MOST ? seconds : LIFE_MOST);
	return save(oauth, err);
}

static enum rc
read_answer(
    struct oauth *oauth, const struct https_response *response, struct err *err)
{
	json_t *json OWNED(json_decref) =
	    json_loadb((const char *)response->body.data, response->body.len,
		JSON_REJECT_DUPLICATES, NULL);

	if (response->status != 200)
		return refused(json, response->status, err);
	return take_tokens(oauth, json, err);
}

enum rc
oauth_ask_tokens(struct oauth *oauth, struct buf *form, struct err *err)
{
	const struct account *account = oauth->config.account;
	struct https_response response = {.body = BUF_SECRET(ANSWER_MAX)};

	TRY(oauth_add_field(
	    form, "client_id", span_str(account->oauth_client), err));
	if (account->oauth_secret[0] != '\0')
		TRY(oauth_add_field(form, "client_secret",
		    span_str(account->oauth_secret), err));
	const struct https_request request = {
	    .method = "POST",
	    .url = account->oauth_token_url,
	    .content_type = "application/x-www-form-urlencoded",
	    .body = buf_span(form),
	    .timeout = TIMEOUT,
	};
	enum rc rc = https_send(oauth->https, &request, &response, err);
	if (rc == RC_OK)
		rc = read_answer(oauth, &response, err);
	buf_done(&response.body);
	return rc;
}

static enum rc
renew(struct oauth *oauth, struct err *err)
{
	struct buf form BUF_OWNED = BUF_SECRET(OAUTH_FORM_MAX);

	if (oauth->refresh.len == 0)
		return err_set(err, RC_REFUSED,
		    "OAuth: the login has ended: run letterlock setup again");
	TRY(oauth_add_field(
	    &form, "grant_type", span_str("refresh_token"), err));
	TRY(oauth_add_field(
	    &form, "refresh_token", buf_span(&oauth->refresh), err));
	return oauth_ask_tokens(oauth, &form, err);
}

static enum rc
find_token(struct oauth *oauth, bool fresh, struct buf *token, struct err *err)
{
	enum rc rc = load(oauth, err);

	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "nobody has logged in yet: run letterlock setup");
	TRY(rc);
	if (fresh || oauth->access.len == 0 ||
	    oauth->ends < clock_now() + EARLY)
		TRY(renew(oauth, err));
	return buf_add(token, buf_span(&oauth->access), err);
}

enum rc
oauth_token(struct oauth *oauth, bool fresh, struct buf *token, struct err *err)
{
	pthread_mutex_lock(&oauth->lock);
	enum rc rc = find_token(oauth, fresh, token, err);
	pthread_mutex_unlock(&oauth->lock);
	return rc;
}

/* -- the issuer's metadata ------------------------------------------------------ */

/* RFC 8414 section 3: between host and path of the issuer. */
static enum rc
print_metadata_url(const char *issuer, struct buf *url, struct err *err)
{
	const char *scheme = "https://";
	struct span all = span_str(issuer);

	if (!span_starts_nocase(all, scheme))
		return err_set(err, RC_UNFIT,
		    "OAuth: the issuer %s is no https:// URL", issuer);
	struct span rest = span_after(all, strlen(scheme));
	ptrdiff_t slash = span_find_byte(rest, '/');
	size_t host = slash < 0 ? rest.len : (size_t)slash;
	struct span path = span_after(rest, host);
	if (span_is(path, span_str("/")))
		path = SPAN_NONE;
	return buf_add_format(url, err,
	    "%s%.*s/.well-known/oauth-authorization-server%.*s", scheme,
	    SPAN_ARGS(span_first(rest, host)), SPAN_ARGS(path));
}

static enum rc
take_endpoint(const json_t *json, const char *name, char *room, size_t size,
    struct err *err)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (text == NULL || strlen(text) >= size ||
	    !span_starts(span_str(text), "https://"))
		return err_set(
		    err, RC_SYNTAX, "OAuth: the issuer names no good %s", name);
	memcpy(room, text, strlen(text) + 1);
	return RC_OK;
}

static enum rc
read_metadata(const char *issuer, struct span body, struct account *account,
    struct err *err)
{
	json_t *json OWNED(json_decref) = json_loadb(
	    (const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
	const char *says = json_string_value(json_object_get(json, "issuer"));

	/* section 3.3: another one's metadata would send the code there */
	if (says == NULL || strcmp(says, issuer) != 0)
		return err_set(err, RC_UNFIT,
		    "OAuth: what is at %s is another issuer's", issuer);
	TRY(take_endpoint(json, "authorization_endpoint",
	    account->oauth_auth_url, sizeof(account->oauth_auth_url), err));
	return take_endpoint(json, "token_endpoint", account->oauth_token_url,
	    sizeof(account->oauth_token_url), err);
}

enum rc
oauth_find_endpoints(struct oauth *oauth, const char *issuer,
    struct account *account, struct err *err)
{
	struct https_response response = {.body = BUF(ANSWER_MAX)};
	struct buf url BUF_OWNED = BUF(4096);
	struct https_request request = {.method = "GET", .timeout = TIMEOUT};

	TRY(print_metadata_url(issuer, &url, err));
	TRY(buf_str(&url, &request.url, err));
	enum rc rc = https_send(oauth->https, &request, &response, err);
	if (rc == RC_OK && response.status != 200)
		rc = err_set(err, RC_ABSENT, "OAuth: %s: answer %u",
		    request.url, response.status);
	if (rc == RC_OK)
		rc = read_metadata(
		    issuer, buf_span(&response.body), account, err);
	buf_done(&response.body);
	return rc;
}
