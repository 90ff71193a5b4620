#include "cmd/full.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"

#define PROGRAM "letterlock-full"

/* The folder that this program is in, with a "/" at its end. */
static enum rc
find_folder(char ret[PATH_MAX], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	if (len < 0)
		return err_errno(err, "/proc/self/exe");
	ret[len] = '\0';
	char *name = strrchr(ret, '/');
	if (name == NULL)
		return err_set(err, RC_UNFIT, "%.60s: no path", ret);
	name[1] = '\0';
	return RC_OK;
}

static void
try_paths(char **words, struct err *err)
{
	static const char *const places[] = {
	    PROGRAM, "../libexec/letterlock/" PROGRAM};
	char folder[PATH_MAX], path[PATH_MAX + 64];

	if (find_folder(folder, err) != RC_OK)
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", folder, places[i]);
		(void)execv(path, words);
		if (errno != ENOENT)
			break;
	}
	if (errno == ENOENT)
		(void)execv(FULL_FOLDER "/" PROGRAM, words);
	(void)err_errno(err,
	    PROGRAM " (looked for beside letterlock and in " FULL_FOLDER ")");
}

int
full_run(const char *command, int argc, char **argv)
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
