#include "cms/cipher_ghash_priv.h"

/* In AuthEnvelopedData the authenticated attributes follow the content, while
 * GCM, and with it the library, wants them before it.  To wait for them we
 * would have to keep the whole content.  But GCM's tag is linear in them:
 *
 *   S = A1*H^(a+c+1) + ... + Aa*H^(c+2)     the attributes, a blocks
 *     + C1*H^(c+1)   + ... + Cc*H^2         the ciphertext, c blocks
 *     + (len(A) || len(C))*H                both lengths, in bits
 *   T = MSB_t(S + E(K, J0))                 SP 800-38D sections 6.4 and 7.2
 *
 * where + is XOR and * is in GF(2^128).  So a tag with attributes differs
 * from the one without by
 *
 *   GHASH(A) * H^(c+1) + (len(A) || 0^64)*H
 *
 * which needs only H, the attributes and how long the content was.  Cutting
 * the tag to t bits is linear too.  The library runs without attributes and
 * is handed the letter's tag XOR this; it still is what compares.
 */

struct element { /* bit 0 of SP 800-38D is the highest of `hi` */
	uint64_t hi, lo;
};

static uint64_t
load(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (size_t i = 0; i < 8; i++)
		word = word << 8 | bytes[i];
	return word;
}

static void
store(uint64_t word, uint8_t *ret)
{
	for (size_t i = 8; i-- > 0; word >>= 8)
		ret[i] = (uint8_t)word;
}

/* SP 800-38D section 6.3, with masks where it has branches: H is secret. */
static struct element
multiply(struct element x, struct element y)
{
	struct element z = {0, 0};

	for (int i = 0; i < 128; i++) {
		uint64_t in = 0 - (x.hi >> 63), out = 0 - (y.lo & 1);
		z.hi ^= y.hi & in;
		z.lo ^= y.lo & in;
		x.hi = x.hi << 1 | x.lo >> 63;
		x.lo <<= 1;
		y.lo = y.lo >> 1 | y.hi << 63;
		y.hi = y.hi >> 1 ^ (out & 0xe100000000000000);
	}
	return z;
}

/* The exponent is no secret: it is the length of what everybody sees. */
static struct element
power(struct element base, uint64_t exponent)
{
	struct element z = {(uint64_t)1 << 63, 0}; /* one */

	for (; exponent > 0; exponent >>= 1) {
		if (exponent & 1)
			z = multiply(z, base);
		base = multiply(base, base);
	}
	return z;
}

static struct element
hash(struct element h, struct span bytes)
{
	struct element z = {0, 0};

	while (bytes.len > 0) {
		uint8_t block[GHASH_BLOCK] = {0};
		struct span part = span_first(bytes, GHASH_BLOCK);
		memcpy(block, part.data, part.len);
		z.hi ^= load(block);
		z.lo ^= load(block + 8);
		z = multiply(z, h);
		bytes = span_after(bytes, GHASH_BLOCK);
	}
	return z;
}

void
ghash_of_aad(const uint8_t h[GHASH_BLOCK], struct span aad,
    uint64_t content_len, uint8_t ret[GHASH_BLOCK])
{
	struct element key = {load(h), load(h + 8)};
	struct element len = {(uint64_t)aad.len * 8, 0};
	uint64_t blocks =
	    content_len / GHASH_BLOCK + (content_len % GHASH_BLOCK > 0);

	len = multiply(len, key);
	struct element z = multiply(hash(key, aad), power(key, blocks + 1));
	store(z.hi ^ len.hi, ret);
	store(z.lo ^ len.lo, ret + 8);
}
