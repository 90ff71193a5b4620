#include "proto/sasl.h"

#define BEARER "auth=Bearer "

typedef enum rc print(
    const struct sasl *sasl, struct buf *out, struct err *err);
static print print_plain, print_external, print_bearer, print_xoauth2;

/* In the order of preference. */
static const struct mechanism {
	const char *name;
	unsigned bit;
	enum sasl_kind kind;
	print *print;
	const char *end;
} mechanisms[] = {
    {"EXTERNAL", SASL_EXTERNAL, SASL_CERTIFICATE, print_external, NULL},
    /* RFC 7628 section 3.2.3: a single ^A */
    {"OAUTHBEARER", SASL_OAUTHBEARER, SASL_TOKEN, print_bearer, "AQ=="},
    {"XOAUTH2", SASL_XOAUTH2, SASL_TOKEN, print_xoauth2, ""},
    {"PLAIN", SASL_PLAIN, SASL_PASSWORD, print_plain, NULL},
    {"LOGIN", SASL_LOGIN, SASL_PASSWORD, NULL, NULL},
};
#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static const struct mechanism *
find(unsigned bit)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].bit == bit)
			return &mechanisms[i];
	bug("sasl: no such mechanism");
}

unsigned
sasl_find(struct span name)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (span_is_nocase(name, mechanisms[i].name))
			return mechanisms[i].bit;
	return 0;
}

const char *
sasl_name(unsigned mechanism)
{
	return find(mechanism)->name;
}

const char *
sasl_end(unsigned mechanism)
{
	return find(mechanism)->end;
}

unsigned
sasl_choose(enum sasl_kind kind, unsigned offered)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].kind == kind &&
		    (mechanisms[i].bit & offered) != 0)
			return mechanisms[i].bit;
	return 0;
}

/* Between ^A and ^A, or NUL and NUL: a control character would be another
 * part. */
static enum rc
check_part(struct span part, const char *what, struct err *err)
{
	for (size_t i = 0; i < part.len; i++)
		if (part.data[i] < ' ')
			return err_set(
			    err, RC_SYNTAX, "%s has a control character", what);
	return RC_OK;
}

/* [authzid] NUL authcid NUL passwd */
static enum rc
print_plain(const struct sasl *sasl, struct buf *out, struct err *err)
{
	if (span_find_byte(sasl->secret, 0) >= 0)
		return err_set(err, RC_SYNTAX, "password holds a NUL");
	TRY(buf_add_byte(out, 0, err));
	TRY(buf_add_str(out, sasl->user, err));
	TRY(buf_add_byte(out, 0, err));
	return buf_add(out, sasl->secret, err);
}

/* Empty: whoever the certificate names. */
static enum rc
print_external(const struct sasl *sasl, struct buf *out, struct err *err)
{
	(void)sasl;
	(void)out;
	(void)err;
	return RC_OK;
}

static enum rc
print_token(const struct sasl *sasl, struct buf *out, struct err *err)
{
	TRY(check_part(sasl->secret, "access token", err));
	TRY(buf_add_str(out, "\x01" BEARER, err));
	TRY(buf_add(out, sasl->secret, err));
	return buf_add_str(out, "\x01\x01", err);
}

/* RFC 5801 section 4: in a name "," and "=" are written as =2C and =3D. */
static enum rc
print_saslname(const char *name, struct buf *out, struct err *err)
{
	for (; *name != '\0'; name++) {
		if (*name == ',' || *name == '=')
			TRY(buf_add_str(
			    out, *name == ',' ? "=2C" : "=3D", err));
		else
			TRY(buf_add_byte(out, (uint8_t)*name, err));
	}
	return RC_OK;
}

static enum rc
print_bearer(const struct sasl *sasl, struct buf *out, struct err *err)
{
	TRY(check_part(span_str(sasl->user), "user", err));
	TRY(buf_add_str(out, "n,a=", err));
	TRY(print_saslname(sasl->user, out, err));
	TRY(buf_add_format(
	    out, err, ",\x01host=%s\x01port=%u", sasl->host, sasl->port));
	return print_token(sasl, out, err);
}

static enum rc
print_xoauth2(const struct sasl *sasl, struct buf *out, struct err *err)
{
	TRY(check_part(span_str(sasl->user), "user", err));
	TRY(buf_add_format(out, err, "user=%s", sasl->user));
	return print_token(sasl, out, err);
}

enum rc
sasl_print(const struct sasl *sasl, unsigned mechanism, struct buf *out,
    struct err *err)
{
	const struct mechanism *m = find(mechanism);
	size_t was = out->len;

	if (m->print == NULL)
		bug("sasl: LOGIN has two messages");
	enum rc rc = m->print(sasl, out, err);
	if (rc != RC_OK)
		buf_cut(out, was);
	return rc;
}
