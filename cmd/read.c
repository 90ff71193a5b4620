/* letterlock open and inspect: what is in a letter, and may it be trusted? */
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/letters.h"
#include "cmd/support.h"
#include "flow/report.h"
#include "os/clock.h"
#include "os/file.h"

struct read_options {
	const char *identity, *passphrase, *trust, *tsa_trust, *at, *report;
	struct strlist me, known;
	bool json, offline, unverified;
};

/* What reading needs, kept together as long as it is used. */
struct read_setup {
	struct identity_file id;
	struct reader_key *keys;
	struct certs roots, tsa_roots;
	struct reader reader;
	struct scratch *letter;
	struct source source; /* of `letter` */
	struct gathered gathered;
};

static void
read_setup_done(struct read_setup *s)
{
	gathered_done(&s->gathered);
	free(s->keys);
	identity_file_done(&s->id);
	certs_done(&s->roots);
	certs_done(&s->tsa_roots);
	scratch_free(s->letter);
}

static enum rc
prepare_reading(
    const struct read_options *o, struct read_setup *s, struct err *err)
{
	s->reader.now = clock_now();
	if (o->at != NULL)
		TRY(support_parse_time(o->at, &s->reader.now, err));
	TRY(support_read_identity(o->identity, o->passphrase, &s->id, err));
	TRY(letters_keys(&s->id, &s->keys, &s->reader.keys_len, err));
	s->reader.keys = s->keys;
	if (o->trust != NULL)
		TRY(support_read_certs(o->trust, &s->roots, err));
	if (o->tsa_trust != NULL)
		TRY(support_read_certs(o->tsa_trust, &s->tsa_roots, err));
	s->reader.roots = &s->roots;
	s->reader.tsa_roots = o->tsa_trust != NULL ? &s->tsa_roots : NULL;
	s->reader.me = o->me.len > 0 ? &o->me : NULL;
	s->reader.known = o->known.len > 0 ? &o->known : NULL;
	TRY(letters_read("-", &s->letter, err));
	s->source = scratch_source(s->letter);
	return gather(&s->source, &s->reader, &s->gathered, err);
}

static void
read_setup_init(struct read_setup *s)
{
	*s = (struct read_setup){.id = IDENTITY_FILE_NONE};
	gathered_init(&s->gathered);
}

static int
inspect(const struct read_options *o, struct err *err)
{
	__attribute__((cleanup(read_setup_done))) struct read_setup s;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct verdict verdict;

	read_setup_init(&s);
	if (prepare_reading(o, &s, err) != RC_OK)
		return EXIT_FAILED;
	verdict_decide(&s.gathered.facts, &verdict);
	enum rc rc = o->json
			 ? report_json(&s.gathered.facts, &verdict, &out, err)
			 : report_text(&s.gathered.facts, &verdict, &out, err);
	if (rc != RC_OK || support_write(buf_span(&out), err) != RC_OK)
		return EXIT_FAILED;
	return verdict.level == VERDICT_VERIFIED ? EXIT_YES : EXIT_NO;
}

int
command_inspect(int argc, char **argv)
{
	struct read_options o = {.me = STRLIST_NONE, .known = STRLIST_NONE};
	const struct option options[] = {
	    {"identity", OPTION_TEXT, &o.identity, "ID",
		"to open what is sealed for it", false},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase, "FILE",
		"first line: the passphrase of the identity", false},
	    {"trust", OPTION_TEXT, &o.trust, "FILE",
		"PEM: roots believed to name mail signers", false},
	    {"tsa-trust", OPTION_TEXT, &o.tsa_trust, "FILE",
		"PEM: roots believed for time; default --trust", false},
	    {"at", OPTION_TEXT, &o.at, "TIME",
		"judge as of then: RFC 3339 or seconds since 1970", false},
	    {"me", OPTION_LIST, &o.me, "ADDRESS", "an address of the reader",
		false},
	    {"known", OPTION_LIST, &o.known, "ADDRESS",
		"a correspondent of the reader", false},
	    {"offline", OPTION_FLAG, &o.offline, NULL,
		"ask no server (none is asked today)", false},
	    {"json", OPTION_FLAG, &o.json, NULL, "print one JSON object",
		false},
	    {0},
	};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	if (command_helps(argc, argv, "inspect ... < any.eml", options))
		return EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) == RC_OK)
		status = inspect(&o, &err);
	strlist_done(&o.me);
	strlist_done(&o.known);
	return status == EXIT_FAILED ? command_failed("inspect", &err) : status;
}

/* Why the letter may not be written out as opened; RC_OK: it may. */
static enum rc
check_authenticated(const struct gathered *g, struct err *err)
{
	const struct facts *f = &g->facts;

	if (f->encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return err_set(err, RC_UNFIT, "the letter cannot be opened: %s",
		    f->encrypted.reason);
	if (f->sig.state == SIGNED_INVALID)
		return err_set(err, RC_REFUSED,
		    "its signature is not valid (%s): nothing is shown; "
		    "--unverified shows it",
		    f->sig.reason);
	if (f->sig.state == SIGNED_NONE && !g->opened)
		return err_set(err, RC_REFUSED,
		    "the letter is neither sealed nor signed: there is nothing "
		    "to open");
	return RC_OK;
}

static enum rc
write_report(
    const struct read_options *o, const struct gathered *g, struct err *err)
{
	struct verdict verdict;
	struct buf out BUF_OWNED = BUF_SMALL;

	if (o->report == NULL)
		return RC_OK;
	verdict_decide(&g->facts, &verdict);
	TRY(report_json(&g->facts, &verdict, &out, err));
	return file_save(o->report, buf_span(&out), 0600, err);
}

static int
open_letter(const struct read_options *o, struct err *err)
{
	__attribute__((cleanup(read_setup_done))) struct read_setup s;
	const struct sink out = letters_stdout();

	read_setup_init(&s);
	if (prepare_reading(o, &s, err) != RC_OK ||
	    write_report(o, &s.gathered, err) != RC_OK)
		return EXIT_FAILED;
	enum rc rc = check_authenticated(&s.gathered, err);
	if (rc == RC_UNFIT)
		return EXIT_FAILED;
	if (rc != RC_OK && !o->unverified) {
		(void)command_failed("open", err);
		return EXIT_NO;
	}
	int status = rc == RC_OK ? EXIT_YES : EXIT_NO;
	if (gathered_show(&s.gathered, &s.source, &out, err) != RC_OK)
		return EXIT_FAILED;
	return status;
}

int
command_open(int argc, char **argv)
{
	struct read_options o = {.me = STRLIST_NONE, .known = STRLIST_NONE};
	const struct option options[] = {
	    {"identity", OPTION_TEXT, &o.identity, "ID",
		"PKCS#12 file, PEM bundle or folder with the key", true},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase, "FILE",
		"first line: the passphrase of the identity", false},
	    {"trust", OPTION_TEXT, &o.trust, "FILE",
		"PEM: roots believed to name mail signers", false},
	    {"report", OPTION_TEXT, &o.report, "FILE",
		"write what inspect --json prints there", false},
	    {"unverified", OPTION_FLAG, &o.unverified, NULL,
		"write it even if nothing authenticates it", false},
	    {0},
	};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	if (command_helps(argc, argv,
		"open --identity ID ... < sealed.eml > plain.eml", options))
		return EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) == RC_OK)
		status = open_letter(&o, &err);
	return status == EXIT_FAILED ? command_failed("open", &err) : status;
}
