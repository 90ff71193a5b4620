/* authority/smimea -- the directory as a part of a DNS zone.
 *
 * Standard:  RFC 8162: usage 3 (this certificate, whoever issued it), selector
 *            0, matching 0 (all of it), so that a sender finds the certificate
 *            itself.  The name is the hash of the local part as it is spelled
 *            in the certificate: senders change nothing in it (section 4).
 * May use:   base codec pki store.
 */
#ifndef AUTHORITY_SMIMEA_H
#define AUTHORITY_SMIMEA_H

#include "base/buf.h"
#include "store/sql.h"

struct smimea_wish {
	const char *domain; /* lower case */
	int64_t ttl;        /* seconds */
	int64_t now;
	/* Gets each line, without its end. */
	enum rc (*line)(void *context, const char *line, struct err *err);
	void *context;
};

/* One record for each certificate of the domain that is published, good and
 * not revoked. */
enum rc smimea_export(
    struct sql *sql, const struct smimea_wish *wish, struct err *err);

/* Append the name of a mailbox, below its domain.  RC_SYNTAX: not an address. */
enum rc smimea_name(struct span address, struct buf *out, struct err *err);

#endif
