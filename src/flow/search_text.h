/* flow/search_text -- the words of a letter, as a search compares them.
 *
 * A search finds text that a person would call the same: without regard to
 * case, accents and vowel signs, width and line breaks (Zoë is zoe, Straße is
 * strasse), in whatever charset and encoding the letter has it; in HTML what
 * is shown.  Two folded texts are compared as bytes.
 *
 * Standard:  RFC 3501 section 6.4.4 (substrings); Unicode's NFKC_Casefold, then
 *            NFD without nonspacing marks.
 * May use:   base codec mime.  No I/O, no clock.
 * Limits:    SEARCH_TEXT_MAX bytes of decoded text of a letter's body: what is
 *            behind them is not found.
 */
#ifndef FLOW_SEARCH_TEXT_H
#define FLOW_SEARCH_TEXT_H

#include "mime/entity.h"

#define SEARCH_TEXT_MAX ((size_t)4 << 20)
/* Folding makes at most so much of it. */
#define SEARCH_FOLDED_MAX (8 * SEARCH_TEXT_MAX)

/* Append UTF-8, folded; what is no UTF-8 is U+FFFD. */
enum rc search_fold(struct span text, struct buf *out, struct err *err);

/* Append the values of the fields of that name, folded, each ended by a line
 * end; NULL: all fields, each with its name. */
enum rc search_fold_fields(const struct fields *fields, const char *name,
    struct buf *out, struct err *err);

/* Append UTF-8 in the form in which texts are sorted: two are in the order of
 * these bytes (RFC 5051, i;unicode-casemap). */
enum rc search_collate(struct span text, struct buf *out, struct err *err);

/* Append all texts of the letter but its own header, folded. */
enum rc search_fold_body(
    const struct entity *letter, struct buf *out, struct err *err);

#endif
