/* cms/padding -- the parameters of RSA's OAEP and PSS.
 *
 * Standard:  RFC 3560 section 3, RFC 4056 section 2.2.
 * May use:   base.  Only inside cms.
 */
#ifndef CMS_PADDING_PRIV_H
#define CMS_PADDING_PRIV_H

#include <openssl/evp.h>

#include "cms/shape_priv.h"

/* The digest of an RSAES-OAEP algorithm as the vault names it ("SHA256");
 * NULL: parameters that are broken or that we do not support (another digest
 * in the mask, a label). */
const char *padding_oaep(const X509_ALGOR *scheme);

struct padding_pss {
	int digest; /* NID */
	int mask;   /* NID of MGF1's digest */
	int salt;   /* bytes */
};

/* False: broken or unsupported. */
bool padding_pss(const X509_ALGOR *scheme, struct padding_pss *ret);

#endif
