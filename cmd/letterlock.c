/* letterlock -- the agent of one person, and the engine on files.
 *
 * Letters are sealed and opened here.  What needs the network or judges letters
 * is done by letterlock-full, which takes this process over: its libraries take
 * longer to load than it takes to seal a letter.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/full.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv); /* NULL: by letterlock-full */
	const char *help;
} commands[] = {
    {"setup", NULL, "get certificates for a mailbox, once"},
    {"agent", NULL, "serve the mail program: SMTP and IMAP"},
    {"people", NULL, "whom you know, and who you say is fine"},
    {"settings", NULL, "what to tell the mail program, as it reads it"},
    {"status", NULL, "what is set up, and until when it is good"},
    {"guard", NULL, "what waits for this device's word, and your word"},
    {"recovery", NULL, "the code on paper, for when no device is left"},
    {"rest", NULL, "store what came in the clear again, sealed"},
    {"audit", NULL, "how many letters can be read on the mail server"},
    {"recover", NULL, "write a recovery copy of the old-mail keys"},
    {"seal", command_seal, "sign and encrypt a letter"},
    {"open", command_open, "decrypt and check a letter"},
    {"inspect", NULL, "say whether a letter may be trusted"},
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

static int
run(size_t which, int argc, char **argv)
{
	return commands[which].run != NULL
		   ? commands[which].run(argc, argv)
		   : full_run(commands[which].name, argc, argv);
}

static int
run_words(int argc, char **argv)
{
	if (argc < 2) {
		print_help();
		return EXIT_FAILED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help();
		return EXIT_YES;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("letterlock %s\n", LETTERLOCK_VERSION);
		return EXIT_YES;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run(i, argc - 2, argv + 2);
	fprintf(stderr,
	    "letterlock: unknown command %s; letterlock --help lists them\n",
	    argv[1]);
	return EXIT_FAILED;
}

int
main(int argc, char **argv)
{
	command_prepare();
	return command_end(run_words(argc, argv));
}
