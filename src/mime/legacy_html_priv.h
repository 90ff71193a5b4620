/* mime/legacy_html -- where the legacy display element is in HTML, and where
 * it goes.
 *
 * Standard:  RFC 9788 sections 4.5.3.3 and 5.2.3; HTML's tokens as far as
 *            they are needed: tags, attributes, comments, raw text.
 * May use:   base.  Linear in time, whatever the HTML.
 */
#ifndef MIME_LEGACY_HTML_PRIV_H
#define MIME_LEGACY_HTML_PRIV_H

#include "base/buf.h"

#define LEGACY_CLASS "header-protection-legacy-display"

/* The element: [*ret_from, *ret_to); false if it is not there, or has no
 * end. */
bool legacy_html_find(struct span html, size_t *ret_from, size_t *ret_to);

/* Where the first child of the body begins. */
size_t legacy_html_body(struct span html);

/* Append the element with `lines` (UTF-8), all in ASCII. */
enum rc legacy_html_print(struct span lines, struct buf *out, struct err *err);

#endif
