/* authority/published -- where what is published about certificates stands.
 *
 *   URL/crl/ID/PART.crl   revocation list (RFC 5280 section 4.2.1.13)
 *   URL/ocsp              OCSP responder (RFC 6960)
 *   URL/ca/ID.cer         a CA's certificate (caIssuers, section 4.2.2.1)
 *
 * ID is the subject key identifier of the CA in hexadecimal.  An issuing CA's
 * list is in parts, by the serial number, so that a reader fetches little; a
 * certificate names its own part for ever, also when the number of parts
 * changes later.  URL is plain HTTP: what is fetched is signed, and a reader
 * that checked a TLS certificate first would have to ask for its status.
 *
 * May use:   base codec pki.
 */
#ifndef AUTHORITY_PUBLISHED_H
#define AUTHORITY_PUBLISHED_H

#include <openssl/x509.h>

#include "base/buf.h"

#define PUBLISHED_CRL "/crl/"
#define PUBLISHED_OCSP "/ocsp"
#define PUBLISHED_CA "/ca/"

#define PUBLISHED_ID_LEN 40 /* SHA-1 in hexadecimal */

/* The id of a CA, or of the issuer of a certificate.  RC_UNFIT: it has no key
 * identifier, or another than we make. */
enum rc published_id(
    const X509 *ca, char id[PUBLISHED_ID_LEN + 1], struct err *err);
enum rc published_issuer_id(
    const X509 *cert, char id[PUBLISHED_ID_LEN + 1], struct err *err);

/* Which of `parts` lists tells of this serial number. */
int64_t published_part(struct span serial, int64_t parts);

/* Append a URL. */
enum rc published_crl(const char *url, const char *id, int64_t part,
    struct buf *out, struct err *err);
enum rc published_ocsp(const char *url, struct buf *out, struct err *err);
enum rc published_ca(
    const char *url, const char *id, struct buf *out, struct err *err);

/* Read back a path, "/crl/ID/PART.crl" or "/ca/ID.cer".  RC_ABSENT: nothing of
 * ours is there. */
enum rc published_read_crl(const char *path, char id[PUBLISHED_ID_LEN + 1],
    int64_t *ret_part, struct err *err);
enum rc published_read_ca(
    const char *path, char id[PUBLISHED_ID_LEN + 1], struct err *err);

/* The part that a certificate names.  RC_ABSENT: it names no list of ours. */
enum rc published_part_of(X509 *cert, int64_t *ret, struct err *err);

#endif
