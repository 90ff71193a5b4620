/* letterlock settings -- what a mail program is to be told, in the forms that
 * mail programs read.  The credential is in none of them: it was shown once. */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "cms/sign.h"
#include "cmd/command.h"
#include "cmd/home.h"
#include "cmd/settings.h"
#include "cmd/support.h"
#include "codec/base64.h"
#include "net/tls.h"
#include "os/clock.h"

#define OUT_MAX ((size_t)256 * 1024)
#define UUID_SIZE 37

struct settings_options {
	struct home_options home;
	const char *format;
	bool sign;
};

/* -- XML ------------------------------------------------------------------------ */

/* An address may have "&", "<" and quotes in it. */
static enum rc
add_text(const char *text, struct buf *out, struct err *err)
{
	static const struct {
		char c;
		const char *name;
	} names[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"},
	    {'"', "&quot;"}, {'\'', "&apos;"}};

	for (; *text != '\0'; text++) {
		const char *name = NULL;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (names[i].c == *text)
				name = names[i].name;
		if (name != NULL)
			TRY(buf_add_str(out, name, err));
		else
			TRY(buf_add_byte(out, (uint8_t)*text, err));
	}
	return RC_OK;
}

static enum rc
add_server(const char *element, const char *type, unsigned port,
    const char *address, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err,
	    "    <%s type=\"%s\">\n      <hostname>" SETTINGS_HOST
	    "</hostname>\n      <port>%u</port>\n"
	    "      <socketType>SSL</socketType>\n"
	    "      <authentication>password-cleartext</authentication>\n"
	    "      <username>",
	    element, type, port));
	TRY(add_text(address, out, err));
	return buf_add_format(out, err, "</username>\n    </%s>\n", element);
}

/* Thunderbird reads it from isp/DOMAIN.xml of its own folder. */
static enum rc
print_autoconfig(const struct home *home, struct buf *out, struct err *err)
{
	const char *address = home->account.address;
	const char *domain = strrchr(address, '@') + 1;

	TRY(buf_add_str(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<clientConfig version=\"1.1\">\n  <emailProvider id=\"",
	    err));
	TRY(add_text(domain, out, err));
	TRY(buf_add_str(out, "\">\n    <domain>", err));
	TRY(add_text(domain, out, err));
	TRY(buf_add_str(out,
	    "</domain>\n"
	    "    <displayName>Letterlock</displayName>\n"
	    "    <displayShortName>Letterlock</displayShortName>\n",
	    err));
	TRY(add_server(
	    "incomingServer", "imap", SETTINGS_IMAP_PORT, address, out, err));
	TRY(add_server(
	    "outgoingServer", "smtp", SETTINGS_SMTP_PORT, address, out, err));
	return buf_add_str(out, "  </emailProvider>\n</clientConfig>\n", err);
}

/* -- Apple's configuration profile ------------------------------------------------ */

/* The same each time, so that a newer profile takes the place of an older one
 * (RFC 9562 section 5.8). */
static void
make_uuid(const struct home *home, const char *what, char ret[UUID_SIZE])
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char text[600];
	int len = snprintf(text, sizeof(text), "letterlock %s %s", what,
	    home->account.address);

	SHA256((const uint8_t *)text, (size_t)len, hash);
	(void)snprintf(ret, UUID_SIZE,
	    "%02X%02X%02X%02X-%02X%02X-8%X%02X-%02X%02X-"
	    "%02X%02X%02X%02X%02X%02X",
	    hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6] & 15,
	    hash[7], (hash[8] & 0x3f) | 0x80, hash[9], hash[10], hash[11],
	    hash[12], hash[13], hash[14], hash[15]);
}

static enum rc
add_key(const char *name, const char *value, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "<key>%s</key><string>", name));
	TRY(add_text(value, out, err));
	return buf_add_str(out, "</string>\n", err);
}

static enum rc
add_head(const struct home *home, const char *type, const char *what,
    struct buf *out, struct err *err)
{
	char uuid[UUID_SIZE], name[UUID_SIZE + 40];

	make_uuid(home, what, uuid);
	(void)snprintf(name, sizeof(name), "letterlock.%s.%s", what, uuid);
	TRY(add_key("PayloadType", type, out, err));
	TRY(add_key("PayloadIdentifier", name, out, err));
	TRY(add_key("PayloadUUID", uuid, out, err));
	TRY(add_key("PayloadDisplayName", "Letterlock", out, err));
	return buf_add_str(
	    out, "<key>PayloadVersion</key><integer>1</integer>\n", err);
}

static enum rc
add_direction(const char *direction, unsigned port, const char *address,
    struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err,
	    "<key>%sMailServerAuthentication</key>"
	    "<string>EmailAuthPassword</string>\n"
	    "<key>%sMailServerHostName</key><string>" SETTINGS_HOST
	    "</string>\n"
	    "<key>%sMailServerPortNumber</key><integer>%u</integer>\n"
	    "<key>%sMailServerUseSSL</key><true/>\n"
	    "<key>%sMailServerUsername</key><string>",
	    direction, direction, direction, port, direction, direction));
	TRY(add_text(address, out, err));
	return buf_add_str(out, "</string>\n", err);
}

static enum rc
add_mail(const struct home *home, struct buf *out, struct err *err)
{
	const char *address = home->account.address;

	TRY(buf_add_str(out, "<dict>\n", err));
	TRY(add_head(home, "com.apple.mail.managed", "mail", out, err));
	TRY(add_key("EmailAccountType", "EmailTypeIMAP", out, err));
	TRY(add_key("EmailAccountDescription", address, out, err));
	TRY(add_key("EmailAddress", address, out, err));
	TRY(add_direction("Incoming", SETTINGS_IMAP_PORT, address, out, err));
	TRY(add_direction("Outgoing", SETTINGS_SMTP_PORT, address, out, err));
	return buf_add_str(out,
	    "<key>OutgoingPasswordSameAsIncomingPassword</key><true/>\n"
	    "</dict>\n",
	    err);
}

/* PEM has the base64 that the profile wants, between its first and last line. */
static enum rc
add_root(const struct home *home, struct buf *out, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(OUT_MAX);

	TRY(tls_print_local_trust(
	    buf_span(&home->account.local_cert), &pem, err));
	struct span text = buf_span(&pem);
	ptrdiff_t begin = span_find_byte(text, '\n');
	ptrdiff_t end = span_find(text, span_str("\n-----END"));
	if (begin < 0 || end < begin)
		return err_set(err, RC_UNFIT, "the local certificate is gone");
	TRY(buf_add_str(out, "<dict>\n", err));
	TRY(add_head(home, "com.apple.security.root", "root", out, err));
	return buf_add_format(out, err,
	    "<key>PayloadContent</key><data>%.*s\n</data>\n</dict>\n",
	    SPAN_ARGS(
		span_after(span_first(text, (size_t)end), (size_t)begin)));
}

static enum rc
print_profile(const struct home *home, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	    "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	    "<plist version=\"1.0\">\n<dict>\n",
	    err));
	TRY(add_head(home, "Configuration", "profile", out, err));
	TRY(buf_add_str(out, "<key>PayloadContent</key>\n<array>\n", err));
	TRY(add_mail(home, out, err));
	TRY(add_root(home, out, err));
	return buf_add_str(out, "</array>\n</dict>\n</plist>\n", err);
}

/* -- for people, and for stores of certificates -------------------------------------- */

static enum rc
print_page(const struct home *home, struct buf *out, struct err *err)
{
	return buf_add_format(out, err,
	    "Settings of the mail program for %s\n\n"
	    "Incoming mail\n"
	    "  kind         IMAP\n"
	    "  server       " SETTINGS_HOST "\n"
	    "  port         %d\n"
	    "  security     SSL/TLS (from the first byte, no STARTTLS)\n"
	    "  login        password\n"
	    "  user         %s\n\n"
	    "Outgoing mail\n"
	    "  kind         SMTP\n"
	    "  server       " SETTINGS_HOST "\n"
	    "  port         %d\n"
	    "  security     SSL/TLS (from the first byte, no STARTTLS)\n"
	    "  login        password\n"
	    "  user         %s\n\n"
	    "Password       the one that letterlock setup showed;\n"
	    "               letterlock setup %s --new-credential makes "
	    "another\n"
	    "Certificate    to be believed by the mail program:\n"
	    "               %s/localhost.pem\n",
	    home->account.address, SETTINGS_IMAP_PORT, home->account.address,
	    SETTINGS_SMTP_PORT, home->account.address, home->account.address,
	    state_folder(home->state));
}

static enum rc
print_trust(const struct home *home, struct buf *out, struct err *err)
{
	return tls_print_local_trust(
	    buf_span(&home->account.local_cert), out, err);
}

/* -- signing --------------------------------------------------------------------- */

static enum rc
sign(
    const struct home *home, struct span text, struct buf *out, struct err *err)
{
	struct sign *made = NULL;

	if (home->signer.cert == NULL)
		return err_set(err, RC_ABSENT,
		    "there is no valid certificate to sign with: run "
		    "letterlock setup");
	TRY(sign_new(&home->signer, clock_now(), &made, err));
	enum rc rc = sign_start_opaque(made, out, err);
	if (rc == RC_OK)
		rc = sign_push_opaque(made, text, out, err);
	if (rc == RC_OK)
		rc = sign_close(made, err);
	if (rc == RC_OK)
		rc = sign_finish(made, out, err);
	sign_free(made);
	return rc;
}

/* -- the command ------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum rc (*print)(
	    const struct home *home, struct buf *out, struct err *err);
} formats[] = {
    {"text", print_page},
    {"autoconfig", print_autoconfig},
    {"mobileconfig", print_profile},
    {"certificate", print_trust},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static enum rc
print(const struct settings_options *o, const struct home *home,
    struct buf *out, struct err *err)
{
	const char *name = o->format != NULL ? o->format : "text";

	if (o->sign && strcmp(name, "mobileconfig") != 0)
		return err_set(
		    err, RC_SYNTAX, "--sign is for --format mobileconfig only");
	for (size_t i = 0; i < FORMATS; i++)
		if (strcmp(name, formats[i].name) == 0)
			return formats[i].print(home, out, err);
	return err_set(err, RC_SYNTAX,
	    "--format wants text, autoconfig, mobileconfig or certificate, "
	    "not %s",
	    name);
}

static enum rc
run_settings(const struct settings_options *o, struct err *err)
{
	struct home home HOME_OWNED;
	struct buf out BUF_OWNED = BUF(OUT_MAX);
	struct buf whole BUF_OWNED = BUF(OUT_MAX);

	home_init(&home);
	TRY(home_open(&home, &o->home, false, err));
	TRY(home_load(&home, err));
	TRY(home_prepare(&home, err));
	if (home.account.local_cert.len == 0)
		return err_set(err, RC_ABSENT,
		    "%s is not set up to its end: run letterlock setup",
		    home.account.address);
	TRY(print(o, &home, &out, err));
	if (!o->sign)
		return support_write(buf_span(&out), err);
	TRY(sign(&home, buf_span(&out), &whole, err));
	return support_write(buf_span(&whole), err);
}

int
command_settings(int argc, char **argv)
{
	struct settings_options o = {0};
	const struct option options[] = {
	    {"format", OPTION_TEXT, &o.format, "FORMAT",
		"text (default), autoconfig (Thunderbird's XML), mobileconfig "
		"(Apple's profile), certificate (PEM)",
		false},
	    {"sign", OPTION_FLAG, &o.sign, NULL,
		"sign the profile with one's own certificate", false},
	    HOME_OPTIONS(o.home),
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv, "settings ...", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, NULL, &err);
	if (rc == RC_OK)
		rc = run_settings(&o, &err);
	return rc == RC_OK ? EXIT_YES : command_failed("settings", &err);
}
