/* flow/request -- does the text of a letter ask for money or credentials?
 *
 * The text is what a reader sees: the subject, text/plain and text/html, their
 * transfer encoding and charset undone, HTML without its tags, lines that quote
 * another letter left out.  Files that are attached and letters inside of the
 * letter are not the sender's words.  What asks is in requests.txt.
 *
 * It is a hint for one more sentence, no filter: who wants to get by it will.
 *
 * May use:   base codec mime.  No I/O, no clock.
 * Limits:    the first REQUEST_TEXT_MAX bytes of decoded text; what comes
 *            behind them is not looked at.
 */
#ifndef FLOW_REQUEST_H
#define FLOW_REQUEST_H

#include "flow/facts.h"

#define REQUEST_TEXT_MAX ((size_t)256 * 1024)

struct request_scan;

/* `of_part`: what comes is a part of another letter, not one of its own. */
enum rc request_new(bool of_part, struct request_scan **ret, struct err *err);
void request_free(struct request_scan *scan); /* NULL is fine */

/* The value of the Subject that the reader sees. */
enum rc request_subject(
    struct request_scan *scan, struct span value, struct err *err);

/* The next bytes of the letter, header and all, in any split.  RC_SYNTAX,
 * RC_LIMIT: no message (mime/scan). */
enum rc request_push(
    struct request_scan *scan, struct span bytes, struct err *err);
/* Nothing that follows can change the answer. */
bool request_is_done(const struct request_scan *scan);
/* The letter is over. */
enum rc request_finish(struct request_scan *scan, struct err *err);
/* The worst that was found so far, also behind a failure. */
enum request request_found(const struct request_scan *scan);

/* What a text (UTF-8 as far as it goes, lines as in a letter) asks for; the
 * worst of it.  *ret_line, unless NULL: by which line of requests.txt. */
enum request request_of_text(struct span text, unsigned *ret_line);

#endif
