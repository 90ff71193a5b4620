#include "cmd/external.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/external_make.h"
#include "cmd/options.h"

#define OUTPUT_MAX 4096

static enum rc
read_count(const char *text, int64_t *ret, struct err *err)
{
	char *end = NULL;

	*ret = strtoll(text, &end, 10);
	if (end == text || *end != '\0')
		return err_set(
		    err, RC_SYNTAX, "--accounts %s is no number", text);
	return RC_OK;
}

static enum rc
make(const char *folder, const char *label, const char *accounts,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(OUTPUT_MAX);
	const char *lines = NULL;
	int64_t count = 0;

	TRY(read_count(accounts, &count, err));
	TRY(external_make(folder, label, count, &text, err));
	TRY(buf_str(&text, &lines, err));
	printf("%s", lines);
	return RC_OK;
}

enum rc
external_command(int argc, char **argv, struct err *err)
{
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	const char *label = NULL, *accounts = NULL;
	bool help = false;
	const struct option table[] = {
	    {.name = "label",
		.kind = OPTION_TEXT,
		.into = &label,
		.value = "TEXT",
		.help = "for whom it is; for your own eyes"},
	    {.name = "accounts",
		.kind = OPTION_TEXT,
		.into = &accounts,
		.value = "NUMBER",
		.help = "accounts it may open (default: 1)"},
	    {.name = "help",
		.kind = OPTION_FLAG,
		.into = &help,
		.help = "this text"},
	    {0}};

	TRY(options_parse(argc - 1, argv + 1, table, &words, err));
	if (help) {
		printf("usage: letterlock-authority eab DIR [OPTION ...]\n\n"
		       "Make a key that binds ACME accounts to somebody whom "
		       "you know.\n\n");
		options_help(table);
		return RC_OK;
	}
	if (words.len != 1)
		return err_set(err, RC_SYNTAX, "want eab DIR; see eab --help");
	return make(words.item[0], label != NULL ? label : "",
	    accounts != NULL ? accounts : "1", err);
}
