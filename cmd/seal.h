/* cmd/seal -- the command `seal`, without and with the network.
 *
 * `letterlock` has cmd/seal_light.c, `letterlock-full` cmd/seal_full.c.
 */
#ifndef CMD_SEAL_H
#define CMD_SEAL_H

#include "base/strlist.h"
#include "flow/sealing.h"

struct seal_options {
	const char *identity, *passphrase, *tsa, *policy, *cipher;
	const char *tls_trust, *dns, *anchors;
	struct strlist to, answers;
	bool sign_only, encrypt_only, legacy_display, at_rest;
};

/* From standard input to standard output. */
enum rc seal_run(const struct seal_options *options,
    const struct stamper *stamper, struct err *err);

/* With --tsa: the exit status.  `argv` is what the options were read from. */
int seal_stamped(const struct seal_options *options, int argc, char **argv);

#endif
