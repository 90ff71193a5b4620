/* flow/domain -- a domain taken apart: labels, and the one somebody bought.
 *
 * Standard:  UTS #46 (A-labels and U-labels, by ICU); the Public Suffix List
 *            (compiled into libpsl) says behind which label one buys.
 * May use:   base.  No I/O, no clock; a reader is constant, so several threads
 *            may use one.
 * Limits:    DOMAIN_MAX bytes; longer, empty or no domain at all: RC_SYNTAX.
 */
#ifndef FLOW_DOMAIN_H
#define FLOW_DOMAIN_H

#include "base/err.h"
#include "base/span.h"

#define DOMAIN_MAX 253
#define DOMAIN_LABELS_MAX 127

struct domain_reader;

/* www.mail.example.co.uk: 5 labels, `name` is 2 ("example"), the suffix is
 * "co.uk".  A domain below which nobody buys (co.uk itself) has its first
 * label as name. */
struct domain {
	char ascii[DOMAIN_MAX + 1];   /* lower case, A-labels, no dot at the end
				     */
	size_t at[DOMAIN_LABELS_MAX]; /* where each label begins in `ascii` */
	size_t labels;
	size_t name;                      /* which label somebody bought */
	bool public_suffix;               /* the suffix is on the list */
	char unicode[DOMAIN_MAX * 4 + 1]; /* the same with U-labels */
	size_t unicode_at[DOMAIN_LABELS_MAX];
};

enum rc domain_reader_new(struct domain_reader **ret, struct err *err);
void domain_reader_free(struct domain_reader *reader); /* NULL is fine */

/* `text` is ASCII or UTF-8, in any case, perhaps with a dot at its end. */
enum rc domain_parse(const struct domain_reader *reader, struct span text,
    struct domain *ret, struct err *err);

/* These lend from `domain`. */
struct span domain_label(const struct domain *domain, size_t label); /* U */
const char *domain_registrable(const struct domain *domain); /* A-labels */
const char *domain_suffix(const struct domain *domain);      /* "" if none */

#endif
