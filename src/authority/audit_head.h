/* authority/audit_head -- the end of the audit log, as a folder remembers it.
 *
 * The file AUDIT_HEAD of each folder that sealed says how far the log went and
 * which seal was its last: whoever can only write to the database can neither
 * shorten the log nor take its last seal away unseen, nor have the log go on
 * from where it was cut.
 *
 * May use:   base codec os.
 */
#ifndef AUTHORITY_AUDIT_HEAD_H
#define AUTHORITY_AUDIT_HEAD_H

#include "base/buf.h"

#define AUDIT_HASH_LEN 32
#define AUDIT_HEAD "audit.head"

struct audit_head {
	int64_t position; /* of the last sealed entry; 0: none was sealed */
	uint8_t hash[AUDIT_HASH_LEN]; /* that entry's */
	bool has_seal; /* false: written before seals were noted */
	uint8_t seal[AUDIT_HASH_LEN]; /* SHA-256 of the token */
};

/* "POSITION HEX HEX\n", without the second HEX if there is no seal. */
enum rc audit_head_print(
    const struct audit_head *head, struct buf *out, struct err *err);
/* RC_SYNTAX: it is no such line. */
enum rc audit_head_parse(
    struct span text, struct audit_head *ret, struct err *err);

/* RC_ABSENT: this folder sealed nothing yet. */
enum rc audit_head_load(
    const char *folder, struct audit_head *ret, struct err *err);
enum rc audit_head_save(
    const char *folder, const struct audit_head *head, struct err *err);

#endif
