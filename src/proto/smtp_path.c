#include "proto/smtp_path_priv.h"

#include "codec/utf8.h"
#include "proto/smtp_dsn.h"

/* The functions of this file yield true if all is well, else the refusal is
 * filled. */

static bool
refuse(struct smtp_refusal *refusal, unsigned code, const char *enhanced,
    const char *text)
{
	*refusal = (struct smtp_refusal){code, enhanced, text};
	return false;
}

static bool
is_one_of(uint8_t c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* -- Addresses --------------------------------------------------------------- */

/* dot-string: atoms of atext with single dots between. */
static bool
is_dotted(struct span text, const char *also)
{
	bool dot = true;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '.' && dot)
			return false;
		/* RFC 6531 section 3.3: UTF-8 where there may be letters */
		if (c < 0x80 && c != '.' && !is_alnum(c) && !is_one_of(c, also))
			return false;
		dot = c == '.';
	}
	return text.len > 0 && !dot;
}

static bool
is_local_part(struct span text)
{
	if (text.len > 0 && text.data[0] == '"')
		return true; /* read as a quoted string already */
	return is_dotted(text, "!#$%&'*+-/=?^_`{|}~");
}

static bool
is_literal(struct span text)
{
	for (size_t i = 1; i + 1 < text.len; i++)
		if (!is_alnum(text.data[i]) && !is_one_of(text.data[i], ".:-"))
			return false;
	return text.len > 2 && text.data[text.len - 1] == ']';
}

static bool
is_domain(struct span text)
{
	if (text.len > 0 && text.data[0] == '[')
		return is_literal(text);
	return is_dotted(text, "-_"); /* "_" occurs, against RFC 1123 */
}

/* Where the local part ends.  A quoted one may hold "@", ">" and blanks. */
static bool
find_local_end(struct span text, size_t *ret)
{
	bool quoted = text.len > 0 && text.data[0] == '"';

	for (size_t i = quoted ? 1 : 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (!quoted && (c == '@' || c == '>')) {
			*ret = i;
			return true;
		}
		if (quoted && c == '"') {
			*ret = i + 1;
			return true;
		}
		if (quoted && c == '\\')
			i++;
		if (c < ' ' || c == 0x7f || (!quoted && c == ' '))
			return false;
	}
	return false;
}

/* "<" was read; *text goes on behind ">". */
static bool
take_address(struct span *text, struct span *ret)
{
	size_t local;

	if (!find_local_end(*text, &local) || local >= text->len)
		return false;
	struct span rest = span_after(*text, local);
	ptrdiff_t end = span_find_byte(rest, '>');
	if (end < 0 || (rest.data[0] != '@' && end != 0))
		return false;
	struct span domain = span_after(span_first(rest, (size_t)end), 1);
	if (end > 0 && !is_domain(domain))
		return false;
	if (local > 0 && !is_local_part(span_first(*text, local)))
		return false;
	if (local == 0 && end > 0)
		return false;
	*ret = span_first(*text, local + (size_t)end);
	*text = span_after(rest, (size_t)end + 1);
	return true;
}

/* RFC 5321 appendix C: source routes "MUST be accepted" and are ignored. */
static void
skip_route(struct span *text)
{
	ptrdiff_t colon = span_find_byte(*text, ':');
	ptrdiff_t end = span_find_byte(*text, '>');

	if (span_starts(*text, "@") && colon > 0 && colon < end)
		*text = span_after(*text, (size_t)colon + 1);
}

static bool
has_eightbit(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return true;
	return false;
}

/* " FROM:<address>": *rest goes on behind it. */
static bool
take_path(struct span *rest, const char *word, struct smtp_path *path,
    struct smtp_refusal *refusal)
{
	struct span text = span_trim(*rest), address;

	if (!utf8_ok(text))
		return refuse(refusal, 501, "5.1.3", "Bad address syntax");
	if (!span_starts_nocase(text, word))
		return refuse(refusal, 501, "5.5.4", "Say FROM:<> or TO:<>");
	text = span_trim(span_after(text, strlen(word)));
	if (!span_starts(text, "<"))
		return refuse(refusal, 501, "5.5.4", "Address wants <>");
	text = span_after(text, 1);
	skip_route(&text);
	if (!take_address(&text, &address))
		return refuse(refusal, 501, "5.1.3", "Bad address syntax");
	if (address.len > SMTP_PATH_MAX)
		return refuse(refusal, 501, "5.1.3", "Address is too long");
	if (text.len > 0 && text.data[0] != ' ')
		return refuse(refusal, 501, "5.5.4", "Bad address syntax");
	memcpy(path->address, address.data, address.len);
	path->address[address.len] = '\0';
	*rest = text;
	return true;
}

/* -- Parameters ---------------------------------------------------------------- */

static bool
read_size(struct span value, struct smtp_path *path)
{
	uint64_t size = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
		size = size * 10 + (unsigned)(value.data[i] - '0');
	}
	path->size = size;
	return value.len > 0 && value.len < 20; /* RFC 1870: at most 20 */
}

static bool
read_body(struct span value, struct smtp_path *path)
{
	(void)path;
	return span_is_nocase(value, "7BIT") ||
	       span_is_nocase(value, "8BITMIME");
}

static bool
read_ret(struct span value, struct smtp_path *path)
{
	(void)path;
	return span_is_nocase(value, "FULL") || span_is_nocase(value, "HDRS");
}

static bool
read_auth(struct span value, struct smtp_path *path)
{
	(void)path;
	return smtp_dsn_is_xtext(value);
}

static bool
read_envid(struct span value, struct smtp_path *path)
{
	if (!smtp_dsn_is_xtext(value) || value.len > SMTP_ENVID_MAX)
		return false;
	memcpy(path->envid, value.data, value.len);
	path->envid[value.len] = '\0';
	return true;
}

static bool
read_notify(struct span value, struct smtp_path *path)
{
	return smtp_notify_parse(value, &path->notify);
}

static bool
read_orcpt(struct span value, struct smtp_path *path)
{
	if (!smtp_dsn_is_orcpt(value))
		return false;
	memcpy(path->orcpt, value.data, value.len);
	path->orcpt[value.len] = '\0';
	return true;
}

static bool
read_utf8(struct span value, struct smtp_path *path)
{
	path->utf8 = true;
	return value.data == NULL;
}

/* What is passed over is checked all the same: a parameter that we do not
 * understand must not be lost silently (RFC 5321 section 4.1.1.11). */
struct parameter {
	const char *name;
	bool (*check)(struct span value, struct smtp_path *path);
};

/* The first one is for those who offer it. */
static const struct parameter from_parameters[] = {{"SMTPUTF8", read_utf8},
    {"SIZE", read_size}, {"BODY", read_body}, {"RET", read_ret},
    {"ENVID", read_envid}, {"AUTH", read_auth}, {NULL, NULL}};
static const struct parameter to_parameters[] = {
    {"NOTIFY", read_notify}, {"ORCPT", read_orcpt}, {NULL, NULL}};

static bool
read_parameter(struct span word, const struct parameter *table,
    struct smtp_path *path, struct smtp_refusal *refusal)
{
	ptrdiff_t equals = span_find_byte(word, '=');
	struct span name = equals < 0 ? word : span_first(word, (size_t)equals);
	struct span value =
	    equals < 0 ? SPAN_NONE : span_after(word, (size_t)equals + 1);

	for (; table->name != NULL; table++) {
		if (!span_is_nocase(name, table->name))
			continue;
		if (table->check(value, path))
			return true;
		return refuse(refusal, 501, "5.5.4", "Bad parameter value");
	}
	return refuse(refusal, 555, "5.5.4", "Parameter is not supported");
}

static bool
read_parameters(struct span rest, const struct parameter *table,
    struct smtp_path *path, struct smtp_refusal *refusal)
{
	for (rest = span_trim(rest); rest.len > 0; rest = span_trim(rest)) {
		ptrdiff_t space = span_find_byte(rest, ' ');
		size_t len = space < 0 ? rest.len : (size_t)space;
		if (!read_parameter(
			span_first(rest, len), table, path, refusal))
			return false;
		rest = span_after(rest, len);
	}
	return true;
}

/* Is the address one that may stand there?  What is offered, and what was said,
 * decide. */
static bool
check_ascii(
    bool offered, const struct smtp_path *path, struct smtp_refusal *refusal)
{
	if (!has_eightbit(span_str(path->address)) || path->utf8)
		return true;
	return refuse(refusal, 553, "5.6.7",
	    offered ? "An address beyond ASCII wants SMTPUTF8"
		    : "Only ASCII addresses are supported here");
}

void
smtp_path_parse_from(struct span rest, bool utf8, struct smtp_path *ret,
    struct smtp_refusal *ret_refusal)
{
	const struct parameter *table = from_parameters + (utf8 ? 0 : 1);
	struct smtp_path path = {0};

	*ret_refusal = (struct smtp_refusal){0};
	if (take_path(&rest, "FROM:", &path, ret_refusal) &&
	    read_parameters(rest, table, &path, ret_refusal) &&
	    check_ascii(utf8, &path, ret_refusal))
		*ret = path;
}

/* RFC 5321 section 4.1.1.3: <> is no recipient, and <postmaster> is one
 * without a domain. */
static bool
can_receive(const char *address)
{
	return strchr(address, '@') != NULL ||
	       span_is_nocase(span_str(address), "postmaster");
}

void
smtp_path_parse_to(struct span rest, bool offered, bool said,
    struct smtp_path *ret, struct smtp_refusal *ret_refusal)
{
	struct smtp_path path = {.utf8 = said};

	*ret_refusal = (struct smtp_refusal){0};
	if (!take_path(&rest, "TO:", &path, ret_refusal) ||
	    !read_parameters(rest, to_parameters, &path, ret_refusal) ||
	    !check_ascii(offered, &path, ret_refusal))
		return;
	if (can_receive(path.address))
		*ret = path;
	else
		(void)refuse(
		    ret_refusal, 501, "5.1.3", "Recipient wants a domain");
}
