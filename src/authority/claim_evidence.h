/* authority/claim_evidence -- what somebody sends to show who they are.
 *
 * Files, kept as they came and never looked into: whoever wants to read one
 * takes it away (authority/claim_desk).  They arrive in pieces that fit into
 * a request, each at the end of what is there.
 *
 * May use:   base store.
 * Limits:    CLAIM_FILES_MAX files of CLAIM_FILE_MAX bytes each, in
 *            pieces of CLAIM_PIECE_MAX bytes.
 */
#ifndef AUTHORITY_CLAIM_EVIDENCE_H
#define AUTHORITY_CLAIM_EVIDENCE_H

#include "authority/claim.h"

#define CLAIM_FILES_MAX 8
#define CLAIM_FILE_MAX ((size_t)2 << 20)
#define CLAIM_PIECE_MAX ((size_t)32 * 1024)
#define CLAIM_FILE_NAME_MAX 100
/* How long evidence of what was never approved is kept, once it is decided. */
#define CLAIM_EVIDENCE_KEEP (30 * CLAIM_DAY)

/* Letters, digits, ".", "_" and "-", not beginning with a ".": what is a file's
 * name everywhere. */
bool claim_is_file_name(const char *name);

struct claim_piece {
	const char *name;
	int64_t at; /* how long it is so far; 0: it is not there yet */
	struct span bytes;
	const char *actor; /* for the audit log */
	int64_t now;
};
/* Within the caller's transaction.  RC_REFUSED: it was checked already, or is
 * not as long as the piece says.  RC_UNFIT: not a name for a file, or nothing
 * in the piece.  RC_LIMIT: too many or too long. */
enum rc claim_attach(struct sql *sql, const struct claim *claim,
    const struct claim_piece *piece, struct err *err);

/* Rows (id, name, size, at), in the order in which they came. */
enum rc claim_files(struct sql *sql, const struct claim *claim,
    struct sql_rows **ret, struct err *err);
/* Append a file.  RC_ABSENT: it has none of that name. */
enum rc claim_file(struct sql *sql, const struct claim *claim, const char *name,
    struct buf *out, struct err *err);

/* A job: forget evidence that was not used for anything. */
enum rc claim_forget(
    void *context, struct sql *sql, int64_t now, struct err *err);

#endif
