/* letterlock seal: sign and encrypt a letter, of any length. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cmd/command.h"
#include "cmd/letters.h"
#include "cmd/seal.h"
#include "cmd/support.h"
#include "flow/rest.h"
#include "flow/sealing.h"
#include "mime/protect_reference.h"
#include "os/clock.h"

OWNER(struct scratch, scratch_free);

static enum rc
choose(const char *given, const char *const names[], const char *what,
    size_t *ret, struct err *err)
{
	for (size_t i = 0; names[i] != NULL; i++)
		if (given == NULL || !strcmp(given, names[i])) {
			*ret = i;
			return RC_OK;
		}
	return err_set(err, RC_SYNTAX, "--%s does not know %s", what, given);
}

static enum rc
read_way(const struct seal_options *o, struct sealing_way *way,
    enum protect_policy *policy, struct err *err)
{
	static const char *const ciphers[] = {"auto", "gcm", "cbc", NULL};
	static const char *const policies[] = {"baseline", "shy", "none", NULL};
	static const enum protect_policy values[] = {
	    PROTECT_BASELINE, PROTECT_SHY, PROTECT_NONE};
	size_t cipher = 0, chosen = 0;

	if (o->sign_only && o->encrypt_only)
		return err_set(err, RC_SYNTAX,
		    "--sign-only and --encrypt-only exclude each other");
	if (o->encrypt_only && o->tsa != NULL)
		return err_set(err, RC_SYNTAX,
		    "--tsa stamps a signature, and --encrypt-only makes none");
	TRY(choose(o->cipher, ciphers, "cipher", &cipher, err));
	TRY(choose(o->policy, policies, "header-policy", &chosen, err));
	*way = (struct sealing_way){
	    .sign = !o->encrypt_only,
	    .encrypt = !o->sign_only,
	    .cipher = cipher == 1 ? SEAL_AES256_GCM : SEAL_AES256_CBC,
	    .cipher_auto = cipher == 0,
	};
	*policy = values[chosen];
	if (way->encrypt && o->to.len == 0)
		return err_set(
		    err, RC_SYNTAX, "--to CERT is needed, or --sign-only");
	if (way->sign && o->identity == NULL)
		return err_set(err, RC_SYNTAX,
		    "--identity ID is needed, or --encrypt-only");
	return RC_OK;
}

static enum rc
check_receivers(const struct certs *to, size_t from, struct err *err)
{
	for (size_t i = from; i < to->len; i++) {
		TRY(cert_check_time(to->item[i], clock_now(), err));
		TRY(cert_can_receive(to->item[i], err));
	}
	return RC_OK;
}

/* Whom to encrypt to, and always the writer too where there is a key. */
static enum rc
read_recipients(const struct seal_options *o, const struct identity_file *id,
    struct certs *to, struct err *err)
{
	const struct cert *own = NULL;
	struct err ignored = ERR_NONE;

	for (size_t i = 0; i < o->to.len; i++) {
		size_t before = to->len;
		TRY(support_of_option(
		    "--to", support_read_certs(o->to.item[i], to, err), err));
		enum rc rc = check_receivers(to, before, err);
		if (rc != RC_OK)
			return err_prefix(err, rc, "%s", o->to.item[i]);
	}
	if (identity_receiver(id, clock_now(), &own, &ignored) == RC_OK)
		TRY(certs_add(to, own, err));
	return RC_OK;
}

/* What one letter that is answered kept secret. */
static enum rc
read_answered(const char *path, const struct reader *reader,
    struct protect_reference *ret, struct err *err)
{
	struct gathered gathered GATHERED_OWNED;
	struct scratch *letter OWNED(scratch_free) = NULL;

	gathered_init(&gathered);
	TRY(letters_read(path, &letter, err));
	const struct source source = scratch_source(letter);
	TRY(gather(&source, reader, &gathered, err));
	if (gathered.facts.encrypted.state == ENCRYPTED_UNDECRYPTABLE)
		return err_set(err, RC_UNFIT,
		    "%s cannot be opened, and what it keeps secret must not "
		    "be told: %s",
		    path, gathered.facts.encrypted.reason);
	const struct protect_letter answered = gathered_letter(&gathered);
	return protect_reference_add(ret, &answered, err);
}

static enum rc
read_answers(const struct seal_options *o, const struct identity_file *id,
    struct protect_reference *ret, struct err *err)
{
	const struct certs nobody = CERTS_NONE; /* who signed does not matter */
	struct reader reader = {.roots = &nobody, .now = clock_now()};
	struct reader_key *keys = NULL;
	enum rc rc = letters_keys(id, &keys, &reader.keys_len, err);

	reader.keys = keys;
	for (size_t i = 0; rc == RC_OK && i < o->answers.len; i++)
		rc = read_answered(o->answers.item[i], &reader, ret, err);
	free(keys);
	return rc;
}

/* Whoever seals nothing, or what is no letter, meant something else.  A header
 * that does not end in the first piece is not looked at. */
static enum rc
check_is_letter(const struct source *letter, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct err ignored = ERR_NONE;
	struct span piece;
	size_t body = 0;

	TRY(letter->rewind(letter->self, err));
	TRY(letter->next(letter->self, &piece, err));
	if (piece.len == 0)
		return err_set(
		    err, RC_ABSENT, "there is no letter on standard input");
	if (span_starts(piece, "From "))
		return err_set(err, RC_SYNTAX,
		    "the letter begins with a mailbox file's \"From \" line: "
		    "take that line off");
	if (fields_parse(piece, &fields, &body, &ignored) == RC_OK &&
	    body < piece.len && fields_find(&fields, "From") == NULL)
		return err_set(err, RC_SYNTAX, "the letter has no From field");
	return RC_OK;
}

/* Where a sealed letter goes while it is made: straight out, but that nothing
 * shall come out if a timestamp server, which is asked at the end, fails. */
static enum rc
seal_letter(const struct seal_options *o, const struct sealing_way *way,
    struct sender *sender, const struct identity_file *id, struct err *err)
{
	struct letters_input letter LETTERS_INPUT_OWNED = LETTERS_INPUT;
	struct scratch *made OWNED(scratch_free) = NULL;
	struct certs to CERTS_OWNED = CERTS_NONE;
	const struct sink out = letters_stdout();

	if (way->sign)
		TRY(identity_signer(id, sender->now, &sender->identity, err));
	if (way->encrypt)
		TRY(read_recipients(o, id, &to, err));
	TRY(letters_input_open(&letter, err));
	const struct source source = letters_input_source(&letter);
	TRY(check_is_letter(&source, err));
	if (sender->stamper == NULL)
		return sealing_letter(&source, sender, way, &to, &out, err);
	TRY(scratch_new(&made, err));
	const struct sink keep = scratch_sink(made);
	TRY(sealing_letter(&source, sender, way, &to, &keep, err));
	const struct source whole = scratch_source(made);
	return source_send(&whole, &out, err);
}

/* As the reader's own agent stores what arrived in the clear: for nobody
 * else. */
static enum rc
seal_at_rest(const struct seal_options *o, struct sender *sender,
    const struct identity_file *id, struct err *err)
{
	const struct rest_frame frame = {REST_CAME, NULL};
	struct letters_input letter LETTERS_INPUT_OWNED = LETTERS_INPUT;
	const struct sink out = letters_stdout();

	if (o->identity == NULL || o->to.len > 0 || o->answers.len > 0 ||
	    o->sign_only || o->encrypt_only || o->legacy_display ||
	    o->tsa != NULL || o->cipher != NULL || o->policy != NULL)
		return err_set(err, RC_SYNTAX,
		    "--at-rest wants --identity ID, and nothing else");
	TRY(identity_signer(id, sender->now, &sender->identity, err));
	TRY(identity_receiver(id, sender->now, &sender->own, err));
	const struct strlist *addresses = cert_addresses(sender->identity.cert);
	if (addresses->len == 0)
		return err_set(
		    err, RC_UNFIT, "the identity's certificate has no address");
	sender->address = addresses->item[0];
	TRY(letters_input_open(&letter, err));
	const struct source source = letters_input_source(&letter);
	TRY(check_is_letter(&source, err));
	TRY(vault_find(id->vault, sender->own, &sender->own_key, err));
	return rest_write(&source, &frame, sender, &out, err);
}

enum rc
seal_run(const struct seal_options *o, const struct stamper *stamper,
    struct err *err)
{
	struct identity_file id IDENTITY_FILE_OWNED = IDENTITY_FILE_NONE;
	struct protect_reference answered REFERENCE_OWNED = REFERENCE_NONE;
	struct sealing_way way;
	struct sender sender = {.now = clock_now(),
	    .legacy_display = o->legacy_display,
	    .stamper = stamper,
	    .reference = &answered};

	if (o->at_rest) {
		TRY(support_read_identity(
		    o->identity, o->passphrase, &id, err));
		return seal_at_rest(o, &sender, &id, err);
	}
	TRY(read_way(o, &way, &sender.policy, err));
	TRY(support_read_identity(o->identity, o->passphrase, &id, err));
	TRY(read_answers(o, &id, &answered, err));
	return seal_letter(o, &way, &sender, &id, err);
}

int
command_seal(int argc, char **argv)
{
	struct seal_options o = {.to = STRLIST_NONE, .answers = STRLIST_NONE};
	const struct option options[] = {
	    {"identity", OPTION_TEXT, &o.identity, "ID",
		"PKCS#12 file, PEM bundle or folder of them", false},
	    {"to", OPTION_LIST, &o.to, "CERT",
		"certificate of a recipient; may be repeated", false},
	    {"passphrase-file", OPTION_TEXT, &o.passphrase, "FILE",
		"first line: the passphrase of the identity", false},
	    {"tsa", OPTION_TEXT, &o.tsa, "URL",
		"have the signature timestamped there (https)", false},
	    {"sign-only", OPTION_FLAG, &o.sign_only, NULL,
		"sign, do not encrypt", false},
	    {"encrypt-only", OPTION_FLAG, &o.encrypt_only, NULL,
		"encrypt, do not sign", false},
	    {"at-rest", OPTION_FLAG, &o.at_rest, NULL,
		"store a letter that arrived in the clear, for oneself", false},
	    {"header-policy", OPTION_TEXT, &o.policy, "baseline|shy|none",
		"what is hidden outside (RFC 9788)", false},
	    {"legacy-display", OPTION_FLAG, &o.legacy_display, NULL,
		"write what is hidden into the text too, for old readers",
		false},
	    {"answers", OPTION_LIST, &o.answers, "FILE",
		"a letter that this one answers; may be repeated", false},
	    {"cipher", OPTION_TEXT, &o.cipher, "auto|gcm|cbc",
		"auto: GCM for those known to read it", false},
	    {"tls-trust", OPTION_TEXT, &o.tls_trust, "FILE",
		"PEM: whom to believe as the timestamp server", false},
	    {"dns", OPTION_TEXT, &o.dns, "IP@PORT", "name server", false},
	    {"dns-anchors", OPTION_TEXT, &o.anchors, "FILE",
		"DNSSEC trust anchors", false},
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(
		argc, argv, "seal ... < plain.eml > sealed.eml", options))
		return EXIT_YES;
	int status = EXIT_YES;
	if (options_parse(argc, argv, options, NULL, &err) != RC_OK)
		status = command_failed("seal", &err);
	else if (o.tsa != NULL)
		status = seal_stamped(&o, argc, argv);
	else if (seal_run(&o, NULL, &err) != RC_OK)
		status = command_failed("seal", &err);
	strlist_done(&o.to);
	strlist_done(&o.answers);
	return status;
}
