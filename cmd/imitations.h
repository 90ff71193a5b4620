/* cmd/imitations -- who could be imitated towards one reader. */
#ifndef CMD_IMITATIONS_H
#define CMD_IMITATIONS_H

#include "base/strlist.h"
#include "flow/gather.h"

/* The reader's own addresses with their domains, those the reader knows, and
 * the shipped organisations.  *ret lends *ret_lookalike, which the caller
 * frees.  RC_SYNTAX: one of them is no address. */
enum rc imitations_make(const struct strlist *me, const struct strlist *known,
    struct lookalike **ret_lookalike, struct imitations *ret, struct err *err);

#endif
