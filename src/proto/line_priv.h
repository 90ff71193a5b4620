/* proto/line -- what a command line must not be.
 *
 * Private to proto.
 */
#ifndef PROTO_LINE_PRIV_H
#define PROTO_LINE_PRIV_H

#include "base/span.h"

/* "METHOD target ...", or anything with " HTTP/1" and so on in it.  A web page
 * can make a browser send bytes of its choice to a mail port (cross-protocol
 * attack), but not without such a line before them. */
bool line_is_http(struct span line);

/* A CR, LF or NUL: RFC 5321 section 2.3.8 and RFC 3501 section 9 let CR and LF
 * stand only at the end of a line. */
bool line_has_stray_control(struct span line);

#endif
