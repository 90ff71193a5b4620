/* authority/signer_priv -- what a signer is made of.
 *
 * Only for signer.c and the places where keys are kept.
 */
#ifndef AUTHORITY_SIGNER_PRIV_H
#define AUTHORITY_SIGNER_PRIV_H

#include "authority/signer.h"
#include "pki/ready.h"

struct signer_ops {
	/* Append the signature value of the bytes. */
	enum rc (*sign)(struct signer *signer, struct span tbs,
	    struct buf *signature, struct err *err);
	void (*free)(void *handle);
};

/* How keys of one kind sign. */
struct signer_kind {
	const char *type;   /* as libcrypto calls it */
	const char *curve;  /* NULL: it has none */
	const char *digest; /* NULL: its own */
	struct span algorithm;
};

struct signer {
	const struct signer_ops *ops;
	const struct signer_kind *kind;
	EVP_PKEY *key;      /* owned */
	void *handle;       /* owned; where the key is, if it is not in `key` */
	struct ready ready; /* to sign with `key`, for whoever comes next */
};

/* Takes `handle` if it succeeds. */
enum rc signer_new(EVP_PKEY *key, const struct signer_ops *ops, void *handle,
    struct signer **ret, struct err *err);

#endif
