#define _GNU_SOURCE /* sigtimedwait */
#include "net/fetch.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/own.h"
#include "net/libcurl_priv.h"
#include "os/clock.h"

#define STEP 1000 /* ms between two looks */
#define TYPE_MAX 100

struct fetch {
	CURLM *multi;
	struct fetch_rules rules;
	atomic_bool stopped;
};

/* One hop. */
struct hop {
	const struct fetch *fetch;
	const struct fetch_request *request;
	const char *url;
	struct buf *body;
	CURL *curl;
	struct curl_slist *headers, *addresses;
	bool too_large, forbidden;
	char problem[CURL_ERROR_SIZE];
};

OWNER(struct fetch, fetch_free);

enum rc
fetch_new(const struct fetch_rules *rules, struct fetch **ret, struct err *err)
{
	TRY(libcurl_start(err));
	struct fetch *fetch OWNED(fetch_free) = calloc(1, sizeof(*fetch));
	if (fetch == NULL)
		return err_nomem(err, "HTTP");
	fetch->multi = curl_multi_init();
	if (fetch->multi == NULL)
		return err_nomem(err, "HTTP");
	fetch->rules = *rules;
	if (rules->limits == NULL)
		fetch->rules.limits = &fetch_default;
	atomic_init(&fetch->stopped, false);
	*ret = take(fetch);
	return RC_OK;
}

void
fetch_free(struct fetch *fetch)
{
	if (fetch == NULL)
		return;
	curl_multi_cleanup(fetch->multi);
	free(fetch);
}

void
fetch_stop(struct fetch *fetch)
{
	atomic_store(&fetch->stopped, true);
	(void)curl_multi_wakeup(fetch->multi);
}

/* -- Where to ---------------------------------------------------------- */

static enum rc
check_url(const struct fetch *fetch, const char *url, struct err *err)
{
	size_t len = strlen(url);

	if (len > fetch->rules.limits->url)
		return err_set(err, RC_LIMIT, "URL is longer than %zu bytes",
		    fetch->rules.limits->url);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)url[i] <= ' ' ||
		    (unsigned char)url[i] >= 0x7f)
			return err_set(
			    err, RC_SYNTAX, "URL has a wrong character");
	if (!span_starts_nocase(span_str(url), "http://") &&
	    !span_starts_nocase(span_str(url), "https://"))
		return err_set(err, RC_UNFIT, "neither http:// nor https://");
	return RC_OK;
}

static enum rc
resolve(struct hop *hop, const char *host, const char *port, struct err *err)
{
	const struct names *names = hop->fetch->rules.names;

	if (names == NULL || libcurl_is_literal(host))
		return RC_OK;
	return libcurl_find(names, host, port, &hop->addresses, err);
}

static unsigned
port_of(const struct sockaddr *address)
{
	return address->sa_family == AF_INET
		   ? ntohs(((const struct sockaddr_in *)address)->sin_port)
		   : ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
}

static bool
may_connect(const struct fetch *fetch, const struct sockaddr *address)
{
	const struct networks *networks = fetch->rules.networks;

	if (networks != NULL && networks_have(networks, address))
		return true;
	return network_is_public(address) &&
	       (port_of(address) == 80 || port_of(address) == 443);
}

/* The last moment before the connection: whatever the name was, and whatever
 * it resolved to before, this is where it leads. */
static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct hop *hop = context;

	(void)purpose;
	if (!may_connect(hop->fetch, &address->addr)) {
		hop->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* -- One hop ----------------------------------------------------------- */

static size_t
take_body(char *bytes, size_t one, size_t len, void *context)
{
	struct hop *hop = context;

	(void)one;
	if (buf_add(hop->body, span_of(bytes, len), NULL) == RC_OK)
		return len;
	hop->too_large = true;
	return CURL_WRITEFUNC_ERROR;
}

#define SET(option, value)                                                    \
	do {                                                                  \
		if (curl_easy_setopt(hop->curl, option, value) != CURLE_OK)   \
			return err_set(err, RC_IO, "libcurl lacks " #option); \
	} while (0)

static enum rc
set_rules(struct hop *hop, int64_t left, struct err *err)
{
	const char *trust = hop->fetch->rules.trust_file;

	SET(CURLOPT_URL, hop->url);
	SET(CURLOPT_ERRORBUFFER, hop->problem);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, ""); /* not even from the environment */
	SET(CURLOPT_NOSIGNAL, 1L);
	/* a resolver that hangs does not hold up the end of the program */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, hop);
	SET(CURLOPT_USERAGENT, "letterlock");
	SET(CURLOPT_TIMEOUT_MS, (long)left);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, hop);
	if (trust != NULL) {
		SET(CURLOPT_CAINFO, trust);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (hop->addresses != NULL)
		SET(CURLOPT_RESOLVE, hop->addresses);
	return RC_OK;
}

static enum rc
add_header(struct hop *hop, const char *line, struct err *err)
{
	struct curl_slist *longer = curl_slist_append(hop->headers, line);

	if (longer == NULL)
		return err_nomem(err, "HTTP headers");
	hop->headers = longer;
	return RC_OK;
}

static enum rc
set_content(struct hop *hop, struct err *err)
{
	const struct fetch_request *request = hop->request;
	char line[TYPE_MAX + 20];

	if (request->content_type == NULL)
		return RC_OK;
	(void)snprintf(line, sizeof(line), "Content-Type: %.*s", TYPE_MAX,
	    request->content_type);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	SET(CURLOPT_POSTFIELDS, (const char *)request->body.data);
	TRY(add_header(hop, "Expect:", err)); /* no 100-continue */
	TRY(add_header(hop, line, err));
	SET(CURLOPT_HTTPHEADER, hop->headers);
	return RC_OK;
}

/* RC_AGAIN: not over yet. */
static enum rc
look(struct hop *hop, CURLcode *ret)
{
	int left = 0;
	CURLMsg *message;

	while (
	    (message = curl_multi_info_read(hop->fetch->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE) {
			*ret = message->data.result;
			return RC_OK;
		}
	return RC_AGAIN;
}

static enum rc
perform(struct hop *hop, CURLcode *ret, struct err *err)
{
	CURLM *multi = hop->fetch->multi;
	int running = 0;

	for (;;) {
		if (atomic_load(&hop->fetch->stopped))
			return err_set(err, RC_AGAIN, "given up");
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return err_set(err, RC_IO, "libcurl has failed");
		enum rc rc = look(hop, ret);
		if (rc != RC_AGAIN)
			return rc;
		if (curl_multi_poll(multi, NULL, 0, STEP, NULL) != CURLM_OK)
			return err_set(err, RC_IO, "libcurl has failed");
	}
}

static enum rc
explain(const struct hop *hop, CURLcode code, struct err *err)
{
	const char *why =
	    hop->problem[0] != '\0' ? hop->problem : curl_easy_strerror(code);

	if (code == CURLE_OK)
		return RC_OK;
	if (hop->forbidden)
		return err_set(err, RC_UNFIT,
		    "%s leads into a network that nobody is sent to", hop->url);
	if (hop->too_large)
		return err_set(err, RC_LIMIT,
		    "%s: the answer is larger than %zu bytes", hop->url,
		    hop->body->max);
	if (code == CURLE_OUT_OF_MEMORY)
		return err_nomem(err, "HTTP");
	return err_set(err, RC_IO, "%s: %s", hop->url, why);
}

static bool
is_redirect(const struct hop *hop, long status)
{
	/* what is posted is posted again only where that is said */
	return status == 307 || status == 308 ||
	       (hop->request->content_type == NULL &&
		   (status == 301 || status == 302 || status == 303));
}

/* RC_ABSENT: it is at *ret_next, which the caller frees. */
static enum rc
read_status(const struct hop *hop, char **ret_next, struct err *err)
{
	long status = 0;
	const char *next = NULL;

	(void)curl_easy_getinfo(hop->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return RC_OK;
	(void)curl_easy_getinfo(hop->curl, CURLINFO_REDIRECT_URL, &next);
	if (!is_redirect(hop, status) || next == NULL)
		return err_set(err, RC_REFUSED, "%s: the server answered %ld",
		    hop->url, status);
	TRY(span_dup(span_str(next), ret_next, err));
	return RC_ABSENT;
}

static enum rc
run_hop(struct hop *hop, int64_t left, char **ret_next, struct err *err)
{
	char *host OWNED(curl_free) = NULL, *port OWNED(curl_free) = NULL;
	CURLcode code = CURLE_OK;

	TRY(check_url(hop->fetch, hop->url, err));
	TRY(libcurl_split(hop->url, &host, &port, err));
	TRY(resolve(hop, host, port, err));
	TRY(set_rules(hop, left, err));
	TRY(set_content(hop, err));
	if (curl_multi_add_handle(hop->fetch->multi, hop->curl) != CURLM_OK)
		return err_set(err, RC_IO, "libcurl has failed");
	enum rc rc = perform(hop, &code, err);
	(void)curl_multi_remove_handle(hop->fetch->multi, hop->curl);
	TRY(rc);
	TRY(explain(hop, code, err));
	return read_status(hop, ret_next, err);
}

static enum rc
one_hop(struct fetch *fetch, const struct fetch_request *request,
    const char *url, int64_t left, struct buf *body, char **ret_next,
    struct err *err)
{
	struct hop hop = {.fetch = fetch,
	    .request = request,
	    .url = url,
	    .body = body,
	    .curl = curl_easy_init()};

	if (hop.curl == NULL)
		return err_nomem(err, "HTTP");
	enum rc rc = run_hop(&hop, left, ret_next, err);
	curl_easy_cleanup(hop.curl);
	curl_slist_free_all(hop.headers);
	curl_slist_free_all(hop.addresses);
	return rc;
}

/* -- All of it --------------------------------------------------------- */

static enum rc
run(struct fetch *fetch, const struct fetch_request *request, struct buf *body,
    char **url, struct err *err)
{
	int64_t end = clock_ticks() + request->timeout;
	size_t was = body->len;

	for (int hops = 0; hops <= fetch->rules.limits->redirects; hops++) {
		char *next = NULL;
		int64_t left = end - clock_ticks();
		if (left <= 0)
			break;
		enum rc rc =
		    one_hop(fetch, request, *url, left, body, &next, err);
		if (rc != RC_OK)
			buf_cut(body, was);
		if (rc != RC_ABSENT)
			return rc;
		free(*url);
		*url = next;
	}
	return err_set(err, RC_IO, "%s: no end of redirects", request->url);
}

/* libcurl leaves SIGPIPE alone, and OpenSSL below it writes with write(2): the
 * signal is held back in this thread, and one that came is taken away unseen. */
enum rc
fetch_run(struct fetch *fetch, const struct fetch_request *request,
    struct buf *body, struct err *err)
{
	static const struct timespec at_once = {0, 0};
	sigset_t pipe, before, pending;
	char *url = NULL;

	TRY(span_dup(span_str(request->url), &url, err));
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigpending(&pending);
	bool had = sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
	enum rc rc = run(fetch, request, body, &url, err);
	if (!had)
		(void)sigtimedwait(&pipe, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	free(url);
	return rc;
}
