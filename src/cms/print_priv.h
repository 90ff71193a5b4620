/* cms/print -- DER, appended to a buf piece by piece.
 *
 * Standard:  X.690 section 10 (definite and shortest lengths), 11.6 (the order
 *            of a SET OF).
 * May use:   base pki.  Only inside cms.
 *
 * What is printed for every letter is printed by hand: OpenSSL's templates
 * cost more than the mathematics of a P-256 signature leave room for.
 */
#ifndef CMS_PRINT_PRIV_H
#define CMS_PRINT_PRIV_H

#include "base/buf.h"
#include "pki/cert.h"

enum print_tag {
	PRINT_INTEGER = 0x02,
	PRINT_OCTETS = 0x04,
	PRINT_NULL = 0x05,
	PRINT_OID = 0x06,
	PRINT_SEQUENCE = 0x30,
	PRINT_SET = 0x31,
	PRINT_CONTEXT_0 = 0x80,       /* + n: [n] IMPLICIT, primitive */
	PRINT_CONSTRUCTED_0 = 0xa0,   /* + n: [n], constructed */
	PRINT_OCTETS_IN_PIECES = 0x24 /* BER */
};

/* Tag and length of an element whose content of `len` bytes follows. */
enum rc print_head(struct buf *der, uint8_t tag, size_t len, struct err *err);
/* The same for BER's indefinite length, and its end. */
enum rc print_indefinite(struct buf *der, uint8_t tag, struct err *err);
enum rc print_end(struct buf *der, struct err *err);

enum rc print_element(
    struct buf *der, uint8_t tag, struct span content, struct err *err);
enum rc print_octets(struct buf *der, struct span content, struct err *err);
/* `oid`: the content octets of an OBJECT IDENTIFIER. */
enum rc print_oid(struct buf *der, struct span oid, struct err *err);
enum rc print_number(struct buf *der, unsigned value, struct err *err);

/* An element whose length is known when all of it has been printed:
 *     TRY(print_open(der, PRINT_SEQUENCE, &mark, err));
 *     ... print what is in it ...
 *     TRY(print_close(der, mark, err)); */
enum rc print_open(
    struct buf *der, uint8_t tag, size_t *ret_mark, struct err *err);
enum rc print_close(struct buf *der, size_t mark, struct err *err);

/* A SET OF whole elements, put into DER's order (`item` is sorted), under
 * `tag` (PRINT_SET, or an IMPLICIT one).  They may not lie in `der`. */
enum rc print_set(struct buf *der, uint8_t tag, struct span *item, size_t len,
    struct err *err);

/* The content of an issuerAndSerialNumber: what stands in the certificate,
 * byte for byte. */
enum rc print_issuer_serial(
    struct buf *der, const struct cert *cert, struct err *err);

/* What of a certificate goes into other structures; lends parts of it, whole
 * elements with their tags. */
struct print_cert {
	struct span serial, issuer, key_algorithm;
};
enum rc print_look(
    const struct cert *cert, struct print_cert *ret, struct err *err);

#endif
