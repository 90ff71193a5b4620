/* flow/skeleton -- what a text looks like, so that two that look alike are
 * equal.
 *
 * Standard:  Unicode UTS #39 (skeletons, restriction levels), with the data
 *            of ICU.  A skeleton is for comparing only: never show one, never
 *            keep one (another ICU makes others).
 * May use:   base.  No I/O, no clock; what it holds is constant, so several
 *            threads may use one.
 * Not here:  whom something imitates (flow/lookalike).
 * Limits:    SKELETON_TEXT_MAX bytes of text: RC_LIMIT.
 */
#ifndef FLOW_SKELETON_H
#define FLOW_SKELETON_H

#include "base/buf.h"

#define SKELETON_TEXT_MAX 4096

struct skeleton;

enum rc skeleton_new(struct skeleton **ret, struct err *err);
void skeleton_free(struct skeleton *skeleton); /* NULL is fine */

/* Append what `text` (UTF-8) looks like: letters of other scripts that look
 * the same, 0 and o, 1 and l, rn and m; case folded, invisible characters
 * gone.  RC_SYNTAX: no UTF-8. */
enum rc skeleton_strict(const struct skeleton *skeleton, struct span text,
    struct buf *ret, struct err *err);

/* Append what it reads as to a hurried eye: besides, accents are gone, digits
 * are letters (3 is e, 5 is s), i is l, vv is w, q is g. */
enum rc skeleton_loose(const struct skeleton *skeleton, struct span text,
    struct buf *ret, struct err *err);

/* What is odd about a text, whoever it looks like. */
#define SKELETON_INVISIBLE 1U /* characters that show nothing */
#define SKELETON_BIDI 2U      /* characters that turn the direction */
#define SKELETON_SCRIPTS 4U   /* scripts that no language writes together */

/* 0: nothing.  RC_SYNTAX: no UTF-8. */
enum rc skeleton_check(const struct skeleton *skeleton, struct span text,
    unsigned *ret, struct err *err);

#endif
