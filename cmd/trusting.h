/* cmd/trusting -- the trust settings of a command, and the roots it believes.
 *
 * The system's roots name mail signers and nobody else: they prove no time, and
 * no certificate to encrypt to is taken from them.
 */
#ifndef CMD_TRUSTING_H
#define CMD_TRUSTING_H

#include "flow/trust.h"

/* Add what the file says (flow/trust); its name is put before an error. */
enum rc trusting_read(const char *path, struct trust *ret, struct err *err);

/* Add those of the system's roots that are of use for mail: what $SSL_CERT_FILE
 * holds, else Debian's ca-certificates. */
enum rc trusting_add_public(int64_t now, struct certs *ret, struct err *err);

#endif
