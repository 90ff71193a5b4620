/* authority/profile_priv -- the parts of a certificate, as DER. */
#ifndef AUTHORITY_PROFILE_PRIV_H
#define AUTHORITY_PROFILE_PRIV_H

#include "authority/lint.h"
#include "authority/profile.h"

#define PROFILE_SERIAL_LEN 16
#define PROFILE_PURPOSES 2

struct profile {
	const char *name;
	enum lint_kind rules;
	struct span policy; /* none: mailbox by its level, else nothing */
	uint32_t use_ec;    /* key usage; 0: not for such keys */
	uint32_t use_rsa;
	uint32_t use_ed25519;
	struct span purpose[PROFILE_PURPOSES]; /* none: fewer */
	int path_len;                          /* -1: not limited */
	int days;
	bool purpose_critical;
	bool ca;
	bool has_responder; /* its status can be asked by OCSP */
	bool no_check;      /* RFC 6960 section 4.2.2.2.1 */
};

/* What is known before the first octet is written. */
struct profile_plan {
	const struct profile *profile;
	const struct profile_order *order;
	const struct profile_issuer *issuer;
	uint32_t use;
	int64_t from, until;
	uint8_t serial[PROFILE_SERIAL_LEN];
	struct span key;    /* SubjectPublicKeyInfo */
	struct buf address; /* as the certificate has it */
	bool utf8;          /* it needs a SmtpUTF8Mailbox */
	bool unnamed;       /* the subject is empty */
};

/* Append the TBSCertificate. */
enum rc profile_write(
    struct profile_plan *plan, struct buf *out, struct err *err);

/* Append the subject, and say whether it is empty. */
enum rc profile_write_subject(
    struct profile_plan *plan, struct buf *out, struct err *err);
/* Append the extensions' SEQUENCE. */
enum rc profile_write_extensions(
    const struct profile_plan *plan, struct buf *out, struct err *err);

#endif
