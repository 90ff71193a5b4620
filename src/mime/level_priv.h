/* mime/level -- the containers that are open at one point of a letter, and
 * which lines are their delimiters.
 *
 * Standard:  RFC 2046 section 5.1.1.
 * May use:   base.
 * Limits:    a delimiter's line has at most LEVEL_LINE_MAX bytes; a longer
 *            one only resembles a delimiter.
 *
 *                "--b"               "--b"             outer delimiter,
 *  +----------+  begins  +---------+ next  +---------+  or the end
 *  | PREAMBLE | -------> |  PARTS  | ----> | (PARTS) | ------------> gone
 *  +----------+          +---------+       +---------+   (malformed)
 *        |                    |  "--b--"
 *        +--------------------+----------> +----------+
 *            (malformed from PREAMBLE)     | EPILOGUE | ----------> gone
 *                                          +----------+
 *
 * A message/rfc822 is on the stack too, always in PARTS: it ends only with
 * what it lies in.
 */
#ifndef MIME_LEVEL_PRIV_H
#define MIME_LEVEL_PRIV_H

#include "mime/head_priv.h"

#define LEVEL_LINE_MAX ((size_t)1000) /* RFC 5322 section 2.1.1, with CRLF */

enum level_state { LEVEL_PREAMBLE, LEVEL_PARTS, LEVEL_EPILOGUE };

struct level {
	uint8_t boundary[HEAD_BOUNDARY_READ_MAX];
	size_t boundary_len; /* 0 for message/rfc822 */
	size_t start;        /* where in the letter its entity begins */
	enum level_state state;
	bool digest;    /* multipart/digest */
	bool malformed; /* found out behind its header */
};

struct levels {
	struct level *item; /* owned, outermost first */
	size_t len;
	size_t cap;
	/* With which bytes boundaries begin: of those that are open, and maybe
	 * more.  A letter of nothing but "--" lines in many containers costs
	 * its length, not its length times them. */
	bool first[256];
};

enum rc levels_push(
    struct levels *levels, struct span boundary, size_t start, struct err *err);
void levels_done(struct levels *levels);

enum level_match {
	MATCH_NONE,
	MATCH_NEXT,
	MATCH_CLOSE,
	MATCH_UNSURE, /* only of a line that is not complete */
};

/* Is this line (its end included, or as much of it as there is) a delimiter
 * of a container that is open?  The outermost wins: it ends all it holds.  A
 * line that readers who compare prefixes would take for one makes the
 * container malformed, as does one behind its end. */
enum level_match levels_find(
    struct levels *levels, struct span line, bool complete, size_t *ret_level);

/* `rest` begins with the "--" behind a bare CR.  Readers to whom that CR ends
 * a line may find a delimiter: then its container is malformed.  False: more
 * bytes are needed to see that (never if `complete`). */
bool levels_find_hidden(struct levels *levels, struct span rest, bool complete);

/* The first line of `bytes` from `at`, its end included. */
struct span level_line(struct span bytes, size_t at);
/* The length of the CRLF or LF that the bytes end with. */
size_t level_line_end(struct span bytes);

#endif
