#include "cmd/options.h"

#include <stdio.h>
#include <string.h>

/* The option that `text` (behind the dashes) names; *ret_value is what stands
 * behind "=", or NULL. */
static const struct option *
find(const struct option *options, const char *text, const char **ret_value)
{
	const char *equals = strchr(text, '=');
	size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);

	*ret_value = equals != NULL ? equals + 1 : NULL;
	for (const struct option *o = options; o->name != NULL; o++)
		if (strlen(o->name) == len && !strncmp(o->name, text, len))
			return o;
	return NULL;
}

static enum rc
set_flag(const struct option *option, const char *value, struct err *err)
{
	bool *flag = option->into;

	if (value != NULL)
		return err_set(
		    err, RC_SYNTAX, "--%s takes no value", option->name);
	*flag = true;
	return RC_OK;
}

static enum rc
set_text(const struct option *option, const char *value, struct err *err)
{
	const char **text = option->into;

	if (*text != NULL)
		return err_set(err, RC_SYNTAX,
		    "--%s is given twice: give one %s only", option->name,
		    option->value);
	*text = value;
	return RC_OK;
}

/* *used: how many words of argv this option took. */
static enum rc
take_option(const struct option *options, int argc, char **argv, int *used,
    struct err *err)
{
	const char *value = NULL;
	const struct option *option = find(options, argv[0] + 2, &value);

	if (option == NULL)
		return err_set(
		    err, RC_SYNTAX, "unknown option %s; see --help", argv[0]);
	*used = 1;
	if (option->kind == OPTION_FLAG)
		return set_flag(option, value, err);
	if (value == NULL) {
		if (argc < 2)
			return err_set(err, RC_SYNTAX, "--%s needs a value: %s",
			    option->name, option->value);
		value = argv[1];
		*used = 2;
	}
	if (option->kind == OPTION_LIST)
		return strlist_add_str(option->into, value, err);
	return set_text(option, value, err);
}

static enum rc
check_required(const struct option *options, struct err *err)
{
	for (const struct option *o = options; o->name != NULL; o++) {
		const char **text = o->into;
		if (o->required && o->kind == OPTION_TEXT && *text == NULL)
			return err_set(err, RC_SYNTAX, "--%s %s is needed; %s",
			    o->name, o->value, o->help);
	}
	return RC_OK;
}

enum rc
options_parse(int argc, char **argv, const struct option *options,
    struct strlist *positional, struct err *err)
{
	bool only_positional = false;

	for (int i = 0; i < argc;) {
		int used = 1;
		if (!only_positional && !strcmp(argv[i], "--"))
			only_positional = true;
		else if (!only_positional && !strncmp(argv[i], "--", 2))
			TRY(take_option(
			    options, argc - i, argv + i, &used, err));
		else if (positional == NULL)
			return err_set(err, RC_SYNTAX,
			    "%s is not expected here; see --help", argv[i]);
		else
			TRY(strlist_add_str(positional, argv[i], err));
		i += used;
	}
	return check_required(options, err);
}

void
options_help(const struct option *options)
{
	for (const struct option *o = options; o->name != NULL; o++)
		printf("  --%s %s\n        %s%s\n", o->name,
		    o->value != NULL ? o->value : "", o->help,
		    o->required ? " (needed)" : "");
}
