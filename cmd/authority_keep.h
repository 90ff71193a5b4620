/* cmd/authority_keep -- what an operator does to an authority now and then:
 * `letterlock-authority rollover`, `lists`, `revoke-ca` and `upgrade`. */
#ifndef CMD_AUTHORITY_KEEP_H
#define CMD_AUTHORITY_KEEP_H

#include "base/err.h"

/* Each with its words, from the command's name on. */
enum rc rollover_command(int argc, char **argv, struct err *err);
enum rc lists_command(int argc, char **argv, struct err *err);
enum rc revoke_ca_command(int argc, char **argv, struct err *err);
enum rc upgrade_command(int argc, char **argv, struct err *err);

#endif
