/* authority/profile -- what a certificate of each kind looks like.
 *
 * Standard:  RFC 5280; the CA/B Forum S/MIME Baseline Requirements (mailbox-
 *            validated, multipurpose for signing, strict for encrypting) under
 *            policy identifiers of our own (pki/policy.h); RFC 3161 section
 *            2.3 for the TSA.  Built from structures, never from text, so that
 *            an address cannot smuggle in an extension.
 * May use:   base os pki.  No clock.
 * Not here:  whether the request may be granted (authority/request, acme).
 */
#ifndef AUTHORITY_PROFILE_H
#define AUTHORITY_PROFILE_H

#include <openssl/x509.h>

#include "authority/signer.h"

enum profile_kind {
	PROFILE_ROOT,
	PROFILE_MAIL_CA,
	PROFILE_TSA_CA,
	PROFILE_TSA,
	PROFILE_OCSP,       /* a responder, for its issuer only */
	PROFILE_SIGNING,    /* of a mailbox */
	PROFILE_ENCRYPTING, /* of a mailbox */
	PROFILE_DUAL,       /* of a mailbox, RSA only */
	PROFILE_HOST,       /* for tests of ACME by other clients only */
};

/* "signing", "encrypting", "dual"; how the directory calls them too. */
const char *profile_name(enum profile_kind kind);

struct profile_order {
	enum profile_kind kind;
	EVP_PKEY *public_key; /* borrowed */
	const char *name;     /* commonName of a CA, TSA or responder */
	const char *organization;
	const char *address; /* of a mailbox; or a host's name */
	/* Where its status and its issuer are published, and in how many
	 * parts the issuer's list is (authority/published.h).  NULL: nowhere,
	 * and the certificate says nothing of it. */
	const char *published_at;
	int64_t crl_parts;
	int64_t now;
};

struct profile_issuer {
	X509 *cert; /* NULL: the certificate is its own issuer */
	struct signer *signer;
};

/* Issue.  The caller owns *ret.  RC_UNFIT: the issuer has expired, or the
 * kind does not fit the key. */
enum rc profile_issue(const struct profile_order *order,
    const struct profile_issuer *issuer, X509 **ret, struct err *err);

#endif
