/* codec/qp -- quoted-printable.
 *
 * Standard:  RFC 2045 section 6.7.
 * May use:   base.
 */
#ifndef CODEC_QP_H
#define CODEC_QP_H

#include "base/buf.h"

/* Append text in CRLF lines as quoted-printable of at most 76 columns;
 * trailing white space, "From " at a line's start and lone dots are encoded
 * too, so that no mail server has a reason to touch the result. */
enum rc qp_encode(struct span in, struct buf *out, struct err *err);

/* Lenient as mail programs are: a "=" that starts no code stands for itself.
 */
enum rc qp_decode(struct span in, struct buf *out, struct err *err);

#endif
