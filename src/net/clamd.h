/* net/clamd -- ask ClamAV's daemon about a letter.
 *
 * Standard:  clamd(8), INSTREAM: "zINSTREAM", NUL, then pieces, each behind
 *            its length in four bytes, and one of no length; the answer is
 *            "stream: OK", "stream: NAME FOUND" or "... ERROR", and NUL.
 * May use:   base codec os pki proto.
 * Not here:  what becomes of a letter (flow/incoming).
 * Limits:    the place's own; CLAMD_ANSWER_MAX bytes of an answer.
 */
#ifndef NET_CLAMD_H
#define NET_CLAMD_H

#include "base/buf.h"

#define CLAMD_LETTER_MAX ((size_t)25 << 20) /* clamd's StreamMaxLength */
#define CLAMD_ANSWER_MAX 1024
#define CLAMD_NAME_MAX 64

/* Only on this machine: the letter goes there in the clear. */
struct clamd_place {
	char path[108];    /* of its Unix socket, or "" */
	uint16_t port;     /* on 127.0.0.1, if there is no path */
	size_t most;       /* bytes of a letter: RC_LIMIT beyond */
	int timeout;       /* milliseconds for each wait */
	bool away_is_fine; /* nobody answers: shown all the same */
};

/* "/run/clamav/clamd.ctl", "127.0.0.1:3310" or "localhost:3310".  RC_SYNTAX:
 * something else.  Fills path and port only. */
enum rc clamd_place_parse(
    const char *text, struct clamd_place *ret, struct err *err);

/* RC_OK: nothing was found.  RC_REFUSED: `found` says what, printable.
 * RC_LIMIT: too large, for us or for it.  RC_IO: nobody answers, or not in
 * time.  RC_SYNTAX: what it answers is none of these; then nothing is known. */
enum rc clamd_scan(const struct clamd_place *place, struct span letter,
    char found[CLAMD_NAME_MAX], struct err *err);

#endif
