#include "proto/smtp_reply_priv.h"

#include <stdio.h>

#define TEXT_MAX 400 /* of our own replies: RFC 5321 allows 512 a line */

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static size_t
count_digits(struct span text)
{
	size_t len = 0;

	while (len < text.len && len < 4 && is_digit(text.data[len]))
		len++;
	return len;
}

static enum rc
line_too_long(struct err *err)
{
	return err_set(err, RC_LIMIT, "SMTP: reply line is too long");
}

/* One reply line without CRLF: "250-text", "250 text" or "250". */
static enum rc
check_line(struct span line, unsigned *code, bool *ret_last, struct err *err)
{
	unsigned value = 0;

	if (line.len > SMTP_REPLY_LINE_MAX)
		return line_too_long(err);
	if (line.len < 3 || count_digits(span_first(line, 3)) != 3 ||
	    (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-'))
		return err_set(err, RC_SYNTAX, "SMTP: this is no reply: %.*s",
		    SPAN_ARGS(span_first(line, 60)));
	for (size_t i = 0; i < 3; i++)
		value = value * 10 + (unsigned)(line.data[i] - '0');
	if (value < 200 || value > 599 || (*code != 0 && *code != value))
		return err_set(err, RC_SYNTAX,
		    "SMTP: reply code %u is not possible here", value);
	*code = value;
	*ret_last = line.len == 3 || line.data[3] == ' ';
	return RC_OK;
}

enum rc
smtp_reply_find(struct span bytes, struct smtp_reply *ret, struct err *err)
{
	struct smtp_reply reply = {0, SPAN_NONE};
	size_t at = 0;

	for (bool last = false; !last;) {
		struct span rest = span_after(bytes, at);
		ptrdiff_t end = span_find(rest, span_str("\r\n"));
		if (end < 0 && rest.len > SMTP_REPLY_LINE_MAX)
			return line_too_long(err);
		if (end < 0)
			return RC_AGAIN;
		TRY(check_line(
		    span_first(rest, (size_t)end), &reply.code, &last, err));
		at += (size_t)end + 2;
	}
	reply.lines = span_first(bytes, at);
	*ret = reply;
	return RC_OK;
}

bool
smtp_reply_next_line(struct span *lines, struct span *ret)
{
	ptrdiff_t end = span_find(*lines, span_str("\r\n"));

	if (end < 0)
		return false;
	*ret = span_after(span_first(*lines, (size_t)end), 4);
	*lines = span_after(*lines, (size_t)end + 2);
	return true;
}

void
smtp_reply_add_words(char *text, size_t size, struct span words)
{
	size_t len = strlen(text);

	if (len > 0 && words.len > 0 && len + 1 < size)
		text[len++] = ' ';
	for (size_t i = 0; i < words.len && len + 1 < size; i++) {
		uint8_t c = words.data[i];
		text[len++] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	text[len] = '\0';
}

/* Length of "5.1.1" at the start of `text` (RFC 2034), 0 if there is none. */
static size_t
enhanced_len(struct span text, unsigned code)
{
	size_t at = 2;

	if (text.len < 5 || text.data[0] != '0' + code / 100 ||
	    text.data[1] != '.')
		return 0;
	size_t subject = count_digits(span_after(text, at));
	at += subject;
	if (subject == 0 || subject > 3 || at >= text.len ||
	    text.data[at] != '.')
		return 0;
	size_t detail = count_digits(span_after(text, ++at));
	at += detail;
	if (detail == 0 || detail > 3 ||
	    (at < text.len && text.data[at] != ' '))
		return 0;
	return at;
}

void
smtp_reply_result(const struct smtp_reply *reply, const char *recipient,
    struct smtp_client_result *ret)
{
	struct span lines = reply->lines, line;

	memset(ret, 0, sizeof(*ret));
	ret->code = reply->code;
	while (smtp_reply_next_line(&lines, &line)) {
		size_t len = enhanced_len(line, reply->code);
		if (len > 0 && ret->enhanced[0] == '\0')
			smtp_reply_add_words(ret->enhanced,
			    sizeof(ret->enhanced), span_first(line, len));
		smtp_reply_add_words(ret->text, sizeof(ret->text),
		    span_trim(span_after(line, len)));
	}
	(void)snprintf(ret->recipient, sizeof(ret->recipient), "%s", recipient);
}

enum rc
smtp_reply_print(unsigned code, const char *enhanced, const char *text,
    struct buf *out, struct err *err)
{
	char words[TEXT_MAX + 1] = "";

	smtp_reply_add_words(words, sizeof(words), span_str(text));
	if (enhanced == NULL || enhanced[0] == '\0')
		return buf_add_format(out, err, "%u %s\r\n", code, words);
	return buf_add_format(out, err, "%u %s %s\r\n", code, enhanced, words);
}
