/* proto/jws_priv -- how an EC key signs a JWS. */
#ifndef PROTO_JWS_PRIV_H
#define PROTO_JWS_PRIV_H

#include "codec/point.h"

/* RFC 7518 section 3.4: the signature is R and S, one behind the other, each as
 * long as a coordinate.  False too if there is no memory. */
struct jws_ecdsa {
	enum point_curve curve; /* P-256 or P-384, with the SHA-2 of its size */
	struct span x, y;
	struct span signature;
};
bool jws_ecdsa_is(const struct jws_ecdsa *ecdsa, struct span input);

#endif
