/* cmd/command -- the commands of `letterlock`, one function each.
 *
 * Each gets the words behind its name and returns the exit status: 0 done (for
 * inspect: verified; for chain: valid), 1 done but not so, 2 could not be
 * done.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "cmd/options.h"

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_FAILED = 2 };

int command_seal(int argc, char **argv);
int command_open(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_chain(int argc, char **argv);
int command_settings(int argc, char **argv);
int command_setup(int argc, char **argv);
int command_agent(int argc, char **argv);
int command_people(int argc, char **argv);
int command_status(int argc, char **argv);
int command_recover(int argc, char **argv);
int command_guard(int argc, char **argv);
int command_recovery(int argc, char **argv);
int command_rest(int argc, char **argv);
int command_audit(int argc, char **argv);

/* First of all. */
void command_prepare(void);

/* Last of all: `status`, or EXIT_FAILED if standard output took not all. */
int command_end(int status);

/* "letterlock NAME: reason" on standard error; EXIT_FAILED. */
int command_failed(const char *name, const struct err *err);

/* Does the line ask for help?  Then print it. */
bool command_helps(
    int argc, char **argv, const char *usage, const struct option *options);

#endif
