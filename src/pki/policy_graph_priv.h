/* pki/policy_graph_priv -- do the policies of a path hold?
 *
 * Standard:  RFC 5280 section 6.1 as RFC 9618 changes it: a graph with one
 *            node for each policy and depth, where the tree of RFC 5280 (and
 *            of the crypto library) doubles with every certificate
 *            (CVE-2023-0464).
 * Limits:    POLICY_MAX_NODES at one depth.
 */
#ifndef PKI_POLICY_GRAPH_PRIV_H
#define PKI_POLICY_GRAPH_PRIV_H

#include "pki/chain.h"

#define POLICY_MAX_NODES 512

enum policy_answer { POLICY_HOLDS, POLICY_FAILS, POLICY_LIMIT };

/* The last of `path` is the trust anchor, and its policies do not count. */
enum rc policy_graph_check(const struct certs *path,
    const struct chain_request *ask, enum policy_answer *ret, struct err *err);

#endif
