/* letterlock rest, letterlock audit -- what lies on the mail server sealed, and
 * what not. */
#include <stdio.h>
#include <string.h>

#include "cmd/agent.h"
#include "cmd/command.h"
#include "codec/when.h"
#include "edge/rest_run.h"
#include "os/clock.h"

struct rest_options {
	struct home_options home;
	const char *folder;
	struct strlist words;
};

/* A person's agent, without its fronts. */
struct station {
	struct home home;
	struct strlist me;
	struct names names;
	struct upstream *upstream;
	struct agent agent;
};

#define STATION_OWNED __attribute__((cleanup(station_done)))

static void
station_init(struct station *station)
{
	*station = (struct station){
	    .me = STRLIST_NONE, .agent = {.limits = AGENT_LIMITS}};
	home_init(&station->home);
}

static void
station_done(struct station *station)
{
	upstream_free(station->upstream);
	strlist_done(&station->me);
	home_done(&station->home);
}

static enum rc
station_open(
    struct station *s, const struct home_options *options, struct err *err)
{
	TRY(home_open(&s->home, options, false, err));
	TRY(home_load(&s->home, err));
	TRY(home_prepare(&s->home, err));
	TRY(strlist_add_str(&s->me, s->home.account.address, err));
	s->names = (struct names){resolver_find_address, s->home.resolver};
	TRY(agent_upstream(&s->home, &s->upstream, err));
	agent_fill(&s->home, &s->names, &s->me, &s->agent);
	s->agent.upstream = s->upstream;
	return RC_OK;
}

/* --- letterlock rest ----------------------------------------------------------*/

static enum rc
change(struct station *s, const struct rest_options *o, enum rest_mode mode,
    struct err *err)
{
	struct rest_settings settings REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;

	TRY(state_guard_take(s->home.state, &guard, err));
	TRY(rest_settings_load(s->home.state, &settings, err));
	TRY(rest_settings_set(&settings, o->folder, mode, err));
	return rest_settings_save(s->home.state, &settings, err);
}

/* Letters that lie sealed are lost with the keys: first the copy. */
static enum rc
check_copied(struct station *s, struct err *err)
{
	struct rest_settings settings REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	bool copied = false;

	TRY(rest_settings_load(s->home.state, &settings, err));
	TRY(rest_keys_copied(&s->agent, &settings, &copied, err));
	if (copied)
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "%s: whoever loses the keys would lose the mail",
	    rest_hindrance_text(REST_NO_COPY));
}

static enum rc
turn_on(struct station *s, const struct rest_options *o, struct err *err)
{
	TRY(check_copied(s, err));
	TRY(change(s, o, REST_SEAL, err));
	printf("What comes in the clear to %s is stored again, sealed, by the "
	       "agent.\n",
	    o->folder != NULL ? o->folder : "any mailbox");
	return RC_OK;
}

static enum rc
turn_off(struct station *s, const struct rest_options *o, struct err *err)
{
	TRY(change(s, o, REST_RESTORE, err));
	printf("What this device has sealed in %s is restored as it came, by "
	       "the agent.\n",
	    o->folder != NULL ? o->folder : "any mailbox");
	return RC_OK;
}

static void
print_report(const struct rest_report *r)
{
	static const char *const of[] = {"stored again", "too large",
	    "would not come back byte for byte", "refused by the mail server",
	    "to be tried again", "sealed by another device"};
	const size_t count[] = {r->done, r->too_large, r->unfit, r->refused,
	    r->unproven, r->foreign};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (count[i] > 0 || i == 0)
			printf("%s: %zu\n", of[i], count[i]);
}

static enum rc
run_now(struct station *s, const struct rest_options *o, struct err *err)
{
	struct rest_round round = {.go_on = NULL};

	(void)o;
	enum rc rc = state_lock(s->home.state, err);
	if (rc == RC_AGAIN)
		return err_set(
		    err, RC_AGAIN, "the agent runs, and does it by itself");
	TRY(rc);
	TRY(rest_run(&s->agent, &round, err));
	print_report(&round.report);
	if (round.hindrance != REST_FREE)
		return err_set(
		    err, RC_UNFIT, "%s", rest_hindrance_text(round.hindrance));
	return RC_OK;
}

static const char *const modes[] = {[REST_LEAVE] = "as it comes",
    [REST_SEAL] = "sealed",
    [REST_RESTORE] = "restored as it came"};

static void
print_names(const struct strlist *names, enum rest_mode mode)
{
	for (size_t i = 0; i < names->len; i++)
		printf("%s: %s\n", names->item[i], modes[mode]);
}

static enum rc
show(struct station *s, const struct rest_options *o, struct err *err)
{
	struct rest_settings settings REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct rest_last last = {0};
	char when[WHEN_TEXT_MAX] = "";

	(void)o;
	TRY(rest_settings_load(s->home.state, &settings, err));
	TRY(rest_last_load(s->home.state, &last, err));
	printf("all mailboxes: %s\n", modes[settings.mode]);
	print_names(&settings.seal, REST_SEAL);
	print_names(&settings.restore, REST_RESTORE);
	when_print(settings.copied_at, when);
	printf("copy of the keys: %s\n",
	    settings.copied_at != 0 ? when
				    : "none; letterlock recovery export");
	if (last.at == 0)
		return RC_OK;
	when_print(last.at, when);
	printf("last round: %s%s\n", when, last.failed ? ", cut short" : "");
	print_report(&last.report);
	if (last.hindrance != REST_FREE)
		printf("%s\n", rest_hindrance_text(last.hindrance));
	return RC_OK;
}

static const struct {
	const char *word;
	bool of_folder; /* --folder has a meaning */
	enum rc (*run)(
	    struct station *s, const struct rest_options *o, struct err *err);
} actions[] = {
    {"status", false, show},
    {"on", true, turn_on},
    {"off", true, turn_off},
    {"now", false, run_now},
};

static enum rc
run_action(const struct rest_options *o, struct err *err)
{
	const size_t count = sizeof(actions) / sizeof(actions[0]);
	const char *word = o->words.len > 0 ? o->words.item[0] : "status";
	struct station station STATION_OWNED;
	size_t i = 0;

	station_init(&station);
	while (i < count && strcmp(word, actions[i].word) != 0)
		i++;
	if (i == count || o->words.len > 1 ||
	    (o->folder != NULL && !actions[i].of_folder))
		return err_set(err, RC_SYNTAX,
		    "want rest status, rest on, rest off or rest now; on and "
		    "off with --folder NAME if you like");
	TRY(station_open(&station, &o->home, err));
	return actions[i].run(&station, o, err);
}

int
command_rest(int argc, char **argv)
{
	struct rest_options o = {.words = STRLIST_NONE};
	const struct option options[] = {
	    {"folder", OPTION_TEXT, &o.folder, "NAME",
		"with on and off: this mailbox alone, as the mail server "
		"calls it",
		false},
	    HOME_OPTIONS(o.home),
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv, "rest status | on | off | now", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, &o.words, &err);
	if (rc == RC_OK)
		rc = run_action(&o, &err);
	strlist_done(&o.words);
	return rc == RC_OK ? EXIT_YES : command_failed("rest", &err);
}

/* --- letterlock audit -----------------------------------------------------------*/

static enum rc
count_all(struct station *s, const char *folder, struct rest_count *ret,
    struct err *err)
{
	struct imap_link *link OWNED(imap_link_free) = NULL;
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(rest_connect(&s->agent, &link, err));
	if (folder != NULL)
		TRY(strlist_add_str(&names, folder, err));
	else
		TRY(rest_list(link, &names, err));
	for (size_t i = 0; i < names.len; i++) {
		struct rest_count one = {0};
		TRY(rest_count(&s->agent, link, names.item[i], &one, err));
		printf("%s: %zu of %zu can be read\n", names.item[i],
		    one.readable, one.letters);
		ret->readable += one.readable;
		ret->letters += one.letters;
	}
	return RC_OK;
}

static enum rc
run_audit(const struct rest_options *o, struct rest_count *ret, struct err *err)
{
	struct station station STATION_OWNED;

	station_init(&station);
	TRY(station_open(&station, &o->home, err));
	int64_t begun = clock_ticks();
	TRY(count_all(&station, o->folder, ret, err));
	int64_t took = clock_ticks() - begun;
	printf("in all: %zu of %zu can be read\n", ret->readable, ret->letters);
	printf("looked at %zu letters in %.1f s\n", ret->letters,
	    (double)took / 1000);
	return RC_OK;
}

int
command_audit(int argc, char **argv)
{
	struct rest_options o = {.words = STRLIST_NONE};
	struct rest_count all = {0};
	const struct option options[] = {
	    {"folder", OPTION_TEXT, &o.folder, "NAME",
		"this mailbox alone, as the mail server calls it", false},
	    HOME_OPTIONS(o.home),
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv, "audit ...", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, NULL, &err);
	if (rc == RC_OK)
		rc = run_audit(&o, &all, &err);
	if (rc != RC_OK)
		return command_failed("audit", &err);
	return all.readable == 0 ? EXIT_YES : EXIT_NO;
}
