/* authority/request -- may this PKCS#10 request be granted?
 *
 * Standard:  RFC 2986; RFC 8555 section 7.4 (exactly the order's identifiers),
 *            RFC 8823 section 3.3 (signing-only, encryption-only, both).
 * May use:   base codec pki.
 * Limits:    REQUEST_MAX bytes.
 *
 * What is in a request and would not be in the certificate is refused rather
 * than dropped: whoever asks must know what they will get.  But names of people,
 * organisations and places are dropped: they were not checked, and are what a
 * mailbox' certificate never has.
 */
#ifndef AUTHORITY_REQUEST_H
#define AUTHORITY_REQUEST_H

#include "authority/profile.h"
#include "base/buf.h"

#define REQUEST_MAX ((size_t)16 * 1024)

struct request {
	EVP_PKEY *public_key; /* owned; NULL: the point in key_info */
	enum profile_kind kind;
	struct buf key_info;    /* its SubjectPublicKeyInfo, or none: unusual */
	uint8_t key_sha256[32]; /* of that, as it came */
	struct buf capabilities; /* DER SMIMECapabilities; may be empty */
};

#define REQUEST_OWNED __attribute__((cleanup(request_done)))
void request_done(struct request *request);

/* `address`: the only mailbox that may be named.  RC_SYNTAX: no request.
 * RC_UNFIT: it asks for what is not granted, or with a key that is too weak.
 * RC_CRYPTO: not signed by its own key. */
enum rc request_check(
    struct span der, const char *address, struct request *ret, struct err *err);

/* The same for a host of the test profile: its name as subjectAltName or, from
 * old clients, as common name. */
enum rc request_check_host(
    struct span der, const char *host, struct request *ret, struct err *err);

#endif
