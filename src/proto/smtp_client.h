/* proto/smtp_client -- the sending side of SMTP, without sockets.
 *
 * Standard:  RFC 5321, 6409, 3207 (STARTTLS), 4954 (AUTH, by proto/sasl), 3461
 *            (DSN; RET=HDRS, so that a bounce carries no content back), 6531
 *            (SMTPUTF8, where an address or a header is beyond ASCII: where it
 *            is not offered, 553 5.6.7 is the result).
 * May use:   base codec.
 */
#ifndef PROTO_SMTP_CLIENT_H
#define PROTO_SMTP_CLIENT_H

#include "base/buf.h"
#include "base/strlist.h"
#include "proto/sasl.h"
#include "proto/smtp_dsn.h"

/* What the sender wants to be told of one recipient: asked for where the
 * server offers DSN. */
struct smtp_client_wish {
	unsigned notify;   /* enum smtp_notify */
	const char *orcpt; /* "type;xtext"; NULL or "": none */
};

struct smtp_client_letter {
	const char *from; /* "" for the null reverse-path; UTF-8 */
	const struct strlist *to;
	struct span bytes;                   /* CRLF */
	const char *envid;                   /* xtext; NULL or "": none */
	const struct smtp_client_wish *wish; /* one for each of `to`, or NULL */
};

struct smtp_client_config {
	const char *name;  /* for EHLO */
	bool starttls;     /* required, never "if offered" */
	struct sasl login; /* user NULL: no login */
	const struct smtp_client_letter *letter; /* NULL: only log in */
};

enum smtp_client_event {
	SMTP_CLIENT_MORE,     /* send what is to be sent, then read more */
	SMTP_CLIENT_STARTTLS, /* wrap the connection in TLS, drop unread bytes, then
			       * smtp_client_secured() */
	SMTP_CLIENT_DONE,     /* see the result; close */
};

struct smtp_client;

/* Borrows everything in `config` until free. */
enum rc smtp_client_new(const struct smtp_client_config *config,
    struct smtp_client **ret, struct err *err);
void smtp_client_free(struct smtp_client *client);

enum rc smtp_client_push(
    struct smtp_client *client, struct span bytes, struct err *err);
enum rc smtp_client_next(
    struct smtp_client *client, enum smtp_client_event *ret, struct err *err);
enum rc smtp_client_secured(struct smtp_client *client, struct err *err);
/* TLS has shown our certificate: AUTH EXTERNAL is tried first if it is
 * offered, and with SASL_CERTIFICATE none is needed.  Before
 * smtp_client_next(). */
void smtp_client_certified(struct smtp_client *client);
/* Of a letter, SMTP_CLIENT_PIECE at most: to look for dots in all that is left
 * each time would take the square of its size. */
#define SMTP_CLIENT_PIECE ((size_t)64 * 1024)
struct span smtp_client_output(const struct smtp_client *client);
void smtp_client_sent(struct smtp_client *client, size_t len);

/* After DONE.  code 250: the server took it for every recipient (without a
 * letter: the reply to AUTH or EHLO, 2xx if the login is good).  Refused
 * recipients make the whole refused (RSET, nothing is sent: half a letter
 * sent is a letter nobody can account for). */
struct smtp_client_result {
	unsigned code;       /* the deciding reply */
	char enhanced[12];   /* "5.1.1" or "" */
	char text[300];      /* the server's words, printable */
	char recipient[321]; /* whom the refusal names, or "" */
	bool dsn; /* the server promised to tell what the sender wanted */
};
const struct smtp_client_result *smtp_client_result(
    const struct smtp_client *client);

#endif
