/* flow/request -- between its parts: text that can be read (request_text.c),
 * folded (request_fold.c) and compared with the rules (request.c).
 *
 * Only inside flow.
 */
#ifndef FLOW_REQUEST_PRIV_H
#define FLOW_REQUEST_PRIV_H

#include "base/buf.h"

/* Append text of that charset (NULL: none said) as UTF-8.  What cannot be read
 * is "?", an unknown charset is taken as it is: nobody hides by one odd byte.
 */
enum rc request_utf8(
    const char *charset, struct span text, struct buf *out, struct err *err);

/* Append the text of HTML in one line a block, as it would be shown. */
enum rc request_from_html(struct span html, struct buf *out, struct err *err);

/* Append plain text in one line a paragraph, without what it quotes. */
enum rc request_from_plain(struct span text, struct buf *out, struct err *err);

/* Take one character from the front of `text` as the rules see it: at most 4
 * bytes, none if it cannot be seen; '\n' where a sentence may end for good. */
size_t request_fold(struct span *text, char ret[4]);

#endif
