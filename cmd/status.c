/* letterlock status -- what matters, and nothing else. */
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/home.h"
#include "codec/when.h"
#include "edge/notice.h"
#include "edge/rest_run.h"
#include "enrol/watch.h"
#include "os/clock.h"
#include "store/spool.h"

#define DAY ((int64_t)24 * 3600)
#define DANGER_DAYS 30

static void
print_until(const char *what, const struct cert *cert)
{
	char when[WHEN_TEXT_MAX] = "";

	if (cert == NULL) {
		printf("%s: none; run letterlock setup\n", what);
		return;
	}
	when_print(cert_not_after(cert), when);
	printf("%s: good until %s (%lld days), from %s\n", what, when,
	    (long long)((cert_not_after(cert) - clock_now()) / DAY),
	    cert_issuer(cert));
}

/* Why letters wait, each reason with how many. */
struct held {
	size_t letters;
	int64_t oldest;
	char why[300];
};

static void
add_held(struct held *held, const struct spool_letter *letter)
{
	held->letters++;
	if (held->letters > 1 && letter->accepted >= held->oldest)
		return;
	held->oldest = letter->accepted;
	(void)snprintf(held->why, sizeof(held->why), "%s", letter->last_error);
}

/* As they lie in the spool: the agent goes on with them meanwhile. */
static enum rc
print_waiting(const struct home *home, struct err *err)
{
	struct spool *spool OWNED(spool_free) = NULL;
	struct held held = {0};
	struct err ignored = ERR_NONE;
	char when[WHEN_TEXT_MAX] = "";
	int64_t next = 0;
	uint64_t id = 0;

	TRY(spool_new(home->state, &spool, err));
	size_t waiting = spool_count(spool);
	for (size_t i = 0; i < waiting; i++) {
		struct spool_letter letter SPOOL_LETTER_OWNED = {0};
		if (spool_take(spool, INT64_MAX, &id, &letter, &next,
			&ignored) == RC_OK &&
		    letter.tries > 0)
			add_held(&held, &letter);
	}
	printf("waiting to be sent: %zu\n", waiting);
	if (held.letters == 0)
		return RC_OK;
	when_print(held.oldest, when);
	printf("held: %zu, the first since %s: %s\n", held.letters, when,
	    held.why);
	return RC_OK;
}

/* As the agent saw it last; older looks say nothing. */
static void
print_watch(const struct home *home)
{
	struct watch_seen seen = {0};

	if (watch_load(home->state, &seen, NULL) != RC_OK || seen.open == 0)
		return;
	printf("waiting for your word: %zu; see letterlock guard\n", seen.open);
}

static void
print_rest(const struct home *home)
{
	struct rest_settings settings REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct rest_last last = {0};
	struct err ignored = ERR_NONE;

	if (rest_settings_load(home->state, &settings, &ignored) != RC_OK ||
	    !rest_settings_any(&settings))
		return;
	bool seals = settings.mode == REST_SEAL || settings.seal.len > 0;
	printf("at rest: %s\n", seals ? "what comes in the clear is sealed"
				      : "restored as it came");
	if (rest_last_load(home->state, &last, &ignored) == RC_OK &&
	    last.hindrance != REST_FREE)
		printf("at rest: %s\n", rest_hindrance_text(last.hindrance));
}

static void
print_danger(const struct home *home)
{
	char when[WHEN_TEXT_MAX] = "";
	int64_t last = 0, since = clock_now() - DANGER_DAYS * DAY;
	size_t count = notice_count(home->state, NOTICE_DANGER, since, &last);

	if (count == 0)
		return;
	when_print(last, when);
	printf("dangerous letters: %zu in %d days, the last seen %s\n", count,
	    DANGER_DAYS, when);
}

static enum rc
run_status(const struct home_options *o, bool *ret_good, struct err *err)
{
	struct home home HOME_OWNED;

	home_init(&home);
	TRY(home_open(&home, o, false, err));
	TRY(home_load(&home, err));
	TRY(home_prepare(&home, err));
	printf("address: %s\n", home.account.address);
	print_until("signing", home.signer.cert);
	print_until("encrypting", home.encrypter);
	TRY(print_waiting(&home, err));
	print_watch(&home);
	print_rest(&home);
	print_danger(&home);
	*ret_good = home.signer.cert != NULL && home.encrypter != NULL;
	return RC_OK;
}

int
command_status(int argc, char **argv)
{
	struct home_options o = {0};
	const struct option options[] = {HOME_OPTIONS(o), {0}};
	struct err err = ERR_NONE;
	bool good = false;

	if (command_helps(argc, argv, "status ...", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, NULL, &err);
	if (rc == RC_OK)
		rc = run_status(&o, &good, &err);
	if (rc != RC_OK)
		return command_failed("status", &err);
	return good ? EXIT_YES : EXIT_NO;
}
