#include "net/libcurl_priv.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/strlist.h"

OWNER(CURLU, curl_url_cleanup);

static CURLcode global_result = CURLE_FAILED_INIT;

static void
init_global(void)
{
	global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum rc
libcurl_start(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (pthread_once(&once, init_global) != 0 || global_result != CURLE_OK)
		return err_set(err, RC_IO, "libcurl could not be started");
	return RC_OK;
}

static enum rc
get_part(
    CURLU *parts, CURLUPart which, unsigned flags, char **ret, struct err *err)
{
	if (curl_url_get(parts, which, ret, flags) != CURLUE_OK)
		return err_set(err, RC_SYNTAX, "URL cannot be read");
	return RC_OK;
}

enum rc
libcurl_split(
    const char *url, char **ret_host, char **ret_port, struct err *err)
{
	CURLU *parts OWNED(curl_url_cleanup) = curl_url();
	char *host OWNED(curl_free) = NULL, *user OWNED(curl_free) = NULL;

	if (parts == NULL)
		return err_nomem(err, "URL");
	if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK)
		return err_set(err, RC_SYNTAX, "URL cannot be read: %s", url);
	/* "https://good.example@evil.example/" fools readers of logs */
	if (curl_url_get(parts, CURLUPART_USER, &user, 0) != CURLUE_NO_USER)
		return err_set(err, RC_UNFIT, "URL holds a user name");
	TRY(get_part(parts, CURLUPART_HOST, 0, &host, err));
	TRY(get_part(parts, CURLUPART_PORT, CURLU_DEFAULT_PORT, ret_port, err));
	*ret_host = take(host);
	return RC_OK;
}

bool
libcurl_is_literal(const char *host)
{
	return host[0] == '[' || strspn(host, "0123456789.") == strlen(host);
}

static enum rc
print_addresses(const char *host, const char *port,
    const struct strlist *addresses, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "%s:%s:", host, port));
	for (size_t i = 0; i < addresses->len; i++) {
		bool v6 = strchr(addresses->item[i], ':') != NULL;
		TRY(buf_add_format(out, err, v6 ? "%s[%s]" : "%s%s",
		    i == 0 ? "" : ",", addresses->item[i]));
	}
	return RC_OK;
}

enum rc
libcurl_find(const struct names *names, const char *host, const char *port,
    struct curl_slist **ret, struct err *err)
{
	struct strlist found STRLIST_OWNED = STRLIST_NONE;
	struct buf entry BUF_OWNED = BUF_SMALL;
	const char *text;

	enum rc rc = names->find(names->context, host, &found, err);
	if (rc == RC_ABSENT || (rc == RC_OK && found.len == 0))
		return err_set(err, RC_IO, "%s has no address", host);
	TRY(rc);
	TRY(print_addresses(host, port, &found, &entry, err));
	TRY(buf_str(&entry, &text, err));
	*ret = curl_slist_append(NULL, text);
	return *ret != NULL ? RC_OK : err_nomem(err, "addresses");
}
