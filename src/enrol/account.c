#include "enrol/account.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/own.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "mime/address.h"

#define ACCOUNT_ITEM "account"
#define ACCOUNT_MAX ((size_t)4 << 20)
#define PASSWORD_MAX 4096
#define PEM_MAX ((size_t)1 << 20)

OWNER(json_t, json_decref);

void
account_init(struct account *account)
{
	*account = (struct account){
	    .password = BUF_SECRET(PASSWORD_MAX),
	    .imap.security = SMTP_TLS,
	    .smtp.security = SMTP_TLS,
	    .roots = BUF(PEM_MAX),
	    .local_cert = BUF(PEM_MAX),
	    .local_key = BUF_SECRET(PEM_MAX),
	};
}

void
account_done(struct account *account)
{
	buf_done(&account->password);
	buf_done(&account->roots);
	buf_done(&account->local_cert);
	buf_done(&account->local_key);
	OPENSSL_cleanse(account->credential, sizeof(account->credential));
}

/* -- what is text as it is, and what is bytes -- */

static const struct {
	const char *name;
	size_t offset;
	size_t size;
	bool is_new; /* what was saved before may be without it */
} texts[] = {
#define TEXT(name, is_new)                                      \
	{                                                       \
#name, offsetof(struct account, name),          \
		    sizeof(((struct account *)0)->name), is_new \
	}
    TEXT(address, false),
    TEXT(user, false),
    TEXT(authority, false),
    TEXT(tls_trust, false),
    TEXT(dns_server, false),
    TEXT(dns_anchors, false),
    TEXT(login, true),
    TEXT(oauth_issuer, true),
    TEXT(oauth_auth_url, true),
    TEXT(oauth_token_url, true),
    TEXT(oauth_client, true),
    TEXT(oauth_secret, true),
    TEXT(oauth_scope, true),
#undef TEXT
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* In base64: a password may be any bytes, and JSON is UTF-8. */
static const struct {
	const char *name;
	size_t offset;
} bytes[] = {
    {"password", offsetof(struct account, password)},
    {"roots", offsetof(struct account, roots)},
    {"local_cert", offsetof(struct account, local_cert)},
    {"local_key", offsetof(struct account, local_key)},
};
#define BYTES (sizeof(bytes) / sizeof(bytes[0]))

static const struct {
	const char *name;
	enum smtp_security security;
} securities[] = {
    {"tls", SMTP_TLS},
    {"starttls", SMTP_STARTTLS},
};
#define SECURITIES (sizeof(securities) / sizeof(securities[0]))

/* -- reading -- */

static enum rc
broken(const char *name, struct err *err)
{
	return err_set(err, RC_SYNTAX,
	    "the saved account: \"%s\" is missing or wrong: run "
	    "\"letterlock setup\" again",
	    name);
}

static enum rc
read_text(const json_t *json, const char *name, char *room, size_t size,
    struct err *err)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (text == NULL || strlen(text) >= size)
		return broken(name, err);
	memcpy(room, text, strlen(text) + 1);
	return RC_OK;
}

static enum rc
read_bytes(
    const json_t *json, const char *name, struct buf *out, struct err *err)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (text == NULL || base64_decode(span_str(text), out, err) != RC_OK)
		return broken(name, err);
	return RC_OK;
}

static enum rc
read_server(const json_t *json, const char *name, struct account_server *ret,
    struct err *err)
{
	const json_t *server = json_object_get(json, name);
	json_int_t port = json_integer_value(json_object_get(server, "port"));
	const char *word =
	    json_string_value(json_object_get(server, "security"));

	TRY(read_text(server, "host", ret->host, sizeof(ret->host), err));
	if (port < 0 || port > UINT16_MAX || word == NULL)
		return broken(name, err);
	ret->port = (uint16_t)port;
	for (size_t i = 0; i < SECURITIES; i++)
		if (strcmp(word, securities[i].name) == 0) {
			ret->security = securities[i].security;
			return RC_OK;
		}
	return broken(name, err);
}

static enum rc
read_credential(const json_t *json, uint8_t ret[32], struct err *err)
{
	struct buf hash BUF_OWNED = BUF_SECRET(64);
	const char *text =
	    json_string_value(json_object_get(json, "credential"));

	if (text == NULL || hex_decode(span_str(text), &hash, err) != RC_OK ||
	    hash.len != 32)
		return broken("credential", err);
	memcpy(ret, hash.data, 32);
	return RC_OK;
}

static enum rc
read_account(const json_t *json, struct account *ret, struct err *err)
{
	for (size_t i = 0; i < TEXTS; i++) {
		if (texts[i].is_new &&
		    json_object_get(json, texts[i].name) == NULL)
			continue;
		TRY(read_text(json, texts[i].name,
		    (char *)ret + texts[i].offset, texts[i].size, err));
	}
	for (size_t i = 0; i < BYTES; i++)
		TRY(read_bytes(json, bytes[i].name,
		    (struct buf *)(void *)((char *)ret + bytes[i].offset),
		    err));
	TRY(read_server(json, "imap", &ret->imap, err));
	TRY(read_server(json, "smtp", &ret->smtp, err));
	return read_credential(json, ret->credential, err);
}

enum rc
account_load(const struct state *state, struct account *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(ACCOUNT_MAX);
	struct account account ACCOUNT_OWNED;

	account_init(&account);
	TRY(state_load(state, ACCOUNT_ITEM, &text, err));
	json_t *json OWNED(json_decref) =
	    json_loadb((const char *)text.data, text.len, 0, NULL);
	if (json == NULL)
		return broken("JSON", err);
	TRY(read_account(json, &account, err));
	account_done(ret);
	*ret = account;
	account_init(&account);
	return RC_OK;
}

/* -- writing -- */

static enum rc
set(json_t *json, const char *name, json_t *value, struct err *err)
{
	if (value == NULL || json_object_set_new(json, name, value) != 0)
		return err_set(err, RC_SYNTAX,
		    "account: \"%s\" cannot be saved (not UTF-8?)", name);
	return RC_OK;
}

static enum rc
set_bytes(
    json_t *json, const char *name, const struct buf *value, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(ACCOUNT_MAX);
	const char *string = NULL;

	TRY(base64_encode(buf_span(value), 0, &text, err));
	TRY(buf_str(&text, &string, err));
	return set(json, name, json_string(string), err);
}

static enum rc
set_server(json_t *json, const char *name, const struct account_server *server,
    struct err *err)
{
	const char *word = NULL;

	for (size_t i = 0; i < SECURITIES; i++)
		if (server->security == securities[i].security)
			word = securities[i].name;
	/* Nothing of ours ever goes to a server in the clear. */
	if (word == NULL)
		return err_set(
		    err, RC_UNFIT, "a mail server without TLS is not used");
	return set(json, name,
	    json_pack("{s:s, s:i, s:s}", "host", server->host, "port",
		(int)server->port, "security", word),
	    err);
}

static enum rc
print_account(const struct account *account, json_t *json, struct err *err)
{
	struct buf hash BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	for (size_t i = 0; i < TEXTS; i++)
		TRY(set(json, texts[i].name,
		    json_string((const char *)account + texts[i].offset), err));
	for (size_t i = 0; i < BYTES; i++)
		TRY(set_bytes(json, bytes[i].name,
		    (const struct buf *)(const void *)((const char *)account +
						       bytes[i].offset),
		    err));
	TRY(set_server(json, "imap", &account->imap, err));
	TRY(set_server(json, "smtp", &account->smtp, err));
	TRY(hex_encode(span_of(account->credential, 32), &hash, err));
	TRY(buf_str(&hash, &text, err));
	return set(json, "credential", json_string(text), err);
}

static int
dump(const char *text, size_t len, void *out)
{
	return buf_add(out, span_of(text, len), NULL) == RC_OK ? 0 : -1;
}

enum rc
account_save(
    const struct state *state, const struct account *account, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(ACCOUNT_MAX);
	json_t *json OWNED(json_decref) = json_object();

	if (json == NULL)
		return err_nomem(err, "saving the account");
	TRY(print_account(account, json, err));
	if (json_dump_callback(json, dump, &text, JSON_COMPACT) != 0)
		return err_nomem(err, "saving the account");
	return state_save(state, ACCOUNT_ITEM, buf_span(&text), err);
}

enum sasl_kind
account_login(const struct account *account)
{
	if (strcmp(account->login, "oauth") == 0)
		return SASL_TOKEN;
	if (strcmp(account->login, "certificate") == 0)
		return SASL_CERTIFICATE;
	return SASL_PASSWORD;
}

/* -- finding the servers -- */

struct service {
	const char *name;   /* of SRV */
	const char *scheme; /* as the flags want it */
	enum smtp_security security;
};

/* RFC 8314 section 3: TLS from the first byte is preferred. */
static const struct service imap_services[] = {
    {"_imaps._tcp", "imaps", SMTP_TLS}, {"_imap._tcp", "imap", SMTP_STARTTLS}};
static const struct service smtp_services[] = {
    {"_submissions._tcp", "smtps", SMTP_TLS},
    {"_submission._tcp", "smtp", SMTP_STARTTLS}};

static bool
is_within(const char *host, const char *domain)
{
	size_t host_len = strlen(host);
	size_t domain_len = strlen(domain);

	if (host_len < domain_len ||
	    strcasecmp(host + host_len - domain_len, domain) != 0)
		return false;
	return host_len == domain_len || host[host_len - domain_len - 1] == '.';
}

/* RFC 6186 section 6: an unproven answer may name anybody's server, and the
 * password would go there. */
static enum rc
check_proven(const struct srv *srv, const char *domain,
    const struct service *service, const char *flag, struct err *err)
{
	if (is_within(srv->host, domain))
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "the DNS names %s as a server of %s without proof: if it is, say "
	    "%s %s://%s:%u",
	    srv->host, domain, flag, service->scheme, srv->host, srv->port);
}

struct search {
	const struct resolver *resolver;
	const char *domain;
	const char *flag; /* with which a person names the server */
	const struct service *services; /* two */
};

static enum rc
find_service(const struct search *search, const struct service *service,
    struct account_server *ret, struct err *err)
{
	char name[400];
	struct srv srv = {0};
	bool secure = false;

	(void)snprintf(
	    name, sizeof(name), "%s.%s", service->name, search->domain);
	TRY(resolver_find_srv(search->resolver, name, &srv, &secure, err));
	if (!secure)
		TRY(check_proven(
		    &srv, search->domain, service, search->flag, err));
	memcpy(ret->host, srv.host, sizeof(ret->host));
	ret->port = srv.port;
	ret->security = service->security;
	return RC_OK;
}

static enum rc
find_server(
    const struct search *search, struct account_server *server, struct err *err)
{
	if (server->host[0] != '\0')
		return RC_OK;
	for (size_t i = 0; i < 2; i++) {
		enum rc rc =
		    find_service(search, &search->services[i], server, err);
		if (rc != RC_ABSENT)
			return rc;
	}
	return err_set(err, RC_ABSENT,
	    "the DNS of %s does not say where its mail server is: give it "
	    "with %s %s://HOST:PORT",
	    search->domain, search->flag, search->services[0].scheme);
}

enum rc
account_find_servers(
    struct account *account, const struct resolver *resolver, struct err *err)
{
	struct account_server imap = account->imap;
	struct account_server smtp = account->smtp;
	struct search search = {.resolver = resolver};

	TRY(address_check(span_str(account->address), err));
	search.domain = address_domain(account->address);
	search.flag = "--imap";
	search.services = imap_services;
	TRY(find_server(&search, &imap, err));
	search.flag = "--smtp";
	search.services = smtp_services;
	TRY(find_server(&search, &smtp, err));
	account->imap = imap;
	account->smtp = smtp;
	return RC_OK;
}
