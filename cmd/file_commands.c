/* The engine on files: seal, open, inspect, chain. */
#include <jansson.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/support.h"
#include "dns/resolver.h"
#include "flow/gather.h"
#include "flow/outgoing.h"
#include "flow/report.h"
#include "mime/protect.h"
#include "mime/protect_reference.h"
#include "os/clock.h"
#include "os/file.h"
#include "pki/chain.h"
#include "vault/identity.h"

OWNER(struct entity, entity_free);

/* --- seal -------------------------------------------------------------------------- */

struct seal_options {
	const char *identity, *passphrase, *tsa, *policy, *cipher;
	const char *tls_trust, *dns, *anchors;
	struct strlist to, answers;
	bool sign_only, encrypt_only, legacy_display;
};

static enum rc
choose(const char *given, const char *const names[], const char *what,
    size_t *ret, struct err *err)
{
	for (size_t i = 0; names[i] != NULL; i++)
		if (given == NULL || !strcmp(given, names[i])) {
			*ret = i;
			return RC_OK;
		}
	return err_set(err, RC_SYNTAX, "--%s does not know %s", what, given);
}

static enum rc
read_way(const struct seal_options *o, struct outgoing_way *way,
    enum protect_policy *policy, struct err *err)
{
	static const char *const ciphers[] = {"auto", "gcm", "cbc", NULL};
	static const char *const policies[] = {"baseline", "shy", "none", NULL};
	static const enum protect_policy values[] = {
	    PROTECT_BASELINE, PROTECT_SHY, PROTECT_NONE};
	size_t cipher = 0, chosen = 0;

	if (o->sign_only && o->encrypt_only)
		return err_set(err, RC_SYNTAX,
		    "--sign-only and --encrypt-only exclude each other");
	TRY(choose(o->cipher, ciphers, "cipher", &cipher, err));
	TRY(choose(o->policy, policies, "header-policy", &chosen, err));
	*way = (struct outgoing_way){
	    .sign = !o->encrypt_only,
	    .encrypt = !o->sign_only,
	    .cipher = cipher == 1 ? SEAL_AES256_GCM : SEAL_AES256_CBC,
	    .cipher_auto = cipher == 0,
	};
	*policy = values[chosen];
	if (way->encrypt && o->to.len == 0)
		return err_set(
		    err, RC_SYNTAX, "--to CERT is needed, or --sign-only");
	if (way->sign && o->identity == NULL)
		return err_set(err, RC_SYNTAX,
		    "--identity ID is needed, or --encrypt-only");
	return RC_OK;
}

/* Whom to encrypt to, and always the writer too where there is a key. */
static enum rc
read_recipients(const struct seal_options *o, const struct identity_file *id,
    struct certs *to, struct err *err)
{
	const struct cert *own = NULL;
	struct err ignored = ERR_NONE;

	for (size_t i = 0; i < o->to.len; i++)
		TRY(support_read_certs(o->to.item[i], to, err));
	for (size_t i = 0; i < to->len; i++)
		TRY(cert_check_time(to->item[i], clock_now(), err));
	if (identity_receiver(id, clock_now(), &own, &ignored) == RC_OK)
		TRY(certs_add(to, own, err));
	return RC_OK;
}

/* Every key of the identity with each certificate it belongs to; the caller
 * frees *ret. */
static enum rc
collect_keys(const struct identity_file *id, struct reader_key **ret,
    size_t *ret_len, struct err *err)
{
	struct reader_key *keys = calloc(id->certs.len + 1, sizeof(*keys));
	struct err ignored = ERR_NONE;
	size_t len = 0;

	if (keys == NULL)
		return err_nomem(err, "keys");
	for (size_t i = 0; id->vault != NULL && i < id->certs.len; i++) {
		const struct key *key = NULL;
		if (vault_find(id->vault, id->certs.item[i], &key, &ignored) ==
		    RC_OK)
			keys[len++] =
			    (struct reader_key){id->certs.item[i], key};
	}
	*ret = keys;
	*ret_len = len;
	return RC_OK;
}

/* What one letter that is answered kept secret. */
static enum rc
read_answered(const char *path, const struct reader *reader,
    struct protect_reference *ret, struct err *err)
{
	struct gathered gathered GATHERED_OWNED;
	struct buf letter BUF_OWNED = BUF_SECRET(SUPPORT_LETTER_MAX);

	gathered_init(&gathered);
	TRY(file_read(path, &letter, err));
	struct source_memory memory = {.bytes = buf_span(&letter)};
	const struct source source = source_memory(&memory);
	TRY(gather(&source, reader, &gathered, err));
	if (gathered.facts.encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return err_set(err, RC_UNFIT,
		    "%s cannot be opened, and what it keeps secret must not "
		    "be told: %s",
		    path, gathered.facts.encrypted.reason);
	const struct protect_letter answered = gathered_letter(&gathered);
	return protect_reference_add(ret, &answered, err);
}

static enum rc
read_answers(const struct seal_options *o, const struct identity_file *id,
    struct protect_reference *ret, struct err *err)
{
	const struct certs nobody = CERTS_NONE; /* who signed does not matter */
	struct reader reader = {.roots = &nobody, .now = clock_now()};
	struct reader_key *keys = NULL;
	enum rc rc = collect_keys(id, &keys, &reader.keys_len, err);

	reader.keys = keys;
	for (size_t i = 0; rc == RC_OK && i < o->answers.len; i++)
		rc = read_answered(o->answers.item[i], &reader, ret, err);
	free(keys);
	return rc;
}

static enum rc
seal_letter(const struct seal_options *o, const struct outgoing_way *way,
    struct sender *sender, const struct identity_file *id, struct buf *out,
    struct err *err)
{
	struct buf letter BUF_OWNED = BUF_SECRET(SUPPORT_LETTER_MAX);
	struct entity *parsed OWNED(entity_free) = NULL;
	struct certs to CERTS_OWNED = CERTS_NONE;

	if (way->sign)
		TRY(identity_signer(id, sender->now, &sender->identity, err));
	if (way->encrypt)
		TRY(read_recipients(o, id, &to, err));
	TRY(file_read("-", &letter, err));
	TRY(entity_parse(buf_span(&letter), ENTITY_LIMITS, &parsed, err));
	return outgoing_seal(parsed, sender, way, &to, out, err);
}

static enum rc
seal_with_network(const struct seal_options *o, const struct outgoing_way *way,
    struct sender *sender, const struct identity_file *id, struct buf *out,
    struct err *err)
{
	struct resolver *resolver OWNED(resolver_free) = NULL;
	const struct resolver_config config = {o->dns, o->anchors};

	TRY(resolver_new(&config, &resolver, err));
	const struct names names = {resolver_find_address, resolver};
	TRY(https_new(o->tls_trust, &names, &sender->https, err));
	sender->tsa = o->tsa;
	sender->tsa_timeout = 10 * 1000;
	sender->tsa_required = true;
	enum rc rc = seal_letter(o, way, sender, id, out, err);
	https_free(sender->https);
	return rc;
}

static enum rc
run_seal(const struct seal_options *o, struct buf *out, struct err *err)
{
	struct identity_file id IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	struct protect_reference answered REFERENCE_OWNED = REFERENCE_NONE;
	struct outgoing_way way;
	struct sender sender = {.now = clock_now(),
	    .legacy_display = o->legacy_display,
	    .reference = &answered};

	TRY(read_way(o, &way, &sender.policy, err));
	TRY(support_read_identity(o->identity, o->passphrase, &id, err));
	TRY(read_answers(o, &id, &answered, err));
	if (o->tsa != NULL)
		return seal_with_network(o, &way, &sender, &id, out, err);
	return seal_letter(o, &way, &sender, &id, out, err);
}

int
command_seal(int argc, char **argv)
{
	struct seal_options o = {.to = STRLIST_NONE, .answers = STRLIST_NONE};
	const struct option options[] = {
	    {"identity", OPTION_TEXT, &o.identity, "ID",
		"PKCS#12 file, PEM bundle or folder of them", false},
	    {"to", OPTION_LIST, &o.to, "CERT",
		"certificate of a recipient; may be repeated", false},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase, "FILE",
		"first line: the passphrase of the identity", false},
	    {"tsa", OPTION_TEXT, &o.tsa, "URL",
		"have the signature timestamped there (https)", false},
	    {"sign-only", OPTION_FLAG, &o.sign_only, NULL,
		"sign, do not encrypt", false},
	    {"encrypt-only", OPTION_FLAG, &o.encrypt_only, NULL,
		"encrypt, do not sign", false},
	    {"header-policy", OPTION_TEXT, &o.policy, "baseline|shy|none",
		"what is hidden outside (RFC 9788)", false},
	    {"legacy-display", OPTION_FLAG, &o.legacy_display, NULL,
		"write what is hidden into the text too, for old readers",
		false},
	    {"answers", OPTION_LIST, &o.answers, "FILE",
		"a letter that this one answers; may be repeated", false},
	    {"cipher", OPTION_TEXT, &o.cipher, "auto|gcm|cbc",
		"auto: GCM for those known to read it", false},
	    {"tls-trust", OPTION_TEXT, &o.tls_trust, "FILE",
		"PEM: whom to believe as the timestamp server", false},
	    {"dns", OPTION_TEXT, &o.dns, "IP@PORT", "name server", false},
	    {"dns-anchors", OPTION_TEXT, &o.anchors, "FILE",
		"DNSSEC trust anchors", false},
	    {0},
	};
	struct buf out BUF_OWNED = BUF(SUPPORT_LETTER_MAX);
	struct err err = ERR_NONE;

	if (command_helps(
		argc, argv, "seal ... < plain.eml > sealed.eml", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, NULL, &err);
	if (rc == RC_OK)
		rc = run_seal(&o, &out, &err);
	if (rc == RC_OK)
		rc = support_write(buf_span(&out), &err);
	strlist_done(&o.to);
	strlist_done(&o.answers);
	return rc == RC_OK ? EXIT_YES : command_failed("seal", &err);
}

/* --- reading: open and inspect ------------------------------------------------------ */

struct read_options {
	const char *identity, *passphrase, *trust, *tsa_trust, *at, *report;
	struct strlist me, known;
	bool json, offline, unverified;
};

/* What reading needs, kept together as long as it is used. */
struct read_setup {
	struct identity_file id;
	struct reader_key *keys;
	struct certs roots, tsa_roots;
	struct reader reader;
	struct buf letter;
	struct source_memory memory;
	struct source source;
	struct gathered gathered;
};

static void
read_setup_done(struct read_setup *s)
{
	gathered_done(&s->gathered);
	free(s->keys);
	identity_file_done(&s->id);
	certs_done(&s->roots);
	certs_done(&s->tsa_roots);
	buf_done(&s->letter);
}

static enum rc
prepare_reading(
    const struct read_options *o, struct read_setup *s, struct err *err)
{
	s->reader.now = clock_now();
	if (o->at != NULL)
		TRY(support_parse_time(o->at, &s->reader.now, err));
	TRY(support_read_identity(o->identity, o->passphrase, &s->id, err));
	TRY(collect_keys(&s->id, &s->keys, &s->reader.keys_len, err));
	s->reader.keys = s->keys;
	if (o->trust != NULL)
		TRY(support_read_certs(o->trust, &s->roots, err));
	if (o->tsa_trust != NULL)
		TRY(support_read_certs(o->tsa_trust, &s->tsa_roots, err));
	s->reader.roots = &s->roots;
	s->reader.tsa_roots = o->tsa_trust != NULL ? &s->tsa_roots : NULL;
	s->reader.me = o->me.len > 0 ? &o->me : NULL;
	s->reader.known = o->known.len > 0 ? &o->known : NULL;
	TRY(file_read("-", &s->letter, err));
	s->memory = (struct source_memory){.bytes = buf_span(&s->letter)};
	s->source = source_memory(&s->memory);
	return gather(&s->source, &s->reader, &s->gathered, err);
}

static void
read_setup_init(struct read_setup *s)
{
	*s = (struct read_setup){
	    .id = IDENTITY_FILE_NONE, .letter = BUF(SUPPORT_LETTER_MAX)};
	gathered_init(&s->gathered);
}

static int
inspect(const struct read_options *o, struct err *err)
{
	__attribute__((cleanup(read_setup_done))) struct read_setup s;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct verdict verdict;

	read_setup_init(&s);
	if (prepare_reading(o, &s, err) != RC_OK)
		return EXIT_FAILED;
	verdict_decide(&s.gathered.facts, &verdict);
	enum rc rc = o->json
			 ? report_json(&s.gathered.facts, &verdict, &out, err)
			 : report_text(&s.gathered.facts, &verdict, &out, err);
	if (rc != RC_OK || support_write(buf_span(&out), err) != RC_OK)
		return EXIT_FAILED;
	return verdict.level == VERDICT_VERIFIED ? EXIT_YES : EXIT_NO;
}

int
command_inspect(int argc, char **argv)
{
	struct read_options o = {.me = STRLIST_NONE, .known = STRLIST_NONE};
	const struct option options[] = {
	    {"identity", OPTION_TEXT, &o.identity, "ID",
		"to open what is sealed for it", false},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase, "FILE",
		"first line: the passphrase of the identity", false},
	    {"trust", OPTION_TEXT, &o.trust, "FILE",
		"PEM: roots believed to name mail signers", false},
	    {"tsa-trust", OPTION_TEXT, &o.tsa_trust, "FILE",
		"PEM: roots believed for time; default --trust", false},
	    {"at", OPTION_TEXT, &o.at, "TIME",
		"judge as of then: RFC 3339 or seconds since 1970", false},
	    {"me", OPTION_LIST, &o.me, "ADDRESS", "an address of the reader",
		false},
	    {"known", OPTION_LIST, &o.known, "ADDRESS",
		"a correspondent of the reader", false},
	    {"offline", OPTION_FLAG, &o.offline, NULL,
		"ask no server (none is asked today)", false},
	    {"json", OPTION_FLAG, &o.json, NULL, "print one JSON object",
		false},
	    {0},
	};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	if (command_helps(argc, argv, "inspect ... < any.eml", options))
		return EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) == RC_OK)
		status = inspect(&o, &err);
	strlist_done(&o.me);
	strlist_done(&o.known);
	return status == EXIT_FAILED ? command_failed("inspect", &err) : status;
}

/* Why the letter may not be written out as opened; RC_OK: it may. */
static enum rc
check_authenticated(const struct gathered *g, struct err *err)
{
	const struct facts *f = &g->facts;

	if (f->encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return err_set(err, RC_UNFIT, "the letter cannot be opened: %s",
		    f->encrypted.reason);
	if (f->sig.state == SIGNED_INVALID)
		return err_set(err, RC_REFUSED,
		    "its signature is not valid (%s): nothing is shown; "
		    "--unverified shows it",
		    f->sig.reason);
	if (f->sig.state == SIGNED_NONE && !g->opened)
		return err_set(err, RC_REFUSED,
		    "the letter is neither sealed nor signed: there is nothing "
		    "to open");
	return RC_OK;
}

static enum rc
write_report(
    const struct read_options *o, const struct gathered *g, struct err *err)
{
	struct verdict verdict;
	struct buf out BUF_OWNED = BUF_SMALL;

	if (o->report == NULL)
		return RC_OK;
	verdict_decide(&g->facts, &verdict);
	TRY(report_json(&g->facts, &verdict, &out, err));
	return file_save(o->report, buf_span(&out), 0600, err);
}

static int
open_letter(const struct read_options *o, struct err *err)
{
	__attribute__((cleanup(read_setup_done))) struct read_setup s;
	struct buf out BUF_OWNED = BUF_SECRET(SUPPORT_LETTER_MAX);

	read_setup_init(&s);
	if (prepare_reading(o, &s, err) != RC_OK ||
	    write_report(o, &s.gathered, err) != RC_OK)
		return EXIT_FAILED;
	enum rc rc = check_authenticated(&s.gathered, err);
	if (rc == RC_UNFIT)
		return EXIT_FAILED;
	if (rc != RC_OK && !o->unverified) {
		(void)command_failed("open", err);
		return EXIT_NO;
	}
	int status = rc == RC_OK ? EXIT_YES : EXIT_NO;
	const struct sink to = sink_buf(&out);
	if (gathered_show(&s.gathered, &s.source, &to, err) != RC_OK ||
	    support_write(buf_span(&out), err) != RC_OK)
		return EXIT_FAILED;
	return status;
}

int
command_open(int argc, char **argv)
{
	struct read_options o = {.me = STRLIST_NONE, .known = STRLIST_NONE};
	const struct option options[] = {
	    {"identity", OPTION_TEXT, &o.identity, "ID",
		"PKCS#12 file, PEM bundle or folder with the key", true},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase, "FILE",
		"first line: the passphrase of the identity", false},
	    {"trust", OPTION_TEXT, &o.trust, "FILE",
		"PEM: roots believed to name mail signers", false},
	    {"report", OPTION_TEXT, &o.report, "FILE",
		"write what inspect --json prints there", false},
	    {"unverified", OPTION_FLAG, &o.unverified, NULL,
		"write it even if nothing authenticates it", false},
	    {0},
	};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	if (command_helps(argc, argv,
		"open --identity ID ... < sealed.eml > plain.eml", options))
		return EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) == RC_OK)
		status = open_letter(&o, &err);
	return status == EXIT_FAILED ? command_failed("open", &err) : status;
}

/* --- chain --------------------------------------------------------------------------- */

struct chain_options {
	const char *trust, *untrusted, *crl, *at;
	struct strlist policies;
	bool any_purpose, explicit_policy, json;
};

static void
crls_done(STACK_OF(X509_CRL) **crls)
{
	sk_X509_CRL_pop_free(*crls, X509_CRL_free);
}

static enum rc
read_crls(const char *path, STACK_OF(X509_CRL) *crls, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(SUPPORT_LETTER_MAX);

	TRY(file_read(path, &pem, err));
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (bio == NULL)
		return err_nomem(err, "CRL");
	for (;;) {
		X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
		if (crl == NULL)
			break;
		if (sk_X509_CRL_push(crls, crl) <= 0) {
			X509_CRL_free(crl);
			break;
		}
	}
	BIO_free(bio);
	if (sk_X509_CRL_num(crls) == 0)
		return err_set(err, RC_SYNTAX, "%s holds no PEM CRL", path);
	return RC_OK;
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

static enum rc
print_chain(const struct chain_result *r, bool json, struct err *err)
{
	if (!json) {
		printf("%s%s%s\n", state_name(r->state),
		    r->reason != NULL ? ": " : "",
		    r->reason != NULL ? r->reason : "");
		return RC_OK;
	}
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
run_chain(
    const struct chain_options *o, struct chain_result *ret, struct err *err)
{
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	__attribute__((cleanup(crls_done))) STACK_OF(X509_CRL) *crls =
	    sk_X509_CRL_new_null();
	int64_t at = clock_now();

	if (o->at != NULL)
		TRY(support_parse_time(o->at, &at, err));
	TRY(support_read_certs(o->trust, &roots, err));
	if (o->untrusted != NULL)
		TRY(support_read_certs(o->untrusted, &untrusted, err));
	if (o->crl != NULL)
		TRY(read_crls(o->crl, crls, err));
	TRY(support_read_certs("-", &certs, err));
	const struct chain_request ask = {
	    .roots = &roots,
	    .untrusted = &untrusted,
	    .crls = o->crl != NULL ? crls : NULL,
	    .at = at,
	    .purpose = purpose_of(o, certs.item[0]),
	    .policies = o->policies.len > 0 ? &o->policies : NULL,
	    .explicit_policy = o->explicit_policy,
	};
	return chain_check(certs.item[0], &ask, ret, err);
}

int
command_chain(int argc, char **argv)
{
	struct chain_options o = {.policies = STRLIST_NONE};
	const struct option options[] = {
	    {"trust", OPTION_TEXT, &o.trust, "FILE", "PEM: trusted roots",
		true},
	    {"untrusted", OPTION_TEXT, &o.untrusted, "FILE",
		"PEM: certificates that may help to build the path", false},
	    {"crl", OPTION_TEXT, &o.crl, "FILE",
		"PEM: revocation lists; then every step must be covered",
		false},
	    {"at", OPTION_TEXT, &o.at, "TIME",
		"as of then: RFC 3339 or seconds since 1970", false},
	    {"any-purpose", OPTION_FLAG, &o.any_purpose, NULL,
		"do not ask whether it is made for mail", false},
	    {"policy", OPTION_LIST, &o.policies, "OID",
		"acceptable certificate policy; may be repeated", false},
	    {"explicit-policy", OPTION_FLAG, &o.explicit_policy, NULL,
		"a policy must hold along the whole path", false},
	    {"json", OPTION_FLAG, &o.json, NULL, "print one JSON object",
		false},
	    {0},
	};
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct err err = ERR_NONE;

	if (command_helps(
		argc, argv, "chain --trust FILE ... < cert.pem", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, NULL, &err);
	if (rc == RC_OK)
		rc = run_chain(&o, &result, &err);
	strlist_done(&o.policies);
	if (rc == RC_OK)
		rc = print_chain(&result, o.json, &err);
	if (rc != RC_OK)
		return command_failed("chain", &err);
	return result.state == CHAIN_VALID ? EXIT_YES : EXIT_NO;
}
