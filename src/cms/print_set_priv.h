/* cms/print_set -- a SET OF in DER's order.
 *
 * Standard:  X.690 section 11.6.
 * May use:   base.  Only inside cms.
 */
#ifndef CMS_PRINT_SET_PRIV_H
#define CMS_PRINT_SET_PRIV_H

#include "base/buf.h"

/* Append a SET OF whole elements under `tag` (PRINT_SET, or an IMPLICIT one);
 * `item` is sorted.  They may not lie in `der`. */
enum rc print_set(struct buf *der, uint8_t tag, struct span *item, size_t len,
    struct err *err);

#endif
