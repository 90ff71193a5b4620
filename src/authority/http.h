/* authority/http -- one request and its answer, without a server.
 *
 * What the authority's services see of HTTP: authority/web brings the bytes,
 * tests and fuzzers hand in structs.
 *
 * May use:   base.
 */
#ifndef AUTHORITY_HTTP_H
#define AUTHORITY_HTTP_H

#include "base/buf.h"

#define HTTP_HEADERS_MAX 8
#define HTTP_BODY_MAX ((size_t)64 * 1024) /* of a request */
#define HTTP_ANSWER_MAX ((size_t)8 << 20) /* of an answer */

struct http_request {
	const char *method;        /* "GET", "HEAD", "POST", ... */
	const char *path;          /* raw, without the query */
	const char *query;         /* raw, "" if none */
	const char *content_type;  /* as sent, "" if none */
	const char *host;          /* the same of these three, of */
	const char *origin;        /* which a browser says where a */
	const char *fetch_site;    /* request comes from */
	const char *if_none_match; /* the same; NULL is "" */
	const char *peer;          /* the client's IP address */
	bool plain;                /* it came without TLS */
	bool metrics;              /* to the place for metrics, plain too */
	bool desk;          /* to the place for people with certificates */
	struct span person; /* there: the certificate (DER) whose key the
				   * client has; whose it is has to be found */
	struct span body;
};

struct http_header {
	const char *name; /* static */
	char *value;      /* owned */
};

struct http_answer {
	unsigned status;          /* 0: not decided yet */
	const char *content_type; /* static; NULL: no body */
	struct http_header header[HTTP_HEADERS_MAX];
	size_t headers;
	struct buf body;
	/* Once this is sent, a letter should go out or a domain be asked. */
	bool mail_waits;
};

#define HTTP_ANSWER ((struct http_answer){.body = BUF(HTTP_ANSWER_MAX)})
#define HTTP_ANSWER_OWNED __attribute__((cleanup(http_answer_done)))
void http_answer_done(struct http_answer *answer);

enum rc http_answer_add_header(struct http_answer *answer, const char *name,
    struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Replaces status and body; the headers stay. */
enum rc http_answer_set(struct http_answer *answer, unsigned status,
    const char *content_type, struct span body, struct err *err);

/* Begin the answer again, with the first `headers` headers only. */
void http_answer_cut(struct http_answer *answer, size_t headers);

/* Is the media type `want`, whatever its parameters? */
bool http_has_type(const struct http_request *request, const char *want);

/* The value of the one pair of the name in "name=value&...", as it was sent; it
 * lies in `pairs`.  RC_ABSENT: there is none, or several. */
enum rc http_pair(
    struct span pairs, const char *name, struct span *ret, struct err *err);

/* The decoded value of a query's parameter, appended.  RC_ABSENT: it has no
 * such parameter, or several.  RC_SYNTAX: a "%" that starts no code, or NUL. */
enum rc http_query(const struct http_request *request, const char *name,
    struct buf *out, struct err *err);

/* Append what "%xy" stands for.  RC_SYNTAX: a "%" that starts no code, or
 * NUL. */
enum rc http_percent_decode(struct span in, struct buf *out, struct err *err);

#endif
