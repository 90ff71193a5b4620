/* cmd/full -- letterlock-full: what takes many libraries, for the network and
 * for judging letters. */
#ifndef CMD_FULL_H
#define CMD_FULL_H

/* Let letterlock-full go on as this process, with the words behind the
 * command's name.  It lies beside this program, or where it was installed.
 * Returns an exit status only if it cannot be started. */
int full_run(const char *command, int argc, char **argv);

#endif
