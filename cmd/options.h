/* cmd/options -- the command line, by table.
 *
 * "--name VALUE", "--name=VALUE", "--flag"; "--" ends the options.  An unknown
 * option, a missing value, or an option given twice that may be given once is
 * RC_SYNTAX with what to do.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include "base/strlist.h"

enum option_kind {
	OPTION_FLAG, /* bool * */
	OPTION_TEXT, /* const char ** ; borrowed from argv */
	OPTION_LIST, /* struct strlist * */
};

struct option {
	const char *name; /* without the dashes; NULL ends the table */
	enum option_kind kind;
	void *into;
	const char *value; /* what the value is, for the help: "FILE" */
	const char *help;
	bool required;
};

/* Parse argv[0..argc-1].  `positional` takes what is no option (NULL: none
 * may be given). */
enum rc options_parse(int argc, char **argv, const struct option *options,
    struct strlist *positional, struct err *err);

/* One line each, on standard output. */
void options_help(const struct option *options);

#endif
