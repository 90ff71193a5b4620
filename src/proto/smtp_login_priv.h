/* proto/smtp_login -- user and password out of AUTH's base64.
 *
 * Private to proto/smtp_server.
 * Standard:  RFC 4954, 4616 (PLAIN); LOGIN as every mail program speaks it.
 */
#ifndef PROTO_SMTP_LOGIN_PRIV_H
#define PROTO_SMTP_LOGIN_PRIV_H

#include "base/buf.h"

#define SMTP_LOGIN_MAX 4096 /* bytes of user and of password */

struct smtp_login {
	struct buf user;
	struct buf password; /* wiped */
};

void smtp_login_init(struct smtp_login *login);
void smtp_login_done(struct smtp_login *login);

/* Fill from one response in base64 ("=" is the empty one).  RC_SYNTAX: not
 * what it must be.  RC_REFUSED: to act as somebody else was asked for. */
enum rc smtp_login_read_plain(
    struct smtp_login *login, struct span base64, struct err *err);
enum rc smtp_login_read_user(
    struct smtp_login *login, struct span base64, struct err *err);
enum rc smtp_login_read_password(
    struct smtp_login *login, struct span base64, struct err *err);

#endif
