/* cms/padding -- the parameters of RSA's OAEP.
 *
 * Standard:  RFC 3560 section 3, RFC 4056 section 2.2.
 * May use:   base pki.  Only inside cms.
 */
#ifndef CMS_PADDING_PRIV_H
#define CMS_PADDING_PRIV_H

#include <openssl/evp.h>

#include "cms/shape_priv.h"
#include "cms/tlv_priv.h"
#include "pki/key.h"

/* The parameters of an RSAES-OAEP algorithm; the label lends from `scheme`.
 * False: broken, or digests that we do not support. */
bool padding_oaep(const struct tlv_algorithm *scheme, struct key_oaep *ret);

/* Append the AlgorithmIdentifier of RSAES-OAEP with this digest ("SHA1",
 * "SHA256", "SHA384", "SHA512"), in the mask too, and no label. */
enum rc padding_print_oaep(
    const char *digest, struct buf *der, struct err *err);

#endif
