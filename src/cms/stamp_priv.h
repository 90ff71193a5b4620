/* cms/stamp_priv -- what both sides of a timestamp look at. */
#ifndef CMS_STAMP_PRIV_H
#define CMS_STAMP_PRIV_H

#include "cms/stamp.h"

/* Is the certificate for timestamps, and for nothing else? */
bool stamp_is_certificate(const X509 *x509);

#endif
