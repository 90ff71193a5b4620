/* cmd/operator -- `letterlock-authority operator add|remove DIR`: who decides
 * on other people's mailboxes. */
#ifndef CMD_OPERATOR_H
#define CMD_OPERATOR_H

#include "base/err.h"

/* The command with its words: "operator", "add", "DIR", options. */
enum rc operator_command(int argc, char **argv, struct err *err);

#endif
