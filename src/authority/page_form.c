#include "authority/page_form.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "codec/base64.h"
#include "os/random.h"
#include "pki/crypto.h"

#define KEY_NAME "page_form"
#define TOKEN_NAME "token"
#define TOKEN_MAX 128
#define ORIGIN_MAX 400

/* --- the key */

static enum rc
find_key(struct sql *sql, struct page_form_key *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql, "SELECT key FROM shared_key WHERE name = ?",
	    SQL_VALUES(sql_text(KEY_NAME)), &rows, err));
	TRY(sql_rows_next(rows, err));
	struct span key = sql_rows_bytes(rows, 0);
	if (key.len != sizeof(ret->bytes))
		return err_set(err, RC_UNFIT, "the key of forms is broken");
	memcpy(ret->bytes, key.data, sizeof(ret->bytes));
	return RC_OK;
}

/* Of two processes that begin at once one makes it. */
enum rc
page_form_key(struct sql *sql, struct page_form_key *ret, struct err *err)
{
	uint8_t made[PAGE_FORM_KEY_LEN];
	enum rc rc = find_key(sql, ret, err);

	if (rc != RC_ABSENT)
		return rc;
	random_fill(made, sizeof(made));
	rc = sql_change(sql, "INSERT INTO shared_key (name, key) VALUES (?, ?)",
	    SQL_VALUES(
		sql_text(KEY_NAME), SQL_BLOB(span_of(made, sizeof(made)))),
	    err);
	if (rc != RC_OK && rc != RC_REFUSED)
		return rc;
	return find_key(sql, ret, err);
}

/* --- the token */

/* For whom, what for and when, each with an end of its own. */
static enum rc
add_input(const struct page_visit *visit, const char *action, int64_t period,
    struct buf *out, struct err *err)
{
	uint8_t person[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(visit->request->person.data, visit->request->person.len,
		person, &len, EVP_sha256(), NULL) != 1)
		return crypto_failed(err, "form");
	TRY(buf_add(out, span_of(person, len), err));
	return buf_add_format(out, err, "%lld %s", (long long)period, action);
}

static enum rc
make_token(const struct page_visit *visit, const char *action, int64_t period,
    struct buf *out, struct err *err)
{
	struct buf input BUF_OWNED = BUF_SMALL;
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	TRY(add_input(visit, action, period, &input, err));
	if (HMAC(EVP_sha256(), visit->key->bytes, sizeof(visit->key->bytes),
		input.data, input.len, mac, &len) == NULL)
		return err_set(err, RC_CRYPTO, "no HMAC-SHA-256");
	return base64url_encode(span_of(mac, len), out, err);
}

static int64_t
period_of(const struct page_visit *visit)
{
	return visit->now / PAGE_FORM_SECONDS;
}

static enum rc
is_token(const struct page_visit *visit, struct span got, int64_t period,
    bool *ret, struct err *err)
{
	struct buf want BUF_OWNED = BUF_SMALL;

	TRY(make_token(visit, visit->request->path, period, &want, err));
	*ret = got.len == want.len &&
	       CRYPTO_memcmp(got.data, want.data, want.len) == 0;
	return RC_OK;
}

enum rc
page_form_begin(struct buf *html, const struct page_visit *visit,
    const char *action, struct err *err)
{
	struct buf token BUF_OWNED = BUF(TOKEN_MAX);
	struct page_input hidden = {.name = TOKEN_NAME};

	TRY(make_token(visit, action, period_of(visit), &token, err));
	TRY(buf_str(&token, &hidden.value, err));
	TRY(buf_add_str(html, "<form method=\"post\" action=\"", err));
	TRY(page_text(html, span_str(action), err));
	TRY(buf_add_str(html, "\">", err));
	return page_input(html, &hidden, err);
}

enum rc
page_form_end(struct buf *html, struct err *err)
{
	return buf_add_str(html, "</form>\n", err);
}

/* --- what comes back */

static enum rc
refuse(struct err *err)
{
	return err_set(err, RC_REFUSED,
	    "This was not sent from a page that was made for you here, or the "
	    "page is too old: go back, load it again, and try once more.");
}

/* A browser that says nothing of it is no reason to refuse: the token has to
 * be right anyway. */
static bool
is_foreign(const struct http_request *request)
{
	char own[ORIGIN_MAX];
	int len = snprintf(own, sizeof(own), "https://%s", request->host);

	if (request->fetch_site[0] != '\0' &&
	    strcmp(request->fetch_site, "same-origin") != 0)
		return true;
	return request->origin[0] != '\0' &&
	       (len < 0 || (size_t)len >= sizeof(own) ||
		   !span_is_nocase(span_str(request->origin), own));
}

enum rc
page_form_check(const struct page_visit *visit, struct err *err)
{
	const struct http_request *request = visit->request;
	struct buf got BUF_OWNED = BUF(TOKEN_MAX);
	bool now = false, before = false;

	if (strcmp(request->method, "POST") != 0 ||
	    !http_has_type(request, "application/x-www-form-urlencoded") ||
	    is_foreign(request) ||
	    page_form_value(request, TOKEN_NAME, &got, NULL) != RC_OK)
		return refuse(err);
	int64_t period = period_of(visit);
	TRY(is_token(visit, buf_span(&got), period, &now, err));
	TRY(is_token(visit, buf_span(&got), period - 1, &before, err));
	return now || before ? RC_OK : refuse(err);
}

/* As forms are sent, a blank is "+" (and "+" is "%2B"). */
static enum rc
decode(struct span in, struct buf *out, struct err *err)
{
	struct buf blanks BUF_OWNED = BUF(HTTP_BODY_MAX);
	struct buf value BUF_OWNED = BUF(HTTP_BODY_MAX);

	TRY(buf_add(&blanks, in, err));
	for (size_t i = 0; i < blanks.len; i++)
		if (blanks.data[i] == '+')
			blanks.data[i] = ' ';
	TRY(http_percent_decode(buf_span(&blanks), &value, err));
	return buf_add(out, span_trim(buf_span(&value)), err);
}

enum rc
page_form_value(const struct http_request *request, const char *name,
    struct buf *out, struct err *err)
{
	struct span found = SPAN_NONE;

	if (http_pair(request->body, name, &found, NULL) != RC_OK)
		return err_set(
		    err, RC_ABSENT, "the form has no field \"%s\"", name);
	return decode(found, out, err);
}
