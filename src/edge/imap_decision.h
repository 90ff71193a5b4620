/* edge/imap_decision -- the item of a view, but for what is shown.
 *
 * May use:   base codec os mime proto net store flow enrol.
 * Format:    doc/formats.md, "view"; also that of the version before.
 */
#ifndef EDGE_IMAP_DECISION_H
#define EDGE_IMAP_DECISION_H

#include "edge/imap_view.h"

enum rc imap_decision_print(
    const struct imap_view *view, struct buf *out, struct err *err);
/* RC_SYNTAX: it cannot be read; `view` must be thrown away then. */
enum rc imap_decision_parse(
    struct span text, struct imap_view *view, struct err *err);

#endif
