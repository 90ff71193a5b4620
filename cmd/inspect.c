/* letterlock inspect, and the report of letterlock open: may a letter be
 * trusted? */
#include "base/own.h"
#include "cmd/asking.h"
#include "cmd/carriers.h"
#include "cmd/command.h"
#include "cmd/imitations.h"
#include "cmd/language.h"
#include "cmd/read.h"
#include "cmd/support.h"
#include "flow/report.h"

OWNER(struct lookalike, lookalike_free);

/* The caller frees *ret, after the setup. */
static enum rc
prepare(const struct read_options *o, struct read_setup *s,
    struct lookalike **ret, struct err *err)
{
	TRY(imitations_make(&o->me, &o->known, ret, &s->imitations, err));
	s->reader.imitations = &s->imitations;
	s->reader.requests = true;
	return read_prepare(o, s, err);
}

/* --- inspect -------------------------------------------------------------------- */

static int
inspect(const struct read_options *o, const struct asking_options *whom,
    const struct carriers_options *heard, struct err *err)
{
	struct asking asking ASKING_OWNED = {.status = NULL};
	struct carriers carriers CARRIERS_OWNED = {.resolver = NULL};
	struct read_setup s READ_SETUP_OWNED;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct lookalike *lookalike OWNED(lookalike_free) = NULL;
	struct verdict verdict;
	enum language language;

	read_setup_init(&s);
	if (language_choose(o->language, &language, err) != RC_OK ||
	    asking_prepare(whom, &asking, &s.reader, err) != RC_OK ||
	    carriers_prepare(heard, whom->offline, &s.trust, &carriers,
		&s.reader, err) != RC_OK)
		return EXIT_FAILED;
	if (prepare(o, &s, &lookalike, err) != RC_OK) {
		/* what cannot be read as a letter gets its verdict too */
		if (!s.gathered.facts.unreadable)
			return EXIT_FAILED;
		(void)command_failed("inspect", err);
	}
	if (asking_keep(whom, &s.gathered, err) != RC_OK)
		return EXIT_FAILED;
	const struct facts *facts = &s.gathered.facts;
	verdict_decide(facts, &verdict);
	verdict_say(facts, language, &verdict);
	enum rc rc = o->json
			 ? report_json(facts, &verdict, &out, err)
			 : report_text(facts, &verdict, language, &out, err);
	if (rc != RC_OK || support_write(buf_span(&out), err) != RC_OK)
		return EXIT_FAILED;
	return verdict.level == VERDICT_VERIFIED ? EXIT_YES : EXIT_NO;
}

int
command_inspect(int argc, char **argv)
{
	struct read_options o = {.me = STRLIST_NONE, .known = STRLIST_NONE};
	struct asking_options whom = {.offline = false};
	struct carriers_options heard = {.dkim = false};
	const struct option options[] = {
	    {"identity", OPTION_TEXT, &o.identity, "ID",
		"to open what is sealed for it", false},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase, "FILE",
		"first line: the passphrase of the identity", false},
	    {"trust", OPTION_TEXT, &o.trust, "FILE",
		"PEM: roots believed to name mail signers", false},
	    {"tsa-trust", OPTION_TEXT, &o.tsa_trust, "FILE",
		"PEM: roots believed for time; default --trust", false},
	    {"trust-settings", OPTION_TEXT, &o.settings, "FILE",
		"what each root and each server is believed for", false},
	    {"public-roots", OPTION_FLAG, &o.public_roots, NULL,
		"believe the system's roots for addresses too", false},
	    {"at", OPTION_TEXT, &o.at, "TIME",
		"judge as of then: RFC 3339 or seconds since 1970", false},
	    {"me", OPTION_LIST, &o.me, "ADDRESS", "an address of the reader",
		false},
	    {"known", OPTION_LIST, &o.known, "ADDRESS",
		"a correspondent of the reader", false},
	    ASKING_OPTIONS(whom),
	    CARRIERS_OPTIONS(heard),
	    {"language", OPTION_TEXT, &o.language, "LANGUAGE",
		"en or zh; default that of the environment", false},
	    {"json", OPTION_FLAG, &o.json, NULL, "print one JSON object",
		false},
	    {0},
	};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	if (command_helps(argc, argv, "inspect ... < any.eml", options))
		return EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) == RC_OK)
		status = inspect(&o, &whom, &heard, &err);
	asking_options_done(&whom);
	carriers_options_done(&heard);
	strlist_done(&o.me);
	strlist_done(&o.known);
	return status == EXIT_FAILED ? command_failed("inspect", &err) : status;
}

/* --- open --report ---------------------------------------------------------------- */

static enum rc
write_report(
    const struct read_options *o, const struct gathered *g, struct err *err)
{
	struct verdict verdict;
	struct buf out BUF_OWNED = BUF_SMALL;
	enum language language;

	TRY(language_choose(NULL, &language, err));
	verdict_decide(&g->facts, &verdict);
	verdict_say(&g->facts, language, &verdict);
	TRY(report_json(&g->facts, &verdict, &out, err));
	return support_of_option("--report",
	    support_save(o->report, buf_span(&out), 0600, err), err);
}

static int
open_letter(const struct read_options *o, struct err *err)
{
	struct lookalike *lookalike OWNED(lookalike_free) = NULL;
	struct carriers carriers CARRIERS_OWNED = {.resolver = NULL};
	struct read_setup s READ_SETUP_OWNED;

	read_setup_init(&s);
	if (carriers_make(&s.trust, NULL, 0, &carriers, &s.reader, err) !=
		RC_OK ||
	    prepare(o, &s, &lookalike, err) != RC_OK)
		return EXIT_FAILED;
	int status = read_open(o, &s, err);
	if (status == EXIT_FAILED && s.gathered.payload != NULL)
		return status; /* it says nothing of half a letter */
	struct err why = ERR_NONE;
	if (write_report(o, &s.gathered, &why) != RC_OK) {
		*err = why;
		return EXIT_FAILED;
	}
	return status;
}

int
open_reported(const struct read_options *o, int argc, char **argv)
{
	struct err err = ERR_NONE;
	int status = open_letter(o, &err);

	return status == EXIT_FAILED ? command_failed("open", &err) : status;
}
