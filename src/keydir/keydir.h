/* keydir -- whose certificate is whose, and why we believe it.
 *
 * Today one source: the authority's directory over HTTPS.  An answer is
 * believed only as far as its certificates prove: they must lead to a trusted
 * root, name the address, be valid now and be made for encrypting; and if one
 * of them says where to ask whether it was revoked, that must be known.
 *
 * May use:   base codec os mime pki proto dns net store.
 */
#ifndef KEYDIR_KEYDIR_H
#define KEYDIR_KEYDIR_H

#include "keydir/status.h"
#include "net/https.h"
#include "pki/cert.h"
#include "store/state.h"

struct keydir {
	struct https *https; /* borrowed */
	const char
	    *directory; /* URL, the address is appended: "...?address=" */
	const struct certs *roots; /* trusted for mail */
	int timeout;               /* milliseconds for one question */
	const struct state
	    *state; /* what people said; NULL: nothing is known */
	/* who asks whether certificates were revoked; NULL: nobody does */
	const struct status_source *status;
};

/* The certificate to encrypt to.  The caller frees *ret.
 * RC_ABSENT: asked properly, there is none.  RC_UNFIT: there are some, but none
 * may be used, with the reason.  RC_IO: nobody answered, or nobody says whether
 * it was revoked: try later.
 * RC_SYNTAX: the directory answered garbage: try later. */
enum rc keydir_find(const struct keydir *keydir, const char *address,
    int64_t now, struct cert **ret, struct err *err);

/* May this certificate be used to encrypt to the address now?  `chain` may help
 * to build its path.  As keydir_find(). */
enum rc keydir_check(const struct keydir *keydir, const struct cert *cert,
    const struct certs *chain, const char *address, int64_t now,
    struct err *err);

/* What is known to be read with that certificate at `address`, a set of enum
 * capability: their newest signed word, or the certificate's own where that is
 * newer. */
unsigned keydir_ciphers(
    const struct keydir *keydir, const char *address, const struct cert *cert);

#endif
