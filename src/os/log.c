#include "os/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

/* --- whom nobody else shall know of -------------------------------------------*/

static const char *own_address;

void
log_hide_addresses(const char *own)
{
	own_address = own;
}

static bool
ends_word(char c)
{
	return c == '\0' || strchr(" \t,;()\"'", c) != NULL;
}

static bool
is_address(const char *word, size_t len, bool behind_letter)
{
	size_t from = strspn(word, "<:"), own = strlen(own_address);

	if (memchr(word, '@', len) == NULL || (behind_letter && *word == '<'))
		return false;
	while (len > from && strchr(">:.", word[len - 1]) != NULL)
		len--;
	return len < from || len - from != own ||
	       strncasecmp(word + from, own_address, own) != 0;
}

/* `to` has room for whatever comes of it, or less is told. */
static void
hide_addresses(const char *from, char *to, size_t room)
{
	bool behind_letter = false;
	size_t at = 0;

	while (*from != '\0' && at + 1 < room) {
		size_t len = 0;
		while (!ends_word(from[len]))
			len++;
		bool hidden = len > 0 && is_address(from, len, behind_letter);
		if (len > 0)
			behind_letter = len == 6 && !strncmp(from, "letter", 6);
		size_t take = len > 0 ? len : 1;
		int put = snprintf(to + at, room - at, "%.*s",
		    hidden ? 9 : (int)take, hidden ? "(address)" : from);
		at += put > 0 ? (size_t)put : 0;
		from += take;
	}
}

void
log_write(enum log_level level, const char *format, ...)
{
	char text[ERR_TEXT_MAX], when[32], line[LINE_LEN_MAX];
	char told[ERR_TEXT_MAX] = "";
	struct err clean = ERR_NONE;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* err_set() makes a peer's bytes printable: one call, one line. */
	(void)err_set(&clean, RC_OK, "%s", text);
	print_time(when, sizeof(when));
	if (own_address != NULL)
		hide_addresses(clean.text, told, sizeof(told));
	int len = snprintf(line, sizeof(line), "%s%s: %s\n", when,
	    level_names[level], own_address != NULL ? told : clean.text);
	/* One write, so that lines of several processes do not mix.  If even
	 * standard error is gone there is nobody left to tell. */
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
