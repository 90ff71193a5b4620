/* cmd/online -- letterlock-online: the commands that use the network. */
#ifndef CMD_ONLINE_H
#define CMD_ONLINE_H

/* Let letterlock-online go on as this process, with the words behind the
 * command's name.  It lies beside this program, or where it was installed.
 * Returns an exit status only if it cannot be started. */
int online_run(const char *command, int argc, char **argv);

#endif
