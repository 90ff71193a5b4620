/* flow/text_only -- a letter that anybody could have changed, as plain text.
 *
 * Sealed with CBC, and without a valid signature inside: who has the ciphertext
 * can put bytes of his own around what was written and send it as a letter of
 * his (EFAIL).  What he wants is that the mail program shows his HTML with the
 * secret in an address, and fetches that.  So nothing comes of it but text:
 * one part, text/plain, under the letter's outer header; no HTML, no picture,
 * no attachment, and no header field from inside.
 *
 * Standard:  doc/verdicts.md, `enc.cbc-unauth`.
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Limits:    TEXT_ONLY_MAX bytes of text; the rest is left out.
 */
#ifndef FLOW_TEXT_ONLY_H
#define FLOW_TEXT_ONLY_H

#include "flow/words.h"
#include "mime/entity.h"

#define TEXT_ONLY_MAX ((size_t)4 << 20)

/* Append the letter to be shown: `header` is the letter's own as it came, and
 * `inside` what was in its envelope; NULL: nothing of that.  First of all it
 * says `why`: a label of flow/words. */
enum rc text_only_show(struct span header, const struct entity *inside,
    const char *why, struct buf *out, struct err *err);

#endif
