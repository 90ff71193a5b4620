/* cmd/authority_audit -- `letterlock-authority audit verify DIR` and `audit
 * list DIR`: what was done, and whether the log still says so. */
#ifndef CMD_AUTHORITY_AUDIT_H
#define CMD_AUTHORITY_AUDIT_H

#include "base/err.h"

/* The command with its words: "audit", "verify", DIR.  RC_REFUSED: the log is
 * not as it was written; what is wrong was printed. */
enum rc audit_command(int argc, char **argv, struct err *err);

#endif
