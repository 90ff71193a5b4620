#include "flow/trust.h"

#include <stdlib.h>

#include <openssl/x509v3.h>

#include "mime/address.h"

#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */
#define FINGERPRINT_LEN 64

void
trust_done(struct trust *trust)
{
	free(trust->grant);
	*trust = TRUST_NONE;
}

/* --- words of a line ---------------------------------------------------------- */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word; empty: there is none.  What is behind a "#" that begins a
 * word is for people. */
static struct span
take_word(struct span *rest)
{
	size_t from = 0, end;

	while (from < rest->len && is_blank(rest->data[from]))
		from++;
	if (from < rest->len && rest->data[from] == '#')
		from = rest->len;
	for (end = from; end < rest->len && !is_blank(rest->data[end]); end++)
		;
	struct span word = span_after(span_first(*rest, end), from);
	*rest = span_after(*rest, end);
	return word;
}

static enum rc
check_end(struct span *rest, struct err *err)
{
	struct span word = take_word(rest);

	if (word.len == 0)
		return RC_OK;
	return err_set(err, RC_SYNTAX, "\"%.*s\" is too much",
	    SPAN_ARGS(span_first(word, 60)));
}

/* --- what a word may be ------------------------------------------------------- */

static bool
is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* As programs print it: in any case, perhaps with a colon between bytes. */
static enum rc
parse_fingerprint(
    struct span word, char ret[FINGERPRINT_LEN + 1], struct err *err)
{
	size_t len = 0;

	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = word.data[i];
		if (c == ':' && len % 2 == 0)
			continue;
		if (c >= 'A' && c <= 'F')
			c |= 0x20;
		if (len == FINGERPRINT_LEN || !is_hex(c)) {
			len = 0;
			break;
		}
		ret[len++] = (char)c;
	}
	if (len != FINGERPRINT_LEN)
		return err_set(err, RC_SYNTAX,
		    "a root is named by the SHA-256 of its certificate, 64 "
		    "hexadecimal digits, not \"%.*s\"",
		    SPAN_ARGS(span_first(word, 100)));
	ret[len] = '\0';
	return RC_OK;
}

static enum rc
parse_level(struct span word, enum cert_level *ret, struct err *err)
{
	for (enum cert_level level = LEVEL_V1; level <= LEVEL_V4; level++)
		if (span_is_nocase(word, cert_level_name(level))) {
			*ret = level;
			return RC_OK;
		}
	return err_set(err, RC_SYNTAX, "\"%.*s\" is no level: V1, V2, V3 or V4",
	    SPAN_ARGS(span_first(word, 40)));
}

static bool
is_domain_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_' || c >= 0x80;
}

static bool
is_domain(const char *text)
{
	size_t label = 0, labels = 0;

	for (const char *at = text;; at++) {
		if (*at == '.' || *at == '\0') {
			if (label == 0 || label > LABEL_MAX)
				return false;
			labels++;
			label = 0;
			if (*at == '\0')
				return labels > 0;
			continue;
		}
		if (!is_domain_byte((uint8_t)*at))
			return false;
		label++;
	}
}

/* However each is written, as U-labels or A-labels. */
static bool
is_same_domain(const char *a, const char *b)
{
	char at_a[TRUST_DOMAIN_MAX * 2], at_b[TRUST_DOMAIN_MAX * 2];

	if (strlen(a) + 2 > sizeof(at_a) || strlen(b) + 2 > sizeof(at_b))
		return false;
	at_a[0] = at_b[0] = '@';
	memcpy(at_a + 1, a, strlen(a) + 1);
	memcpy(at_b + 1, b, strlen(b) + 1);
	return address_matches(at_a, at_b);
}

static bool
read_domain(struct span word, char ret[TRUST_DOMAIN_MAX + 1])
{
	ret[0] = '\0';
	for (size_t i = 0; i < word.len && word.len <= TRUST_DOMAIN_MAX; i++) {
		uint8_t c = word.data[i];
		ret[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		ret[i + 1] = '\0';
	}
	/* an address does not fit either: for its domain somebody else may
	 * vouch, or nobody */
	return is_domain(ret) && strlen(ret) == word.len &&
	       is_same_domain(ret, ret); /* no UTF-8 */
}

static enum rc
parse_domain(struct span word, char ret[TRUST_DOMAIN_MAX + 1], struct err *err)
{
	if (read_domain(word, ret))
		return RC_OK;
	return err_set(err, RC_SYNTAX,
	    "\"%.*s\" is no domain: example.org, *.example.org (those below "
	    "it) or * (any)",
	    SPAN_ARGS(span_first(word, 100)));
}

static enum rc
parse_server(struct span word, char ret[TRUST_DOMAIN_MAX + 1], struct err *err)
{
	if (read_domain(word, ret))
		return RC_OK;
	return err_set(err, RC_SYNTAX,
	    "\"%.*s\" is no server's name, such as mx.example.org",
	    SPAN_ARGS(span_first(word, 100)));
}

/* "*", "example.org" or "*.example.org" */
static enum rc
parse_pattern(struct span word, struct trust_grant *ret, struct err *err)
{
	ret->match = TRUST_EXACT;
	if (span_is(word, span_str("*"))) {
		ret->match = TRUST_ANY;
		ret->domain[0] = '\0';
		return RC_OK;
	}
	if (span_starts(word, "*.")) {
		ret->match = TRUST_BELOW;
		word = span_after(word, 2);
	}
	return parse_domain(word, ret->domain, err);
}

/* --- the statements ------------------------------------------------------------ */

static const struct trust_limits *
limits_of(const struct trust *trust)
{
	return trust->limits != NULL ? trust->limits : &trust_default;
}

static enum rc
add_grant(struct trust *trust, const struct trust_grant *grant, struct err *err)
{
	if (trust->grants >= limits_of(trust)->grants)
		return err_set(err, RC_LIMIT, "more than %zu domains in all",
		    limits_of(trust)->grants);
	if (trust->grants == trust->cap) {
		size_t cap = trust->cap == 0 ? 16 : trust->cap * 2;
		struct trust_grant *more =
		    realloc(trust->grant, cap * sizeof(*more));
		if (more == NULL)
			return err_nomem(err, "trust settings");
		trust->grant = more;
		trust->cap = cap;
	}
	trust->grant[trust->grants++] = *grant;
	return RC_OK;
}

static enum rc
parse_root(struct span rest, struct trust *ret, struct err *err)
{
	struct trust_grant grant = {.level = LEVEL_NONE};

	TRY(parse_fingerprint(take_word(&rest), grant.root, err));
	TRY(parse_level(take_word(&rest), &grant.level, err));
	struct span word = take_word(&rest);
	if (word.len == 0)
		return err_set(
		    err, RC_SYNTAX, "for which domains?  * stands for any");
	for (; word.len > 0; word = take_word(&rest)) {
		TRY(parse_pattern(word, &grant, err));
		TRY(add_grant(ret, &grant, err));
	}
	return RC_OK;
}

enum rc
trust_add_server(struct trust *trust, struct span text, struct err *err)
{
	struct trust_server server = {.by = ""};
	size_t most = limits_of(trust)->servers;

	if (trust->servers >= most || trust->servers == TRUST_SERVERS_MAX)
		return err_set(err, RC_LIMIT, "more than %zu servers", most);
	TRY(parse_server(take_word(&text), server.name, err));
	struct span by = take_word(&text);
	if (by.len > 0 && !span_is_nocase(by, "by"))
		return err_set(err, RC_SYNTAX,
		    "\"%.*s\" cannot stand behind the server's name: only "
		    "\"by HOST\" can",
		    SPAN_ARGS(span_first(by, 40)));
	if (by.len > 0)
		TRY(parse_server(take_word(&text), server.by, err));
	TRY(check_end(&text, err));
	trust->server[trust->servers++] = server;
	return RC_OK;
}

static enum rc
parse_authserv(struct span rest, struct trust *ret, struct err *err)
{
	return trust_add_server(ret, rest, err);
}

static enum rc
parse_tsa(struct span rest, struct trust *ret, struct err *err)
{
	struct trust_stamper stamper;
	size_t most = limits_of(ret)->stampers;

	if (ret->stampers >= most || ret->stampers == TRUST_STAMPERS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %zu roots that prove time", most);
	TRY(parse_fingerprint(take_word(&rest), stamper.root, err));
	TRY(check_end(&rest, err));
	ret->stamper[ret->stampers++] = stamper;
	return RC_OK;
}

static enum rc
parse_public_roots(struct span rest, struct trust *ret, struct err *err)
{
	ret->public_roots = true;
	return check_end(&rest, err);
}

static enum rc
parse_dkim(struct span rest, struct trust *ret, struct err *err)
{
	ret->dkim = true;
	return check_end(&rest, err);
}

static const struct {
	const char *name;
	enum rc (*parse)(struct span rest, struct trust *ret, struct err *err);
} statements[] = {
    {"root", parse_root},
    {"tsa", parse_tsa},
    {"authserv", parse_authserv},
    {"public-roots", parse_public_roots},
    {"dkim", parse_dkim},
};

static enum rc
parse_line(struct span line, struct trust *ret, struct err *err)
{
	struct span name = take_word(&line);

	if (name.len == 0)
		return RC_OK;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (span_is(name, span_str(statements[i].name)))
			return statements[i].parse(line, ret, err);
	return err_set(err, RC_SYNTAX,
	    "\"%.*s\" says nothing here: root, tsa, authserv, "
	    "public-roots or dkim",
	    SPAN_ARGS(span_first(name, 40)));
}

static enum rc
parse_lines(struct span text, struct trust *ret, struct err *err)
{
	for (unsigned number = 1; text.len > 0; number++) {
		ptrdiff_t end = span_find_byte(text, '\n');
		struct span line =
		    span_first(text, end < 0 ? text.len : (size_t)end);
		enum rc rc = parse_line(line, ret, err);
		if (rc != RC_OK)
			return err_prefix(err, rc, "line %u", number);
		text = span_after(text, line.len + 1);
	}
	return RC_OK;
}

enum rc
trust_parse(struct span text, struct trust *ret, struct err *err)
{
	struct trust before = *ret;

	if (text.len > limits_of(ret)->text)
		return err_set(err, RC_LIMIT,
		    "trust settings of more than %zu bytes",
		    limits_of(ret)->text);
	if (span_starts(text, "\xef\xbb\xbf"))
		return err_set(err, RC_SYNTAX,
		    "it begins with a byte order mark (UTF-8 BOM): save it "
		    "without");
	enum rc rc = parse_lines(text, ret, err);
	if (rc == RC_OK)
		return RC_OK;
	/* the array may have moved: it stays, with what it had */
	before.grant = ret->grant;
	before.cap = ret->cap;
	*ret = before;
	return rc;
}

/* --- asking ---------------------------------------------------------------------- */

static size_t
count_dots(const char *domain)
{
	size_t dots = 0;

	for (; *domain != '\0'; domain++)
		dots += *domain == '.';
	return dots;
}

/* By whole labels: "badexample.org" is not below "example.org". */
static bool
is_below(const char *domain, const char *above)
{
	size_t dots = count_dots(domain), want = count_dots(above);

	for (; dots > want; dots--)
		domain = strchr(domain, '.') + 1;
	return is_same_domain(domain, above);
}

bool
trust_covers(const struct trust_grant *grant, const char *domain)
{
	switch (grant->match) {
	case TRUST_ANY:
		return true;
	case TRUST_EXACT:
		return is_same_domain(domain, grant->domain);
	case TRUST_BELOW:
		return count_dots(domain) > count_dots(grant->domain) &&
		       is_below(domain, grant->domain);
	}
	return false;
}

/* What says no level, or one of somebody else's, names an address. */
static enum cert_level
asserted(enum cert_level level)
{
	return level >= LEVEL_V1 && level <= LEVEL_V4 ? level : LEVEL_V1;
}

struct trust_answer
trust_ask(const struct trust *trust, const struct cert *root,
    const char *domain, enum cert_level level)
{
	enum cert_level most = LEVEL_V1;
	bool named = false, covered = false;

	for (size_t i = 0; trust != NULL && i < trust->grants; i++) {
		const struct trust_grant *grant = &trust->grant[i];
		if (strcmp(grant->root, cert_fingerprint(root)) != 0)
			continue;
		named = true;
		if (!trust_covers(grant, domain))
			continue;
		covered = true;
		if (grant->level > most)
			most = grant->level;
	}
	return (struct trust_answer){
	    .domain = covered || !named, .level = asserted(level) <= most};
}

/* --- time ------------------------------------------------------------------------ */

static bool
is_named_root(const struct trust *trust, const char *fingerprint)
{
	for (size_t i = 0; i < trust->grants; i++)
		if (strcmp(trust->grant[i].root, fingerprint) == 0)
			return true;
	return false;
}

static bool
is_named_stamper(const struct trust *trust, const char *fingerprint)
{
	for (size_t i = 0; i < trust->stampers; i++)
		if (strcmp(trust->stamper[i].root, fingerprint) == 0)
			return true;
	return false;
}

static bool
proves_time(const struct trust *trust, const struct cert *root)
{
	const char *fingerprint = cert_fingerprint(root);

	return trust == NULL || !is_named_root(trust, fingerprint) ||
	       is_named_stamper(trust, fingerprint);
}

enum rc
trust_add_stampers(const struct trust *trust, const struct certs *roots,
    struct certs *ret, struct err *err)
{
	for (size_t i = 0; i < roots->len; i++)
		if (proves_time(trust, roots->item[i]))
			TRY(certs_add(ret, roots->item[i], err));
	return RC_OK;
}

/* --- the system's roots --------------------------------------------------------- */

/* UINT32_MAX: it does not say for what. */
static bool
is_for_mail(const struct cert *cert)
{
	uint32_t uses = X509_get_extended_key_usage(cert_x509(cert));

	return uses == UINT32_MAX || (uses & (XKU_SMIME | XKU_ANYEKU)) != 0;
}

enum rc
trust_add_public(
    const struct certs *system, int64_t now, struct certs *ret, struct err *err)
{
	struct err ignored = ERR_NONE;

	for (size_t i = 0; i < system->len; i++) {
		const struct cert *root = system->item[i];
		if (is_for_mail(root) &&
		    cert_check_time(root, now, &ignored) == RC_OK)
			TRY(certs_add(ret, root, err));
	}
	return RC_OK;
}
