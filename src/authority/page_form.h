/* authority/page_form -- forms that only our own pages can send.
 *
 * A browser that has a person's certificate shows it for whatever page makes it
 * send something here, so a certificate alone does not say that the person
 * wanted that (cross-site request forgery).  A form counts only if it has the
 * token that we gave to this certificate, for this action, not long ago; and
 * what a browser says of where it comes from must not contradict.
 *
 * Standard:  application/x-www-form-urlencoded of the WHATWG's URL standard;
 *            Fetch Metadata (Sec-Fetch-Site), RFC 6454 (Origin).
 * May use:   base codec os store.
 */
#ifndef AUTHORITY_PAGE_FORM_H
#define AUTHORITY_PAGE_FORM_H

#include "authority/page.h"
#include "store/sql.h"

#define PAGE_FORM_KEY_LEN 32
#define PAGE_FORM_SECONDS ((int64_t)12 * 60 * 60) /* a form is good, at least */

struct page_form_key {
	uint8_t bytes[PAGE_FORM_KEY_LEN];
};
/* The same for all processes of one database; made if there is none. */
enum rc page_form_key(
    struct sql *sql, struct page_form_key *ret, struct err *err);

struct page_visit {
	const struct page_form_key *key;
	const struct http_request *request; /* of a person */
	int64_t now;
};

/* A form that is sent to `action`, a path of ours. */
enum rc page_form_begin(struct buf *html, const struct page_visit *visit,
    const char *action, struct err *err);
enum rc page_form_end(struct buf *html, struct err *err);

/* Is the request such a form, of this person, sent to where it was meant for?
 * RC_REFUSED: it is not, and `err` has the words for the person. */
enum rc page_form_check(const struct page_visit *visit, struct err *err);

/* Append a field's value, without blanks around it.  RC_ABSENT: there is none
 * of the name, or several.  RC_SYNTAX: it is not written as forms are. */
enum rc page_form_value(const struct http_request *request, const char *name,
    struct buf *out, struct err *err);

#endif
