/* authority/ocsp_service_priv -- what answering and answering in advance
 * share.
 */
#ifndef AUTHORITY_OCSP_SERVICE_PRIV_H
#define AUTHORITY_OCSP_SERVICE_PRIV_H

#include "authority/ocsp_reply.h"
#include "authority/ocsp_service.h"

#define OCSP_HASH_MAX 32

/* How a question names one of our CAs. */
struct ocsp_issuer {
	const struct authority_ca *ca;
	struct {
		uint8_t name[OCSP_HASH_MAX], key[OCSP_HASH_MAX];
		size_t len;
	} hash[2]; /* by enum ocsp_digest */
};

struct ocsp_service {
	const struct settings *settings;
	const struct hierarchy *hierarchy;
	struct ocsp_issuer issuer[HIERARCHY_ISSUING_MAX];
	size_t issuers;
	int64_t seen; /* of the job: certificates up to here have answers */
};

/* Sign what is said of these certificates of one CA. */
struct ocsp_saying {
	const struct ocsp_issuer *issuer;
	const struct ocsp_reply_one *one;
	size_t len;
	struct span nonce;
	int64_t now;
};
enum rc ocsp_service_sign(const struct ocsp_service *service,
    const struct ocsp_saying *saying, struct buf *der, int64_t *ret_until,
    struct err *err);

#endif
