/* cmd/authority_lint -- letterlock-authority lint: which rules does a
 * certificate break?
 */
#ifndef CMD_AUTHORITY_LINT_H
#define CMD_AUTHORITY_LINT_H

#include "base/err.h"

/* `argv` from "lint" on.  RC_REFUSED: it breaks one. */
enum rc lint_command(int argc, char **argv, struct err *err);

#endif
