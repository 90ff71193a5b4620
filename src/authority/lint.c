#include "authority/lint_priv.h"

/* What cannot be taken apart breaks this one, and nothing else is asked. */
static const struct lint_rule form = {"rfc5280-4.1-form",
    "RFC 5280 section 4.1; X.690",
    "A certificate is DER all the way down and has the parts of one."};

#define THEMES 6

static struct lint_theme
theme(size_t i)
{
	static struct lint_theme (*const themes[THEMES])(void) = {lint_form,
	    lint_key, lint_name, lint_alternative, lint_use, lint_pointer};

	return themes[i]();
}

const struct lint_rule *
lint_rule(size_t i)
{
	if (i == 0)
		return &form;
	i--;
	for (size_t at = 0; at < THEMES; at++) {
		struct lint_theme rows = theme(at);
		if (i < rows.len)
			return &rows.row[i].rule;
		i -= rows.len;
	}
	return NULL;
}

static void
add(struct lint_findings *findings, const struct lint_rule *rule)
{
	if (findings->len < LINT_RULES_MAX)
		findings->rule[findings->len++] = rule;
}

static void
ask(const struct lint_cert *cert, struct lint_findings *findings)
{
	for (size_t at = 0; at < THEMES; at++) {
		struct lint_theme rows = theme(at);
		for (size_t i = 0; i < rows.len; i++)
			if ((rows.row[i].kinds & KINDS(cert->kind)) != 0 &&
			    !rows.row[i].holds(cert))
				add(findings, &rows.row[i].rule);
	}
}

/* The issuer is read for what it says only. */
static enum rc
read_above(const struct lint_wish *wish, struct lint_cert *ret, struct err *err)
{
	struct lint_wish above = {0};

	TRY(lint_take(wish->issuer, &above, err));
	return lint_read(above.tbs, ret, err);
}

enum rc
lint_check(
    const struct lint_wish *wish, struct lint_findings *ret, struct err *err)
{
	struct lint_cert above = {0};
	struct lint_cert cert = {.wish = wish, .kind = wish->kind};

	ret->len = 0;
	if (wish->issuer.len > 0) {
		TRY(read_above(wish, &above, err));
		cert.above = &above;
	}
	if (lint_read(wish->tbs, &cert, err) == RC_OK)
		ask(&cert, ret);
	else
		add(ret, &form);
	if (ret->len == 0)
		return RC_OK;
	return err_set(
	    err, RC_UNFIT, "%s: %s", ret->rule[0]->id, ret->rule[0]->text);
}

/* --- certificates that are there already */

static enum lint_kind
guess_ca(const struct lint_cert *cert)
{
	if (span_is(cert->issuer.whole, cert->subject.whole))
		return LINT_ROOT;
	return lint_has(lint_list(cert, OID_PURPOSES), OID_STAMP)
		   ? LINT_TSA_CA
		   : LINT_MAIL_CA;
}

static enum lint_kind
guess(const struct lint_cert *cert)
{
	struct span purposes = lint_list(cert, OID_PURPOSES);
	struct der ca;

	if (lint_first(lint_list(cert, OID_CONSTRAINTS), DER_BOOLEAN, &ca))
		return guess_ca(cert);
	if (lint_has(purposes, OID_STAMP))
		return LINT_TSA;
	if (lint_has(purposes, OID_OCSP_SIGNING))
		return LINT_OCSP;
	return lint_has(purposes, OID_SERVER) ? LINT_HOST : LINT_MAIL;
}

enum rc
lint_take(struct span certificate, struct lint_wish *ret, struct err *err)
{
	struct lint_cert cert = {0};
	struct der whole, tbs, algorithm, bits;

	TRY(der_expect(&certificate, DER_SEQUENCE, &whole, err));
	TRY(der_expect(&whole.value, DER_SEQUENCE, &tbs, err));
	TRY(der_expect(&whole.value, DER_SEQUENCE, &algorithm, err));
	TRY(der_expect(&whole.value, DER_BITS, &bits, err));
	if (certificate.len > 0 || whole.value.len > 0)
		return err_set(err, RC_SYNTAX, "more than a certificate");
	*ret =
	    (struct lint_wish){.tbs = tbs.whole, .algorithm = algorithm.whole};
	/* one that cannot be read breaks a rule, whatever it is */
	ret->kind = lint_read(tbs.whole, &cert, NULL) == RC_OK ? guess(&cert)
							       : LINT_MAIL;
	return RC_OK;
}
