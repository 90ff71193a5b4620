/* proto/smtp_server -- the receiving side of SMTP, without sockets.
 *
 * Standard:  RFC 5321, 2033 (LMTP), 6409 (submission), 4954 (AUTH PLAIN,
 *            LOGIN), 2920 (PIPELINING), 1870 (SIZE), 6152 (8BITMIME), 2034
 *            (enhanced status codes), 6531 (SMTPUTF8), 3461 (DSN), 3030
 *            (CHUNKING, without BINARYMIME), 3207 (STARTTLS).
 * May use:   base codec.
 * Limits:    struct smtp_server_limits.
 *
 * Push what was read; take events one at a time; answer the ones that ask; send
 * what was pulled.  A bare LF or bare CR in the data is refused (SMTP
 * smuggling), and a connection whose first line is HTTP is closed (a web page
 * that posts to our port).
 */
#ifndef PROTO_SMTP_SERVER_H
#define PROTO_SMTP_SERVER_H

#include "base/buf.h"

struct smtp_server_limits {
	size_t letter;         /* bytes of data; beyond: 552 5.3.4 */
	unsigned recipients;   /* beyond: 452 4.5.3 */
	unsigned errors;       /* bad commands before 421 and the end */
	unsigned transactions; /* letters in one connection */
	unsigned logins; /* wrong credentials before 421; 0: as `errors` */
};

#define SMTP_SERVER_LIMITS \
	((struct smtp_server_limits){(size_t)50 << 20, 200, 20, 1000, 5})

struct smtp_server_config {
	const char *name;  /* our host name, for greeting and EHLO */
	bool require_auth; /* a submission server: AUTH before MAIL */
	bool lmtp;         /* RFC 2033; limits.recipients must be 1, so that an
			    * answer to a letter is one to its recipient */
	struct smtp_server_limits limits;
	bool utf8;     /* RFC 6531: addresses may be UTF-8 */
	bool chunking; /* BDAT */
	bool dsn;      /* else its parameters are checked and passed over */
	bool starttls; /* the connection is clear; nothing goes before TLS */
};

enum smtp_server_event {
	SMTP_SERVER_MORE, /* nothing now: send what is to be sent, read more */
	SMTP_SERVER_SEND, /* much is to be sent: do, before the next one */
	SMTP_SERVER_STARTTLS, /* send what is to be sent, begin TLS, then
			       * smtp_server_secured() */
	SMTP_SERVER_LOGIN,    /* AUTH came: answer smtp_server_login() */
	SMTP_SERVER_FROM,     /* MAIL: smtp_server_reply() */
	SMTP_SERVER_TO,       /* RCPT: smtp_server_reply() */
	SMTP_SERVER_LETTER,   /* the data are complete: smtp_server_reply() */
	SMTP_SERVER_RESET,    /* the transaction is over; nothing to answer */
	SMTP_SERVER_END,      /* send what is to be sent and close */
};

struct smtp_server;

enum rc smtp_server_new(const struct smtp_server_config *config,
    struct smtp_server **ret, struct err *err);
void smtp_server_free(struct smtp_server *server);

enum rc smtp_server_push(
    struct smtp_server *server, struct span bytes, struct err *err);
/* RC_OK; any failure: close the connection. */
enum rc smtp_server_next(
    struct smtp_server *server, enum smtp_server_event *ret, struct err *err);

/* Lend what the event is about, until the next push or next. */
const char *smtp_server_user(const struct smtp_server *server);
struct span smtp_server_password(const struct smtp_server *server);
const char *smtp_server_from(const struct smtp_server *server); /* "" for <> */
const char *smtp_server_to(const struct smtp_server *server);   /* the newest */
/* What the sender wants to be told (proto/smtp_dsn.h), as it came: xtext, "" if
 * it was not said; the last two are of the newest recipient. */
const char *smtp_server_envid(const struct smtp_server *server);
unsigned smtp_server_notify(const struct smtp_server *server);
const char *smtp_server_orcpt(const struct smtp_server *server);
const char *smtp_server_helo(const struct smtp_server *server);
/* The complete letter, CRLF, dots of DATA undone; belongs to the server until the next
 * transaction. */
struct span smtp_server_letter(const struct smtp_server *server);

/* TLS is up.  RC_SYNTAX: bytes were pushed before it was. */
enum rc smtp_server_secured(struct smtp_server *server, struct err *err);

/* Answers.  `text` is one line, cut and made printable. */
enum rc smtp_server_login(
    struct smtp_server *server, bool accepted, struct err *err);
enum rc smtp_server_reply(struct smtp_server *server, unsigned code,
    const char *enhanced, const char *text, struct err *err);

/* Bytes to send to the peer: lends them; drop what was sent. */
struct span smtp_server_output(const struct smtp_server *server);
void smtp_server_sent(struct smtp_server *server, size_t len);

#endif
