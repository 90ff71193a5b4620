/* authority/certstore_query -- read what somebody asks a certificate store.
 *
 * Standard:  RFC 4387 sections 2.1 and 2.2.
 * May use:   base codec.
 */
#ifndef AUTHORITY_CERTSTORE_QUERY_H
#define AUTHORITY_CERTSTORE_QUERY_H

#include "base/buf.h"

#define CERTSTORE_HASH 20 /* SHA-1 */

enum certstore_attribute {
	CERTSTORE_CERT_HASH,
	CERTSTORE_ISSUER_HASH,
	CERTSTORE_ISSUER_SERIAL_HASH,
	CERTSTORE_SUBJECT_HASH,
	CERTSTORE_KEY_ID_HASH,
	CERTSTORE_URI, /* a mail address; also "email" */
	CERTSTORE_NAME,
};

struct certstore_query {
	enum certstore_attribute attribute;
	uint8_t hash[CERTSTORE_HASH]; /* of those that are hashes */
	struct buf text;              /* of the others */
};

#define CERTSTORE_QUERY ((struct certstore_query){.text = BUF(1024)})
#define CERTSTORE_QUERY_OWNED __attribute__((cleanup(certstore_query_done)))
void certstore_query_done(struct certstore_query *query);

/* The raw query of a URI; attributes that nobody knows are passed over.
 * RC_SYNTAX: no attribute or several, or a value that cannot be one.  `ret` must
 * be initialised. */
enum rc certstore_query_parse(
    struct span query, struct certstore_query *ret, struct err *err);

#endif
