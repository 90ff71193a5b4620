#include "cmd/language.h"

#include <stdlib.h>

static enum language
of_environment(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *locale = getenv(names[i]);
		if (locale != NULL && locale[0] != '\0')
			return words_language_of_locale(locale);
	}
	return LANGUAGE_ENGLISH;
}

enum rc
language_choose(const char *option, enum language *ret, struct err *err)
{
	if (option == NULL) {
		*ret = of_environment();
		return RC_OK;
	}
	if (words_language(option, ret))
		return RC_OK;
	return err_set(
	    err, RC_SYNTAX, "--language wants en or zh, not \"%s\"", option);
}
