/* pki/chain_priv -- the two halves of chain: the path, and what was revoked. */
#ifndef PKI_CHAIN_PRIV_H
#define PKI_CHAIN_PRIV_H

#include "pki/chain.h"

#define CHAIN_NO_ANCHOR_REASON "chain.no-anchor"
#define CHAIN_MAX_PATH 10
#define CHAIN_MAX_CRLS 256

/* The stable code for one of the library's X509_V_ERR_*. */
const char *chain_reason(int error);

/* Fill in `revocation` and `revoked_at` of a result with a path; a path that
 * was valid but for a revocation before `at` becomes "cert.revoked". */
enum rc chain_look_up_revocation(const struct chain_request *ask,
    struct chain_result *result, struct err *err);

#endif
