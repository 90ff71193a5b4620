#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A peer's bytes may be in the text: none of them may reach a terminal or
 * a log as a control character. */
static void
make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

enum rc
err_set(struct err *err, enum rc rc, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return rc;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	make_printable(err->text);
	return rc;
}

enum rc
err_errno(struct err *err, const char *format, ...)
{
	int saved = errno;
	char what[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return err_set(err, saved == ENOMEM ? RC_NOMEM : RC_IO, "%s: %s", what,
	    strerror(saved));
}

enum rc
err_nomem(struct err *err, const char *what)
{
	return err_set(err, RC_NOMEM, "%s: out of memory", what);
}

enum rc
err_prefix(struct err *err, enum rc rc, const char *format, ...)
{
	char before[ERR_TEXT_MAX], after[ERR_TEXT_MAX];
	va_list args;

	if (err == NULL)
		return rc;
	va_start(args, format);
	(void)vsnprintf(before, sizeof(before), format, args);
	va_end(args);
	memcpy(after, err->text, sizeof(after));
	return err_set(err, rc, "%s: %s", before, after);
}
