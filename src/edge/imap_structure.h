/* edge/imap_structure -- BODY and BODYSTRUCTURE of a letter.
 *
 * Parameters are printed as the one parser of messages understands them:
 * joined, and where they are not ASCII as one RFC 2231 value in UTF-8.
 *
 * Standard:  RFC 3501 section 7.4.2.
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    mime/entity's depth bounds the recursion.
 */
#ifndef EDGE_IMAP_STRUCTURE_H
#define EDGE_IMAP_STRUCTURE_H

#include "mime/entity.h"

/* `extended`: BODYSTRUCTURE, else BODY. */
enum rc imap_structure_print(const struct entity *letter, bool extended,
    struct buf *out, struct err *err);

#endif
