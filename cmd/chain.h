/* cmd/chain -- the command `chain`, without and with the network.
 *
 * `letterlock` has cmd/chain_light.c, `letterlock-full` cmd/chain_full.c.
 */
#ifndef CMD_CHAIN_H
#define CMD_CHAIN_H

#include "keydir/issuers.h"

struct chain_options {
	const char *trust, *untrusted, *crl, *at;
	struct strlist ocsps; /* files */
	struct strlist policies, networks;
	bool any_purpose, explicit_policy, inhibit_mapping, inhibit_any, json;
	bool fetch_issuers;
};

/* Of the certificate on standard input: the exit status.  `issuers` NULL:
 * nobody is asked. */
int chain_run(
    const struct chain_options *options, const struct issuer_source *issuers);

/* With --fetch-issuers: the exit status.  `argv` is what the options were read
 * from. */
int chain_fetched(const struct chain_options *options, int argc, char **argv);

#endif
