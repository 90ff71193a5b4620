/* cmd/authority_backup -- `letterlock-authority backup` and `restore`. */
#ifndef CMD_AUTHORITY_BACKUP_H
#define CMD_AUTHORITY_BACKUP_H

#include "base/err.h"

/* Each with its words, from the command's name on. */
enum rc backup_command(int argc, char **argv, struct err *err);
enum rc restore_command(int argc, char **argv, struct err *err);

#endif
