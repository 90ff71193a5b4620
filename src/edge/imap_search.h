/* edge/imap_search -- may the mail server answer this search?
 *
 * It sees sealed letters: what it would find in their text, header or size is
 * not what the person sees, and the words looked for are nobody's business.
 * So only keys about flags, arrival and UIDs go upstream.
 *
 * Standard:  RFC 3501 section 6.4.4.
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    keys nested IMAP_SEARCH_DEPTH deep.
 */
#ifndef EDGE_IMAP_SEARCH_H
#define EDGE_IMAP_SEARCH_H

#include "proto/imap_token.h"

#define IMAP_SEARCH_DEPTH 50

/* RC_REFUSED: a key that only the letters themselves answer.  RC_SYNTAX: no
 * search. */
enum rc imap_search_check(struct imap_walk args, struct err *err);

#endif
