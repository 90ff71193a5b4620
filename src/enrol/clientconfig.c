#include "enrol/clientconfig.h"

#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/own.h"

#define DEPTH_MAX 16
#define TEXT_MAX 512
#define NAME_MAX_LEN 32

typedef struct XML_ParserStruct parser;
OWNER(parser, XML_ParserFree);

/* One <incomingServer> or <outgoingServer> while it is read. */
struct section {
	struct account_server server;
	char user[321];
	unsigned logins;
	bool has_login; /* an <authentication> was there */
	bool bad;       /* something in it that we do not use */
};

struct reader {
	XML_Parser parser;
	const char *address;
	struct discovery found;
	struct section section;
	char path[DEPTH_MAX][NAME_MAX_LEN];
	int depth;
	bool in_imap, in_smtp;
	char text[TEXT_MAX + 1];
	size_t text_len;
	bool seen_plain; /* a server without TLS was passed over */
	enum rc rc;
	const char *why;
};

/* -- what stands in an element -- */

static void
stop(struct reader *r, enum rc rc, const char *why)
{
	if (r->rc == RC_OK) {
		r->rc = rc;
		r->why = why;
	}
	(void)XML_StopParser(r->parser, XML_FALSE);
}

/* A name that the DNS has: whatever else could end up in a command or a log. */
static bool
is_host(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t len = strlen(text);

	return len > 0 && len < 254 && strspn(text, all) == len &&
	       strcspn(text, letters) < len && text[0] != '.' &&
	       text[0] != '-' && strstr(text, "..") == NULL;
}

static void
take_host(struct section *s, const char *text)
{
	if (!is_host(text)) {
		s->bad = true;
		return;
	}
	memcpy(s->server.host, text, strlen(text) + 1);
}

static void
take_port(struct section *s, const char *text)
{
	char *end = NULL;
	unsigned long port = strtoul(text, &end, 10);

	s->bad |= text[0] < '0' || text[0] > '9' || *end != '\0' || port == 0 ||
		  port > 65535;
	s->server.port = s->bad ? 0 : (uint16_t)port;
}

static void
take_socket(struct section *s, const char *text)
{
	if (strcasecmp(text, "SSL") == 0)
		s->server.security = SMTP_TLS;
	else if (strcasecmp(text, "STARTTLS") == 0)
		s->server.security = SMTP_STARTTLS;
	else
		s->server.security = SMTP_PLAIN;
}

static void
take_login(struct section *s, const char *text)
{
	static const struct {
		const char *name;
		unsigned login;
	} names[] = {
	    {"password-cleartext", DISCOVERY_PASSWORD},
	    {"plain", DISCOVERY_PASSWORD}, /* of version 1.0 */
	    {"OAuth2", DISCOVERY_OAUTH},
	    {"OAuth", DISCOVERY_OAUTH},
	    {"TLS-client-cert", DISCOVERY_CERTIFICATE},
	};

	s->has_login = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(text, names[i].name) == 0)
			s->logins |= names[i].login;
}

static bool
append(char *out, size_t size, size_t *len, struct span bytes)
{
	if (bytes.len >= size - *len)
		return false;
	memcpy(out + *len, bytes.data, bytes.len);
	*len += bytes.len;
	out[*len] = '\0';
	return true;
}

/* What stands for a part of the address, or one byte as it is. */
static struct span
next_piece(const char *address, const char **text)
{
	const char *at = strrchr(address, '@');
	const struct {
		const char *name;
		struct span value;
	} names[] = {
	    {"%EMAILADDRESS%", span_str(address)},
	    {"%EMAILLOCALPART%", span_of(address, (size_t)(at - address))},
	    {"%EMAILDOMAIN%", span_str(at + 1)},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(*text, names[i].name, strlen(names[i].name)) == 0) {
			*text += strlen(names[i].name);
			return names[i].value;
		}
	return span_of((*text)++, 1);
}

static void
take_user(const struct reader *r, struct section *s, const char *text)
{
	size_t len = 0;

	s->user[0] = '\0';
	while (*text != '\0')
		if ((unsigned char)*text < ' ' ||
		    !append(s->user, sizeof(s->user), &len,
			next_piece(r->address, &text))) {
			s->bad = true;
			return;
		}
}

static void
take_element(struct reader *r, const char *name, const char *text)
{
	struct section *s = &r->section;

	if (strcmp(name, "hostname") == 0)
		take_host(s, text);
	else if (strcmp(name, "port") == 0)
		take_port(s, text);
	else if (strcmp(name, "socketType") == 0)
		take_socket(s, text);
	else if (strcmp(name, "authentication") == 0)
		take_login(s, text);
	else if (strcmp(name, "username") == 0)
		take_user(r, s, text);
}

/* -- sections -- */

static void
begin_section(struct reader *r, const char *name, const char **attributes)
{
	const char *type = "";

	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], "type") == 0)
			type = attributes[1];
	r->in_imap = strcmp(name, "incomingServer") == 0 &&
		     strcasecmp(type, "imap") == 0;
	r->in_smtp = strcmp(name, "outgoingServer") == 0 &&
		     strcasecmp(type, "smtp") == 0;
	r->section = (struct section){.server.security = SMTP_PLAIN};
}

static void
end_section(struct reader *r)
{
	const struct section *s = &r->section;
	struct discovery *found = &r->found;
	struct account_server *to = r->in_imap ? &found->imap : &found->smtp;
	bool wanted = (r->in_imap || r->in_smtp) && to->host[0] == '\0';
	unsigned logins = s->has_login ? s->logins : DISCOVERY_PASSWORD;
	unsigned both = found->logins == 0 ? logins : found->logins & logins;

	r->in_imap = r->in_smtp = false;
	if (!wanted || s->bad || s->server.host[0] == '\0' ||
	    s->server.port == 0)
		return;
	r->seen_plain |= s->server.security == SMTP_PLAIN;
	if (s->server.security == SMTP_PLAIN || both == 0)
		return;
	/* one person, one name: another one is for somebody else's account */
	if (found->user[0] != '\0' && s->user[0] != '\0' &&
	    strcmp(found->user, s->user) != 0)
		return;
	*to = s->server;
	found->logins = both;
	if (s->user[0] != '\0')
		memcpy(found->user, s->user, sizeof(found->user));
}

static void
take_oauth(struct reader *r, const char *name)
{
	const struct {
		const char *name;
		char *room;
	} rooms[] = {
	    {"issuer", r->found.issuer},
	    {"authURL", r->found.auth_url},
	    {"tokenURL", r->found.token_url},
	    {"scope", r->found.scope},
	};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		if (strcmp(name, rooms[i].name) == 0 &&
		    r->text_len < sizeof(r->found.scope) &&
		    rooms[i].room[0] == '\0')
			memcpy(rooms[i].room, r->text, r->text_len + 1);
}

/* -- the parser's events -- */

static bool
is_at(const struct reader *r, int depth, const char *name)
{
	return r->depth > depth && strcmp(r->path[depth], name) == 0;
}

static void
on_begin(void *context, const char *name, const char **attributes)
{
	struct reader *r = context;

	if (r->depth >= DEPTH_MAX) {
		stop(r, RC_LIMIT, "its elements are too deep in each other");
		return;
	}
	r->path[r->depth][0] = '\0'; /* a long name is none we know */
	if (strlen(name) < NAME_MAX_LEN)
		memcpy(r->path[r->depth], name, strlen(name) + 1);
	r->depth++;
	r->text_len = 0;
	r->text[0] = '\0';
	if (r->depth == 1 && strcmp(name, "clientConfig") != 0)
		stop(r, RC_SYNTAX, "it is no clientConfig");
	if (r->depth == 3 && is_at(r, 1, "emailProvider"))
		begin_section(r, name, attributes);
}

/* Blanks around a value are layout. */
static void
trim_text(struct reader *r)
{
	struct span text = span_trim(span_of(r->text, r->text_len));

	memmove(r->text, text.data, text.len);
	r->text_len = text.len;
	r->text[text.len] = '\0';
}

static void
on_end(void *context, const char *name)
{
	struct reader *r = context;

	trim_text(r);
	if (r->depth == 4 && (r->in_imap || r->in_smtp))
		take_element(r, name, r->text);
	if (r->depth == 3 && (r->in_imap || r->in_smtp))
		end_section(r);
	if (r->depth == 3 && is_at(r, 1, "oAuth2"))
		take_oauth(r, name);
	if (r->depth > 0)
		r->depth--;
	r->text_len = 0;
}

static void
on_text(void *context, const char *text, int len)
{
	struct reader *r = context;

	if ((size_t)len > TEXT_MAX - r->text_len) {
		stop(r, RC_LIMIT, "a text in it is too long");
		return;
	}
	memcpy(r->text + r->text_len, text, (size_t)len);
	r->text_len += (size_t)len;
	r->text[r->text_len] = '\0';
}

static void
on_doctype(void *context, const char *name, const char *system,
    const char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	stop(context, RC_SYNTAX, "it has a DOCTYPE, which is not read");
}

static enum rc
run(struct reader *r, struct span xml, struct err *err)
{
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_begin, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	enum XML_Status status = XML_Parse(
	    r->parser, (const char *)xml.data, (int)xml.len, XML_TRUE);
	if (r->rc != RC_OK)
		return err_set(err, r->rc, "%s", r->why);
	if (status != XML_STATUS_OK)
		return err_set(err, RC_SYNTAX, "it is no XML: %s",
		    XML_ErrorString(XML_GetErrorCode(r->parser)));
	return RC_OK;
}

static enum rc
check_found(const struct reader *r, struct err *err)
{
	if (r->found.imap.host[0] != '\0' && r->found.smtp.host[0] != '\0')
		return RC_OK;
	if (r->seen_plain)
		return err_set(err, RC_UNFIT,
		    "it names mail servers without TLS only, which are not "
		    "used");
	return err_set(err, RC_UNFIT,
	    "it names no IMAP and SMTP servers with a login that we have");
}

enum rc
clientconfig_parse(struct span xml, const char *address, struct discovery *ret,
    struct err *err)
{
	parser *made OWNED(XML_ParserFree) = XML_ParserCreate(NULL);

	if (made == NULL)
		return err_nomem(err, "XML");
	if (xml.len > CLIENTCONFIG_MAX)
		return err_set(err, RC_LIMIT, "it is too large");
	if (strrchr(address, '@') == NULL)
		return err_set(err, RC_SYNTAX, "%s is no address", address);
	struct reader r = {.parser = made, .address = address, .rc = RC_OK};
	TRY(run(&r, xml, err));
	TRY(check_found(&r, err));
	*ret = r.found;
	return RC_OK;
}
