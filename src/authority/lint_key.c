#include "authority/lint_priv.h"

#define RSA_MIN 256 /* octets */
#define RSA_MAX 512
#define EXPONENT_MIN 3 /* octets: 2^16 + 1 */
#define EXPONENT_MAX 32

static bool
starts(struct span spki, struct span with)
{
	return span_is(span_first(spki, with.len), with);
}

#define ALG_RSA \
	OID("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00")
#define ALG_P256                                                           \
	OID("\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86" \
	    "\x48\xce\x3d\x03\x01\x07")
#define ALG_P384                                                       \
	OID("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b" \
	    "\x81\x04\x00\x22")
#define ALG_P521                                                       \
	OID("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b" \
	    "\x81\x04\x00\x23")
#define ALG_ED25519 OID("\x30\x05\x06\x03\x2b\x65\x70")

static bool
algorithm_is_exact(const struct lint_cert *cert)
{
	struct span in = cert->spki.value;

	return starts(in, ALG_RSA) || starts(in, ALG_P256) ||
	       starts(in, ALG_P384) || starts(in, ALG_P521) ||
	       starts(in, ALG_ED25519);
}

/* The key itself; a BIT STRING of whole octets. */
static bool
read_key(const struct lint_cert *cert, struct span *ret)
{
	struct span in = cert->spki.value;
	struct der algorithm, bits;

	if (!lint_next(&in, &algorithm) || !lint_first(in, DER_BITS, &bits) ||
	    bits.whole.len != in.len || bits.value.len < 2 ||
	    bits.value.data[0] != 0)
		return false;
	*ret = span_after(bits.value, 1);
	return true;
}

/* RSAPublicKey ::= SEQUENCE { modulus, publicExponent } */
static bool
read_rsa(
    const struct lint_cert *cert, struct span *ret_modulus, struct span *ret_e)
{
	struct span key;
	struct der pair, modulus, e;

	if (!read_key(cert, &key) || !lint_first(key, DER_SEQUENCE, &pair) ||
	    pair.whole.len != key.len || !lint_next(&pair.value, &modulus) ||
	    !lint_next(&pair.value, &e) || pair.value.len > 0 ||
	    modulus.value.len < 2 || e.value.len < 1)
		return false;
	*ret_modulus = modulus.value;
	*ret_e = e.value;
	return true;
}

/* With a first octet of 0 and a bit of the second one set, the modulus has a
 * number of bits that is divisible by 8. */
static bool
rsa_has_its_size(const struct lint_cert *cert)
{
	struct span n, e;

	if (cert->key != LINT_KEY_RSA)
		return true;
	return read_rsa(cert, &n, &e) && n.data[0] == 0 && n.data[1] >= 0x80 &&
	       n.len - 1 >= RSA_MIN && n.len - 1 <= RSA_MAX;
}

static bool
rsa_has_a_good_exponent(const struct lint_cert *cert)
{
	struct span n, e;

	if (cert->key != LINT_KEY_RSA)
		return true;
	return read_rsa(cert, &n, &e) && e.len >= EXPONENT_MIN &&
	       e.len <= EXPONENT_MAX && e.data[0] < 0x80 &&
	       (e.data[e.len - 1] & 1) == 1 &&
	       !(e.len == EXPONENT_MIN && e.data[0] == 0);
}

static bool
point_is_whole(const struct lint_cert *cert)
{
	struct span in = cert->spki.value, key;
	size_t coordinate = starts(in, ALG_P256) ? 32 : 66;

	if (cert->key != LINT_KEY_EC)
		return true;
	if (starts(in, ALG_P384))
		coordinate = 48;
	return read_key(cert, &key) && key.len == 1 + 2 * coordinate &&
	       key.data[0] == 4;
}

static bool
ed25519_is_whole(const struct lint_cert *cert)
{
	struct span key;

	return cert->key != LINT_KEY_ED ||
	       (read_key(cert, &key) && key.len == 32);
}

static const struct lint_row rows[] = {
    {{"sbr-7.1.3-key", "S/MIME BR 7.1.3",
	 "The key's algorithm is RSA, P-256, P-384, P-521 or Ed25519, in "
	 "exactly the octets that are given for it."},
	KINDS_ALL, algorithm_is_exact},
    {{"sbr-6.1.5-rsa", "S/MIME BR 6.1.5",
	 "An RSA modulus has 2048 to 4096 bits, and their number is "
	 "divisible by 8."},
	KINDS_ALL, rsa_has_its_size},
    {{"sbr-6.1.6-exponent", "S/MIME BR 6.1.6",
	 "An RSA exponent is odd and between 2^16+1 and 2^256-1."},
	KINDS_ALL, rsa_has_a_good_exponent},
    {{"rfc5480-2.2-point", "RFC 5480 section 2.2",
	 "A point on a curve is written out, with both coordinates."},
	KINDS_ALL, point_is_whole},
    {{"rfc8410-4-key", "RFC 8410 section 4", "An Ed25519 key has 32 octets."},
	KINDS_ALL, ed25519_is_whole},
};

struct lint_theme
lint_key(void)
{
	return LINT_THEME(rows);
}
