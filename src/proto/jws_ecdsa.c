#include "proto/jws_priv.h"

#include <openssl/evp.h>

#define COORDINATE_MAX 48
#define POINT_MAX (1 + 2 * COORDINATE_MAX)
#define DER_MAX (2 * (COORDINATE_MAX + 3) + 2)
#define INTEGER 0x02
#define SEQUENCE 0x30

/* Uncompressed; its length, or 0. */
static size_t
put_point(const struct jws_ecdsa *ecdsa, uint8_t point[POINT_MAX])
{
	size_t len = point_coordinate(ecdsa->curve);

	if (len > COORDINATE_MAX || ecdsa->x.len != len || ecdsa->y.len != len)
		return 0;
	point[0] = 0x04;
	memcpy(point + 1, ecdsa->x.data, len);
	memcpy(point + 1 + len, ecdsa->y.data, len);
	return 1 + 2 * len;
}

/* A positive INTEGER in the fewest octets; its length with the head. */
static size_t
put_integer(struct span number, uint8_t *at)
{
	while (number.len > 1 && number.data[0] == 0)
		number = span_after(number, 1);
	size_t sign = number.data[0] >> 7;
	at[0] = INTEGER;
	at[1] = (uint8_t)(number.len + sign);
	at[2] = 0;
	memcpy(at + 2 + sign, number.data, number.len);
	return 2 + sign + number.len;
}

/* The library wants Ecdsa-Sig-Value: of our curves it is shorter than what
 * would need two octets to tell its length. */
static size_t
put_signature(struct span signature, uint8_t der[DER_MAX])
{
	size_t half = signature.len / 2;
	size_t len = put_integer(span_first(signature, half), der + 2);

	len += put_integer(span_after(signature, half), der + 2 + len);
	der[0] = SEQUENCE;
	der[1] = (uint8_t)len;
	return 2 + len;
}

bool
jws_ecdsa_is(const struct jws_ecdsa *ecdsa, struct span input)
{
	const EVP_MD *md =
	    ecdsa->curve == POINT_P256 ? EVP_sha256() : EVP_sha384();
	uint8_t point[POINT_MAX], der[DER_MAX], digest[EVP_MAX_MD_SIZE];
	size_t point_len = put_point(ecdsa, point);
	unsigned digest_len = 0;

	if (point_len == 0 ||
	    ecdsa->signature.len != 2 * point_coordinate(ecdsa->curve) ||
	    EVP_Digest(input.data, input.len, digest, &digest_len, md, NULL) !=
		1)
		return false;
	size_t der_len = put_signature(ecdsa->signature, der);
	return point_verify(ecdsa->curve, span_of(point, point_len),
	    span_of(digest, digest_len), span_of(der, der_len));
}
