/* flow/rest -- a letter that arrived in the clear, as it lies sealed.
 *
 * What came in the clear is stored again, encrypted to its reader and signed
 * by the reader's own agent, so that it can be told from what somebody else
 * sealed:
 *
 *     From, To, Cc, Date, Message-ID, ... as they were; Subject "[...]";
 *     Sender: the reader
 *       AuthEnvelopedData or EnvelopedData, for the reader alone
 *         multipart/signed, by the reader's own key
 *           Content-Type: message/rfc822; letterlock=at-rest
 *             the letter, byte for byte
 *
 * It is read as if the letter inside had come itself, and its `encrypted` is
 * `at-rest`: nobody sealed it on its way.  Only the reader's own signature
 * makes it one; in anybody else's letter the parameter means nothing.  No
 * letter that the reader sends has this form: its payload has fields of its
 * own, and this one has those of MIME alone.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Standard:  RFC 8551 section 3.7 (signed, then sealed); RFC 2046 section
 *            5.2.1.
 * Not here:  when it is done, and where it lies (edge).
 */
#ifndef FLOW_REST_H
#define FLOW_REST_H

#include "flow/gather.h"
#include "flow/sealing.h"

/* Write it to `out`.  RC_UNFIT: it holds NUL, or line ends that are none, and
 * could not be given back byte for byte: better left as it is.  RC_SYNTAX,
 * RC_LIMIT: not a message. */
enum rc rest_write(const struct source *letter, const struct sender *sender,
    const struct sink *out, struct err *err);

#endif
