#include "cmd/operator.h"

#include <stdio.h>
#include <string.h>

#include "authority/operator.h"
#include "cmd/options.h"
#include "os/file.h"

#define PEM_MAX ((size_t)256 * 1024)

static enum rc
add(const char *folder, const char *path, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(PEM_MAX);
	struct buf address BUF_OWNED = BUF_SMALL;

	TRY(file_read(path, &pem, err));
	enum rc rc = operator_add(folder, buf_span(&pem), &address, err);
	if (rc != RC_OK)
		return err_prefix(err, rc, "%s", path);
	printf("%.*s is an operator now\n", SPAN_ARGS(buf_span(&address)));
	return RC_OK;
}

static enum rc
remove_one(const char *folder, const char *address, struct err *err)
{
	TRY(operator_remove(folder, address, err));
	printf("%s is no operator any more\n", address);
	return RC_OK;
}

enum rc
operator_command(int argc, char **argv, struct err *err)
{
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	const char *certificate = NULL, *address = NULL;
	bool help = false;
	const struct option table[] = {
	    {.name = "certificate",
		.kind = OPTION_TEXT,
		.into = &certificate,
		.value = "FILE",
		.help = "signing certificate of who is added, PEM"},
	    {.name = "address",
		.kind = OPTION_TEXT,
		.into = &address,
		.value = "ADDRESS",
		.help = "who is removed"},
	    {.name = "help",
		.kind = OPTION_FLAG,
		.into = &help,
		.help = "this text"},
	    {0}};

	TRY(options_parse(argc - 1, argv + 1, table, &words, err));
	if (help) {
		printf("usage: letterlock-authority operator add DIR "
		       "--certificate FILE\n"
		       "       letterlock-authority operator remove DIR "
		       "--address ADDRESS\n\n"
		       "Say who decides on other people's mailboxes.\n\n");
		options_help(table);
		return RC_OK;
	}
	if (words.len == 2 && strcmp(words.item[0], "add") == 0 &&
	    certificate != NULL && address == NULL)
		return add(words.item[1], certificate, err);
	if (words.len == 2 && strcmp(words.item[0], "remove") == 0 &&
	    address != NULL && certificate == NULL)
		return remove_one(words.item[1], address, err);
	return err_set(err, RC_SYNTAX,
	    "want operator add DIR --certificate FILE, or operator remove DIR "
	    "--address ADDRESS");
}
