#include "edge/notice.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "edge/rest_settings.h"
#include "os/clock.h"
#include "os/desktop.h"
#include "os/log.h"

#define ITEM "notices"
#define ITEM_MAX ((size_t)256 * 1024)
#define FIRST_LINE "letterlock-notices 1\n"
#define DAY ((int64_t)24 * 3600)

static const struct {
	const char *name;
	const char *log; /* behind the account's address */
	const char *summary, *body;
} kinds[] = {
    [NOTICE_DANGER] = {"danger", "a dangerous letter came", "Dangerous letter",
	"A letter came that is not what it says it is. Look at what your mail "
	"program is told of it before you act on it."},
    [NOTICE_EXPIRY] = {"expiry",
	"a certificate ends soon: run letterlock setup",
	"A certificate ends soon", "Run letterlock setup again."},
    [NOTICE_EXPIRED] = {"expired",
	"a certificate has ended: run letterlock "
	"setup",
	"A certificate has ended",
	"Nothing can be sent until letterlock setup was run again."},
    [NOTICE_HELD] = {"held",
	"a letter could not be sent yet: letterlock status", "A letter is held",
	"A letter of yours could not be sent yet. letterlock status says "
	"why."},
    [NOTICE_UNSEALED] = {"unsealed",
	"nothing is sealed at rest: letterlock "
	"rest status",
	"Letters stay in the clear", "letterlock rest status says why."},
};

/* --- what was told ------------------------------------------------------------*/

struct told {
	char kind[16];
	char key[NOTICE_KEY_MAX + 1];
	long long at;
};

static bool
read_line(struct span *rest, struct told *ret)
{
	ptrdiff_t end = span_find_byte(*rest, '\n');
	size_t len = end < 0 ? rest->len : (size_t)end;
	struct span line = span_first(*rest, len);
	uint64_t at = 0;

	if (rest->len == 0)
		return false;
	*rest = span_after(*rest, end < 0 ? len : len + 1);
	*ret = (struct told){.at = 0};
	struct span kind = rest_word(&line), key = rest_word(&line);
	(void)snprintf(ret->kind, sizeof(ret->kind), "%.*s", SPAN_ARGS(kind));
	(void)snprintf(ret->key, sizeof(ret->key), "%.*s", SPAN_ARGS(key));
	ret->at = rest_number(&line, &at) ? (long long)at : 0;
	return true;
}

/* Damaged or of another version: nothing was told. */
static struct span
load(const struct state *state, struct buf *text)
{
	struct err ignored = ERR_NONE;

	if (state_load(state, ITEM, text, &ignored) != RC_OK ||
	    !span_starts(buf_span(text), FIRST_LINE))
		return SPAN_NONE;
	return span_after(buf_span(text), strlen(FIRST_LINE));
}

static size_t
count_lines(struct span rest)
{
	struct told told;
	size_t count = 0;

	while (read_line(&rest, &told))
		count++;
	return count;
}

static enum rc
save(const struct state *state, struct span old, const char *kind,
    const char *key, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct told told;
	size_t skip = count_lines(old);

	skip = skip >= NOTICE_MAX ? skip - NOTICE_MAX + 1 : 0;
	TRY(buf_add_str(&text, FIRST_LINE, err));
	for (size_t i = 0; read_line(&old, &told); i++)
		if (i >= skip)
			TRY(buf_add_format(&text, err, "%s %s %lld\n",
			    told.kind, told.key, told.at));
	TRY(buf_add_format(
	    &text, err, "%s %s %lld\n", kind, key, (long long)clock_now()));
	return state_save(state, ITEM, buf_span(&text), err);
}

static bool
was_told(struct span rest, const char *kind, const char *key)
{
	struct told told;

	while (read_line(&rest, &told))
		if (strcmp(told.kind, kind) == 0 && strcmp(told.key, key) == 0)
			return true;
	return false;
}

static size_t
count(struct span rest, const char *kind, int64_t since, int64_t *ret_last)
{
	struct told told;
	size_t found = 0;

	while (read_line(&rest, &told)) {
		if (strcmp(told.kind, kind) != 0 || told.at < since)
			continue;
		found++;
		if (ret_last != NULL && told.at > *ret_last)
			*ret_last = told.at;
	}
	return found;
}

size_t
notice_count(const struct state *state, enum notice_kind kind, int64_t since,
    int64_t *ret_last)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);

	return count(load(state, &text), kinds[kind].name, since, ret_last);
}

/* --- telling --------------------------------------------------------------------*/

/* A desktop that does not answer holds up nobody. */
static void *
show(void *argument)
{
	const size_t kind = (size_t)(uintptr_t)argument;
	struct err ignored = ERR_NONE;

	/* without a desktop there is the log */
	(void)(desktop_notify(
		   kinds[kind].summary, kinds[kind].body, &ignored) == RC_OK);
	return NULL;
}

static void
show_apart(enum notice_kind kind)
{
	pthread_attr_t detached;
	pthread_t thread;

	if (pthread_attr_init(&detached) != 0)
		return;
	(void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	(void)pthread_create(&thread, &detached, show, (void *)(uintptr_t)kind);
	(void)pthread_attr_destroy(&detached);
}

/* *ret_quiet: the desktop has heard of this kind a moment ago. */
static enum rc
note(const struct agent *agent, enum notice_kind kind, const char *key,
    bool *ret_new, bool *ret_quiet, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;

	TRY(state_guard_take(agent->state, &guard, err));
	struct span old = load(agent->state, &text);
	*ret_new = !was_told(old, kinds[kind].name, key);
	if (!*ret_new)
		return RC_OK;
	*ret_quiet =
	    kind == NOTICE_DANGER &&
	    count(old, kinds[kind].name, clock_now() - NOTICE_PAUSE, NULL) > 0;
	return save(agent->state, old, kinds[kind].name, key, err);
}

void
notice_tell(const struct agent *agent, enum notice_kind kind, const char *key)
{
	struct err why = ERR_NONE;
	bool new = false, quiet = false;

	if (note(agent, kind, key, &new, &quiet, &why) != RC_OK) {
		log_warning("not remembered: %s", why.text);
		return;
	}
	if (!new)
		return;
	log_warning("%s: %s", agent->account->address, kinds[kind].log);
	if (!quiet)
		show_apart(kind);
}

/* --- looking ----------------------------------------------------------------------*/

/* Each once: two weeks before, three days before, and when it has ended. */
static void
look_at_certificate(const struct agent *agent, const struct cert *cert)
{
	static const int days[] = {3, 14};
	int64_t left = 0;
	char key[NOTICE_KEY_MAX + 1];

	if (cert == NULL)
		return;
	left = cert_not_after(cert) - clock_now();
	if (left <= 0) {
		(void)snprintf(
		    key, sizeof(key), "%.64s", cert_fingerprint(cert));
		notice_tell(agent, NOTICE_EXPIRED, key);
		return;
	}
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		if (left > days[i] * DAY)
			continue;
		(void)snprintf(key, sizeof(key), "%.64s-%d",
		    cert_fingerprint(cert), days[i]);
		notice_tell(agent, NOTICE_EXPIRY, key);
		return;
	}
}

void
notice_look(const struct agent *agent)
{
	look_at_certificate(agent, agent->sender.identity.cert);
	look_at_certificate(agent, agent->sender.own);
}
