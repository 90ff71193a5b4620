#include "pki/mailbox.h"

#include <openssl/asn1.h>

#define ATEXT "!#$%&'*+/=?^_`{|}~-."

struct parts {
	char local[MAILBOX_MAX]; /* without quotes */
	size_t local_len;
	bool ascii;
	struct span domain;
};

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

/* U+0080 to U+009F are control characters as well. */
static bool
is_clean_utf8(struct span text)
{
	while (text.len > 0) {
		unsigned long point = 0;
		int used = UTF8_getc(text.data, (int)text.len, &point);
		if (used <= 0 || point < 0x20 ||
		    (point >= 0x7f && point < 0xa0))
			return false;
		text = span_after(text, (size_t)used);
	}
	return true;
}

static bool
is_domain(struct span domain)
{
	uint8_t before = '.';

	if (domain.len == 0 || domain.len > 255)
		return false;
	for (size_t i = 0; i < domain.len; i++) {
		uint8_t c = domain.data[i];
		if (!is_alnum(c) && c != '-' && c != '.')
			return false;
		if (c == '.' && before == '.')
			return false;
		before = c;
	}
	return before != '.';
}

/* [192.0.2.1] and its like. */
static bool
is_literal(struct span domain)
{
	if (domain.len < 3 || domain.data[0] != '[' ||
	    domain.data[domain.len - 1] != ']')
		return false;
	for (size_t i = 1; i < domain.len - 1; i++)
		if (!is_alnum(domain.data[i]) && domain.data[i] != '.' &&
		    domain.data[i] != ':')
			return false;
	return true;
}

static bool
keep(struct parts *parts, uint8_t c)
{
	if (c < 0x20 || c == 0x7f)
		return false;
	if (c >= 0x80)
		parts->ascii = false;
	parts->local[parts->local_len++] = (char)c;
	return true;
}

static bool
read_quoted(struct span local, struct parts *parts)
{
	for (size_t i = 1; i < local.len - 1; i++) {
		if (local.data[i] == '"')
			return false;
		if (local.data[i] == '\\' && ++i == local.len - 1)
			return false;
		if (!keep(parts, local.data[i]))
			return false;
	}
	return parts->local_len > 0;
}

static bool
read_local(struct span local, struct parts *parts)
{
	if (local.len == 0)
		return false;
	if (local.len > 2 && local.data[0] == '"' &&
	    local.data[local.len - 1] == '"')
		return read_quoted(local, parts);
	for (size_t i = 0; i < local.len; i++) {
		uint8_t c = local.data[i];
		bool atext = c < 0x80 && c != 0 && strchr(ATEXT, c) != NULL;
		if (!is_alnum(c) && !atext && c < 0x80)
			return false;
		if (!keep(parts, c))
			return false;
	}
	return true;
}

static bool
read_mailbox(struct span mailbox, struct parts *parts)
{
	size_t at = mailbox.len;

	*parts = (struct parts){.ascii = true};
	if (mailbox.len > MAILBOX_MAX)
		return false;
	while (at > 0 && mailbox.data[at - 1] != '@')
		at--;
	if (at == 0)
		return false;
	parts->domain = span_after(mailbox, at);
	return read_local(span_first(mailbox, at - 1), parts) &&
	       is_clean_utf8(span_of(parts->local, parts->local_len)) &&
	       (is_domain(parts->domain) || is_literal(parts->domain));
}

bool
mailbox_is_ascii(struct span mailbox)
{
	struct parts parts;

	return read_mailbox(mailbox, &parts) && parts.ascii;
}

bool
mailbox_is_utf8(struct span mailbox)
{
	struct parts parts;

	return read_mailbox(mailbox, &parts) && !parts.ascii;
}

bool
mailbox_same(struct span a, struct span b)
{
	struct parts one, two;

	if (!read_mailbox(a, &one) || !read_mailbox(b, &two))
		return false;
	if (!span_equal_nocase(one.domain, two.domain))
		return false;
	struct span x = span_of(one.local, one.local_len);
	struct span y = span_of(two.local, two.local_len);
	return one.ascii && two.ascii ? span_equal_nocase(x, y) : span_is(x, y);
}
