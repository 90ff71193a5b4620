/* flow/fingerprint -- what a letter says, so that it is recognised where it is
 * quoted, and cannot be read.
 *
 *     the words of all its texts, as a search compares them -> each run of
 *     FINGERPRINT_RUN words -> a keyed hash, its mark
 *     every attachment that is no text -> a mark
 *
 * A quotation is known by one mark: whoever quotes keeps some words in a row.
 * Marks, line ends, case, and whether it was HTML make no difference.  A letter
 * of fewer words is one mark, unless they say nothing ("yes, thank you").  In
 * scripts without blanks two characters count as a word.
 *
 * Without the key a mark tells nothing, and with it only whether some words
 * that one knows already are among those of the letter.
 *
 * May use:   base codec mime.  No I/O.
 * Limits:    FINGERPRINT_TEXT bytes of text; of a longer one the rest is not
 *            recognised, and `cut` says so.  FINGERPRINT_KEPT marks are kept:
 *            of a longer letter one in `every`, by chance.
 */
#ifndef FLOW_FINGERPRINT_H
#define FLOW_FINGERPRINT_H

#include "codec/wrap.h"
#include "mime/entity.h"

#define FINGERPRINT_RUN 5
#define FINGERPRINT_KEPT 4096
#define FINGERPRINT_TEXT ((size_t)1 << 20)

struct fingerprint {
	uint64_t *mark; /* owned; rising, each once */
	size_t len;
	size_t cap;
	uint32_t every; /* one mark in so many was kept */
	bool cut;
};

#define FINGERPRINT_NONE ((struct fingerprint){NULL, 0, 0, 1, false})
#define FINGERPRINT_OWNED __attribute__((cleanup(fingerprint_done)))
void fingerprint_done(struct fingerprint *fingerprint);

/* Of a letter that is to be recognised; its own header is not part of it. */
enum rc fingerprint_keep(const struct entity *letter,
    const struct wrap_key *key, struct fingerprint *ret, struct err *err);
/* Of one in which others are looked for: every mark it has, and those of
 * shorter runs. */
enum rc fingerprint_compare(const struct entity *letter,
    const struct wrap_key *key, struct fingerprint *ret, struct err *err);

/* How many marks of `kept` are in `compared`. */
size_t fingerprint_common(
    const struct fingerprint *kept, const struct fingerprint *compared);

/* Append it in one line without blanks; and read it again.  RC_SYNTAX: not
 * ours. */
enum rc fingerprint_print(
    const struct fingerprint *fingerprint, struct buf *out, struct err *err);
enum rc fingerprint_parse(
    struct span text, struct fingerprint *ret, struct err *err);

#endif
