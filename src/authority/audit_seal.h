/* authority/audit_seal -- entries of the audit log become a chain, and the chain
 * becomes as old as a timestamp says.
 *
 *   hash(n) = SHA-256("letterlock audit 1" 0 hash(n-1) n id at actor act
 *                     object detail)
 *
 * with 32 zeroes before the first; numbers are 8 octets, big-endian, and each
 * text has its length before it in 4.  The last hash of a batch is stamped by
 * our own timestamp authority (RFC 3161; the content is the hash's 32 octets),
 * and noted in the file AUDIT_HEAD of each folder that sealed: whoever can only
 * write to the database cannot shorten the log unseen.
 *
 * May use:   base codec os cms store.
 */
#ifndef AUTHORITY_AUDIT_SEAL_H
#define AUTHORITY_AUDIT_SEAL_H

#include "authority/audit.h"
#include "cms/stamp.h"
#include "store/sql.h"

#define AUDIT_HASH_LEN 32
#define AUDIT_HEAD "audit.head"

/* Make `hash`, which is that of the position before, the entry's own. */
enum rc audit_hash(const struct audit_entry *entry,
    uint8_t hash[AUDIT_HASH_LEN], struct err *err);

/* "POSITION HEX\n", as in the file AUDIT_HEAD. */
enum rc audit_head_print(int64_t position, const uint8_t hash[AUDIT_HASH_LEN],
    struct buf *out, struct err *err);
/* RC_SYNTAX: it is no such line. */
enum rc audit_head_parse(struct span text, int64_t *ret_position,
    uint8_t ret_hash[AUDIT_HASH_LEN], struct err *err);

struct audit_sealer {
	const char *folder; /* of AUDIT_HEAD */
	struct stamp_authority stamper;
	/* The time for a stamp; 0: nobody knows it, stamp later. */
	int64_t (*time)(void *context);
	void *context;
};

/* A job; `context` is a struct audit_sealer. */
enum rc audit_seal(
    void *context, struct sql *sql, int64_t now, struct err *err);

#endif
