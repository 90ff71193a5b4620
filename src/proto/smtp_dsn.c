#include "proto/smtp_dsn.h"

#include <stdio.h>

static const struct {
	unsigned bit;
	const char *word;
} notices[] = {
    {SMTP_NOTIFY_NEVER, "NEVER"},
    {SMTP_NOTIFY_SUCCESS, "SUCCESS"},
    {SMTP_NOTIFY_FAILURE, "FAILURE"},
    {SMTP_NOTIFY_DELAY, "DELAY"},
};
#define NOTICES (sizeof(notices) / sizeof(notices[0]))

static unsigned
find_notice(struct span word)
{
	for (size_t i = 0; i < NOTICES; i++)
		if (span_is_nocase(word, notices[i].word))
			return notices[i].bit;
	return 0;
}

bool
smtp_notify_parse(struct span text, unsigned *ret)
{
	unsigned notify = 0;

	for (bool more = true; more;) {
		ptrdiff_t comma = span_find_byte(text, ',');
		size_t len = comma < 0 ? text.len : (size_t)comma;
		unsigned bit = find_notice(span_first(text, len));
		if (bit == 0 || (notify & bit) != 0)
			return false;
		notify |= bit;
		more = comma >= 0;
		text = span_after(text, len + (more ? 1 : 0));
	}
	/* RFC 3461 section 4.1: NEVER stands alone */
	if ((notify & SMTP_NOTIFY_NEVER) && notify != SMTP_NOTIFY_NEVER)
		return false;
	*ret = notify;
	return true;
}

void
smtp_notify_print(unsigned notify, char ret[SMTP_NOTIFY_MAX + 1])
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < NOTICES; i++)
		if (notify & notices[i].bit)
			len += (size_t)snprintf(ret + len,
			    SMTP_NOTIFY_MAX + 1 - len, "%s%s",
			    len > 0 ? "," : "", notices[i].word);
}

bool
smtp_notify_has_failure(unsigned notify)
{
	return notify == 0 || (notify & SMTP_NOTIFY_FAILURE) != 0;
}

/* -- xtext -- */

static int
read_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that stands at text[*at]; -1: none that may. */
static int
next_byte(struct span text, size_t *at)
{
	uint8_t c = text.data[(*at)++];

	if (c < '!' || c > '~' || c == '=')
		return -1;
	if (c != '+')
		return c;
	if (text.len - *at < 2)
		return -1;
	int high = read_hex(text.data[(*at)++]);
	int low = read_hex(text.data[(*at)++]);
	if (high < 0 || low < 0)
		return -1;
	int byte = high * 16 + low;
	return byte < ' ' || byte >= 0x7f ? -1 : byte;
}

bool
smtp_dsn_is_xtext(struct span text)
{
	for (size_t at = 0; at < text.len;)
		if (next_byte(text, &at) < 0)
			return false;
	return text.len > 0;
}

enum rc
smtp_dsn_decode(struct span xtext, struct buf *out, struct err *err)
{
	if (!smtp_dsn_is_xtext(xtext))
		return err_set(err, RC_SYNTAX, "this is no xtext");
	for (size_t at = 0; at < xtext.len;)
		TRY(buf_add_byte(out, (uint8_t)next_byte(xtext, &at), err));
	return RC_OK;
}

/* RFC 6533 section 3: "\x{...}" for what is beyond ASCII; nothing else is
 * escaped there, and "+" stands for itself. */
static bool
is_utf8_address(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < '!' || text.data[i] > '~')
			return false;
	return text.len > 0;
}

bool
smtp_dsn_is_orcpt(struct span text)
{
	ptrdiff_t semicolon = span_find_byte(text, ';');

	if (semicolon <= 0 || text.len > SMTP_ORCPT_MAX)
		return false;
	struct span type = span_first(text, (size_t)semicolon);
	struct span address = span_after(text, type.len + 1);
	for (size_t i = 0; i < type.len; i++) {
		uint8_t c = type.data[i] | 0x20;
		bool letter = c >= 'a' && c <= 'z';
		bool digit = type.data[i] >= '0' && type.data[i] <= '9';
		if (!letter && !digit && type.data[i] != '-')
			return false;
	}
	if (span_is_nocase(type, "utf-8"))
		return is_utf8_address(address);
	return smtp_dsn_is_xtext(address);
}
