/* edge/imap_envelope -- ENVELOPE of a letter.
 *
 * Reads addresses leniently: it is what a list of letters shows, and decides
 * nothing (mime/address does, strictly).
 *
 * Standard:  RFC 3501 section 7.4.2; encoded words stay as they are.
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_ADDRESSES_MAX in one field; more are left out.
 */
#ifndef EDGE_IMAP_ENVELOPE_H
#define EDGE_IMAP_ENVELOPE_H

#include "mime/entity.h"

#define IMAP_ADDRESSES_MAX 2000

enum rc imap_envelope_print(
    const struct fields *fields, struct buf *out, struct err *err);

/* Append the string, or NIL for one that is not there. */
enum rc imap_print_field(const struct fields *fields, const char *name,
    struct buf *out, struct err *err);

#endif
