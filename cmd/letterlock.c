/* letterlock -- the agent of one person, and the engine on files. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "cmd/command.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
    {"setup", command_setup, "get certificates for a mailbox, once"},
    {"agent", command_agent, "serve the mail program: SMTP and IMAP"},
    {"status", command_status, "what is set up, and until when it is good"},
    {"recover", command_recover, "write a recovery copy of the old-mail keys"},
    {"seal", command_seal, "sign and encrypt a letter"},
    {"open", command_open, "decrypt and check a letter"},
    {"inspect", command_inspect, "say whether a letter may be trusted"},
    {"chain", command_chain, "say whether a certificate may be trusted"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_help(void)
{
	printf("usage: letterlock COMMAND [OPTION ...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].help);
	printf("\nletterlock COMMAND --help tells the options.\n");
}

int
command_failed(const char *name, const struct err *err)
{
	fprintf(stderr, "letterlock %s: %s\n", name, err->text);
	return EXIT_FAILED;
}

bool
command_helps(
    int argc, char **argv, const char *usage, const struct option *options)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") != 0)
			continue;
		printf("usage: letterlock %s\n\n", usage);
		options_help(options);
		return true;
	}
	return false;
}

/* What a crash leaves behind must not be the keys and the clear text. */
static void
leave_no_core(void)
{
	const struct rlimit none = {0, 0};

	/* lowering one's own limit cannot be refused */
	(void)setrlimit(RLIMIT_CORE, &none);
}

int
main(int argc, char **argv)
{
	leave_no_core();
	if (argc < 2) {
		print_help();
		return EXIT_FAILED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help();
		return EXIT_YES;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr,
	    "letterlock: unknown command %s; letterlock --help lists them\n",
	    argv[1]);
	return EXIT_FAILED;
}
