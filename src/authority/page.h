/* authority/page -- plain HTML, for people who come with certificates.
 *
 * A page is one answer: it has no script, fetches nothing, stands in nobody's
 * frame and is kept by no cache.  It is written from above to below into a
 * buffer and then made the answer.  Whatever text is put into it is only ever
 * text; characters that nobody sees, and those that turn the direction of
 * writing, are shown as U+FFFD, for people decide by what they read here.
 *
 * Standard:  HTML of the WHATWG; Content Security Policy level 3.
 * May use:   base codec pki.
 * Not here:  where a form was sent from (authority/page_form).
 * Limits:    PAGE_MAX bytes of a page.
 */
#ifndef AUTHORITY_PAGE_H
#define AUTHORITY_PAGE_H

#include "authority/http.h"

#define PAGE_TYPE "text/html; charset=utf-8"
#define PAGE_MAX ((size_t)1 << 20)
#define PAGE_BUF BUF(PAGE_MAX)

struct page_link {
	const char *href;
	const char *text;
};

struct page_head {
	const char *title;
	const char *who; /* who is looked upon as being here; NULL: nobody */
	const struct page_link *link; /* to the other pages */
	size_t links;
};
enum rc page_begin(
    struct buf *html, const struct page_head *head, struct err *err);
enum rc page_end(struct buf *html, struct err *err);

/* Make it the answer, with the headers that keep it what it is. */
enum rc page_answer(struct http_answer *answer, unsigned status,
    const struct buf *html, struct err *err);
/* A page that says what is wrong, as the answer.  Returns RC_REFUSED, so that a
 * service can end with it; any other result says that it could not even do
 * that. */
enum rc page_refuse(struct http_answer *answer, unsigned status,
    struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What was sent has been done; what came of it is to be seen at `path`: who
 * loads that again does not do it again. */
enum rc page_see(struct http_answer *answer, const char *path, struct err *err);

/* Text as it may stand in an element or between the quotes of an attribute. */
enum rc page_text(struct buf *html, struct span text, struct err *err);
enum rc page_heading(struct buf *html, const char *text, struct err *err);
enum rc page_say(struct buf *html, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A paragraph that leads somewhere. */
enum rc page_link(
    struct buf *html, const struct page_link *link, struct err *err);

/* What is known of something.  Those without a value are left out. */
struct page_fact {
	const char *name;
	const char *value;
};
enum rc page_facts(struct buf *html, const struct page_fact *fact, size_t len,
    struct err *err);

/* A table: its columns' names are repeated beside each cell where a screen is
 * too narrow for columns, so each cell says its own. */
enum rc page_table_begin(
    struct buf *html, const char *const *column, size_t len, struct err *err);
enum rc page_row_begin(struct buf *html, struct err *err);
enum rc page_cell(
    struct buf *html, const char *column, const char *text, struct err *err);
enum rc page_cell_link(struct buf *html, const char *column,
    const struct page_link *link, struct err *err);
enum rc page_row_end(struct buf *html, struct err *err);
enum rc page_table_end(struct buf *html, struct err *err);

/* Between page_form_begin() and page_form_end() (authority/page_form.h). */
struct page_input {
	const char *name;
	const char *label; /* NULL: nobody sees it, the form brings it back */
	const char *type;  /* "text", "date", ... */
	const char *value; /* what it is at first */
	size_t max;        /* characters; 0: nothing said */
	bool required;
};
enum rc page_input(
    struct buf *html, const struct page_input *input, struct err *err);
/* Send the form, with name=value. */
enum rc page_button(struct buf *html, const char *name, const char *value,
    const char *label, struct err *err);

/* Neither ever yields RC_OK (see base/err.h). */
#if defined(__clang_analyzer__) && !defined(AUTHORITY_PAGE_C)
#define page_refuse(...) err_failed(page_refuse(__VA_ARGS__))
#endif

#endif
