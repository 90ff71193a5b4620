/* dns/caa_priv -- the part of caa that needs no network, for its tests.
 *
 * Only inside dns.
 */
#ifndef DNS_CAA_PRIV_H
#define DNS_CAA_PRIV_H

#include "dns/caa.h"

/* What the relevant records, as resolver_find_data() has them, say.  They are
 * those of `name`, for messages. */
enum rc caa_judge(const struct caa_question *question, const char *name,
    struct span records, struct err *err);

#endif
