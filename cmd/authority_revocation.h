/* cmd/authority_revocation -- `letterlock-authority revoke`. */
#ifndef CMD_AUTHORITY_REVOCATION_H
#define CMD_AUTHORITY_REVOCATION_H

#include "base/err.h"

/* argv[0] is the command's name. */
enum rc authority_revoke(int argc, char **argv, struct err *err);

#endif
