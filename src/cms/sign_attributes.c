/* The signed attributes: one function each, and a table of them. */
#include <time.h>

#include "cms/attributes_priv.h"
#include "cms/certid_priv.h"
#include "cms/print_priv.h"
#include "cms/sign_priv.h"
#include "pki/capability.h"

#define UTC_TIME 0x17
#define GENERALIZED_TIME 0x18
#define UTC_FIRST (-631152000L) /* 1950 */
#define UTC_LAST 2524607999L    /* the end of 2049 */

/* SEQUENCE { type, SET { one value } } */
struct open_attribute {
	size_t sequence, set;
};

static enum rc
begin(struct buf *der, enum attribute_type type, struct open_attribute *ret,
    struct err *err)
{
	TRY(print_begin(der, PRINT_SEQUENCE, &ret->sequence, err));
	TRY(print_bytes(der, PRINT_OID, attribute_oid(type), err));
	return print_begin(der, PRINT_SET, &ret->set, err);
}

static enum rc
end(struct buf *der, const struct open_attribute *open, struct err *err)
{
	TRY(print_end(der, open->set, err));
	return print_end(der, open->sequence, err);
}

static enum rc
print_attribute(struct buf *der, enum attribute_type type, uint8_t tag,
    struct span value, struct err *err)
{
	struct open_attribute open;

	TRY(begin(der, type, &open, err));
	TRY(print_bytes(der, tag, value, err));
	return end(der, &open, err);
}

static enum rc
add_type(const struct sign *sign, const struct sign_one *one, struct buf *der,
    struct err *err)
{
	static const uint8_t data[] = {
	    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};

	return print_attribute(der, ATTRIBUTE_CONTENT_TYPE, PRINT_OID,
	    span_of(data, sizeof(data)), err);
}

static enum rc
add_digest(const struct sign *sign, const struct sign_one *one, struct buf *der,
    struct err *err)
{
	return print_attribute(der, ATTRIBUTE_DIGEST, PRINT_OCTETS,
	    digest_value(&sign->digest, one->choice.digest), err);
}

/* RFC 5652 section 11.3: "Dates between 1 January 1950 and 31 December 2049
 * (inclusive) MUST be encoded as UTCTime." */
static enum rc
add_time(const struct sign *sign, const struct sign_one *one, struct buf *der,
    struct err *err)
{
	char text[32];
	time_t when = (time_t)sign->time;
	struct tm tm;
	bool utc = sign->time >= UTC_FIRST && sign->time <= UTC_LAST;

	if (gmtime_r(&when, &tm) == NULL || tm.tm_year + 1900 < 0 ||
	    tm.tm_year + 1900 > 9999)
		return err_set(err, RC_UNFIT, "no time to sign at");
	size_t len = strftime(
	    text, sizeof(text), utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &tm);
	return print_attribute(der, ATTRIBUTE_TIME,
	    utc ? UTC_TIME : GENERALIZED_TIME, span_of(text, len), err);
}

static enum rc
add_capabilities(const struct sign *sign, const struct sign_one *one,
    struct buf *der, struct err *err)
{
	struct open_attribute open;

	TRY(begin(der, ATTRIBUTE_CAPABILITIES, &open, err));
	TRY(buf_add(der, capabilities_own(), err));
	return end(der, &open, err);
}

/* smimeEncryptionKeyPreference: [0] issuerAndSerialNumber. */
static enum rc
add_preference(const struct sign *sign, const struct sign_one *one,
    struct buf *der, struct err *err)
{
	struct open_attribute open;
	size_t choice;

	if (one->options.encrypt_cert == NULL)
		return RC_OK;
	TRY(begin(der, ATTRIBUTE_PREFERENCE, &open, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(0), &choice, err));
	TRY(certid_print(der, one->options.encrypt_cert, err));
	TRY(print_end(der, choice, err));
	return end(der, &open, err);
}

/* ESSCertIDv2: SHA-256 is the default and not named; the issuer as
 * GeneralNames with one directoryName [4]. */
static enum rc
print_ess(struct buf *der, const struct cert *cert, struct err *err)
{
	uint8_t hash[32];
	struct certid look;
	size_t id, issuer_serial, names, name;

	certid_sha256(cert, hash);
	TRY(certid_look(cert, &look, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &id, err));
	TRY(print_bytes(der, PRINT_OCTETS, span_of(hash, sizeof(hash)), err));
	TRY(print_begin(der, PRINT_SEQUENCE, &issuer_serial, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &names, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(4), &name, err));
	TRY(buf_add(der, look.issuer, err));
	TRY(print_end(der, name, err));
	TRY(print_end(der, names, err));
	TRY(buf_add(der, look.serial, err));
	TRY(print_end(der, issuer_serial, err));
	return print_end(der, id, err);
}

/* Which of several certificates with this key was meant: without it the
 * certificate can be exchanged (RFC 5035 section 1). */
static enum rc
add_certificate(const struct sign *sign, const struct sign_one *one,
    struct buf *der, struct err *err)
{
	struct open_attribute open;
	size_t value, ids;

	TRY(begin(der, ATTRIBUTE_CERTIFICATE_2, &open, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &value, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &ids, err));
	TRY(print_ess(der, one->who->cert, err));
	TRY(print_end(der, ids, err));
	TRY(print_end(der, value, err));
	return end(der, &open, err);
}

/* Binds the two algorithm names, which are outside what is signed. */
static enum rc
add_protection(const struct sign *sign, const struct sign_one *one,
    struct buf *der, struct err *err)
{
	struct span algorithm = buf_span(&one->choice.algorithm);
	struct open_attribute open;
	size_t value, implicit;

	TRY(begin(der, ATTRIBUTE_PROTECTION, &open, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &value, err));
	TRY(buf_add(der, digest_algorithm(one->choice.digest), err));
	/* signatureAlgorithm [1] IMPLICIT: its own tag gives way; what we
	 * print is shorter than 256, so its head is 2 or 3 octets */
	TRY(print_begin(der, PRINT_CONTEXT_OF(1), &implicit, err));
	TRY(buf_add(
	    der, span_after(algorithm, algorithm.data[1] < 0x80 ? 2 : 3), err));
	TRY(print_end(der, implicit, err));
	TRY(print_end(der, value, err));
	return end(der, &open, err);
}

typedef enum rc add_fn(const struct sign *sign, const struct sign_one *one,
    struct buf *der, struct err *err);

static add_fn *const attributes[] = {add_type, add_digest, add_time,
    add_capabilities, add_preference, add_certificate, add_protection};

#define ATTRIBUTES (sizeof(attributes) / sizeof(*attributes))

enum rc
sign_print_attributes(const struct sign *sign, const struct sign_one *one,
    struct buf *der, struct err *err)
{
	struct buf all BUF_OWNED = BUF_SMALL;
	size_t end_of[ATTRIBUTES], from = 0, len = 0;
	struct span item[ATTRIBUTES];

	for (size_t i = 0; i < ATTRIBUTES; i++) {
		TRY(attributes[i](sign, one, &all, err));
		end_of[i] = all.len;
	}
	for (size_t i = 0; i < ATTRIBUTES; from = end_of[i++])
		if (end_of[i] > from)
			item[len++] =
			    span_of(all.data + from, end_of[i] - from);
	return print_set(der, PRINT_SET, item, len, err);
}
