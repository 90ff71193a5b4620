#include "authority/http01.h"

#include <stdio.h>

#include "base/own.h"
#include "net/fetch.h"

#define URL_LEN_MAX 1000

OWNER(struct fetch, fetch_free);

/* Where tests have their hosts. */
static const char *const networks[] = {"127.0.0.0/8", "10.0.0.0/8",
    "172.16.0.0/12", "192.168.0.0/16", "::1", "fd00::/8"};

static enum rc
find_host(struct resolver *resolver, const char *host, struct err *err)
{
	struct strlist addresses STRLIST_OWNED = STRLIST_NONE;

	return resolver_find_address(resolver, host, &addresses, err);
}

static enum rc
get(struct resolver *resolver, const struct http01_question *question,
    struct buf *body, struct err *err)
{
	struct names names = {resolver_find_address, resolver};
	struct networks ours = {.len = 0};
	struct fetch *fetch OWNED(fetch_free) = NULL;
	char url[URL_LEN_MAX];

	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		TRY(networks_add(&ours, networks[i], err));
	const struct fetch_rules rules = {.names = &names, .networks = &ours};
	(void)snprintf(url, sizeof(url),
	    "http://%s/.well-known/acme-challenge/%s", question->host,
	    question->token);
	const struct fetch_request request = {.url = url, .timeout = HTTP01_MS};
	TRY(fetch_new(&rules, &fetch, err));
	return fetch_run(fetch, &request, body, err);
}

/* "the body of the response is [a] well-formed key authorization.  The server
 * SHOULD ignore whitespace characters at the end of the body." */
static bool
is_answer(const struct http01_question *question, struct span body)
{
	for (size_t i = 0; i < 2; i++) {
		char want[200];
		(void)snprintf(want, sizeof(want), "%s.%s", question->token,
		    question->thumbprint[i]);
		if (span_is(span_trim(body), span_str(want)))
			return true;
	}
	return false;
}

enum rc
http01_check(struct resolver *resolver, const struct http01_question *question,
    const char **ret_type, struct err *err)
{
	struct buf body BUF_OWNED = BUF(HTTP01_BODY_MAX);
	struct err why = ERR_NONE;

	*ret_type = "dns";
	if (find_host(resolver, question->host, &why) != RC_OK)
		return err_set(
		    err, RC_REFUSED, "the host has no address: %s", why.text);
	enum rc rc = get(resolver, question, &body, &why);
	if (rc == RC_NOMEM)
		return err_nomem(err, "HTTP");
	*ret_type = rc == RC_REFUSED ? "unauthorized" : "connection";
	if (rc != RC_OK)
		return err_set(err, RC_REFUSED, "%s", why.text);
	*ret_type = "unauthorized";
	if (!is_answer(question, buf_span(&body)))
		return err_set(err, RC_REFUSED,
		    "the host answers with something else than the key "
		    "authorization");
	return RC_OK;
}
