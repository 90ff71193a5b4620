/* cmd/login -- how a person logs in at the mail servers: what setup asks for.
 */
#ifndef CMD_LOGIN_H
#define CMD_LOGIN_H

#include "cmd/home.h"
#include "enrol/discovery.h"

struct login_options {
	const char *login, *password_file;
	const char *client, *secret_file, *issuer, *auth_url, *token_url;
	const char *scope;
};

/* The rows of these options. */
#define LOGIN_OPTIONS(o)                                                     \
	{"password-file", OPTION_TEXT, &(o).password_file, "FILE",           \
	    "first line: the mailbox password", false},                      \
	    {"login", OPTION_TEXT, &(o).login, "HOW",                        \
		"password, oauth or certificate; default: what there is",    \
		false},                                                      \
	    {"oauth-client", OPTION_TEXT, &(o).client, "ID",                 \
		"OAuth: what the provider knows this program as", false},    \
	    {"oauth-secret-file", OPTION_TEXT, &(o).secret_file, "FILE",     \
		"OAuth: first line: the program's secret, if it has one",    \
		false},                                                      \
	    {"oauth-issuer", OPTION_TEXT, &(o).issuer, "URL",                \
		"OAuth: who logs people in; default: what the provider "     \
		"publishes",                                                 \
		false},                                                      \
	    {"oauth-auth-url", OPTION_TEXT, &(o).auth_url, "URL",            \
		"OAuth: where; default: what the issuer publishes", false},  \
	    {"oauth-token-url", OPTION_TEXT, &(o).token_url, "URL",          \
		"OAuth: where tokens are; likewise", false},                 \
	{                                                                    \
		"oauth-scope", OPTION_TEXT, &(o).scope, "SCOPE",             \
		    "OAuth: what for; default: what the provider publishes", \
		    false                                                    \
	}

bool login_sets_anything(const struct login_options *o);

/* Fill the account's login from the options.  Asks nobody. */
enum rc login_read(
    const struct login_options *o, struct account *account, struct err *err);
/* Decide how, now that the provider was asked (`found`), and log in by the
 * browser if that is how and it was not done yet: the URL is printed, and the
 * browser waited for.  The home is prepared. */
enum rc login_run(const struct login_options *o, struct home *home,
    const struct discovery *found, struct err *err);

#endif
