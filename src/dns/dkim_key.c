#include "dns/dkim_key_priv.h"

#include <stdio.h>
#include <string.h>

#include "codec/crlf.h"
#include "os/clock.h"

u_char *
dkim_key_bytes(const char *text)
{
	return (u_char *)(uintptr_t)text;
}

/* -- what the library asks us -- */

static bool
is_wanted(const struct dkim_keys *keys, DKIM_SIGINFO *sig)
{
	const char *domain = (const char *)dkim_sig_getdomain(sig);

	return domain != NULL && keys->wanted(keys->self, domain);
}

static DKIM_CBSTAT
prescreen(DKIM *dkim, DKIM_SIGINFO **sigs, int count)
{
	const struct dkim_keys *keys = dkim_get_user_context(dkim);
	unsigned kept = 0;

	for (int i = 0; i < count; i++) {
		if (kept < keys->most && is_wanted(keys, sigs[i]))
			kept++;
		else
			dkim_sig_ignore(sigs[i]);
	}
	return DKIM_CBSTAT_CONTINUE;
}

static DKIM_CBSTAT
key_is_not_there(struct dkim_keys *keys, enum rc rc)
{
	if (rc == RC_ABSENT)
		return DKIM_CBSTAT_NOTFOUND;
	keys->unanswered = true;
	return DKIM_CBSTAT_TRYAGAIN;
}

static enum rc
ask(struct dkim_keys *keys, const char *name, struct strlist *ret)
{
	int64_t left = keys->deadline - clock_ticks();
	bool secure = false;

	if (keys->deadline == 0)
		return resolver_find_txt(
		    keys->resolver, name, ret, &secure, &keys->err);
	if (left <= 0)
		return err_set(
		    &keys->err, RC_IO, "no time to ask for %s", name);
	return resolver_find_txt_within(
	    keys->resolver, name, (int)left, ret, &keys->err);
}

static DKIM_CBSTAT
find_key(DKIM *dkim, DKIM_SIGINFO *sig, u_char *room, size_t room_len)
{
	struct dkim_keys *keys = dkim_get_user_context(dkim);
	struct strlist texts STRLIST_OWNED = STRLIST_NONE;
	char name[600];

	int len = snprintf(name, sizeof(name), "%s.%s.%s",
	    (const char *)dkim_sig_getselector(sig), DKIM_DNSKEYNAME,
	    (const char *)dkim_sig_getdomain(sig));
	if (len < 0 || (size_t)len >= sizeof(name))
		return DKIM_CBSTAT_NOTFOUND;
	enum rc rc = ask(keys, name, &texts);
	if (rc == RC_SYNTAX)
		return DKIM_CBSTAT_NOTFOUND;
	if (rc != RC_OK)
		return key_is_not_there(keys, rc);
	/* RFC 6376 section 3.6.2.2: "TXT RRs MUST be unique for a particular
	 * selector name". */
	if (texts.len != 1 || strlen(texts.item[0]) >= room_len) {
		(void)err_set(&keys->err, RC_SYNTAX,
		    "%s has not exactly one usable record", name);
		return DKIM_CBSTAT_NOTFOUND;
	}
	memcpy(room, texts.item[0], strlen(texts.item[0]) + 1);
	return DKIM_CBSTAT_CONTINUE;
}

/* -- what we ask the library -- */

enum rc
dkim_key_library(bool verify, DKIM_LIB **ret, struct err *err)
{
	DKIM_LIB *library OWNED(dkim_close) = dkim_init(NULL, NULL);
	u_int bits = DKIM_KEY_BITS_MIN;

	if (library == NULL)
		return err_nomem(err, "DKIM");
	if (verify &&
	    (dkim_set_key_lookup(library, find_key) != DKIM_STAT_OK ||
		dkim_set_prescreen(library, prescreen) != DKIM_STAT_OK ||
		dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS,
		    &bits, sizeof(bits)) != DKIM_STAT_OK))
		return err_set(err, RC_CRYPTO, "DKIM: library refused options");
	*ret = take(library);
	return RC_OK;
}

/* Without the line end that belongs to the section and not to the field. */
static struct span
without_line_end(struct span field)
{
	if (field.len != 0 && field.data[field.len - 1] == '\n')
		field.len--;
	if (field.len != 0 && field.data[field.len - 1] == '\r')
		field.len--;
	return field;
}

enum rc
dkim_key_status(DKIM *dkim, DKIM_STAT got, const char *where, struct err *err)
{
	const char *why = dkim_geterror(dkim);

	switch (got) {
	case DKIM_STAT_OK:
		return RC_OK;
	case DKIM_STAT_NORESOURCE:
		return err_nomem(err, "DKIM");
	default:
		return err_set(err, RC_SYNTAX, "DKIM: %s: %s", where,
		    why != NULL ? why : dkim_getresultstr(got));
	}
}

enum rc
dkim_key_fields(DKIM *dkim, const struct fields *fields, struct err *err)
{
	struct buf lines BUF_OWNED = BUF(2 * FIELD_SECTION_MAX);

	for (size_t i = 0; i < fields->len; i++) {
		struct crlf_writer writer = CRLF_WRITER;
		struct span field = without_line_end(fields->item[i].whole);
		buf_clear(&lines);
		TRY(crlf_write(&writer, field, &lines, err));
		DKIM_STAT got = dkim_header(dkim, lines.data, lines.len);
		TRY(dkim_key_status(dkim, got, "header", err));
	}
	return RC_OK;
}

enum rc
dkim_key_strength(DKIM_SIGINFO *sig, struct err *err)
{
	dkim_alg_t algorithm = DKIM_SIGN_UNKNOWN;
	unsigned bits = 0;

	if (dkim_sig_getsignalg(sig, &algorithm) != DKIM_STAT_OK ||
	    (algorithm != DKIM_SIGN_RSASHA256 &&
		algorithm != DKIM_SIGN_ED25519SHA256))
		return err_set(err, RC_REFUSED,
		    "the DKIM signature is neither rsa-sha256 nor ed25519");
	if (algorithm == DKIM_SIGN_RSASHA256 &&
	    (dkim_sig_getkeysize(sig, &bits) != DKIM_STAT_OK ||
		bits < DKIM_KEY_BITS_MIN))
		return err_set(err, RC_REFUSED,
		    "the DKIM key has less than %d bits", DKIM_KEY_BITS_MIN);
	if (dkim_sig_gettagvalue(sig, false, dkim_key_bytes("l")) != NULL)
		return err_set(err, RC_REFUSED,
		    "the DKIM signature leaves a part of the body open (l=)");
	return RC_OK;
}
