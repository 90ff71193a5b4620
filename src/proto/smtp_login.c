#include "proto/smtp_login_priv.h"

#include "codec/base64.h"

void
smtp_login_init(struct smtp_login *login)
{
	login->user = BUF(SMTP_LOGIN_MAX);
	login->password = BUF_SECRET(SMTP_LOGIN_MAX);
}

void
smtp_login_done(struct smtp_login *login)
{
	buf_done(&login->user);
	buf_done(&login->password);
}

/* RFC 4954 section 4: "the server MUST reject" what is not in the alphabet;
 * codec/base64 would pass over white space. */
static enum rc
decode(struct span base64, struct buf *out, struct err *err)
{
	if (span_is(base64, span_str("=")))
		return RC_OK;
	for (size_t i = 0; i < base64.len; i++)
		if (base64.data[i] <= ' ' || base64.data[i] >= 0x7f)
			return err_set(err, RC_SYNTAX, "AUTH: no base64");
	return base64_decode(base64, out, err);
}

static enum rc
check_user(struct span user, struct err *err)
{
	for (size_t i = 0; i < user.len; i++)
		if (user.data[i] < ' ' || user.data[i] == 0x7f)
			return err_set(err, RC_SYNTAX,
			    "AUTH: control character in the user's name");
	if (user.len == 0)
		return err_set(err, RC_SYNTAX, "AUTH: no user's name");
	return RC_OK;
}

static enum rc
set_user(struct smtp_login *login, struct span user, struct err *err)
{
	const char *unused;

	TRY(check_user(user, err));
	buf_clear(&login->user);
	TRY(buf_add(&login->user, user, err));
	return buf_str(&login->user, &unused, err); /* adds a NUL */
}

static enum rc
set_password(struct smtp_login *login, struct span password, struct err *err)
{
	if (span_find_byte(password, 0) >= 0)
		return err_set(err, RC_SYNTAX, "AUTH: NUL in the password");
	buf_clear(&login->password);
	return buf_add(&login->password, password, err);
}

static bool
take_part(struct span *rest, struct span *ret)
{
	ptrdiff_t nul = span_find_byte(*rest, 0);

	if (nul < 0)
		return false;
	*ret = span_first(*rest, (size_t)nul);
	*rest = span_after(*rest, (size_t)nul + 1);
	return true;
}

enum rc
smtp_login_read_plain(
    struct smtp_login *login, struct span base64, struct err *err)
{
	struct buf plain BUF_OWNED = BUF_SECRET(3 * SMTP_LOGIN_MAX);
	struct span as, user;

	TRY(decode(base64, &plain, err));
	struct span rest = buf_span(&plain);
	if (!take_part(&rest, &as) || !take_part(&rest, &user))
		return err_set(err, RC_SYNTAX, "AUTH PLAIN: parts are missing");
	TRY(check_user(user, err));
	if (as.len > 0 && !span_is(as, user))
		return err_set(err, RC_REFUSED,
		    "AUTH PLAIN: nobody may act as somebody else");
	TRY(set_password(login, rest, err));
	return set_user(login, user, err);
}

enum rc
smtp_login_read_user(
    struct smtp_login *login, struct span base64, struct err *err)
{
	struct buf user BUF_OWNED = BUF(SMTP_LOGIN_MAX);

	TRY(decode(base64, &user, err));
	return set_user(login, buf_span(&user), err);
}

enum rc
smtp_login_read_password(
    struct smtp_login *login, struct span base64, struct err *err)
{
	struct buf password BUF_OWNED = BUF_SECRET(SMTP_LOGIN_MAX);

	TRY(decode(base64, &password, err));
	return set_password(login, buf_span(&password), err);
}
