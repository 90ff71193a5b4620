/* letterlock-full -- the commands of letterlock that take many libraries; run
 * by letterlock. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"setup", command_setup},
    {"settings", command_settings},
    {"agent", command_agent},
    {"people", command_people},
    {"status", command_status},
    {"recover", command_recover},
    {"guard", command_guard},
    {"recovery", command_recovery},
    {"rest", command_rest},
    {"audit", command_audit},
    {"seal", command_seal},
    {"open", command_open},
    {"inspect", command_inspect},
    {"chain", command_chain},
};

int
main(int argc, char **argv)
{
	command_prepare();
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc > 1 && !strcmp(argv[1], commands[i].name))
			return command_end(commands[i].run(argc - 2, argv + 2));
	fprintf(stderr, "letterlock-full: is run by letterlock\n");
	return EXIT_FAILED;
}
