/* authority/audit_verify -- does the audit log still say what was written?
 *
 * Found: an entry that was changed, taken away, put in or moved; a seal that is
 * not of our timestamp authority or of other entries, and one that was taken
 * away or put in (each names the one before); an end that was cut off
 * (against the file AUDIT_HEAD); a certificate or revocation that is not in the
 * log exactly once, and one that is in the log only.
 *
 * Not found: what was done to entries before their seal, a few seconds after
 * they were written; a whole database with its folder put back to an earlier
 * state.
 *
 * May use:   base codec os cms pki store.
 */
#ifndef AUTHORITY_AUDIT_VERIFY_H
#define AUTHORITY_AUDIT_VERIFY_H

#include "base/strlist.h"
#include "pki/cert.h"
#include "store/sql.h"

#define AUDIT_FAULTS_MAX 20 /* told one by one; the rest is counted */

struct audit_report {
	int64_t entries;     /* in the chain */
	int64_t open;        /* not in it yet */
	int64_t oldest_open; /* when the first of these was written; or 0 */
	int64_t seals;
	int64_t sealed; /* position of the last one */
	int64_t sealed_at;
	int64_t certificates; /* looked for in the log */
	int64_t revocations;
	int64_t faults;
	struct strlist fault; /* what is wrong, a line each */
};

#define AUDIT_REPORT_OWNED __attribute__((cleanup(audit_report_done)))
void audit_report_done(struct audit_report *report);

/* RC_OK: it was read to its end; the report says what was found.  `roots`:
 * what the timestamps must lead to.  `folder`: of AUDIT_HEAD, which need not
 * be there. */
enum rc audit_verify(struct sql *sql, const char *folder,
    const struct certs *roots, struct audit_report *ret, struct err *err);

#endif
