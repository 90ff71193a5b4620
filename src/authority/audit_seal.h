/* authority/audit_seal -- entries of the audit log become a chain, and the chain
 * becomes as old as a timestamp says.
 *
 *   hash(n) = SHA-256("letterlock audit 1" 0 hash(n-1) n id at actor act
 *                     object detail)
 *
 * with 32 zeroes before the first; numbers are 8 octets, big-endian, and each
 * text has its length before it in 4.  The last hash of a batch is stamped by
 * our own timestamp authority (RFC 3161), and with it the seal before, so that
 * none can be taken away unseen: what is stamped is the hash's 32 octets and
 * the SHA-256 of the token before (zeroes if there is none).  Seals from before
 * they named each other are of the hash alone.  Each folder that sealed notes
 * the last seal in a file (authority/audit_head.h).
 *
 * May use:   base codec os cms store.
 */
#ifndef AUTHORITY_AUDIT_SEAL_H
#define AUTHORITY_AUDIT_SEAL_H

#include "authority/audit.h"
#include "authority/audit_head.h"
#include "cms/stamp.h"
#include "store/sql.h"

#define AUDIT_STAMPED_LEN ((size_t)2 * AUDIT_HASH_LEN)

/* Make `hash`, which is that of the position before, the entry's own. */
enum rc audit_hash(const struct audit_entry *entry,
    uint8_t hash[AUDIT_HASH_LEN], struct err *err);

/* How the next seal names this one. */
enum rc audit_seal_name(
    struct span token, uint8_t ret[AUDIT_HASH_LEN], struct err *err);

/* What a seal is a timestamp of. */
void audit_seal_content(const uint8_t hash[AUDIT_HASH_LEN],
    const uint8_t previous[AUDIT_HASH_LEN], uint8_t ret[AUDIT_STAMPED_LEN]);

struct audit_sealer {
	const char *folder; /* of AUDIT_HEAD */
	struct stamp_authority stamper;
	/* The time for a stamp; 0: nobody knows it, stamp later. */
	int64_t (*time)(void *context);
	void *context;
};

/* A job; `context` is a struct audit_sealer.  RC_UNFIT: the log is not the one
 * that AUDIT_HEAD knows; nothing was changed. */
enum rc audit_seal(
    void *context, struct sql *sql, int64_t now, struct err *err);

#endif
