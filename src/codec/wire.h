/* codec/wire -- what bytes hold that not every mail server carries.
 *
 * Standard:  RFC 5321 sections 2.3.8 and 4.5.3.1.6, RFC 5322 section 2.1.1,
 *            RFC 2045 section 2.7 (7bit).
 * May use:   base.
 */
#ifndef CODEC_WIRE_H
#define CODEC_WIRE_H

#include "base/span.h"

#define WIRE_LINE_MAX 998 /* RFC 5322 section 2.1.1, without the line end */

/* Start with WIRE; any split of the bytes gives the same. */
struct wire {
	bool eight_bit;
	bool control;   /* NUL, or a CR without LF behind it */
	bool bare_lf;   /* a LF without CR before it; it ends a line */
	bool long_line; /* more than WIRE_LINE_MAX */
	/* not for callers: */
	bool cr;       /* the last byte was one */
	size_t column; /* bytes since the last LF */
};

#define WIRE ((struct wire){0})

void wire_look(struct wire *wire, struct span in);
/* Nothing follows. */
void wire_end(struct wire *wire);

#endif
