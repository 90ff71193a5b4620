#include "authority/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER_VALUE_MAX 1000

void
http_answer_cut(struct http_answer *answer, size_t headers)
{
	while (answer->headers > headers)
		free(answer->header[--answer->headers].value);
	answer->status = 0;
	answer->content_type = NULL;
	answer->mail_waits = false;
	buf_clear(&answer->body);
}

void
http_answer_done(struct http_answer *answer)
{
	http_answer_cut(answer, 0);
	buf_done(&answer->body);
}

enum rc
http_answer_add_header(struct http_answer *answer, const char *name,
    struct err *err, const char *format, ...)
{
	char text[HEADER_VALUE_MAX];
	va_list args;

	if (answer->headers == HTTP_HEADERS_MAX)
		bug("too many headers in an answer");
	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		return err_set(err, RC_LIMIT, "a %s header is too long", name);
	/* Nothing that a peer sent may begin a header of its own. */
	if (strpbrk(text, "\r\n") != NULL)
		return err_set(err, RC_SYNTAX, "a line end in %s", name);
	char *value = strdup(text);
	if (value == NULL)
		return err_nomem(err, "answer");
	answer->header[answer->headers].name = name;
	answer->header[answer->headers++].value = value;
	return RC_OK;
}

enum rc
http_answer_set(struct http_answer *answer, unsigned status,
    const char *content_type, struct span body, struct err *err)
{
	buf_clear(&answer->body);
	TRY(buf_add(&answer->body, body, err));
	answer->status = status;
	answer->content_type = content_type;
	return RC_OK;
}

bool
http_has_type(const struct http_request *request, const char *want)
{
	struct span type = span_str(request->content_type);
	ptrdiff_t end = span_find_byte(type, ';');

	if (end >= 0)
		type = span_first(type, (size_t)end);
	return span_is_nocase(span_trim(type), want);
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that "%xy" stands for; 0 if it stands for none or for NUL. */
static uint8_t
percent_byte(struct span code)
{
	if (code.len < 3)
		return 0;
	int high = hex_digit(code.data[1]), low = hex_digit(code.data[2]);
	return (uint8_t)(high < 0 || low < 0 ? 0 : high * 16 + low);
}

enum rc
http_percent_decode(struct span in, struct buf *out, struct err *err)
{
	size_t before = out->len;
	enum rc rc = RC_OK;

	while (rc == RC_OK && in.len > 0) {
		bool coded = in.data[0] == '%';
		uint8_t byte = coded ? percent_byte(in) : in.data[0];
		in = span_after(in, coded ? 3 : 1);
		rc = byte == 0
			 ? err_set(err, RC_SYNTAX, "not percent-encoded text")
			 : buf_add_byte(out, byte, err);
	}
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

enum rc
http_pair(
    struct span pairs, const char *name, struct span *ret, struct err *err)
{
	size_t name_len = strlen(name), count = 0;

	while (pairs.len > 0) {
		ptrdiff_t end = span_find_byte(pairs, '&');
		struct span one =
		    end >= 0 ? span_first(pairs, (size_t)end) : pairs;
		pairs = span_after(pairs, one.len + (end >= 0));
		if (!span_starts(one, name) || one.len <= name_len ||
		    one.data[name_len] != '=')
			continue;
		*ret = span_after(one, name_len + 1);
		count++;
	}
	if (count != 1)
		return err_set(err, RC_ABSENT, "want \"%s\" once", name);
	return RC_OK;
}

enum rc
http_query(const struct http_request *request, const char *name,
    struct buf *out, struct err *err)
{
	struct span found = SPAN_NONE;

	if (http_pair(span_str(request->query), name, &found, NULL) != RC_OK)
		return err_set(err, RC_ABSENT,
		    "the query needs the parameter \"%s\" once", name);
	return http_percent_decode(found, out, err);
}
