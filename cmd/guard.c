/* letterlock guard -- what waits for this device's word. */
#include "cmd/guard.h"

#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "mime/address.h"
#include "vault/recovery.h"

void
guard_home_init(struct guard_home *own)
{
	memset(own, 0, sizeof(*own));
	home_init(&own->home);
	own->session = SESSION;
}

void
guard_home_done(struct guard_home *own)
{
	session_done(&own->session);
	home_done(&own->home);
}

enum rc
guard_home_open(
    struct guard_home *own, const struct home_options *options, struct err *err)
{
	TRY(home_open(&own->home, options, false, err));
	TRY(home_load(&own->home, err));
	TRY(home_prepare(&own->home, err));
	home_enrol(&own->home, 0, &own->enrol);
	return session_open(&own->session, &own->enrol, err);
}

void
guard_print_key(const struct acme_wish *wish, char text[GUARD_KEY_TEXT])
{
	size_t len = 0;

	for (size_t i = 0; i < 20 && wish->key[i] != '\0'; i++) {
		if (i > 0 && i % 4 == 0)
			text[len++] = ' ';
		text[len++] = wish->key[i];
	}
	text[len] = '\0';
}

enum rc
guard_make_code(const struct enrol *enrol, struct acme *acme, bool replaces,
    struct buf *text, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(RECOVERY_BYTES);
	struct buf jwk BUF_OWNED = BUF_SECRET(1024);

	TRY(recovery_make(&secret, err));
	TRY(recovery_jwk(buf_span(&secret), &jwk, err));
	const struct acme_recovery recovery = {
	    .address = enrol->account->address,
	    .jwk = buf_span(&jwk),
	    .replaces = replaces};
	TRY(acme_recovery_set(acme, &recovery, err));
	return recovery_print(buf_span(&secret), text, err);
}

/* -- the command -- */

struct guard_options {
	struct home_options home;
	struct strlist words;
};

static const char *
describe(const struct acme_wish *wish)
{
	if (strcmp(wish->kind, "issue") == 0)
		return "a certificate for another device";
	if (strcmp(wish->kind, "revoke") == 0)
		return "one certificate revoked";
	return "all certificates revoked";
}

static void
print_wish(const struct acme_wish *wish)
{
	char key[GUARD_KEY_TEXT];

	guard_print_key(wish, key);
	printf("%s\n  wanted   %s\n", acme_wish_name(wish), describe(wish));
	if (key[0] != '\0')
		printf("  its key  %s\n", key);
	if (wish->serial[0] != '\0')
		printf("  serial   %s\n", wish->serial);
	printf("  asked    %s\n", wish->created);
	if (acme_wish_is_open(wish))
		printf("  refused  %s, if nobody approves it\n", wish->expires);
	else
		printf("  %s by the %s\n", wish->status, wish->by);
}

static enum rc
list(struct guard_home *own, const struct guard_options *o, struct err *err)
{
	const char *address = own->home.account.address;
	struct acme_wishes wishes ACME_WISHES_OWNED = {0};

	TRY(acme_wishes_get(own->session.acme, &wishes, err));
	if (wishes.len == 0)
		printf("Nothing waits for the word of this device of %s.\n",
		    address);
	for (size_t i = 0; i < wishes.len; i++)
		print_wish(&wishes.item[i]);
	return RC_OK;
}

static enum rc
decide(struct guard_home *own, const char *name, bool approves, struct err *err)
{
	const char *address = own->home.account.address;
	struct acme_wish wish = {0};

	TRY(acme_wish_get(own->session.acme, name, &wish, err));
	if (!address_equal(wish.address, address))
		return err_set(
		    err, RC_UNFIT, "%s is not about %s", name, address);
	TRY(acme_wish_decide(own->session.acme, &wish, approves, err));
	printf("%s: %s.\n", acme_wish_name(&wish), wish.status);
	return RC_OK;
}

static enum rc
approve(struct guard_home *own, const struct guard_options *o, struct err *err)
{
	return decide(own, o->words.item[1], true, err);
}

static enum rc
refuse(struct guard_home *own, const struct guard_options *o, struct err *err)
{
	return decide(own, o->words.item[1], false, err);
}

/* For the owner of a domain, who need not be the mailbox's person. */
static enum rc
undo(struct guard_home *own, const struct guard_options *o, struct err *err)
{
	const char *address = o->words.item[1];
	struct acme_record record = {0};
	struct acme_wish wish = {0};

	TRY(address_check(span_str(address), err));
	TRY(acme_undo(own->session.acme, address, &wish, &record, err));
	printf("All certificates of %s end once this record has stood in the "
	       "DNS for a day:\n\n"
	       "  %s. TXT \"%s\"\n\n"
	       "If it is not seen there before %s, nothing happens.\n",
	    address, record.name, record.value, wish.expires);
	return RC_OK;
}

static const struct {
	const char *word;
	size_t words; /* with it */
	enum rc (*run)(struct guard_home *own, const struct guard_options *o,
	    struct err *err);
} actions[] = {
    {"list", 1, list},
    {"approve", 2, approve},
    {"refuse", 2, refuse},
    {"undo", 2, undo},
};

static enum rc
run_action(const struct guard_options *o, struct err *err)
{
	const size_t count = sizeof(actions) / sizeof(actions[0]);
	const char *word = o->words.len > 0 ? o->words.item[0] : "list";
	size_t words = o->words.len > 0 ? o->words.len : 1;
	struct guard_home own GUARD_HOME_OWNED;
	size_t i = 0;

	guard_home_init(&own);
	while (i < count && strcmp(word, actions[i].word) != 0)
		i++;
	if (i == count || words != actions[i].words)
		return err_set(err, RC_SYNTAX,
		    "want guard list, guard approve NAME, guard refuse NAME "
		    "or guard undo ADDRESS");
	TRY(guard_home_open(&own, &o->home, err));
	return actions[i].run(&own, o, err);
}

int
command_guard(int argc, char **argv)
{
	struct guard_options o = {.words = STRLIST_NONE};
	const struct option options[] = {HOME_OPTIONS(o.home), {0}};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv,
		"guard list | approve NAME | refuse NAME | undo ADDRESS",
		options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, &o.words, &err);
	if (rc == RC_OK)
		rc = run_action(&o, &err);
	strlist_done(&o.words);
	return rc == RC_OK ? EXIT_YES : command_failed("guard", &err);
}
