/* letterlock-online -- the commands of letterlock that use the network; run by
 * letterlock. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"setup", command_setup},
    {"agent", command_agent},
    {"status", command_status},
    {"recover", command_recover},
    {"seal", command_seal},
};

int
main(int argc, char **argv)
{
	command_prepare();
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc > 1 && !strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "letterlock-online: is run by letterlock\n");
	return EXIT_FAILED;
}
