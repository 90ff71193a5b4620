/* letterlock open: what is in a letter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/read.h"
#include "cmd/support.h"
#include "os/clock.h"

void
read_setup_done(struct read_setup *s)
{
	gathered_done(&s->gathered);
	free(s->keys);
	identity_file_done(&s->id);
	certs_done(&s->roots);
	certs_done(&s->tsa_roots);
	certs_done(&s->all_roots);
	trust_done(&s->trust);
	scratch_free(s->letter);
}

static enum rc
prepare_trust(
    const struct read_options *o, struct read_setup *s, struct err *err)
{
	if (o->trust != NULL)
		TRY(support_of_option("--trust",
		    support_read_certs(o->trust, &s->roots, err), err));
	if (o->settings != NULL)
		TRY(support_of_option("--trust-settings",
		    trusting_read(o->settings, &s->trust, err), err));
	if (o->tsa_trust != NULL)
		TRY(support_of_option("--tsa-trust",
		    support_read_certs(o->tsa_trust, &s->tsa_roots, err), err));
	else
		TRY(trust_add_stampers(
		    &s->trust, &s->roots, &s->tsa_roots, err));
	for (size_t i = 0; i < s->roots.len; i++)
		TRY(certs_add(&s->all_roots, s->roots.item[i], err));
	if (o->public_roots || s->trust.public_roots)
		TRY(trusting_add_public(s->reader.now, &s->all_roots, err));
	s->reader.roots = &s->all_roots;
	s->reader.tsa_roots = &s->tsa_roots;
	s->reader.trust = &s->trust;
	return RC_OK;
}

enum rc
read_prepare(
    const struct read_options *o, struct read_setup *s, struct err *err)
{
	s->reader.now = clock_now();
	if (o->at != NULL)
		TRY(support_parse_time("--at", o->at, &s->reader.now, err));
	TRY(support_read_identity(o->identity, o->passphrase, &s->id, err));
	TRY(letters_keys(&s->id, &s->keys, &s->reader.keys_len, err));
	s->reader.keys = s->keys;
	TRY(prepare_trust(o, s, err));
	s->reader.me = o->me.len > 0 ? &o->me : NULL;
	s->reader.known = o->known.len > 0 ? &o->known : NULL;
	TRY(letters_read_input(&s->letter, err));
	s->source = scratch_source(s->letter);
	return gather(&s->source, &s->reader, &s->gathered, err);
}

void
read_setup_init(struct read_setup *s)
{
	*s = (struct read_setup){.id = IDENTITY_FILE_NONE};
	gathered_init(&s->gathered);
}

static const char *
why_closed(const char *reason)
{
	if (strcmp(reason, "enc.no-key") == 0)
		return "--identity has no key to open anything with";
	if (strcmp(reason, "enc.not-for-us") == 0)
		return "it is encrypted for others, not for this identity";
	if (strcmp(reason, "enc.unsupported") == 0)
		return "it is encrypted in a way that is not opened here";
	return "it was changed on the way, or is no proper letter";
}

/* Why the letter may not be written out as opened; RC_OK: it may. */
static enum rc
check_authenticated(const struct gathered *g, struct err *err)
{
	const struct facts *f = &g->facts;

	if (f->encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return err_set(err, RC_UNFIT,
		    "the letter cannot be opened: %s (%s)",
		    why_closed(f->encrypted.reason), f->encrypted.reason);
	if (f->sig.state == SIGNED_INVALID)
		return err_set(err, RC_REFUSED,
		    "its signature is not valid (%s): nothing is shown; "
		    "--unverified shows it",
		    f->sig.reason);
	if (f->sig.part[0] != '\0' && !g->opened)
		return err_set(err, RC_REFUSED,
		    "only %s of it is signed: nothing is shown; --unverified "
		    "shows it",
		    f->sig.part);
	if (f->sig.state == SIGNED_NONE && !g->opened)
		return err_set(err, RC_REFUSED,
		    "the letter is neither sealed nor signed: there is nothing "
		    "to open");
	return RC_OK;
}

/* EFAIL: what was put into the ciphertext is in the text. */
static void
warn_malleable(void)
{
	fprintf(stderr,
	    "letterlock open: warning: it was sealed in a way that others can "
	    "change, and nobody signed it: take it as text, load nothing that "
	    "it names, and do not answer with it\n");
}

int
read_open(const struct read_options *o, struct read_setup *s, struct err *err)
{
	const struct sink out = letters_stdout();

	enum rc rc = check_authenticated(&s->gathered, err);
	if (rc == RC_UNFIT)
		return EXIT_FAILED;
	if (rc != RC_OK && !o->unverified) {
		(void)command_failed("open", err);
		return EXIT_NO;
	}
	int status = rc == RC_OK ? EXIT_YES : EXIT_NO;
	if (s->gathered.facts.encrypted.state == ENCRYPTED_MALLEABLE)
		warn_malleable();
	if (gathered_show(&s->gathered, &s->source, &out, err) != RC_OK)
		return EXIT_FAILED;
	return status;
}

static int
open_letter(const struct read_options *o, struct err *err)
{
	struct read_setup s READ_SETUP_OWNED;

	read_setup_init(&s);
	if (read_prepare(o, &s, err) != RC_OK)
		return EXIT_FAILED;
	return read_open(o, &s, err);
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
	    {"trust-settings", OPTION_TEXT, &o.settings, "FILE",
		"for --report: what each root is believed for", false},
	    {"report", OPTION_TEXT, &o.report, "FILE",
		"write what inspect --json prints there", false},
	    {"unverified", OPTION_FLAG, &o.unverified, NULL,
		"write it even if its signature is not valid, or nothing was "
		"opened",
		false},
	    {0},
	};
	struct err err = ERR_NONE;
	int status = EXIT_FAILED;

	if (command_helps(argc, argv,
		"open --identity ID ... < sealed.eml > plain.eml", options))
		return EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) == RC_OK) {
		if (o.report != NULL)
			return open_reported(&o, argc, argv);
		status = open_letter(&o, &err);
	}
	return status == EXIT_FAILED ? command_failed("open", &err) : status;
}
