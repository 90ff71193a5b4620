/* letterlock-authority -- the service side: certificates, directory,
 * timestamps. */
#define _GNU_SOURCE /* realpath */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "authority/hierarchy.h"
#include "authority/keyfile.h"
#include "authority/serve.h"
#include "cmd/authority_audit.h"
#include "cmd/authority_backup.h"
#include "cmd/authority_desk.h"
#include "cmd/authority_directory.h"
#include "cmd/authority_keep.h"
#include "cmd/authority_lint.h"
#include "cmd/authority_next.h"
#include "cmd/external.h"
#include "cmd/authority_revocation.h"
#include "cmd/operator.h"
#include "cmd/options.h"
#include "os/clock.h"

#define EXIT_NO 1 /* it was done, and the answer is no */
#define EXIT_FAILED 2
#define DKIM_TEXT_MAX ((size_t)16 * 1024)

/* The options of init; each is a setting of that name, with "-" for "_". */
static const struct {
	const char *option;
	const char *setting;
	const char *value;
	bool is_path; /* kept whole: the service runs elsewhere */
	bool required;
	const char *help;
} init_options[] = {
    {"domain", "domain", "DOMAIN", false, true,
	"mail domain the challenge letters come from"},
    {"url", "url", "URL", false, true,
	"how clients reach it, https://HOST[:PORT]"},
    {"country", "country", "CODE", false, false,
	"countryName in the CAs' certificates, two capitals (default: none)"},
    {"listen", "listen", "IP:PORT", false, true, "for HTTPS"},
    {"mx-listen", "mx_listen", "IP:PORT", false, true,
	"for answers to challenge letters; the MX of the domain"},
    {"http-listen", "http_listen", "IP:PORT", false, true,
	"for HTTP: where readers ask what was revoked"},
    {"http-url", "http_url", "URL", false, false,
	"how readers reach that, http://HOST[:PORT] (default: the host of "
	"--url, the port of --http-listen); stands in each certificate"},
    {"smarthost", "smarthost", "HOST:PORT", false, true,
	"mail server that takes the challenge letters"},
    {"send-from", "send_from", "IP", false, false,
	"local address to reach the smarthost from (default: that of "
	"--mx-listen)"},
    {"dns", "dns", "IP@PORT", false, false,
	"DNS server (default: the system's)"},
    {"dns-anchors", "dns_anchors", "FILE", true, false,
	"DNSSEC trust anchors (default: the system's root anchor)"},
    {"tls-cert", "tls_certificate", "FILE", true, true,
	"certificate and chain for HTTPS, PEM"},
    {"tls-key", "tls_key", "FILE", true, true, "its key, PEM"},
    {"dkim-key", "dkim_key", "FILE", true, true,
	"key that signs the challenge letters, PEM"},
    {"dkim-selector", "dkim_selector", "NAME", false, true,
	"where its public half is: NAME._domainkey.DOMAIN"},
    {"passphrase-file", "passphrase_file", "FILE", true, false,
	"passphrase of the keys in its first line (default: the systemd "
	"credential authority-passphrase)"},
    {"pkcs11", "pkcs11", "URI", false, false,
	"make the keys in this PKCS#11 token, pkcs11:token=NAME (default: "
	"encrypted files in DIR)"},
    {"pin-file", "pin_file", "FILE", true, false,
	"PIN of the token in its first line (default: the systemd credential "
	"authority-pin)"},
    {"ldap-listen", "ldap_listen", "IP:PORT", false, false,
	"for LDAP, where mail programs look certificates up (default: none)"},
    {"ldaps-listen", "ldaps_listen", "IP:PORT", false, false,
	"for LDAP with TLS from the first octet (default: none)"},
    {"metrics-listen", "metrics_listen", "IP:PORT", false, false,
	"for Prometheus: http://IP:PORT/metrics (default: none)"},
    {"store", "store", "STORE", false, false,
	"database: absolute path of a SQLite file, or postgresql://... "
	"(default: authority.db in DIR)"},
};
#define INIT_OPTIONS (sizeof(init_options) / sizeof(init_options[0]))

static enum rc
set_path(
    struct settings *settings, size_t i, const char *value, struct err *err)
{
	char whole[PATH_MAX];

	if (realpath(value, whole) == NULL)
		return err_errno(err, "--%s %s", init_options[i].option, value);
	return settings_set(settings, init_options[i].setting, whole, err);
}

/* A smarthost lets us relay because of where we come from: by default from
 * the address under which the answers reach us. */
static enum rc
set_send_from(struct settings *settings, struct err *err)
{
	struct settings_place place;

	if (settings->send_from != NULL)
		return RC_OK;
	TRY(settings_place(settings->mx_listen, &place, err));
	if (strcmp(place.host, "0.0.0.0") == 0 || strcmp(place.host, "::") == 0)
		return RC_OK;
	return settings_set(settings, "send_from", place.host, err);
}

static enum rc
read_settings(const char *const values[INIT_OPTIONS], struct settings *settings,
    struct err *err)
{
	for (size_t i = 0; i < INIT_OPTIONS; i++) {
		if (values[i] == NULL)
			continue;
		if (init_options[i].is_path)
			TRY(set_path(settings, i, values[i], err));
		else
			TRY(settings_set(
			    settings, init_options[i].setting, values[i], err));
	}
	if (settings->http_url == NULL)
		TRY(settings_guess_http_url(settings, err));
	TRY(settings_check(settings, err));
	return set_send_from(settings, err);
}

/* What is not in the settings: it is needed for init only. */
struct once {
	const char *offline; /* URI of a token, or AUTHORITY_NEXT_FILES */
	const char *offline_pin;
	bool help;
};

/* Where the keys that are to be put away are made.  `pin` gets what `ret`
 * borrows. */
static enum rc
open_offline(const struct keys *keys, const struct once *once, struct buf *pin,
    struct keys *ret, struct err *err)
{
	*ret = *keys;
	ret->token = once->offline;
	if (strcmp(once->offline, AUTHORITY_NEXT_FILES) == 0)
		ret->token = NULL;
	if (ret->token == NULL && keys->passphrase.len == 0)
		return err_set(err, RC_SYNTAX,
		    "--offline-pkcs11 files needs a --passphrase-file");
	if (once->offline_pin == NULL)
		return RC_OK;
	TRY(keyfile_pin(once->offline_pin, pin, err));
	ret->pin = buf_span(pin);
	return RC_OK;
}

static enum rc
init(const char *folder, const char *const values[INIT_OPTIONS],
    const struct once *once, struct err *err)
{
	struct keys_secrets secrets KEYS_SECRETS_OWNED = {0};
	struct buf pin BUF_OWNED = BUF_SECRET(KEYFILE_PASSPHRASE_MAX);
	struct buf dkim BUF_OWNED = BUF(DKIM_TEXT_MAX);
	struct settings settings SETTINGS_OWNED;
	struct keys keys, offline;

	settings_init(&settings);
	TRY(read_settings(values, &settings, err));
	TRY(authority_next_dkim(&settings, &dkim, err));
	TRY(keys_open(folder, &settings, &secrets, &keys, err));
	if (once->offline != NULL) {
		TRY(open_offline(&keys, once, &pin, &offline, err));
		keys.offline = &offline;
	}
	TRY(hierarchy_found(&keys, &settings, clock_now(), err));
	const struct authority_next next = {.folder = folder,
	    .settings = &settings,
	    .offline = once->offline,
	    .dkim_text = buf_span(&dkim)};
	authority_next_print(&next);
	return RC_OK;
}

#define ONCE_OPTIONS 3

static void
make_table(struct option table[INIT_OPTIONS + ONCE_OPTIONS + 1],
    const char *values[INIT_OPTIONS], struct once *once)
{
	const struct option more[ONCE_OPTIONS + 1] = {
	    {"offline-pkcs11", OPTION_TEXT, &once->offline, "URI",
		"make the keys of the root and the timestamping CA in this "
		"token, or as encrypted files (files), to be locked away "
		"(default: where the others are)",
		false},
	    {"offline-pin-file", OPTION_TEXT, &once->offline_pin, "FILE",
		"its PIN (default: that of the other token)", false},
	    {"help", OPTION_FLAG, &once->help, NULL, "this text", false}, {0}};

	for (size_t i = 0; i < INIT_OPTIONS; i++)
		table[i] = (struct option){.name = init_options[i].option,
		    .kind = OPTION_TEXT,
		    .into = &values[i],
		    .value = init_options[i].value,
		    .help = init_options[i].help};
	memcpy(table + INIT_OPTIONS, more, sizeof(more));
}

/* A setting that init was not given is named by its option. */
static enum rc
check_required(const char *const values[INIT_OPTIONS], struct err *err)
{
	for (size_t i = 0; i < INIT_OPTIONS; i++)
		if (init_options[i].required && values[i] == NULL)
			return err_set(err, RC_SYNTAX, "--%s %s is needed; %s",
			    init_options[i].option, init_options[i].value,
			    init_options[i].help);
	return RC_OK;
}

static enum rc
init_command(int argc, char **argv, struct err *err)
{
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	const char *values[INIT_OPTIONS] = {NULL};
	struct option table[INIT_OPTIONS + ONCE_OPTIONS + 1];
	struct once once = {0};

	make_table(table, values, &once);
	TRY(options_parse(argc - 1, argv + 1, table, &words, err));
	if (once.help) {
		printf("usage: letterlock-authority init DIR OPTION ...\n\n");
		options_help(table);
		return RC_OK;
	}
	if (words.len != 1)
		return err_set(err, RC_SYNTAX,
		    "want init DIR; see letterlock-authority init --help");
	TRY(check_required(values, err));
	return init(words.item[0], values, &once, err);
}

static enum rc
run_command(int argc, char **argv, struct err *err)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return err_set(err, RC_SYNTAX,
			    "run has no options: its settings are in "
			    "DIR/" SETTINGS_FILE);
	if (argc != 2)
		return err_set(err, RC_SYNTAX,
		    "want run DIR; see letterlock-authority --help");
	return serve(argv[1], err);
}

/* What can be asked for; `run` gets the words from the command's name on. */
static const struct command {
	const char *name;
	enum rc (*run)(int argc, char **argv, struct err *err);
	const char *words;
	const char *help;
	bool has_options; /* and tells of them itself */
} commands[] = {
    {"init", init_command, "DIR OPTION ...",
	"make the keys, certificates and settings of an authority", true},
    {"run", run_command, "DIR", "serve it, until SIGTERM", false},
    {"backup", backup_command, "DIR TO",
	"copy everything into the new folder TO, also while it runs", false},
    {"restore", restore_command, "FROM DIR",
	"make DIR from a backup, as it was then", false},
    {"rollover", rollover_command, "DIR [--of mail|tsa|tsa-ca] [--offline DIR]",
	"make a new issuing CA or timestamping service beside the old one; "
	"needs the key of the root or of the timestamping CA",
	true},
    {"revoke-ca", revoke_ca_command, "DIR NAME --reason REASON",
	"nobody shall rely on this certificate of the authority's own any "
	"more; needs the key of its issuer",
	true},
    {"lists", lists_command, "DIR [--offline DIR]",
	"make the revocation lists of the root and the timestamping CA anew, "
	"once a year; needs their keys",
	true},
    {"upgrade", upgrade_command, "DIR",
	"bring the database and the folder of an older program up to date",
	false},
    {"audit", audit_command, "verify|list DIR",
	"does the log of everything done still say so; what does it say",
	false},
    {"directory", directory_command, "hide|show DIR ADDRESS",
	"from now on, are the certificates of this mailbox published", false},
    {"export-smimea", export_smimea_command, "DIR --domain DOMAIN",
	"print the directory as SMIMEA records (RFC 8162) for a DNS zone",
	true},
    {"operator", operator_command, "add|remove DIR OPTION",
	"say who decides on other people's mailboxes", true},
    {"desk", desk_command, "WORD DIR ...",
	"find out who somebody is: one operator checks, another approves",
	true},
    {"eab", external_command, "DIR [OPTION ...]",
	"make a key that binds ACME accounts to somebody whom you know", true},
    {"revoke", authority_revoke, "DIR --serial HEX [--reason REASON]",
	"nobody shall rely on that certificate any more", true},
    {"lint", lint_command, "FILE [--issuer FILE]",
	"which rules does a certificate break", true},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_help(void)
{
	printf("usage: letterlock-authority COMMAND ...\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %s %s\n        %s\n", commands[i].name,
		    commands[i].words, commands[i].help);
	printf("\nCOMMAND --help tells its options.\n");
}

static enum rc
print_usage(const struct command *command)
{
	printf("usage: letterlock-authority %s %s\n\n%s\n", command->name,
	    command->words, command->help);
	return RC_OK;
}

static enum rc
run(int argc, char **argv, int *ret_status, struct err *err)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0) {
		print_help();
		return RC_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		if (!commands[i].has_options && argc == 3 &&
		    strcmp(argv[2], "--help") == 0)
			return print_usage(&commands[i]);
		enum rc rc = commands[i].run(argc - 1, argv + 1, err);
		/* whoever asks a question wants to know "no" from "cannot" */
		if (rc == RC_REFUSED && (commands[i].run == audit_command ||
					    commands[i].run == lint_command))
			*ret_status = EXIT_NO;
		return rc;
	}
	return err_set(err, RC_SYNTAX,
	    "there is no command \"%s\"; see letterlock-authority --help",
	    name);
}

int
main(int argc, char **argv)
{
	const struct rlimit none = {0, 0};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	/* a crash must not leave the authority's keys on the disk */
	(void)setrlimit(RLIMIT_CORE, &none);

	if (run(argc, argv, &status, &err) == RC_OK)
		return EXIT_SUCCESS;
	fprintf(stderr, "letterlock-authority: %s\n", err.text);
	return status;
}
