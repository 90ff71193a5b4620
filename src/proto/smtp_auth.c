#include "proto/smtp_auth_priv.h"

#include "codec/base64.h"

#define LINE_MAX_LEN 512 /* RFC 4954 section 4: else no initial response */

enum rc
smtp_auth_check(const struct sasl *sasl, struct err *err)
{
	if (strlen(sasl->user) > SMTP_AUTH_USER_MAX ||
	    sasl->secret.len > SMTP_AUTH_SECRET_MAX)
		return err_set(err, RC_LIMIT, "login is too long");
	/* RFC 4616: NUL separates the parts of a PLAIN message */
	if (span_find_byte(sasl->secret, 0) >= 0)
		return err_set(err, RC_SYNTAX, "password holds a NUL");
	return RC_OK;
}

static enum rc
add_base64_line(struct span bytes, struct buf *out, struct err *err)
{
	TRY(base64_encode(bytes, 0, out, err));
	return buf_add_str(out, "\r\n", err);
}

/* "AUTH NAME response", RFC 4954 section 4: "=" is an empty one. */
static enum rc
begin(struct smtp_auth *auth, struct span message, struct buf *out,
    struct err *err)
{
	const char *name = sasl_name(auth->mechanism);
	size_t line =
	    strlen("AUTH  \r\n") + strlen(name) + (message.len + 2) / 3 * 4;

	TRY(buf_add_format(out, err, "AUTH %s", name));
	auth->step = SMTP_AUTH_FIRST;
	if (line > LINE_MAX_LEN)
		return buf_add_str(out, "\r\n", err);
	auth->step = SMTP_AUTH_LAST;
	if (message.len == 0)
		return buf_add_str(out, " =\r\n", err);
	TRY(buf_add_str(out, " ", err));
	return add_base64_line(message, out, err);
}

static enum rc
print_message(const struct smtp_auth *auth, struct buf *ret, struct err *err)
{
	return sasl_print(&auth->sasl, auth->mechanism, ret, err);
}

static enum rc
refuse(const struct smtp_auth *auth, bool certified, struct err *err)
{
	static const char *const lacks[] = {
	    [SASL_PASSWORD] = "password (AUTH PLAIN or LOGIN)",
	    [SASL_TOKEN] = "token (AUTH OAUTHBEARER or XOAUTH2)",
	    [SASL_CERTIFICATE] = "certificate",
	};

	if (auth->sasl.kind == SASL_CERTIFICATE && certified)
		return err_set(err, RC_ABSENT, "no AUTH is needed");
	return err_set(err, RC_UNFIT,
	    "the server offers no login by %s on this connection",
	    lacks[auth->sasl.kind]);
}

enum rc
smtp_auth_begin(struct smtp_auth *auth, unsigned offered, bool certified,
    struct buf *out, struct err *err)
{
	struct buf message BUF_OWNED =
	    BUF_SECRET(2 * (SMTP_AUTH_USER_MAX + SMTP_AUTH_SECRET_MAX));

	auth->mechanism = 0;
	if (certified)
		auth->mechanism = sasl_choose(SASL_CERTIFICATE, offered);
	if (auth->mechanism == 0 && auth->sasl.kind != SASL_CERTIFICATE)
		auth->mechanism = sasl_choose(auth->sasl.kind, offered);
	if (auth->mechanism == 0)
		return refuse(auth, certified, err);
	if (auth->mechanism == SASL_LOGIN) {
		auth->step = SMTP_AUTH_USER;
		return buf_add_str(out, "AUTH LOGIN\r\n", err);
	}
	TRY(print_message(auth, &message, err));
	return begin(auth, buf_span(&message), out, err);
}

static enum rc
end(struct smtp_auth *auth, struct buf *out, struct err *err)
{
	const char *word = sasl_end(auth->mechanism);

	if (word == NULL)
		return err_set(err, RC_SYNTAX,
		    "SMTP: reply code 334 is not possible here");
	auth->step = SMTP_AUTH_ENDED;
	return buf_add_format(out, err, "%s\r\n", word);
}

enum rc
smtp_auth_go_on(struct smtp_auth *auth, struct buf *out, struct err *err)
{
	struct buf message BUF_OWNED =
	    BUF_SECRET(2 * (SMTP_AUTH_USER_MAX + SMTP_AUTH_SECRET_MAX));

	switch (auth->step) {
	case SMTP_AUTH_FIRST:
		auth->step = SMTP_AUTH_LAST;
		TRY(print_message(auth, &message, err));
		return add_base64_line(buf_span(&message), out, err);
	case SMTP_AUTH_USER:
		auth->step = SMTP_AUTH_PASSWORD;
		return add_base64_line(span_str(auth->sasl.user), out, err);
	case SMTP_AUTH_PASSWORD:
		auth->step = SMTP_AUTH_LAST;
		return add_base64_line(auth->sasl.secret, out, err);
	case SMTP_AUTH_LAST:
		return end(auth, out, err);
	case SMTP_AUTH_ENDED:
		return err_set(
		    err, RC_SYNTAX, "SMTP: the server's challenges do not end");
	}
	bug("smtp_auth: no such step");
}

bool
smtp_auth_has_more(const struct smtp_auth *auth)
{
	return auth->mechanism == SASL_EXTERNAL &&
	       auth->sasl.kind != SASL_CERTIFICATE;
}
