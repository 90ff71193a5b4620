/* cmd/authority_directory -- the directory, by command. */
#ifndef CMD_AUTHORITY_DIRECTORY_H
#define CMD_AUTHORITY_DIRECTORY_H

#include "base/err.h"

/* export-smimea DIR --domain DOMAIN [--ttl SECONDS] */
enum rc export_smimea_command(int argc, char **argv, struct err *err);
/* directory hide|show DIR ADDRESS */
enum rc directory_command(int argc, char **argv, struct err *err);

#endif
