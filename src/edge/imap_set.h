/* edge/imap_set -- a set of sequence numbers or UIDs ("1,3:5,9:*").
 *
 * Standard:  RFC 3501 section 9, sequence-set.
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_SET_MAX ranges: RC_LIMIT.
 */
#ifndef EDGE_IMAP_SET_H
#define EDGE_IMAP_SET_H

#include "base/buf.h"

#define IMAP_SET_MAX 20000

struct imap_range {
	uint32_t first, last; /* both belong to it */
};

struct imap_set {
	struct imap_range *range; /* owned; ascending, apart */
	size_t len;
};

#define IMAP_SET_NONE ((struct imap_set){NULL, 0})
#define IMAP_SET_OWNED __attribute__((cleanup(imap_set_done)))

/* "*" stands for `largest`, which is 0 in an empty mailbox.  The caller owns
 * *ret. */
enum rc imap_set_parse(
    struct span text, uint32_t largest, struct imap_set *ret, struct err *err);
void imap_set_done(struct imap_set *set);
bool imap_set_has(const struct imap_set *set, uint32_t number);
/* The largest number in it, 0 if it is empty. */
uint32_t imap_set_last(const struct imap_set *set);

/* Is this a set by its look?  RC_SYNTAX if not. */
enum rc imap_set_check(struct span text, struct err *err);

/* A mod-sequence: at most 63 bits (RFC 7162 section 7). */
enum rc imap_modseq_check(struct span text, struct err *err);
/* A whole number of at most 32 bits. */
enum rc imap_number_parse(struct span text, uint32_t *ret, struct err *err);

#endif
