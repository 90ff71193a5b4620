/* pki/subtrees_priv -- may an authority's certificates name what they name?
 *
 * Standard:  RFC 5280 section 4.2.1.10, RFC 9549 (no whole mailboxes in new
 *            ones), RFC 9598 section 6: a constraint on rfc822Name binds
 *            SmtpUTF8Mailbox too, by the domain in A-labels; and emailAddress
 *            in the subject, always.
 * Limits:    `most` comparisons, over all paths that have one `work`.
 */
#ifndef PKI_SUBTREES_PRIV_H
#define PKI_SUBTREES_PRIV_H

#include "pki/cert.h"

enum subtrees_answer { SUBTREES_ALLOW, SUBTREES_FORBID, SUBTREES_LIMIT };

/* Every certificate of `path` against the constraints of all that stand above
 * it, the anchor's too.  *work is what was done before, and is added to. */
enum subtrees_answer subtrees_check(
    const struct certs *path, size_t most, size_t *work);

#endif
