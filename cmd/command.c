#include "cmd/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

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
command_end(int status)
{
	struct err err = ERR_NONE;

	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)err_errno(&err, "standard output");
	fprintf(stderr, "letterlock: %s\n", err.text);
	return EXIT_FAILED;
}

/* A file that is opened later shall not take the place of one of the three: what
 * is written to standard output would go into it. */
static void
fill_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			/* for reading: writing to it fails, as it should */
			(void)open("/dev/null", O_RDONLY);
}

void
command_prepare(void)
{
	fill_standard();
	leave_no_core();
	/* a limit on the size of files is told like a full disk */
	(void)signal(SIGXFSZ, SIG_IGN);
}
