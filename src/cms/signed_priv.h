/* cms/signed -- read a SignedData as it comes: letters and timestamp tokens.
 *
 * Standard:  RFC 5652 section 5.1 and 5.2.
 * May use:   base pki.  Only inside cms.
 * Not here:  whether a signature holds (cms/signer).
 * Limits:    SIGNED_MAX for all of it if there is no content in it.  Else for
 *            everything but the content and the lists and answers about
 *            revocation (of these SIGNED_MAX are looked at, and what is beyond
 *            or cannot be read is passed over).  CERTS_MAX certificates,
 *            SIGNED_SIGNERS_MAX signers.
 *
 * init -> push* -> finish.  Content in it is hashed and given out as it comes;
 * nothing of it is kept.
 */
#ifndef CMS_SIGNED_PRIV_H
#define CMS_SIGNED_PRIV_H

#include "cms/digest_priv.h"
#include "cms/walk_priv.h"
#include "pki/cert.h"
#include "pki/seen.h"
#include "pki/crl.h"
#include "pki/ocsp.h"

#define SIGNED_MAX ((size_t)1 << 20)
#define SIGNED_SIGNERS_MAX 16

/* What is signed. */
enum signed_type {
	SIGNED_DATA = 1,
	SIGNED_RECEIPT = 2, /* id-ct-receipt */
	SIGNED_TST = 4,     /* id-ct-TSTInfo */
};

struct signed_data {
	struct walk walk;
	unsigned accept;   /* set of enum signed_type */
	struct seen *seen; /* borrowed; may be NULL */
	bool detached;     /* there is a content elsewhere */
	bool at_content;   /* the digest algorithms have been read */
	bool has_content;
	enum signed_type type;
	bool listed[DIGEST_KINDS];
	struct digest digest;
	struct certs certs; /* every one that we can read */
	size_t certs_seen;
	/* what it says about revocation: claims until chain believes them */
	struct crls crls;
	struct ocsps ocsps;
	size_t lists;       /* bytes of them */
	struct buf signers; /* SignerInfos, as they came */
	size_t signer_end[SIGNED_SIGNERS_MAX], signers_len;
	size_t taken;  /* bytes of certificates and signers */
	size_t pushed; /* bytes of all, while there is no content in it */
};

/* `accept`: others are RC_SYNTAX. */
void signed_init(struct signed_data *data, unsigned accept);
void signed_done(struct signed_data *data);

#define SIGNED_OWNED __attribute__((cleanup(signed_done)))

/* The next bytes.  Appends what is content to `content`.  RC_SYNTAX, RC_LIMIT:
 * then `data` is of no more use. */
enum rc signed_push(struct signed_data *data, struct span ber,
    struct buf *content, struct err *err);
/* RC_SYNTAX: the end has not come. */
enum rc signed_finish(struct signed_data *data, struct err *err);

/* Want every digest that the SignedData names. */
enum rc signed_want_listed(struct signed_data *data, struct err *err);

/* The OID with its tag. */
struct span signed_type_oid(enum signed_type type);

/* Lends. */
struct span signed_signer(const struct signed_data *data, size_t i);

#endif
