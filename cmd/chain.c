/* letterlock chain: may a certificate be trusted? */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/chain.h"
#include "cmd/command.h"
#include "cmd/language.h"
#include "cmd/support.h"
#include "flow/words.h"
#include "os/clock.h"
#include "os/file.h"
#include "keydir/completion.h"

#define CRLS_FILE_MAX ((size_t)100 << 20)
#define OCSP_FILE_MAX ((size_t)4 << 20)

static enum rc
read_crls(const char *path, struct crls *crls, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(CRLS_FILE_MAX);

	TRY(support_check_path(path, err));
	TRY(file_read(path, &pem, err));
	enum rc rc = crls_parse(crls, buf_span(&pem), err);
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s", path);
}

static enum rc
read_ocsp(const char *path, struct ocsps *ocsps, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(OCSP_FILE_MAX);

	TRY(support_check_path(path, err));
	TRY(file_read(path, &bytes, err));
	enum rc rc = ocsps_parse(ocsps, buf_span(&bytes), err);
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s", path);
}

/* What is said of revocation: then every step must be covered. */
static enum rc
read_statuses(const struct chain_options *o, struct crls *crls,
    struct ocsps *ocsps, struct err *err)
{
	if (o->crl != NULL)
		TRY(support_of_option(
		    "--crl", read_crls(o->crl, crls, err), err));
	for (size_t i = 0; i < o->ocsps.len; i++)
		TRY(support_of_option(
		    "--ocsp", read_ocsp(o->ocsps.item[i], ocsps, err), err));
	return RC_OK;
}

static bool
checks_status(const struct chain_options *o)
{
	return o->crl != NULL || o->ocsps.len > 0;
}

static enum chain_purpose
purpose_of(const struct chain_options *o, const struct cert *cert)
{
	struct err ignored = ERR_NONE;

	if (o->any_purpose)
		return CHAIN_ANY;
	return cert_can_receive(cert, &ignored) == RC_OK &&
		       cert_can_sign(cert, &ignored) != RC_OK
		   ? CHAIN_MAIL_ENCRYPT
		   : CHAIN_MAIL_SIGN;
}

static const char *
revocation_name(enum chain_revocation revocation)
{
	static const char *const names[] = {
	    [REVOCATION_NOT_APPLICABLE] = "not-applicable",
	    [REVOCATION_GOOD] = "good",
	    [REVOCATION_UNKNOWN] = "unknown",
	    [REVOCATION_REVOKED] = "revoked",
	    [REVOCATION_COMPROMISED] = "compromised",
	};

	return names[revocation];
}

static const char *
state_name(enum chain_state state)
{
	static const char *const names[] = {
	    [CHAIN_VALID] = "valid",
	    [CHAIN_INVALID] = "invalid",
	    [CHAIN_NO_ANCHOR] = "no-anchor",
	};

	return names[state];
}

/* Lends the words for what was found out. */
static const struct words *
words_of(const struct chain_options *o, const struct chain_result *r)
{
	const char *code = r->reason != NULL  ? r->reason
			   : checks_status(o) ? "path.good"
					      : "path.unchecked";
	const struct words *words = words_find(code, "alone");

	return words != NULL ? words : words_find("chain.invalid", "");
}

static enum rc
print_text(const struct chain_options *o, const char *address,
    const struct chain_result *r, struct err *err)
{
	const struct words *words = words_of(o, r);
	const struct words_names names = {.signer = address};
	char sentence[WORDS_MAX];
	enum language language;

	TRY(language_choose(NULL, &language, err));
	words_fill(words->says[language], &names, language, sentence);
	printf("%s%s%s\n  %s\n  %s\n", state_name(r->state),
	    r->reason != NULL ? ": " : "", r->reason != NULL ? r->reason : "",
	    sentence, words->advice[language]);
	return RC_OK;
}

static enum rc
print_json(const struct chain_result *r, struct err *err)
{
	json_t *path = json_array();
	for (size_t i = 0; i < r->path.len; i++)
		json_array_append_new(
		    path, json_string(cert_fingerprint(r->path.item[i])));
	json_t *o = json_pack("{s:s,s:s?,s:s,s:o}", "chain",
	    state_name(r->state), "chain-reason", r->reason, "revocation",
	    revocation_name(r->revocation), "path", path);
	char *text = o != NULL ? json_dumps(o, JSON_INDENT(2)) : NULL;
	json_decref(o);
	if (text == NULL)
		return err_nomem(err, "report");
	printf("%s\n", text);
	free(text);
	return RC_OK;
}

static enum rc
print_chain(const struct chain_options *o, const struct cert *cert,
    const struct chain_result *r, struct err *err)
{
	const struct strlist *addresses = cert_addresses(cert);

	return o->json ? print_json(r, err)
		       : print_text(o,
			     addresses->len > 0 ? addresses->item[0] : NULL, r,
			     err);
}

struct input {
	struct certs certs, roots, untrusted;
	struct crls crls;
	struct ocsps ocsps;
	int64_t at;
};

#define INPUT_OWNED __attribute__((cleanup(input_done)))

static void
input_done(struct input *in)
{
	certs_done(&in->certs);
	certs_done(&in->roots);
	certs_done(&in->untrusted);
	crls_done(&in->crls);
	ocsps_done(&in->ocsps);
}

static enum rc
read_input(const struct chain_options *o, struct input *in, struct err *err)
{
	in->at = clock_now();
	if (o->at != NULL)
		TRY(support_parse_time("--at", o->at, &in->at, err));
	TRY(support_of_option(
	    "--trust", support_read_certs(o->trust, &in->roots, err), err));
	if (o->untrusted != NULL)
		TRY(support_of_option("--untrusted",
		    support_read_certs(o->untrusted, &in->untrusted, err),
		    err));
	TRY(read_statuses(o, &in->crls, &in->ocsps, err));
	return support_read_input_certs(&in->certs, err);
}

static enum rc
check(const struct chain_options *o, const struct issuer_source *issuers,
    struct input *in, struct chain_result *ret, struct err *err)
{
	const struct chain_request ask = {
	    .roots = &in->roots,
	    .untrusted = &in->untrusted,
	    .crls = o->crl != NULL ? &in->crls : NULL,
	    .ocsps = o->ocsps.len > 0 ? &in->ocsps : NULL,
	    .need_status = checks_status(o),
	    .at = in->at,
	    .purpose = purpose_of(o, in->certs.item[0]),
	    .policies = o->policies.len > 0 ? &o->policies : NULL,
	    .explicit_policy = o->explicit_policy,
	    .inhibit_mapping = o->inhibit_mapping,
	    .inhibit_any_policy = o->inhibit_any,
	};

	enum rc rc = chain_check(in->certs.item[0], &ask, ret, err);
	if (rc == RC_SYNTAX)
		return support_of_option("--policy", rc, err);
	TRY(rc);
	if (issuers == NULL)
		return RC_OK;
	const struct completion completion = {
	    .source = issuers,
	    .deadline = clock_ticks() + issuers->budget,
	    .cert = in->certs.item[0],
	    .ask = &ask,
	    .untrusted = &in->untrusted,
	};
	return completion_run(&completion, ret, err);
}

int
chain_run(const struct chain_options *o, const struct issuer_source *issuers)
{
	struct input in INPUT_OWNED = {.at = 0};
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct err err = ERR_NONE;

	enum rc rc = read_input(o, &in, &err);
	if (rc == RC_OK)
		rc = check(o, issuers, &in, &result, &err);
	if (rc == RC_OK)
		rc = print_chain(o, in.certs.item[0], &result, &err);
	if (rc != RC_OK)
		return command_failed("chain", &err);
	return result.state == CHAIN_VALID ? EXIT_YES : EXIT_NO;
}

int
command_chain(int argc, char **argv)
{
	struct chain_options o = {
	    .ocsps = STRLIST_NONE,
	    .policies = STRLIST_NONE,
	    .networks = STRLIST_NONE,
	};
	const struct option options[] = {
	    {"trust", OPTION_TEXT, &o.trust, "FILE", "PEM: trusted roots",
		true},
	    {"untrusted", OPTION_TEXT, &o.untrusted, "FILE",
		"PEM: certificates that may help to build the path", false},
	    {"crl", OPTION_TEXT, &o.crl, "FILE",
		"PEM or DER: revocation lists; then every step must be covered",
		false},
	    {"ocsp", OPTION_LIST, &o.ocsps, "FILE",
		"PEM or DER: OCSP answers, in place of lists or beside them; "
		"may be repeated",
		false},
	    {"fetch-issuers", OPTION_FLAG, &o.fetch_issuers, NULL,
		"fetch certificates that are missing on the way", false},
	    {"status-network", OPTION_LIST, &o.networks, "NETWORK",
		"may be asked for them, though it is not public", false},
	    {"at", OPTION_TEXT, &o.at, "TIME",
		"as of then: RFC 3339 or seconds since 1970", false},
	    {"any-purpose", OPTION_FLAG, &o.any_purpose, NULL,
		"do not ask whether it is made for mail", false},
	    {"policy", OPTION_LIST, &o.policies, "OID",
		"acceptable certificate policy; may be repeated", false},
	    {"explicit-policy", OPTION_FLAG, &o.explicit_policy, NULL,
		"a policy must hold along the whole path", false},
	    {"inhibit-policy-mapping", OPTION_FLAG, &o.inhibit_mapping, NULL,
		"no authority may map policies", false},
	    {"inhibit-any-policy", OPTION_FLAG, &o.inhibit_any, NULL,
		"anyPolicy stands for no other policy", false},
	    {"json", OPTION_FLAG, &o.json, NULL, "print one JSON object",
		false},
	    {0},
	};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	if (command_helps(
		argc, argv, "chain --trust FILE ... < cert.pem", options))
		return EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) != RC_OK)
		status = command_failed("chain", &err);
	else
		status = o.fetch_issuers ? chain_fetched(&o, argc, argv)
					 : chain_run(&o, NULL);
	strlist_done(&o.ocsps);
	strlist_done(&o.policies);
	strlist_done(&o.networks);
	return status;
}
