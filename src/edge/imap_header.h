/* edge/imap_header -- a letter of which only the header was fetched.
 *
 * A mail program lists a folder by headers and sizes.  Of a letter that is
 * never opened those are what the mail server has (but for a forged verdict),
 * so the folder can be listed without fetching what is in it.
 *
 * Shown like this is only what no later look can show otherwise (RFC 3501
 * section 2.3.1.1): a header that every reader ends at the same place, of a
 * type that flow/incoming passes as it came.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_IMAP_HEADER_H
#define EDGE_IMAP_HEADER_H

#include "edge/imap_view.h"

/* `header`, with its empty line, of a letter of `size` bytes: into view->bytes
 * and view->letter, which has no body; the size of the letter as it is shown
 * into *ret_size.  RC_ABSENT: that letter has to be seen whole. */
enum rc imap_header_open(struct span header, uint32_t size,
    struct imap_view *view, uint32_t *ret_size, struct err *err);

#endif
