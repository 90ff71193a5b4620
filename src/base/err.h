/* err -- what went wrong, in one line, filled where it is understood.
 *
 * A failure's text is written once, by the function that understands it, and
 * passed up unchanged with its rc.  It says what and, where a person can act,
 * what to do.  It never holds content, subjects, passwords or keys; bytes of
 * a peer in it are made printable.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/rc.h"

#define ERR_TEXT_MAX 400

struct err {
	char text[ERR_TEXT_MAX]; /* one line, always terminated; "" if none */
};

#define ERR_NONE ((struct err){""})

/* Fill `err` (may be NULL) and return `rc`, so that a failing function can
 * end with `return err_set(err, RC_LIMIT, "...")`.  In the result control
 * characters and what is no UTF-8 become '?'; too long a text is cut.
 * err->text itself may be among the arguments. */
enum rc err_set(struct err *err, enum rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, ending in ": " and the text of errno; returns RC_IO, or RC_NOMEM
 * for ENOMEM. */
enum rc err_errno(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Out of memory while doing `what`: RC_NOMEM. */
enum rc err_nomem(struct err *err, const char *what);

/* Put "CONTEXT: " before the text that is there, and return `rc`. */
enum rc err_prefix(struct err *err, enum rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* None of these ever yields RC_OK, unless it was given it.  clang's analyzer
 * cannot see into another file, and would follow failures as successes with
 * results that were never set. */
#if defined(__clang_analyzer__) && !defined(BASE_ERR_C)
static inline enum rc
err_failed(enum rc rc)
{
	if (rc == RC_OK)
		__builtin_unreachable();
	return rc;
}
#define err_set(...) err_failed(err_set(__VA_ARGS__))
#define err_errno(...) err_failed(err_errno(__VA_ARGS__))
#define err_nomem(...) err_failed(err_nomem(__VA_ARGS__))
#define err_prefix(...) err_failed(err_prefix(__VA_ARGS__))
#endif

#endif
