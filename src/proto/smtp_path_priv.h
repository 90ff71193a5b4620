/* proto/smtp_path -- what stands behind MAIL and RCPT.
 *
 * Private to proto/smtp_server.
 * Standard:  RFC 5321 section 4.1.2, 1870 (SIZE), 6152 (BODY), 3461 (RET,
 *            ENVID, NOTIFY, ORCPT), 4954 section 5 (AUTH),
 *            6531 (SMTPUTF8).
 */
#ifndef PROTO_SMTP_PATH_PRIV_H
#define PROTO_SMTP_PATH_PRIV_H

#include "base/buf.h"
#include "proto/smtp_dsn.h"
#include "proto/smtp_reply_priv.h"

#define SMTP_PATH_MAX 254 /* RFC 5321 section 4.5.3.1.3, without "<" and ">" */

struct smtp_path {
	char address[SMTP_PATH_MAX + 1]; /* "" for <> */
	uint64_t size;                   /* of SIZE=, 0 if it was not said */
	bool utf8;                       /* SMTPUTF8 was said */
	char envid[SMTP_ENVID_MAX + 1];  /* xtext, as it came; "": not said */
	unsigned notify;                 /* enum smtp_notify */
	char orcpt[SMTP_ORCPT_MAX + 1];  /* "type;xtext", as it came */
};

/* `rest` is what stands behind "MAIL" or "RCPT".  *ret_refusal says why not;
 * *ret is untouched then.  `utf8`, `offered`: an address may be UTF-8, if the
 * parameter SMTPUTF8 of MAIL says so; `said`: it did. */
void smtp_path_parse_from(struct span rest, bool utf8, struct smtp_path *ret,
    struct smtp_refusal *ret_refusal);
void smtp_path_parse_to(struct span rest, bool offered, bool said,
    struct smtp_path *ret, struct smtp_refusal *ret_refusal);

#endif
