/* pki/pem -- one block of PEM text after the other.
 *
 * May use:   base.
 */
#ifndef PKI_PEM_H
#define PKI_PEM_H

#include "pki/crypto.h"

/* In the crypto library's memory; the data is wiped, for it may be a private
 * key. */
struct pem_block {
	char *name, *header;
	unsigned char *data;
	long len;
};

#define PEM_BLOCK_OWNED __attribute__((cleanup(pem_block_done)))

/* `ret` must be {0}.  RC_ABSENT: no further block; text between and behind
 * blocks is skipped. */
enum rc pem_block_next(BIO *in, struct pem_block *ret, struct err *err);
void pem_block_done(struct pem_block *block);

/* Is a certificate in it? */
bool pem_block_is_cert(const struct pem_block *block);

#endif
