/* pki/mailbox -- mail addresses as certificates hold them.
 *
 * Standard:  RFC 5280 section 4.2.1.6 (rfc822Name), RFC 9598
 *            (SmtpUTF8Mailbox), RFC 8550 section 3 (comparison).
 * May use:   base.
 * Not here:  addresses of header fields (mime/address); U-labels: a domain is
 *            in A-labels, whoever has another must convert it first.
 * Limits:    MAILBOX_MAX octets.
 */
#ifndef PKI_MAILBOX_H
#define PKI_MAILBOX_H

#include "base/span.h"

#define MAILBOX_MAX 320 /* 64 local, "@", 255 domain */

/* Bare local@domain in printable ASCII, quoted local parts included. */
bool mailbox_is_ascii(struct span mailbox);
/* The same with UTF-8 in its local part and some of it not ASCII. */
bool mailbox_is_utf8(struct span mailbox);

/* Do both name the same mailbox?  The domain and an ASCII local part without
 * regard to case, a quoted local part as what it quotes; a UTF-8 local part
 * octet for octet (RFC 9598 section 5).  Nothing else is folded: no
 * "+tag", no dots.  False if one of them is no mailbox. */
bool mailbox_same(struct span a, struct span b);

#endif
