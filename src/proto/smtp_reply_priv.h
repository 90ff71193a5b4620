/* proto/smtp_reply -- one reply of an SMTP server: found in what was read, or
 * printed.
 *
 * Private to proto/smtp_client and smtp_server.
 * Standard:  RFC 5321 section 4.2 (multiline replies), RFC 2034.
 * Limits:    a line of 4096 bytes (RFC 5321 says 512; some greet at length).
 */
#ifndef PROTO_SMTP_REPLY_PRIV_H
#define PROTO_SMTP_REPLY_PRIV_H

#include "base/buf.h"
#include "proto/smtp_client.h"

#define SMTP_REPLY_LINE_MAX 4096

struct smtp_reply {
	unsigned code;     /* 200 to 599 */
	struct span lines; /* all of it, with codes and CRLFs */
};

/* The reply at the start of `bytes`, lent.  RC_AGAIN: it is not complete. */
enum rc smtp_reply_find(
    struct span bytes, struct smtp_reply *ret, struct err *err);

/* Take the next line from reply.lines, without code and CRLF. */
bool smtp_reply_next_line(struct span *lines, struct span *ret);

/* Fill *ret; `recipient` is whom it is about, or "". */
void smtp_reply_result(const struct smtp_reply *reply, const char *recipient,
    struct smtp_client_result *ret);

/* Append `words` as printable ASCII to the string in `text`, cut to `size`. */
void smtp_reply_add_words(char *text, size_t size, struct span words);

/* A reply of our own that says no. */
struct smtp_refusal {
	unsigned code; /* 0: none */
	const char *enhanced;
	const char *text;
};

/* Append one line of our own; `enhanced` may be NULL.  `text` is made
 * printable and cut. */
enum rc smtp_reply_print(unsigned code, const char *enhanced, const char *text,
    struct buf *out, struct err *err);

#endif
