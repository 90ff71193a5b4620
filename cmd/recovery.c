/* letterlock recovery -- the code on paper, for when no device is left. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/guard.h"
#include "cmd/recovery_copy.h"
#include "cmd/support.h"
#include "os/file.h"
#include "vault/recovery.h"

static enum rc
show(struct guard_home *own, const struct recovery_options *o, struct err *err)
{
	const char *address = own->home.account.address;
	bool registered = false;

	TRY(acme_recovery_find(own->session.acme, address, &registered, err));
	printf(registered ? "%s has a recovery code.\n"
			  : "%s has no recovery code: letterlock recovery new "
			    "makes one.\n",
	    address);
	return RC_OK;
}

static enum rc
make(struct guard_home *own, const struct recovery_options *o, struct err *err)
{
	struct buf code BUF_OWNED = BUF_SECRET(RECOVERY_TEXT_LEN + 1);
	const char *text = NULL;

	TRY(guard_make_code(&own->enrol, own->session.acme, true, &code, err));
	TRY(buf_str(&code, &text, err));
	printf("An older recovery code of %s is not good any more.\n",
	    own->home.account.address);
	if (o->code_file != NULL) {
		TRY(file_save(o->code_file, buf_span(&code), 0600, err));
		printf("The recovery code is in %s\n", o->code_file);
		return RC_OK;
	}
	printf("recovery code  %s\n               (shown only now: write it "
	       "down, and keep it away from this device)\n",
	    text);
	return RC_OK;
}

enum rc
recovery_read_code(
    const struct recovery_options *o, struct buf *secret, struct err *err)
{
	struct buf line BUF_OWNED = BUF_SECRET(4096);

	if (o->code_file == NULL) {
		fprintf(stderr, "recovery code: ");
		TRY(support_read_line("/dev/stdin", &line, err));
	} else {
		TRY(support_read_line(o->code_file, &line, err));
	}
	return recovery_parse(buf_span(&line), secret, err);
}

/* What this device waits for is approved by the code: it is looked at first,
 * so that the code says yes to this device's own key and to nothing else. */
static enum rc
use(struct guard_home *own, const struct recovery_options *o, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(RECOVERY_BYTES);
	struct buf jwk BUF_OWNED = BUF_SECRET(1024);
	const char *address = own->home.account.address;
	struct acme_wish wish = {0};

	TRY(enrol_waiting(&own->enrol, own->session.acme, &wish, err));
	if (!acme_wish_is_open(&wish))
		return err_set(err, RC_REFUSED,
		    "what this device waited for is %s already: run letterlock "
		    "setup %s again",
		    wish.status, address);
	TRY(recovery_read_code(o, &secret, err));
	TRY(recovery_jwk(buf_span(&secret), &jwk, err));
	TRY(acme_wish_prove(own->session.acme, &wish, buf_span(&jwk), err));
	printf("Approved: now run letterlock setup %s again.\n", address);
	return RC_OK;
}

/* These do without the authority. */
static const struct {
	const char *word;
	enum rc (*run)(const struct recovery_options *o, struct err *err);
} local_actions[] = {
    {"export", recovery_export},
    {"import", recovery_import},
};

static const struct {
	const char *word;
	bool has_code; /* --code-file has a meaning */
	enum rc (*run)(struct guard_home *own, const struct recovery_options *o,
	    struct err *err);
} actions[] = {
    {"show", false, show},
    {"new", true, make},
    {"use", true, use},
};

static enum rc
run_action(const struct recovery_options *o, struct err *err)
{
	const size_t count = sizeof(actions) / sizeof(actions[0]);
	const char *word = o->words.len > 0 ? o->words.item[0] : "show";
	struct guard_home own GUARD_HOME_OWNED;
	size_t i = 0;

	guard_home_init(&own);
	for (size_t j = 0; j < sizeof(local_actions) / sizeof(local_actions[0]);
	     j++)
		if (o->words.len == 1 &&
		    strcmp(word, local_actions[j].word) == 0)
			return local_actions[j].run(o, err);
	while (i < count && strcmp(word, actions[i].word) != 0)
		i++;
	if (i == count || o->words.len > 1 || o->to != NULL ||
	    o->from != NULL || (o->code_file != NULL && !actions[i].has_code))
		return err_set(err, RC_SYNTAX,
		    "want recovery show, recovery new, recovery use, recovery "
		    "export --to FILE or recovery import --from FILE; all but "
		    "the first with --code-file FILE if you like");
	TRY(guard_home_open(&own, &o->home, err));
	return actions[i].run(&own, o, err);
}

int
command_recovery(int argc, char **argv)
{
	struct recovery_options o = {.words = STRLIST_NONE};
	const struct option options[] = {
	    {"code-file", OPTION_TEXT, &o.code_file, "FILE",
		"with new and export: write the code there, not on the "
		"screen; with use and import: read it there, not from "
		"standard input",
		false},
	    {"to", OPTION_TEXT, &o.to, "FILE",
		"with export: the PKCS#12 to write, under a new code", false},
	    {"from", OPTION_TEXT, &o.from, "FILE",
		"with import: what export wrote", false},
	    HOME_OPTIONS(o.home),
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv,
		"recovery show | new | use | export | import", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, &o.words, &err);
	if (rc == RC_OK)
		rc = run_action(&o, &err);
	strlist_done(&o.words);
	return rc == RC_OK ? EXIT_YES : command_failed("recovery", &err);
}
