/* cmd/external -- `letterlock-authority eab DIR`: a key for people whom the
 * operator lets in. */
#ifndef CMD_EXTERNAL_H
#define CMD_EXTERNAL_H

#include "base/err.h"

/* The command with its words: "eab", "DIR", options. */
enum rc external_command(int argc, char **argv, struct err *err);

#endif
