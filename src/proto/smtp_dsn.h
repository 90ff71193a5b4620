/* proto/smtp_dsn -- what a sender wants to be told of the delivery.
 *
 * Standard:  RFC 3461 section 4 (NOTIFY, ORCPT, ENVID; RET is always HDRS
 *            here), 6533 (addresses beyond ASCII).
 * May use:   base codec.
 */
#ifndef PROTO_SMTP_DSN_H
#define PROTO_SMTP_DSN_H

#include "base/buf.h"

#define SMTP_ENVID_MAX 100 /* RFC 3461 section 5.4 */
#define SMTP_ORCPT_MAX 500
#define SMTP_NOTIFY_MAX 28 /* "SUCCESS,FAILURE,DELAY" and a margin */

/* As bits; none: it was not said, and means failure. */
enum smtp_notify {
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8,
};

/* "NEVER", or some of "SUCCESS,FAILURE,DELAY". */
bool smtp_notify_parse(struct span text, unsigned *ret);
/* The same words; "" for none. */
void smtp_notify_print(unsigned notify, char ret[SMTP_NOTIFY_MAX + 1]);
/* Does the sender want to know that it failed? */
bool smtp_notify_has_failure(unsigned notify);

/* Printable ASCII with "+41" for all that is not, nothing of it a control
 * character when it is decoded. */
bool smtp_dsn_is_xtext(struct span text);
/* "rfc822;xtext", "utf-8;..." */
bool smtp_dsn_is_orcpt(struct span text);
/* Append what an xtext stands for.  RC_SYNTAX: it is none. */
enum rc smtp_dsn_decode(struct span xtext, struct buf *out, struct err *err);

#endif
