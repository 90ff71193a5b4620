#define _GNU_SOURCE /* sigtimedwait */
#include "net/https.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sys/socket.h>

#include "base/own.h"
#include "net/libcurl_priv.h"

#define URL_MAX 4096
#define RETRY_MAX (7U * 24 * 60 * 60) /* a server may ask for no more */
#define TYPE_MAX 200

struct https {
	CURL *curl;
	struct names names;
	bool has_names;
	char *trust_file; /* NULL: the system's */
};

OWNER(struct https, https_free);

enum rc
https_new(const char *trust_file, const struct names *names, struct https **ret,
    struct err *err)
{
	TRY(libcurl_start(err));
	struct https *https OWNED(https_free) = calloc(1, sizeof(*https));
	if (https == NULL)
		return err_nomem(err, "HTTPS");
	https->curl = curl_easy_init();
	if (https->curl == NULL)
		return err_nomem(err, "HTTPS");
	if (trust_file != NULL)
		TRY(span_dup(span_str(trust_file), &https->trust_file, err));
	if (names != NULL)
		https->names = *names;
	https->has_names = names != NULL;
	*ret = take(https);
	return RC_OK;
}

void
https_free(struct https *https)
{
	if (https == NULL)
		return;
	curl_easy_cleanup(https->curl);
	free(https->trust_file);
	free(https);
}

/* -- Where to ------------------------------------------------------------- */

/* What one request needs until it is over. */
struct transfer {
	const struct https_request *request;
	struct buf *body;
	bool too_large;
	char problem[CURL_ERROR_SIZE];
	struct curl_slist *headers, *addresses;
};

static enum rc
check_url(const char *url, struct err *err)
{
	size_t len = strlen(url);

	if (len > URL_MAX)
		return err_set(
		    err, RC_LIMIT, "URL is longer than %d bytes", URL_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)url[i] <= ' ' ||
		    (unsigned char)url[i] >= 0x7f)
			return err_set(err, RC_SYNTAX,
			    "URL has a wrong character: %s", url);
	if (!span_starts_nocase(span_str(url), "https://"))
		return err_set(err, RC_UNFIT, "not an https:// URL: %s", url);
	return RC_OK;
}

static enum rc
find_addresses(struct https *https, const char *host, const char *port,
    struct transfer *transfer, struct err *err)
{
	if (libcurl_is_literal(host))
		return RC_OK;
	if (!https->has_names)
		return err_set(err, RC_UNFIT,
		    "%s: only literal IP addresses without a resolver", host);
	return libcurl_find(
	    &https->names, host, port, &transfer->addresses, err);
}

static enum rc
resolve(struct https *https, struct transfer *transfer, struct err *err)
{
	char *host OWNED(curl_free) = NULL, *port OWNED(curl_free) = NULL;
	const char *url = transfer->request->url;

	TRY(check_url(url, err));
	TRY(libcurl_split(url, &host, &port, err));
	return find_addresses(https, host, port, transfer, err);
}

/* -- The request ------------------------------------------------------------ */

static size_t
take_body(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *transfer = context;

	(void)one;
	if (buf_add(transfer->body, span_of(bytes, len), NULL) == RC_OK)
		return len;
	transfer->too_large = true;
	return CURL_WRITEFUNC_ERROR;
}

/* libcurl's own would be inherited by whatever is executed meanwhile, and the
 * connection stay open as long as that runs. */
static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

#define SET(option, value)                                                    \
	do {                                                                  \
		if (curl_easy_setopt(curl, option, value) != CURLE_OK)        \
			return err_set(err, RC_IO, "libcurl lacks " #option); \
	} while (0)

static enum rc
set_rules(struct https *https, struct transfer *transfer, struct err *err)
{
	CURL *curl = https->curl;

	SET(CURLOPT_ERRORBUFFER, transfer->problem);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, ""); /* not even from the environment */
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_USERAGENT, "letterlock");
	SET(CURLOPT_TIMEOUT_MS, (long)transfer->request->timeout);
	if (https->trust_file != NULL) {
		SET(CURLOPT_CAINFO, https->trust_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (transfer->addresses != NULL)
		SET(CURLOPT_RESOLVE, transfer->addresses);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, transfer);
	return RC_OK;
}

static enum rc
add_header(struct transfer *transfer, const char *line, struct err *err)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (longer == NULL)
		return err_nomem(err, "HTTPS headers");
	transfer->headers = longer;
	return RC_OK;
}

static enum rc
set_content(CURL *curl, struct transfer *transfer, struct err *err)
{
	const struct https_request *request = transfer->request;
	char line[TYPE_MAX + 20];

	if (request->content_type == NULL) {
		/* a POST without body, not one read from standard input */
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
		SET(CURLOPT_POSTFIELDS, "");
		return add_header(transfer, "Content-Type:", err);
	}
	if (strlen(request->content_type) > TYPE_MAX ||
	    strpbrk(request->content_type, "\r\n") != NULL)
		return err_set(err, RC_SYNTAX, "content type is not one");
	(void)snprintf(
	    line, sizeof(line), "Content-Type: %s", request->content_type);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	SET(CURLOPT_POSTFIELDS,
	    request->body.len == 0 ? "" : (const char *)request->body.data);
	TRY(add_header(transfer, "Expect:", err)); /* no 100-continue */
	return add_header(transfer, line, err);
}

static enum rc
set_request(CURL *curl, struct transfer *transfer, struct err *err)
{
	const struct https_request *request = transfer->request;

	SET(CURLOPT_URL, request->url);
	if (!strcmp(request->method, "POST")) {
		SET(CURLOPT_POST, 1L);
		TRY(set_content(curl, transfer, err));
		SET(CURLOPT_HTTPHEADER, transfer->headers);
		return RC_OK;
	}
	if (!strcmp(request->method, "HEAD")) {
		SET(CURLOPT_NOBODY, 1L);
		return RC_OK;
	}
	if (strcmp(request->method, "GET") != 0)
		return err_set(err, RC_UNFIT, "HTTPS: method %s is not known",
		    request->method);
	SET(CURLOPT_HTTPGET, 1L);
	return RC_OK;
}

/* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, and OpenSSL below it
 * writes with write(2).  So the signal is held back in this thread, and one
 * that came is taken away unseen. */
static CURLcode
perform_quietly(CURL *curl)
{
	static const struct timespec at_once = {0, 0};
	sigset_t pipe, before, pending;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigpending(&pending);
	bool had = sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
	CURLcode code = curl_easy_perform(curl);
	if (!had)
		(void)sigtimedwait(&pipe, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static enum rc
explain(const struct transfer *transfer, CURLcode code, struct err *err)
{
	const char *why = transfer->problem[0] != '\0'
			      ? transfer->problem
			      : curl_easy_strerror(code);
	const char *url = transfer->request->url;

	if (code == CURLE_OK)
		return RC_OK;
	if (transfer->too_large)
		return err_set(err, RC_LIMIT,
		    "%s: the answer is larger than %zu bytes", url,
		    transfer->body->max);
	if (code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_CACERT_BADFILE)
		return err_set(err, RC_UNFIT,
		    "%s: its certificate is not believed: %s", url, why);
	if (code == CURLE_OUT_OF_MEMORY)
		return err_nomem(err, "HTTPS");
	return err_set(err, RC_IO, "%s: %s", url, why);
}

/* -- The answer ------------------------------------------------------------- */

static void
copy_header(CURL *curl, const char *name, char *text, size_t size)
{
	struct curl_header *header;

	text[0] = '\0';
	if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) !=
	    CURLHE_OK)
		return;
	/* a value that was cut would be another value */
	if (strlen(header->value) < size)
		(void)snprintf(text, size, "%s", header->value);
}

static void
make_bare_type(char *type)
{
	type[strcspn(type, "; \t")] = '\0';
	for (; *type != '\0'; type++)
		if (*type >= 'A' && *type <= 'Z')
			*type = (char)(*type - 'A' + 'a');
}

static void
read_answer(CURL *curl, struct https_response *ret)
{
	long status = 0;
	curl_off_t wait = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait);
	ret->status = (unsigned)status;
	ret->retry_after = wait < 0           ? 0
			   : wait > RETRY_MAX ? RETRY_MAX
					      : (unsigned)wait;
	copy_header(
	    curl, "Content-Type", ret->content_type, sizeof(ret->content_type));
	make_bare_type(ret->content_type);
	copy_header(curl, "Location", ret->location, sizeof(ret->location));
	copy_header(curl, "Replay-Nonce", ret->nonce, sizeof(ret->nonce));
}

static enum rc
run(struct https *https, struct transfer *transfer, struct err *err)
{
	TRY(resolve(https, transfer, err));
	curl_easy_reset(https->curl); /* connections are kept */
	TRY(set_rules(https, transfer, err));
	TRY(set_request(https->curl, transfer, err));
	return explain(transfer, perform_quietly(https->curl), err);
}

enum rc
https_send(struct https *https, const struct https_request *request,
    struct https_response *ret, struct err *err)
{
	struct transfer transfer = {.request = request, .body = &ret->body};
	size_t was = ret->body.len;

	enum rc rc = run(https, &transfer, err);
	if (rc == RC_OK)
		read_answer(https->curl, ret);
	else
		buf_cut(&ret->body, was);
	/* `transfer` and the caller's bytes end here: libcurl must not keep
	 * pointers to them */
	curl_easy_reset(https->curl);
	curl_slist_free_all(transfer.headers);
	curl_slist_free_all(transfer.addresses);
	return rc;
}

enum rc
https_escape(struct span text, struct buf *out, struct err *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	size_t was = out->len;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool safe = c != 0 && strchr(plain, c) != NULL;
		enum rc rc = safe ? buf_add_byte(out, c, err)
				  : buf_add_format(out, err, "%%%02X", c);
		if (rc != RC_OK) {
			buf_cut(out, was);
			return rc;
		}
	}
	return RC_OK;
}
