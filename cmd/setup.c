/* letterlock setup, recover -- what a person does once, or rarely. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/guard.h"
#include "cmd/login.h"
#include "cmd/support.h"
#include "codec/when.h"
#include "enrol/discover.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/random.h"
#include "pki/chain.h"
#include "vault/recovery.h"

#define CREDENTIAL_RANDOM 24 /* bytes */
#define SETUP_TIMEOUT 120    /* seconds */

struct setup_options {
	struct home_options home;
	struct login_options login;
	const char *user, *imap, *smtp, *authority, *trust;
	const char *tls_trust, *dns, *anchors, *credential_file, *recovery_file;
	bool new_credential;
	struct strlist address;
};

static enum rc
set_text(
    char *to, size_t size, const char *from, const char *what, struct err *err)
{
	if (from == NULL)
		return RC_OK;
	if (strlen(from) >= size)
		return err_set(err, RC_LIMIT, "--%s is too long", what);
	memcpy(to, from, strlen(from) + 1);
	return RC_OK;
}

/* A path that other processes will use too: made absolute. */
static enum rc
set_path(
    char *to, size_t size, const char *from, const char *what, struct err *err)
{
	if (from == NULL)
		return RC_OK;
	char *whole = realpath(from, NULL);
	if (whole == NULL)
		return err_errno(err, "--%s %s", what, from);
	enum rc rc = set_text(to, size, whole, what, err);
	free(whole);
	return rc;
}

/* "imaps://HOST:PORT": TLS at once; "imap://HOST:PORT": STARTTLS, required. */
static enum rc
set_server(struct account_server *server, const char *url, const char *scheme,
    struct err *err)
{
	char wanted[16];
	const char *rest = url;

	if (url == NULL)
		return RC_OK;
	server->security = SMTP_STARTTLS;
	(void)snprintf(wanted, sizeof(wanted), "%ss://", scheme);
	if (!strncmp(url, wanted, strlen(wanted)))
		server->security = SMTP_TLS;
	else
		(void)snprintf(wanted, sizeof(wanted), "%s://", scheme);
	if (strncmp(url, wanted, strlen(wanted)) != 0)
		return err_set(err, RC_SYNTAX,
		    "--%s wants %ss://HOST:PORT or %s://HOST:PORT", scheme,
		    scheme, scheme);
	rest += strlen(wanted);
	const char *colon = strrchr(rest, ':');
	unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;
	if (port == 0 || port > 65535 ||
	    (size_t)(colon - rest) >= sizeof(server->host))
		return err_set(err, RC_SYNTAX, "--%s: no host and port in %s",
		    scheme, url);
	memcpy(server->host, rest, (size_t)(colon - rest));
	server->host[colon - rest] = '\0';
	server->port = (uint16_t)port;
	return RC_OK;
}

static enum rc
read_servers(const struct setup_options *o, struct account *a, struct err *err)
{
	TRY(set_server(&a->imap, o->imap, "imap", err));
	TRY(set_server(&a->smtp, o->smtp, "smtp", err));
	TRY(set_text(a->authority, sizeof(a->authority), o->authority,
	    "authority", err));
	TRY(set_path(a->tls_trust, sizeof(a->tls_trust), o->tls_trust,
	    "tls-trust", err));
	TRY(set_text(a->dns_server, sizeof(a->dns_server), o->dns, "dns", err));
	return set_path(a->dns_anchors, sizeof(a->dns_anchors), o->anchors,
	    "dns-anchors", err);
}

static enum rc
read_trust(const char *path, struct account *account, struct err *err)
{
	struct certs roots CERTS_OWNED = CERTS_NONE;

	if (path == NULL)
		return RC_OK;
	TRY(support_read_certs(path, &roots, err));
	buf_clear(&account->roots);
	return certs_print(&roots, &account->roots, err);
}

static enum rc
read_address(const struct setup_options *o, struct account *a, struct err *err)
{
	const char *address = o->address.len == 1 ? o->address.item[0] : "";

	if (o->address.len != 1)
		return err_set(err, RC_SYNTAX,
		    "give one address: letterlock setup ADDRESS ...");
	TRY(address_check(span_str(address), err));
	if (a->address[0] != '\0' && !address_equal(a->address, address))
		return err_set(err, RC_UNFIT,
		    "this home belongs to %s; use another --home for %s",
		    a->address, address);
	return set_text(
	    a->address, sizeof(a->address), address, "address", err);
}

static enum rc
read_account(const struct setup_options *o, struct account *a, struct err *err)
{
	TRY(read_address(o, a, err));
	TRY(set_text(a->user, sizeof(a->user), o->user, "user", err));
	TRY(read_servers(o, a, err));
	TRY(read_trust(o->trust, a, err));
	TRY(login_read(&o->login, a, err));
	if (a->authority[0] == '\0' || a->roots.len == 0)
		return err_set(err, RC_SYNTAX,
		    "--authority URL and --trust FILE are needed");
	return RC_OK;
}

static enum rc
make_credential(
    struct account *account, struct buf *credential, struct err *err)
{
	TRY(random_text(CREDENTIAL_RANDOM, credential, err));
	SHA256(credential->data, credential->len, account->credential);
	return RC_OK;
}

/* The fronts' certificate and the mail program's credential stay what they are
 * once made: mail programs remember both.  The credential is told once and
 * kept only as its digest. */
static enum rc
make_front(struct account *account, struct buf *credential, struct err *err)
{
	bool renewed;

	if (account->local_cert.len > 0)
		return tls_renew_local(&account->local_cert,
		    buf_span(&account->local_key), clock_now(), &renewed, err);
	TRY(make_credential(account, credential, err));
	return tls_make_local(&account->local_cert, &account->local_key, err);
}

static enum rc
save_certificate(const struct home *home, struct buf *path, struct err *err)
{
	struct buf trust BUF_OWNED = BUF((size_t)64 * 1024);
	const char *text = NULL;

	TRY(buf_add_format(
	    path, err, "%s/localhost.pem", state_folder(home->state)));
	TRY(buf_str(path, &text, err));
	TRY(tls_print_local_trust(
	    buf_span(&home->account.local_cert), &trust, err));
	return file_save(text, buf_span(&trust), 0644, err);
}

static enum rc
tell(const struct home *home, const struct setup_options *o,
    struct span credential, struct err *err)
{
	struct buf path BUF_OWNED = BUF(4096);

	TRY(save_certificate(home, &path, err));
	printf("Your mail program:\n"
	       "  outgoing (SMTP, TLS)  127.0.0.1 port 1465\n"
	       "  incoming (IMAP, TLS)  127.0.0.1 port 1993\n"
	       "  user                  %s\n"
	       "  certificate           %.*s\n",
	    home->account.address, SPAN_ARGS(buf_span(&path)));
	if (credential.len == 0)
		return RC_OK;
	if (o->credential_file != NULL) {
		printf("  password              in %s\n", o->credential_file);
		return RC_OK;
	}
	printf("  password              %.*s\n"
	       "                        (shown only now)\n",
	    SPAN_ARGS(credential));
	return RC_OK;
}

static enum rc
save_account(const struct setup_options *o, struct home *home,
    const struct buf *credential, struct err *err)
{
	if (o->credential_file != NULL && credential->len > 0)
		TRY(file_save(
		    o->credential_file, buf_span(credential), 0600, err));
	return account_save(home->state, &home->account, err);
}

static enum rc
find_servers(const struct setup_options *o, struct home *home, struct err *err)
{
	struct account *account = &home->account;
	struct discovery found = {0};

	TRY(discover_run(
	    account, home->resolver, DISCOVER_BUDGET, &found, err));
	TRY(set_text(account->user, sizeof(account->user),
	    account->user[0] != '\0' ? NULL : account->address, "user", err));
	return login_run(&o->login, home, &found, err);
}

/* Everything that may fail early does, before anybody is asked for a
 * certificate. */
static enum rc
prepare_account(
    const struct setup_options *o, struct home *home, struct err *err)
{
	TRY(home_open(home, &o->home, true, err));
	TRY(state_lock(home->state, err));
	enum rc rc = home_load(home, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	TRY(read_account(o, &home->account, err));
	TRY(home_prepare(home, err));
	TRY(find_servers(o, home, err));
	return account_save(home->state, &home->account, err);
}

/* With somebody else's root every letter would be "caution" and nobody would
 * have a certificate; it is told now, and another --trust mends it. */
static enum rc
check_trust(const struct home *home, const struct certs *got, struct err *err)
{
	struct chain_result result CHAIN_RESULT_OWNED = CHAIN_RESULT;
	const struct chain_request ask = {
	    .roots = &home->roots,
	    .untrusted = got,
	    .at = clock_now(),
	    .purpose = CHAIN_ANY,
	};

	if (got->len == 0)
		return RC_OK;
	TRY(chain_check(got->item[0], &ask, &result, err));
	if (result.state == CHAIN_VALID)
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "the certificates of %s do not lead to the roots of --trust (%s): "
	    "run setup again with the --trust FILE of this authority",
	    home->account.authority, result.reason);
}

static bool
sets_anything(const struct setup_options *o)
{
	return login_sets_anything(&o->login) || o->user != NULL ||
	       o->imap != NULL || o->smtp != NULL || o->authority != NULL ||
	       o->trust != NULL || o->tls_trust != NULL || o->dns != NULL ||
	       o->anchors != NULL;
}

/* For who lost it.  Nothing else changes and nobody is asked: it must work
 * without the provider, and when the certificates have ended. */
static enum rc
replace_credential(const struct setup_options *o, struct err *err)
{
	struct home home HOME_OWNED;
	struct buf credential BUF_OWNED = BUF_SECRET(256);

	home_init(&home);
	if (sets_anything(o))
		return err_set(err, RC_SYNTAX,
		    "--new-credential changes nothing else: "
		    "leave the other settings out");
	TRY(home_open(&home, &o->home, false, err));
	TRY(state_lock(home.state, err));
	TRY(home_load(&home, err));
	TRY(read_address(o, &home.account, err));
	if (home.account.local_cert.len == 0)
		return err_set(err, RC_ABSENT,
		    "%s is not set up to its end: run letterlock setup without "
		    "--new-credential",
		    home.account.address);
	TRY(make_credential(&home.account, &credential, err));
	TRY(save_account(o, &home, &credential, err));
	printf("The old credential of %s is not good any more.\n\n",
	    home.account.address);
	return tell(&home, o, buf_span(&credential), err);
}

/* -- other devices, and the code for when there is none -- */

/* People take their time: what was asked for is saved, and setup ends here. */
static enum rc
tell_waiting(
    const struct home *home, const struct enrol *enrol, struct err *err)
{
	struct session session SESSION_OWNED = SESSION;
	struct acme_wish wish = {0};
	char key[GUARD_KEY_TEXT];

	TRY(session_open(&session, enrol, err));
	TRY(enrol_waiting(enrol, session.acme, &wish, err));
	guard_print_key(&wish, key);
	printf("%s has other devices.  They were told that this one wants to "
	       "join them.\n"
	       "Approve it on one of them, where the same key is shown:\n\n"
	       "  letterlock guard approve %s\n"
	       "  its key  %s\n\n"
	       "or here, by the recovery code: letterlock recovery use\n\n"
	       "Then run letterlock setup %s again.\n"
	       "If nobody approves it, it is refused at %s.\n",
	    home->account.address, acme_wish_name(&wish), key,
	    home->account.address, wish.expires);
	return RC_OK;
}

static enum rc
make_code(const struct enrol *enrol, struct buf *code, struct err *err)
{
	struct session session SESSION_OWNED = SESSION;
	bool registered = false;

	TRY(session_open(&session, enrol, err));
	if (!acme_has_guard(session.acme))
		return RC_OK;
	TRY(acme_recovery_find(
	    session.acme, enrol->account->address, &registered, err));
	return registered
		   ? RC_OK
		   : guard_make_code(enrol, session.acme, false, code, err);
}

static enum rc
print_code(const struct setup_options *o, struct buf *code, struct err *err)
{
	const char *text = NULL;

	if (code->len == 0)
		return RC_OK;
	if (o->recovery_file != NULL) {
		TRY(file_save(o->recovery_file, buf_span(code), 0600, err));
		printf("\nThe recovery code is in %s\n", o->recovery_file);
		return RC_OK;
	}
	TRY(buf_str(code, &text, err));
	printf("\nRecovery code, for the day when none of your devices is "
	       "left:\n\n"
	       "  %s\n\n"
	       "It is shown only now: write it down, and keep it away from "
	       "this device.\n",
	    text);
	return RC_OK;
}

/* Everything else is ready without it; letterlock recovery new makes up for
 * it. */
static enum rc
tell_code(
    const struct setup_options *o, const struct enrol *enrol, struct err *err)
{
	struct buf code BUF_OWNED = BUF_SECRET(RECOVERY_TEXT_LEN + 1);
	struct err why = ERR_NONE;

	if (make_code(enrol, &code, &why) != RC_OK) {
		printf("\nThere is no recovery code (%s): run letterlock "
		       "recovery new\n",
		    why.text);
		return RC_OK;
	}
	return print_code(o, &code, err);
}

/* *ret_waits: for another device; the rest is for another time.
 * The credential is made last: were it made before something fails, the next
 * run would find one that nobody was ever told. */
static enum rc
run_setup(const struct setup_options *o, bool *ret_waits, struct err *err)
{
	struct home home HOME_OWNED;
	struct buf credential BUF_OWNED = BUF_SECRET(256);
	struct certs got CERTS_OWNED = CERTS_NONE;
	struct enrol enrol;

	home_init(&home);
	TRY(prepare_account(o, &home, err));
	home_enrol(&home, SETUP_TIMEOUT, &enrol);
	enum rc rc = enrol_run(&enrol, &got, err);
	*ret_waits = rc == RC_AGAIN;
	if (*ret_waits)
		return tell_waiting(&home, &enrol, err);
	TRY(rc);
	TRY(check_trust(&home, &got, err));
	TRY(make_front(&home.account, &credential, err));
	TRY(save_account(o, &home, &credential, err));
	printf(
	    "%s is ready: it has a signing and an encrypting certificate.\n\n",
	    home.account.address);
	TRY(tell(&home, o, buf_span(&credential), err));
	/* once, as the credential: later on nobody is asked for nothing */
	return credential.len > 0 ? tell_code(o, &enrol, err) : RC_OK;
}

int
command_setup(int argc, char **argv)
{
	struct setup_options o = {.address = STRLIST_NONE};
	const struct option options[] = {
	    LOGIN_OPTIONS(o.login),
	    {"authority", OPTION_TEXT, &o.authority, "URL",
		"https://HOST/acme/directory of the authority", false},
	    {"trust", OPTION_TEXT, &o.trust, "FILE",
		"PEM: roots believed to name mail signers", false},
	    {"user", OPTION_TEXT, &o.user, "NAME",
		"login at the provider; default: the address", false},
	    {"imap", OPTION_TEXT, &o.imap, "URL",
		"imaps://HOST:PORT, or imap:// for STARTTLS", false},
	    {"smtp", OPTION_TEXT, &o.smtp, "URL",
		"smtps://HOST:PORT, or smtp:// for STARTTLS", false},
	    {"tls-trust", OPTION_TEXT, &o.tls_trust, "FILE",
		"PEM: whom to believe as a server; default: the system's",
		false},
	    {"dns", OPTION_TEXT, &o.dns, "IP@PORT",
		"name server; default: the system's", false},
	    {"dns-anchors", OPTION_TEXT, &o.anchors, "FILE",
		"DNSSEC trust anchors; default: the system's", false},
	    {"credential-file", OPTION_TEXT, &o.credential_file, "FILE",
		"write the mail program's password there, not on the screen",
		false},
	    {"recovery-file", OPTION_TEXT, &o.recovery_file, "FILE",
		"write the recovery code there, not on the screen", false},
	    {"new-credential", OPTION_FLAG, &o.new_credential, NULL,
		"make a new password for the mail program; nothing else "
		"changes",
		false},
	    HOME_OPTIONS(o.home),
	    {0},
	};
	struct err err = ERR_NONE;
	bool waits = false;

	if (command_helps(argc, argv, "setup ADDRESS ...", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, &o.address, &err);
	if (rc == RC_OK)
		rc = o.new_credential ? replace_credential(&o, &err)
				      : run_setup(&o, &waits, &err);
	strlist_done(&o.address);
	if (rc != RC_OK)
		return command_failed("setup", &err);
	return waits ? EXIT_NO : EXIT_YES;
}

/* --- recover ------------------------------------------------------------------------ */

struct recover_options {
	struct home_options home;
	const char *to, *passphrase_file;
};

static enum rc
run_recover(const struct recover_options *o, struct err *err)
{
	struct home home HOME_OWNED;
	struct buf passphrase BUF_OWNED = BUF_SECRET(4096);
	struct buf out BUF_OWNED = BUF_SECRET((size_t)1 << 20);

	home_init(&home);
	TRY(home_open(&home, &o->home, false, err));
	TRY(home_load(&home, err));
	TRY(support_read_line(o->passphrase_file, &passphrase, err));
	if (passphrase.len < 8)
		return err_set(err, RC_UNFIT,
		    "the passphrase has fewer than 8 characters");
	TRY(vault_export(
	    home.vault, &home.certs, buf_span(&passphrase), &out, err));
	return support_save(o->to, buf_span(&out), 0600, err);
}

int
command_recover(int argc, char **argv)
{
	struct recover_options o = {0};
	const struct option options[] = {
	    {"to", OPTION_TEXT, &o.to, "FILE",
		"PKCS#12 to write: the encrypting keys, never a signing key",
		true},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase_file, "FILE",
		"first line: the passphrase to put on it", true},
	    HOME_OPTIONS(o.home),
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv, "recover --to FILE ...", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, NULL, &err);
	if (rc == RC_OK)
		rc = run_recover(&o, &err);
	return rc == RC_OK ? EXIT_YES : command_failed("recover", &err);
}
