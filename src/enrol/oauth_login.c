#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "codec/base64.h"
#include "codec/hex.h"
#include "enrol/oauth_priv.h"
#include "net/visitor.h"
#include "os/clock.h"
#include "os/random.h"

#define RANDOM 32 /* bytes of state and of verifier */
#define PATH "/letterlock"
#define URL_MAX ((size_t)16 * 1024)
#define TARGET_MAX ((size_t)8 * 1024)

struct oauth_login {
	struct oauth *oauth;
	struct visitor *visitor;
	struct buf state, verifier; /* secret */
	struct buf redirect, url;
};

void
oauth_login_free(struct oauth_login *login)
{
	if (login == NULL)
		return;
	visitor_free(login->visitor);
	buf_done(&login->state);
	buf_done(&login->verifier);
	buf_done(&login->redirect);
	buf_done(&login->url);
	free(login);
}

/* -- the way there ------------------------------------------------------------ */

/* RFC 7636 section 4.2: S256.  Who steals the code has not the verifier. */
static enum rc
add_challenge(const struct oauth_login *login, struct buf *url, struct err *err)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct buf text BUF_OWNED = BUF(64);

	SHA256(login->verifier.data, login->verifier.len, digest);
	TRY(base64url_encode(span_of(digest, sizeof(digest)), &text, err));
	TRY(oauth_add_field(url, "code_challenge", buf_span(&text), err));
	return oauth_add_field(
	    url, "code_challenge_method", span_str("S256"), err);
}

static enum rc
print_url(struct oauth_login *login, struct err *err)
{
	const struct account *account = login->oauth->config.account;
	const char *base = account->oauth_auth_url;
	struct buf *url = &login->url;

	if (!span_starts(span_str(base), "https://"))
		return err_set(err, RC_UNFIT,
		    "OAuth: %s is no https:// URL to log in at", base);
	TRY(buf_add_format(url, err, "%s%cresponse_type=code", base,
	    strchr(base, '?') != NULL ? '&' : '?'));
	TRY(oauth_add_field(
	    url, "client_id", span_str(account->oauth_client), err));
	TRY(oauth_add_field(
	    url, "redirect_uri", buf_span(&login->redirect), err));
	if (account->oauth_scope[0] != '\0')
		TRY(oauth_add_field(
		    url, "scope", span_str(account->oauth_scope), err));
	TRY(oauth_add_field(url, "state", buf_span(&login->state), err));
	TRY(oauth_add_field(
	    url, "login_hint", span_str(account->address), err));
	return add_challenge(login, url, err);
}

enum rc
oauth_login_new(struct oauth *oauth, struct oauth_login **ret,
    const char **ret_url, struct err *err)
{
	struct oauth_login *login OWNED(oauth_login_free) =
	    calloc(1, sizeof(*login));

	if (login == NULL)
		return err_nomem(err, "OAuth");
	login->oauth = oauth;
	login->state = login->verifier = BUF_SECRET(256);
	login->redirect = BUF(256);
	login->url = BUF(URL_MAX);
	TRY(visitor_new(&login->visitor, err));
	TRY(random_text(RANDOM, &login->state, err));
	TRY(random_text(RANDOM, &login->verifier, err));
	TRY(buf_add_format(&login->redirect, err, "http://127.0.0.1:%u" PATH,
	    visitor_port(login->visitor)));
	TRY(print_url(login, err));
	TRY(buf_str(&login->url, ret_url, err));
	*ret = take(login);
	return RC_OK;
}

/* -- the way back --------------------------------------------------------------- */

static enum rc
decode(struct span text, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '%') {
			TRY(buf_add_byte(out,
			    text.data[i] == '+' ? ' ' : text.data[i], err));
			continue;
		}
		struct span digits = span_first(span_after(text, i + 1), 2);
		if (digits.len != 2)
			return err_set(err, RC_SYNTAX, "bad escape");
		TRY(hex_decode(digits, out, err));
		i += 2;
	}
	return RC_OK;
}

/* The first parameter of that name.  RC_ABSENT: there is none. */
static enum rc
find_parameter(
    struct span query, const char *name, struct buf *out, struct err *err)
{
	while (query.len > 0) {
		ptrdiff_t end = span_find_byte(query, '&');
		size_t len = end < 0 ? query.len : (size_t)end;
		struct span one = span_first(query, len);
		ptrdiff_t equals = span_find_byte(one, '=');
		if (equals >= 0 &&
		    span_is(span_first(one, (size_t)equals), span_str(name)))
			return decode(
			    span_after(one, (size_t)equals + 1), out, err);
		query = span_after(query, len + 1);
	}
	return err_set(err, RC_ABSENT, "no %s", name);
}

/* Whoever does not know the state was not sent by the URL we made. */
static bool
is_ours(const struct oauth_login *login, struct span query)
{
	struct buf state BUF_OWNED = BUF_SECRET(1024);

	return find_parameter(query, "state", &state, NULL) == RC_OK &&
	       state.len == login->state.len &&
	       CRYPTO_memcmp(state.data, login->state.data, state.len) == 0;
}

/* RFC 9207: a code of another issuer must not be sent to ours. */
static bool
is_issuers(const struct oauth_login *login, struct span query)
{
	const char *issuer = login->oauth->config.account->oauth_issuer;
	struct buf iss BUF_OWNED = BUF(1024);

	if (issuer[0] == '\0' ||
	    find_parameter(query, "iss", &iss, NULL) == RC_ABSENT)
		return true;
	return span_is(buf_span(&iss), span_str(issuer));
}

static enum rc
trade(struct oauth_login *login, struct span code, struct err *err)
{
	struct oauth *oauth = login->oauth;
	struct buf form BUF_OWNED = BUF_SECRET(OAUTH_FORM_MAX);

	TRY(oauth_add_field(
	    &form, "grant_type", span_str("authorization_code"), err));
	TRY(oauth_add_field(&form, "code", code, err));
	TRY(oauth_add_field(
	    &form, "redirect_uri", buf_span(&login->redirect), err));
	TRY(oauth_add_field(
	    &form, "code_verifier", buf_span(&login->verifier), err));
	pthread_mutex_lock(&oauth->lock);
	buf_clear(&oauth->refresh); /* of whoever was logged in before */
	enum rc rc = oauth_ask_tokens(oauth, &form, err);
	pthread_mutex_unlock(&oauth->lock);
	return rc;
}

static enum rc
take_code(struct oauth_login *login, struct span query, struct err *err)
{
	struct buf code BUF_OWNED = BUF_SECRET(OAUTH_TOKEN_MAX);

	if (!is_issuers(login, query))
		return err_set(err, RC_REFUSED,
		    "OAuth: the answer comes from another provider");
	if (find_parameter(query, "code", &code, NULL) != RC_OK ||
	    code.len == 0)
		return err_set(err, RC_REFUSED,
		    "OAuth: the provider or the person said no");
	return trade(login, buf_span(&code), err);
}

/* *ret_query: what stands behind our path; lent by `target`. */
static bool
is_answer(const struct oauth_login *login, const struct buf *target,
    struct span *ret_query)
{
	const char *path = PATH "?";

	if (!span_starts(buf_span(target), path))
		return false;
	*ret_query = span_after(buf_span(target), strlen(path));
	return is_ours(login, *ret_query);
}

enum rc
oauth_login_wait(struct oauth_login *login, int timeout, struct err *err)
{
	int64_t deadline = clock_ticks() + timeout;

	for (;;) {
		struct buf target BUF_OWNED = BUF_SECRET(TARGET_MAX);
		struct span query = SPAN_NONE;
		int64_t left = deadline - clock_ticks();
		TRY(visitor_wait(
		    login->visitor, left > 0 ? (int)left : 0, &target, err));
		if (!is_answer(login, &target, &query)) {
			visitor_answer(login->visitor, 404, "Nothing here.\n");
			continue;
		}
		enum rc rc = take_code(login, query, err);
		visitor_answer(login->visitor, rc == RC_OK ? 200 : 403,
		    rc == RC_OK ? "You are logged in. Close this page and go "
				  "back to letterlock.\n"
				: "This did not work; see what letterlock "
				  "says.\n");
		return rc;
	}
}
