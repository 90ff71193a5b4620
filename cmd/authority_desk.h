/* cmd/authority_desk -- `letterlock-authority desk`: who somebody is, checked
 * by two people. */
#ifndef CMD_AUTHORITY_DESK_H
#define CMD_AUTHORITY_DESK_H

#include "base/err.h"

enum rc desk_command(int argc, char **argv, struct err *err);

#endif
