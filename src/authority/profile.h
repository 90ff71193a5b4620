/* authority/profile -- what a certificate of each kind looks like.
 *
 * Standard:  RFC 5280; the CA/B Forum S/MIME Baseline Requirements (levels
 *            mailbox, individual, organisation, sponsor; generations
 *            multipurpose and strict) under policy identifiers of our own
 *            (pki/policy.h); RFC 9598 (addresses beyond ASCII); RFC 4262; RFC
 *            3161 section 2.3 for the TSA.  Written as DER, never from text,
 *            so that an address cannot smuggle in an extension.
 * May use:   base os pki.  No clock.
 * Not here:  whether the request may be granted (authority/request, acme);
 *            whether it came out right (authority/lint, which is asked).
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

/* What was checked of a mailbox' owner. */
enum profile_level {
	PROFILE_MAILBOX,      /* V1: that they read its letters */
	PROFILE_INDIVIDUAL,   /* V2: and who they are */
	PROFILE_ORGANIZATION, /* V3: and which organisation it is */
	PROFILE_SPONSOR,      /* V4: and whom it vouches for */
};

enum profile_generation {
	PROFILE_MULTIPURPOSE, /* who signs can log in as well */
	PROFILE_STRICT,       /* for mail alone */
};

/* Who they are, UTF-8; NULL: nothing.  The level says which of it is written,
 * and its rules (authority/lint) which must be there. */
struct profile_subject {
	const char *given_name, *surname, *pseudonym;
	const char *organization, *organization_identifier;
	const char *country, *state, *locality;
};

struct profile_order {
	enum profile_kind kind;
	EVP_PKEY *public_key; /* borrowed; NULL: key_info is enough */
	/* The same as SubjectPublicKeyInfo, if at hand; enough for those that
	 * are a point (pki/spki.h). */
	struct span key_info;
	const char *name; /* commonName of a CA, TSA or responder */
	const char *organization;
	const char *country; /* of a CA; may be NULL */
	const char *address; /* of a mailbox, UTF-8; or a host's name */
	enum profile_level level;
	enum profile_generation generation;
	const struct profile_subject *subject; /* may be NULL */
	/* DER SMIMECapabilities, for what can be encrypted to; or none. */
	struct span capabilities;
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

/* Issue.  The caller owns *ret.  RC_UNFIT: the kind does not fit the key, or it
 * would break a rule (authority/lint); `err` says which.  RC_ABSENT: the issuer
 * has expired. */
enum rc profile_issue(const struct profile_order *order,
    const struct profile_issuer *issuer, X509 **ret, struct err *err);
/* The same; append the DER. */
enum rc profile_issue_der(const struct profile_order *order,
    const struct profile_issuer *issuer, struct buf *der, struct err *err);
/* Could it be issued?  Nothing is signed. */
enum rc profile_check(const struct profile_order *order,
    const struct profile_issuer *issuer, struct err *err);

#endif
