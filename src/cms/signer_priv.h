/* cms/signer -- everything that must hold for one SignerInfo.
 *
 * Standard:  RFC 5652 sections 5.3 to 5.6 and 11, RFC 8933, RFC 5035,
 *            RFC 6211, RFC 8551 section 2.5.
 * May use:   base pki.  Only inside cms: letters (verify), timestamps (stamp)
 *            and countersignatures are checked by the same code.
 */
#ifndef CMS_SIGNER_PRIV_H
#define CMS_SIGNER_PRIV_H

#include "cms/attributes_priv.h"
#include "cms/sigalg_priv.h"
#include "cms/signed_priv.h"
#include "cms/verify.h"

/* How many signatures one letter may have us compute: each signer may name a
 * key identifier that many certificates claim. */
#define SIGNER_TRIES_MAX 64

/* What it is about; borrowed. */
struct signer_about {
	const struct signed_data *data;
	struct span
	    countersigned; /* the signature value, of a countersignature;
				    * empty: it is about the content */
	unsigned *tries;   /* left */
};

/* A SignerInfo, taken apart; lent. */
struct signer_info {
	struct buf copy; /* owned: its DER, if it came otherwise */
	struct buf set;  /* owned: the signed attributes as they came, SET OF */
	unsigned version;
	struct span issuer, serial; /* whole elements; or */
	struct span key_id;         /* content octets */
	struct algorithm digest, signature;
	struct sigalg_use use;
	const char *refused; /* why its algorithms are; NULL: they are not */
	struct span value;   /* of the signature */
	bool has_attributes;
	struct attributes attributes;
	struct span received;            /* all of them, with their tag */
	struct span unsigned_attributes; /* content of the SET OF */
};

#define SIGNER_INFO_OWNED __attribute__((cleanup(signer_info_done)))

/* RC_SYNTAX, RC_LIMIT.  `ret` is to be ended in any case. */
enum rc signer_info_read(
    struct span ber, struct signer_info *ret, struct err *err);
void signer_info_done(struct signer_info *info);

/* Fill an empty *ret.  RC_OK whatever the signature is worth; also one that
 * cannot be read has a reason only, and the others are not spoilt. */
enum rc signer_check(struct span ber, const struct signer_about *about,
    struct verify_signer *ret, struct err *err);

/* The heart of it: is it valid, and whose?  NULL, or the reason. */
const char *signer_judge(const struct signer_info *info,
    const struct signer_about *about, struct cert **ret_cert,
    int64_t *ret_claimed);

/* Does a signed attribute say which certificate is the signer's?  (Whether it
 * names the right one is part of signer_judge().) */
bool signer_has_certificate_id(const struct signer_info *info);

/* What else it says; of a signer that is valid, and of any. */
enum rc signer_read_signed(const struct signer_info *info,
    const struct certs *certs, struct verify_signer *ret, struct err *err);
enum rc signer_read_unsigned(const struct signer_info *info,
    const struct signer_about *about, struct verify_signer *ret,
    struct err *err);

void signer_done(struct verify_signer *signer);

#endif
