/* authority/text -- characters of UTF-8, as names are written with.
 *
 * May use:   base.
 */
#ifndef AUTHORITY_TEXT_H
#define AUTHORITY_TEXT_H

#include "base/span.h"

/* Bytes of the first character, in its shortest form and no surrogate; 0: there
 * is none, or it is no UTF-8. */
size_t text_len(struct span text);

/* How many characters; 0: none, or no UTF-8. */
size_t text_count(struct span text);

/* Begins it with what nobody sees: C0, DEL, C1, line and paragraph separators,
 * and what turns the direction of writing, with which one name looks like
 * another. */
bool text_is_hidden(struct span text);

#endif
