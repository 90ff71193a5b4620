#include "authority/settings.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "authority/token.h"
#include "base/own.h"
#include "os/file.h"

#define SETTINGS_MAX ((size_t)64 * 1024)
#define TEXT_MAX 1000
#define PATH_LEN_MAX 4096

OWNER(json_t, json_decref);
OWNER(char, free);

static enum rc check_domain(const char *, struct err *);
static enum rc check_url(const char *, struct err *);
static enum rc check_http_url(const char *, struct err *);
static enum rc check_clock(const char *, struct err *);
static enum rc check_place(const char *, struct err *);
static enum rc check_pkcs11(const char *, struct err *);
static enum rc check_store(const char *, struct err *);
static enum rc check_terms(const char *, struct err *);
static enum rc check_answers(const char *, struct err *);
static enum rc check_country(const char *, struct err *);

/* Every setting that is a text, with what must be true of it. */
static const struct {
	const char *name;
	size_t offset;
	bool optional;
	enum rc (*check)(const char *value, struct err *err);
} texts[] = {
#define TEXT(field, optional, check)                                          \
	{                                                                     \
#field, offsetof(struct settings, field), (optional), (check) \
	}
    TEXT(domain, false, check_domain),
    TEXT(url, false, check_url),
    TEXT(listen, false, check_place),
    TEXT(mx_listen, false, check_place),
    TEXT(http_listen, true, check_place),
    TEXT(http_url, true, check_http_url),
    TEXT(lmtp_listen, true, check_place),
    TEXT(smarthost, false, check_place),
    TEXT(send_from, true, NULL),
    TEXT(dns, true, NULL),
    TEXT(dns_anchors, true, NULL),
    TEXT(tls_certificate, false, NULL),
    TEXT(tls_key, false, NULL),
    TEXT(dkim_key, false, NULL),
    TEXT(dkim_selector, false, check_domain),
    TEXT(passphrase_file, true, NULL),
    TEXT(clock, true, check_clock),
    TEXT(pkcs11, true, check_pkcs11),
    TEXT(pin_file, true, NULL),
    TEXT(ldap_listen, true, check_place),
    TEXT(ldaps_listen, true, check_place),
    TEXT(desk_listen, true, check_place),
    TEXT(metrics_listen, true, check_place),
    TEXT(store, true, check_store),
    TEXT(terms, true, check_terms),
    TEXT(answers, true, check_answers),
    TEXT(caa_identity, true, check_domain),
    TEXT(country, true, check_country),
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* Every setting that is true or false; false unless it is set. */
static const struct {
	const char *name;
	size_t offset;
} flags[] = {
#define FLAG(field)                                      \
	{                                                \
#field, offsetof(struct settings, field) \
	}
    FLAG(external_account_required),
    FLAG(test_profile),
};
#define FLAGS (sizeof(flags) / sizeof(flags[0]))

/* Every setting that is a number, what we recommend and what makes sense. */
static const struct {
	const char *name;
	size_t offset;
	int64_t usual, least, most;
} numbers[] = {
#define NUMBER(field, usual, least, most)                                   \
	{                                                                   \
#field, offsetof(struct settings, field), (usual), (least), \
		    (most)                                                  \
	}
    NUMBER(challenge_mails_per_hour, 10, 1, 1000),
    NUMBER(challenge_mails_per_domain, 1000, 1, 1000000),
    NUMBER(challenge_mails_per_client, 500, 1, 1000000),
    NUMBER(orders_per_hour, 100, 1, 1000000),
    NUMBER(accounts_per_hour, 200, 1, 1000000),
    NUMBER(lookups_per_minute, 600, 1, 1000000),
    NUMBER(authorization_reuse, 3600, 0, (int64_t)24 * 3600),
    NUMBER(audit_seal_every, 60, 1, (int64_t)24 * 3600),
    NUMBER(connections, 1000, 1, 10000),
    NUMBER(mx_connections, 50, 1, 1000),
    NUMBER(http_connections, 1000, 1, 10000),
    NUMBER(ldap_connections, 500, 1, 10000),
    NUMBER(crl_parts, 1, 1, 1024),
    NUMBER(crl_hours, 24, 1, 240),
    NUMBER(crl_keep_days, 3650, 1, 36500),
    NUMBER(ocsp_hours, 24, 8, 96),
    NUMBER(identity_days, 398, 1, 825),
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static char **
text_at(const struct settings *settings, size_t i)
{
	return (char **)((uintptr_t)settings + texts[i].offset);
}

static int64_t *
number_at(const struct settings *settings, size_t i)
{
	return (int64_t *)((uintptr_t)settings + numbers[i].offset);
}

static bool *
flag_at(const struct settings *settings, size_t i)
{
	return (bool *)((uintptr_t)settings + flags[i].offset);
}

void
settings_init(struct settings *settings)
{
	*settings = (struct settings){0};
	for (size_t i = 0; i < NUMBERS; i++)
		*number_at(settings, i) = numbers[i].usual;
}

void
settings_done(struct settings *settings)
{
	for (size_t i = 0; i < TEXTS; i++)
		free(*text_at(settings, i));
	*settings = (struct settings){0};
}

/* A host name: what may stand in DNS, in a mail address and in a DN alike. */
static enum rc
check_domain(const char *value, struct err *err)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";

	if (strlen(value) > SETTINGS_DOMAIN_MAX)
		return err_set(err, RC_UNFIT, "longer than %d characters",
		    SETTINGS_DOMAIN_MAX);
	if (value[strspn(value, fine)] != '\0' || strchr("-._", value[0]))
		return err_set(
		    err, RC_UNFIT, "no domain name in lower case: %s", value);
	return RC_OK;
}

static enum rc
check_host(const char *value, const char *scheme, struct err *err)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789-.:[]";
	const char *host = value + strlen(scheme);

	if (!span_starts(span_str(value), scheme) || host[0] == '\0' ||
	    host[strspn(host, fine)] != '\0')
		return err_set(err, RC_UNFIT,
		    "want %shost[:port] in lower case, without a path", scheme);
	return RC_OK;
}

static enum rc
check_url(const char *value, struct err *err)
{
	return check_host(value, "https://", err);
}

static enum rc
check_clock(const char *value, struct err *err)
{
	if (strcmp(value, SETTINGS_CLOCK_TRUSTED) == 0 ||
	    strcmp(value, "synchronised") == 0)
		return RC_OK;
	return err_set(err, RC_UNFIT, "want synchronised or trusted");
}

static enum rc
check_http_url(const char *value, struct err *err)
{
	return check_host(value, "http://", err);
}

enum rc
settings_place(const char *text, struct settings_place *ret, struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	const char *host = text;
	char *end = NULL;

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		host = text + 1;
		len -= 2;
	}
	long port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;
	if (len == 0 || len >= sizeof(ret->host) || port < 1 || port > 65535 ||
	    *end != '\0')
		return err_set(
		    err, RC_UNFIT, "want host:port, not \"%s\"", text);
	memcpy(ret->host, host, len);
	ret->host[len] = '\0';
	ret->port = (uint16_t)port;
	return RC_OK;
}

static enum rc
check_place(const char *value, struct err *err)
{
	struct settings_place place;

	return settings_place(value, &place, err);
}

const char *
settings_caa_identity(const struct settings *settings)
{
	return settings->caa_identity != NULL ? settings->caa_identity
					      : settings->domain;
}

/* A relative path would be another file for every folder that it is run
 * from. */
static enum rc
check_store(const char *value, struct err *err)
{
	if (value[0] == '/' || span_starts(span_str(value), "postgresql://"))
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "want the absolute path of a file, or postgresql://...");
}

enum rc
settings_guess_http_url(struct settings *settings, struct err *err)
{
	const char *host = settings->url + strlen("https://");
	/* behind the brackets of an IPv6 address, if it is one */
	const char *bracket = strchr(host, ']');
	size_t len = (size_t)(bracket != NULL ? bracket - host : 0);
	struct settings_place place;
	char url[600], port[8] = "";

	len += strcspn(host + len, ":");
	TRY(settings_place(settings->http_listen, &place, err));
	if (place.port != 80)
		(void)snprintf(port, sizeof(port), ":%u", (unsigned)place.port);
	if (len > sizeof(url) / 2)
		return err_set(err, RC_UNFIT, "\"url\" is too long");
	(void)snprintf(url, sizeof(url), "http://%.*s%s", (int)len, host, port);
	return settings_set(settings, "http_url", url, err);
}

/* It becomes a header and a link in a person's browser. */
static enum rc
check_terms(const char *value, struct err *err)
{
	if (!span_starts(span_str(value), "https://") ||
	    strpbrk(value, "\"<> \\^`{|}") != NULL)
		return err_set(err, RC_UNFIT, "want an https:// URL");
	for (size_t i = 0; value[i] != '\0'; i++)
		if (value[i] < '!' || value[i] > '~')
			return err_set(err, RC_UNFIT, "want an ASCII URL");
	return RC_OK;
}

static enum rc
check_answers(const char *value, struct err *err)
{
	if (strcmp(value, "strict") == 0 || strcmp(value, "interop") == 0)
		return RC_OK;
	return err_set(err, RC_UNFIT, "want \"strict\" or \"interop\"");
}

static enum rc
check_country(const char *value, struct err *err)
{
	if (strlen(value) == 2 && value[0] >= 'A' && value[0] <= 'Z' &&
	    value[1] >= 'A' && value[1] <= 'Z')
		return RC_OK;
	return err_set(err, RC_UNFIT, "want the two capitals of ISO 3166");
}

static enum rc
check_pkcs11(const char *value, struct err *err)
{
	if (!span_starts(span_str(value), TOKEN_SCHEME))
		return err_set(err, RC_UNFIT,
		    "want the URI of a token, " TOKEN_SCHEME "token=NAME");
	return RC_OK;
}

static enum rc
check_text(const struct settings *settings, size_t i, struct err *err)
{
	const char *value = *text_at(settings, i);

	if (value == NULL)
		return texts[i].optional
			   ? RC_OK
			   : err_set(err, RC_UNFIT, "\"%s\" is missing",
				 texts[i].name);
	if (value[0] == '\0' || strlen(value) > TEXT_MAX)
		return err_set(err, RC_UNFIT,
		    "\"%s\" must have 1 to %d characters", texts[i].name,
		    TEXT_MAX);
	if (texts[i].check == NULL)
		return RC_OK;
	enum rc rc = texts[i].check(value, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "\"%s\"", texts[i].name);
}

enum rc
settings_check(const struct settings *settings, struct err *err)
{
	for (size_t i = 0; i < TEXTS; i++)
		TRY(check_text(settings, i, err));
	for (size_t i = 0; i < NUMBERS; i++) {
		int64_t value = *number_at(settings, i);
		if (value < numbers[i].least || value > numbers[i].most)
			return err_set(err, RC_UNFIT,
			    "\"%s\" must be %lld to %lld", numbers[i].name,
			    (long long)numbers[i].least,
			    (long long)numbers[i].most);
	}
	if ((settings->http_listen == NULL) != (settings->http_url == NULL))
		return err_set(err, RC_UNFIT,
		    "\"http_listen\" and \"http_url\" belong together");
	return RC_OK;
}

enum rc
settings_set(struct settings *settings, const char *name, const char *value,
    struct err *err)
{
	for (size_t i = 0; i < TEXTS; i++) {
		if (strcmp(texts[i].name, name) != 0)
			continue;
		char *copy = strdup(value);
		if (copy == NULL)
			return err_nomem(err, "settings");
		free(*text_at(settings, i));
		*text_at(settings, i) = copy;
		return RC_OK;
	}
	return err_set(err, RC_ABSENT, "there is no setting \"%s\"", name);
}

enum rc
settings_print(
    const struct settings *settings, struct buf *json, struct err *err)
{
	json_t *object OWNED(json_decref) = json_object();
	int failed = object == NULL;

	for (size_t i = 0; i < TEXTS; i++)
		if (*text_at(settings, i) != NULL)
			failed |= json_object_set_new(object, texts[i].name,
			    json_string(*text_at(settings, i)));
	for (size_t i = 0; i < FLAGS; i++)
		if (*flag_at(settings, i))
			failed |= json_object_set_new(
			    object, flags[i].name, json_true());
	for (size_t i = 0; i < NUMBERS; i++)
		failed |= json_object_set_new(object, numbers[i].name,
		    json_integer(*number_at(settings, i)));
	char *text OWNED(free) =
	    failed ? NULL : json_dumps(object, JSON_INDENT(2));
	if (text == NULL)
		return err_nomem(err, "settings");
	TRY(buf_add_str(json, text, err));
	return buf_add_byte(json, '\n', err);
}

static enum rc
read_number(struct settings *settings, const char *name, const json_t *value,
    struct err *err)
{
	for (size_t i = 0; i < NUMBERS; i++) {
		if (strcmp(numbers[i].name, name) != 0)
			continue;
		*number_at(settings, i) = json_integer_value(value);
		return RC_OK;
	}
	return err_set(
	    err, RC_UNFIT, "there is no setting \"%s\" with a number", name);
}

static enum rc
read_flag(struct settings *settings, const char *name, const json_t *value,
    struct err *err)
{
	for (size_t i = 0; i < FLAGS; i++) {
		if (strcmp(flags[i].name, name) != 0)
			continue;
		*flag_at(settings, i) = json_is_true(value);
		return RC_OK;
	}
	return err_set(err, RC_UNFIT,
	    "there is no setting \"%s\" with true or false", name);
}

static enum rc
read_setting(struct settings *settings, const char *name, const json_t *value,
    struct err *err)
{
	if (json_is_string(value))
		return settings_set(
		    settings, name, json_string_value(value), err);
	if (json_is_integer(value))
		return read_number(settings, name, value, err);
	if (json_is_boolean(value))
		return read_flag(settings, name, value, err);
	return err_set(err, RC_UNFIT,
	    "\"%s\" must be a text, a whole number, true or false", name);
}

enum rc
settings_parse(struct span json, struct settings *ret, struct err *err)
{
	json_error_t where;
	json_t *object OWNED(json_decref) = json_loadb(
	    (const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &where);
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return err_set(err, RC_SYNTAX, "line %d: %s", where.line,
		    object != NULL ? "not a JSON object" : where.text);
	json_object_foreach(object, name, value)
	    TRY(read_setting(ret, name, value, err));
	return settings_check(ret, err);
}

enum rc
settings_load(const char *folder, struct settings *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(SETTINGS_MAX);
	char path[PATH_LEN_MAX];

	(void)snprintf(path, sizeof(path), "%s/" SETTINGS_FILE, folder);
	enum rc rc = file_read(path, &text, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "%s is not there: run letterlock-authority init first",
		    path);
	TRY(rc);
	rc = settings_parse(buf_span(&text), ret, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", path);
}
