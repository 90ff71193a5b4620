#include "os/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

#define LINE_LEN_MAX (ERR_TEXT_MAX + 64)

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
};

/* "2026-11-21T20:18:00Z ", or "" where the journal writes the time. */
static void
print_time(char *text, size_t room)
{
	time_t now = time(NULL);
	struct tm utc;

	text[0] = '\0';
	if (getenv("JOURNAL_STREAM") == NULL && gmtime_r(&now, &utc) != NULL)
		(void)strftime(text, room, "%Y-%m-%dT%H:%M:%SZ ", &utc);
}

void
log_write(enum log_level level, const char *format, ...)
{
	char text[ERR_TEXT_MAX], when[32], line[LINE_LEN_MAX];
	struct err clean = ERR_NONE;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* err_set() makes a peer's bytes printable: one call, one line. */
	(void)err_set(&clean, RC_OK, "%s", text);
	print_time(when, sizeof(when));
	int len = snprintf(line, sizeof(line), "%s%s: %s\n", when,
	    level_names[level], clean.text);
	/* One write, so that lines of several processes do not mix.  If even
	 * standard error is gone there is nobody left to tell. */
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
