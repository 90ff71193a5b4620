/* cms/digest -- one content, hashed with every digest a signer may have used.
 *
 * May use:   base.  Only inside cms.
 */
#ifndef CMS_DIGEST_PRIV_H
#define CMS_DIGEST_PRIV_H

#include <openssl/evp.h>

#include "base/buf.h"

#define DIGEST_KINDS 3 /* SHA-256, SHA-384, SHA-512 */

struct digest {
	EVP_MD_CTX *ctx[DIGEST_KINDS]; /* NULL: not wanted */
	uint8_t value[DIGEST_KINDS][EVP_MAX_MD_SIZE];
	unsigned len[DIGEST_KINDS]; /* 0 until digest_finish() */
};

#define DIGEST_OWNED __attribute__((cleanup(digest_done)))

/* Also want that one.  An unknown digest is passed over: nobody will find its
 * value.  NID_undef: all. */
enum rc digest_want(struct digest *digest, int nid, struct err *err);
enum rc digest_push(struct digest *digest, struct span bytes, struct err *err);
enum rc digest_finish(struct digest *digest, struct err *err);
void digest_done(struct digest *digest);

/* Lends; empty if it was not wanted. */
struct span digest_value(const struct digest *digest, int nid);

/* "SHA256" ...; NULL: not one of the three. */
const EVP_MD *digest_md(int nid);

#endif
