#include "pki/capability.h"

#include "pki/der.h"

struct known {
	enum capability capability;
	const char *oid; /* the value of the OBJECT IDENTIFIER */
	size_t len;
};

#define AES "\x60\x86\x48\x01\x65\x03\x04\x01" /* 2.16.840.1.101.3.4.1 */
#define SMIME_ALG "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03"
#define OID(text) text, sizeof(text) - 1

static const struct known known[] = {
    {CAPABILITY_AES256_GCM, OID(AES "\x2e")},
    {CAPABILITY_CHACHA20_POLY1305, OID(SMIME_ALG "\x12")}, /* RFC 8103 */
    {CAPABILITY_AES128_GCM, OID(AES "\x06")},
    {CAPABILITY_AES256_CBC, OID(AES "\x2a")},
    {CAPABILITY_AES192_CBC, OID(AES "\x16")},
    {CAPABILITY_AES128_CBC, OID(AES "\x02")},
};

static unsigned
find(struct span oid)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_is(oid, span_of(known[i].oid, known[i].len)))
			return known[i].capability;
	return 0;
}

enum rc
capabilities_parse(struct span der, unsigned *ret, struct err *err)
{
	struct der list, one, oid;
	unsigned found = 0;

	if (der.len > CAPABILITIES_DER_MAX)
		return err_set(err, RC_LIMIT,
		    "more than %zu bytes of S/MIME "
		    "capabilities",
		    CAPABILITIES_DER_MAX);
	TRY(der_expect(&der, DER_SEQUENCE, &list, err));
	if (der.len > 0)
		return err_set(
		    err, RC_SYNTAX, "bytes behind the S/MIME capabilities");
	while (list.value.len > 0) {
		TRY(der_expect(&list.value, DER_SEQUENCE, &one, err));
		TRY(der_expect(&one.value, DER_OID, &oid, err));
		found |= find(oid.value);
	}
	*ret = found;
	return RC_OK;
}

/* AES-256-GCM, ChaCha20-Poly1305, AES-128-GCM, AES in CBC; ECDH with the
 * SHA-256 X9.63 KDF and AES wrap for the curves of NIST.  DER as RFC 8551
 * section 2.5.2, RFC 8103 section 4 and RFC 5753 section 7 want it. */
static const uint8_t own[] = {0x30, 0x7e,
    /* aes256-GCM */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x2e,
    /* ChaCha20-Poly1305 */ 0x30, 0x0d, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86,
    0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x12,
    /* aes128-GCM */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x06,
    /* aes256-CBC */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x2a,
    /* aes192-CBC */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x16,
    /* aes128-CBC */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x02,
    /* ECDH, aes256-wrap */ 0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01,
    0x0b, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x2d,
    /* ECDH, aes128-wrap */ 0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01,
    0x0b, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x05};

_Static_assert(sizeof(own) == 2 + 0x7e, "length of capabilities");

struct span
capabilities_own(void)
{
	return span_of(own, sizeof(own));
}
