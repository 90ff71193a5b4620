/* authority/oid_priv -- names that certificates use. */
#ifndef AUTHORITY_OID_PRIV_H
#define AUTHORITY_OID_PRIV_H

#include "base/span.h"

/* The contents of an OBJECT IDENTIFIER. */
#define OID(bytes) span_of((bytes), sizeof(bytes) - 1)

#define OID_COMMON_NAME OID("\x55\x04\x03")
#define OID_SURNAME OID("\x55\x04\x04")
#define OID_SERIAL_NUMBER OID("\x55\x04\x05")
#define OID_COUNTRY OID("\x55\x04\x06")
#define OID_LOCALITY OID("\x55\x04\x07")
#define OID_STATE OID("\x55\x04\x08")
#define OID_ORGANIZATION OID("\x55\x04\x0a")
#define OID_UNIT OID("\x55\x04\x0b")
#define OID_TITLE OID("\x55\x04\x0c")
#define OID_GIVEN_NAME OID("\x55\x04\x2a")
#define OID_PSEUDONYM OID("\x55\x04\x41")
#define OID_ORGANIZATION_IDENTIFIER OID("\x55\x04\x61")
#define OID_EMAIL OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")

#define OID_SUBJECT_KEY_ID OID("\x55\x1d\x0e")
#define OID_USAGE OID("\x55\x1d\x0f")
#define OID_ALTERNATIVE OID("\x55\x1d\x11")
#define OID_CONSTRAINTS OID("\x55\x1d\x13")
#define OID_LISTS OID("\x55\x1d\x1f")
#define OID_POLICIES OID("\x55\x1d\x20")
#define OID_AUTHORITY_KEY_ID OID("\x55\x1d\x23")
#define OID_PURPOSES OID("\x55\x1d\x25")
#define OID_ACCESS OID("\x2b\x06\x01\x05\x05\x07\x01\x01")
#define OID_NO_CHECK OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x05")
#define OID_CAPABILITIES OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f")

#define OID_SERVER OID("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_CLIENT OID("\x2b\x06\x01\x05\x05\x07\x03\x02")
#define OID_MAIL OID("\x2b\x06\x01\x05\x05\x07\x03\x04")
#define OID_STAMP OID("\x2b\x06\x01\x05\x05\x07\x03\x08")
#define OID_OCSP_SIGNING OID("\x2b\x06\x01\x05\x05\x07\x03\x09")

#define OID_ACCESS_OCSP OID("\x2b\x06\x01\x05\x05\x07\x30\x01")
#define OID_ACCESS_ISSUER OID("\x2b\x06\x01\x05\x05\x07\x30\x02")
#define OID_SMTP_UTF8 OID("\x2b\x06\x01\x05\x05\x07\x08\x09")

/* Bits of RFC 5280 section 4.2.1.3. */
#define BIT(n) (1u << (n))
enum usage {
	USE_SIGN = BIT(0),
	USE_COMMIT = BIT(1), /* nonRepudiation */
	USE_ENCIPHER = BIT(2),
	USE_AGREE = BIT(4),
	USE_CERTIFY = BIT(5),
	USE_LISTS = BIT(6),
};

#endif
