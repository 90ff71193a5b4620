#define AUTHORITY_PAGE_C /* the function itself */
#include "authority/page.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/evp.h>

#include "authority/text.h"
#include "codec/base64.h"
#include "pki/crypto.h"

#define WORDS_MAX 2000
#define NUMBER_MAX 24
#define UNSEEN "\xef\xbf\xbd" /* U+FFFD */

/* Dark on light as the system has it; below 40 em a table's cells stand under
 * each other with their column's name before them. */
#define STYLE                                                                 \
	":root{color-scheme:light dark}"                                      \
	"body{font:1rem/1.5 sans-serif;max-width:60rem;margin:0 auto;"        \
	"padding:0 1rem 2rem;overflow-wrap:anywhere}"                         \
	"header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;"                \
	"padding:.75rem 0;border-bottom:1px solid}"                           \
	"table{border-collapse:collapse;width:100%}"                          \
	"th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;"       \
	"border-bottom:1px solid #8886}"                                      \
	"dl{display:grid;grid-template-columns:fit-content(14rem) 1fr;"       \
	"gap:.25rem 1rem}"                                                    \
	"dt{font-weight:bold}dd{margin:0}"                                    \
	"form{margin:1rem 0}label{display:block;margin:.5rem 0}"              \
	"input{font:inherit;display:block;width:100%;max-width:30rem;"        \
	"box-sizing:border-box;padding:.4rem}"                                \
	"button{font:inherit;padding:.6rem 1.2rem;margin:.5rem 1rem .5rem 0}" \
	"@media(max-width:40em){thead{display:none}"                          \
	"tr,td{display:block}tr{border-bottom:1px solid;padding:.5rem 0}"     \
	"td{border:0;padding:.1rem 0}"                                        \
	"td::before{content:attr(data-name) \": \";font-weight:bold}"         \
	"dl{display:block}dd{margin:0 0 .5rem}}"

static const char *
entity_of(uint8_t c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

enum rc
page_text(struct buf *html, struct span text, struct err *err)
{
	size_t used;

	for (; text.len > 0; text = span_after(text, used)) {
		const char *entity = entity_of(text.data[0]);
		used = text_len(text);
		if (used == 0 || text_is_hidden(text))
			entity = UNSEEN;
		if (used == 0)
			used = 1;
		if (entity != NULL)
			TRY(buf_add_str(html, entity, err));
		else
			TRY(buf_add(html, span_first(text, used), err));
	}
	return RC_OK;
}

/* What stands in `before` and `after` is ours. */
static enum rc
put(struct buf *html, const char *before, const char *text, const char *after,
    struct err *err)
{
	TRY(buf_add_str(html, before, err));
	TRY(page_text(html, span_str(text), err));
	return buf_add_str(html, after, err);
}

static enum rc
put_link(struct buf *html, const struct page_link *link, struct err *err)
{
	TRY(put(html, "<a href=\"", link->href, "\">", err));
	return put(html, "", link->text, "</a>", err);
}

enum rc
page_begin(struct buf *html, const struct page_head *head, struct err *err)
{
	TRY(buf_add_str(html,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">",
	    err));
	TRY(put(html, "<title>", head->title, "</title>", err));
	TRY(buf_add_str(
	    html, "<style>" STYLE "</style></head>\n<body><header>", err));
	for (size_t i = 0; i < head->links; i++)
		TRY(put_link(html, &head->link[i], err));
	if (head->who != NULL)
		TRY(put(html, "<span><bdi>", head->who, "</bdi></span>", err));
	TRY(buf_add_str(html, "</header>\n<main>", err));
	return put(html, "<h1>", head->title, "</h1>\n", err);
}

enum rc
page_end(struct buf *html, struct err *err)
{
	return buf_add_str(html, "</main></body></html>\n", err);
}

/* The one style there may be, by its hash. */
static enum rc
add_policy(struct http_answer *answer, struct err *err)
{
	struct buf hash BUF_OWNED = BUF_SMALL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	const char *text = NULL;
	unsigned len = 0;

	if (EVP_Digest(
		STYLE, strlen(STYLE), digest, &len, EVP_sha256(), NULL) != 1)
		return crypto_failed(err, "page");
	TRY(base64_encode(span_of(digest, len), 0, &hash, err));
	TRY(buf_str(&hash, &text, err));
	return http_answer_add_header(answer, "Content-Security-Policy", err,
	    "default-src 'none'; style-src 'sha256-%s'; form-action 'self'; "
	    "base-uri 'none'; frame-ancestors 'none'",
	    text);
}

/* "same-origin", not "no-referrer": with that a browser would call the origin
 * of its forms "null". */
static enum rc
add_headers(struct http_answer *answer, struct err *err)
{
	static const char *const headers[][2] = {
	    {"Cache-Control", "no-store"},
	    {"Referrer-Policy", "same-origin"},
	    {"X-Frame-Options", "DENY"},
	    {"Cross-Origin-Opener-Policy", "same-origin"},
	    {"Cross-Origin-Resource-Policy", "same-origin"},
	};

	TRY(add_policy(answer, err));
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		TRY(http_answer_add_header(
		    answer, headers[i][0], err, "%s", headers[i][1]));
	return RC_OK;
}

enum rc
page_answer(struct http_answer *answer, unsigned status, const struct buf *html,
    struct err *err)
{
	TRY(add_headers(answer, err));
	return http_answer_set(answer, status, PAGE_TYPE, buf_span(html), err);
}

enum rc
page_refuse(struct http_answer *answer, unsigned status, struct err *err,
    const char *format, ...)
{
	const struct page_head head = {.title = "That cannot be done"};
	struct buf html BUF_OWNED = PAGE_BUF;
	char words[WORDS_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	TRY(page_begin(&html, &head, err));
	TRY(put(&html, "<p>", words, "</p>\n", err));
	TRY(page_end(&html, err));
	TRY(page_answer(answer, status, &html, err));
	return err_set(err, RC_REFUSED, "%s", words);
}

enum rc
page_see(struct http_answer *answer, const char *path, struct err *err)
{
	TRY(add_headers(answer, err));
	TRY(http_answer_add_header(answer, "Location", err, "%s", path));
	return http_answer_set(answer, 303, NULL, SPAN_NONE, err);
}

enum rc
page_heading(struct buf *html, const char *text, struct err *err)
{
	return put(html, "<h2>", text, "</h2>\n", err);
}

enum rc
page_say(struct buf *html, struct err *err, const char *format, ...)
{
	char words[WORDS_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	return put(html, "<p>", words, "</p>\n", err);
}

enum rc
page_link(struct buf *html, const struct page_link *link, struct err *err)
{
	TRY(buf_add_str(html, "<p>", err));
	TRY(put_link(html, link, err));
	return buf_add_str(html, "</p>\n", err);
}

enum rc
page_facts(
    struct buf *html, const struct page_fact *fact, size_t len, struct err *err)
{
	TRY(buf_add_str(html, "<dl>", err));
	for (size_t i = 0; i < len; i++) {
		if (fact[i].value == NULL)
			continue;
		TRY(put(html, "<dt>", fact[i].name, "</dt>", err));
		TRY(put(
		    html, "<dd><bdi>", fact[i].value, "</bdi></dd>\n", err));
	}
	return buf_add_str(html, "</dl>\n", err);
}

enum rc
page_table_begin(
    struct buf *html, const char *const *column, size_t len, struct err *err)
{
	TRY(buf_add_str(html, "<table><thead><tr>", err));
	for (size_t i = 0; i < len; i++)
		TRY(put(html, "<th>", column[i], "</th>", err));
	return buf_add_str(html, "</tr></thead>\n<tbody>", err);
}

enum rc
page_row_begin(struct buf *html, struct err *err)
{
	return buf_add_str(html, "<tr>", err);
}

enum rc
page_cell(
    struct buf *html, const char *column, const char *text, struct err *err)
{
	TRY(put(html, "<td data-name=\"", column, "\">", err));
	return put(html, "<bdi>", text, "</bdi></td>", err);
}

enum rc
page_cell_link(struct buf *html, const char *column,
    const struct page_link *link, struct err *err)
{
	TRY(put(html, "<td data-name=\"", column, "\"><bdi>", err));
	TRY(put_link(html, link, err));
	return buf_add_str(html, "</bdi></td>", err);
}

enum rc
page_row_end(struct buf *html, struct err *err)
{
	return buf_add_str(html, "</tr>\n", err);
}

enum rc
page_table_end(struct buf *html, struct err *err)
{
	return buf_add_str(html, "</tbody></table>\n", err);
}

enum rc
page_input(struct buf *html, const struct page_input *input, struct err *err)
{
	char max[NUMBER_MAX];

	(void)snprintf(max, sizeof(max), "%zu", input->max);
	if (input->label != NULL)
		TRY(put(html, "<label>", input->label, " ", err));
	TRY(put(html, "<input type=\"",
	    input->label != NULL ? input->type : "hidden", "\"", err));
	TRY(put(html, " name=\"", input->name, "\"", err));
	if (input->value != NULL)
		TRY(put(html, " value=\"", input->value, "\"", err));
	if (input->max > 0)
		TRY(put(html, " maxlength=\"", max, "\"", err));
	if (input->required)
		TRY(buf_add_str(html, " required", err));
	return buf_add_str(
	    html, input->label != NULL ? "></label>\n" : ">", err);
}

enum rc
page_button(struct buf *html, const char *name, const char *value,
    const char *label, struct err *err)
{
	TRY(put(html, "<button type=\"submit\" name=\"", name, "\"", err));
	TRY(put(html, " value=\"", value, "\">", err));
	return put(html, "", label, "</button>\n", err);
}
