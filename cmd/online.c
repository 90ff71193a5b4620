#include "cmd/online.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"

#define PROGRAM "letterlock-online"

static enum rc
path_beside_us(char ret[PATH_MAX], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	if (len < 0)
		return err_errno(err, "/proc/self/exe");
	ret[len] = '\0';
	char *name = strrchr(ret, '/');
	if (name == NULL ||
	    (size_t)(name + 1 - ret) + sizeof(PROGRAM) > PATH_MAX)
		return err_set(err, RC_LIMIT, "%.60s...: too long a path", ret);
	memcpy(name + 1, PROGRAM, sizeof(PROGRAM));
	return RC_OK;
}

static void
try_paths(char **words, struct err *err)
{
	char beside[PATH_MAX];

	if (path_beside_us(beside, err) != RC_OK)
		return;
	(void)execv(beside, words);
	if (errno == ENOENT)
		(void)execv(ONLINE_FOLDER "/" PROGRAM, words);
	(void)err_errno(err, "%s", PROGRAM);
}

int
online_run(const char *command, int argc, char **argv)
{
	char **words = calloc((size_t)argc + 3, sizeof(*words));
	char program[] = "letterlock", *name = strdup(command);
	struct err err = ERR_NONE;

	if (words == NULL || name == NULL) {
		(void)err_nomem(&err, "words");
	} else {
		words[0] = program;
		words[1] = name;
		memcpy(words + 2, argv, (size_t)argc * sizeof(*words));
		try_paths(words, &err);
	}
	free(name);
	free(words);
	return command_failed(command, &err);
}
