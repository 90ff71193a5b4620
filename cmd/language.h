/* cmd/language -- in which language a verdict is told. */
#ifndef CMD_LANGUAGE_H
#define CMD_LANGUAGE_H

#include "base/err.h"
#include "flow/words.h"

/* The option's, "en" or "zh"; NULL: that of LC_ALL, LC_MESSAGES or LANG, the
 * first that says something (POSIX 8.2).  RC_SYNTAX: no such language. */
enum rc language_choose(
    const char *option, enum language *ret, struct err *err);

#endif
