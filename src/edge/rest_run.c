#include "edge/rest_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/imap_fetched.h"
#include "os/clock.h"
#include "os/log.h"

#define LOOKED "rest-looked"
#define LAST "rest-report"
#define LAST_WORD "letterlock-rest-report"
#define ITEM_MAX ((size_t)4096)
#define COUNT_SET 100
#define COUNT_BYTES ((size_t)16 << 20)

/* --- is everything there that it takes? ------------------------------------------*/

enum rc
rest_keys_copied(const struct agent *agent,
    const struct rest_settings *settings, bool *ret, struct err *err)
{
	char now[REST_KEYS_LEN + 1];

	TRY(rest_keys(agent->reader.keys, agent->reader.keys_len, now, err));
	*ret = settings->copied_at != 0 && strcmp(now, settings->copied) == 0;
	return RC_OK;
}

static bool
can_mark(const struct agent *agent)
{
	const struct reader_key key = {
	    agent->sender.own, agent->sender.own_key};
	uint8_t mark[REST_MARK_LEN];
	struct err ignored = ERR_NONE;

	return key.key != NULL &&
	       rest_mark(&key, "try", SPAN_NONE, mark, &ignored) == RC_OK;
}

static bool
can(struct imap_link *link, const char *capability)
{
	struct span rest = span_str(imap_link_capabilities(link));

	while (rest.len > 0) {
		ptrdiff_t end = span_find_byte(rest, ' ');
		size_t len = end < 0 ? rest.len : (size_t)end;
		if (span_is_nocase(span_first(rest, len), capability))
			return true;
		rest = span_after(rest, len + 1);
	}
	return false;
}

static enum rest_hindrance
hindrance_of(struct imap_link *link)
{
	if (!can(link, "UIDPLUS"))
		return REST_NO_UIDPLUS;
	/* what is removed there stays in \All, in the clear */
	return can(link, "X-GM-EXT-1") ? REST_ARCHIVES : REST_FREE;
}

static const char *const hindrances[] = {
    [REST_FREE] = "",
    [REST_NO_COPY] = "nothing is sealed until a copy of all keys was written: "
		     "letterlock recovery export",
    [REST_NO_MARK] = "the encrypting key is of a kind that cannot mark what "
		     "it sealed",
    [REST_NO_UIDPLUS] = "the mail server has no UIDPLUS, so that no single "
			"letter could be removed",
    [REST_ARCHIVES] = "the mail server keeps a copy of what is removed",
};

const char *
rest_hindrance_text(enum rest_hindrance hindrance)
{
	return hindrances[hindrance];
}

/* --- how far it came ---------------------------------------------------------------*/

static const char *const words[] = {
    [REST_LEAVE] = "leave", [REST_SEAL] = "seal", [REST_RESTORE] = "restore"};

static void
looked_name(const struct rest_box *box, char ret[96])
{
	const char *mac = strrchr(box->views.name, '/');

	(void)snprintf(
	    ret, 96, LOOKED "/%s", mac != NULL ? mac + 1 : box->views.name);
}

/* Unknown, or of another mode: from the beginning. */
static uint32_t
load_looked(const struct rest_box *box, enum rest_mode mode)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct err ignored = ERR_NONE;
	char name[96];
	uint64_t uid = 0;

	looked_name(box, name);
	if (state_load(box->agent->state, name, &text, &ignored) != RC_OK)
		return 0;
	struct span line = buf_span(&text);
	if (!span_is(rest_word(&line), span_str(words[mode])) ||
	    !rest_number(&line, &uid) || uid > UINT32_MAX)
		return 0;
	return (uint32_t)uid;
}

/* If it cannot be saved, the next round looks again. */
static void
save_looked(const struct rest_box *box, enum rest_mode mode, uint32_t uid)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct err why = ERR_NONE;
	char name[96];

	looked_name(box, name);
	enum rc rc = buf_add_format(&text, &why, "%s %u", words[mode], uid);
	if (rc == RC_OK)
		rc = state_save(box->agent->state, name, buf_span(&text), &why);
	if (rc != RC_OK)
		log_warning("at rest: not remembered: %s", why.text);
}

/* --- one round -------------------------------------------------------------------------*/

static void
add_report(struct rest_report *to, const struct rest_report *from)
{
	to->done += from->done;
	to->too_large += from->too_large;
	to->unfit += from->unfit;
	to->refused += from->refused;
	to->unproven += from->unproven;
	to->foreign += from->foreign;
}

/* It is only looked at as long as there is nothing to do: to select a mailbox
 * would take \Recent from its new letters. */
static enum rc
run_mailbox(struct rest_round *round, struct rest_box *box, enum rest_mode mode,
    struct err *err)
{
	struct rest_pass pass = {
	    .box = box, .go_on = round->go_on, .self = round->self};

	TRY(rest_box_select(box, true, err));
	pass.looked = load_looked(box, mode);
	if (box->next != 0 && pass.looked + 1 >= box->next)
		return RC_OK;
	uint32_t before = pass.looked;
	TRY(rest_box_select(box, false, err));
	enum rc rc = mode == REST_SEAL ? rest_pass_seal(&pass, err)
				       : rest_pass_restore(&pass, err);
	add_report(&round->report, &pass.report);
	TRY(rc);
	if (pass.looked != before)
		save_looked(box, mode, pass.looked);
	return RC_OK;
}

static bool
goes_on(const struct rest_round *round)
{
	return round->go_on == NULL || round->go_on(round->self);
}

/* A mailbox that is gone by now, or may not be selected, is no reason to leave
 * out the others. */
static enum rc
run_all(const struct agent *agent, struct imap_link *link,
    const struct rest_settings *settings, struct rest_round *round,
    struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	TRY(rest_list(link, &names, err));
	for (size_t i = 0; i < names.len && goes_on(round); i++) {
		struct rest_box box = {
		    .agent = agent, .link = link, .mailbox = names.item[i]};
		enum rest_mode mode = rest_settings_of(settings, box.mailbox);
		if (mode == REST_LEAVE ||
		    (mode == REST_SEAL && round->hindrance != REST_FREE))
			continue;
		enum rc rc = run_mailbox(round, &box, mode, err);
		if (rc != RC_OK && rc != RC_REFUSED)
			return rc;
		round->mailboxes++;
	}
	return RC_OK;
}

enum rc
rest_run(const struct agent *agent, struct rest_round *round, struct err *err)
{
	struct rest_settings settings REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct imap_link *link OWNED(imap_link_free) = NULL;
	bool copied = false;

	round->hindrance = REST_FREE;
	TRY(rest_settings_load(agent->state, &settings, err));
	if (!rest_settings_any(&settings))
		return RC_OK;
	TRY(rest_keys_copied(agent, &settings, &copied, err));
	TRY(rest_connect(agent, &link, err));
	round->hindrance = hindrance_of(link);
	if (round->hindrance != REST_FREE)
		return RC_OK; /* nor can anything be restored */
	if (!copied)
		round->hindrance = REST_NO_COPY;
	else if (!can_mark(agent))
		round->hindrance = REST_NO_MARK;
	return run_all(agent, link, &settings, round, err);
}

/* --- how much can be read ----------------------------------------------------------------*/

/* What is asked for counts as readable until it was seen to be sealed. */
static enum rc
hear_letter(void *self, struct span line, struct err *err)
{
	struct rest_count *count = self;
	struct imap_fetched fetched;
	bool sealed = false;

	enum rc rc = imap_fetched_parse(line, &fetched, err);
	if (rc != RC_OK || fetched.body.kind != IMAP_STRING)
		return rc == RC_ABSENT ? RC_OK : rc;
	struct buf bytes BUF_OWNED = BUF(REST_LETTER_MAX + 65536);
	TRY(imap_token_value(&fetched.body, &bytes, err));
	struct source_memory memory = {.bytes = buf_span(&bytes)};
	const struct source source = source_memory(&memory);
	TRY(rest_is_sealed(&source, &sealed, err));
	count->readable -= sealed && count->readable > 0;
	return RC_OK;
}

static enum rc
look_at_set(struct rest_box *box, struct buf *set, struct rest_count *count,
    struct err *err)
{
	struct buf command BUF_OWNED = BUF(ITEM_MAX);

	if (set->len == 0)
		return RC_OK;
	TRY(buf_add_format(&command, err, "UID FETCH %.*s (UID BODY.PEEK[])",
	    SPAN_ARGS(buf_span(set))));
	buf_clear(set);
	return rest_box_ask(box, buf_span(&command), hear_letter, count, err);
}

static enum rc
look_at_claims(struct rest_box *box, const struct rest_scan *scan,
    struct rest_count *count, struct err *err)
{
	struct buf set BUF_OWNED = BUF(ITEM_MAX);
	size_t len = 0, bytes = 0;

	for (size_t i = 0; i < scan->items; i++) {
		const struct rest_item *item = &scan->item[i];
		if (!item->claims || item->size > REST_LETTER_MAX)
			continue;
		TRY(buf_add_format(
		    &set, err, "%s%u", set.len > 0 ? "," : "", item->uid));
		bytes += item->size;
		if (++len % COUNT_SET == 0 || bytes >= COUNT_BYTES) {
			TRY(look_at_set(box, &set, count, err));
			bytes = 0;
		}
	}
	return look_at_set(box, &set, count, err);
}

enum rc
rest_count(const struct agent *agent, struct imap_link *link,
    const char *mailbox, struct rest_count *ret, struct err *err)
{
	struct rest_box box = {
	    .agent = agent, .link = link, .mailbox = mailbox};
	struct rest_scan scan REST_SCAN_OWNED = {0};

	TRY(rest_box_select(&box, true, err));
	TRY(rest_box_scan(&box, &scan, err));
	ret->letters = ret->readable = scan.items;
	return look_at_claims(&box, &scan, ret, err);
}

/* --- what it came to -------------------------------------------------------------------------*/

enum rc
rest_last_save(
    const struct state *state, const struct rest_last *last, struct err *err)
{
	const struct rest_report *r = &last->report;
	struct buf text BUF_OWNED = BUF(ITEM_MAX);

	TRY(buf_add_format(&text, err,
	    LAST_WORD " 1 %lld %u %u %zu %zu %zu %zu %zu %zu\n",
	    (long long)last->at, last->failed, (unsigned)last->hindrance,
	    r->done, r->too_large, r->unfit, r->refused, r->unproven,
	    r->foreign));
	return state_save(state, LAST, buf_span(&text), err);
}

enum rc
rest_last_load(
    const struct state *state, struct rest_last *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct rest_report *r = &ret->report;
	size_t *const counts[] = {&r->done, &r->too_large, &r->unfit,
	    &r->refused, &r->unproven, &r->foreign};
	uint64_t number[3 + sizeof(counts) / sizeof(counts[0])];

	enum rc rc = state_load(state, LAST, &text, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	struct span line = buf_span(&text);
	bool good = span_is(rest_word(&line), span_str(LAST_WORD)) &&
		    rest_number(&line, &number[0]) && number[0] == 1;
	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]) && good; i++)
		good = rest_number(&line, &number[i]);
	if (!good || number[2] > REST_ARCHIVES)
		return err_set(err, RC_SYNTAX, "rest-report: damaged");
	ret->at = (int64_t)number[0];
	ret->failed = number[1] != 0;
	ret->hindrance = (enum rest_hindrance)number[2];
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		*counts[i] = (size_t)number[3 + i];
	return RC_OK;
}
